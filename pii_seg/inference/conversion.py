"""Checkpoints that were converted for a back end, in the user's cache.

A conversion is named by the hash of its checkpoint. It is an export whose logits are those of the
network, so that a calibration of the checkpoint holds for it as it stands.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pii_seg.errors import CheckpointError
from pii_seg.inference.caching import cache_folder, converted_folder, keep_newest
from pii_seg.inference.exported import Exported, is_exported, load_exported

if TYPE_CHECKING:
    from pii_seg.models.checkpoint import Checkpoint

log = logging.getLogger(__name__)

CONVERSION = 1
"""Version of conversions. Raise it when `export` writes other models."""


def can_cache() -> bool:
    """Return whether conversions can be kept."""
    return cache_folder() is not None


def accompanying(path: Path, sha256: str, format: str) -> Exported | None:
    """Return the conversion that the folder of a segmenter holds, such as FOLDER/onnx.

    Args:
        path: The folder; a file has none.
        sha256: Hash of the checkpoint in it.
        format: A key of `exported.FILES`.

    Raises:
        CheckpointError: It is damaged.
    """
    if not is_exported(path / format):
        return None
    exported = load_exported(path / format)
    if (exported.checkpoint_sha256, exported.format) != (sha256, format):
        log.warning("%s: is of another checkpoint, and is not used", exported.folder)
        return None
    return exported


def cached(sha256: str, format: str) -> Exported | None:
    """Return the conversion of a checkpoint, if there is one; a damaged one is deleted.

    Args:
        sha256: Hash of the checkpoint.
        format: A key of `exported.FILES`.
    """
    folder = converted_folder(_key(sha256, format))
    if folder is None or not is_exported(folder):
        return None
    try:
        exported = load_exported(folder)
        if (exported.checkpoint_sha256, exported.format) != (sha256, format):
            raise CheckpointError(f"{folder}: is of another checkpoint")
    except CheckpointError as error:
        log.warning("%s; it is made again", error)
        shutil.rmtree(folder, ignore_errors=True)
        return None
    with suppress(OSError):
        os.utime(folder)  # the least recently used go first
    return exported


def convert(checkpoint: Checkpoint, sha256: str, format: str) -> Exported:
    """Convert a checkpoint, and keep the result if there is a cache.

    Raises:
        ConfigError: The network cannot be exported.
        CheckpointError: The result differs from eager torch.
    """
    from pii_seg.inference.export.write import write_export  # imports torch

    folder = converted_folder(_key(sha256, format))
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="pii-seg-")) / "converted"
    exported = write_export(checkpoint, sha256, folder, format, inside_temperature=False)
    keep_newest(folder.parent)
    return exported


def _key(sha256: str, format: str) -> str:
    return f"{sha256[:32]}-{format}-{CONVERSION}"
