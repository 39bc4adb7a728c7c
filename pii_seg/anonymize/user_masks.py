"""Masks that somebody made by hand or with another program, laid out like the inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pii_seg.anonymize.inputs import Item
from pii_seg.data.image_io import read_mask
from pii_seg.errors import DataError, InputError, MediaError


class MaskFolder:
    """For photos/a/b.jpg the mask is FOLDER/a/b.png, or FOLDER/a/b.jpg.png; what is not 0 in it is redacted.

    For an animation or a film it holds for every frame.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InputError(f"--masks {folder}: is no folder")
        self.folder = folder

    def __call__(self, item: Item, height: int, width: int) -> np.ndarray:
        """bool (height, width). Raises MediaError when there is none that fits: no mask is not the same as nobody."""
        plain = self.folder / item.name
        for path in (plain.with_suffix(".png"), plain.with_name(plain.name + ".png")):
            if path.is_file():
                break
        else:
            raise MediaError("has no mask in --masks; give one, all 0 if nobody is there")
        try:
            mask = read_mask(path)
        except DataError:
            raise MediaError("has a mask that cannot be read; write it as a grey PNG") from None
        if mask.shape != (height, width):
            raise MediaError(
                f"is {width} x {height} px upright, its mask {mask.shape[1]} x {mask.shape[0]}; make them agree"
            )
        return mask != 0
