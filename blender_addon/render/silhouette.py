"""The silhouette of a person as if nothing stood in front: a small rasteriser in numpy.

`visibility` = pixels that the instance mask gives to a person ÷ pixels of its unoccluded
silhouette. Rendering each person alone would cost a render each; counting pixel centres under its
triangles costs milliseconds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NEAR = 0.01  # m: triangles that come nearer to the camera's plane are left out
FULL_DETAIL = 160  # px: a larger silhouette is rasterised at this size and its area scaled up

Box = tuple[int, int, int, int]


def visibility(visible: int, silhouette: float) -> float:
    """Visible share of a person, 0..1.

    0 for a person that covers no pixel. The mask counts pixels that are half covered, the
    silhouette pixel centres, so the quotient of an unoccluded person may exceed 1 by a rim; it is
    cut at 1.

    Args:
        visible: Area in the instance mask, px.
        silhouette: Area of the unoccluded silhouette, px.
    """
    return min(1.0, visible / silhouette) if silhouette > 0 else 0.0


def silhouette_area(
    vertices: NDArray[np.floating],
    depth: NDArray[np.floating],
    faces: NDArray[np.integer],
    width: int,
    height: int,
) -> tuple[float, Box]:
    """Area and bounding box of a mesh's silhouette inside the frame.

    Exact up to FULL_DETAIL px of height or width, within about 1 % of the area beyond.

    Args:
        vertices: (V, 2) px, x right, y down, the first pixel's centre at (0.5, 0.5).
        depth: (V,) m along the camera's z.
        faces: (F, 3); several meshes may be stacked into one.
        width, height: Size of the frame, px.

    Returns:
        (area in px, bounding box x, y, w, h in px); zeros when nothing is inside.
    """
    x, y = front_corners(vertices, depth, faces)
    low = np.maximum((x.min(initial=np.inf), y.min(initial=np.inf)), 0.0)
    high = np.minimum((x.max(initial=-np.inf), y.max(initial=-np.inf)), (width, height))
    extent = high - low
    if not (extent > 0).all():
        return 0.0, (0, 0, 0, 0)
    # A canvas of just the box. A large one gets pixels of `step`, that end where the box ends: at
    # the frame's edge.
    large = extent.max() > FULL_DETAIL
    corner = low if large else np.floor(low)
    size = np.ceil(extent * FULL_DETAIL / extent.max() if large else high - corner).astype(int)
    step = extent / size if large else np.ones(2)
    mask = raster((x - corner[0]) / step[0], (y - corner[1]) / step[1], int(size[0]), int(size[1]))
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return 0.0, (0, 0, 0, 0)
    first = np.floor(corner + step * (columns[0], rows[0])).astype(int)
    end = np.minimum(
        np.ceil(corner + step * (columns[-1] + 1, rows[-1] + 1)), (width, height)
    ).astype(int)
    left, top, w, h = (int(v) for v in (*first, *(end - first)))
    return float(np.count_nonzero(mask) * step.prod()), (left, top, w, h)


def front_corners(
    vertices: NDArray[np.floating], depth: NDArray[np.floating], faces: NDArray[np.integer]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y, (3, T) each, of the triangles wholly in front of the camera: a corner behind it has
    no place in the image.
    """
    index = np.ascontiguousarray(faces.T)
    in_front = depth > NEAR
    if not in_front.all():
        index = index[:, in_front[index].all(axis=0)]
    return vertices[:, 0].astype(np.float64)[index], vertices[:, 1].astype(np.float64)[index]


def raster(
    x: NDArray[np.float64], y: NDArray[np.float64], width: int, height: int
) -> NDArray[np.bool_]:
    """Scanlines: on each row a triangle covers one interval. Mark where it starts and where it
    ends, then sum along the row. The cost grows with the triangles' heights, not with their areas.
    x, y: (3, T).
    """
    # Rows r whose centres r + 0.5 lie within the triangle's height, columns likewise. Most
    # triangles of a small person hold no centre at all.
    first, last = _centres(y, height)
    left, right = _centres(x, width)
    some = (first <= last) & (left <= right)
    first, last = first[some], last[some]
    x, y = x[:, some], y[:, some]

    # Corners from top to bottom (and from left to right), so that the two triangles at an edge
    # compute its crossings from the same numbers, to the last bit: no pixel falls between them.
    for a, b in ((0, 1), (1, 2), (0, 1)):
        swap = (y[a] > y[b]) | ((y[a] == y[b]) & (x[a] > x[b]))
        for v in (x, y):
            v[a], v[b] = np.where(swap, v[b], v[a]), np.where(swap, v[a], v[b])

    count = last - first + 1
    owner = np.repeat(np.arange(len(count)), count)
    row = np.arange(len(owner)) + np.repeat(first - np.cumsum(count) + count, count)
    # The line through the row's centres crosses the long edge (0 to 2), and 0 to 1 or, further
    # down, 1 to 2.
    centre = row + 0.5
    below = centre >= y[1][owner]
    long = x[0][owner] + (centre - y[0][owner]) * _slope(x, y, 0, 2)[owner]
    upper = x[0][owner] + (centre - y[0][owner]) * _slope(x, y, 0, 1)[owner]
    lower = x[1][owner] + (centre - y[1][owner]) * _slope(x, y, 1, 2)[owner]
    short = np.where(below, lower, upper)

    start = np.clip(np.ceil(np.minimum(long, short) - 0.5), 0, width).astype(np.int64)
    stop = np.clip(np.floor(np.maximum(long, short) + 0.5), 0, width).astype(np.int64)
    base = row * (width + 1)
    cells = height * (width + 1)
    covered = stop > start
    change = np.bincount((base + start)[covered], minlength=cells)
    change -= np.bincount((base + stop)[covered], minlength=cells)
    return np.cumsum(change.reshape(height, width + 1), axis=1)[:, :width] > 0


def _centres(v: NDArray[np.float64], size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last pixel, cut to 0..size - 1, whose centres lie within the corners' (3, T)
    extent.
    """
    first = np.clip(np.ceil(v.min(axis=0) - 0.5), 0, size)
    last = np.clip(np.floor(v.max(axis=0) - 0.5), -1, size - 1)
    return first.astype(np.int64), last.astype(np.int64)


def _slope(x: NDArray[np.float64], y: NDArray[np.float64], a: int, b: int) -> NDArray[np.float64]:
    """dx/dy from corner a down to corner b; 0 for a level edge."""
    rise = y[b] - y[a]
    return np.divide(x[b] - x[a], rise, out=np.zeros(len(rise)), where=rise > 0)
