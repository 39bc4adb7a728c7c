"""A reader of the pixels of photos: drawing scenes needs no Blender, reading photos does."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .view import Crop


class PhotoReader(Protocol):
    """Reads photos; render.photos has the one that Blender serves."""

    def small(self, path: Path, longest: int) -> NDArray[np.uint8]:
        """The whole photo, upright, (H, W, 3) sRGB, at most `longest` px long."""

    def backdrop(
        self, path: Path, crop: Crop, width: int, height: int, *, flip: bool
    ) -> NDArray[np.uint8]:
        """A part of a photo as it is shown behind people, (height, width, 3) sRGB."""

    def __hash__(self) -> int:
        """A key of caches: a reader gives the same pixels every time."""
