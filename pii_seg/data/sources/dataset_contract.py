"""The dataset contract (docs/dataset.md): renders, pseudo-labels, repainted pairs.

Masks are instance ids of 8 or 16 bit, so that 255 is a person and not "ignore". Pixels to ignore
are an image of their own, 255 where the label is unknown, that a line names as `ignore_file_name`.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from blender_addon.dataset import HEAD_PART, LINES_NAME, DatasetError, iter_lines, read_info
from pii_seg.data.image_io import read_image
from pii_seg.data.mask_io import read_mask
from pii_seg.data.sources.base import Listed
from pii_seg.data.sources.sample import IGNORE, PERSON, Fault, Sample
from pii_seg.errors import DataError


@dataclass(frozen=True, slots=True)
class Line:
    """The needed parts of a line of metadata.jsonl; a large dataset has a million lines."""

    image: str
    mask: str
    ignore: str | None
    persons: tuple[tuple[int, float], ...]  # (id, visibility)
    parts: str | None = None


class ContractSource(Listed[Line]):
    """Images of a dataset on disk, in the order of its lines."""

    def read(self, item: Line) -> Sample:
        image = read_image(self.root / item.image)
        instances = read_mask(self.root / item.mask)
        require_same_size(image, instances, self.root / item.mask)
        known = np.zeros(65536, bool)
        known[[0, *(number for number, _ in item.persons)]] = True
        if not known[instances].all():
            stranger = int(instances[~known[instances]].min())
            raise DataError(
                f"{self.root / item.mask}: holds person {stranger}, which its line does not list"
            )
        target = (instances > 0).astype(np.uint8) * PERSON
        if item.ignore is not None:
            ignore = read_mask(self.root / item.ignore)
            require_same_size(image, ignore, self.root / item.ignore)
            target[ignore > 0] = IGNORE
        name = PurePosixPath(item.image).with_suffix("")
        if name.parts[0] == "images":
            name = name.relative_to("images")
        return Sample(str(name), image, target, instances.astype(np.uint16), dict(item.persons))

    def heads(self, i: int, image: np.ndarray) -> np.ndarray | None:
        item = self._items[i]
        if item.parts is None:
            return None
        parts = read_mask(self.root / item.parts)
        require_same_size(image, parts, self.root / item.parts)
        return parts == HEAD_PART

    def fault_path(self, item: Line) -> Path:
        return self.root / item.image


def open_contract(
    root: Path, *, strict: bool, only: Container[int] | None = None
) -> ContractSource:
    """Open a dataset of the contract.

    Args:
        root: Its folder.
        strict: Whether an image that cannot be used is an error.
        only: The `index` of the images to open; None: all.

    Raises:
        DataError: Its index is damaged, or no image is left.
    """
    items: list[Line] = []
    faults: list[Fault] = []
    try:
        read_info(root)
        for number, line in enumerate(iter_lines(root), start=1):
            if only is not None and line.get("index") not in only:
                continue
            try:
                items.append(parse_line(line))
            except DataError as error:
                faults.append(Fault(root / LINES_NAME, f"line {number}: {error}"))
    except DatasetError as error:
        raise DataError(str(error)) from None
    return ContractSource(root, root.resolve().name, items, faults, strict=strict)


def parse_line(line: Any) -> Line:
    """Check and parse one line of the index.

    Raises:
        DataError: The line does not follow the contract; the message does not name the file.
    """
    if not isinstance(line, dict):
        raise DataError("is not an object")
    ignore, parts = (
        None if line.get(key) is None else _file_name(line, key)
        for key in ("ignore_file_name", "parts_file_name")
    )
    persons = line.get("persons")
    if not isinstance(persons, list):
        raise DataError("has no list 'persons'")
    return Line(
        _file_name(line, "file_name"),
        _file_name(line, "mask_file_name"),
        ignore,
        tuple(map(_parse_person, persons)),
        parts,
    )


def _file_name(line: dict[str, Any], key: str) -> str:
    name = line.get(key)
    if not isinstance(name, str) or not name:
        raise DataError(f"has no {key!r}")
    if leaves_folder(name):
        raise DataError(f"{key} {name!r} leads out of the dataset")
    return name


def _parse_person(person: Any) -> tuple[int, float]:
    number = person.get("id") if isinstance(person, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= 65535:
        raise DataError(f"a person's id is {number!r}, not a whole number 1..65535")
    visibility = person.get("visibility", 1.0)
    if not isinstance(visibility, int | float) or not 0 <= visibility <= 1:
        raise DataError(f"person {number} has visibility {visibility!r}, not 0..1")
    return number, float(visibility)


def leaves_folder(name: str) -> bool:
    """Return whether a relative file name points outside of its folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or ":" in name.split("/", 1)[0]


def require_same_size(image: np.ndarray, mask: np.ndarray, mask_path: Path) -> None:
    if image.shape[:2] != mask.shape:
        turned = (
            " (was the image turned by its EXIF data?)" if image.shape[1::-1] == mask.shape else ""
        )
        raise DataError(
            f"{mask_path}: is {mask.shape[1]}×{mask.shape[0]}, its image "
            f"{image.shape[1]}×{image.shape[0]}{turned}"
        )
