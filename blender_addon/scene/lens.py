"""Lens distortion in OpenCV's conventions, both ways. Pure numpy.

`ideal` coordinates are x/z and y/z in camera axes: where a pinhole of focal length 1 images a
point. `distorted` ones are what K turns into pixels.

brown_conrady: (k1, k2, p1, p2[, k3]), the order of OpenCV's distCoeffs (Brown 1971):
    d = i · (1 + k1 r² + k2 r⁴ + k3 r⁶) + (2 p1 xy + p2 (r² + 2x²), p1 (r² + 2y²) + 2 p2 xy)
fisheye: (k1, k2, k3, k4) of cv2.fisheye (Kannala & Brandt 2006, eq. 6), θ the angle off the axis:
    d = i / r · (θ + k1 θ³ + k2 θ⁵ + k3 θ⁷ + k4 θ⁹)

Both are polynomials that turn back at some radius. A lens is used up to there, and to 89° off its
axis; beyond, points are kept outside of the image.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import polynomial
from numpy.typing import NDArray

from .spec import CameraSpec

Array = NDArray[np.float64]

MODELS = {"none": (0,), "brown_conrady": (4, 5), "fisheye": (4,)}
"""Models, and the numbers of coefficients that they take."""

WIDEST = math.radians(89.0)  # off the axis: what a lens shows lies in front of the camera
# The largest error of `undistort`, in distorted coordinates: a millionth of a pixel or less.
ACCURACY = 1e-10
# A lens ends where an area shrinks to this share of its size in the middle, just before it folds.
_LEAST_AREA = 1e-3
_ITERATIONS = 30
_TABLE = 512


@dataclass(frozen=True)
class Lens:
    """A lens that distorts; `lens_of` checks it and finds its limit.

    Attributes:
        model: 'brown_conrady' or 'fisheye'.
        coefficients: Those of the model, with k3 for Brown–Conrady.
        limit: The largest ideal radius that it shows.
    """

    model: str
    coefficients: tuple[float, ...]
    limit: float

    def distort(self, ideal: NDArray[np.floating]) -> Array:
        """Distorted coordinates (…, 2) of ideal ones (…, 2).

        Beyond the limit positions go on outwards in proportion to the radius, so none folds back.
        """
        radius = np.hypot(ideal[..., 0], ideal[..., 1])
        beyond = np.maximum(radius / self.limit, 1.0)[..., None]
        return _distorted(self.model, self.coefficients, ideal / beyond) * beyond

    def undistort(self, distorted: NDArray[np.floating]) -> tuple[Array, NDArray[np.bool_]]:
        """The inverse of `distort`, by Newton's method, to ACCURACY.

        Args:
            distorted: (…, 2).

        Returns:
            (ideal coordinates (…, 2), NaN where the lens shows nothing; where it shows something
            (…,)).
        """
        flat = np.asarray(distorted, dtype=np.float64).reshape(-1, 2)
        solve = _undistorted_fisheye if self.model == "fisheye" else _undistorted_brown
        ideal = solve(self, flat)
        error = np.abs(_distorted(self.model, self.coefficients, ideal) - flat).max(axis=1)
        reached = error <= ACCURACY * (1 + np.abs(flat).max(axis=1))
        shown = reached & (np.hypot(*ideal.T) <= self.limit * (1 + 1e-9))
        ideal[~shown] = np.nan
        return ideal.reshape(distorted.shape), shown.reshape(distorted.shape[:-1])

    def shows(self, ideal: NDArray[np.floating]) -> NDArray[np.bool_]:
        """(…,) whether ideal coordinates (…, 2) are within the limit."""
        return np.hypot(ideal[..., 0], ideal[..., 1]) <= self.limit

    def width(self, fov: float) -> float:
        """Distorted width of an image with this horizontal field of view, degrees: its pixels
        divided by the focal length. Decentering does not change it.

        Raises:
            ValueError: The lens folds before.
        """
        place, end = self._unfolded()
        half = math.radians(fov) / 2
        if not 0 < half <= end:
            raise ValueError(
                f"camera.fov: {fov:g} degrees, but this lens folds beyond"
                f" {2 * math.degrees(end):.1f}; use a smaller field of view or weaker distortion"
            )
        return 2.0 * place(half)

    def fov(self, width: float) -> float:
        """Horizontal field of view, degrees, of an image of a distorted width. The inverse of
        `width`.

        Raises:
            ValueError: The lens does not reach that far.
        """
        place, high = self._unfolded()
        if not 0 < width <= 2 * place(high):
            raise ValueError(f"the lens shows less than a width of {width:g} focal lengths")
        low = 0.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if 2 * place(middle) < width else (low, middle)
        return 2 * math.degrees(high)

    def _unfolded(self) -> tuple[Callable[[float], float], float]:
        """(the distorted radius at an angle off the axis, the angle up to which it grows). A
        fisheye may reach beyond its limit: the frame is then wider than what is shown.
        """
        k1, k2, *rest = self.coefficients
        if self.model == "fisheye":
            angle = np.linspace(0.0, math.pi, 8 * _TABLE)
            end = _before_fold(angle, _odd_slope(angle, self.coefficients))
            return lambda a: float(_odd(np.array(a), self.coefficients)), end
        radial = (k1, k2, rest[-1])
        return lambda a: float(_odd(np.tan(np.array(a)), radial)), math.atan(self.limit)


def lens_of(camera: CameraSpec) -> Lens | None:
    """The lens of a camera; None for a pinhole.

    Raises:
        ValueError: An unknown model, or coefficients that it does not take.
    """
    if camera.distortion == "none" and not camera.coefficients:
        return None
    return make_lens(camera.distortion, tuple(camera.coefficients))


@functools.lru_cache(maxsize=256)
def make_lens(model: str, coefficients: tuple[float, ...]) -> Lens:
    """A lens with its limit. Raises ValueError as `lens_of`; 'none' is no lens."""
    if model not in MODELS:
        raise ValueError(f"camera.distortion: {model!r}, expected one of {', '.join(MODELS)}")
    counts = MODELS[model]
    if len(coefficients) not in counts or not all(map(math.isfinite, coefficients)):
        wanted = " or ".join(map(str, counts))
        raise ValueError(
            f"camera.coefficients: {model} takes {wanted} numbers, got {list(coefficients)}"
        )
    if model == "brown_conrady":
        coefficients = (*coefficients, 0.0)[:5]
    return Lens(model, coefficients, _limit(model, coefficients))


def _distorted(model: str, k: tuple[float, ...], ideal: NDArray[np.floating]) -> Array:
    """The model's formula, wherever it leads."""
    x, y = ideal[..., 0], ideal[..., 1]
    r2 = x * x + y * y
    if model == "fisheye":
        r = np.sqrt(r2)
        theta = np.arctan(r)
        scale = np.divide(_odd(theta, k), r, out=np.ones_like(r), where=r > 1e-12)
        return ideal * scale[..., None]
    k1, k2, p1, p2, k3 = k
    scale = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
    xy = x * y
    return np.stack(
        [
            x * scale + 2 * p1 * xy + p2 * (r2 + 2 * x * x),
            y * scale + p1 * (r2 + 2 * y * y) + 2 * p2 * xy,
        ],
        axis=-1,
    )


def _odd(v: NDArray[np.floating], k: tuple[float, ...]) -> Array:
    """v + k1 v³ + k2 v⁵ + …"""
    return np.asarray(v * polynomial.polyval(v * v, (1.0, *k)))


def _odd_slope(v: NDArray[np.floating], k: tuple[float, ...]) -> Array:
    """The derivative of `_odd`."""
    slopes = [(2 * i + 1) * c for i, c in enumerate((1.0, *k))]
    return np.asarray(polynomial.polyval(v * v, slopes))


def _brown_slopes(k: tuple[float, ...], x: Array, y: Array) -> tuple[Array, Array, Array]:
    """dx'/dx, dx'/dy = dy'/dx and dy'/dy of Brown–Conrady."""
    k1, k2, p1, p2, k3 = k
    r2 = x * x + y * y
    scale = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
    bend = 2 * (k1 + r2 * (2 * k2 + r2 * 3 * k3))
    return (
        scale + x * x * bend + 2 * p1 * y + 6 * p2 * x,
        x * y * bend + 2 * p1 * x + 2 * p2 * y,
        scale + y * y * bend + 6 * p1 * y + 2 * p2 * x,
    )


def _limit(model: str, k: tuple[float, ...]) -> float:
    """The ideal radius at which the model folds, at most that of WIDEST."""
    widest = math.tan(WIDEST)
    if model == "fisheye":
        theta = np.linspace(0.0, WIDEST, 4 * _TABLE)
        return float(np.tan(_before_fold(theta, _odd_slope(theta, k))))
    radius = np.tan(np.linspace(0.0, WIDEST, 4 * _TABLE))
    turn = np.linspace(0.0, 2 * np.pi, 48, endpoint=False)
    if k[2] == k[3] == 0.0:
        turn = turn[:1]
    x, y = radius[:, None] * np.cos(turn), radius[:, None] * np.sin(turn)
    a, b, c = _brown_slopes(k, x, y)
    # Both ways must go on: outwards and around.
    least = np.minimum(a * c - b * b, a + c).min(axis=1)
    return min(float(_before_fold(radius, least)), widest)


def _before_fold(at: Array, growth: Array) -> float:
    """The last of the increasing places `at` before the growth is lost."""
    lost = np.flatnonzero(growth <= _LEAST_AREA)
    return float(at[max(int(lost[0]) - 1, 1)] if len(lost) else at[-1])


def _undistorted_fisheye(lens: Lens, flat: Array) -> Array:
    radius = np.hypot(*flat.T)
    end = math.atan(lens.limit)
    table = np.linspace(0.0, end, _TABLE)
    k = lens.coefficients
    theta = np.asarray(np.interp(radius, _odd(table, k), table))
    for _ in range(_ITERATIONS):
        step = (_odd(theta, k) - radius) / np.maximum(_odd_slope(theta, k), _LEAST_AREA)
        theta = np.clip(theta - step, 0.0, end)
        if np.abs(step).max(initial=0.0) < 1e-15:
            break
    scale = np.divide(np.tan(theta), radius, out=np.ones_like(radius), where=radius > 1e-12)
    return np.asarray(flat * scale[:, None])


def _undistorted_brown(lens: Lens, flat: Array) -> Array:
    k = lens.coefficients
    k1, k2, _, _, k3 = k
    # The radial part alone, from a table, is a start that Newton's method converges from. The table
    # is even in angle, since a limit of 89 degrees is a radius of 57.
    table = np.tan(np.linspace(0.0, math.atan(lens.limit), _TABLE))
    radius = np.hypot(*flat.T)
    rising = np.maximum.accumulate(_odd(table, (k1, k2, k3)))
    start = np.interp(radius, rising, table)
    x, y = (flat * np.divide(start, radius, out=np.ones_like(start), where=radius > 0)[:, None]).T
    for _ in range(_ITERATIONS):
        wrong = _distorted("brown_conrady", k, np.stack([x, y], axis=-1)) - flat
        a, b, c = _brown_slopes(k, x, y)
        area = np.maximum(a * c - b * b, _LEAST_AREA**2)
        dx = (c * wrong[:, 0] - b * wrong[:, 1]) / area
        dy = (a * wrong[:, 1] - b * wrong[:, 0]) / area
        x, y = x - dx, y - dy
        back = np.maximum(np.hypot(x, y) / lens.limit, 1.0)
        x, y = x / back, y / back
        # Those that cannot be reached stay at the limit; they need no further steps.
        if np.abs(wrong[back <= 1.0]).max(initial=0.0) < 1e-14:
            break
    return np.stack([x, y], axis=-1)
