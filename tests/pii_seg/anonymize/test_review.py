"""Which outputs are to be looked at, and in which order."""

from __future__ import annotations

import numpy as np
import pytest

from pii_seg.anonymize.review import Doubts, doubts_after, doubts_before, reasons, risk

NOBODY = np.zeros((10, 10), np.float32)
REDACTED = np.zeros((10, 10), bool)
REDACTED[:5] = True


def record(**doubts: float) -> dict:
    return {"doubts": {"highest": 0.0, "doubtful": 0.0, "left": 0.0, **doubts}, "threshold": 0.5}


def test_a_faint_person_that_was_left_in_is_doubted() -> None:
    probability = NOBODY.copy()
    probability[7, :4] = 0.3
    doubts = doubts_before(probability, REDACTED, 0.5)
    assert doubts.highest == pytest.approx(0.3)
    assert doubts.doubtful == pytest.approx(0.04)


def test_what_was_redacted_is_not_doubted() -> None:
    probability = NOBODY.copy()
    probability[:5] = 1
    assert doubts_before(probability, REDACTED, 0.5) == Doubts()
    assert doubts_after(probability, REDACTED, 0.5) == Doubts()


def test_a_second_look_counts_who_was_left_in() -> None:
    probability = NOBODY.copy()
    probability[8:, :5] = 0.9
    assert doubts_after(probability, REDACTED, 0.5) == Doubts(left=0.1)


def test_the_worst_frame_speaks_for_the_file() -> None:
    assert Doubts(0.1, 0.2, 0.0).worst(Doubts(0.3, 0.1, 0.5)) == Doubts(0.3, 0.2, 0.5)


def test_a_person_found_in_the_output_ranks_before_any_doubt() -> None:
    found, near, far = record(left=0.01), record(highest=0.49, doubtful=0.2), record(highest=0.1)
    assert risk(found) > risk(near) > risk(far) > risk(record()) == 0


def test_reasons_are_given_in_words_and_only_where_there_are_any() -> None:
    assert reasons(record()) == []
    assert "second look" in reasons(record(left=0.01))[0]
    assert "up to 0.40, the threshold is 0.50" in reasons(record(highest=0.4, doubtful=0.01))[0]


def test_without_a_segmenter_there_are_no_doubts_but_notes_are_shown() -> None:
    masked = {"doubts": None, "threshold": None, "notes": ["own mask only"]}
    assert risk(masked) == 0
    assert reasons(masked) == ["own mask only"]
