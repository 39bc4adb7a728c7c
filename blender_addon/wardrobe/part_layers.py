"""Keeps parts that are worn over each other apart: outer clothes outside of inner ones, hair
inside of hats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..packs.nearest import nearest
from .worn_part import Fitting, WornPart

Array = np.ndarray

_APART = 0.006  # m between two layers of cloth
_NEAR = 0.06  # m; what is farther apart does not touch
_MOST = 0.05  # m that a vertex is pushed outwards at most
_AZIMUTHS, _ELEVATIONS = 48, 24
_UNDER_HAT = 0.006  # m


def settled(fitting: Fitting, parts: Sequence[WornPart]) -> list[WornPart]:
    """Push outer layers out of inner ones, and draw hair into hats.

    Args:
        fitting: The body.
        parts: All parts of a person; those with `near` and a depth are layers.
    """
    out = list(parts)
    layers = sorted(
        (i for i, part in enumerate(out) if part.depth and part.near is not None),
        key=lambda i: out[i].depth,
    )
    for order, i in enumerate(layers[1:], start=1):
        out[i] = _pushed(fitting, out[i], [out[k] for k in layers[:order]])
    hats = [part for part in out if "hat" in part.replaces]
    if hats:
        centre = _middle_of_head(fitting)
        for i, part in enumerate(out):
            if "hair" in part.replaces and part not in hats:
                out[i] = _under(part, hats, centre)
    return out


def _pushed(fitting: Fitting, part: WornPart, inner: Sequence[WornPart]) -> WornPart:
    """Push a layer out of the layers beneath it."""
    near = part.near
    assert near is not None
    n, foot = fitting.chart["normal"][near], fitting.shaped[near].astype(np.float32)
    height = np.einsum("ij,ij->i", part.vertices - foot, n)
    push = np.zeros(len(n), np.float32)
    for other in inner:
        beneath = other.vertices[_pairs(part, other)]
        between = part.vertices - beneath
        close = np.einsum("ij,ij->i", between, between) < _NEAR**2
        rise = np.einsum("ij,ij->i", beneath - foot, n) - height + _APART
        push = np.maximum(push, np.where(close, rise, 0.0))
    return replace(part, vertices=part.vertices + pushes(push, part.faces)[:, None] * n)


def pushes(push: Array, faces: Array) -> Array:
    """(N,) float32 m, how far vertices are pushed outwards: limited, and their neighbours come
    along, so that what is beneath shows through no face.
    """
    push = np.clip(push, 0.0, _MOST).astype(np.float32)
    if not push.any():
        return push
    corners = push[faces]
    pushed = np.flatnonzero(corners.any(axis=1))
    some = faces[pushed].ravel()
    around = np.bincount(some, np.repeat(corners[pushed].max(axis=1), 3), minlength=len(push))
    count = np.maximum(np.bincount(some, minlength=len(push)), 1)
    return np.maximum(push, (around / count).astype(np.float32))


# By the arrays of weights, which all persons in the same things share; they are held, so that no
# other arrays can have their numbers.
_FOUND: dict[tuple[int, int], tuple[Array, Array, Array]] = {}


def _pairs(part: WornPart, other: WornPart) -> Array:
    """For each vertex of a part the nearest one of another, found once for two things."""
    key, second = part.weights, other.weights
    found = _FOUND.get((id(key), id(second)))
    if found is None or found[0] is not key or found[1] is not second:
        if len(_FOUND) > 500:
            _FOUND.clear()
        found = key, second, nearest(part.vertices, other.vertices)
        _FOUND[id(key), id(second)] = found
    return found[2]


def _middle_of_head(fitting: Fitting) -> Array:
    return fitting.joint("head") + np.array([0.0, 0.09, 0.01]) * fitting.scale


def _under(hair: WornPart, hats: Sequence[WornPart], centre: Array) -> WornPart:
    """Draw hair in until it is inside of the hats, seen from the middle of the head."""
    roof = np.full(_AZIMUTHS * _ELEVATIONS, np.inf)
    for hat in hats:
        corners = hat.vertices[hat.faces] - centre
        a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
        middles = (a + b) / 2, (b + c) / 2, (c + a) / 2, (a + b + c) / 3
        cell, radius = _cells(np.concatenate([a, b, c, *middles]))
        order = np.argsort(-radius, kind="stable")
        lowest = np.full_like(roof, np.inf)
        lowest[cell[order]] = radius[order]  # of each cell the last one stays: the smallest
        roof = np.minimum(roof, lowest)
    roof = _lowest_around(roof.reshape(_ELEVATIONS, _AZIMUTHS)).ravel()
    away = hair.vertices - centre
    cell, radius = _cells(away)
    allowed = roof[cell] - _UNDER_HAT
    share = np.where(radius > allowed, np.maximum(allowed, 0.02) / np.maximum(radius, 1e-6), 1.0)
    return replace(hair, vertices=(centre + away * share[:, None]).astype(np.float32))


def _lowest_around(roof: Array) -> Array:
    """The lowest of each cell and its neighbours; rows go around."""
    roof = np.minimum(roof, np.minimum(np.roll(roof, 1, axis=1), np.roll(roof, -1, axis=1)))
    beside = np.pad(roof, ((1, 1), (0, 0)), mode="edge")
    return np.minimum(roof, np.minimum(beside[:-2], beside[2:]))


def _cells(points: Array) -> tuple[Array, Array]:
    """(cell of the sphere, distance from its middle) of points (n, 3)."""
    radius = np.linalg.norm(points, axis=1)
    azimuth = np.arctan2(points[:, 0], points[:, 2]) / (2 * np.pi) + 0.5
    height = points[:, 1] / np.maximum(radius, 1e-6)
    column = np.minimum((azimuth * _AZIMUTHS).astype(int), _AZIMUTHS - 1)
    row = np.minimum(((height + 1) / 2 * _ELEVATIONS).astype(int), _ELEVATIONS - 1)
    return row * _AZIMUTHS + column, radius
