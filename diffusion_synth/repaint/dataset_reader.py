"""Reader of datasets of the contract (docs/dataset.md): images, masks, and their lines."""

from __future__ import annotations

import copy
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from blender_addon.dataset import DatasetError, iter_lines, read_info

MAX_PIXELS = 128_000_000

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

    Raises:
        DatasetError: It is missing, empty, or has a line that is not valid.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
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
        image = read(self.root / line["file_name"], "RGB")
        mask = self._mask(line["mask_file_name"], image)
        name = line.get("ignore_file_name")
        return Sample(image, mask, line, None if name is None else self._mask(name, image) > 0)

    def _mask(self, name: str, image: np.ndarray) -> np.ndarray:
        mask = read(self.root / name, None)
        if mask.ndim != 2 or mask.dtype.kind not in "ui":
            raise DatasetError(
                f"{self.root / name}: expected a mask of one channel of integers, "
                f"got {mask.shape} {mask.dtype}"
            )
        if mask.shape != image.shape[:2]:
            raise DatasetError(
                f"{self.root / name}: expected the size of its image, "
                f"{image.shape[1]}×{image.shape[0]}, got {mask.shape[1]}×{mask.shape[0]}"
            )
        return mask


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
    persons = line.get("persons")
    if not isinstance(persons, list) or not all(
        isinstance(person, dict) and isinstance(person.get("id"), int) for person in persons
    ):
        return "has no list 'persons' with an id each"
    return None


def read(path: Path, mode: str | None) -> np.ndarray:
    """Return the pixels of an image file.

    Args:
        path: The file.
        mode: Pillow's mode to convert to; None for the file's own.

    Raises:
        DatasetError: It is too large or cannot be read.
    """
    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise DatasetError(f"{path}: is larger than {MAX_PIXELS // 10**6} Mpx")
            return np.asarray(opened if mode is None else opened.convert(mode))
    except DatasetError:
        raise
    except Exception as error:  # a hostile file makes Pillow raise nearly anything
        raise DatasetError(f"{path}: cannot be read ({error}); replace or remove it") from None
