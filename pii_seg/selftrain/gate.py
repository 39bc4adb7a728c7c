"""Whether a round of self-training is kept.

A student learns what its teacher got wrong, too. With two classes that can run away: a weak teacher leaves persons out,
the student learns that they are background, and after a round or two it finds nobody. Its own loss says that all is
well. So each round is judged by two things that it has not made itself:

- *held-out labelled pairs* (renders if there is nothing else). The student must not be worse than the model that the
  round began with, in IoU or in missed persons. Both saw the same pictures, so their difference is judged picture by
  picture: a paired bootstrap (Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, ch. 16) draws the pictures
  again and again, and tells how often the student would have been worse on such a draw. A fall counts when it is larger
  than a tolerance, or it would not matter, and when nearly every draw shows one, or it may be chance.
- the *share of foreground* on the unlabelled photographs: of their pixels, the part taken for persons. Held-out renders
  can be segmented well by a model that finds nobody in photographs any more; this share then collapses. It may fall
  to a part of the teacher's at most, and not below a part of the prior, the true share in the renders or labels, if the
  teacher was above. (Where it was below, the prior says nothing of these photographs: who photographs animals has few
  persons in them.) Flooding, the opposite, is judged more mildly, by the larger of the two: to find more than the
  teacher is what a student is for.

What this does not see: a student that loses some kind of person whom neither the held-out pairs hold nor the share of
foreground shows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pii_seg.evaluation.metrics import MISSED_BELOW, ImageCount


@dataclass(frozen=True)
class GateSettings:
    """How much worse is too bad."""

    iou_fall: float = 0.03
    """Of the mean IoU of pictures. Another seed alone moves that of a short training by as much."""
    missed_rise: float = 0.03
    """Of the share of missed persons."""
    confidence: float = 0.95
    """Share of the bootstrap's draws that must show a change for the worse."""
    draws: int = 2000
    """Of the bootstrap."""
    collapse: float = 0.5
    """The least share of foreground, as a part of the teacher's."""
    collapse_of_prior: float = 0.25
    """The least share of foreground, as a part of the prior."""
    flood: float = 3.0
    """The largest share of foreground, as a multiple of the teacher's or the prior, whichever is larger."""

    def __post_init__(self) -> None:
        for name in ("iou_fall", "missed_rise"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"gate.{name} is {getattr(self, name)}; it must be within 0..1")
        if not 0.5 <= self.confidence < 1:
            raise ValueError(
                f"gate.confidence is {self.confidence}; it must be within 0.5..1, and not 1"
            )
        if self.draws < 100:
            raise ValueError(f"gate.draws is {self.draws}; it must be at least 100")
        for name in ("collapse", "collapse_of_prior"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"gate.{name} is {getattr(self, name)}; it must be within 0..1, and not 1"
                )
        if not 1 < self.flood < math.inf:
            raise ValueError(f"gate.flood is {self.flood}; it must be above 1")


@dataclass(frozen=True)
class HeldOut:
    """A model on the held-out pairs: arrays (n,), a picture in each place.

    iou: of the persons in the picture; nan where it shows none, which is then no part of the mean. persons: how many
    are told apart in it. missed: how many of them.
    """

    iou: np.ndarray
    persons: np.ndarray
    missed: np.ndarray

    def __post_init__(self) -> None:
        if not self.iou.shape == self.persons.shape == self.missed.shape or self.iou.ndim != 1:
            raise ValueError(
                f"scores of {self.iou.shape}, {self.persons.shape}, {self.missed.shape} pictures"
            )

    @classmethod
    def of(cls, pictures: Iterable[ImageCount]) -> HeldOut:
        """At the threshold that each picture was counted for."""
        iou, persons, missed = [], [], []
        for picture in pictures:
            at = picture.threshold_index
            iou.append(picture.iou() if picture.has_person else math.nan)
            persons.append(len(picture.persons or ()))
            missed.append(
                sum(person.coverage(at) < MISSED_BELOW for person in picture.persons or ())
            )
        return cls(np.array(iou), np.array(persons, np.int64), np.array(missed, np.int64))

    @property
    def mean_iou(self) -> float:
        return float(np.nanmean(self.iou))

    @property
    def missed_share(self) -> float:
        """nan where persons are not told apart."""
        return float(self.missed.sum() / self.persons.sum()) if self.persons.any() else math.nan


@dataclass(frozen=True)
class Foreground:
    """Shares, 0..1, of the unlabelled photographs' pixels that are taken for persons.

    teacher: by the model that labelled them. Over several rounds, give that of the first: many small falls are a
    collapse too. student: by the model in question. prior: of the renders or labels, the share that is person.
    """

    teacher: float
    student: float
    prior: float

    def __post_init__(self) -> None:
        for name in ("teacher", "student", "prior"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(
                    f"the {name}'s share of foreground is {getattr(self, name)}, not within 0..1"
                )


@dataclass(frozen=True)
class Verdict:
    """kept: whether the student takes over. reasons: in words, why not, or what speaks for it.

    numbers: plain, by name; None for what the held-out pairs do not tell. …_worse_draws: share of the draws that are.
    """

    kept: bool
    reasons: tuple[str, ...]
    numbers: dict[str, float | None]


def judge_round(
    teacher: HeldOut,
    student: HeldOut,
    foreground: Foreground,
    rng: np.random.Generator,
    settings: GateSettings | None = None,
) -> Verdict:
    """Whether `student` may take the place of `teacher`; the module says by which rules.

    Raises ValueError when the two were not measured on the same pictures, or none of these shows a person.
    """
    settings = settings or GateSettings()
    refuse_other_pictures(teacher, student)
    # Over the same pictures both means have the same denominator, so that the sums of differences tell all.
    iou_falls = np.nan_to_num(teacher.iou - student.iou)
    worse_iou = share_of_worse_draws(iou_falls, rng, settings.draws)
    worse_missed = share_of_worse_draws(student.missed - teacher.missed, rng, settings.draws)
    iou = f"the mean IoU of held-out pictures went from {teacher.mean_iou:.1%} to {student.mean_iou:.1%}"
    missed = f"the share of held-out persons missed went from {teacher.missed_share:.1%} to {student.missed_share:.1%}"
    share = (
        "the share of the photographs' pixels taken for persons went from "
        f"{foreground.teacher:.2%} to {foreground.student:.2%}"
    )
    against = []
    fall = teacher.mean_iou - student.mean_iou
    if fall > settings.iou_fall and worse_iou >= settings.confidence:
        against.append(f"{iou}, a fall in {worse_iou:.1%} of draws of the pictures")
    rise = (
        student.missed_share - teacher.missed_share
    )  # nan where persons are not told apart: above nothing
    if rise > settings.missed_rise and worse_missed >= settings.confidence:
        against.append(f"{missed}, a rise in {worse_missed:.1%} of draws of the pictures")
    if fault := foreground_fault(foreground, settings):
        against.append(f"{share} ({foreground.prior:.2%} in the labels): {fault}")
    known = [iou, *([missed] if teacher.persons.any() else []), share]
    numbers = {
        "iou_teacher": teacher.mean_iou,
        "iou_student": student.mean_iou,
        "iou_worse_draws": worse_iou,
        "missed_teacher": teacher.missed_share,
        "missed_student": student.missed_share,
        "missed_worse_draws": worse_missed,
        "foreground_teacher": foreground.teacher,
        "foreground_student": foreground.student,
        "foreground_prior": foreground.prior,
    }
    told = {name: None if math.isnan(value) else value for name, value in numbers.items()}
    return Verdict(not against, tuple(against or known), told)


def share_of_worse_draws(change: np.ndarray, rng: np.random.Generator, draws: int) -> float:
    """Of `draws` bootstrap samples of pictures, the share in which their `change` (n,), > 0 for worse, is worse."""
    count = len(change)
    worse = sum(change[rng.integers(count, size=count)].sum() > 0 for _ in range(draws))
    return float(worse / draws)


def foreground_fault(share: Foreground, settings: GateSettings) -> str | None:
    """What is wrong with the student's share of foreground, in words."""
    least = settings.collapse_of_prior * share.prior
    if share.student < settings.collapse * share.teacher or share.student < least <= share.teacher:
        return "it has collapsed"
    if share.student > settings.flood * max(share.teacher, share.prior):
        return "it floods"
    return None


def refuse_other_pictures(teacher: HeldOut, student: HeldOut) -> None:
    """Raises ValueError when scores cannot be compared picture by picture, or there is nothing to compare."""
    if (
        teacher.iou.shape != student.iou.shape
        or (np.isnan(teacher.iou) != np.isnan(student.iou)).any()
        or (teacher.persons != student.persons).any()
    ):
        raise ValueError(
            "teacher and student must be measured on the same held-out pictures, in one order"
        )
    if np.isnan(teacher.iou).all():
        raise ValueError(
            "no held-out picture shows a person; hold out labelled pictures with persons"
        )
