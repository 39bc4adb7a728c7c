"""Hair as geometry: locks that grow from the scalp, so that outlines are broken and heads differ.

A lock is a ribbon, some millimetres wide and tapered, or a rope. Everything is made once for a
person, at rest; hair then moves with the head, and what hangs beside the neck more and more with
the shoulders beneath.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .facial_hair import add_beard, add_brows
from .hair_growth import Growth
from .hair_styles import HAIR_STYLES_MESH
from .hair_tied import add_tied
from .headwear import NOTHING_SHOWS, hair_line
from .locks import add_hull, add_locks
from .outfit import Outfit
from .ribbons import Draws, HairMesh
from .scalp import JOINTS, head_map
from .worn_part import Fitting

Array = np.ndarray


@dataclass(frozen=True)
class Strands:
    """All hair of a person at rest.

    Attributes:
        points: (N, 3) float32, m.
        faces: (F, 3) int32.
        values: (N, 4) float32, see `ribbons.HairMesh`.
        joints: (5,) the joints of the body model that hair follows.
        weights: (N, 5) float32, how much each point follows each of them.
        source: (F,) int32, the body's face that each face belongs to.
    """

    points: Array
    faces: Array
    values: Array
    joints: Array
    weights: Array
    source: Array

    def transforms(self, G_rel: ArrayLike) -> Array:
        """(12, N) rows of the blended transform of each point, for `skinning.moved`."""
        G = np.asarray(G_rel, dtype=np.float32)[self.joints, :3].reshape(len(self.joints), 12)
        return G.T @ self.weights.T


def strands_of(fitting: Fitting, outfit: Outfit, without: Collection[str] = ()) -> Strands:
    """Grow the hair of a person.

    Args:
        fitting: The person's body at rest, and its clothes.
        outfit: The hair, the face and what is worn on the head.
        without: Those of "hair" and "eyebrows" that items stand for.
    """
    model = fitting.model
    mesh = HairMesh.empty()
    hair = outfit.hair
    if outfit.locks and hair.volume > 0:
        head = head_map(model, fitting.chart).on(fitting.shaped, fitting.surface)
        rng = Draws(0x57A2, int(outfit.seed * 2**53))
        line = hair_line(outfit.items)
        hat = outfit.worn("hat")
        line = line if hat is None else min(line, hat.hem)
        if "eyebrows" not in without:
            add_brows(mesh, head, rng)
        add_beard(mesh, head, outfit.face.beard, rng)
        style = HAIR_STYLES_MESH[hair.style]
        if "hair" not in without and style.ribbons and line > -NOTHING_SHOWS:
            growth = Growth(head, hair, rng, line)
            if style.tied:
                add_tied(mesh, growth)
            else:
                _add_loose(mesh, growth)
    joints = np.array([model.joint_names.index(name) for name in JOINTS])
    if not mesh.points:
        none = np.zeros((0, 3))
        return Strands(
            none.astype(np.float32),
            none.astype(np.int32),
            np.zeros((0, 4), np.float32),
            joints,
            np.zeros((0, 5), np.float32),
            np.zeros(0, np.int32),
        )
    return Strands(
        head.metres(np.concatenate(mesh.points)).astype(np.float32),
        np.concatenate(mesh.faces).astype(np.int32),
        np.concatenate(mesh.values).astype(np.float32),
        joints,
        np.concatenate(mesh.weights).astype(np.float32),
        np.concatenate(mesh.source).astype(np.int32),
    )


def _add_loose(mesh: HairMesh, growth: Growth) -> None:
    style = growth.style
    guides, lines = growth.guides(style.points)
    roots = growth.roots(style.ribbons)
    if style.hull:
        add_hull(mesh, growth)
    add_locks(mesh, growth, roots, growth.between(roots, guides, lines), strays=True)


def shell_values(place: Array) -> Array:
    """(N, 4) values for a shell over the scalp, at places of the chart's attribute "place"."""
    x, y, z, _ = place.T
    return np.stack([(x + z) * 60, y * 8, np.zeros_like(x), np.full_like(x, 0.8)], axis=1)
