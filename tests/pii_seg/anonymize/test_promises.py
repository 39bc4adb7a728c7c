"""Which threshold and margin promises choose, and which wishes do not fit together."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from pii_seg.anonymize.promises import Choice, Wanted, choose
from pii_seg.errors import CalibrationError, InputError
from pii_seg.evaluation.conformal import make_promise
from pii_seg.evaluation.counting import BINS, THRESHOLDS, threshold_index
from pii_seg.evaluation.person_counts import UNCOVERED, PersonTable
from pii_seg.evaluation.person_promise import PersonPromise, cuts_of
from pii_seg.inference.settings import InferenceSettings

SETTINGS = InferenceSettings(tiles="auto")
IMAGES, OWN = 100, 0.5
PIXELS_TO, PERSONS_TO = 800, 600  # the highest indices at which nothing is missed


def calibration(*, persons: bool = True) -> dict[str, object]:
    """One of 100 images, in which a margin of 8 % covers the only person at the own threshold."""
    losses = np.tile(np.arange(BINS) > PIXELS_TO, (IMAGES, 1)).astype(np.float32)
    pixels = make_promise(
        losses,
        confidence="expectation",
        false_area=np.linspace(1, 0, BINS),
        inference=asdict(SETTINGS),
        data_sha256="",
    )
    if not persons:
        return pixels.plain()
    cuts = cuts_of(OWN, 1.0)
    highest = np.full((IMAGES, len(UNCOVERED)), PERSONS_TO, np.uint16)
    needed = np.full((IMAGES, len(cuts), len(UNCOVERED)), 8, np.uint8)
    needed[:, np.array(cuts) <= PERSONS_TO] = 0
    table = PersonTable(np.ones(IMAGES, np.int64), highest, needed, cuts)
    return pixels.plain() | PersonPromise("expectation", table, asdict(SETTINGS), "").plain()


def chosen(wanted: Wanted, *, persons: bool = True) -> Choice:
    return choose(calibration(persons=persons), wanted, SETTINGS, threshold=OWN, temperature=1.0)


def test_without_a_wish_the_threshold_is_the_own_and_nothing_is_promised() -> None:
    assert chosen(Wanted()) == Choice(OWN, None, None, "the checkpoint")
    assert chosen(Wanted(threshold=0.2)) == Choice(0.2, None, None, "hand")


@pytest.mark.parametrize(
    ("wanted", "index", "said"),
    [
        (Wanted(recall=0.95), PIXELS_TO, ["missed person pixels is at most 5%"]),
        (Wanted(person_recall=0.9), PERSONS_TO, ["uncovered persons is at most 10%", "10% of the"]),
        (Wanted(person_recall=0.9, uncovered=0.3), PERSONS_TO, ["more than 30% of the pixels"]),
        # Both hold at the lower of the two thresholds.
        (Wanted(0.95, 0.9), PERSONS_TO, ["missed person pixels", "uncovered persons"]),
    ],
)
def test_a_promise_chooses_the_threshold(wanted: Wanted, index: int, said: list[str]) -> None:
    choice = chosen(wanted)
    assert THRESHOLDS[index - 1] < choice.threshold < THRESHOLDS[index]
    assert choice.margin is None
    assert choice.promise is not None
    for words in said:
        assert words in choice.promise
    for recall in (wanted.recall, wanted.person_recall):
        assert recall is None or f"recall of {recall:g}" in choice.chosen_by


def test_an_automatic_margin_leaves_the_threshold() -> None:
    own = chosen(Wanted(person_recall=0.9, auto_margin=True))
    assert (own.threshold, own.margin, own.chosen_by) == (OWN, 0.08, "the checkpoint")
    assert own.promise is not None and "with the margin of 8%" in own.promise
    low = float(THRESHOLDS[PERSONS_TO])
    by_hand = chosen(Wanted(person_recall=0.9, threshold=low, auto_margin=True))
    assert (by_hand.threshold, by_hand.margin, by_hand.chosen_by) == (low, 0.08, "hand")
    both = chosen(Wanted(recall=0.95, person_recall=0.9, auto_margin=True))
    assert threshold_index(both.threshold) in (PIXELS_TO - 1, PIXELS_TO)
    assert both.margin == 0.08
    assert both.promise is not None and "missed person pixels" in both.promise


def test_what_the_calibration_lacks_is_named_with_a_remedy() -> None:
    for wanted in (Wanted(person_recall=0.9), Wanted(person_recall=0.9, auto_margin=True)):
        with pytest.raises(CalibrationError, match=r"no persons.*pii_seg\.calibrate"):
            chosen(wanted, persons=False)
        with pytest.raises(CalibrationError, match="calibrated with flip False"):
            other = InferenceSettings(tiles="auto", flip=True)
            choose(calibration(), wanted, other, threshold=OWN, temperature=1.0)
    with pytest.raises(CalibrationError, match=r"99\.9% with at most 10%"):
        chosen(Wanted(person_recall=0.999))


@pytest.mark.parametrize(
    ("wishes", "why"),
    [
        ({"recall": 0.9, "threshold": 0.5}, "exclude each other"),
        ({"person_recall": 0.9, "threshold": 0.5}, "--dilate auto"),
        ({"threshold": 1.0}, "between 0 and 1"),
        ({"threshold": float("nan")}, "between 0 and 1"),
        ({"person_recall": 0.9, "uncovered": 1.0}, "less than 1"),
        ({"person_recall": 0.9, "uncovered": -0.1}, "less than 1"),
        ({"uncovered": 0.1}, "--person-recall; give both"),
        ({"auto_margin": True}, "--person-recall; give both"),
        ({"recall": 0.9, "auto_margin": True}, "--person-recall; give both"),
    ],
)
def test_wishes_that_do_not_fit_are_refused(wishes: dict[str, float], why: str) -> None:
    with pytest.raises(InputError, match=why):
        Wanted(**wishes)
