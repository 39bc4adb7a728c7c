"""Real sizes of models: from a catalogue, from the file's unit, or from what such things have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .kinds import Kind

Array = np.ndarray
Size = tuple[float, float, float]

# m of a file's unit, the likelier first.
UNITS = (1.0, 0.01, 0.001, 0.0254, 0.1, 0.3048)
_THIN = 1e-3  # m, the least extent along an axis
_AGREE = 1.6  # a catalogue's proportions and the file's may differ by this factor
_BETTER = 1.25  # and another axis must fit better by this one to be taken for up


@dataclass(frozen=True)
class RealSize:
    """The size of a model.

    Attributes:
        size: (width, depth, height), m.
        note: What was guessed, in words; "" where the size is known.
    """

    size: Size
    note: str = ""


def points_up(extent: Array, size: Size | None, written: str) -> bool:
    """Whether the second axis of a file points up, and not the third.

    Args:
        extent: (3,) of the model along the file's axes.
        size: The real (width, depth, height), where it is known.
        written: "y", "z" or "".
    """
    if written in ("y", "z"):
        return written == "y"
    if size is None or min(extent) <= 0:
        return True  # as glTF has it, and most programs write OBJ
    by_y, by_z = (_misfit(extent[list(axes)], size) for axes in ((0, 2, 1), (0, 1, 2)))
    return bool(by_y <= by_z * _BETTER)


def _misfit(extent: Array, size: ArrayLike) -> float:
    """Largest ratio of the proportions, at least 1."""
    ratio = np.log(np.maximum(extent, 1e-9)) - np.log(np.maximum(size, 1e-9))
    return float(np.exp(np.ptp(ratio)))


def real_size(extent: Array, kind: Kind, listed: Size | None) -> RealSize:
    """The real size of a model.

    Args:
        extent: (3,) along x, y, z, with z up, in the file's unit.
        kind: What it is.
        listed: The size in a catalogue; None without one.
    """
    longest = float(extent.max())
    if listed is not None:
        thick = extent > 1e-6 * longest
        if _misfit(extent[thick], np.array(listed)[thick]) < _AGREE:
            return RealSize(_thick(listed))
        scale = max(listed) / longest  # a slip, or the model is open
        return RealSize(
            _thick(extent * scale), "its catalogue's size has other proportions than the model"
        )
    low, high = kind.size
    unit = next((unit for unit in UNITS if low <= longest * unit <= high), None)
    if unit is not None:
        return RealSize(_thick(extent * unit))
    usual = float(np.sqrt(low * high))
    return RealSize(
        _thick(extent * (usual / longest)),
        f"{longest:.3g} is no length of a {kind.role} in any unit; it is made {usual:.2g} m long",
    )


def _thick(size: Array | Size) -> Size:
    x, y, z = (max(float(value), _THIN) for value in size)
    return x, y, z
