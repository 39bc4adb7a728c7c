"""Skirts, dresses and coats below the hips: a curtain of cloth that hangs around both legs.

The curtain begins at the border where its garment was cut off the body, column by column, so that
the two make one surface. It is draped in every pose: a coarse grid of points goes along with pelvis
and legs, to whichever is furthest outside there, and comes to rest on them (`hanging`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .contact import Contact, grid_normals
from .hanging import GAP, refined, resampled, settled, threads_of

Array = np.ndarray

COLUMNS, ROW = 40, 0.045  # points around, and metres between two rows, of the coarse grid
FINE_ROW = 0.02  # m between two rows of the mesh
_CHOICE = 0.04  # m by which one limb must be further outside than another for cloth to follow it
_ASIDE = 0.4  # m that the leg on the other side counts as being further inside
_FOLLOWS = 0.14  # m below the border, from where on cloth follows a leg and not the pelvis
JOINTS = ("pelvis", "left_hip", "right_hip", "left_knee", "right_knee")


@dataclass(frozen=True)
class Curtain:
    """The hanging part of a garment at rest.

    Attributes:
        border: (n,) vertices of the piece that it hangs from, in order around the body.
        closed: Whether the last one is joined to the first; a coat is open in front.
        rest: (R, n, 3) m; the first row is the border.
        pleats: (n,) m, how far its folds stand out at the hem.
        places: (5, 3) m, the JOINTS at rest.
    """

    border: Array
    closed: bool
    rest: Array
    pleats: Array
    places: Array

    @property
    def faces(self) -> Array:
        """(F, 3) indices into rest.reshape(-1, 3)."""
        R, n, _ = self.rest.shape
        width = n if self.closed else n - 1
        r, c = np.meshgrid(np.arange(R - 1), np.arange(width), indexing="ij")
        a, b = r * n + c, r * n + (c + 1) % n
        quads = np.stack([a, a + n, b + n, b], axis=-1).reshape(-1, 4)
        return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)

    def hung(
        self,
        border: Array,
        transforms: Mapping[str, Array],
        contact: Contact,
        *,
        drape: bool = True,
    ) -> tuple[Array, Contact]:
        """Hang it in a pose.

        Args:
            border: (n, 3) m, the posed vertices it hangs from.
            transforms: (3, 4) transforms from rest, by joint, those of JOINTS.
            contact: What it lies on.
            drape: Whether it comes to rest; else it only goes along with pelvis and legs.

        Returns:
            (vertices (R, n, 3) m, what is worn over it lies on).
        """
        R, n, _ = self.rest.shape
        column, back = _places(n, COLUMNS, self.closed), _places(COLUMNS, n, self.closed)
        rows = max(2, round((R - 1) * FINE_ROW / ROW) + 1)
        rest = resampled(
            np.moveaxis(self.rest, 2, 0), np.linspace(0, R - 1, rows), column, self.closed
        )
        top = resampled(border.T[:, None], np.zeros(1), column, self.closed)
        T = np.stack([transforms[name] for name in JOINTS]).astype(np.float64)
        points, weight = self._swung(rest, T)
        points += (top - points[:, :1]) * np.linspace(1, 0, rows)[:, None] ** 2
        if drape:
            points, near = settled(points, threads_of(rest, self.closed), contact, weight)
        middle = points.mean(axis=2, keepdims=True)
        normals = grid_normals(points, self.closed, middle)
        above = contact.over(points.reshape(3, -1), normals.reshape(3, -1))
        row = np.linspace(0, rows - 1, R)
        fine = resampled(points, row, back, self.closed)
        fine += (border.T[:, None] - fine[:, :1]) * np.clip(1 - np.arange(R) / 4, 0, 1)[:, None]
        fine = self._pleated(fine)
        if drape:
            fine[:, 1:] = refined(fine[:, 1:], near, row[1:], back, contact)
        return np.moveaxis(fine, 0, 2).astype(np.float32), above

    def _swung(self, rest: Array, T: Array) -> tuple[Array, Array]:
        """Where the curtain is let go: every point (3, R, n) goes along with pelvis, left or right
        leg, whichever is furthest outside; those of a seated person with their leg.

        Returns:
            (points (3, R, n), (n,) 0..1, how much each column falls).
        """
        x, y = rest[0], rest[1]
        moved = np.einsum("kij,jrn->kirn", T[:, :, :3], rest) + T[:, :, 3, None, None]
        depth = y[0].mean() - y
        follow = _rise(depth / _FOLLOWS)
        places = [moved[0]]
        for hip, knee in ((1, 3), (2, 4)):
            below = _rise(0.5 + (self.places[knee, 1] - y) / 0.12)
            leg = moved[hip] * (1 - below) + moved[knee] * below
            places.append(moved[0] + follow * (leg - moved[0]))
        out = rest[:, min(2, len(y) - 1)] - rest[:, :1].mean(axis=2)
        out[1] = 0.0
        out /= np.maximum(np.sqrt((out * out).sum(axis=0)), 1e-9)
        # How far each limb goes outwards there, a good part of the way down to the knee.
        at = rest[:, 0].copy()
        at[1] -= 0.35
        limbs = np.einsum("kij,jn->kin", T[:3, :, :3], at) + T[:3, :, 3, None]
        reach = np.einsum("in,kin->kn", T[0, :, :3] @ out, limbs - limbs[0])
        left = _rise(0.5 + 0.5 * x[0] / np.abs(x[0]).max())
        aside = _ASIDE * np.stack([np.zeros_like(left), 1 - left, left])
        if not self.closed:  # each panel of a coat goes with its own leg
            aside *= 4
        reach -= aside
        share = np.exp((reach - reach.max(axis=0)) / _CHOICE)
        share /= share.sum(axis=0)
        seated = self._seated(T)
        share += seated * (np.stack([np.zeros_like(left), left, 1 - left]) - share)
        behind = _rise(0.5 - 1.5 * out[2])
        return np.einsum("kn,kirn->irn", share, np.stack(places)), 1 - seated * behind

    def _seated(self, T: Array) -> float:
        """0 standing .. 1 with both thighs level, or higher as in a squat."""
        thigh = self.places[3:] - self.places[1:3]
        thigh /= np.linalg.norm(thigh, axis=1, keepdims=True)
        ways = [T[0, :, :3].T @ T[k, :, :3] @ thigh[k - 1] for k in (1, 2)]
        raised = [1.0 if y > 0 and z > 0 else z for _, y, z in ways]
        return float(_rise(np.asarray((min(raised) - 0.6) / 0.3)))

    def _pleated(self, points: Array) -> Array:
        """Add folds that grow towards the hem to points (3, R, n)."""
        out = grid_normals(points, self.closed, points.mean(axis=2, keepdims=True))
        return points + out * np.abs(self.pleats) * np.linspace(0, 1, points.shape[1])[:, None]


def _rise(t: Array) -> Array:
    t = np.clip(t, 0.0, 1.0)
    return t * t * (3 - 2 * t)


def _places(count: int, samples: int, closed: bool) -> Array:
    """Where `samples` even samples of a row of `count` points lie."""
    if closed:
        return np.arange(samples) * (count / samples)
    return np.linspace(0, count - 1, samples)


def curtain_of(
    chart: Mapping[str, Array],
    border: tuple[Array, bool],
    at: Array,
    surface: Array,
    hem: float,
    *,
    places: Array,
    flare: float,
    seed: float,
) -> Curtain:
    """Cut a curtain.

    Args:
        chart: The body chart.
        border: (vertices of the piece in order, closed).
        at: (n, 3) m, their places at rest.
        surface: (V, 3) m, the body with what is worn beneath, at rest.
        hem: Level of the hem.
        places: (5, 3) m, the JOINTS at rest.
        flare: Growth of its width, m for each m down.
        seed: 0..1, chooses the folds.
    """
    vertices, closed = border
    level = chart["level"]
    floor = np.interp(hem, level[np.argsort(level)], surface[np.argsort(level), 1])
    length = max(float(at[:, 1].mean() - floor), 2 * FINE_ROW)
    R = max(3, round(length / FINE_ROW) + 1)
    hips = surface[(np.abs(level + 0.12) < 0.14) & (chart["arm"] < 0)]
    middle = 0.5 * (hips.min(axis=0) + hips.max(axis=0))[[0, 2]]
    half = 0.5 * np.ptp(hips, axis=0)[[0, 2]] + GAP
    flat = at[:, [0, 2]] - middle
    angle = np.arctan2(flat[:, 0] / half[0], flat[:, 1] / half[1])
    ellipse = np.stack([half[0] * np.sin(angle), half[1] * np.cos(angle)], axis=1)
    radius = np.linalg.norm(flat, axis=1, keepdims=True)
    wider = flat * np.maximum(np.linalg.norm(ellipse, axis=1, keepdims=True) / radius, 1.0)
    depth = np.linspace(0, length, R)
    share = np.clip(depth / 0.1, 0, 1)[:, None, None]
    share = share * share * (3 - 2 * share)
    ring = flat[None] * (1 - share) + wider[None] * share
    ring = ring * (1 + flare * depth[:, None, None] / np.linalg.norm(half))
    rest = np.empty((R, len(at), 3))
    rest[..., [0, 2]] = ring + middle
    rest[..., 1] = at[None, :, 1] - depth[:, None] * (at[None, :, 1] - floor) / length
    around = np.arange(len(at)) / len(at)
    waves = np.sin(2 * np.pi * (around * (9 + round(6 * seed)) + 3 * seed))
    pleats = 0.05 * flare * length * np.clip(waves, 0, None) ** 2
    return Curtain(vertices, closed, rest, pleats, places)
