"""COCO JSON: "instances" files with polygons or run lengths. Format: cocodataset.org/#format-data.

A person is the category called "person". Crowds (iscrowd = 1) are ignore, and so are boxes without
an
outline: a person is there, but its pixels are unknown. Images without annotations show no person,
as COCO annotates everyone.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from pycocotools import mask as run_length

from pii_seg.data.image_io import MAX_PIXELS, read_image
from pii_seg.data.sources.base import Listed
from pii_seg.data.sources.dataset_contract import leaves_folder
from pii_seg.data.sources.sample import IGNORE, PERSON, Fault, Sample
from pii_seg.errors import DataError

CATEGORY = "person"


@dataclass(frozen=True, slots=True)
class Outline:
    """One annotation of a person; `segmentation` is as in the file, or None for a mere box."""

    segmentation: Any
    box: tuple[float, float, float, float] | None  # x, y, width, height in px
    crowd: bool


@dataclass(frozen=True, slots=True)
class CocoImage:
    path: Path
    name: str
    width: int
    height: int
    persons: tuple[Outline, ...]


class CocoSource(Listed[CocoImage]):
    def read(self, item: CocoImage) -> Sample:
        image = read_image(item.path)
        height, width = image.shape[:2]
        if (height, width) != (item.height, item.width):
            raise DataError(
                f"{item.path}: is {width}×{height}, {self.root} says {item.width}×{item.height}"
            )
        instances = np.zeros((height, width), np.uint16)
        ignored = np.zeros((height, width), bool)
        number = 0
        for outline in item.persons:
            try:
                found = rasterise(outline, height, width)
            except (ValueError, TypeError, OverflowError, KeyError) as error:
                raise DataError(
                    f"{item.path}: an outline in {self.root} is damaged ({error})"
                ) from None
            if outline.crowd or outline.segmentation is None:
                ignored |= found
            else:
                number += 1
                instances[found] = number
        target = (instances > 0).astype(np.uint8) * PERSON
        target[ignored & (instances == 0)] = IGNORE
        return Sample(item.name, image, target, instances)

    def fault_path(self, item: CocoImage) -> Path:
        return item.path


def rasterise(outline: Outline, height: int, width: int) -> np.ndarray:
    """Rasterise one outline into bool (H, W).

    Everything is checked first, because the C code of pycocotools trusts its input.

    Raises:
        ValueError, TypeError, OverflowError, KeyError: The outline is damaged.
    """
    segmentation = outline.segmentation
    if segmentation is None:
        filled = np.zeros((height, width), bool)
        if outline.box is not None:
            x, y, w, h = outline.box
            left, top = max(0, math.floor(x)), max(0, math.floor(y))
            filled[top : max(0, math.ceil(y + h)), left : max(0, math.ceil(x + w))] = True
        return filled
    if isinstance(segmentation, list):
        polygons = [_polygon(polygon, height, width) for polygon in segmentation]
        if not polygons:
            return np.zeros((height, width), bool)
        encoded = run_length.merge(run_length.frPyObjects(polygons, height, width))
        return run_length.decode(encoded).astype(bool)
    if not isinstance(segmentation, dict):
        raise ValueError(f"is {type(segmentation).__name__}, neither polygons nor run lengths")
    if list(segmentation["size"]) != [height, width]:
        raise ValueError(f"has size {segmentation['size']}, the image {[height, width]}")
    counts = segmentation["counts"]
    runs = decode_counts(counts) if isinstance(counts, str) else counts
    if not all(isinstance(run, int) and 0 <= run <= height * width for run in runs):
        raise ValueError("has a run that is no whole number of pixels")
    if sum(runs) != height * width:
        raise ValueError(f"its runs add up to {sum(runs)} pixels, not {height * width}")
    values = np.arange(len(runs)) % 2 == 1  # runs of 0 and 1 in turn, 0 first, down the columns
    return np.repeat(values, runs).reshape(width, height).T


def decode_counts(text: str) -> list[int]:
    """Decode COCO's compressed run lengths (pycocotools: maskApi.c, rleFrString).

    Each is a signed number in groups of 5 bits, low group first, in characters from "0" on; bit 6
    is set if more follow. From the fourth on, it is the difference to the run two before.
    pycocotools decodes them too, but its C code trusts its input.
    """
    runs: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"its run lengths hold the character {character!r}")
        value |= (bits & 31) << shift
        shift += 5
        if shift > 60:
            raise ValueError("has a run length without end")
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("its run lengths are cut short")
    return runs


def open_coco(path: Path, *, strict: bool) -> CocoSource:
    """Open a COCO instances file.

    Raises:
        DataError: The file is damaged, has no category "person", or none of its images is found.
    """
    try:
        content = json.loads(path.read_bytes())
        images, annotations = content["images"], content.get("annotations", [])
        categories = {c["id"]: str(c["name"]) for c in content["categories"]}
        by_image = _persons_by_image(annotations, categories, path)
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: cannot be read as COCO ({error})") from None
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"{path}: is not a COCO instances file ({type(error).__name__}: {error})"
        ) from None
    if not isinstance(images, list) or not images:
        raise DataError(f"{path}: lists no images")
    folders = _folders(path)
    items: list[CocoImage] = []
    faults: list[Fault] = []
    for number, record in enumerate(images):
        try:
            items.append(_parse_image(record, by_image, folders))
        except DataError as error:
            faults.append(Fault(path, f"images[{number}]: {error}"))
    title = path.stem if path.stem not in ("coco", "annotations") else path.resolve().parent.name
    return CocoSource(path, title, items, faults, strict=strict)


def _persons_by_image(
    annotations: Any, categories: dict[Any, str], path: Path
) -> dict[Any, list[Outline]]:
    person_ids = {number for number, name in categories.items() if name.lower() == CATEGORY}
    if not person_ids:
        raise DataError(
            f"{path}: has no category {CATEGORY!r}; it has {sorted(categories.values())[:10]}"
        )
    found: dict[Any, list[Outline]] = defaultdict(list)
    for annotation in annotations:
        if annotation["category_id"] in person_ids:
            box = annotation.get("bbox")
            found[annotation["image_id"]].append(
                Outline(
                    annotation.get("segmentation") or None,
                    None if box is None else _box(box),
                    bool(annotation.get("iscrowd", 0)),
                )
            )
    return found


def _box(box: Any) -> tuple[float, float, float, float]:
    x, y, width, height = (float(value) for value in box)
    if not all(map(math.isfinite, (x, y, width, height))):
        raise ValueError("a box that is not finite")
    return x, y, width, height


def _polygon(polygon: Any, height: int, width: int) -> list[float]:
    """Check a polygon [x, y, …] and clip it to a wide margin around the image."""
    if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
        raise ValueError("a polygon needs at least three pairs of numbers")
    points = np.asarray(polygon, np.float64)
    if points.ndim != 1 or not np.isfinite(points).all():
        raise ValueError("a polygon's points are not finite numbers")
    points[0::2] = points[0::2].clip(-width, 2 * width)
    points[1::2] = points[1::2].clip(-height, 2 * height)
    return points.tolist()


def _parse_image(record: Any, by_image: dict[Any, list[Outline]], folders: list[Path]) -> CocoImage:
    if (
        not isinstance(record, dict)
        or not isinstance(record.get("file_name"), str)
        or "id" not in record
    ):
        raise DataError("has no file_name or no id")
    name = record["file_name"].replace("\\", "/")
    if leaves_folder(name):
        raise DataError(f"file_name {name!r} leads out of its folder")
    width, height = record.get("width"), record.get("height")
    if not (
        isinstance(width, int) and isinstance(height, int) and 0 < width * height <= MAX_PIXELS
    ):
        raise DataError(f"{name} has no sensible width and height")
    path = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if path is None:
        raise DataError(f"{name} is in none of {', '.join(map(str, folders))}")
    short = PurePosixPath(name).with_suffix("")
    if short.parts[:1] == ("images",):
        short = short.relative_to("images")
    return CocoImage(path, str(short), width, height, tuple(by_image.get(record["id"], ())))


def _folders(path: Path) -> list[Path]:
    """List the folders that may hold the images: beside the file, images/, or train2017/."""
    part = path.stem.removeprefix("instances_").removeprefix("person_keypoints_")
    folders = [
        base / sub
        for base in (path.parent, path.parent.parent)
        for sub in ("", "images", part, f"images/{part}")
    ]
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]
