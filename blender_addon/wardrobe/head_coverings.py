"""Cloth around head and neck: hijab, niqab, headscarf, turban, and scarves.

A covering is a grid of cloth around the head: columns go from one side of the face around the back
to the other side, rows from the crown down to the hem. Where there is no face, the sides meet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from .hats import TURN, Crown, colors_of
from .head_frame import HEAD_ROWS, HeadFrame, head_frame
from .outfit import Item
from .part_fitting import PerBody, bound, worn
from .round_map import RoundMap, round_map
from .solids import KNIT, SOFT, Mesh, band, join, loft, tube
from .vectors import unit
from .worn_part import Fitting, WornPart

Array = np.ndarray

# rm above the eyes: chest, shoulders and neck, below the rows of the head.
_BUST_ROWS = (
    -0.62,
    -0.56,
    -0.5,
    -0.44,
    -0.39,
    -0.35,
    -0.31,
    -0.28,
    -0.25,
    -0.225,
    -0.2,
    -0.175,
    -0.15,
)
_AROUND = 33  # columns
_WIDEST = 0.1  # of the chart's `arm`: coverings lie on shoulders, and not on arms


@dataclass(frozen=True)
class Veil:
    """The cut of a covering; lengths are rm, heights above the eyes.

    Attributes:
        high, low: The upper and the lower end of the opening for the face.
        wide: Half the angle of the opening, rad.
        square: Roundness of the opening: 2 is an ellipse.
        hem: Height of the hem in front, at the sides and behind.
        full: How far the cloth stands off the neck.
        hangs: Whether it falls straight from the face, as a veil does.
        knot: Whether it is tied under the chin.
    """

    high: float = 0.058
    low: float = -0.122
    wide: float = 1.02
    square: float = 2.4
    hem: tuple[float, float, float] = (-0.33, -0.225, -0.33)
    full: float = 0.026
    hangs: bool = False
    knot: bool = False


VEILS = {
    "hijab": Veil(),
    "niqab": Veil(
        high=0.03, low=-0.026, wide=0.95, square=3.5, hem=(-0.4, -0.23, -0.4), hangs=True
    ),
    "headscarf": Veil(
        high=0.07, low=-0.125, wide=1.12, hem=(-0.142, -0.135, -0.235), full=0.01, knot=True
    ),
}
_SKINS: PerBody[tuple[Array, ...]] = PerBody()


@lru_cache(maxsize=4)
def bust_map(fitting: Fitting) -> RoundMap:
    """The outline of the clothes from the chest to the crown."""
    rows = (*_BUST_ROWS, *HEAD_ROWS)
    return round_map(fitting, fitting.surface, "bust", rows, _WIDEST)


def covering(fitting: Fitting, item: Item) -> list[WornPart]:
    """A hijab, niqab or headscarf. Colours: cloth."""
    mesh = _veil(fitting, VEILS[item.kind], item.variant)
    joints, weights, near = _skin(fitting, item.kind, lambda f: _veil(f, VEILS[item.kind], 0.5))
    colors = colors_of(item, "#2c2e33")
    return [
        worn(fitting, item.kind, mesh, colors, SOFT, (joints, weights), near, replaces=("hair",))
    ]


def _skin(fitting: Fitting, key: str, build: Callable[[Fitting], Mesh]) -> tuple[Array, ...]:
    def made(mean: Fitting) -> tuple[Array, ...]:
        chart = mean.chart
        among = np.flatnonzero((np.asarray(chart["level"]) > 0.35) & (chart["arm"] < 0.25))
        return bound(mean, build(mean).vertices, among)

    return _SKINS.get(fitting, key, made)


def _veil(fitting: Fitting, veil: Veil, variant: float) -> Mesh:
    head, shape = head_frame(fitting), bust_map(fitting)
    h, hair = head.size, (0.002 + 0.45 * min(fitting.hair, 0.03)) * head.size
    middle, half = 0.5 * (veil.high + veil.low), 0.5 * (veil.high - veil.low)
    # Rows: a dome, down to the face, along it, and from the chin to the hem.
    beside = middle + half * np.cos(np.linspace(0, np.pi, 10))
    above = np.linspace(0.088, veil.high, 3)[:-1] if veil.high < 0.08 else np.zeros(0)
    upper = np.concatenate([above, beside])
    wave = 7.0 * variant
    u = np.linspace(0, 1, _AROUND)
    share = np.clip(1 - np.abs((upper - middle) / half) ** veil.square, 0, 1) ** (1 / veil.square)
    turn = veil.wide * share[:, None] * (1 - 2 * u) + 2 * np.pi * u  # (rows, columns)
    y = head.eyes[1] + upper[:, None] * h + 0 * turn
    tight = 0.004 + 0.006 * np.sin(np.pi * u) ** 0.5
    rows = shape.points(y, turn, hair + tight * h)
    reach = 0.8 * abs(float(fitting.joint("left_shoulder")[0]) - float(head.eyes[0]))
    body = _below(head, shape, veil, rows[-1], wave, reach)
    dome = []
    top = head.crown + 0.007 * h + hair
    for t in np.linspace(np.pi / 2, 0.25, 4):
        row = rows[0].mean(axis=0) + (rows[0] - rows[0].mean(axis=0)) * np.cos(t)
        row[:, 1] = rows[0][:, 1] + np.sin(t) * (top - rows[0][:, 1])
        dome.append(row)
    grid = np.concatenate([dome, rows, body])
    grid[len(dome) :] += _folds(grid[len(dome) :], u, wave, 0.003 * h)
    mesh = loft(grid[::-1], closed=False)
    # Where both sides meet they share vertices, or there would be a crease.
    number = np.arange(grid.shape[0] * _AROUND, dtype=np.int32).reshape(-1, _AROUND)
    met = np.linalg.norm(grid[:, 0] - grid[:, -1], axis=1)[::-1] < 1e-6
    number[met, -1] = number[met, 0]
    mesh = replace(mesh, faces=number.ravel()[mesh.faces])
    return join(mesh, *_knot(grid, h)) if veil.knot else mesh


def _below(
    head: HeadFrame, shape: RoundMap, veil: Veil, chin: Array, wave: float, reach: float
) -> Array:
    """(rows, columns, 3) from the row of the chin to the hem.

    At the sides it ends where the body is `reach` (m) wide: farther out shoulders move with arms.
    """
    h = head.size
    u = np.linspace(0, 1, _AROUND)
    turn = 2 * np.pi * u
    cos = np.cos(turn)
    front, side, back = veil.hem
    hem = side + np.where(cos > 0, (front - side) * cos**2, (back - side) * cos**2)
    hem = hem + 0.012 * np.sin(turn + wave) * (1 - veil.knot)
    drop = np.linspace(-0.125, -0.26, 28)
    out = shape.points(head.eyes[1] + drop[:, None] * h, np.broadcast_to(turn, (28, _AROUND)))
    wide = np.abs(out[..., 0] - head.eyes[0]) > reach
    hem = np.where(wide.any(axis=0), np.maximum(hem, drop[wide.argmax(axis=0)]), hem)
    for _ in range(2):
        hem[1:-1] = (hem[:-2] + 2 * hem[1:-1] + hem[2:]) / 4
    t = np.linspace(0, 1, 9)[1:, None]
    y = chin[:, 1] + t * (head.eyes[1] + hem * h - chin[:, 1])
    folds = 0.5 + 0.5 * np.sin(2 * np.pi * 2.3 * t + 1.3 * cos[None] + wave)
    away = (0.008 + veil.full * (1.2 - t) * (0.45 + 0.55 * folds)) * h
    rows = shape.points(y, np.broadcast_to(turn, y.shape), away)
    if veil.hangs:
        above = np.maximum.accumulate(np.concatenate([chin[None], rows])[..., 2], axis=0)[1:]
        ahead = (np.clip(cos, 0, 1) ** 0.5)[None]
        rows[..., 2] = rows[..., 2] * (1 - ahead) + np.maximum(rows[..., 2], above) * ahead
    # The cloth leaves the face where it is, and comes to the neck after that.
    soft = np.clip(t / 0.3, 0, 1)[..., None]
    start = np.broadcast_to(chin, rows.shape) * np.array([1.0, 0, 1.0]) + rows * np.array(
        [0, 1.0, 0]
    )
    return start * (1 - soft) + rows * soft


def _folds(grid: Array, u: Array, wave: float, size: float) -> Array:
    """(rows, columns, 3) small folds from the face backwards."""
    t = np.linspace(0, 1, len(grid))[:, None]
    turn = 2 * np.pi * u[None]
    height = np.sin(5 * turn + 9 * t + wave) + 0.7 * np.sin(9 * turn - 14 * t + 2 * wave)
    out = unit((grid - grid.mean(axis=1, keepdims=True)) * np.array([1.0, 0.0, 1.0]))
    return out * (size * height * np.sin(np.pi * u) ** 0.5)[..., None]


def _knot(grid: Array, h: float) -> list[Mesh]:
    """A knot under the chin with two short ends."""
    at = grid[-4, [0, -1]].mean(axis=0) + np.array([0.0, 0.0, 0.006 * h])
    turn, tilt = 2 * np.pi * np.arange(8) / 8, np.linspace(-np.pi / 2, np.pi / 2, 5)[:, None]
    ball = np.stack([np.cos(tilt) * np.sin(turn) * 1.4, np.sin(tilt) + 0 * turn,
                     np.cos(tilt) * np.cos(turn)], axis=-1)  # fmt: skip
    ends = []
    for side in (1.0, -1.0):
        path = (
            at
            + np.array([[0, 0, 0], [0.012 * side, -0.035, 0.006], [0.03 * side, -0.085, 0.0]]) * h
        )
        ends.append(band(path, (0.2 * side, 0.2, 1.0), np.array([0.02, 0.04, 0.05]) * h, 0.004 * h))
    return [loft(at + 0.014 * h * ball), *ends]


def turban(fitting: Fitting, item: Item) -> list[WornPart]:
    """Cloth wrapped around the head. Colours: cloth."""
    crown = Crown(fitting)
    h = crown.h
    edge = crown.edge(0.05, -0.012, 0.006)
    rows = crown.rows(edge, 0.03, 2.05, 14, tight=0.008)
    t = np.linspace(0, 1, len(rows))[:, None]
    out = unit((rows - edge.mean(axis=0)) * np.array([1.0, 0.35, 1.0]))
    full = (0.026 + 0.014 * item.variant) * np.sin(np.pi * np.clip(t * 1.05, 0, 1)) ** 0.7
    lean = np.abs((TURN + np.pi) % (2 * np.pi) - np.pi) / np.pi  # wraps cross in front
    wraps = 0.008 * np.abs(np.sin(np.pi * (4.5 * t + 1.6 * lean[None] + item.variant))) ** 0.6
    rows = rows + out * ((full + wraps * np.sin(np.pi * t)) * h)[..., None]
    mesh = loft(rows, last=True)
    part = crown.part("turban", mesh, colors_of(item, "#a9561e"), SOFT)
    return [replace(part, replaces=("hair",))]


def scarf(fitting: Fitting, item: Item) -> list[WornPart]:
    """A scarf around the neck, most with ends that hang. Colours: cloth, ends."""
    mesh = _scarf(fitting, item.variant)
    ends = "ends" if item.variant > 0.3 else "loop"
    joints, weights, near = _skin(fitting, f"scarf {ends}", lambda f: _scarf(f, item.variant))
    colors = colors_of(item, "#6e1f26")
    return [worn(fitting, "scarf", mesh, colors, KNIT, (joints, weights), near)]


def _scarf(fitting: Fitting, variant: float) -> Mesh:
    head, shape = head_frame(fitting), bust_map(fitting)
    h = fitting.scale
    turn = 2 * np.pi * np.arange(26) / 26
    meshes = []
    thick = (0.022 + 0.01 * variant) * h
    for number, (low, tilt) in enumerate(((-0.168, 0.026), (-0.135, 0.016))):
        y = head.eyes[1] + low * head.size - tilt * h * np.cos(turn)
        wobble = 1 + 0.16 * np.sin(3 * turn + 7 * variant + number) + 0.1 * np.sin(7 * turn)
        path = shape.points(y, turn, 0.6 * thick * (1 - 0.2 * number))
        middle = np.array([head.eyes[0], 0.0, path[:, 2].mean()])
        reach = np.hypot(path[:, 0] - middle[0], path[:, 2] - middle[2])
        share = np.minimum(1.0, (0.098 - 0.012 * number) * h / reach)[:, None]
        path[:, [0, 2]] = middle[[0, 2]] + (path[:, [0, 2]] - middle[[0, 2]]) * share
        out = unit((path - path.mean(axis=0)) * np.array([1.0, 0.0, 1.0]))
        meshes.append(tube(path, thick * wobble, out=out, flat=0.75, sides=8, closed=True))
    if variant > 0.3:
        for side, length in ((0.3, 0.34 + 0.2 * variant), (-0.22, 0.25 + 0.2 * variant)):
            t = np.linspace(0, 1, 9)
            y = head.eyes[1] - (0.19 + t * length) * h
            path = shape.points(y, side * (1 - 0.3 * t), (0.014 + 0.01 * (1 - t) ** 2) * h)
            # It hangs: nowhere nearer to the body than further up.
            path[:, 2] = np.maximum.accumulate(path[:, 2])
            width = (0.055 + 0.045 * np.clip(2 * t, 0, 1)) * h
            meshes.append(band(path, (0.25 * side, 0.0, 1.0), width, 0.009 * h, region=1))
    return join(*meshes)
