"""The files below a folder."""

from __future__ import annotations

from pathlib import Path


def files_below(folder: Path, *, besides: Path | None = None) -> list[Path]:
    """All files below `folder`, sorted, but hidden ones, those in hidden folders, and what lies below `besides`."""
    besides = besides.resolve() if besides is not None else None
    return sorted(
        path
        for path in folder.rglob("*")
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
        and (besides is None or not path.resolve().is_relative_to(besides))
    )
