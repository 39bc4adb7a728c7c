"""The output folder of a batch: what it holds, before the batch starts and whenever the panel is
drawn.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping
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
from ..recipes.recipe import SECTIONS, Recipe
from ..scene.sampling import STREAMS_VERSION
from .file_hashes import words


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


PATHS = tuple(
    (section, item.name)
    for section in SECTIONS
    for item in dataclasses.fields(getattr(Recipe(), section))
    if item.metadata["kind"] == "paths"
)
_FILES = "sha256:"  # begins a hash that stands for files


def origin(
    recipe: Recipe, seed: int, contents: Mapping[str, list[str]] | None = None
) -> dict[str, Any]:
    """The keys of dataset.json that decide every image; another value means other images.

    Args:
        recipe: The recipe.
        seed: Seed of all draws.
        contents: What its lists of paths stand for, see file_hashes.content_of; None where that is
            not known. No path is recorded: files may move, and paths contain names of users.
    """
    values = recipe.to_json()
    for section, name in PATHS:
        items = values[section][name]
        unknown = [*words(items), *[_FILES] * (len(words(items)) < len(items))]
        values[section][name] = (contents or {}).get(f"{section}.{name}", unknown)
    return {
        "name": recipe.name,
        "generator": {"name": "pii_synth", "version": VERSION},
        "streams": STREAMS_VERSION,
        "recipe": values,
        "seed": seed,
    }


def refuse_other_streams(output: Path, info: Mapping[str, Any]) -> None:
    """Check that the images at `output` were drawn as this version draws them.

    Raises:
        DatasetError: They were not; the message names the remedy.
    """
    drawn = info.get("streams", 1)
    if "recipe" in info and drawn != STREAMS_VERSION:
        raise DatasetError(
            f"{output}: holds images that another version of this program drew (draws of version "
            f"{drawn}, here {STREAMS_VERSION}), so it cannot be continued; train on it as it is, "
            "and choose another output folder for more images"
        )


def inspect_folder(output: Path, recipe: Recipe, seed: int, count: int) -> OutputFolder:
    """Find out what a batch of `count` images of `recipe` meets at `output`.

    Changes nothing, and is cheap while the folder does not change. The contents of the files that
    the recipe names are compared by the batch, not here.
    """
    try:
        refuse_foreign_folder(output)
        stamps = tuple(_stamp(output / name) for name in (INFO_NAME, LINES_NAME))
        if stamps[0] is None:
            return OutputFolder(FolderContents.NOTHING)
        info, done = _read(output, stamps)
    except (DatasetError, OSError) as error:
        return OutputFolder(FolderContents.FOREIGN, reason=str(error))
    try:
        refuse_other_streams(output, info)
    except DatasetError as error:
        return OutputFolder(FolderContents.OTHER, reason=str(error))
    ours = origin(recipe, seed)
    there = {**info, "recipe": _without_hashes(info.get("recipe"))}
    changed = sorted(key for key in ours if there.get(key) != ours[key])
    if changed:
        return OutputFolder(
            FolderContents.OTHER,
            reason=f"{output}: holds a dataset made with another {' and '.join(changed)}",
        )
    return OutputFolder(FolderContents.ALL if done >= count else FolderContents.PART, done)


def _without_hashes(recipe: Any) -> Any:
    """The recipe of dataset.json with all files as `origin` writes them without contents."""
    if not isinstance(recipe, dict):
        return recipe
    plain = {key: dict(item) if isinstance(item, dict) else item for key, item in recipe.items()}
    for section, name in PATHS:
        items = plain.get(section, {}).get(name) if isinstance(plain.get(section), dict) else None
        if isinstance(items, list):
            texts = [str(item) for item in items]
            files = any(text.startswith(_FILES) for text in texts)
            plain[section][name] = [*words(texts), *[_FILES] * files]
    return plain


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
