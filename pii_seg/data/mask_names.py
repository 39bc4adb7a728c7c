"""Finds the mask of an image by its name: exactly one, or none, or an error.

The mask of photos/a.jpg is a.png, a.jpg.png, a_mask.png, a.jpg_mask.png or the like, in the same
sub-folder and with any ending that is read. Unicode forms (macOS stores "é" as two characters) and
upper case do not matter.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from pii_seg.errors import DataError

SUFFIXES = tuple(
    separator + word
    for separator in ("_", "-", ".")
    for word in ("mask", "masks", "seg", "segmentation", "label", "labels", "gt", "matte")
)


def name_key(name: str) -> str:
    """Return what two spellings of one name share."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def without_ending(name: str) -> str:
    """Drop the ending of a relative name."""
    return PurePosixPath(name).with_suffix("").as_posix() if PurePosixPath(name).suffix else name


class MaskNames:
    """The masks of a folder, to be looked up by the names of images."""

    def __init__(self, masks: Mapping[str, Path] | Iterable[tuple[str, Path]]) -> None:
        """Index masks by their names.

        Args:
            masks: Names relative to the folder of masks, with ending, and their files.
        """
        pairs = masks.items() if isinstance(masks, Mapping) else masks
        self._by_key: dict[str, list[Path]] = defaultdict(list)
        for name, path in pairs:
            self._by_key[name_key(without_ending(name))].append(path)

    def find(self, name: str, *, among: Container[str] = ()) -> Path | None:
        """Find the mask of an image; None if there is none.

        Args:
            name: Name of the image relative to its folder, with ending.
            among: Keys (`name_key` without ending) of all images: a_mask.png belongs to a_mask.jpg
                where there is one.

        Raises:
            DataError: Several masks may be meant. The message names them, not the image.
        """
        found = self.candidates(name, among=among)
        if len(found) > 1:
            raise DataError(
                f"has several masks ({listed(found)}); keep one of them in the folder of masks"
            )
        return found[0] if found else None

    def candidates(self, name: str, *, among: Container[str] = ()) -> list[Path]:
        """List all masks that an image may have; see `find`."""
        found: list[Path] = []
        for base in dict.fromkeys((name_key(without_ending(name)), name_key(name))):
            found += self._by_key.get(base, ())
            for suffix in SUFFIXES:
                if (paths := self._by_key.get(base + suffix)) and base + suffix not in among:
                    found += paths
        return found


def listed(paths: Sequence[Path]) -> str:
    """List up to three file names."""
    names = ", ".join(path.name for path in paths[:3])
    return names if len(paths) <= 3 else f"{names} and {len(paths) - 3} more"
