"""The user's folder for what can be made again: converted checkpoints and compiled models."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from pathlib import Path

log = logging.getLogger(__name__)

CACHE = "PII_SEG_CACHE"
"""Environment variable: another folder, or "none" for no caching."""
MOST_CONVERTED = 16
"""Converted checkpoints that are kept; the least recently used go first."""


def cache_folder() -> Path | None:
    """Return the folder, made when it does not exist; None where there is none or it cannot be.

    Only its owner may read or write it: models are loaded from it.
    """
    given = os.environ.get(CACHE, "")
    if given == "none":
        return None
    folder = Path(given) if given else _default_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
            raise PermissionError("belongs to another user")
        if hasattr(os, "getuid") and folder.stat().st_mode & 0o022:
            raise PermissionError("others may write to it")
        if not os.access(folder, os.W_OK):
            raise PermissionError("is not writable")
    except OSError as error:
        log.warning("%s: cannot be the cache (%s); nothing is cached", folder, error)
        return None
    return folder


def compiled_folder() -> Path | None:
    """Return the folder in which OpenVINO keeps compiled models, named by their content."""
    folder = cache_folder()
    return folder / "compiled" if folder is not None else None


def converted_folder(key: str) -> Path | None:
    """Return the folder of the converted checkpoint of that key, which may not exist yet."""
    folder = cache_folder()
    return folder / "converted" / key if folder is not None else None


def keep_newest(folder: Path, most: int = MOST_CONVERTED) -> None:
    """Delete all but the `most` folders in `folder` that were used last."""
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: -entry.stat().st_mtime)
    except OSError:  # another process deletes at the same time
        return
    for entry in entries[most:]:
        shutil.rmtree(entry, ignore_errors=True)


def _default_folder() -> Path:
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "pii-seg"
    if sys.platform == "win32":
        return (
            Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "pii-seg" / "cache"
        )
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "pii-seg"
