"""A paved square: benches, bins, lamp posts and trees in loose rows, and people among them."""

from __future__ import annotations

import numpy as np

from .. import objects, surfaces
from ..spec import SurfaceSpec
from .site import Place, Site

_THINGS = {"bench": 4, "bin": 2, "lamp_post": 3, "tree": 5, "bollard": 3, "bicycle": 2, "sign": 1}


def build_square(site: Site) -> Place:
    """Lay out a square around the people."""
    rng = site.rng
    frame = site.view_frame(float(rng.uniform(-40, 40)))
    tone = float(rng.uniform(0.12, 0.4))
    ground = SurfaceSpec(
        str(rng.choice(["tiles", "bricks"])),
        (tone, 0.97 * tone, 0.92 * tone),
        (0.7 * tone, 0.68 * tone, 0.63 * tone),
        float(rng.uniform(0.8, 3.0)),
        0.85,
    )
    names = list(_THINGS)
    weights = np.array([_THINGS[name] for name in names], dtype=np.float64)
    reach = 1.5 * site.reach
    for _ in range(int(26 * site.density)):
        shape = str(rng.choice(names, p=weights / weights.sum()))
        where = frame.world(rng.uniform((-reach - 6, -reach), (reach + 6, reach + 14)))
        size = objects.sample_size(shape, rng)
        turn = frame.turn + float(rng.choice([0, 90, 180, 270])) + float(rng.normal(0, 4))
        site.put(shape, where, size, turn, surfaces.sample_surface(shape, rng))
    return site.done(ground=ground)
