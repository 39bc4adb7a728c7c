"""Beards and eyebrows as short ribbons on the face."""

from __future__ import annotations

import numpy as np

from .chart import HEAD_UNIT
from .ribbons import OF_BROWS, Draws, HairMesh, evenly, ribbons, steps, vector
from .scalp import Head, HeadMap, Places
from .vectors import unit

Array = np.ndarray

_BROW_HAIRS = 34
_UP = vector(0.0, 1.0, 0.0)


def add_beard(mesh: HairMesh, head: Head, beard: float, rng: Draws) -> None:
    """Add a beard of a density 0 none .. 1 long; up to 0.4 it is stubble, which only the skin
    shows.
    """
    draws = rng.random(4)
    if beard <= 0.4:
        return
    places, inside = head.of.beard
    at = places.values(head.body)
    unit_y = (at[:, 1] - head.middle[1]) / HEAD_UNIT
    side = np.abs(at[:, 0] - head.middle[0]) / HEAD_UNIT
    keep = inside > 0.03
    # A full beard, a goatee, or only a moustache.
    if draws[0] < 0.22:
        keep &= side < 0.28
    elif draws[0] < 0.34 and beard < 0.9:
        keep &= (side < 0.27) & (unit_y > -0.62)
    rows = np.flatnonzero(keep)
    if not len(rows):
        return
    at = at[rows]
    low = np.clip(-0.55 - unit_y[rows], 0, 0.5) * 2  # 1 below the chin
    long = (0.007 + 0.016 * max(beard - 0.5, 0) * 2) * (0.55 + 0.75 * low)
    if beard > 0.9:
        long = long + 0.03 * low * draws[1]
    long = long * np.clip(inside[rows] / 0.12, 0.35, 1) * rng.uniform(0.7, 1.2, len(rows))
    out = unit(at - head.middle + vector(0, 0.05, 0))
    down = vector(0.0, -1.0, 0.15) + rng.normal(0, 0.25, at.shape)
    way = unit(out * 0.55 + unit(down) * 0.8)
    bent = unit(way - 0.5 * _UP)
    first = at + way * (long * 0.5)[:, None]
    lines = np.stack([at, first, first + bent * (long * 0.5)[:, None]], axis=1)
    width = rng.uniform(0.0011, 0.0022, (len(rows), 1)) * vector(0.8, 1.0, 0.15)
    _add(mesh, head, places[rows], lines, out, width, rng, 0.0)


def add_brows(mesh: HairMesh, head: Head, rng: Draws) -> None:
    """Add two eyebrows."""
    places, along = _brows(head.of)
    if not len(along):
        return
    thick = rng.uniform(0.7, 1.15)
    at = places.values(head.body)
    out = unit(at - head.middle)
    outer = np.where(at[:, 0] > head.middle[0], 1.0, -1.0)
    rise = steps(along, [-1, -0.5, 0.4, 1], [1.0, 0.45, 0.1, -0.35])
    way = np.stack([outer * steps(along, [-1, -0.6, 1], [0.25, 0.8, 1.0]), rise, 0 * rise], 1)
    way = unit(way + rng.normal(0, 0.14, way.shape) + 0.12 * out)
    long = steps(along, [-1, -0.4, 1], [0.006, 0.0085, 0.006]) * rng.uniform(0.8, 1.2, len(at))
    base = at + out * 0.0007
    end = base + way * long[:, None]
    end -= out * ((end - base) * out).sum(axis=1, keepdims=True) * 0.7
    end[:, 2] -= 0.25 * long * np.clip(along, 0, 1)  # around the brow
    end += out * 0.0006
    lines = np.stack([base, 0.5 * (base + end) + out * 0.0007, end], axis=1)
    width = thick * rng.uniform(0.0005, 0.0010, (len(at), 1)) * vector(0.8, 1.0, 0.2)
    _add(mesh, head, places, lines, out, width, rng, OF_BROWS)


def _brows(of: HeadMap) -> tuple[Places, Array]:
    """Roots of both brows, and (N,) -1 at the nose .. 1 at the temple; found once a body model."""
    found = of.brows
    if found is None:
        c, rng = of.c, Draws(2)
        left = np.flatnonzero((of.p[:, 0] > 0) & (c["iris"] < 1.5) & (c["head_z"] > 0))
        eye = of.p[left[c["iris"][left].argmin()], 0] if len(left) else 0.26 * HEAD_UNIT
        along = np.tile((np.arange(_BROW_HAIRS) + rng.random(_BROW_HAIRS)) / _BROW_HAIRS * 2 - 1, 2)
        thick = 0.030 * steps(along, [-1, -0.7, 0.2, 1], [0.75, 1.0, 0.75, 0.2])
        up = 0.205 + 0.035 * along - 0.045 * along**2 + thick * rng.uniform(-1, 1, len(along))
        across = eye + 0.02 * HEAD_UNIT + along * 0.21 * HEAD_UNIT
        across = np.where(np.arange(len(along)) < _BROW_HAIRS, 1, -1) * across
        height = of.p[:, 1].max() - HEAD_UNIT * _unit_of(of) + up * HEAD_UNIT * _unit_of(of)
        places = of.on_face(across, height)
        if len(places.face) != len(along):  # some are off the face: keep it simple
            places, along = places, along[: len(places.face)]
        found = of.brows = (places, along)
    return found


def _unit_of(of: HeadMap) -> float:
    """Length of the chart's head unit in those of this body, by its own coordinates."""
    high, low = of.c["head_y"].argmax(), np.abs(of.c["head_y"]).argmin()
    return float(
        (of.p[high, 1] - of.p[low, 1]) / (of.c["head_y"][high] - of.c["head_y"][low]) / HEAD_UNIT
    )


def _add(
    mesh: HairMesh,
    head: Head,
    places: Places,
    lines: Array,
    out: Array,
    width: Array,
    rng: Draws,
    whose: float,
) -> None:
    S, n = lines.shape[:2]
    points, faces = ribbons(lines, np.repeat(out[:, None], n, axis=1), width, rng.normal(0, 0.5, S))
    light = np.exp(rng.normal(-0.1, 0.2, S))[:, None] * evenly(0.8, 1.05, n)
    lock = rng.random(S)
    values = np.stack(
        [
            np.broadcast_to(lock[:, None, None] * 40 + vector(0, 1.0), (S, n, 2)),
            np.broadcast_to(evenly(0, 1, n)[:, None], (S, n, 2)),
            np.broadcast_to(lock[:, None, None] * 0.99 + whose, (S, n, 2)),
            np.broadcast_to(light[..., None], (S, n, 2)),
        ],
        axis=-1,
    ).reshape(-1, 4)
    weights = np.repeat(places.values(head.of.vertex_weights), 2 * n, axis=0)
    source = np.tile(np.repeat(places.face, n - 1), 2)
    mesh.add(points, faces, values, weights, source)
