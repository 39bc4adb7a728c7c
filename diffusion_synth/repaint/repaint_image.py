"""One picture, its persons repainted: cut out, painted, pasted back, judged.

Every person is painted into a crop of the picture as it was, so persons do not depend on one another, and those of
several variants are painted together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from diffusion_synth.prompts.grammar import Prompt
from diffusion_synth.repaint.crops import (
    Crop,
    CropSettings,
    bounding_box,
    cut,
    is_too_large,
    is_too_small,
    paste_back,
)
from diffusion_synth.repaint.dataset_reader import Picture, Scene
from diffusion_synth.repaint.filtering import (
    ACCEPTED,
    ClassLoss,
    FilterSettings,
    Segment,
    judge,
    outline_band,
    overlap,
)

TOO_SMALL, TOO_LARGE, HIDDEN = "too small", "too large", "hidden"


@dataclass(frozen=True)
class Order:
    """A crop to paint: what is to be there, and the number that all of its noise follows from.

    scene: of the picture it was cut from (`reading.Picture.scene`).
    """

    crop: Crop
    prompt: Prompt
    seed: int
    scene: Scene | None = None


Painter = Callable[[Sequence[Order]], list[np.ndarray]]
"""Crops of one size, painted: uint8 (h, w, 3) each."""


class SizedPainter(Protocol):
    """A painter that knows the size of crops, px on their longer side, at which it paints best."""

    @property
    def size(self) -> int: ...

    def __call__(self, orders: Sequence[Order]) -> list[np.ndarray]: ...


@dataclass(frozen=True)
class Painted:
    """A person after repainting.

    iou: with the segmenter's second look; None without one. iou_before: with its look at the picture as it was, where
    that counts.
    """

    person: int
    prompt: Prompt
    seed: int
    reason: str
    iou: float | None = None
    iou_before: float | None = None


@dataclass(frozen=True)
class Repainted:
    """image: uint8 (H, W, 3), with the accepted persons; painted: the same with all of them; ignore: bool (H, W).

    persons: one each that was to be repainted, in order.
    """

    image: np.ndarray
    painted: np.ndarray
    ignore: np.ndarray
    persons: tuple[Painted, ...]

    @property
    def accepted(self) -> int:
        return sum(person.reason == ACCEPTED for person in self.persons)

    @property
    def reason(self) -> str:
        """Why none was accepted: what befell the first; 'no persons' when there were none."""
        return self.persons[0].reason if self.persons else "no persons"


@dataclass(frozen=True)
class Repainter:
    """segment: looks again; None leaves everything in. usual: its losses on pictures with true masks, or None."""

    painter: Painter
    crops: CropSettings
    filter: FilterSettings
    segment: Segment | None = None
    usual: ClassLoss | None = None
    batch_size: int = 4

    def repaint(
        self,
        picture: Picture,
        prompts: Callable[[int, int], Prompt],
        seeds: Callable[[int, int], int],
        variants: Sequence[int],
    ) -> list[Repainted]:
        """The picture once for each of `variants`; prompts and seeds: of (person's id, variant)."""
        masks = {int(person["id"]): picture.mask == person["id"] for person in picture.persons}
        left_out = {
            person: reason for person, mask in masks.items() if (reason := self._unfit(mask))
        }
        crops = {
            person: cut(picture.image, mask, self.crops)
            for person, mask in masks.items()
            if person not in left_out
        }
        orders = {
            (person, variant): Order(
                crop, prompts(person, variant), seeds(person, variant), picture.scene
            )
            for variant in variants
            for person, crop in crops.items()
        }
        before = self._before(picture, masks, crops)
        paintings = dict(zip(orders, self._paint(list(orders.values())), strict=True))
        results = []
        for variant in variants:
            image = picture.image
            for person, crop in crops.items():
                image = paste_back(image, masks[person], crop, paintings[person, variant])
            results.append(
                self._judged(picture, image, masks, left_out, crops, before, orders, variant)
            )
        return results

    def _unfit(self, mask: np.ndarray) -> str | None:
        if not mask.any():
            return HIDDEN
        box = bounding_box(mask)
        if is_too_small(box, self.crops):
            return TOO_SMALL
        return TOO_LARGE if is_too_large(box, self.crops) else None

    def _before(
        self, picture: Picture, masks: dict[int, np.ndarray], crops: dict[int, Crop]
    ) -> dict[int, float]:
        """IoU of every person to be repainted in the picture as it is; of nobody where it does not count."""
        if self.segment is None or self.filter.iou_relative is None or not crops:
            return {}
        probability = self.segment(picture.image)
        return {
            person: overlap(
                probability,
                masks[person],
                self.filter.threshold,
                counting(picture, masks[person], crop),
            )
            for person, crop in crops.items()
        }

    def _paint(self, orders: Sequence[Order]) -> list[np.ndarray]:
        """In batches of crops of one size, back in the order given."""
        sizes = [order.crop.mask.shape for order in orders]
        by_size = sorted(range(len(orders)), key=lambda place: (sizes[place], place))
        painted: dict[int, np.ndarray] = {}
        first = 0
        while first < len(by_size):
            batch = [
                place
                for place in by_size[first : first + self.batch_size]
                if sizes[place] == sizes[by_size[first]]
            ]
            painted |= zip(batch, self.painter([orders[place] for place in batch]), strict=True)
            first += len(batch)
        return [painted[place] for place in range(len(orders))]

    def _judged(
        self,
        picture: Picture,
        image: np.ndarray,
        masks: dict[int, np.ndarray],
        left_out: dict[int, str],
        crops: dict[int, Crop],
        before: dict[int, float],
        orders: dict[tuple[int, int], Order],
        variant: int,
    ) -> Repainted:
        probability = None if self.segment is None else self.segment(image)
        ignore = np.zeros(picture.mask.shape, bool)
        result = image
        persons = []
        for person, mask in masks.items():
            if person in left_out:
                persons.append(Painted(person, Prompt("", ""), 0, left_out[person]))
                continue
            order = orders[person, variant]
            if probability is None:
                ignore |= outline_band(mask, self.filter.band)
                persons.append(Painted(person, order.prompt, order.seed, ACCEPTED))
                continue
            where = counting(picture, mask, crops[person])
            found_before = before.get(person)
            verdict = judge(
                probability, mask, self.filter, where=where, usual=self.usual, before=found_before
            )
            if verdict.accepted:
                ignore |= verdict.ignore & where
            else:
                result = np.where(mask[..., None], picture.image, result)
            persons.append(
                Painted(person, order.prompt, order.seed, verdict.reason, verdict.iou, found_before)
            )
        return Repainted(result, image, ignore, tuple(persons))


def counting(picture: Picture, mask: np.ndarray, crop: Crop) -> np.ndarray:
    """The pixels that say something of one person's painting, bool (H, W): of their crop, those of nobody else."""
    where = np.zeros_like(mask)
    where[crop.box.slices] = True
    return where & (mask | (picture.mask == 0))
