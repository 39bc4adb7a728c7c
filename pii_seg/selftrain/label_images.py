"""Labels photos with a teacher's predictions, as a dataset of the contract (docs/dataset.md).

    DATASET/images/000000.jpg    the photo, encoded again
    DATASET/masks/, ignore/      its label
    DATASET/metadata.jsonl       its persons, and under `pseudo` the keys reliability, confident,
                                 known, person and entropy
    DATASET/contact_sheet.png    some of them, most reliable first

Photos are copied as pixels and never as files: upright, 8 bits per channel, as JPEG. The bytes of a
file would also copy the time, place and camera, a thumbnail from before it was cropped, and
whatever else its format can hold; and the next stage would have to read every format. The loss of
JPEG quality 95 is smaller than that of training's own augmentation.

The dataset contains no file names of photos unless asked for, and the caller decides the order
(that of `ContentHashes.in_order` reveals nothing).

A stopped run resumes. Memory holds only the images in work, and one number for each photo.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
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
from pii_seg.config import to_plain_data
from pii_seg.data.image_io import encode_image, resize_array
from pii_seg.data.reliability import PSEUDO_KEY
from pii_seg.data.sources import IGNORE, PERSON, Sample, open_source, read_image
from pii_seg.errors import ConfigError, DataError
from pii_seg.evaluation.examples import THUMBNAIL, Example
from pii_seg.evaluation.figures import contact_sheet
from pii_seg.inference.backends.torch_backend import eager_segmenter
from pii_seg.inference.parallel import map_in_order
from pii_seg.inference.predict import MASK_COMPRESSION, draw_overlay
from pii_seg.inference.settings import InferenceSettings
from pii_seg.inference.tiling import predict_probability
from pii_seg.models.checkpoint import load_checkpoint
from pii_seg.selftrain.pseudo_labels import (
    LARGEST_JPEG,
    PseudoLabelSettings,
    label,
    numbers_of,
    reliability,
)

Probability = Callable[[np.ndarray], np.ndarray]
"""Maps an image, uint8 (H, W, 3), to the calibrated probability of "person", float32 (H, W)."""

VIEWS = InferenceSettings(scales=(0.25, 0.5, 1.0), flip=True)
"""A teacher's default: three scales, each mirrored too (docs/results/pseudo_labels.md)."""

# Reasons why a photo has no label. They contain no file name.
UNREADABLE, NO_NUMBERS, NO_MEMORY = (
    "cannot be read",
    "no numbers from the teacher",
    "not enough memory",
)

JPEG_QUALITY = 95
SHEET_EXAMPLES = 24


@dataclass(frozen=True)
class LabelJob:
    """Everything that decides the labels. dataset.json contains it: only the same job resumes.

    Attributes:
        photographs: Hash of the photos, or another identity.
        teacher: Hash of the teacher's checkpoints, or another identity.
        labels: Rules that turn probabilities into labels.
        views: Scales and merging of the teacher's predictions.
        longest: Longest side of a copy, in px; larger photos are made smaller.
        named: Whether the index contains the photos' file names.
    """

    photographs: str
    teacher: str
    labels: PseudoLabelSettings = field(default_factory=PseudoLabelSettings)
    views: InferenceSettings = VIEWS
    longest: int = 1280
    named: bool = False

    def __post_init__(self) -> None:
        if not 32 <= self.longest <= LARGEST_JPEG:
            raise ConfigError(
                f"loop.longest is {self.longest}; it must be within 32..{LARGEST_JPEG} px"
            )

    def info(self, count: int) -> dict[str, Any]:
        """The content of dataset.json."""
        return {
            "name": "pseudo-labels",
            "generator": "pii_seg",
            "seed": 0,  # nothing is random
            "count": count,
            "recipe": to_plain_data(self),
            "licences": {},
        }


@dataclass(frozen=True)
class LabelResult:
    """Summary of the dataset on disk.

    Attributes:
        images: Number of labelled photos.
        with_persons: Number of those that show a person.
        foreground: Share of all pixels that are labelled person, 0..1.
        reliability: Mean reliability of the images; None without earlier checkpoints.
        left_out: Number of photos without a label, by reason.
    """

    images: int
    with_persons: int
    foreground: float
    reliability: float | None
    left_out: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        data = asdict(self)
        return {"pictures": data.pop("images"), **data}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LabelResult:
        rest = {key: value for key, value in data.items() if key != "pictures"}
        return cls(images=data["pictures"], **rest)


def load_teacher(
    checkpoint: Path, views: InferenceSettings = VIEWS, *, device: str = "cpu"
) -> Probability:
    """Load a checkpoint as a function from an image to probabilities, predicted in `views`.

    Raises:
        CheckpointError: The file is no checkpoint.
    """
    teacher = load_checkpoint(checkpoint)
    segmenter = eager_segmenter(teacher, device)
    return lambda image: predict_probability(
        segmenter, image, views, temperature=teacher.temperature
    )


def label_photos(
    photos: Sequence[Path],
    output: Path,
    teacher: Probability,
    early: Sequence[Probability],
    job: LabelJob,
    *,
    workers: int = 1,
    on_photo: Callable[[], None] = lambda: None,
    on_fault: Callable[[Path, str], None] = lambda path, reason: None,
) -> LabelResult:
    """Label photos into a dataset, or resume a begun one.

    Args:
        photos: Files, in the order of the dataset.
        output: Folder of the dataset.
        teacher: Predicts the probability of "person"; called from `workers` threads.
        early: The same teacher at earlier checkpoints, preferably with the same views. The
            reliability of an image is their agreement with it.
        job: Everything that decides the labels.
        workers: Number of threads.
        on_photo: Called when a photo is done, or was already.
        on_fault: Receives the path of each photo without a label, and the reason.

    Returns:
        A summary of the dataset.

    Raises:
        DatasetError: `output` contains something else.
        DataError: A photo has been removed since the run began, or none can be labelled.
    """
    writer = DatasetWriter(output, job.info(len(photos)))
    writer.remove_leftovers(range(len(photos)))
    missing = [index for index in range(len(photos)) if index not in writer.done]
    for _ in range(len(photos) - len(missing)):
        on_photo()

    def make(index: int) -> tuple[dict[str, Any], dict[str, bytes]]:
        return label_one(photos[index], index, teacher, early, job)

    for index, made in map_in_order(make, missing, workers=workers):
        if (reason := reason_to_leave_out(made.exception(), photos[index])) is None:
            writer.add(*made.result())
        else:
            on_fault(photos[index], reason)
            writer.leave_out(index, reason)
        on_photo()
    writer.finish()
    result = summarise(output)
    if not result.images:
        raise DataError(
            f"{output}: none of {len(photos)} photos could be labelled ({dict(result.left_out)})"
        )
    return result


def label_one(
    path: Path, index: int, teacher: Probability, early: Sequence[Probability], job: LabelJob
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Label one photo.

    Returns:
        The line of the index, and the content of each file by name, as `DatasetWriter.add` expects.

    Raises:
        DataError: The photo cannot be read.
        FloatingPointError: The teacher's probabilities are not finite.
        MemoryError: The photo is too large.
    """
    image = read_image(path)
    height, width = fitted(image.shape[0], image.shape[1], job.longest)

    def predicted(segmenter: Probability) -> np.ndarray:
        # From the full photo, where small persons are larger than in the copy.
        return resize_array(segmenter(image), height, width)

    probability = predicted(teacher)
    made = label(probability, job.labels)
    masks = [predicted(segmenter) >= job.labels.threshold for segmenter in early]
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
        PSEUDO_KEY: {
            key: None if value is None else round(value, 6) for key, value in numbers.items()
        },
        **({"photograph": path.name} if job.named else {}),
    }
    files = {
        names["file_name"]: encode_image(
            resize_array(image, height, width), ".jpg", cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY
        ),
        names["mask_file_name"]: encode_image(made.instances, ".png", *MASK_COMPRESSION),
        names["ignore_file_name"]: encode_image(
            made.ignore.astype(np.uint8) * np.uint8(255), ".png", *MASK_COMPRESSION
        ),
    }
    return line, files


def fitted(height: int, width: int, longest: int) -> tuple[int, int]:
    """Scale (height, width) down, in px, so that neither exceeds `longest`."""
    factor = min(1.0, longest / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def reason_to_leave_out(error: BaseException | None, path: Path) -> str | None:
    """Reason why this photo has no label, or None if it has. Raises errors of the run."""
    if error is None:
        return None
    if isinstance(error, DataError):
        # A disk that was unplugged would otherwise leave out all its photos for good.
        if not path.is_file():
            raise DataError(f"{path}: the photo was removed; restore it, and run again")
        return UNREADABLE
    if isinstance(error, FloatingPointError):
        return NO_NUMBERS
    if isinstance(error, MemoryError):
        return NO_MEMORY
    raise error


def summarise(output: Path) -> LabelResult:
    """Summarise the dataset on disk; the result is the same however often it was resumed."""
    images = with_persons = pixels = rated = 0
    found = agreement = 0.0
    for line in iter_lines(output):
        area = line["width"] * line["height"]
        images += 1
        with_persons += bool(line["persons"])
        pixels += area
        found += line[PSEUDO_KEY]["person"] * area
        if line[PSEUDO_KEY]["reliability"] is not None:
            rated += 1
            agreement += line[PSEUDO_KEY]["reliability"]
    return LabelResult(
        images,
        with_persons,
        found / pixels if pixels else 0.0,
        agreement / rated if rated else None,
        dict(Counter(reason for _, reason in iter_left_out(output))),
    )


def write_contact_sheet(dataset: Path, *, most: int = SHEET_EXAMPLES) -> Path:
    """Write an overview of pseudo-labels: persons tinted, ignored pixels dimmed.

    Args:
        dataset: Folder of the pseudo-labels.
        most: Number of images. They are spread evenly from the most reliable to the least; without
            reliabilities the share of confident pixels ranks them.

    Returns:
        The path of the image.
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
    """Reliability of an image; without one, its share of confident pixels."""
    numbers = line[PSEUDO_KEY]
    return float(numbers["confident"] if numbers["reliability"] is None else numbers["reliability"])


def example_of(sample: Sample, rank: float) -> Example:
    """Draw one labelled image, small, with its rank."""
    height, width = sample.target.shape
    factor = THUMBNAIL / max(height, width)
    h, w = max(1, round(height * factor)), max(1, round(width * factor))
    person, ignore = (
        resize_array((sample.target == value).astype(np.float32), h, w) >= 0.5
        for value in (PERSON, IGNORE)
    )
    shown = draw_overlay(resize_array(sample.image, h, w), person)
    shown[ignore] //= 3
    return Example(sample.name, f"{rank:.2f}  {(sample.target == PERSON).mean():.0%} person", shown)
