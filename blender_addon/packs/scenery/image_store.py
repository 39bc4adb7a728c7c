"""Images that lie inside model files, as files of their own in the cache."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import lru_cache
from pathlib import Path

from ...output_files import write_atomically
from ..cache_files import cache_folder
from ..text_files import PackError

MAX_BYTES = 64 << 20


def stored_image(path: Path, content: bytes, ending: str) -> Path:
    """Store an image once, named by its content.

    Args:
        path: The model, for errors.
        content: Of the image file.
        ending: Of its name, such as ".png".

    Raises:
        PackError: It is too large, or cannot be stored anywhere.
    """
    if len(content) > MAX_BYTES:
        raise PackError(path, None, f"an image of more than {MAX_BYTES >> 20} MB in it")
    name = hashlib.blake2b(content, digest_size=16).hexdigest() + ending
    for folder in (cache_folder() / "images", _own_folder()):
        file = folder / name
        try:
            if not (file.is_file() and file.stat().st_size == len(content)):
                folder.mkdir(parents=True, exist_ok=True)
                write_atomically(file, content, token=f".{os.getpid()}")
            return file
        except OSError:  # a full disk, a home without write access
            continue
    raise PackError(path, None, "its images cannot be stored; free space in the cache's folder")


@lru_cache(maxsize=1)
def _own_folder() -> Path:
    return Path(tempfile.gettempdir()) / f"pii_synth_images_{os.getpid()}"
