"""Masks that the user made, by hand or with another program, laid out like the inputs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from pii_seg.anonymize.inputs import InputFile, Skipped, same_name
from pii_seg.data.files import list_files, printable
from pii_seg.data.hashes import sha256_of
from pii_seg.data.mask_io import read_mask
from pii_seg.errors import DataError, InputError, MediaError

MASK_ENDINGS = frozenset({".png", ".tif", ".tiff", ".bmp"})
"""Endings of masks. No JPEG: its edges are not exact."""


class UserMask:
    """The mask of one input; it holds for every frame.

    Attributes:
        path: The file.
        sha256: Hash of its content, hex.
    """

    def __init__(self, path: Path) -> None:
        """Hash the file at `path`. Raises OSError."""
        self.path = path
        self.sha256 = sha256_of(path)
        self._mask: np.ndarray | None = None

    def __call__(self, height: int, width: int) -> np.ndarray:
        """Read the mask, bool (height, width).

        Raises:
            MediaError: It cannot be read, or is of another size.
        """
        if self._mask is None:
            try:
                self._mask = read_mask(self.path) != 0
            except DataError:
                raise MediaError("has a mask that cannot be read; write it as a grey PNG") from None
        mask = self._mask
        if mask.shape != (height, width):
            raise MediaError(
                f"is {width} x {height} px upright, its mask {mask.shape[1]} x {mask.shape[0]}; "
                "make them the same size"
            )
        return mask


class MaskFolder:
    """Finds the masks of inputs in a folder.

    The mask of photos/a/b.jpg is FOLDER/a/b.png or FOLDER/a/b.jpg.png. Pixels that are not 0 are
    redacted. The mask of an animation or a video holds for every frame.
    """

    def __init__(self, folder: Path, files: Iterable[InputFile]) -> None:
        """Open `folder`.

        Args:
            folder: Searched with its sub-folders, once.
            files: All inputs; a mask that several of them would take is refused.

        Raises:
            InputError: It is not a folder.
        """
        if not folder.is_dir():
            raise InputError(
                f"--masks {printable(folder)}: is not a folder; give one that holds masks"
            )
        self.folder = folder
        self._masks: dict[str, list[Path]] = defaultdict(list)
        listed = list_files(folder)
        self._left_out = [
            Skipped(_name(entry.path, folder), entry.reason, entry.fault)
            for entry in listed.left_out
        ]
        for path in listed.files:
            if path.suffix.lower() in MASK_ENDINGS:
                name = PurePosixPath(_name(path, folder)).with_suffix("").as_posix()
                self._masks[same_name(name)].append(path)
            else:
                self._left_out.append(Skipped(_name(path, folder), "not a mask"))
        self._stems = Counter(_stem(file) for file in files)
        self._used: set[Path] = set()

    @property
    def settings(self) -> dict[str, Any]:
        """The reading of the masks, which decides outputs; audit.json holds it."""
        return {"nonzero": "redacted"}

    def find(self, file: InputFile) -> UserMask:
        """Find the mask of `file`.

        Raises:
            MediaError: There is none, or several. A missing mask does not mean "no person".
            OSError: It cannot be read.
        """
        own = self._masks.get(same_name(file.name), [])
        shared = self._masks.get(_stem(file), []) if _stem(file) != same_name(file.name) else []
        if own and self._stems[_stem(file)] > 1:
            shared = []  # it may belong to the other input
        found = [*own, *shared]
        self._used.update(found)
        if not found:
            raise MediaError("has no mask in --masks; add one, all 0 if it shows no person")
        if len(found) > 1:
            raise MediaError("has several masks in --masks; leave one")
        if shared and self._stems[_stem(file)] > 1:
            raise MediaError(
                "shares a mask with an input of the same name; call each mask like its input, "
                "NAME.jpg.png"
            )
        return UserMask(found[0])

    def left_out(self) -> list[Skipped]:
        """List what is in the folder and belongs to none of the files that `find` was asked for."""
        unused = [
            Skipped(_name(path, self.folder), "mask of no input")
            for paths in self._masks.values()
            for path in paths
            if path not in self._used
        ]
        return [*self._left_out, *unused]


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _stem(file: InputFile) -> str:
    return same_name(PurePosixPath(file.name).with_suffix("").as_posix())
