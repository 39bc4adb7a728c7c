"""Masks that the user made, by hand or with another program, laid out like the inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pii_seg.anonymize.inputs import InputFile
from pii_seg.data.mask_io import read_mask
from pii_seg.errors import DataError, InputError, MediaError


class MaskFolder:
    """Reads the mask of an input from a folder.

    The mask of photos/a/b.jpg is FOLDER/a/b.png or FOLDER/a/b.jpg.png. Pixels that are not 0 are
    redacted. The mask of an animation or a video holds for every frame.
    """

    def __init__(self, folder: Path) -> None:
        """Open `folder`.

        Raises:
            InputError: It is not a folder.
        """
        if not folder.is_dir():
            raise InputError(f"--masks {folder}: is not a folder; give one that holds masks")
        self.folder = folder

    def __call__(self, file: InputFile, height: int, width: int) -> np.ndarray:
        """Read the mask of `file`, bool (height, width).

        Raises:
            MediaError: There is none of this size. A missing mask does not mean "no person".
        """
        plain = self.folder / file.name
        for path in (plain.with_suffix(".png"), plain.with_name(plain.name + ".png")):
            if path.is_file():
                break
        else:
            raise MediaError("has no mask in --masks; add one, all 0 if it shows no person")
        try:
            mask = read_mask(path)
        except DataError:
            raise MediaError("has a mask that cannot be read; write it as a grey PNG") from None
        if mask.shape != (height, width):
            raise MediaError(
                f"is {width} x {height} px upright, its mask {mask.shape[1]} x {mask.shape[0]}; "
                "make them the same size"
            )
        return mask != 0
