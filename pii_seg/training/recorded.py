"""The configuration of a training as its files record it: inputs by their content, and no paths.

A path names a user, a customer or a machine, and is wrong as soon as the data are moved. Each
folder and file that a training reads is recorded as `sha256:` and the hash of its content: moved,
linked or renamed data resume, other data do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pii_seg.config import DATA_ROLES, NAMED_WEIGHTS, TrainConfig
from pii_seg.config_history import ADDED_LATER
from pii_seg.data.content_hash import CONTENT, ContentHashes, hash_of, sketch_of
from pii_seg.models.checkpoint_hash import checkpoint_sha256

FREE = ("budget.steps", "budget.minutes")  # a run may be resumed with more of them


@dataclass(frozen=True)
class Recorded:
    """The configuration of a run as its files record it.

    Attributes:
        config: The configuration, with hashes in place of paths.
        sketch: Beginnings of the hashes of some images; see `sketch_of`.
    """

    config: TrainConfig
    sketch: tuple[str, ...]


def record(config: TrainConfig, hashes: ContentHashes, *, exclude: Sequence[Path] = ()) -> Recorded:
    """Replace each path of a configuration by the hash of its content.

    Args:
        config: As it was given.
        hashes: Reads the files.
        exclude: Folders that are no part of the data, such as the run's own.

    Raises:
        OSError: A file cannot be read.
    """
    contents = {
        role: [hashes.contents(Path(path), exclude=exclude) for path in getattr(config.data, role)]
        for role in DATA_ROLES
    }
    data: dict[str, Any] = {
        role: tuple(CONTENT + hash_of(c) for c in listed) for role, listed in contents.items()
    }
    images = sketch_of(entry for listed in contents.values() for c in listed for entry in c)
    weights, start = config.model.weights, config.start_from
    if weights not in NAMED_WEIGHTS:
        weights = CONTENT + hashes.of_file(Path(weights))
    model = replace(config.model, weights=weights)
    start = CONTENT + checkpoint_sha256(Path(start)) if start else ""
    recorded = replace(config, data=replace(config.data, **data), model=model, start_from=start)
    return Recorded(recorded, tuple(images))


def without_inputs(plain: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as plain data, without the values that stand for files."""
    data = {key: value for key, value in plain.get("data", {}).items() if key not in DATA_ROLES}
    model = dict(plain.get("model", {}))
    if model.get("weights") not in NAMED_WEIGHTS:
        model["weights"] = "a file"
    return {**plain, "data": data, "model": model, "start_from": bool(plain.get("start_from"))}


def differences(
    before: Mapping[str, Any], given: Mapping[str, Any], recorded: Mapping[str, Any]
) -> list[str]:
    """Return the dotted names of values that differ between two configurations, sorted.

    `machine` does not count, nor does `online`, which only older configurations have. A larger
    budget is no difference.

    Args:
        before: What the run recorded. Earlier versions recorded paths.
        given: What is given now.
        recorded: The same with the hashes of its files.
    """
    found = []
    for section in sorted({*before, *recorded} - {"machine", "online"}):
        old, new, paths = (c.get(section, {}) for c in (before, recorded, given))
        if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
            found += [section] if not same_value(old or "", new or "", paths or "") else []
            continue
        added = ADDED_LATER.get(section, {})
        for key in sorted({*old, *new}):
            values = [table.get(key, added.get(key)) for table in (old, new, paths)]
            if not (same_value(*values) or is_extended(f"{section}.{key}", *values[:2])):
                found.append(f"{section}.{key}")
    return found


def same_value(old: Any, new: Any, path: Any) -> bool:
    """Whether a recorded value is the given one: by its hash, or by the path of earlier times."""
    if isinstance(old, list) and isinstance(new, list) and isinstance(path, list | tuple):
        return len(old) == len(new) == len(path) and all(map(same_value, old, new, path))
    if old == new or not isinstance(new, str) or not new.startswith(CONTENT):
        return bool(old == new)
    if not isinstance(old, str) or old.startswith(CONTENT):
        return False
    return Path(old).resolve() == Path(str(path)).resolve()


def is_extended(name: str, old: Any, new: Any) -> bool:
    """Whether a value is a budget that has grown."""
    numbers = isinstance(old, int | float) and isinstance(new, int | float)
    return name in FREE and numbers and 0 < old <= new
