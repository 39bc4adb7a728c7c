"""Reader of datasets of the contract (docs/dataset.md): images, masks, and their lines."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from blender_addon.dataset import DatasetError, iter_lines, read_info
from diffusion_synth.pipeline.mask_values import SMOOTHED_FROM, is_smoothed
from diffusion_synth.repaint.image_folders import (
    MOST_PERSONS,
    is_pair_of_folders,
    lines_of_folders,
    persons_of,
)
from diffusion_synth.repaint.image_reader import read_image, read_mask

HASHED_END = 1 << 16  # bytes

Scene = tuple[int | None, int]
"""(seed, index): the draw of people, clothes and pose that an image shows."""


@dataclass(frozen=True)
class Sample:
    """An image, its mask and its line.

    Attributes:
        image: uint8 (H, W, 3), RGB.
        mask: (H, W): 0 background, k = person k.
        line: Of the dataset's index.
        ignore: bool (H, W), pixels without a known label; None where all are known.
    """

    image: np.ndarray
    mask: np.ndarray
    line: Mapping[str, Any]
    ignore: np.ndarray | None = None

    @property
    def persons(self) -> list[Mapping[str, Any]]:
        """The annotated persons."""
        return list(self.line["persons"])

    @property
    def scene(self) -> Scene | None:
        """The draw that the image shows; None where the line has no index.

        Renders of one seed and index show the same people, whatever the recipe.
        """
        index = self.line.get("index")
        return None if index is None else (self.line.get("seed"), index)


class Dataset:
    """The dataset at `root`. Lines are held in memory, images are read on demand.

    A folder without dataset.json, but with `images` and `masks`, is read as `image_folders` says.

    Attributes:
        root: Its folder.
        info: The content of dataset.json.
        lines: One for each image.
        is_plain: Whether it is a pair of folders, whose persons are found in the masks.
        notes: How masks were read where they were not as the contract has them.

    Raises:
        DatasetError: It is missing, empty, or has a line that is not valid or an index twice.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.notes: set[str] = set()
        self.is_plain = is_pair_of_folders(root)
        if self.is_plain:
            self.info: Mapping[str, Any] = {}
            self.lines = lines_of_folders(root)
            return
        self.info = read_info(root)
        self.lines = list(iter_lines(root))
        if not self.lines:
            raise DatasetError(f"{root}: holds no image")
        for number, line in enumerate(self.lines, start=1):
            if fault := line_fault(line):
                raise DatasetError(f"{root / 'metadata.jsonl'}: line {number} {fault}")

    def __len__(self) -> int:
        return len(self.lines)

    def only(self, indices: Container[int]) -> Dataset:
        """Return the dataset with the images of these indices alone.

        Raises:
            DatasetError: It has none of them.
        """
        part = copy.copy(self)
        part.lines = [line for line in self.lines if line.get("index") in indices]
        if not part.lines:
            raise DatasetError(f"{self.root}: has none of the requested images")
        return part

    def sample(self, position: int) -> Sample:
        """Read the image and mask of the line at `position`.

        Raises:
            DatasetError: A file cannot be read, or image and mask do not fit.
        """
        line = self.lines[position]
        image = read_image(self.root / line["file_name"])
        mask = self._mask(line["mask_file_name"], image)
        if self.is_plain:
            mask, persons, note = persons_of(mask, self.root / line["mask_file_name"])
            if note:
                self.notes.add(note)
            return Sample(image, mask, {**line, "persons": persons})
        check_ids(mask, line["persons"], self.root / line["mask_file_name"])
        name = line.get("ignore_file_name")
        return Sample(image, mask, line, None if name is None else self._mask(name, image) > 0)

    def content_hash(self) -> str:
        """Return a hash of all that decides what a run makes of the dataset.

        It covers lines, masks, and of every image the size and both ends: to read 100,000 images
        whole would take minutes.
        """
        digest = hashlib.sha256()
        for line in self.lines:
            digest.update(json.dumps(line, sort_keys=True).encode() + b"\0")
            for key in ("mask_file_name", "ignore_file_name", "file_name"):
                if (name := line.get(key)) is not None:
                    digest.update(part_hash(self.root / name, whole=key != "file_name"))
        return digest.hexdigest()

    def _mask(self, name: str, image: np.ndarray) -> np.ndarray:
        mask = read_mask(self.root / name)
        if mask.shape != image.shape[:2]:
            raise DatasetError(
                f"{self.root / name}: expected the size of its image, "
                f"{image.shape[1]}×{image.shape[0]}, got {mask.shape[1]}×{mask.shape[0]}"
            )
        return mask


def check_ids(mask: np.ndarray, persons: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Raise DatasetError when a mask (H, W) does not hold the persons of its line."""
    if int(mask.max(initial=0)) >= SMOOTHED_FROM and is_smoothed(mask):
        raise DatasetError(
            f"{path}: is smoothed: it holds many values up to {mask.max()}, which are no persons; "
            "save masks without anti-aliasing, as PNG"
        )
    if persons and mask.any() and not np.isin(mask, [person["id"] for person in persons]).any():
        raise DatasetError(
            f"{path}: holds none of the persons of its line, but the value {mask.max()}; expected "
            "0 outside and the person's id inside"
        )


def part_hash(path: Path, *, whole: bool) -> bytes:
    """Return the SHA-256 of a file, or of its size and both ends. Raises DatasetError."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            if whole:
                while chunk := file.read(HASHED_END):
                    digest.update(chunk)
            else:
                size = file.seek(0, os.SEEK_END)
                digest.update(str(size).encode())
                for start in (0, max(0, size - HASHED_END)):
                    file.seek(start)
                    digest.update(file.read(HASHED_END))
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from None
    return digest.digest()


def line_fault(line: Any) -> str | None:
    """Return what is wrong with a line, as the end of a sentence; None when it is valid."""
    if not isinstance(line, dict):
        return "is not an object"
    for key in ("file_name", "mask_file_name", "ignore_file_name"):
        name = line.get(key)
        if key == "ignore_file_name" and name is None:
            continue
        if not isinstance(name, str) or not name:
            return f"has no {key!r}"
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            return f"has a {key} outside of the dataset: {name!r}"
    index = line.get("index")
    if index is not None and not is_whole(index):
        return f"has an index that is no number from 0: {index!r:.40}"
    persons = line.get("persons")
    if not isinstance(persons, list) or not all(
        isinstance(person, dict) and is_whole(person.get("id")) for person in persons
    ):
        return "has no list 'persons' with an id each"
    ids = [person["id"] for person in persons]
    if len(set(ids)) < len(ids) or not all(1 <= number <= MOST_PERSONS for number in ids):
        return f"has persons whose ids are not different numbers of 1..{MOST_PERSONS}"
    return None


def is_whole(value: Any) -> bool:
    """Return whether a value of JSON is a whole number from 0, and no truth value."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
