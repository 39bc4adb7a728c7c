"""What a batch finds in its output folder: asked before it starts, and by the panel whenever it is drawn."""

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


class Holds(Enum):
    """What is in an output folder, as a batch sees it."""

    NOTHING = "nothing"  # or it is not there: the batch makes it
    PART = "part"  # this batch's pictures, not all of them
    ALL = "all"
    OTHER = "other"  # a dataset of another recipe, seed or version
    FOREIGN = "foreign"  # something that no batch may touch


@dataclass(frozen=True)
class Destination:
    """`done`: how many pictures of this batch are there. `reason`: one sentence on why a batch cannot go there."""

    holds: Holds
    done: int = 0
    reason: str = ""


def origin(recipe: Recipe, seed: int) -> dict[str, Any]:
    """What dataset.json says of where the pictures come from; they all change with it."""
    return {
        "name": recipe.name,
        "generator": {"name": "pii_synth", "version": VERSION},
        "recipe": recipe.to_json(),
        "seed": seed,
    }


def look_into(output: Path, recipe: Recipe, seed: int, count: int) -> Destination:
    """What a batch of `count` pictures of `recipe` finds at `output`. Changes nothing; cheap while nothing changes."""
    try:
        refuse_foreign_folder(output)
        stamps = tuple(_stamp(output / name) for name in (INFO_NAME, LINES_NAME))
        if stamps[0] is None:
            return Destination(Holds.NOTHING)
        info, done = _read(output, stamps)
    except (DatasetError, OSError) as error:
        return Destination(Holds.FOREIGN, reason=str(error))
    ours = origin(recipe, seed)
    changed = sorted(key for key in ours if info.get(key) != ours[key])
    if changed:
        return Destination(
            Holds.OTHER,
            reason=f"{output}: holds a dataset made with another {' and '.join(changed)}",
        )
    return Destination(Holds.ALL if done >= count else Holds.PART, done)


def prepare(output: Path) -> None:
    """Make the folder. Raises DatasetError, naming it, when it cannot be made or written."""
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
    """What changes when the file does; None when it is not there."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=8)
def _read(output: Path, stamps: tuple[tuple[int, int] | None, ...]) -> tuple[dict[str, Any], int]:
    """The content of dataset.json and the number of pictures. `stamps`: of what is read, for the cache's sake."""
    return read_info(output), len(done_indices(output))
