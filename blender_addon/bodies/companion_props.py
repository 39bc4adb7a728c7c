"""Aids, toys and animals that poses need, placed around one posed body; see `pose_props`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .posed_body import PosedBody, unit
from .prop_placement import PropPlacement, rear_of, seat_height, turned, upright

# As built at true size, m; fronts towards -Y, centre at 0.
WHEELCHAIR_SIZE = np.array([0.641, 0.895, 0.945])
WHEELCHAIR_SEAT = 0.5  # height
WHEELCHAIR_BACK = 0.24  # of the backrest's face behind the centre
ROLLATOR_SIZE = np.array([0.554, 0.74, 0.954])
ROLLATOR_GRIP = 0.18  # of the handles behind the centre
TROLLEY_SIZE = np.array([0.544, 0.932, 1.037])
TROLLEY_BAR = 0.45  # of the bar behind the centre
SCOOTER_SIZE = np.array([0.48, 1.06, 1.016])
SCOOTER_BAR = 0.325  # of the bar before the centre
CRUTCH_GRIP = 0.79  # height of its grip as a share of its length
_LEASH = 0.004  # m


def _wheelchair(body: PosedBody, where: str) -> list[PropPlacement]:
    """Its seat below the body, its back right behind it, wide enough for the hips."""
    height = seat_height(body.joints, body.vertices)
    scale = height / WHEELCHAIR_SEAT
    back = rear_of(body, height + 0.1, height + 0.4 * scale)
    centre = body.joint("pelvis") - (back - WHEELCHAIR_BACK * scale + 0.005) * body.front
    hips = np.abs((body.vertices - body.joint("pelvis")) @ body.left)
    level = np.abs(body.vertices[:, 2] - height - 0.06) < 0.06
    near = level & (np.abs((body.vertices - body.joint("pelvis")) @ body.front) < 0.15)
    size = scale * WHEELCHAIR_SIZE
    # The wheels stand 0.1 m outside of the seat, which the hips fill.
    wide = 2 * float(np.percentile(hips[near], 90)) if near.any() else 0.0
    size[0] = float(np.clip(wide + 0.2 * scale, size[0], 1.5 * size[0]))
    return [upright("wheelchair", centre, 0.0, body.yaw, size)]


def _palms(body: PosedBody) -> tuple[np.ndarray, float]:
    """The middle between the palms and the distance of them, m."""
    left, right = (body.hand(side)[0] for side in ("left_", "right_"))
    return (left + right) / 2, float(np.linalg.norm(left - right))


def _rollator(body: PosedBody, where: str) -> list[PropPlacement]:
    middle, apart = _palms(body)
    size = ROLLATOR_SIZE * middle[2] / 0.94
    size[0] = max(apart + 0.03, 0.7 * size[0])
    centre = middle + ROLLATOR_GRIP * size[1] / ROLLATOR_SIZE[1] * body.front
    return [upright("rollator", centre, 0.0, body.yaw, size)]


def _trolley(body: PosedBody, where: str) -> list[PropPlacement]:
    middle, _ = _palms(body)
    size = TROLLEY_SIZE.copy()
    size[2] = middle[2] + 0.01
    centre = middle + TROLLEY_BAR * body.front
    return [upright("trolley", centre, 0.0, body.yaw, size)]


def _scooter(body: PosedBody, where: str) -> list[PropPlacement]:
    middle, apart = _palms(body)
    size = SCOOTER_SIZE.copy()
    size[2] = middle[2] + 0.01
    size[0] = max(apart + 0.06, 0.3)
    # It lies under the foot that stands on it: the lower one may push.
    centre = middle - SCOOTER_BAR * body.front
    return [upright("scooter", centre, 0.0, body.yaw, size)]


def _skateboard(body: PosedBody, where: str) -> list[PropPlacement]:
    """Under both feet, along the line between them."""
    left, right = body.joint("left_ankle"), body.joint("right_ankle")
    feet = (left + right) / 2
    along = left - right
    sole = float(body.vertices[:, 2].min())
    length = max(float(np.hypot(along[0], along[1])) + 0.36, 0.7)
    yaw = float(np.degrees(np.arctan2(along[0], -along[1])))
    return [upright("skateboard", feet + 0.04 * body.front, 0.0, yaw, (0.2, length, sole))]


def _to_ground(
    body: PosedBody, shape: str, where: str, grip: float, width: float, depth: float
) -> list[PropPlacement]:
    """From the palm to the ground, a little outwards and forwards; `grip` is the share of its
    length at which it is held.
    """
    palm, _, _ = body.hand(where.removesuffix("hand"))
    outwards = body.left if where == "left_hand" else -body.left
    foot = np.array([palm[0], palm[1], 0.0])
    foot = foot + body.scale * (body.rng.uniform(0.02, 0.07) * outwards)
    foot = foot + body.scale * body.rng.uniform(0.0, 0.1) * body.front
    up = unit(palm - foot)
    length = float(np.linalg.norm(palm - foot)) / grip
    y = -unit(body.front - (body.front @ up) * up)
    axes = np.stack([np.cross(y, up), y, up], axis=1)
    return [turned(shape, foot, axes, (width, depth, length))]


def _stick(body: PosedBody, where: str) -> list[PropPlacement]:
    return _to_ground(body, "stick", where, 0.985, 0.032, 0.12)


def _crutch(body: PosedBody, where: str) -> list[PropPlacement]:
    return _to_ground(body, "crutch", where, CRUTCH_GRIP, 0.12, 0.23)


def _racket(body: PosedBody, where: str) -> list[PropPlacement]:
    """Out of the fist, on towards the thumb."""
    side = where.removesuffix("hand")
    palm, facing, fingers = body.hand(side)
    across = np.cross(facing, fingers)
    thumb = across if side == "right_" else -across
    up = unit(0.45 * fingers + 0.9 * thumb)
    y = unit(facing - (facing @ up) * up)
    axes = np.stack([np.cross(y, up), y, up], axis=1)
    long = float(body.rng.uniform(0.62, 0.7)) * min(body.scale, 1.0)
    return [turned("racket", palm - 0.06 * up, axes, (0.38 * long, 0.045 * long, long))]


def _ball(body: PosedBody, where: str) -> list[PropPlacement]:
    """Between the palms, or on the ground before a foot."""
    radius = float(body.rng.uniform(0.105, 0.122))
    if where == "hands":
        middle, apart = _palms(body)
        radius = float(np.clip(0.5 * apart, 0.09, 0.16))
        bottom, centre = middle[2] - radius, middle
    else:
        foot = body.joint(where)
        bottom, centre = 0.0, foot + (0.1 * body.scale + radius) * body.front
    return [upright("ball", centre, bottom, body.yaw, (2 * radius,) * 3)]


def _dog(body: PosedBody, where: str) -> list[PropPlacement]:
    """Beside and before its owner, on a leash from the hand."""
    palm, _, _ = body.hand(where.removesuffix("hand"))
    outwards = body.left if where == "left_hand" else -body.left
    height = float(body.rng.uniform(0.3, 0.65))
    size = np.array([0.38, 1.25, 1.0]) * height
    place = palm + body.rng.uniform(0.2, 0.45) * outwards + body.rng.uniform(0.2, 0.7) * body.front
    turn = body.yaw + float(body.rng.uniform(-35, 35))
    ahead = np.array([np.sin(np.radians(turn)), -np.cos(np.radians(turn)), 0.0])
    collar = np.array([place[0], place[1], 0.72 * height]) + 0.3 * size[1] * ahead
    up = unit(palm - collar)
    x = unit(np.cross(up, [0.3, 1.0, 0.1]))
    axes = np.stack([x, np.cross(up, x), up], axis=1)
    length = float(np.linalg.norm(palm - collar))
    return [
        upright("dog", place, 0.0, turn, size),
        turned("pole", collar, axes, (2 * _LEASH, 2 * _LEASH, length)),
    ]


COMPANION_PLACERS: dict[str, Callable[[PosedBody, str], list[PropPlacement]]] = {
    "ball": _ball,
    "crutch": _crutch,
    "dog": _dog,
    "racket": _racket,
    "rollator": _rollator,
    "scooter": _scooter,
    "skateboard": _skateboard,
    "stick": _stick,
    "trolley": _trolley,
    "wheelchair": _wheelchair,
}
