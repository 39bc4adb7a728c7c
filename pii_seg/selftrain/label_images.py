"""Photographs, labelled by a teacher, as a dataset of the contract (docs/dataset.md, source "pseudo").

    DATASET/images/000000.jpg    the photograph, encoded anew
    DATASET/masks/, ignore/      its label
    DATASET/metadata.jsonl       with the persons, and `pseudo`: reliability, confident, known, person, entropy
    DATASET/contact_sheet.png    some of them, the most reliable first

Photographs are copied as pixels and never as files: upright, 8 bits a channel, as JPEG. A file's own bytes would carry
along where and when and with what it was taken, a thumbnail from before it was cropped, and whatever else a format has
room for; and the next stage would have to open formats of all kinds. What quality 95 loses, training's own augmentation
exceeds.
Nothing in the dataset holds a photograph's name, unless that is asked for, and the order of the indices is the caller's
(`ContentHashes.in_order` has one that tells nothing).

A run that was stopped goes on where it was. Memory holds the pictures that are being worked on, and a number of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from blender_addon.dataset import (
    CONTACT_SHEET_NAME,
    DatasetWriter,
    iter_left_out,
    iter_lines,
    write_atomically,
)
from pii_seg.config import plain
from pii_seg.data.image_io import encode_image
from pii_seg.data.sources import IGNORE, PERSON, Sample, open_source, read_image
from pii_seg.errors import DataError
from pii_seg.evaluation.examples import THUMBNAIL, Example
from pii_seg.evaluation.figures import contact_sheet
from pii_seg.inference.parallel import map_in_order
from pii_seg.inference.predict import MASK_COMPRESSION, draw_overlay
from pii_seg.inference.tiling import InferenceSettings, predict_probability, resize
from pii_seg.models.checkpoint import load_checkpoint
from pii_seg.selftrain.pseudo_labels import (
    NUMBERS,
    PseudoLabelSettings,
    label,
    numbers_of,
    reliability,
)

Probability = Callable[[np.ndarray], np.ndarray]
"""From a photograph, uint8 (H, W, 3), to the calibrated probability of "person", float32 (H, W)."""

VIEWS = InferenceSettings(scales=(0.25, 0.5, 1.0), flip=True)
"""How a teacher looks: at three sizes, and mirrored. docs/results/ has what others gave."""

# Why a photograph has no label, in words that name nobody's file.
UNREADABLE, NO_NUMBERS, NO_MEMORY = (
    "cannot be read",
    "no numbers from the teacher",
    "not enough memory",
)

JPEG_QUALITY = 95
LARGEST_JPEG = 65500  # px; the format knows no more
SHEET_EXAMPLES = 24


@dataclass(frozen=True)
class Job:
    """What decides every label.

    photographs, teacher: hashes of the photographs, and of the checkpoints, or whatever names them.
    longest: px; the copy of a larger photograph is made smaller. named: say what each photograph is called.
    """

    photographs: str
    teacher: str
    labels: PseudoLabelSettings = field(default_factory=PseudoLabelSettings)
    views: InferenceSettings = VIEWS
    longest: int = 1280
    named: bool = False

    def __post_init__(self) -> None:
        if not 32 <= self.longest <= LARGEST_JPEG:
            raise ValueError(f"longest is {self.longest}; it must be within 32..{LARGEST_JPEG} px")

    def info(self, count: int) -> dict[str, Any]:
        """The content of dataset.json."""
        return {
            "name": "pseudo-labels",
            "generator": "pii_seg",
            "seed": 0,  # nothing is drawn
            "count": count,
            "recipe": plain(self),
            "licences": {},
        }


@dataclass(frozen=True)
class Labelled:
    """What lies on disk. foreground: share of all pixels that are taken for persons. left_out: reason → photographs.

    reliability: mean over the pictures; None without earlier checkpoints.
    """

    pictures: int
    with_persons: int
    foreground: float
    reliability: float | None
    left_out: Mapping[str, int]


def teacher_of(
    checkpoint: Path, views: InferenceSettings = VIEWS, *, device: str = "cpu"
) -> Probability:
    """What a checkpoint says of a photograph, looked at in `views`. Raises CheckpointError."""
    kept = load_checkpoint(checkpoint)
    segmenter = kept.segmenter(device)
    return lambda image: predict_probability(
        segmenter, image, views, temperature=kept.temperature, device=device
    )


def label_photographs(
    photographs: Sequence[Path],
    output: Path,
    teacher: Probability,
    early: Sequence[Probability],
    job: Job,
    *,
    workers: int = 1,
    on_photograph: Callable[[], None] = lambda: None,
    on_fault: Callable[[Path, str], None] = lambda path, reason: None,
) -> Labelled:
    """Label `photographs`, in this order, into the dataset at `output`; what is there already is kept.

    early: the same teacher at earlier checkpoints, best with the same views; reliability is their agreement with it.
    All are called from `workers` threads. on_fault: is told which photographs are left out, and why, for whoever is
    entitled to know. Raises DatasetError when `output` holds something else, and DataError when a photograph has gone
    since the run began or none can be read.
    """
    writer = DatasetWriter(output, job.info(len(photographs)))
    writer.remove_leftovers(range(len(photographs)))
    missing = [index for index in range(len(photographs)) if index not in writer.done]
    for _ in range(len(photographs) - len(missing)):
        on_photograph()

    def make(index: int) -> tuple[dict[str, Any], dict[str, bytes]]:
        return label_one(photographs[index], index, teacher, early, job)

    for index, made in map_in_order(make, missing, workers=workers):
        if (reason := _reason(made.exception(), photographs[index])) is None:
            writer.add(*made.result())
        else:
            on_fault(photographs[index], reason)
            writer.leave_out(index, reason)
        on_photograph()
    writer.finish()
    labelled = summary_of(output)
    if not labelled.pictures:
        raise DataError(
            f"{output}: none of {len(photographs)} photographs could be labelled ({dict(labelled.left_out)})"
        )
    return labelled


def label_one(
    path: Path, index: int, teacher: Probability, early: Sequence[Probability], job: Job
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """(line, name → content), as DatasetWriter.add takes them. Raises DataError, FloatingPointError, MemoryError."""
    image = read_image(path)
    height, width = fitted(image.shape[0], image.shape[1], job.longest)

    def shown_to(segmenter: Probability) -> np.ndarray:
        # The whole photograph is looked at: what is small in it is smaller in the copy.
        return resize(segmenter(image), height, width)

    probability = shown_to(teacher)
    made = label(probability, job.labels)
    masks = [shown_to(segmenter) >= job.labels.threshold for segmenter in early]
    agreement = reliability(masks, probability >= job.labels.threshold)
    stem = f"{index:06d}"
    names = {
        "file_name": f"images/{stem}.jpg",
        "mask_file_name": f"masks/{stem}.png",
        "ignore_file_name": f"ignore/{stem}.png",
    }
    numbers = {"reliability": agreement, **numbers_of(probability, made, job.labels)}
    line = {
        **names,
        "index": index,
        "width": width,
        "height": height,
        "source": "pseudo",
        "persons": list(made.persons),
        NUMBERS: {
            key: None if value is None else round(value, 6) for key, value in numbers.items()
        },
        **({"photograph": path.name} if job.named else {}),
    }
    files = {
        names["file_name"]: encode_image(
            resize(image, height, width), ".jpg", cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY
        ),
        names["mask_file_name"]: encode_image(made.instances, ".png", *MASK_COMPRESSION),
        names["ignore_file_name"]: encode_image(
            made.ignore.astype(np.uint8) * np.uint8(255), ".png", *MASK_COMPRESSION
        ),
    }
    return line, files


def fitted(height: int, width: int, longest: int) -> tuple[int, int]:
    """(height, width) in px, made smaller in proportion where one exceeds `longest`."""
    factor = min(1.0, longest / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def _reason(error: BaseException | None, path: Path) -> str | None:
    """Why this photograph alone is left out; None where it is not. Raises what is not its fault, and ends the run."""
    if error is None:
        return None
    if isinstance(error, DataError):
        if (
            not path.is_file()
        ):  # a disk that went away would otherwise leave out all that is on it, for good
            raise DataError(f"{path}: is not there any more; bring it back, and run again")
        return UNREADABLE
    if isinstance(error, FloatingPointError):
        return NO_NUMBERS
    if isinstance(error, MemoryError):
        return NO_MEMORY
    raise error


def summary_of(output: Path) -> Labelled:
    """Of the dataset on disk, so that it is the same however often the run was stopped."""
    pictures = with_persons = pixels = rated = 0
    found = agreement = 0.0
    for line in iter_lines(output):
        area = line["width"] * line["height"]
        pictures += 1
        with_persons += bool(line["persons"])
        pixels += area
        found += line[NUMBERS]["person"] * area
        if line[NUMBERS]["reliability"] is not None:
            rated += 1
            agreement += line[NUMBERS]["reliability"]
    return Labelled(
        pictures,
        with_persons,
        found / pixels if pixels else 0.0,
        agreement / rated if rated else None,
        dict(Counter(reason for _, reason in iter_left_out(output))),
    )


def write_contact_sheet(dataset: Path, *, most: int = SHEET_EXAMPLES) -> Path:
    """A first look at pseudo-labels: persons tinted, what is ignored dimmed, the most reliable first. Returns its path.

    Of more than `most` pictures some are shown, evenly from the most reliable to the least. Without reliabilities the
    share of confident pixels ranks them.
    """
    ranked = sorted((-rank_of(line), place) for place, line in enumerate(iter_lines(dataset)))
    count = min(most, len(ranked))
    chosen = [ranked[round(i * (len(ranked) - 1) / max(1, count - 1))] for i in range(count)]
    source = open_source(dataset)
    examples = [example_of(source.load(place), -minus) for minus, place in chosen]
    path = dataset / CONTACT_SHEET_NAME
    write_atomically(path, encode_image(contact_sheet(examples), ".png"))
    return path


def rank_of(line: Mapping[str, Any]) -> float:
    numbers = line[NUMBERS]
    return float(numbers["confident"] if numbers["reliability"] is None else numbers["reliability"])


def example_of(sample: Sample, rank: float) -> Example:
    height, width = sample.target.shape
    factor = THUMBNAIL / max(height, width)
    h, w = max(1, round(height * factor)), max(1, round(width * factor))
    person, ignore = (
        resize((sample.target == value).astype(np.float32), h, w) >= 0.5
        for value in (PERSON, IGNORE)
    )
    shown = draw_overlay(resize(sample.image, h, w), person)
    shown[ignore] //= 3
    return Example(sample.name, f"{rank:.2f}  {(sample.target == PERSON).mean():.0%} person", shown)
