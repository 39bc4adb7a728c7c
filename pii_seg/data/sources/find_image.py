"""Finds the images that a file of labels names, whatever the Unicode form or case of the names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pii_seg.data.mask_names import listed, name_key
from pii_seg.errors import DataError


class ImageFinder:
    """Looks for files in a few folders. Each folder is listed at most once."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = list(folders)
        self._listed: dict[Path, dict[str, list[Path]]] = {}

    def find(self, name: str) -> Path:
        """Find a file by its relative name.

        Raises:
            DataError: There is none, or several names are spelled alike.
        """
        relative = PurePosixPath(name)
        for folder in self.folders:
            try:
                if (folder / relative).is_file():
                    return folder / relative
            except (OSError, ValueError):  # too long, or not encodable
                break
        found = [
            path
            for folder in self.folders
            for path in self._alike(folder / relative.parent, relative.name)
        ]
        if len(found) > 1:
            raise DataError(f"{name} may be any of {listed(found)}; keep one of them")
        if not found:
            raise DataError(f"{name} is in none of {', '.join(map(str, self.folders))}")
        return found[0]

    def _alike(self, folder: Path, name: str) -> list[Path]:
        if folder not in self._listed:
            by_key: dict[str, list[Path]] = defaultdict(list)
            try:
                for path in folder.iterdir():
                    by_key[name_key(path.name)].append(path)
            except (OSError, ValueError):
                by_key.clear()
            self._listed[folder] = by_key
        return self._listed[folder].get(name_key(name), [])
