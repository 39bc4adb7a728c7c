"""The horizon and the focal length of a photo from its straight lines. Pure numpy.

Buildings, rooms and furniture have edges along three directions at right angles: one upright, two
level (Coughlan & Yuille, "Manhattan World", ICCV 1999). Short straight pieces of edges are found by
moments of edge pixels; the orientation of the camera is the one whose three directions explain most
of them, given that people hold cameras nearly level. In a photo without lines the answer is that
prior, and says so.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .exif import FULL_FRAME_DIAGONAL

Array = NDArray[np.floating]

LONGEST = 512  # px: a larger photo is to be made smaller first
MOST_PIECES = 400

_CELL = 8  # px; a piece is looked for in 3 × 3 cells
_BINS = 24  # of directions; each pixel goes into two neighbours
_FEWEST = 12  # edge pixels of a piece
_THICKEST = 0.35  # px²: variance across a piece
_STRAIGHT = 12.0  # px²: least variance along it

# What people do with cameras, before a line is seen: mean and deviation, degrees and log focal.
_PITCH, _ROLL = (-4.0, 11.0), (0.0, 2.5)
_FOCAL = (float(np.log(28.0 / FULL_FRAME_DIAGONAL)), 0.3)
_FOCALS = tuple(f / FULL_FRAME_DIAGONAL for f in (18.0, 24.0, 32.0, 45.0))
# Pieces of one line are no independent witnesses.
_TRUST = 0.25
_OUTLIERS = 0.35  # share of pieces along none of the three directions
_SURE = 3.5  # degrees of uncertainty of the pitch, below which lines have told it
_FEWEST_PIECES = 40  # for the same


@dataclass(frozen=True)
class LineView:
    """A camera as the lines of its photo tell it.

    Attributes:
        pitch, roll: Degrees, as in CameraSpec.
        focal: Focal length over the diagonal; as given, where it was.
        spread: Standard deviation of the pitch, degrees.
        sure: Whether lines told the pitch, and not the prior alone.
    """

    pitch: float
    roll: float
    focal: float
    spread: float
    sure: bool


@dataclass(frozen=True, eq=False)
class Pieces:
    """Straight pieces of edges.

    Attributes:
        at: (N, 2) px, their middles from the middle of the photo; x right, y down.
        along: (N, 2) unit vectors.
        weight: (N,) 0..1.
    """

    at: NDArray[np.float64]
    along: NDArray[np.float64]
    weight: NDArray[np.float64]


def straight_pieces(grey: Array) -> Pieces:
    """Find straight pieces of edges, 10 to 24 px long.

    Args:
        grey: (H, W) display values 0..1, at most LONGEST px long.
    """
    x, y, angle = _edge_pixels(np.asarray(grey, dtype=np.float64))
    H, W = grey.shape
    rows, columns = H // _CELL + 1, W // _CELL + 1
    direction = np.floor(angle / np.pi * _BINS).astype(np.int64) % _BINS
    cell = (direction * rows + (y // _CELL).astype(np.int64)) * columns
    cell += (x // _CELL).astype(np.int64)
    powers = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
    tables = [np.bincount(cell, x**i * y**j, _BINS * rows * columns) for i, j in powers]
    moments = np.stack(tables).astype(np.float64).reshape(-1, _BINS, rows, columns)
    moments = moments + np.roll(moments, 1, axis=1)  # two neighbouring directions
    padded = np.pad(moments, ((0, 0), (0, 0), (1, 1), (1, 1)))
    window = np.zeros_like(moments)
    for i, j in itertools.product(range(3), range(3)):
        window += padded[:, :, i : i + rows, j : j + columns]
    return _fitted(window, (W, H))


def _edge_pixels(grey: Array) -> tuple[Array, Array, Array]:
    """x and y (finer than pixels) of edge pixels, and the direction of their edge (rad, 0..π)."""
    smooth = grey
    for axis in (0, 1):
        padded = np.pad(smooth, [(1, 1) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        n = smooth.shape[axis]
        low, mid, high = (np.take(padded, np.arange(i, i + n), axis=axis) for i in range(3))
        smooth = 0.25 * low + 0.5 * mid + 0.25 * high
    gy, gx = (np.asarray(slope) for slope in np.gradient(smooth))
    size: Array = np.hypot(gx, gy)
    inner = size[1:-1, 1:-1]
    steep = np.abs(gx[1:-1, 1:-1]) > np.abs(gy[1:-1, 1:-1])
    before = np.where(steep, size[1:-1, :-2], size[:-2, 1:-1])
    after = np.where(steep, size[1:-1, 2:], size[2:, 1:-1])
    limit = max(0.008, float(np.quantile(inner, 0.82)))
    edge = (inner >= before) & (inner > after) & (inner > limit)
    rows, columns = np.nonzero(edge)
    a, b, c = (v[edge] for v in (before, inner, after))
    offset = np.clip(0.5 * (a - c) / np.minimum(a - 2 * b + c, -1e-9), -0.5, 0.5)
    x = columns + 1.5 + np.where(steep[edge], offset, 0.0)
    y = rows + 1.5 + np.where(steep[edge], 0.0, offset)
    angle = np.arctan2(gx[1:-1, 1:-1][edge], -gy[1:-1, 1:-1][edge]) % np.pi
    return x, y, angle


def _fitted(window: Array, size: tuple[int, int]) -> Pieces:
    """The pieces whose pixels lie on one line, one for each cell and direction."""
    there = window[0] >= _FEWEST
    bins, rows, columns = np.nonzero(there)
    n, sx, sy, sxx, sxy, syy = (row for row in window[:, there])
    mx, my = sx / n, sy / n
    xx, xy, yy = sxx / n - mx * mx, sxy / n - mx * my, syy / n - my * my
    middle, spread = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)
    expected = bins / _BINS * np.pi  # the middle of the two neighbours
    off = np.abs((angle - expected + np.pi / 2) % np.pi - np.pi / 2)
    centred = (np.abs(mx - (columns + 0.5) * _CELL) <= _CELL / 2 + 1) & (
        np.abs(my - (rows + 0.5) * _CELL) <= _CELL / 2 + 1
    )
    good = (
        (middle - spread < _THICKEST)
        & (middle + spread > _STRAIGHT)
        & (off < np.pi / _BINS)
        & centred
    )
    weight = np.minimum(np.sqrt(12 * (middle + spread)[good]) / (3 * _CELL), 1.0)
    at = np.stack([mx[good] - size[0] / 2, my[good] - size[1] / 2], axis=1)
    along = np.stack([np.cos(angle[good]), np.sin(angle[good])], axis=1)
    if len(at) > MOST_PIECES:
        kept = np.argsort(-weight, kind="stable")[:: len(at) // MOST_PIECES + 1]
        at, along, weight = at[kept], along[kept], weight[kept]
    return Pieces(at, along, weight)


def axes(pitch: Array, roll: Array, yaw: Array) -> NDArray[np.float64]:
    """Directions of the world in camera axes (x right, y down, z forward).

    Args:
        pitch, roll, yaw: (M,) degrees, as in CameraSpec.

    Returns:
        (M, 3, 3): [m, k] is the unit vector of axis k: two level ones and the one upwards.
    """
    (cy, cp, cr), (sy, sp, sr) = (
        [f(np.radians(v)) for v in (yaw, pitch, roll)] for f in (np.cos, np.sin)
    )
    # Columns of Rz(yaw) Rx(pitch) Ry(roll): the camera's right, forward and up in the world.
    right = np.stack([cy * cr - sy * sp * sr, sy * cr + cy * sp * sr, -cp * sr], axis=-1)
    ahead = np.stack([-sy * cp, cy * cp, sp], axis=-1)
    up = np.stack([cy * sr + sy * sp * cr, sy * sr - cy * sp * cr, cp * cr], axis=-1)
    return np.stack([right, -up, ahead], axis=-1)


def view_of_lines(
    pieces: Pieces, diagonal: float, focal: float | None = None, lowest_sky: float | None = None
) -> LineView:
    """The camera whose directions explain the pieces of edges best.

    Args:
        pieces: The pieces.
        diagonal: Diagonal of the photo, px.
        focal: Focal length over the diagonal; None to estimate it, too.
        lowest_sky: Lower end of the sky, px below the middle of the photo; None without sky.
    """
    focals = np.array(_FOCALS if focal is None else (focal,))
    grid = np.meshgrid(
        focals, np.arange(-36.0, 37.0, 4.0), np.arange(-8.0, 9.0, 2.0), np.arange(0.0, 90.0, 5.0),
        indexing="ij",
    )  # fmt: skip
    drawn = np.stack([g.ravel() for g in grid], axis=1)
    score = _score(pieces, diagonal, drawn, 3.0, lowest_sky)
    mean, spread = _moments(drawn, score)
    if spread > _SURE or len(pieces.at) < _FEWEST_PIECES:
        # One of several answers would be far off half of the time; their mean is not.
        return LineView(float(mean[1]), float(mean[2]), float(mean[0]), spread, sure=False)
    best = drawn[np.argsort(-score, kind="stable")[:4]]
    steps = np.array([1.15, 2.0, 1.0, 2.5])
    for sigma in (2.5, 2.0, 1.5, 1.5):
        around = np.array(list(itertools.product((-1, 0, 1), repeat=4)), dtype=np.float64)
        if focal is not None:
            around = around[around[:, 0] == 0]
        tried = (best[:, None, :] + around * np.array([0.0, *steps[1:]])).reshape(-1, 4)
        tried[:, 0] *= np.tile(steps[0] ** around[:, 0], len(best))
        score = _score(pieces, diagonal, tried, sigma, lowest_sky)
        best = tried[np.argsort(-score, kind="stable")[:3]]
        steps = np.array([steps[0] ** 0.5, *(steps[1:] * 0.5)])
    f, pitch, roll, _ = (float(v) for v in best[0])
    return LineView(pitch, roll, f, spread, sure=True)


def _score(
    pieces: Pieces, diagonal: float, drawn: Array, sigma: float, lowest_sky: float | None
) -> NDArray[np.float64]:
    """Log probability of cameras (M, 4): focal, pitch, roll, yaw."""
    focal, pitch, roll, yaw = drawn.T
    score = -0.5 * (
        ((np.log(focal) - _FOCAL[0]) / _FOCAL[1]) ** 2
        + ((pitch - _PITCH[0]) / _PITCH[1]) ** 2
        + ((roll - _ROLL[0]) / _ROLL[1]) ** 2
    )
    for f in np.unique(focal):
        same = np.flatnonzero(focal == f)
        world = axes(pitch[same], roll[same], yaw[same])
        score[same] += _TRUST * _agreement(pieces, f * diagonal, world, sigma)
    if lowest_sky is not None:
        # No sky is below the horizon.
        horizon = np.tan(np.radians(pitch)) * focal * diagonal
        score -= 0.5 * (np.maximum(lowest_sky - horizon, 0.0) / (0.02 * diagonal)) ** 2
    return score


def _agreement(pieces: Pieces, f: float, world: Array, sigma: float) -> NDArray[np.float64]:
    """Log likelihood of the pieces for each of the axes (M, 3, 3); 0 where all are outliers."""
    if not len(pieces.at):
        return np.zeros(len(world))
    ray = np.column_stack([pieces.at / f, np.ones(len(pieces.at))])
    plane = np.cross(ray, np.column_stack([pieces.along, np.zeros(len(pieces.at))]))
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    plane /= np.linalg.norm(plane, axis=1, keepdims=True)
    ray, plane = ray.astype(np.float32), plane.astype(np.float32)
    weight, total = pieces.weight.astype(np.float32), np.zeros(len(world))
    # An edge through the direction itself tells nothing; 90 degrees hold one of each direction.
    peak = (1 - _OUTLIERS) / 3 * 90.0 / (sigma * 1.2533) / _OUTLIERS
    narrow = np.float32(-0.5 / np.sin(np.radians(sigma)) ** 2)
    for start in range(0, len(world), 1024):
        part = world[start : start + 1024].astype(np.float32)
        found = np.zeros((len(part), len(ray)), dtype=np.float32)
        for k in range(3):
            off = (part[:, k] @ plane.T) ** 2 / np.maximum(1 - (part[:, k] @ ray.T) ** 2, 1e-3)
            found += np.exp(off * narrow)
        total[start : start + 1024] = np.log1p(np.float32(peak) * found) @ weight
    return total


def _moments(drawn: Array, score: Array) -> tuple[NDArray[np.float64], float]:
    """Mean (4,) of cameras with these log probabilities, and the deviation of their pitch."""
    p = np.exp(score - score.max())
    p /= p.sum()
    mean = p @ drawn
    return mean, float(np.sqrt(p @ (drawn[:, 1] - mean[1]) ** 2))
