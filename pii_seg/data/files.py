"""The files below a folder."""

from __future__ import annotations

from pathlib import Path


def list_files(folder: Path, *, exclude: Path | None = None) -> list[Path]:
    """List all files below `folder`, sorted.

    Hidden files, those in hidden folders, and those below `exclude` are left out.
    """
    exclude = exclude.resolve() if exclude is not None else None
    return sorted(
        path
        for path in folder.rglob("*")
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
        and (exclude is None or not path.resolve().is_relative_to(exclude))
    )
