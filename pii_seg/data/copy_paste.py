"""People cut out of pairs and pasted onto other images (Dwibedi et al., ICCV 2017).

Things that are no people, distractors (Tremblay et al., CVPR Workshops 2018), are cut out and
pasted alike, or whatever is pasted would be a person.

The image below determines the rest of the target: on a photo without people it is background, on an
unlabelled one ignore, on a pseudo-labelled one the pseudo-label (DACS, Tranheden et al., WACV
2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pii_seg.augmentation_config import AugmentationConfig
from pii_seg.data.random_streams import log_uniform
from pii_seg.data.sources import BACKGROUND, HEAD, PERSON, Sample, Source
from pii_seg.errors import DataError

LEAST_AREA = 300  # px of a person that is cut out
LEAST_VISIBILITY = 0.8  # a person half behind a sofa looks wrong without the sofa
MOST_ENLARGED = 2.0
TRIES = 6  # images that are opened to find one person


@dataclass(frozen=True)
class CutOut:
    """One person or thing with a margin.

    Attributes:
        image: uint8 (h, w, 3).
        mask: uint8 (h, w), 0 or 255.
        cut_below: Whether the frame of its image cuts it at the lower edge.
        head: uint8 (h, w), 255 on the head; None where the training does not weigh heads.
    """

    image: np.ndarray
    mask: np.ndarray
    cut_below: bool
    head: np.ndarray | None = None


class CutOutBank:
    """Pieces to paste, which masks with instances mark; images are opened on demand."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = [source for source in sources if len(source)]
        self._ends = np.cumsum([len(source) for source in self._sources])
        if not self._sources:
            raise DataError("no source with images to cut anything out of")

    def draw(self, rng: np.random.Generator) -> CutOut | None:
        """Draw a piece, each image equally likely; None if none of several images has one."""
        for _ in range(TRIES):
            number = int(rng.integers(self._ends[-1]))
            which = int(np.searchsorted(self._ends, number, side="right"))
            source = self._sources[which]
            try:
                sample = source.load(number - int(self._ends[which]) + len(source))
            except DataError:
                continue  # a check reports it; here another image does as well
            if (found := cut_out(sample, rng)) is not None:
                return found
        return None


Drawn = tuple[CutOutBank, np.random.Generator]
"""A bank of pieces, and the random stream to draw from it."""


def paste_among(
    image: np.ndarray,
    target: np.ndarray,
    how: AugmentationConfig,
    *,
    persons: Drawn | None = None,
    distractors: Drawn | None = None,
) -> None:
    """Paste people, distractors, both or neither, in place.

    All stand on one ground, seen by a level camera. The head of a person as tall as the camera is
    at the horizon, so feet are at horizon + height × (height of the camera ÷ that of the person).
    Nearer people cover farther ones, and each distractor lies between two of them at random.

    Args:
        image: uint8 (H, W, 3).
        target: uint8 (H, W); pasted people become person, and what distractors cover background.
        how: Number, height and look of what is pasted.
        persons, distractors: What is pasted.
    """
    height = target.shape[0]
    queue: list[tuple[float, float, Drawn, int]] = []  # place, height in px, which, label
    for drawn, counts, heights, label in (
        (persons, how.paste_count, how.paste_height, PERSON),
        (distractors, how.distractor_count, how.distractor_height, BACKGROUND),
    ):
        if drawn is None:
            continue
        bank, rng = drawn
        if not queue:  # the ground is that of the first
            horizon = rng.uniform(0.25, 0.6) * height
            camera = rng.uniform(0.75, 1.25)  # height of the camera ÷ that of a person
        count = int(rng.integers(counts[0], counts[1] + 1))
        tall = sorted(log_uniform(rng, heights) * height for _ in range(count))
        for number, (own, wished) in enumerate(zip(rng.spawn(count), tall, strict=True)):
            place = (number + 0.5) / count if label == PERSON else float(own.random())
            queue.append((place, wished, (bank, own), label))
    for _, wished, (bank, own), label in sorted(queue, key=lambda entry: entry[0]):
        piece = bank.draw(own)
        if piece is not None:
            ground = horizon + wished * camera * own.uniform(0.92, 1.08)
            _paste_one(image, target, piece, wished, ground, how, own, label)


def cut_out(sample: Sample, rng: np.random.Generator) -> CutOut | None:
    """Cut out a piece that is not small, hidden, or cut at the sides or above, if any."""
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
            head = mask[where] * (sample.target[where] == HEAD)
            return CutOut(
                sample.image[where],
                mask[where],
                cut_below=y + h >= height,
                head=head if head.any() else None,
            )
    return None


def _paste_one(
    image: np.ndarray,
    target: np.ndarray,
    person: CutOut,
    wished: float,
    ground: float,
    how: AugmentationConfig,
    rng: np.random.Generator,
    label: int,
) -> None:
    """Paste `person`, `wished` px tall, feet at row `ground`, at a random column, in place."""
    height, width = target.shape
    factor = min(wished / person.mask.shape[0], MOST_ENLARGED)
    flipped, across, match = rng.random() < 0.5, rng.random(), rng.uniform(0, how.paste_match)
    shadowed, darkness = rng.random() < how.paste_shadow, rng.uniform(0.25, 0.7)
    colour, mask, head = person.image, person.mask, person.head
    if flipped:
        colour, mask = cv2.flip(colour, 1), cv2.flip(mask, 1)
        head = None if head is None else cv2.flip(head, 1)
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
    target[y0:y1, x0:x1][inside] = label
    if head is not None and label == PERSON:
        on_head = cv2.resize(head, (w, h), interpolation=cv2.INTER_NEAREST)[part] > 0
        target[y0:y1, x0:x1][inside & on_head] = HEAD


def soften(mask: np.ndarray) -> np.ndarray:
    """Turn a mask (H, W) 0..255 into alpha (H, W) 0..1, its edge soft and slightly further in.

    The outermost pixels of a person are mixed with its old background, and would show as a rim.
    """
    smooth = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), 0.7)
    return (1.6 * smooth - 0.6).clip(0, 1)


def _gain(person: np.ndarray, around: np.ndarray, share: float) -> np.ndarray:
    """Return the gain per channel, 0.4..2.5, that moves the person's mean towards the image's."""
    wished = (around.mean((0, 1)) + 20) / (person.mean(0) + 20)
    return (wished**share).clip(0.4, 2.5).astype(np.float32)


def _cast_shadow(image: np.ndarray, foot: tuple[float, float], width: int, darkness: float) -> None:
    """Darken a soft ellipse around the feet at `foot` (x, y), in place."""
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
