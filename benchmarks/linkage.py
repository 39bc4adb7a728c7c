"""Measure how often an attacker with a second photo of the same moment re-identifies a person.

    python benchmarks/linkage.py --data RENDERS [--persons 300]

Each person is published redacted. The attacker has all persons in another rendition of the scene
(other exposure, white balance, noise and JPEG quality, half a pixel aside) and chooses, for each
published person, the most similar of them. The largest square inside the person is compared, so
that the outline plays no part: with the attacker's image as it is, and redacted in the same way, by
structure and by colour. The table shows the best of these four attacks: the fraction of persons
whose true counterpart comes first.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from pii_seg.anonymize.redaction import STYLES, StyleOptions, redact
from pii_seg.data.sources import open_sources

SIDE = 24  # px, of the square after resizing
SMALLEST = 24  # px, of the square within a person
VARIANTS = {
    "blur": {
        "σ 1/16 of the person": StyleOptions(sigma=1 / 16),
        "σ 1/8 (default)": StyleOptions(),
        "σ 1/4": StyleOptions(sigma=1 / 4),
    },
    "mosaic": {
        "16 cells": StyleOptions(cell=1 / 16),
        "8 cells (default)": StyleOptions(),
        "4 cells": StyleOptions(cell=1 / 4),
        "1 cell": StyleOptions(cell=2.0),
    },
}
"""Style -> name of a strength -> options; other styles are measured once, with the defaults."""


def rows() -> Iterator[tuple[str, tuple[str, StyleOptions] | None]]:
    """Yield (name in the table, style and options) for each row; None redacts nothing."""
    yield "nothing", None
    for style in reversed(STYLES):
        if STYLES[style].needs_painter:
            continue
        for name, options in VARIANTS.get(style, {"": StyleOptions()}).items():
            yield f"{style}, {name}" if name else style, (style, options)


Person = tuple[np.ndarray, np.ndarray, tuple[slice, slice]]


def persons(data: Path) -> Iterator[Person]:
    """Yield (image, mask bool (H, W), largest square inside it) of each large enough person."""
    for source in open_sources(data, strict=False):
        for number in range(len(source)):
            sample = source.load(number)
            for label in np.unique(sample.instances)[1:] if sample.instances is not None else []:
                mask = sample.instances == label
                distance = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_C, 3)[
                    1:-1, 1:-1
                ]
                y, x = np.unravel_index(distance.argmax(), distance.shape)
                half = int(distance[y, x]) - 1
                if 2 * half + 1 >= SMALLEST:
                    yield (
                        sample.image,
                        mask,
                        (slice(y - half, y + half + 1), slice(x - half, x + half + 1)),
                    )


def other_rendition(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Simulate a photo of the same moment by another camera, uint8 (H, W, 3)."""
    gain = rng.uniform(0.75, 1.2) * rng.uniform(0.93, 1.07, 3)
    seen = cv2.warpAffine(
        image,
        np.array([[1, 0, 0.5], [0, 1, 0.5]]),
        image.shape[1::-1],
        borderMode=cv2.BORDER_REFLECT,
    )
    seen = 255 * (seen / 255) ** rng.uniform(0.85, 1.15) * gain + rng.normal(0, 4, image.shape)
    encoded = cv2.imencode(
        ".jpg", np.clip(seen, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 70]
    )[1]
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR)


def seen_in(image: np.ndarray, square: tuple[slice, slice]) -> np.ndarray:
    """Describe the structure in the square: (SIDE² · 3,), normalised; zeros for a single colour."""
    small = cv2.resize(image[square], (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
    vector = (small - small.mean(axis=(0, 1))).ravel()
    length = np.linalg.norm(vector)
    return vector / length if length > 1e-6 else np.zeros_like(vector)


def colour_in(image: np.ndarray, square: tuple[slice, slice]) -> np.ndarray:
    """Return the mean colour in the square, (3,)."""
    return image[square].reshape(-1, 3).mean(axis=0)


def linked(published: list[np.ndarray], held: list[np.ndarray], rng: np.random.Generator) -> float:
    """Return the fraction whose counterpart is nearest; ties are broken at random."""
    distance = np.linalg.norm(np.array(published)[:, None] - np.array(held)[None], axis=2)
    distance += rng.uniform(0, 1e-9, distance.shape)
    return float((distance.argmin(axis=1) == np.arange(len(published))).mean())


def measure(
    style: tuple[str, StyleOptions] | None,
    found: Sequence[Person],
    others: Sequence[np.ndarray],
    rng: np.random.Generator,
) -> float:
    """Return the success of the best attack on a style; None: nothing is redacted."""

    def redacted(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        if style is None:
            return image
        return redact(image, mask, style[0], options=style[1], rng=rng)[0]

    published = [(redacted(image, mask), square) for image, mask, square in found]
    same_way = [
        (redacted(other, mask), square)
        for other, (_, mask, square) in zip(others, found, strict=True)
    ]
    as_it_is = [(other, square) for other, (_, _, square) in zip(others, found, strict=True)]
    return max(
        linked([see(*p) for p in published], [see(*h) for h in held], rng)
        for held in (as_it_is, same_way)
        for see in (seen_in, colour_in)
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="Take the persons of this dataset."
    )
    parser.add_argument(
        "--persons", type=int, default=300, help="Number of persons (default: 300)."
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="Seed of the random numbers (default: 0)."
    )
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    found = list(islice(persons(arguments.data), arguments.persons))
    others = [other_rendition(image, rng) for image, _, _ in found]
    print(f"{len(found)} persons; chance {1 / len(found):.1%}\n")
    print("| style | top-1 |\n|---|---|")
    for name, style in rows():
        print(f"| {name} | {measure(style, found, others, rng):.1%} |", flush=True)


if __name__ == "__main__":
    main()
