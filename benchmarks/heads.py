"""Measure which heads the anonymiser covers, with and without completing heads.

    python benchmarks/heads.py --checkpoint RUN/best.ckpt --data FOLDER...

A folder has images/ and may have heads/ (not 0 on the head of an image, named like the images), or
masks/ and parts/ as renders have them.
Of each folder, threshold and margin a row says, without -> with:

- heads covered to 90 %, and the mean share of a head that is covered, where heads are known;
- the share of the images that is redacted;
- heads that were completed, of images, and images that are listed for review because of them.

The row "lower threshold" is the threshold, without completing, that redacts as much as completing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from blender_addon.dataset import HEAD_PART
from pii_seg.anonymize.detection import Area, Detection
from pii_seg.anonymize.models import load_detector
from pii_seg.evaluation.counting import HEAD_COVERED_FROM
from pii_seg.inference.settings import InferenceSettings

LEAST_HEAD = 30
"""Area in px from which on a head counts."""


class Row:
    """Figures of one set of detections."""

    def __init__(self, found: Sequence[Detection], heads: Sequence[list[np.ndarray]]) -> None:
        self.area = float(np.mean([each.mask.mean() for each in found]))
        shares = [
            float((each.mask & head).sum() / head.sum())
            for each, some in zip(found, heads, strict=True)
            for head in some
        ]
        self.recall = float(np.mean(shares)) if shares else None
        self.covered = float(np.mean(np.array(shares) >= HEAD_COVERED_FROM)) if shares else None
        self.completed = sum(len(each.heads) for each in found)
        self.listed = sum(each.heads_to_check > 0 for each in found)

    def cells(self) -> list[str]:
        known = [self.covered, self.recall]
        return ["-" if value is None else f"{value:.1%}" for value in known] + [f"{self.area:.2%}"]


def images_of(folder: Path) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """Yield uint8 (H, W, 3) and bool (H, W) of each head that is known and shown."""
    for path in sorted((folder / "images").iterdir()):
        marked, parts = (folder / name / f"{path.stem}.png" for name in ("heads", "parts"))
        heads = []
        if marked.exists():
            heads = [read(marked) > 0]
        elif parts.exists():
            is_head, persons = read(parts) == HEAD_PART, read(folder / "masks" / parts.name)
            heads = [is_head & (persons == number) for number in np.unique(persons[is_head])]
        elif marked.parent.is_dir() or parts.parent.is_dir():
            continue
        image = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
        yield image, [head for head in heads if head.sum() >= LEAST_HEAD]


def read(path: Path) -> np.ndarray:
    """Return the numbers of an image, (H, W)."""
    return np.asarray(Image.open(path))


def blank(probability: np.ndarray) -> np.ndarray:
    """Return an image of the size of a probability; no detector but the segmenter searches."""
    return np.zeros((*probability.shape, 3), np.uint8)


def measure(
    probabilities: Sequence[np.ndarray],
    heads: Sequence[list[np.ndarray]],
    threshold: float,
    area: Area,
) -> Row:
    """Redact at a threshold, and count."""
    found = [
        area.detection(blank(each), each.astype(np.float32), threshold, None)
        for each in probabilities
    ]
    return Row(found, heads)


def lower_threshold(
    probabilities: Sequence[np.ndarray],
    heads: Sequence[list[np.ndarray]],
    threshold: float,
    margin: float,
    wanted: float,
) -> Row:
    """Return the figures of the highest threshold below that redacts `wanted` of the images."""
    low, high = 0.0, threshold
    row = None
    while high - low > threshold / 2000:
        middle = (low + high) / 2
        row = measure(probabilities, heads, middle, Area(margin, completes_heads=False))
        low, high = (middle, high) if row.area >= wanted else (low, middle)
    assert row is not None
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--thresholds", type=float, nargs="+", default=[0.5, 0.8, 0.9])
    parser.add_argument("--margins", type=float, nargs="+", default=[0.0, 0.05])
    arguments = parser.parse_args()
    detector = load_detector(arguments.checkpoint, InferenceSettings(tiles="auto"))
    print(f"{arguments.checkpoint.name}: threshold {detector.threshold:g}")
    header = ["data", "threshold", "margin", "", "covered", "recall", "redacted"]
    print("| " + " | ".join([*header, "completed", "listed"]) + " |")
    print("|---" * 9 + "|")
    for folder in arguments.data:
        pairs = list(images_of(folder))
        heads = [head for _, head in pairs]
        searched = [detector.probability(image).astype(np.float16) for image, _ in pairs]
        del pairs
        for threshold in arguments.thresholds:
            for margin in arguments.margins:
                rows = [
                    measure(searched, heads, threshold, Area(margin, completes_heads=completes))
                    for completes in (False, True)
                ]
                label = [folder.name, f"{threshold:g}", f"{margin:g}"]
                names = ["without", "with"]
                if rows[0].recall is not None:
                    given = (searched, heads, threshold, margin, rows[1].area)
                    rows.append(lower_threshold(*given))
                    names.append("lower threshold")
                for name, row in zip(names, rows, strict=True):
                    more = [str(row.completed), f"{row.listed}/{len(heads)}"]
                    print("| " + " | ".join([*label, name, *row.cells(), *more]) + " |", flush=True)


if __name__ == "__main__":
    main()
