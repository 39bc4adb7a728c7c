"""Folds of cloth: ridges that stand out where a joint bends, and where cloth has nowhere to go.

A fold pattern is a window on the body (around an elbow, behind a knee, over the crotch), with
ridges that run across the way in which the cloth is pressed together there. Patterns depend on the
body's chart alone; a person's seed shifts them; the pose says how high they stand. All folds lead
outwards, so none pushes cloth into what lies beneath it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..bodies.model import BodyModel
from .chart import REFERENCE_HEIGHT
from .per_model import PerModel

Array = np.ndarray

_LEAST = 0.04  # a window ends where it has fallen to this
_SIDES = ("left", "right")


@dataclass(frozen=True, eq=False)
class Pattern:
    """One group of folds on a body.

    Attributes:
        joints: Names of the joints whose bending raises it.
        at_rest: rm, its height without any bend.
        per_turn: rm, how much higher it is for each radian of bending.
        most: rm, its height at most.
        vertices: (n,) the body's vertices in its window.
        window: (n,) share of the height.
        phase: (n,) rad; a ridge where it is pi / 2.
    """

    joints: tuple[str, ...]
    at_rest: float
    per_turn: float
    most: float
    vertices: Array
    window: Array
    phase: Array


@dataclass(frozen=True, eq=False)
class Folds:
    """The folds of one person's clothes.

    Attributes:
        patterns: The body's.
        ridges: (n,) for each pattern, its shape: 0 between folds .. 1 on a ridge.
        count: Vertices of the body.
    """

    patterns: Sequence[Pattern]
    ridges: Sequence[Array]
    count: int

    def heights(self, bend: Mapping[str, float]) -> Array:
        """(V,) rm: how far cloth stands out in a pose.

        Args:
            bend: rad, how far each joint is turned, by name.
        """
        out = np.zeros(self.count, np.float32)
        for pattern, ridge in zip(self.patterns, self.ridges, strict=True):
            turned = sum(bend.get(name, 0.0) for name in pattern.joints)
            height = min(pattern.at_rest + pattern.per_turn * turned, pattern.most)
            if height > 0:
                out[pattern.vertices] += np.float32(height) * ridge
        return out


def folds_of(model: BodyModel, chart: Mapping[str, Array], seed: float) -> Folds:
    """Fold a person's clothes.

    Args:
        model: The body.
        chart: Its chart.
        seed: 0..1, the outfit's, which shifts the ridges.
    """
    patterns = _patterns(model, chart)
    ridges = []
    for number, pattern in enumerate(patterns):
        shift = 2 * np.pi * ((seed * (7 + 3 * number)) % 1.0)
        ridge = 0.5 + 0.5 * np.sin(pattern.phase + np.float32(shift))
        ridges.append(pattern.window * ridge * np.sqrt(ridge))
    return Folds(patterns, ridges, len(chart["level"]))


class _Body:
    """Coordinates along and around limbs, in which folds are described."""

    def __init__(self, model: BodyModel, chart: Mapping[str, Array]) -> None:
        v = np.asarray(model.v_template, dtype=np.float64)
        to_rm = REFERENCE_HEIGHT / np.ptp(v[:, 1])
        places = model.rest_joints()
        origin = np.array([places[0, 0], v[:, 1].min(), places[0, 2]])
        names = dict(zip(model.joint_names, (places - origin) * to_rm, strict=False))
        self.at = {
            name: 0.5 * (np.abs(names[f"left_{name}"]) + np.abs(names[f"right_{name}"]))
            for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
        }
        for name in self.at:  # only x is mirrored
            self.at[name][2] = 0.5 * (names[f"left_{name}"][2] + names[f"right_{name}"][2])
        p = np.asarray(chart["position"], dtype=np.float64)
        self.level, self.arm = np.asarray(chart["level"]), np.asarray(chart["arm"])
        self.x, self.y, self.z = np.abs(p[:, 0]), p[:, 1], p[:, 2]
        self.neck = np.asarray(chart["neck"])
        self.front = np.asarray(chart["front"], dtype=np.float64)
        self.noise = np.asarray(chart["folds"], dtype=np.float64)
        self.on_side = {"left": p[:, 0] > 0, "right": p[:, 0] <= 0}
        self.around_arm = self._around("x", "shoulder", "elbow", "wrist")
        self.around_leg = self._around("y", "ankle", "knee", "hip")
        self.on_arm = _rise(self.arm, -0.02, 0.08) * _rise(-self.arm, -1.04, -0.98)
        self.on_trunk = _rise(-self.arm, -0.02, 0.06)

    def _around(self, along: str, *joints: str) -> Array:
        """Angle around a limb, 0 in front, pi / 2 above it or outside of it."""
        axis = {"x": 0, "y": 1}[along]
        places = np.array([self.at[name] for name in joints])
        here = (self.x, self.y)[axis]
        middle = [np.interp(here, places[:, axis], places[:, i]) for i in (0, 1, 2)]
        beside = self.y - middle[1] if along == "x" else self.x - middle[0]
        return np.arctan2(beside, self.z - middle[2])

    def patterns(self) -> list[Pattern]:
        out = []
        for side in _SIDES:
            for build in (self._elbow, self._armpit, self._hip, self._knee):
                out.append(build(side))
        return [*out, self._forearm(), self._upper_arm(), *self._trunk(), *self._leg()]

    def _made(
        self,
        window: Array,
        phase: Array,
        heights: tuple[float, float, float],
        joints: tuple[str, ...] = (),
        noise: float = 0.7,
        broken: int = 0,
    ) -> Pattern:
        # No fold runs all around: noise breaks it into pieces.
        patches = 0.55 * self.noise[:, 0] + 0.65 * self.noise[:, 1 + broken % 2] * (-1) ** broken
        window = window * np.clip(0.75 + 0.9 * patches, 0.0, 1.15)
        vertices = np.flatnonzero(window > _LEAST)
        phase = phase + noise * self.noise[:, 1] + 0.5 * noise * self.noise[:, 2]
        return Pattern(
            joints,
            *heights,
            vertices,
            (window[vertices] - _LEAST).astype(np.float32),
            phase[vertices].astype(np.float32),
        )

    def _elbow(self, side: str) -> Pattern:
        along = self.x - self.at["elbow"][0]
        inside = 0.5 + 0.5 * np.cos(self.around_arm)
        window = np.exp(-((along / 0.11) ** 2)) * (0.25 + 0.75 * inside)
        # Ridges run together on the inside of the bend.
        wave = 0.058 + 0.035 * (1 - inside)
        return self._made(
            window * self.on_arm * self.on_side[side],
            2 * np.pi * along / wave + 0.8 * np.sin(self.around_arm),
            (0.006, 0.013, 0.024),
            (f"{side}_elbow",),
        )

    def _armpit(self, side: str) -> Pattern:
        shoulder = self.at["shoulder"]
        x, y = self.x - shoulder[0] + 0.015, self.y - shoulder[1] + 0.085
        away = np.hypot(x, y)
        window = np.exp(-((away / 0.095) ** 2)) * _rise(away, 0.01, 0.05)
        window *= _rise(self.neck, 0.0, 0.05)
        return self._made(
            window * self.on_side[side],
            7.0 * np.arctan2(y, -x) + np.where(self.front > 0, 0.0, 2.0),
            (0.002, 0.008, 0.014),
            (f"{side}_shoulder", f"{side}_collar"),
            0.4,
        )

    def _hip(self, side: str) -> Pattern:
        x, y = self.x + 0.01, self.y - self.at["hip"][1] + 0.075
        away = np.hypot(x, y)
        window = np.exp(-((away / 0.16) ** 2)) * _rise(away, 0.03, 0.09)
        window *= np.where(self.front > 0, 1.0, 0.55) * self.on_trunk
        return self._made(
            window * self.on_side[side],
            6.5 * np.arctan2(y, x),
            (0.003, 0.012, 0.022),
            (f"{side}_hip",),
            0.5,
        )

    def _knee(self, side: str) -> Pattern:
        along = self.y - self.at["knee"][1]
        behind = 0.5 - 0.5 * np.cos(self.around_leg)
        window = np.exp(-((along / 0.14) ** 2)) * (0.3 + 0.7 * behind)
        return self._made(
            window * self.on_trunk * self.on_side[side],
            2 * np.pi * along / (0.085 + 0.05 * (1 - behind)) + 0.9 * np.sin(self.around_leg),
            (0.008, 0.012, 0.024),
            (f"{side}_knee",),
        )

    def _forearm(self) -> Pattern:
        along = self.x - self.at["elbow"][0]
        window = _rise(self.arm, 0.6, 0.72) * _rise(-self.arm, -1.0, -0.9) * self.on_arm
        return self._made(
            window,
            2 * np.pi * along / 0.065 + 1.5 * np.sin(self.around_arm),
            (0.010, 0, 1),
            noise=1.0,
            broken=1,
        )

    def _upper_arm(self) -> Pattern:
        along = self.x - self.at["elbow"][0]
        window = _rise(self.arm, 0.08, 0.2) * _rise(-self.arm, -0.45, -0.3) * self.on_arm
        return self._made(
            window * (0.65 - 0.35 * np.sin(self.around_arm)),
            2 * np.pi * along / 0.09 - 2.0 * np.sin(self.around_arm + 0.6),
            (0.012, 0, 1),
            noise=1.0,
            broken=2,
        )

    def _trunk(self) -> list[Pattern]:
        spine = ("spine1", "spine2", "spine3")
        at_waist = np.exp(-(((self.level - 0.2) / 0.2) ** 2)) * self.on_trunk
        beside = 0.35 + 0.65 * _rise(self.x, 0.03, 0.14)
        across = self.y - 0.35 * self.x
        hanging = _rise(-self.level, -0.55, -0.1) * _rise(self.level, -0.35, -0.2) * self.on_trunk
        round_trunk = np.arctan2(self.x / 1.4, np.abs(self.front))
        slanted = _rise(self.level, 0.3, 0.45) * _rise(-self.level, -0.85, -0.7) * self.on_trunk
        return [
            self._made(at_waist * beside, 2 * np.pi * across / 0.08, (0.009, 0.014, 0.026), spine),
            self._made(
                hanging,
                5.0 * round_trunk + 1.5 * self.noise[:, 0] + 6 * self.y,
                (0.011, 0, 1),
            ),
            self._made(
                slanted * _rise(self.x, 0.02, 0.08),
                2 * np.pi * (self.x + 0.8 * self.y) / 0.12,
                (0.009, 0, 1),
                noise=1.2,
            ),
        ]

    def _leg(self) -> list[Pattern]:
        ankle, knee = self.at["ankle"][1], self.at["knee"][1]
        stack = _rise(-self.level, 1.4, 1.8) * _rise(self.level, -2.1, -2.02) * self.on_trunk
        thigh = _rise(-self.level, 0.2, 0.4) * _rise(self.level, -0.9, -0.7) * self.on_trunk
        shin = _rise(-self.level, 1.1, 1.3) * _rise(self.level, -1.8, -1.5) * self.on_trunk
        turn, y = self.around_leg, self.y
        return [
            self._made(
                stack, 2 * np.pi * (y - ankle) / 0.075 + 1.8 * np.sin(turn), (0.014, 0, 1), broken=1
            ),
            self._made(
                thigh, 2 * np.pi * (y - knee) / 0.2 + 4.5 * np.sin(turn - 0.5), (0.011, 0, 1)
            ),
            self._made(
                shin,
                2 * np.pi * (y - knee) / 0.17 - 3.5 * np.sin(turn + 0.4),
                (0.011, 0, 1),
                broken=1,
            ),
        ]


_patterns = PerModel(lambda model, chart: tuple(_Body(model, chart).patterns()))


def _rise(value: Array, low: float, high: float) -> Array:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)
