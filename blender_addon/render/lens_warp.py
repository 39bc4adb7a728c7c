"""Take the pixels of a distorted image out of the view that Cycles rendered for it. Pure numpy.

Each pixel has a grid of spots. A spot shows the one pixel of the view that holds it; nothing is
interpolated, so ids, labels and shares stay what they are. A pixel's colour and coverage are the
means of its spots, as they are of the samples in Cycles' own pixels.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

from ..scene.camera import rays
from ..scene.rendered_view import RenderedView
from ..scene.spec import CameraSpec

# Spots along a pixel of the image for each pixel of the view. With one, spots and pixels of the
# view beat against each other: the error of the coverage is twice as large.
SPOTS = 1.5
FEWEST_SPOTS = 4
CELL = 8  # px
TOLERANCE = 0.01  # px of the view
_FULL = 1e-5  # by which a share may miss 1, after sums of samples

Index = NDArray[np.int32]


class LensWarp:
    """The way from a rendered view to the image.

    Attributes:
        view: The rendered view.
        width, height: Size of the image, px.
        across: Spots along a pixel, each way.
    """

    def __init__(self, view: RenderedView, camera: CameraSpec, width: int, height: int) -> None:
        self.view, self.width, self.height = view, width, height
        self.across = max(FEWEST_SPOTS, math.ceil(SPOTS * view.finer))
        corners = corner_positions(view, camera, width, height)
        self._x, self._y = (np.ascontiguousarray(corners[..., i]) for i in (0, 1))
        self._spots: list[Index] = []

    def mean(self, layer: NDArray[np.float32]) -> NDArray[np.float32]:
        """The image (height, width, C) of a layer (view height, view width, C) of light or shares;
        0 where the lens shows nothing.
        """
        flat = self._flat(layer)
        total = np.zeros((self.width * self.height, layer.shape[-1]), dtype=np.float32)
        for spot in self.spots:
            total += flat[spot]
        total /= np.float32(len(self.spots))
        return total.reshape(self.height, self.width, -1)

    def middle(self, layer: NDArray[np.float32]) -> NDArray[np.float32]:
        """The image (height, width, C) of a layer that cannot be averaged: what the middle of each
        pixel shows; 0 where the lens shows nothing.
        """
        return self._flat(layer)[self._middle].reshape(self.height, self.width, -1)

    @property
    def shown(self) -> NDArray[np.bool_]:
        """(height, width) whether the lens shows something there."""
        there = self._middle < self.view.width * self.view.height
        return np.asarray(there.reshape(self.height, self.width))

    def spread(
        self, pixel: NDArray[np.int64], label: NDArray[np.int64], share: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """The shares that labels have of the image's pixels, from those of the view's.

        Args:
            pixel: (N,) pixels of the view, sorted; one may be listed several times.
            label: (N,) what covers a share of it.
            share: (N,) that share.

        Returns:
            The same for the image; shares of one label in a pixel are to be summed.
        """
        size = self.view.width * self.view.height + 1
        count = np.bincount(pixel, minlength=size)
        # Most pixels show one thing alone, or nothing, at all spots.
        alone = np.where(count == 0, 0, -1).astype(np.int32)
        full = (count[pixel] == 1) & (np.abs(share - 1.0) < _FULL)
        alone[pixel[full]] = label[full]
        whole = alone[self.spots[0]]
        even = whole >= 0
        for spot in self.spots[1:]:
            even &= alone[spot] == whole
        inner, rest = np.flatnonzero(even & (whole > 0)), np.flatnonzero(~even)

        first = np.cumsum(count) - count
        image_pixels, entries = [], []
        for spot in self.spots:
            covered = np.flatnonzero(count[spot[rest]])
            source = spot[rest[covered]]
            number = count[source]
            end = np.cumsum(number)
            within = np.arange(end[-1] if len(end) else 0) - np.repeat(end - number, number)
            image_pixels.append(np.repeat(rest[covered], number))
            entries.append(np.repeat(first[source], number) + within)
        entry = np.concatenate(entries)
        shares = share[entry] / np.float64(self.across**2)
        return (
            np.concatenate([inner, *image_pixels]),
            np.concatenate([whole[inner], label[entry]]).astype(np.int64),
            np.concatenate([np.ones(len(inner)), shares]),
        )

    @property
    def spots(self) -> list[Index]:
        """For each spot, the pixel of the view (height · width,) that it shows; the number of all
        pixels where there is none.
        """
        if not self._spots:
            places = [(i + 0.5) / self.across for i in range(self.across)]
            self._spots = [self._index(x, y) for y in places for x in places]
        return self._spots

    @functools.cached_property
    def _middle(self) -> Index:
        return self._index(0.5, 0.5)

    def _index(self, x: float, y: float) -> Index:
        """The view's pixels at (x, y), 0..1, in each pixel. Over one pixel the way is as good as
        linear: it bends by 1e-3 px.
        """
        across, down = (_between(c, x, y) for c in (self._x, self._y))
        shown = np.isfinite(across)
        if not shown.all():
            across[~shown] = down[~shown] = 0.0
        column = np.clip(across.astype(np.int32), 0, self.view.width - 1)
        row = np.clip(down.astype(np.int32), 0, self.view.height - 1)
        index = row * np.int32(self.view.width) + column
        index[~shown] = self.view.width * self.view.height
        return index.reshape(-1)

    def _flat(self, layer: NDArray[np.float32]) -> NDArray[np.float32]:
        """The pixels of a layer, and an empty one."""
        channels = layer.shape[-1]
        empty = np.zeros((1, channels), dtype=layer.dtype)
        return np.concatenate([layer.reshape(-1, channels), empty])


def corner_positions(
    view: RenderedView, camera: CameraSpec, width: int, height: int
) -> NDArray[np.float32]:
    """Pixels (height + 1, width + 1, 2) of the view at the corners of the image's pixels; NaN where
    the lens shows nothing.

    The way is smooth: it is computed every CELL px, and cubic between; where that is off by more
    than TOLERANCE in the middle of a cell, and at the rim of the lens, it is computed everywhere.
    """

    def exact(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return view.positions(rays(points, camera, width, height)[0])

    columns, rows = -(-width // CELL), -(-height // CELL)
    x, y = (np.arange(-1, n + 2) * float(CELL) for n in (columns, rows))
    nodes = exact(np.stack(np.broadcast_arrays(x, y[:, None]), axis=-1))
    middles = exact(np.stack(np.broadcast_arrays(x[1:-2], y[1:-2, None]), axis=-1) + CELL / 2)
    found = _cubic(nodes, np.arange(columns) + 0.5, np.arange(rows) + 0.5)
    with np.errstate(invalid="ignore"):
        good = np.abs(found - middles).max(axis=-1) <= TOLERANCE
    corners = _cubic(nodes, np.arange(width + 1) / CELL, np.arange(height + 1) / CELL)
    column = np.minimum(np.arange(width + 1) // CELL, columns - 1)
    row = np.minimum(np.arange(height + 1) // CELL, rows - 1)
    poor = ~good[row][:, column] | ~np.isfinite(corners[..., 0])
    if poor.any():
        down, across = np.nonzero(poor)
        corners[poor] = exact(np.stack([across, down], axis=-1).astype(np.float64))
    return corners.astype(np.float32)


def _cubic(
    nodes: NDArray[np.float64], x: NDArray[np.floating], y: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Values (Y, X, 2) at places in units of cells, from nodes of which the first is at (-1, -1);
    NaN where one of the nodes around is NaN.
    """
    across, down = _weights(x, nodes.shape[1]), _weights(y, nodes.shape[0])
    there = np.isfinite(nodes[..., 0])
    known = np.where(there[..., None], nodes, 0.0)
    result = np.stack([down @ known[..., i] @ across.T for i in (0, 1)], axis=-1)
    if not there.all():
        result[(np.abs(down) @ ~there @ np.abs(across).T) > 1e-9] = np.nan
    return result


def _weights(at: NDArray[np.floating], count: int) -> NDArray[np.float64]:
    """(N, count) weights of the four nodes around each place, by Lagrange's cubic."""
    first = np.minimum(np.floor(at).astype(int), count - 4)
    t = at - first
    each = [
        -t * (t - 1) * (t - 2) / 6,
        (t + 1) * (t - 1) * (t - 2) / 2,
        -(t + 1) * t * (t - 2) / 2,
        (t + 1) * t * (t - 1) / 6,
    ]
    weights = np.zeros((len(at), count))
    for offset, values in enumerate(each):
        weights[np.arange(len(at)), first + offset] = values
    return weights


def _between(corners: NDArray[np.float32], x: float, y: float) -> NDArray[np.float32]:
    """Values (H, W) at (x, y), 0..1, in each pixel, from those at its corners (H + 1, W + 1)."""
    across = corners[:, :-1] + (corners[:, 1:] - corners[:, :-1]) * np.float32(x)
    return np.asarray(across[:-1] + (across[1:] - across[:-1]) * np.float32(y))
