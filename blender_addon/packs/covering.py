"""Skin at the edge of what a garment hides, which is left out only where cloth is over it."""

from __future__ import annotations

import numpy as np

Array = np.ndarray

_RINGS = 4  # rings of faces from the edge that are looked at
_INWARDS, _OUTWARDS = 0.015, 0.08  # m along the normal, where cloth may be
_BLOCK = 1 << 21  # pairs of faces at once


def really_hidden(
    hides: Array, skin: Array, skin_faces: Array, cloth: Array, faces: Array
) -> Array:
    """(F,) bool: `hides` without those faces near its edge that no cloth lies over.

    Args:
        hides: (F,) bool, faces of the body that a garment's file hides.
        skin: (V, 3) m, the body at rest.
        skin_faces: (F, 3).
        cloth: (G, 3) m, the garment on it.
        faces: (H, 3) its faces.
    """
    seen = np.zeros(len(skin), dtype=bool)
    seen[skin_faces[~hides]] = True
    for _ in range(_RINGS - 1):
        seen[skin_faces[seen[skin_faces].any(axis=1)]] = True
    edge = np.flatnonzero(hides & seen[skin_faces].any(axis=1))
    if not len(edge):
        return hides
    a, b, c = (skin[skin_faces[edge, i]] for i in range(3))
    normal = np.cross(b - a, c - a)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    out = hides.copy()
    out[edge] = _met((a + b + c) / 3, normal, cloth[faces])
    return out


def _met(points: Array, ways: Array, triangles: Array) -> Array:
    """(P,) bool, whether lines from points (P, 3) along ways (P, 3) meet triangles (T, 3, 3)."""
    a = triangles[:, 0].astype(np.float32)
    ab, ac = (triangles[:, i].astype(np.float32) - a for i in (1, 2))
    found = np.zeros(len(points), dtype=bool)
    step = max(1, _BLOCK // max(len(a), 1))
    for start in range(0, len(points), step):
        p = points[start : start + step, None].astype(np.float32) - a  # (n, T, 3)
        way = np.broadcast_to(ways[start : start + step, None].astype(np.float32), p.shape)
        across = np.cross(way, ac)  # Möller and Trumbore 1997
        volume = np.einsum("ntk,tk->nt", across, ab)
        with np.errstate(divide="ignore", invalid="ignore"):
            u = np.einsum("ntk,ntk->nt", across, p) / volume
            other = np.cross(p, ab)
            v = np.einsum("ntk,ntk->nt", way, other) / volume
            far = np.einsum("ntk,tk->nt", other, ac) / volume
            inside = (u >= 0) & (v >= 0) & (u + v <= 1)
            found[start : start + step] = (inside & (far > -_INWARDS) & (far < _OUTWARDS)).any(
                axis=1
            )
    return found
