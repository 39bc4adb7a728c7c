"""Holds, in one place, all that decides an output: `done_key` is equal where the output would be.

A file is done when its record in the journal holds this key and its output is as the record says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

OUTPUT_VERSION = 3
"""Version of this program's outputs. Raise it with every change that gives equal inputs and
settings other pixels or another encoding, so that runs of two versions are not mixed."""


def run_identity(model: Mapping[str, Any] | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that decides the outputs of a run besides its files, as JSON holds it.

    Args:
        model: The detector with the hash of its checkpoint, threshold and inference settings.
        settings: Style, seed, generator, margin, regions, metadata, and all other settings.
    """
    identity = {"program": OUTPUT_VERSION, "model": model, "settings": settings}
    # Tuples become lists, as they are when read.
    return json.loads(json.dumps(identity, allow_nan=False))


def done_key(
    run: Mapping[str, Any], *, name: str, input_sha256: str, mask_sha256: str | None
) -> str:
    """Return the SHA-256, in hex, of all that decides one output.

    Args:
        run: See `run_identity`.
        name: Path of the input below the folder that was given, or its hash with --rename.
        input_sha256: Hash of the input's content.
        mask_sha256: Hash of the content of the mask that the user made for it; None without one.
    """
    parts = {"run": run, "name": name, "input": input_sha256, "mask": mask_sha256}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Name the settings in which two runs differ, see `run_identity`."""
    changed = [key for key in ("program", "model") if old.get(key) != new.get(key)]
    there, wanted = old.get("settings"), new.get("settings")
    if isinstance(there, Mapping) and isinstance(wanted, Mapping):
        changed += [key for key in {**there, **wanted} if there.get(key) != wanted.get(key)]
    elif there != wanted:
        changed.append("settings")
    return sorted(changed)
