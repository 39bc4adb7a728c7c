"""The mesh of locks of hair along their middle lines, and of what fills thick hair below them."""

from __future__ import annotations

import numpy as np

from .hair_growth import Growth
from .ribbons import Draws, HairMesh, evenly, ribbons, ropes, steps
from .scalp import scalp_field
from .vectors import clipped

Array = np.ndarray

_BLUNT = ([0, 0.2, 1], [0.6, 1.0, 0.75])  # coils of hair
_TAPER = ([0, 0.15, 0.55, 0.85, 1], [0.45, 1.0, 0.95, 0.62, 0.12])


def add_locks(
    mesh: HairMesh,
    growth: Growth,
    roots: Array,
    lines: Array,
    *,
    out: Array | None = None,
    width: float | None = None,
    strays: bool = False,
) -> None:
    """Add a ribbon or a rope along each middle line.

    Args:
        mesh: Where to.
        growth: The hair.
        roots: (S,) the root that each belongs to.
        lines: (S, n, 3).
        out: (S, n, 3) directions that ribbons face; None for away from the head.
        width: Half their width, rm; None for the style's.
        strays: Whether some are single hairs, see `Growth.strays`.
    """
    S, n = lines.shape[:2]
    if not S:
        return
    style, head, rng = growth.style, growth.head, growth.rng
    if out is None:
        out = lines - head.middle
        out[..., 1] *= lines[..., 1] > head.neck
    half = style.width if width is None else width
    t = evenly(0, 1, n)
    if style.ropes:
        sides = 3
        radius = half * rng.uniform(0.8, 1.2, (S, 1)) * steps(t, [0, 0.85, 1], [1, 0.9, 0.4])
        points, faces = ropes(lines, out, radius, sides)
    else:
        sides = 2
        tip = _BLUNT if style.turns > 40 and width is None else _TAPER
        wide = half * rng.uniform(0.55, 1.3, (S, 1)) * steps(t, *tip)
        if strays:
            wide[growth.strays(S)] *= 0.16
        points, faces = ribbons(lines, out, wide, rng.normal(0, 0.4, S))
    values = lock_values(rng, lines, sides, style.ropes)
    weights = head.weights(
        lines.reshape(-1, 3), np.repeat(head.of.weight_of_root[roots], n, axis=0)
    )
    source = head.of.roots.face[roots]
    per_lock = len(faces) // S
    # Faces come in two halves, each in the order of the locks.
    source = np.tile(np.repeat(source, per_lock // 2), 2)
    mesh.add(points, faces, values, np.repeat(weights, sides, axis=0), source)


def lock_values(rng: Draws, lines: Array, sides: int, braided: bool) -> Array:
    """(S·n·sides, 4) values of HairMesh: roots are dark, and so are locks that lie below others."""
    S, n = lines.shape[:2]
    lock = rng.random(S)
    t = evenly(0, 1, n)
    light = steps(t, [0, 0.15, 0.6, 1], [0.45, 0.75, 1.0, 1.12])
    light = light * np.exp(rng.normal(0, 0.22, S))[:, None]
    across = np.broadcast_to(evenly(0, 1, sides), (S, n, sides)) + 7.3 * lock[:, None, None] * 11
    if braided:  # the turns of a braid
        light = light * np.where(np.arange(n) % 2, 1.12, 0.8)
    return np.stack(
        [
            across,
            np.broadcast_to(t[:, None], (S, n, sides)),
            np.broadcast_to(lock[:, None, None], (S, n, sides)),
            np.broadcast_to(light[..., None], (S, n, sides)),
        ],
        axis=-1,
    ).reshape(-1, 4)


def add_hull(mesh: HairMesh, growth: Growth) -> None:
    """Fill thick hair below its locks by a rough surface over the scalp."""
    head, style, hair = growth.head, growth.style, growth.hair
    of = head.of
    c = of.c
    field = scalp_field(np, c, hair.recede, hair.top)
    inside = (field > 0.004) & (c["neck"] < -0.05) & (c["hat"] < growth.line)
    faces = of.faces[inside[of.faces].all(axis=1)]
    if not len(faces):
        return
    used, corners = np.unique(faces, return_inverse=True)
    source = np.flatnonzero(inside[of.faces].all(axis=1))
    at = head.body[used]
    out = at - head.middle
    out /= np.sqrt((out**2).sum(axis=1, keepdims=True))
    thick = clipped((field[used] - 0.004) / 0.03, 0, 1)
    thick = thick * clipped(0.75 + 0.4 * out[:, 1], 0.35, 1.1)
    rough = 1 + 0.10 * growth.rng.normal(size=len(used))
    full = min(hair.volume, (0.45 + 0.5 * style.lift) * style.lengths[1])
    points = at + out * (full * style.hull * thick * rough + 0.001)[:, None]
    values = np.stack(
        [
            growth.rng.random(len(used)) * 40,
            growth.rng.random(len(used)),
            np.full(len(used), 0.5),
            0.3 + 0.25 * growth.rng.random(len(used)),
        ],
        axis=1,
    )
    weights = np.asarray(of.vertex_weights[used])
    mesh.add(points, corners.reshape(-1, 3).astype(np.int32), values, weights, source)
