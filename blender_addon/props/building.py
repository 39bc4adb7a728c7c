"""Parts of public buildings, built to size: stairs, rails, lift walls, gym walls, pipes."""

from __future__ import annotations

import numpy as np

from .batches import Parts, boxes, color
from .primitives import DARK, LAMP, METAL, SECOND, SURFACE, Builder, Size, Solid, tube


def _stairs(size: Size, rng: np.random.Generator) -> Solid:
    """A flight that rises towards +Y, with banisters."""
    x, y, z = size
    parts = Parts()
    steps = max(2, round(0.82 * z / 0.18))
    run, rise = y / steps, 0.78 * z / steps
    k = np.arange(steps)
    at = np.column_stack([0.0 * k, -y / 2 + run * (k + 0.5), rise * (k + 1) / 2])
    sizes = np.column_stack([np.full(steps, 0.94 * x), np.full(steps, run), rise * (k + 1)])
    parts.add(boxes(at, sizes))
    nose = at.copy()
    nose[:, 1] -= run / 2
    nose[:, 2] = rise * (k + 1)
    parts.add(boxes(nose, (0.94 * x, 0.04, 0.025), SECOND))
    for side in (-1, 1):
        edge = side * 0.485 * x
        low, high = (edge, -y / 2 + 0.02, 0.22 * z), (edge, y / 2 - 0.02, 0.98 * z)
        parts.add(tube(low, high, 0.02, tone=METAL, sides=8))
        for share in np.linspace(0.02, 0.98, max(3, steps)):
            foot = (edge, y * (share - 0.5), 0.78 * z * share)
            parts.add(tube(foot, (foot[0], foot[1], foot[2] + 0.2 * z), 0.01, tone=METAL, sides=5))
    return parts.fitted(size)


def _rail(size: Size, rng: np.random.Generator) -> Solid:
    """A hand rail on a wall."""
    x, y, z = size
    parts = Parts()
    parts.add(
        tube(
            (-x / 2, -0.2 * y, 0.7 * z),
            (x / 2, -0.2 * y, 0.7 * z),
            0.3 * min(y, z),
            tone=METAL,
            sides=8,
        )
    )
    for at in np.linspace(-0.45, 0.45, max(2, round(x))) * x:
        parts.box((at, 0.2 * y, 0.5 * z), (0.03, 0.6 * y, 0.3 * z), METAL)
    return parts.fitted(size)


def _lift_wall(size: Size, rng: np.random.Generator) -> Solid:
    """Metal panels with gaps, and a rail."""
    x, y, z = size
    parts = Parts()
    parts.box((0, 0.3 * y, z / 2), (x, 0.4 * y, z), DARK)
    count = max(1, round(x / 0.5))
    at = -x / 2 + x / count * (np.arange(count) + 0.5)
    middle = np.column_stack([at, 0 * at, 0 * at + z / 2])
    parts.add(boxes(middle, (x / count - 0.008, 0.4 * y, z - 0.02)))
    parts.add(
        tube(
            (-0.46 * x, -0.3 * y, 0.42 * z),
            (0.46 * x, -0.3 * y, 0.42 * z),
            0.02,
            tone=METAL,
            sides=8,
        )
    )
    return parts.fitted(size)


def _lift_door(size: Size, rng: np.random.Generator) -> Solid:
    """Two sliding doors in a frame."""
    x, y, z = size
    parts = Parts()
    parts.box((0, 0.3 * y, z / 2), (x, 0.4 * y, z), SECOND)
    for side in (-1, 1):
        parts.box((side * 0.22 * x, 0, 0.48 * z), (0.43 * x, 0.3 * y, 0.94 * z), METAL)
    parts.box((0, -0.05 * y, 0.48 * z), (0.006, 0.3 * y, 0.94 * z), DARK)
    return parts.fitted(size)


def _buttons(size: Size, rng: np.random.Generator) -> Solid:
    """A plate with round buttons and a small display."""
    x, y, z = size
    parts = Parts()
    parts.box((0, 0.2 * y, z / 2), (x, 0.6 * y, z), METAL)
    parts.box((0, -0.15 * y, 0.9 * z), (0.7 * x, 0.2 * y, 0.1 * z), DARK)
    parts.box((0, -0.27 * y, 0.9 * z), (0.2 * x, 0.05 * y, 0.06 * z), LAMP, (0.5, 0.08, 0.02))
    rows = max(2, int(z / 0.07))
    for level in np.linspace(0.08, 0.75, rows) * z:
        for side in (-0.22, 0.22):
            lit = rng.random() < 0.15
            parts.box(
                (side * x, -0.2 * y, level),
                (0.24 * x, 0.2 * y, 0.03),
                LAMP if lit else SURFACE,
                (0.6, 0.4, 0.1) if lit else (0.7, 0.7, 0.7),
            )
    return parts.fitted(size)


def _wall_bars(size: Size, rng: np.random.Generator) -> Solid:
    x, y, z = size
    parts = Parts()
    for at in np.linspace(-0.48, 0.48, max(2, round(x / 0.9) + 1)) * x:
        parts.box((at, 0.1 * y, z / 2), (0.05, 0.8 * y, z))
    for level in np.linspace(0.06, 0.96, max(2, round(z / 0.17))) * z:
        parts.add(tube((-x / 2, -0.2 * y, level), (x / 2, -0.2 * y, level), 0.018, sides=6))
    return parts.fitted(size)


def _mat(size: Size, rng: np.random.Generator) -> Solid:
    """Mats of a gym in a pile."""
    x, y, z = size
    parts = Parts()
    count = max(1, round(z / 0.08))
    for k in range(count):
        shift = float(rng.uniform(-0.02, 0.02)) if k else 0.0
        parts.box(
            (shift, shift, z * (k + 0.5) / count),
            (0.96 * x, 0.96 * y, 0.94 * z / count),
            SURFACE,
            color(rng, (0.5, 0.9), (0.2, 0.7), (0.5, 0.7)),
        )
    return parts.fitted(size)


def _pipes(size: Size, rng: np.random.Generator) -> Solid:
    """Pipes along a wall or below a ceiling."""
    x, y, z = size
    parts = Parts()
    level = 0.1 * z
    while level < 0.9 * z:
        r = float(rng.uniform(0.15, 0.45)) * min(y, 0.25)
        r = min(r, 0.45 * (z - level))
        tone = METAL if rng.random() < 0.5 else SURFACE
        parts.add(tube((-x / 2, 0, level + r), (x / 2, 0, level + r), r, tone=tone, sides=10))
        for at in np.linspace(-0.4, 0.4, max(2, round(x / 1.5))) * x:
            parts.box((at, 0.2 * y, level + r), (0.04, 0.5 * y, 2.2 * r), DARK)
        level += 2 * r + 0.05
    return parts.fitted(size)


def _fuse_box(size: Size, rng: np.random.Generator) -> Solid:
    """A grey or red box on a wall: fuses, a hydrant, a first-aid kit."""
    x, y, z = size
    parts = Parts()
    paint = color(rng, (0.8, 1.0), (0.4, 0.8), (0.98, 1.0)) if rng.random() < 0.5 else np.nan
    parts.box((0, 0.05 * y, z / 2), (x, 0.9 * y, z), SURFACE, paint)
    parts.box((0, -0.45 * y, z / 2), (0.92 * x, 0.06 * y, 0.94 * z), SURFACE, paint)
    parts.box((0, -0.485 * y, 0.7 * z), (0.4 * x, 0.02 * y, 0.2 * z), SURFACE, (0.8, 0.8, 0.8))
    parts.box((0.4 * x, -0.49 * y, 0.5 * z), (0.02, 0.02 * y, 0.12 * z), DARK)
    return parts.fitted(size)


BUILDING: dict[str, Builder] = {
    "stairs": _stairs,
    "hand_rail": _rail,
    "lift_wall": _lift_wall,
    "lift_door": _lift_door,
    "lift_buttons": _buttons,
    "wall_bars": _wall_bars,
    "mats": _mat,
    "pipes": _pipes,
    "wall_cabinet": _fuse_box,
}
