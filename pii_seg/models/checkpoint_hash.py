"""The hash that identifies a checkpoint; no torch is imported for it."""

from __future__ import annotations

from pathlib import Path

from pii_seg.data.hashes import sha256_of
from pii_seg.models.bundled import located

CONFIG_FILE = "config.json"


def checkpoint_sha256(path: Path) -> str:
    """Return the SHA-256, in hex, that identifies a checkpoint: a file, a folder, or a bundled one.

    Of a folder it is that of config.json, which holds the hash of the weights.
    """
    path = located(path)
    file = path / CONFIG_FILE if path.is_dir() else path
    return sha256_of(file)
