"""Which outputs a person should check, and in which order."""

from __future__ import annotations

import numpy as np
import pytest

from pii_seg.anonymize.review import (
    ReviewSignals,
    away_from,
    first_pass_signals,
    reasons,
    risk,
    second_pass_signals,
)

NO_PERSON = np.zeros((10, 10), np.float32)
REDACTED = np.zeros((10, 10), bool)
REDACTED[:5] = True
AWAY = away_from(REDACTED)


def record(**doubts: float) -> dict:
    return {"doubts": {"highest": 0.0, "doubtful": 0.0, "left": 0.0, **doubts}, "threshold": 0.5}


def test_a_person_below_the_threshold_is_doubtful() -> None:
    probability = NO_PERSON.copy()
    probability[7, :4] = 0.3
    signals = first_pass_signals(probability, AWAY, 0.5)
    assert signals.highest == pytest.approx(0.3)
    assert signals.doubtful == pytest.approx(0.04)


def test_redacted_pixels_do_not_count() -> None:
    probability = NO_PERSON.copy()
    probability[:5] = 1
    assert first_pass_signals(probability, AWAY, 0.5) == ReviewSignals()
    assert second_pass_signals(probability, AWAY, 0.5) == ReviewSignals()


def test_the_second_pass_measures_persons_in_the_output() -> None:
    probability = NO_PERSON.copy()
    probability[8:, :5] = 0.9
    assert second_pass_signals(probability, AWAY, 0.5) == ReviewSignals(left=0.1)


def test_the_worst_frame_counts_for_the_file() -> None:
    assert ReviewSignals(0.1, 0.2, 0.0).worst(ReviewSignals(0.3, 0.1, 0.5)) == ReviewSignals(
        0.3, 0.2, 0.5
    )


def test_a_person_found_in_the_output_ranks_first() -> None:
    found, near, far = record(left=0.01), record(highest=0.49, doubtful=0.2), record(highest=0.1)
    assert risk(found) > risk(near) > risk(far) > risk(record()) == 0


def test_reasons_are_sentences() -> None:
    assert reasons(record()) == []
    assert "second pass" in reasons(record(left=0.01))[0]
    assert "up to 0.40; the threshold is 0.50" in reasons(record(highest=0.4, doubtful=0.01))[0]


def test_without_a_detector_only_notes_are_reasons() -> None:
    masked = {"doubts": None, "threshold": None, "notes": ["user mask only"]}
    assert risk(masked) == 0
    assert reasons(masked) == ["user mask only"]
