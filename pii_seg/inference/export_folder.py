"""Folders of exports: what may be replaced, and replacing it as a whole."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pii_seg.errors import InputError
from pii_seg.inference.exported import FILES, METADATA, is_exported


def refuse_other_content(output: Path) -> None:
    """Raise InputError when the folder holds anything but an export."""
    if output.exists() and not output.is_dir():
        raise InputError(f"--output {output}: is a file; expected a folder")
    if output.is_dir() and not is_exported(output) and any(output.iterdir()):
        raise InputError(f"--output {output}: is not empty and no export; choose another folder")
    known = {METADATA, *(name for names in FILES.values() for name in names)}
    if output.is_dir() and (other := {entry.name for entry in output.iterdir()} - known):
        raise InputError(
            f"--output {output}: holds {sorted(other)[0]!r} beside an export; choose another folder"
        )


@contextmanager
def replaced_folder(output: Path) -> Iterator[Path]:
    """Give a new folder, which takes the place of `output` if no exception is raised."""
    output.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    try:
        yield folder
        folder.chmod(0o755)
        try:
            folder.replace(output)  # replaces an empty folder, or none
        except OSError:
            old = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
            output.replace(old / "old")
            folder.replace(output)
            shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
