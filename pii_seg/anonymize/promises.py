"""Choose the threshold and the margin that keep the promises which were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pii_seg.errors import InputError
from pii_seg.evaluation.conformal import read_promise
from pii_seg.evaluation.counting import MOST_UNCOVERED
from pii_seg.evaluation.person_promise import read_person_promise
from pii_seg.inference.settings import InferenceSettings

AUTO: Literal["auto"] = "auto"
"""Value of `dilate` that asks for the calibrated margin."""


@dataclass(frozen=True)
class Wanted:
    """The promises to keep, and the threshold if the user gives it.

    Attributes:
        recall: Share of the person pixels to find, on average over images; None: no such promise.
        person_recall: Share of an image's persons to cover, on average over images; None: no such
            promise.
        uncovered: Accepted share of uncovered pixels of a covered person; None: MOST_UNCOVERED.
        threshold: Probability from which on a pixel is person; None: the checkpoint's own, or the
            one that keeps the promises.
        auto_margin: Keep the promise about persons by a margin, not by the threshold.
    """

    recall: float | None = None
    person_recall: float | None = None
    uncovered: float | None = None
    threshold: float | None = None
    auto_margin: bool = False

    def __post_init__(self) -> None:
        """Raise InputError for values that are out of range or exclude each other."""
        if self.recall is not None and self.threshold is not None:
            raise InputError(
                "recall and threshold exclude each other: a recall chooses the threshold; give one"
            )
        by_threshold = self.person_recall is not None and not self.auto_margin
        if by_threshold and self.threshold is not None:
            raise InputError(
                "person recall and threshold exclude each other: a person recall chooses the "
                "threshold, or with --dilate auto the margin; leave one out, or give that"
            )
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise InputError(f"threshold {self.threshold}: must be between 0 and 1")
        if self.uncovered is not None and not 0 <= self.uncovered < 1:
            raise InputError(f"uncovered {self.uncovered}: must be 0 or more, and less than 1")
        if self.person_recall is None and self.auto_margin:
            raise InputError("--dilate auto is the margin that keeps a --person-recall; give both")
        if self.person_recall is None and self.uncovered is not None:
            raise InputError("--uncovered is of the persons of a --person-recall; give both")

    @property
    def needs_checkpoint(self) -> bool:
        """Whether anything is asked for that only a checkpoint can answer."""
        return self != Wanted()


@dataclass(frozen=True)
class Choice:
    """The threshold, and the margin if it was asked for, with what they promise.

    Attributes:
        threshold: Probability from which on a pixel is person.
        margin: As a fraction of a person's size; None unless it was asked for.
        promise: The statements; None if nothing is promised.
        chosen_by: Where the threshold comes from, for the audit.
    """

    threshold: float
    margin: float | None
    promise: str | None
    chosen_by: str


def choose(
    calibration: Mapping[str, Any],
    wanted: Wanted,
    inference: InferenceSettings,
    *,
    threshold: float,
    temperature: float,
) -> Choice:
    """Choose the threshold and the margin.

    Each promise holds by itself: of two at a confidence of 95 %, both hold at one of 90 %.

    Args:
        calibration: That of the checkpoint.
        wanted: What was asked for.
        inference: How images will be presented to the segmenter.
        threshold: The checkpoint's own.
        temperature: Of the logits that were calibrated.

    Raises:
        CalibrationError: The calibration cannot promise this.
    """
    settings = asdict(inference)
    chosen = threshold if wanted.threshold is None else wanted.threshold
    sources, statements = [], []
    if wanted.recall is not None:
        pixels = read_promise(calibration)
        pixels.require_inference(settings)
        chosen = pixels.threshold(wanted.recall, temperature)
        statements.append(pixels.statement(wanted.recall))
        sources.append(f"a promised recall of {wanted.recall:g}")
    margin = None
    if (recall := wanted.person_recall) is not None:
        persons = read_person_promise(calibration)
        persons.require_inference(settings)
        uncovered = MOST_UNCOVERED if wanted.uncovered is None else wanted.uncovered
        if wanted.auto_margin:
            at = {"threshold": chosen, "temperature": temperature}
            margin = persons.margin(recall, uncovered, **at)
        else:
            needed = persons.threshold(recall, uncovered, temperature=temperature)
            chosen = min(chosen, needed) if wanted.recall is not None else needed
            sources.append(f"a promised person recall of {recall:g}")
        statements.append(persons.statement(recall, uncovered, margin))
    own = "the checkpoint" if wanted.threshold is None else "hand"
    return Choice(chosen, margin, " ".join(statements) or None, " and ".join(sources) or own)
