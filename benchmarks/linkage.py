"""How often can somebody who holds another picture of the same moment tell who was redacted?

    python benchmarks/linkage.py --data RENDERS [--persons 300]

Each person is published redacted; the attacker has all of them in another rendition of the scene (other exposure, white
balance, noise and JPEG quality, half a pixel aside) and asks of each published one which of theirs it is. They compare
what stands within the person (the largest square that fits, so that the outline plays no part) with their own picture
as it is, and with their own picture redacted in the same way, by its structure and by its colour. Reported is the best
of these: the share of persons whose true counterpart comes first, and what chance would give.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from pii_seg.anonymize.redaction import Look, redact
from pii_seg.data.sources import open_sources

SIDE = 24  # px, of what is compared
SMALLEST = 24  # px, of the square within a person
STYLES = {
    "nothing": None,
    "blur, σ 1/16 of the person": ("blur", Look(sigma=1 / 16)),
    "blur, σ 1/8 (default)": ("blur", Look()),
    "blur, σ 1/4": ("blur", Look(sigma=1 / 4)),
    "mosaic, 16 cells": ("mosaic", Look(cell=1 / 16)),
    "mosaic, 8 cells (default)": ("mosaic", Look()),
    "mosaic, 4 cells": ("mosaic", Look(cell=1 / 4)),
    "mosaic, 1 cell": ("mosaic", Look(cell=2.0)),
    "inpaint": ("inpaint", Look()),
    "solid": ("solid", Look()),
}


def persons(data: Path) -> Iterator[tuple[np.ndarray, np.ndarray, tuple[slice, slice]]]:
    """(picture, mask bool (H, W), the largest square within it) of each person that is large enough."""
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


def other_rendition(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same moment by another camera: uint8 (H, W, 3)."""
    gain = rng.uniform(0.75, 1.2) * rng.uniform(0.93, 1.07, 3)
    seen = cv2.warpAffine(
        picture,
        np.array([[1, 0, 0.5], [0, 1, 0.5]]),
        picture.shape[1::-1],
        borderMode=cv2.BORDER_REFLECT,
    )
    seen = 255 * (seen / 255) ** rng.uniform(0.85, 1.15) * gain + rng.normal(0, 4, picture.shape)
    encoded = cv2.imencode(
        ".jpg", np.clip(seen, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 70]
    )[1]
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR)


def seen_in(picture: np.ndarray, square: tuple[slice, slice]) -> np.ndarray:
    """What is compared: (SIDE² · 3,), without mean and scale; zeros where nothing varies."""
    small = cv2.resize(picture[square], (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(
        np.float64
    )
    vector = (small - small.mean(axis=(0, 1))).ravel()
    # One colour tells nothing by its variation, but the colour itself may: it is compared where there is nothing else.
    length = np.linalg.norm(vector)
    return vector / length if length > 1e-6 else np.zeros_like(vector)


def colour_in(picture: np.ndarray, square: tuple[slice, slice]) -> np.ndarray:
    return picture[square].reshape(-1, 3).mean(axis=0)


def linked(published: list[np.ndarray], held: list[np.ndarray], rng: np.random.Generator) -> float:
    """The share whose counterpart is nearest; ties are drawn by lot."""
    distance = np.linalg.norm(np.array(published)[:, None] - np.array(held)[None], axis=2)
    distance += rng.uniform(0, 1e-9, distance.shape)
    return float((distance.argmin(axis=1) == np.arange(len(published))).mean())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--persons", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    found = list(islice(persons(arguments.data), arguments.persons))
    others = [other_rendition(picture, rng) for picture, _, _ in found]
    print(f"{len(found)} persons; chance {1 / len(found):.1%}\n")
    print("| style | top-1 |\n|---|---|")
    for name, style in STYLES.items():

        def shown(
            picture: np.ndarray, mask: np.ndarray, style: tuple[str, Look] | None = style
        ) -> np.ndarray:
            return (
                picture
                if style is None
                else redact(picture, mask, style[0], look=style[1], rng=rng)[0]
            )

        published = [(shown(picture, mask), square) for picture, mask, square in found]
        same_way = [
            (shown(other, mask), square)
            for other, (_, mask, square) in zip(others, found, strict=True)
        ]
        as_it_is = [(other, square) for other, (_, _, square) in zip(others, found, strict=True)]
        attacks = [
            linked([see(*p) for p in published], [see(*h) for h in held], rng)
            for held in (as_it_is, same_way)
            for see in (seen_in, colour_in)
        ]
        print(f"| {name} | {max(attacks):.1%} |", flush=True)


if __name__ == "__main__":
    main()
