"""Places on the body where skin differs, and where cloth creases, as coordinates of the chart."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..bodies.mesh import smooth, vertex_normals

Array = np.ndarray


def skin_chart(faces: Array, chart: Mapping[str, Array]) -> dict[str, Array]:
    """Coordinates (V,) that materials of skin and cloth read, made from the rest of the chart.

    `flush` 1 where blood shows (cheeks, nose, ears, knuckles, knees, elbows); `shadow` 1 in hollows
    and under the eyes; `lash` 1 on the rim of the lids; `crease` how deeply cloth creases, about 1
    at elbows and knees; `eye_x` and `eye_y` the place on an eyeball, 0 in the middle of the pupil
    that looks ahead, in its radii; `lips` above 0 on the lips and `inside` 1 behind them.
    """
    eyes = _Eyes(chart)
    return {
        "flush": _flush(chart),
        "shadow": np.clip(_hollow(faces, chart) + _under_eyes(chart, eyes), 0.0, 1.0),
        "lash": eyes.lash(),
        "crease": _crease(chart),
        "eye_x": eyes.x,
        "eye_y": eyes.y,
        **_mouth(chart),
    }


def _bump(x: Array, middle: float, width: float) -> Array:
    return np.exp(-(((x - middle) / width) ** 2))


def _flush(c: Mapping[str, Array]) -> Array:
    x, y, z = np.abs(c["head"][:, 0]), c["head"][:, 1], c["head"][:, 2]
    on_head = c["neck"] < -0.06
    front = np.clip(z * 3, 0, 1) * on_head
    cheeks = 0.75 * _bump(x, 0.42, 0.22) * _bump(y, -0.33, 0.20)
    nose = 0.9 * _bump(x, 0.0, 0.10) * _bump(y, -0.33, 0.10) * (z > 0.85)
    chin = 0.35 * _bump(x, 0.0, 0.14) * _bump(y, -0.88, 0.10)
    ears = 0.8 * np.clip(c["ear"] * 20 + 0.5, 0, 1) * on_head
    face = np.maximum.reduce([cheeks * front, nose, chin * front, ears])
    behind = np.clip(-c["front"] * 40, 0, 1)
    elbows = 0.6 * _bump(c["arm"], 0.5, 0.07) * behind
    before = np.clip(c["front"] * 40, 0, 1)
    knees = 0.6 * _bump(c["level"], -1.0, 0.08) * before * (c["arm"] < 0)
    back_of_hand = 1 - np.clip(c["palm"] * 2, 0, 1)
    knuckles = 0.75 * np.clip((c["arm"] - 1.12) * 9, 0, 1) * back_of_hand
    toes = 0.6 * np.clip((0.03 - c["height"]) * 30, 0, 1)
    chest = 0.25 * _bump(c["neck"], 0.02, 0.05) * before * (c["arm"] < 0)
    return np.maximum.reduce([face, elbows, knees, knuckles, toes, chest])


def _hollow(faces: Array, c: Mapping[str, Array]) -> Array:
    """1 in creases of the body: where a vertex lies below its surroundings."""
    p = np.asarray(c["position"], dtype=np.float64)
    below = ((smooth(p, faces, 4) - p) * vertex_normals(p, faces)).sum(axis=1)
    return np.clip(below / _DEEP, 0.0, 1.0)


_DEEP = 0.0022  # rm below its surroundings at which a crease is dark


def _under_eyes(c: Mapping[str, Array], eyes: _Eyes) -> Array:
    if not eyes.found:
        return np.zeros(len(c["level"]))
    x, y = np.abs(c["head"][:, 0]) - eyes.middle[0], c["head"][:, 1] - eyes.middle[1]
    bag = _bump(x, -0.04, 0.13) * _bump(y, -0.17, 0.06)
    corner = 0.7 * _bump(x, -0.17, 0.05) * _bump(y, -0.02, 0.08)
    lid = 0.5 * _bump(x, 0.0, 0.15) * _bump(y, 0.13, 0.05)
    on_face = (c["neck"] < -0.06) & (c["head"][:, 2] > 0.2)
    return np.maximum.reduce([bag, corner, lid]) * on_face


MOUTH = -0.625  # head units of the line between the lips above the eyes


def _mouth(c: Mapping[str, Array]) -> dict[str, Array]:
    head = c["head"]
    on_face = (c["neck"] < -0.06) & (head[:, 2] > -0.2)
    x, y = np.abs(head[:, 0]), head[:, 1] - MOUTH
    height = np.where(y > 0, 0.115 - 0.20 * np.clip(0.05 - x, 0, 1), 0.105)
    lips = np.where(on_face, 1 - np.hypot(x / 0.255, y / height), -1.0)
    # The hollow of the mouth lies far behind the face at its height.
    near = on_face & (x < 0.26) & (np.abs(y) < 0.2)
    depth = head[near, 2].max(initial=0.0) - 1.2 * x**2 - head[:, 2]
    inside = np.clip((depth - 0.18) / 0.10, 0.0, 1.0) * near
    return {"lips": lips, "inside": inside}


def _crease(c: Mapping[str, Array]) -> Array:
    arm, level = c["arm"], c["level"]
    on_arm = np.clip(arm * 10 + 0.5, 0, 1)
    sleeve = 0.45 + 0.75 * _bump(arm, 0.5, 0.16) + 0.6 * _bump(arm, 1.0, 0.12)
    sleeve = sleeve + 0.5 * _bump(arm, 0.0, 0.12)
    trunk = 0.35 + 0.55 * _bump(level, 0.18, 0.16) + 0.45 * _bump(level, -0.10, 0.14)
    leg = 0.40 + 0.75 * _bump(level, -1.0, 0.22) + 0.9 * np.clip((-1.55 - level) * 3, 0, 1)
    below = np.clip((-0.1 - level) * 5, 0, 1)
    return on_arm * sleeve + (1 - on_arm) * ((1 - below) * trunk + below * leg)


class _Eyes:
    """The eyes of a chart: eyeballs, or almonds on the face."""

    def __init__(self, c: Mapping[str, Array]) -> None:
        head, white = c["head"], c["white"] > 0
        self.head, self.white = head, white
        self.found = bool(white.any())
        self.x, self.y = np.zeros(len(head)), np.zeros(len(head))
        self.middle = np.zeros(3)
        self.radius = 0.14
        if not self.found:
            return
        mirrored = np.abs(head[white]) * [1, 0, 0] + head[white] * [0, 1, 1]
        self.middle = mirrored.mean(axis=0)
        away = np.linalg.norm(mirrored - self.middle, axis=1)
        self.radius = float(away.mean())
        # On an almond the distance to its middle is that of many vertices; an eyeball is a shell.
        self.is_ball = float(away.std()) < 0.15 * self.radius
        if not self.is_ball:
            self.radius = 0.105
        side = np.where(head[:, 0] < 0, -1.0, 1.0)
        near = np.abs(head[:, 1] - self.middle[1]) < 0.3
        self.x = np.where(near, (head[:, 0] - side * self.middle[0]) / self.radius, 9.0)
        self.y = np.where(near, (head[:, 1] - self.middle[1]) / self.radius, 9.0)
        behind = head[:, 2] < self.middle[2]
        self.x = np.where(behind & self.is_ball, 2.0, self.x)

    def lash(self) -> Array:
        if not self.found or not self.is_ball:
            return np.zeros(len(self.head))
        d = np.abs(self.head) * [1, 0, 0] + self.head * [0, 1, 1] - self.middle
        gap = np.linalg.norm(d, axis=1) / self.radius
        rim = np.clip((1.10 - gap) / 0.06, 0.0, 1.0) * (d[:, 2] > 0.2 * self.radius)
        upper = np.where(d[:, 1] > -0.1 * self.radius, 1.0, 0.45)
        return rim * upper * ~self.white
