"""Datasets of the contract (docs/dataset.md) as what is to be repainted: pictures, masks of persons, their lines."""

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
"""(seed, index): the draw of people, clothes and pose that a picture shows."""


@dataclass(frozen=True)
class Picture:
    """image: uint8 (H, W, 3), RGB. mask: (H, W), 0 background, k = person k. line: of the index.

    ignore: bool (H, W), what nobody knows the truth of; None where all is known.
    """

    image: np.ndarray
    mask: np.ndarray
    line: Mapping[str, Any]
    ignore: np.ndarray | None = None

    @property
    def persons(self) -> list[Mapping[str, Any]]:
        return list(self.line["persons"])

    @property
    def scene(self) -> Scene | None:
        """Renders of one seed and index show the same people, whatever the recipe; None where the line has no index."""
        index = self.line.get("index")
        return None if index is None else (self.line.get("seed"), index)


class Dataset:
    """The dataset at `root`. Lines are held, pictures are read when they are asked for. Raises DatasetError."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.info = read_info(root)
        self.lines = list(iter_lines(root))
        if not self.lines:
            raise DatasetError(f"{root}: holds no picture")
        for number, line in enumerate(self.lines, start=1):
            if fault := line_fault(line):
                raise DatasetError(f"{root / 'metadata.jsonl'}: line {number} {fault}")

    def __len__(self) -> int:
        return len(self.lines)

    def only(self, indices: Container[int]) -> Dataset:
        """The same, with the pictures of these indices alone. Raises DatasetError when there are none."""
        part = copy.copy(self)
        part.lines = [line for line in self.lines if line.get("index") in indices]
        if not part.lines:
            raise DatasetError(f"{self.root}: none of the pictures asked for is there")
        return part

    def picture(self, place: int) -> Picture:
        """Raises DatasetError that names the file which cannot be read or does not fit."""
        line = self.lines[place]
        image = read(self.root / line["file_name"], "RGB")
        mask = self._mask(line["mask_file_name"], image)
        name = line.get("ignore_file_name")
        return Picture(image, mask, line, None if name is None else self._mask(name, image) > 0)

    def _mask(self, name: str, image: np.ndarray) -> np.ndarray:
        mask = read(self.root / name, None)
        if mask.ndim != 2 or mask.dtype.kind not in "ui":
            raise DatasetError(f"{self.root / name}: is no mask of whole numbers")
        if mask.shape != image.shape[:2]:
            raise DatasetError(
                f"{self.root / name}: is {mask.shape[1]}×{mask.shape[0]}, its picture "
                f"{image.shape[1]}×{image.shape[0]}"
            )
        return mask


def line_fault(line: Any) -> str | None:
    """What a line lacks to be repainted, in words; None when it has all."""
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
            return f"has a {key} that leads out of the dataset: {name!r}"
    persons = line.get("persons")
    if not isinstance(persons, list) or not all(
        isinstance(person, dict) and isinstance(person.get("id"), int) for person in persons
    ):
        return "has no list 'persons' with an id each"
    return None


def read(path: Path, mode: str | None) -> np.ndarray:
    """The pixels of a picture, converted to Pillow's `mode` when one is given. Raises DatasetError."""
    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise DatasetError(f"{path}: larger than {MAX_PIXELS // 10**6} Mpx")
            return np.asarray(opened if mode is None else opened.convert(mode))
    except DatasetError:
        raise
    except Exception as error:  # a hostile file makes Pillow raise nearly anything
        raise DatasetError(f"{path}: cannot be read ({error}); replace or remove it") from None
