"""Arrays in files of the cache: written whole or not at all, and checked when they are read."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..bodies.archive import Archive
from ..output_files import atomic_file

FOLDER_VARIABLE = "PII_SYNTH_CACHE"
_MAX_BYTES = 256 << 20

# The type of each array, and its lengths: a number, a letter for a length that is the same in all
# arrays, or None for any.
Layout = Mapping[str, tuple[Any, ...]]
Arrays = dict[str, np.ndarray]


def cache_folder() -> Path:
    """The folder of the user's cache: of the variable PII_SYNTH_CACHE, else the system's."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "pii_synth" / "packs"


def store_arrays(file: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays to a file; where it cannot be written, the cache is done without."""
    named: dict[str, Any] = dict(arrays)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(file, token=f".{os.getpid()}") as out:
            np.savez(out, **named)
    except OSError:  # a full disk, a home without write access: the result is there all the same
        pass


def stored_arrays(
    file: Path, layout: Layout, known: Mapping[str, int] | None = None
) -> Arrays | None:
    """Read the arrays of a file.

    Args:
        file: The file.
        layout: The arrays that it must hold.
        known: Lengths that are known, by their letters in `layout`.

    Returns:
        The arrays; None where there is no such file, or where types, lengths or numbers are not
        those of the layout.
    """
    try:
        if not file.is_file() or file.stat().st_size > _MAX_BYTES:
            return None
        archive = Archive(file)
        arrays = {name: archive[name] for name in layout}
    except (OSError, ValueError, KeyError):
        return None
    lengths = dict(known or {})
    return arrays if all(_fits(arrays[name], layout[name], lengths) for name in layout) else None


def _fits(array: np.ndarray, row: tuple[Any, ...], lengths: dict[str, int]) -> bool:
    """Whether an array is as a row of a layout says; lengths that are new are added."""
    kind, *shape = row
    if array.dtype != kind or array.ndim != len(shape):
        return False
    for length, wanted in zip(array.shape, shape, strict=True):
        expected = lengths.setdefault(wanted, length) if isinstance(wanted, str) else wanted
        if expected is not None and length != expected:
            return False
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())
