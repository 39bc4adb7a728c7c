"""The gate: decides whether a student replaces its teacher.

A student also learns its teacher's errors, and with two classes that can run away: a weak teacher
misses people, the student is trained to see them as background, and after a round or two it finds
no person, while its own loss looks fine. So each round is judged by two measurements that it has
not influenced itself:

- *Held-out labelled pairs* (renders if there are no others). The student must not be worse than the
  round's teacher in IoU or in missed persons. Both are measured on the same images, so their
  difference is judged image by image with a paired bootstrap (Efron & Tibshirani, "An Introduction
  to the Bootstrap", 1993, ch. 16): the images are resampled many times, and the share of resamples
  in which the student is worse is counted. A fall counts when it exceeds a tolerance (smaller ones
  do not matter) and when nearly every resample shows it (others may be chance).
- The *share of foreground*: the fraction of the pixels of the unlabelled photos that is predicted
  as person. A model that no longer finds persons in photos may still segment held-out renders well,
  but this share collapses. It may fall to a fraction of the teacher's, and not below a fraction of
  the prior (the true share in the renders or labels) if the teacher was above that. Where the
  teacher was below, the prior is no measure for these photos: photos of animals show few people.
  Flooding, the opposite, is judged more mildly, against the larger of the two, because finding more
  people than the teacher is the purpose of a student.

The gate cannot detect a student that loses a kind of person which the held-out pairs do not contain
and which is too rare to change the share of foreground.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pii_seg.errors import ConfigError
from pii_seg.evaluation.counting import MISSED_BELOW, ImageCount
from pii_seg.number_checks import check_numbers


@dataclass(frozen=True)
class GateSettings:
    """Limits of the gate that accepts or rejects a student."""

    iou_fall: float = 0.03
    """Largest fall of the mean IoU on held-out images that is accepted; a larger value is more
    tolerant. Two trainings with different seeds differ by as much when they are short."""
    missed_rise: float = 0.03
    """Largest rise of the share of missed persons that is accepted; a larger value is more
    tolerant."""
    confidence: float = 0.95
    """Share of bootstrap resamples that must show a fall or rise before it counts; a larger value
    is more tolerant."""
    draws: int = 2000
    """Number of bootstrap resamples; a larger value is slower and more exact."""
    collapse: float = 0.5
    """Reject a student whose share of foreground is below this multiple of the first teacher's; a
    larger value is stricter."""
    collapse_of_prior: float = 0.25
    """Reject a student whose share of foreground is below this multiple of the labels', if the
    teacher's is above it; a larger value is stricter."""
    flood: float = 3.0
    """Reject a student whose share of foreground is above this multiple of the teacher's or the
    labels', whichever is larger; a larger value is more tolerant."""

    def __post_init__(self) -> None:
        check_numbers(self, "gate", {"draws": (100, 1_000_000)})
        for name in ("iou_fall", "missed_rise"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"gate.{name} is {getattr(self, name)}; it must be within 0..1")
        if not 0.5 <= self.confidence < 1:
            raise ConfigError(
                f"gate.confidence is {self.confidence}; it must be at least 0.5 and below 1"
            )
        for name in ("collapse", "collapse_of_prior"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(
                    f"gate.{name} is {getattr(self, name)}; it must be at least 0 and below 1"
                )
        if not 1 < self.flood < math.inf:
            raise ConfigError(f"gate.flood is {self.flood}; it must be above 1")


@dataclass(frozen=True)
class HeldOut:
    """Scores of a model on n held-out images, as arrays of shape (n,).

    Attributes:
        iou: IoU of "person" in each image; nan in images without persons, which the mean leaves
            out.
        persons: Number of labelled instances in each image; 0 where the labels do not separate
            them.
        missed: Number of these that are missed.
    """

    iou: np.ndarray
    persons: np.ndarray
    missed: np.ndarray

    def __post_init__(self) -> None:
        if not self.iou.shape == self.persons.shape == self.missed.shape or self.iou.ndim != 1:
            raise ValueError(
                "expected three arrays of the same shape (n,), got "
                f"{self.iou.shape}, {self.persons.shape}, {self.missed.shape}"
            )

    @classmethod
    def of(cls, counts: Iterable[ImageCount]) -> HeldOut:
        """Collect the scores of images, each at the threshold that it was counted for."""
        iou, persons, missed = [], [], []
        for count in counts:
            at = count.threshold_index
            iou.append(count.iou() if count.has_person else math.nan)
            persons.append(len(count.persons or ()))
            missed.append(sum(person.coverage(at) < MISSED_BELOW for person in count.persons or ()))
        return cls(np.array(iou), np.array(persons, np.int64), np.array(missed, np.int64))

    @property
    def mean_iou(self) -> float:
        return float(np.nanmean(self.iou))

    @property
    def missed_share(self) -> float:
        """Missed persons per person, 0..1; nan where the labels do not separate persons."""
        return float(self.missed.sum() / self.persons.sum()) if self.persons.any() else math.nan


@dataclass(frozen=True)
class Foreground:
    """Shares of foreground: fractions of pixels, 0..1, that are person.

    Attributes:
        teacher: Share that the teacher predicts in the unlabelled photos. Over several rounds, use
            the first teacher: many small falls are a collapse too.
        student: Share that the student predicts in the same photos.
        prior: True share in the renders or labels.
    """

    teacher: float
    student: float
    prior: float

    def __post_init__(self) -> None:
        for name in ("teacher", "student", "prior"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(
                    f"the {name}'s share of foreground is {getattr(self, name)}; "
                    "it must be within 0..1"
                )


@dataclass(frozen=True)
class Verdict:
    """Decision of the gate about one student.

    Attributes:
        accepted: Whether the student may replace the teacher.
        reasons: Sentences that say why not, or what was measured when it is accepted.
        numbers: Measurements by name; None where the held-out pairs do not contain them.
            `…_worse_draws` is the share of bootstrap resamples in which the student is worse.
    """

    accepted: bool
    reasons: tuple[str, ...]
    numbers: dict[str, float | None]

    def sentence(self) -> str:
        return f"{'accepted' if self.accepted else 'rejected'}: {'; '.join(self.reasons)}"

    def to_json(self) -> dict[str, Any]:
        return {"kept": self.accepted, "reasons": list(self.reasons), "numbers": self.numbers}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Verdict:
        return cls(data["kept"], tuple(data["reasons"]), data["numbers"])


def judge_round(
    teacher: HeldOut,
    student: HeldOut,
    foreground: Foreground,
    rng: np.random.Generator,
    settings: GateSettings | None = None,
) -> Verdict:
    """Decide whether `student` may replace `teacher`, by the rules in the module's docstring.

    Args:
        teacher: Scores of the round's teacher on the held-out images.
        student: Scores of the student on the same images, in the same order.
        foreground: Shares of foreground on the unlabelled photos.
        rng: Source of the bootstrap's random numbers.
        settings: Limits; the defaults if None.

    Returns:
        The verdict, with its reasons.

    Raises:
        ValueError: The two were not measured on the same images, or none of these shows a person.
    """
    settings = settings or GateSettings()
    refuse_different_images(teacher, student)
    # Both means are over the same images, so the sign of the summed differences decides.
    iou_falls = np.nan_to_num(teacher.iou - student.iou)
    worse_iou = share_of_worse_draws(iou_falls, rng, settings.draws)
    worse_missed = share_of_worse_draws(student.missed - teacher.missed, rng, settings.draws)
    iou = (
        f"mean IoU on held-out images changed from {teacher.mean_iou:.1%} to {student.mean_iou:.1%}"
    )
    missed = (
        "share of missed persons in held-out images changed from "
        f"{teacher.missed_share:.1%} to {student.missed_share:.1%}"
    )
    share = (
        "share of foreground in the photos changed from "
        f"{foreground.teacher:.2%} to {foreground.student:.2%}"
    )
    against = []
    fall = teacher.mean_iou - student.mean_iou
    if fall > settings.iou_fall and worse_iou >= settings.confidence:
        against.append(f"{iou} (worse in {worse_iou:.1%} of bootstrap resamples)")
    # nan where the labels do not separate persons; no comparison with nan is true.
    rise = student.missed_share - teacher.missed_share
    if rise > settings.missed_rise and worse_missed >= settings.confidence:
        against.append(f"{missed} (worse in {worse_missed:.1%} of bootstrap resamples)")
    if fault := foreground_fault(foreground, settings):
        against.append(f"{share} ({foreground.prior:.2%} in the labels): {fault}")
    known = [iou, *([missed] if teacher.persons.any() else []), share]
    numbers = measurements(teacher, student, foreground)
    numbers |= {"iou_worse_draws": worse_iou, "missed_worse_draws": worse_missed}
    return Verdict(not against, tuple(against or known), numbers)


def measurements(
    teacher: HeldOut, student: HeldOut, foreground: Foreground
) -> dict[str, float | None]:
    """Scores and shares of both models by name; None where the labels do not separate persons."""
    numbers = {
        "iou_teacher": teacher.mean_iou,
        "iou_student": student.mean_iou,
        "missed_teacher": teacher.missed_share,
        "missed_student": student.missed_share,
        "foreground_teacher": foreground.teacher,
        "foreground_student": foreground.student,
        "foreground_prior": foreground.prior,
    }
    return {name: None if math.isnan(value) else value for name, value in numbers.items()}


def share_of_worse_draws(change: np.ndarray, rng: np.random.Generator, draws: int) -> float:
    """Bootstrap: the share of resamples of the images whose sum of `change` is above 0.

    Args:
        change: Array (n,), a value per image; above 0 where the student is worse.
        rng: Source of random numbers.
        draws: Number of resamples.
    """
    count = len(change)
    worse = sum(change[rng.integers(count, size=count)].sum() > 0 for _ in range(draws))
    return float(worse / draws)


def foreground_fault(share: Foreground, settings: GateSettings) -> str | None:
    """Describe the fault of the student's share of foreground. Returns None when there is none."""
    least = settings.collapse_of_prior * share.prior
    if share.student < settings.collapse * share.teacher or share.student < least <= share.teacher:
        return "collapsed, too few pixels are found"
    if share.student > settings.flood * max(share.teacher, share.prior):
        return "flooded, too many pixels are found"
    return None


def refuse_different_images(teacher: HeldOut, student: HeldOut) -> None:
    """Raise ValueError when the scores are not of the same images, or no image shows a person."""
    if (
        teacher.iou.shape != student.iou.shape
        or (np.isnan(teacher.iou) != np.isnan(student.iou)).any()
        or (teacher.persons != student.persons).any()
    ):
        raise ValueError(
            "teacher and student must be measured on the same held-out images, in the same order"
        )
    if np.isnan(teacher.iou).all():
        raise ValueError("no held-out image shows a person; hold out labelled images with persons")
