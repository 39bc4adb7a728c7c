"""The body chart: coordinates of each vertex of a body in a tailor's terms.

In the T-pose a sleeve ends at a distance along the arm, a hem at a height, a neckline at a distance
from the neck. So a garment is a set of inequalities on a few smooth coordinates of the body, and
its edges are level sets, interpolated inside each triangle: straight and sharp at any resolution,
on any body with SMPL's joints, with no painting by hand. `coverage` holds the inequalities; the
shader and `shell` both use them.

Lengths are reference metres (rm): metres on a body scaled to 1.7 m, so that one number fits an
adult and a child.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..bodies.mesh import loose_parts, vertex_normals
from ..bodies.model import BodyModel
from .drape import cloth_shape
from .skin_chart import skin_chart

Array = np.ndarray

REFERENCE_HEIGHT = 1.7  # m
ARM_LENGTH = 0.5  # rm from shoulder to wrist; what one unit of `arm` is worth
LEVEL_HEIGHT = 0.44  # rm; what one unit of `level` is worth
HEAD_UNIT = 0.115  # rm from the eyes to the crown; the unit of head coordinates

# The coordinates that materials read, by attribute of the mesh: four numbers each where possible,
# so that one look-up in the shader gives four. Those of the head, which the body does not look up,
# are apart.
CHANNELS = {
    "cover": ("arm", "level", "neck", "front"),
    "place": ("x", "tread", "z", "fall"),
    "skull": ("head_y", "head_z", "scalp", "ear"),
    "face": ("brow", "lip", "white", "iris"),
    "marks": ("hat", "beard"),
    "palm": ("palm",),
    "down": ("down",),
    "touch": ("flush", "shadow", "lash", "crease"),
    "gaze": ("eye_x", "eye_y", "lips", "inside"),
}

LEVELS = ("sole", "ankle", "knee", "hip", "neck", "crown")
LEVEL_VALUES = (-2.2, -2.0, -1.0, 0.0, 1.0, 2.0)


def body_chart(body: BodyModel) -> dict[str, Array]:
    """The chart of `body`, float32. Takes half a second: compute it once for each body model.

    Per vertex, (V,): `arm` 0 at the shoulder joint .. 1 at the wrist, negative on the torso;
    `level` see LEVELS; `neck` rm away from the neckline, negative on neck and head; `front` rm in
    front of the side seam; `down` rm along the cloth: the height, but for the shoulders, where
    cloth lies flat; `palm` 1 on palms and soles; `height` rm above the sole, `tread` the same in
    shoes; `fall` rm inside the curtain that long hair hangs in; in head units `scalp` above the
    hairline, `hat` above a hat's brim, and, positive inside, `beard`, `brow`, `lip`, `ear` and
    `white` (of the eye); `iris` 0 at the middle of the pupil, in radii of the eyeball. For what
    `skin_chart.skin_chart` adds, see there. (V, 3):
    `position` rm, origin between the soles; `head` head units, origin between the eyes. Per face
    corner, (F, 3, 2): `cloth` (around torso and legs, around the arm), rm. And what
    `drape.cloth_shape` adds.

    Eyeballs are found as loose parts of the mesh in the head; a model without them has its eyes on
    the face. Raises ValueError when a joint is missing.
    """
    v = np.asarray(body.v_template, dtype=np.float64)
    joints = _joints(body, v)
    origin = np.array([joints["pelvis"][0], v[:, 1].min(), joints["pelvis"][2]])
    to_rm = REFERENCE_HEIGHT / np.ptp(v[:, 1])
    p = (v - origin) * to_rm
    joints = {name: (joint - origin) * to_rm for name, joint in joints.items()}

    chart: dict[str, Array] = {"position": p, "height": p[:, 1]}
    chart["level"] = _level(p, joints)
    chart["arm"] = _arm(body, p, joints)
    chart["neck"] = _neck(p, joints)
    chart["front"] = _front(p, joints)
    chart["down"] = p[:, 1] - 0.7 * np.abs(chart["front"]) * np.clip(
        (chart["level"] - 0.65) * 5, 0.0, 1.0
    )
    chart["palm"] = _palm(chart, vertex_normals(p, body.faces))
    chart.update(_head(p, joints, chart["arm"], _eyeballs(body.faces, p, joints)))
    chart["cloth"] = _cloth(body.faces, p, joints, chart["arm"])
    chart.update(cloth_shape(p, body.faces, joints, chart))
    chart["tread"] = p[:, 1] + chart["last"][:, 1]
    chart.update(skin_chart(body.faces, chart))
    return {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in chart.items()}


def channel_values(chart: Mapping[str, Array]) -> dict[str, Array]:
    """The coordinates of CHANNELS by name, (V,) each."""
    named = dict(chart)
    for i, axis in enumerate("xyz"):
        named[axis], named[f"head_{axis}"] = chart["position"][:, i], chart["head"][:, i]
    return {name: named[name] for names in CHANNELS.values() for name in names}


def _joints(body: BodyModel, v: Array) -> dict[str, Array]:
    """(3,) each, m: the joints in the middle, and of each pair the left one, of a body made
    symmetrical.
    """
    named = dict(
        zip(body.joint_names, np.asarray(body.J_regressor, dtype=np.float64) @ v, strict=False)
    )
    paired = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
    needed = (
        "pelvis",
        "neck",
        "head",
        *(f"{side}_{name}" for side in ("left", "right") for name in paired),
    )
    missing = [name for name in needed if name not in named]
    if missing:
        raise ValueError(f"the body model has no joint {missing[0]!r}, which a body chart needs")
    mirror = np.array([-1.0, 1.0, 1.0])
    halves = {
        name: 0.5 * (named[f"left_{name}"] + named[f"right_{name}"] * mirror) for name in paired
    }
    return {**{name: named[name] for name in ("pelvis", "neck", "head")}, **halves}


def _level(p: Array, joints: dict[str, Array]) -> Array:
    heights = [
        0.0,
        *(joints[n][1] for n in ("ankle", "knee", "hip")),
        joints["neck"][1],
        p[:, 1].max(),
    ]
    return np.interp(p[:, 1], heights, LEVEL_VALUES)


def _arm(body: BodyModel, p: Array, joints: dict[str, Array]) -> Array:
    shoulder, wrist = joints["shoulder"], joints["wrist"]
    # Towards the wrist the reach is along x. On the shoulder the seam leans towards the neck as it
    # rises.
    along = (np.abs(p[:, 0]) - shoulder[0]) / (wrist[0] - shoulder[0])
    # Below the armpit the flank may stand out further than the shoulder joint: it is torso all the
    # same.
    below = (p[:, 1] - (shoulder[1] - 0.10)) / ARM_LENGTH * 2.0
    arms = [
        i for i, name in enumerate(body.joint_names) if name.split("_")[-1] not in _TORSO_OR_LEG
    ]
    weight = np.clip(np.asarray(body.weights)[:, arms].sum(axis=1) * 1.5, 0.0, 1.0)
    return weight * along + (1 - weight) * np.minimum(along, np.minimum(below, 0.02))


_TORSO_OR_LEG = {
    *(
        "pelvis",
        "hip",
        "knee",
        "ankle",
        "foot",
        "spine1",
        "spine2",
        "spine3",
        "neck",
        "head",
        "collar",
    ),
    *("jaw", "smplhf", "eye"),
}


def _neck(p: Array, joints: dict[str, Array]) -> Array:
    base = joints["neck"] + [0.0, -0.01, 0.012]
    axis = joints["head"] - joints["neck"]
    axis = axis / np.linalg.norm(axis)
    up = (p - base) @ axis
    out = np.linalg.norm((p - base) - up[:, None] * axis, axis=1)
    # The axis goes on into the chest: from the collar bones down everything is off the neck.
    around, below = out - 0.074 - 2.0 * np.maximum(up, 0.0), 2.0 * (-up - 0.035)
    return (
        0.5 * (around + below + np.hypot(around - below, 0.04)) - 0.008
    )  # a maximum without a corner


def _front(p: Array, joints: dict[str, Array]) -> Array:
    """Side seams run from the neck over the shoulder, down the middle of flank and leg."""
    ankle, hip, shoulder = (joints[n] for n in ("ankle", "hip", "shoulder"))
    seam = np.interp(p[:, 1], [ankle[1], hip[1], shoulder[1]], [ankle[2], hip[2], shoulder[2]])
    return p[:, 2] - seam


def _palm(chart: dict[str, Array], normals: Array) -> Array:
    hand = np.clip((chart["arm"] - 1.05) * 10, 0, 1)
    foot = np.clip((0.05 - chart["height"]) * 40, 0, 1)
    down = np.clip(-normals[:, 1] * 2.5 - 0.4, 0, 1)
    return np.maximum(hand, foot) * down


# Hairline: height in head units (0: eyes, 1: crown) against the azimuth about the head, 0 in front,
# 180 behind.
_HAIRLINE = (
    (0, 25, 42, 55, 66, 78, 88, 100, 115, 140, 180),
    (0.66, 0.66, 0.58, 0.42, 0.10, -0.22, -0.05, -0.10, -0.48, -0.66, -0.72),
)
# The upper edge of a full beard: under the nose, over the corner of the mouth, up the cheek to the
# sideburn.
_BEARD_LINE = ((0, 10, 22, 40, 60, 80, 90), (-0.40, -0.42, -0.50, -0.55, -0.35, -0.05, -2.0))


def _head(
    p: Array, joints: dict[str, Array], arm: Array, eyeballs: list[Array]
) -> dict[str, Array]:
    neck = joints["neck"]
    is_head = (p[:, 1] > neck[1] + 0.02) & (arm < 0)
    profile = is_head & (np.abs(p[:, 0]) < 0.02)
    nose = p[profile][np.argmax(p[profile, 2])]
    crown = p[:, 1].max()
    # Proportions of an adult's profile; the distance from nose to crown is what every head model
    # has.
    eyes = np.array([0.0, nose[1] + 0.237 * (crown - nose[1]), nose[2]])
    unit = crown - eyes[1]
    eye_x = 0.26 * unit
    if eyeballs:
        eyes[1] = np.mean([p[ball][:, 1].mean() for ball in eyeballs])
        eye_x = float(np.mean([np.abs(p[ball][:, 0]).mean() for ball in eyeballs]))
        unit = crown - eyes[1]

    band = p[is_head & (np.abs(p[:, 1] - eyes[1] - 0.5 * unit) < 0.15 * unit)]
    centre_z = 0.5 * (band[:, 2].min() + band[:, 2].max())
    h = (p - [0.0, eyes[1], 0.0]) / unit
    x, y, z = np.abs(h[:, 0]), h[:, 1], h[:, 2] - centre_z / unit
    azimuth = np.degrees(np.arctan2(x, z))
    face = is_head & (z > 0)
    off = np.where(is_head, 0.0, -9.0)  # what belongs on the head is nowhere else

    out: dict[str, Array] = {"head": np.stack([h[:, 0], y, z], axis=1)}
    # Ears: whatever stands out sideways beyond the skull, at the height of eyes and nose.
    skull = np.abs(band[:, 0]).max() / unit
    out["ear"] = np.where(is_head & (np.abs(y + 0.2) < 0.36), x - skull - 0.03, -1.0)
    out["scalp"] = np.minimum(
        y - np.interp(azimuth, *_HAIRLINE), np.where(is_head, 9.0, (y + 0.9) * 3)
    )
    out["beard"] = (
        np.minimum(np.interp(azimuth, *_BEARD_LINE) - y, y + 1.02 + 0.25 * np.clip(0.55 - z, 0, 1))
        + off
    )
    # Long hair: behind the ears, then a curtain as wide as the neck down the back.
    back = np.interp(p[:, 1], [neck[1], neck[1] + 0.08], [neck[2], centre_z])
    out["fall"] = np.minimum(
        back - p[:, 2] + 0.01, 0.105 - 0.14 * np.maximum(neck[1] - p[:, 1], 0) - np.abs(p[:, 0])
    ) + np.where(arm < 0, 0, -9)
    out["hat"] = y - 0.40 + 0.22 * (0.8 - z) + off

    brow_x, half = eye_x / unit + 0.02, 0.21
    along = (x - brow_x) / half
    arch = 0.215 + 0.03 * along - 0.045 * along**2
    out["brow"] = np.where(
        face,
        0.042 * np.sqrt(np.clip(1 - along**2, 0, 1)) * (1 - 0.3 * along) - np.abs(y - arch),
        -1.0,
    )
    out["brow"] = np.where(np.abs(along) < 1.3, out["brow"], -1.0)
    out["lip"] = np.where(
        face, 1 - np.hypot(x / 0.225, (y + 0.565) / np.where(y > -0.565, 0.08, 0.1)), -1.0
    )
    out.update(_eyes(p, h, eye_x / unit, face, eyeballs))
    return out


def _eyeballs(faces: Array, p: Array, joints: dict[str, Array]) -> list[Array]:
    """Vertex indices of the loose parts of the mesh that lie in the head, in pairs left and right
    of the middle.
    """
    part = loose_parts(faces, len(p))
    balls = []
    for label, count in zip(*np.unique(part, return_counts=True), strict=True):
        ball = np.flatnonzero(part == label)
        x, y, _ = p[ball].mean(axis=0)
        if 8 < count < len(p) // 10 and y > joints["neck"][1] and 0.015 < abs(x) < 0.06:
            balls.append(ball)
    return balls if len(balls) == 2 else []


def _eyes(p: Array, h: Array, eye_x: float, face: Array, eyeballs: list[Array]) -> dict[str, Array]:
    if not eyeballs:  # an almond on the face, with the iris in its middle
        dx, dy = np.abs(h[:, 0]) - eye_x, h[:, 1]
        return {
            "white": np.where(face, 1 - np.hypot(dx / 0.12, dy / 0.05), -1.0),
            "iris": np.hypot(dx, dy) / 0.105,
        }
    white, iris = np.full(len(p), -1.0), np.full(len(p), 2.0)
    for ball in eyeballs:
        d = p[ball] - p[ball].mean(axis=0)
        radius = np.linalg.norm(d, axis=1).mean()
        white[ball] = 1.0
        iris[ball] = np.where(d[:, 2] > 0, np.hypot(d[:, 0], d[:, 1]) / radius, 2.0)
    return {"white": white, "iris": iris}


def _cloth(faces: Array, p: Array, joints: dict[str, Array], arm: Array) -> Array:
    """(F, 3, 2) where a thread lies: cloth is wrapped around torso, legs and arms without
    stretching.

    On the torso the back is the mirror image of the front, with side seams between them. The angle
    around a leg or an arm jumps somewhere; as each face keeps its own corners, the jump becomes a
    seam, inside or below.
    """
    hip, ankle, shoulder = (joints[n] for n in ("hip", "ankle", "shoulder"))
    side = np.where(p[:, 0] < 0, -1.0, 1.0)
    x, y, z = np.abs(p[:, 0]), p[:, 1], p[:, 2]
    seam = np.interp(y, [ankle[1], hip[1], shoulder[1]], [ankle[2], hip[2], shoulder[2]])
    # Torso: an ellipse 1.45 times as wide as deep, 0.9 rm around. Above the armpits: straight from
    # the front.
    round_torso = np.arctan2(x / 1.45, np.abs(z - seam)) * 0.145
    flat = np.clip((y - shoulder[1] + 0.16) / 0.08, 0.0, 1.0)
    torso = (1 - flat) * round_torso + flat * x
    axis_x = np.interp(y, [ankle[1], hip[1]], [ankle[0], hip[0]])
    angle = (
        np.mod(np.arctan2(x - axis_x, z - seam) + np.pi / 2, 2 * np.pi) - np.pi / 2
    )  # 0 in front, outwards
    leg = axis_x + angle * 0.08
    share = np.clip((y - hip[1] + 0.08) / 0.12, 0.0, 1.0)
    round_arm = np.arctan2(z - shoulder[2], y - shoulder[1])  # 0 on top, jumps below
    corners = np.stack([side * (share * torso + (1 - share) * leg), round_arm * 0.045], axis=1)[
        faces
    ]
    on_leg = share[faces].mean(axis=1, keepdims=True) < 0.5
    for channel, period in ((0, np.where(on_leg, 0.08 * 2 * np.pi, 1e9)), (1, 0.045 * 2 * np.pi)):
        u = corners[:, :, channel]
        u -= period * np.round((u - u[:, :1]) / period)
    return corners
