"""Refuse a render that no camera could have taken. Pure numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_DARK = 1e-7  # linear; a night without a lamp is brighter
_PEOPLE = 200  # px of people from which a check is sure: fewer may all lie in the dark


class RenderError(RuntimeError):
    """A render is not usable; the message is the fault alone."""


def check_light(rgba: NDArray[np.float32], instances: NDArray[np.integer]) -> None:
    """Check the linear image as Cycles made it.

    Args:
        rgba: (H, W, 4) linear.
        instances: (H, W) person of each pixel, 0 for none.

    Raises:
        RenderError: It holds numbers that are not finite, or its people are black.
    """
    broken = ~np.isfinite(rgba).all(axis=-1)
    if broken.any():
        raise RenderError(f"{int(broken.sum())} pixels of the render are not finite")
    people = instances > 0
    if people.sum() >= _PEOPLE and rgba[people][:, :3].max() <= _DARK:
        raise RenderError("no light falls on the people of the render")


def check_contrast(image: NDArray[np.uint8], instances: NDArray[np.integer]) -> None:
    """Check the developed image, (H, W, 3).

    Raises:
        RenderError: It is all of one colour, although people are in it.
    """
    if (instances > 0).sum() < _PEOPLE:
        return
    flat = image.reshape(-1, 3)
    if (flat.max(axis=0).astype(int) - flat.min(axis=0)).max() <= 1:
        raise RenderError("the image is all of one colour, although people are in it")
