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
from pii_seg.data.mask_io import orientation_of, read_mask_image
from pii_seg.data.mask_names import SUFFIXES
from pii_seg.data.mask_reading import UNUSUAL_SHARE, MaskOptions, Reading, redacted_pixels
from pii_seg.errors import DataError, InputError, MediaError

MASK_ENDINGS = frozenset({".png", ".tif", ".tiff", ".bmp"})
"""Endings of masks. No JPEG: its edges are not exact."""


class UserMask:
    """The mask of one input; it holds for every frame.

    Attributes:
        path: The file.
        sha256: Hash of its content, hex.
    """

    def __init__(
        self, path: Path, reading: Reading | None = None, image: Path | None = None
    ) -> None:
        """Hash the file at `path`.

        Args:
            path: The mask.
            reading: How it is read; None: recognised.
            image: Its input, whose EXIF orientation a mask of the stored pixels follows.

        Raises:
            OSError: It cannot be read.
        """
        self.path = path
        self.sha256 = sha256_of(path)
        self._reading, self._image = reading, image
        self._mask: np.ndarray | None = None

    def __call__(self, height: int, width: int) -> np.ndarray:
        """Read the mask, bool (height, width).

        Raises:
            MediaError: It cannot be read, or is of another size.
        """
        if self._mask is None or self._mask.shape != (height, width):
            self._mask = self._read(height, width)
        return self._mask

    @property
    def notes(self) -> list[str]:
        """Sentences for the reviewer about the mask that was read."""
        if self._mask is None or (covered := float(self._mask.mean())) <= UNUSUAL_SHARE:
            return []
        return [
            f"its mask covers {covered:.0%} of the image: if persons are black in the mask, redo "
            "it with --mask-code inverted"
        ]

    def _read(self, height: int, width: int) -> np.ndarray:
        try:
            mask = read_mask_image(self.path)
        except DataError as error:
            raise MediaError(f"has a mask that {self._without_path(error)}") from None
        turn = orientation_of(self._image) if self._image and mask.shape != (height, width) else 1
        try:
            upright = mask.fit(height, width, turn)
        except DataError:
            raise MediaError(
                f"is {width} x {height} px upright, its mask {mask.shape[1]} x {mask.shape[0]}; "
                "make them the same size"
            ) from None
        try:
            return redacted_pixels(upright, self._reading)
        except DataError as error:
            raise MediaError(f"has a mask that {self._without_path(error)}") from None

    def _without_path(self, error: DataError) -> str:
        return str(error).removeprefix(f"{self.path}: ")


class MaskFolder:
    """Finds the masks of inputs in a folder.

    The mask of photos/a/b.jpg is FOLDER/a/b.png, b.jpg.png, b_mask.png or the like. Pixels that are
    not 0, or not transparent, are redacted, see `mask_reading.redacted_pixels`. The mask of an
    animation or a video holds for every frame.
    """

    def __init__(
        self, folder: Path, files: Iterable[InputFile], options: MaskOptions | None = None
    ) -> None:
        """Open `folder`.

        Args:
            folder: Searched with its sub-folders, once.
            files: All inputs; a mask that several of them would take is refused.
            options: How the masks are read; by default that is recognised for each.

        Raises:
            InputError: It is not a folder.
        """
        if not folder.is_dir():
            raise InputError(
                f"--masks {printable(folder)}: is not a folder; give one that holds masks"
            )
        self.folder = folder
        self.options = options or MaskOptions()
        self._reading = self.options.given()
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
        return {"code": self.options.code, "person_class": list(self.options.person_class)}

    def find(self, file: InputFile) -> UserMask:
        """Find the mask of `file`.

        Raises:
            MediaError: There is none, or several. A missing mask does not mean "no person".
            OSError: It cannot be read.
        """
        own = self._named(same_name(file.name))
        shared = self._named(_stem(file)) if _stem(file) != same_name(file.name) else []
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
        return UserMask(found[0], self._reading, image=file.path if file.kind == "image" else None)

    def _named(self, name: str) -> list[Path]:
        """List the masks of a name: NAME, NAME_mask and the like, unless that is another input."""
        spelled = [name, *(name + s for s in SUFFIXES if name + s not in self._stems)]
        return [path for other in spelled for path in self._masks.get(other, ())]

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
