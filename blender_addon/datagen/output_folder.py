"""The output folder of a batch: what it holds, before the batch starts and whenever the panel is
drawn.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from .. import VERSION
from ..dataset import (
    INFO_NAME,
    LINES_NAME,
    DatasetError,
    done_indices,
    read_info,
    refuse_foreign_folder,
)
from ..recipes.recipe import Recipe


class FolderContents(Enum):
    """The kinds of content of an output folder that a batch distinguishes."""

    NOTHING = "nothing"  # or there is no folder: the batch makes it
    PART = "part"  # some of the images of this batch
    ALL = "all"
    OTHER = "other"  # a dataset of another recipe, seed or version
    FOREIGN = "foreign"  # something that no batch may touch


@dataclass(frozen=True)
class OutputFolder:
    """The state of an output folder.

    Attributes:
        contents: What it holds.
        done: Number of images of this batch in it.
        reason: One sentence on why a batch cannot use it; empty when it can.
    """

    contents: FolderContents
    done: int = 0
    reason: str = ""


def origin(recipe: Recipe, seed: int) -> dict[str, Any]:
    """The keys of dataset.json that decide every image; another value means other images."""
    return {
        "name": recipe.name,
        "generator": {"name": "pii_synth", "version": VERSION},
        "recipe": recipe.to_json(),
        "seed": seed,
    }


def inspect_folder(output: Path, recipe: Recipe, seed: int, count: int) -> OutputFolder:
    """Find out what a batch of `count` images of `recipe` meets at `output`.

    Changes nothing, and is cheap while the folder does not change.
    """
    try:
        refuse_foreign_folder(output)
        stamps = tuple(_stamp(output / name) for name in (INFO_NAME, LINES_NAME))
        if stamps[0] is None:
            return OutputFolder(FolderContents.NOTHING)
        info, done = _read(output, stamps)
    except (DatasetError, OSError) as error:
        return OutputFolder(FolderContents.FOREIGN, reason=str(error))
    ours = origin(recipe, seed)
    changed = sorted(key for key in ours if info.get(key) != ours[key])
    if changed:
        return OutputFolder(
            FolderContents.OTHER,
            reason=f"{output}: holds a dataset made with another {' and '.join(changed)}",
        )
    return OutputFolder(FolderContents.ALL if done >= count else FolderContents.PART, done)


def make_writable(output: Path) -> None:
    """Make the folder where there is none, and check that files can be written to it.

    Raises:
        DatasetError: The folder cannot be made or written; the message names it.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output):
            pass
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        raise DatasetError(
            f"{output}: cannot be written ({cause}); choose another output folder"
        ) from None


def _stamp(path: Path) -> tuple[int, int] | None:
    """Numbers that change when the file does; None when there is no file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=8)
def _read(output: Path, stamps: tuple[tuple[int, int] | None, ...]) -> tuple[dict[str, Any], int]:
    """The content of dataset.json and the number of images; read again when `stamps` change."""
    return read_info(output), len(done_indices(output))
