"""Persons cut out of pairs and pasted onto other pictures (Cut, Paste and Learn, Dwibedi et al., ICCV 2017; DACS).

Onto a photograph without persons the rest of the target is 0; onto an unlabelled one it is ignore; onto a
pseudo-labelled one it stays as it was labelled, which is DACS (Tranheden et al., WACV 2021). The picture below decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pii_seg.config import AugmentationConfig
from pii_seg.data.augmentation import log_uniform
from pii_seg.data.sources import PERSON, Sample, Source
from pii_seg.errors import DataError

LEAST_AREA = 300  # px of a person worth cutting out
LEAST_VISIBILITY = 0.8  # a person half behind a sofa, without the sofa, is no sight
MOST_ENLARGED = 2.0
TRIES = 6  # pictures looked at for one person


@dataclass(frozen=True)
class CutOut:
    """One person with a margin: image (h, w, 3) uint8, mask (h, w) uint8 0/255, and whether the frame cuts it below."""

    image: np.ndarray
    mask: np.ndarray
    cut_below: bool


class PersonBank:
    """Persons for pasting, from sources whose masks tell persons apart. Opens a picture when it needs one."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = [source for source in sources if len(source)]
        self._ends = np.cumsum([len(source) for source in self._sources])
        if not self._sources:
            raise DataError("no source to cut persons out of")

    def draw(self, rng: np.random.Generator) -> CutOut | None:
        """A person, every picture as likely; None when several pictures in a row had nobody fit for it."""
        for _ in range(TRIES):
            number = int(rng.integers(self._ends[-1]))
            which = int(np.searchsorted(self._ends, number, side="right"))
            source = self._sources[which]
            try:
                sample = source.load(number - int(self._ends[which]) + len(source))
            except DataError:
                continue  # a check names it; here another one does as well
            if (found := cut_out(sample, rng)) is not None:
                return found
        return None

    def paste(
        self,
        image: np.ndarray,
        target: np.ndarray,
        how: AugmentationConfig,
        rng: np.random.Generator,
    ) -> None:
        """Paste one or several persons onto `image` (H, W, 3) and `target` (H, W), in place.

        All stand on one ground, seen by a level camera: whoever is as tall as the camera stands has the head on the
        horizon, so feet are at horizon + height × (camera's height ÷ person's), and the nearer cover the farther.
        """
        height = target.shape[0]
        horizon = rng.uniform(0.25, 0.6) * height
        camera = rng.uniform(0.75, 1.25)  # its height ÷ that of a person
        count = int(rng.integers(how.paste_count[0], how.paste_count[1] + 1))
        tall = sorted(log_uniform(rng, how.paste_height) * height for _ in range(count))
        for own, wished in zip(rng.spawn(count), tall, strict=True):
            person = self.draw(own)
            if person is not None:
                ground = horizon + wished * camera * own.uniform(0.92, 1.08)
                _paste_one(image, target, person, wished, ground, how, own)


def cut_out(sample: Sample, rng: np.random.Generator) -> CutOut | None:
    """One person of `sample` that is neither small, nor hidden, nor cut at the sides or above, if there is one."""
    instances = sample.instances
    if instances is None or not instances.any():
        return None
    height, width = instances.shape
    areas = np.bincount(instances.ravel())
    ids = [
        int(number)
        for number in np.flatnonzero(areas >= LEAST_AREA)
        if number and sample.visibility.get(int(number), 1.0) >= LEAST_VISIBILITY
    ]
    for number in rng.permutation(np.array(ids, np.int64)):
        mask = (instances == number).astype(np.uint8) * 255
        x, y, w, h = cv2.boundingRect(mask)
        if x > 0 and y > 0 and x + w < width:
            where = np.s_[max(0, y - 2) : y + h + 2, max(0, x - 2) : x + w + 2]
            return CutOut(sample.image[where], mask[where], cut_below=y + h >= height)
    return None


def _paste_one(
    image: np.ndarray,
    target: np.ndarray,
    person: CutOut,
    wished: float,
    ground: float,
    how: AugmentationConfig,
    rng: np.random.Generator,
) -> None:
    """Paste `person`, `wished` px tall, feet at row `ground`, somewhere across; in place."""
    height, width = target.shape
    factor = min(wished / person.mask.shape[0], MOST_ENLARGED)
    flipped, across, match = rng.random() < 0.5, rng.random(), rng.uniform(0, how.paste_match)
    shadowed, darkness = rng.random() < how.paste_shadow, rng.uniform(0.25, 0.7)
    colour, mask = person.image, person.mask
    if flipped:
        colour, mask = cv2.flip(colour, 1), cv2.flip(mask, 1)
    w, h = max(2, round(mask.shape[1] * factor)), max(2, round(mask.shape[0] * factor))
    how_to = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    colour = cv2.resize(colour, (w, h), interpolation=how_to)
    alpha = soften(cv2.resize(mask, (w, h), interpolation=min(how_to, cv2.INTER_AREA)))
    top = round(ground) - h
    if person.cut_below:  # where the frame cut it, the frame must cut it again
        top = max(top, height - h + round(2 * factor))
    left = round(across * (width + 0.5 * w) - 0.75 * w)  # up to three quarters outside
    y0, y1, x0, x1 = max(0, top), min(height, top + h), max(0, left), min(width, left + w)
    if y1 - y0 < 2 or x1 - x0 < 2:
        return
    if shadowed and not person.cut_below:
        _cast_shadow(image, (left + w / 2, ground), w, darkness)
    below = image[y0:y1, x0:x1].astype(np.float32)
    part = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    alpha, above = alpha[part], colour[part].astype(np.float32)
    inside = alpha > 0.5
    if not inside.any():
        return
    above *= _gain(above[inside], below, match)
    blend = alpha[..., None]
    image[y0:y1, x0:x1] = (below + (above - below) * blend).clip(0, 255).astype(np.uint8)
    target[y0:y1, x0:x1][inside] = PERSON


def soften(mask: np.ndarray) -> np.ndarray:
    """Mask (H, W) 0..255 → alpha (H, W) 0..1 with an edge of about a pixel, a third of a pixel further in.

    The outermost pixels of a person are mixed with what stood behind it there, and would show as a rim.
    """
    smooth = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), 0.7)
    return (1.6 * smooth - 0.6).clip(0, 1)


def _gain(person: np.ndarray, around: np.ndarray, share: float) -> np.ndarray:
    """Gain of each channel that takes the person's mean `share` of the way to the surroundings'; within 0.4 and 2.5."""
    wished = (around.mean((0, 1)) + 20) / (person.mean(0) + 20)
    return (wished**share).clip(0.4, 2.5).astype(np.float32)


def _cast_shadow(image: np.ndarray, foot: tuple[float, float], width: int, darkness: float) -> None:
    """Darken a soft ellipse about the feet at `foot` (x, y); in place."""
    rows, columns = image.shape[:2]
    half_width, half_height = max(2.0, 0.5 * width), max(1.0, 0.12 * width)
    y0, y1 = (int(min(max(foot[1] + side * 2 * half_height, 0), rows)) for side in (-1, 1))
    x0, x1 = (int(min(max(foot[0] + side * 2 * half_width, 0), columns)) for side in (-1, 1))
    if y1 <= y0 or x1 <= x0:
        return
    y, x = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    distance = ((x - foot[0]) / half_width) ** 2 + ((y - foot[1]) / half_height) ** 2
    shade = 1 - (1 - darkness) * np.exp(-distance)
    image[y0:y1, x0:x1] = (image[y0:y1, x0:x1] * shade[..., None]).astype(np.uint8)
