"""The props that poses need: a seat below, a phone at the ear, a bicycle.

A prop of a pose is written "shape@where", such as "box@hands" (`pose_library.PROPS` lists them).
`place_props` places them in the world around one posed body of any size. The shapes are those of
props.catalogue: their own frame has its origin on the ground under the centre, Z up, front towards
-Y; `size` is the extent in m along the shape's own axes. For a thing that is held, the location is
the middle of its lower end, in the air.

World: Z up, ground at z = 0. The fractions below are the places on a shape that a body touches.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .anatomy import JOINT
from .companion_props import COMPANION_PLACERS
from .pose_library import Pose
from .posed_body import GROWN_UP_LEG, PosedBody, frame_axes, leg_length, unit
from .prop_placement import PropPlacement, rear_of, seat_height, turned, upright

# Seat surface over the ground, as a share of the shape's whole height.
SEAT_LEVEL = {"chair": 0.525, "bench": 0.55, "stool": 1.0, "seat_block": 1.0}
# Bicycle, as built at true size, m: whole extent, saddle top, pedal, top tube; front towards -Y,
# centre at 0.
BICYCLE_SIZE = np.array([0.53, 1.74, 1.036])
SADDLE = np.array([0.0, 0.26, 1.035])
LOW_PEDAL = 0.14
TOP_TUBE = np.array([0.0, -0.05, 0.91])
# Umbrella: the rim of the open canopy as a share of the height.
UMBRELLA_RIM = 0.62

CROTCH = 0.115  # m from the pelvis joint down to a saddle, for that same grown-up


def place_props(
    pose: Pose,
    joints: np.ndarray,
    transforms: np.ndarray,
    vertices: np.ndarray,
    rng: np.random.Generator,
) -> list[PropPlacement]:
    """Place all props of a pose around one body that stands in the world.

    A prop may need several placements (a sofa is four boxes). The kind of a "seat" and the sizes of
    loads are drawn.

    Args:
        pose: The pose.
        joints: (24, 3) m.
        transforms: (24, 4, 4), with the rotations of the joints in the world.
        vertices: (V, 3) m.
        rng: Generator of kinds and sizes.
    """
    body = PosedBody(
        pose, np.asarray(joints), np.asarray(transforms)[:, :3, :3], np.asarray(vertices), rng
    )
    placements: list[PropPlacement] = []
    for prop in pose.props:
        shape, _, where = prop.partition("@")
        placements += _PLACERS[shape](body, where)
    return placements


def ground_clearance(pose: Pose, joints: np.ndarray) -> float:
    """Height (m) of the lowest point of a body: the pose's lift, for legs of this length.

    0 for a person who stands, sits or lies; the low pedal of the bicycle under a rider; above 0 for
    a jump.
    """
    return pose.lift * leg_length(joints) / GROWN_UP_LEG


# --- seats ----------------------------------------------------------------------------------------


def _seat(body: PosedBody, where: str) -> list[PropPlacement]:
    return _on(body, str(body.rng.choice(["chair", "bench", "stool", "seat_block"])))


def _chair(body: PosedBody, where: str) -> list[PropPlacement]:
    return _on(body, "chair")


def _bench(body: PosedBody, where: str) -> list[PropPlacement]:
    return _on(body, "bench")


def _on(body: PosedBody, shape: str) -> list[PropPlacement]:
    height = seat_height(body.joints, body.vertices)
    width, depth = {
        "chair": (0.46, 0.45),
        "bench": (1.6, 0.5),
        "stool": (0.38, 0.38),
        "seat_block": (0.5, 0.48),
    }[shape]
    total = height / SEAT_LEVEL[shape]
    if shape in ("chair", "bench"):  # the back stands right behind the body
        rear = rear_of(body, height + 0.1, total) + (0.035 if shape == "chair" else 0.08)
        centre = body.joint("pelvis") - (rear - depth / 2) * body.front
    else:
        centre = body.joint("pelvis") + 0.03 * body.front
    if shape == "bench":
        centre = centre + body.rng.uniform(-0.4, 0.4) * body.left
    return [upright(shape, centre, 0.0, body.yaw, (width, depth, total))]


def _sofa(body: PosedBody, where: str) -> list[PropPlacement]:
    """Four boxes: the seat, the back and two arms."""
    height = seat_height(body.joints, body.vertices) + 0.02  # soft: one sinks in
    top = height + 0.42
    rear = rear_of(body, height + 0.15, top)
    knee = min(
        (body.joint(side + "knee") - body.joint("pelvis")) @ body.front
        for side in ("left_", "right_")
    )
    depth = max(knee - 0.09 + rear, 0.4)
    width = float(body.rng.uniform(0.75, 1.9))
    middle = body.joint("pelvis") + body.rng.uniform(-0.5, 0.5) * (width - 0.7) * body.left
    seat = middle + (depth / 2 - rear) * body.front
    back = middle - (rear + 0.1) * body.front
    arms = [seat - 0.1 * body.front + side * (width / 2 + 0.09) * body.left for side in (-1.0, 1.0)]
    return [
        upright("box", seat, 0.0, body.yaw, (width, depth, height)),
        upright("box", back, 0.0, body.yaw, (width, 0.2, top)),
        *(upright("box", arm, 0.0, body.yaw, (0.18, depth + 0.2, height + 0.18)) for arm in arms),
    ]


def _table(body: PosedBody, where: str) -> list[PropPlacement]:
    """Its top just under the hands and forearms, its edge close to the trunk."""
    hands = [body.hand(side)[0] for side in ("left_", "right_")]
    top = min(hand[2] for hand in hands) - 0.01
    trunk = body.along(body.front, top - 0.05, top + 0.3, half_width=0.12 * body.scale)
    reach = np.percentile(trunk, 20) if len(trunk) else 0.0
    edge = max(reach, 0.16 * body.scale)
    width, depth = body.rng.uniform(0.9, 1.6), body.rng.uniform(0.65, 0.85)
    return [
        upright(
            "table",
            body.joint("pelvis") + (edge + depth / 2) * body.front,
            0.0,
            body.yaw,
            (width, depth, top),
        )
    ]


def _wall(body: PosedBody, where: str) -> list[PropPlacement]:
    offsets = (body.vertices - body.joint("pelvis")) @ -body.front
    thickness = 0.25
    centre = body.joint("pelvis") - (float(offsets.max()) - 0.01 + thickness / 2) * body.front
    return [
        upright(
            "wall_segment",
            centre,
            0.0,
            body.yaw,
            (float(body.rng.uniform(2.0, 5.0)), thickness, 2.4),
        )
    ]


# --- wheels ---------------------------------------------------------------------------------------


def _bicycle(body: PosedBody, where: str) -> list[PropPlacement]:
    """Under a rider the saddle is at the seat; for one who stands astride, the top tube is just
    below the crotch.
    """
    if body.pose.support == "bike":
        height = body.joint("pelvis")[2] - CROTCH * body.scale
        scale, anchor = height / SADDLE[2], SADDLE
    else:
        height = body.joint("pelvis")[2] - CROTCH * body.scale - 0.03
        scale, anchor = height / TOP_TUBE[2], TOP_TUBE
    centre = body.joint("pelvis") + scale * anchor[1] * body.front
    size = scale * BICYCLE_SIZE
    if body.joint("left_ankle")[2] > body.joint("right_ankle")[2] + 0.1:
        size[0] = -size[0]  # its left pedal is the low one: turn it over for the other side
    return [upright("bicycle", centre, 0.0, body.yaw, size)]


def _pushchair(body: PosedBody, where: str) -> list[PropPlacement]:
    palms = np.mean([body.hand(side)[0] for side in ("left_", "right_")], axis=0)
    length = 0.88
    return [
        upright(
            "pushchair",
            palms + (length / 2 - 0.02) * body.front,
            0.0,
            body.yaw,
            (0.6, length, palms[2]),
        )
    ]


def _suitcase(body: PosedBody, where: str) -> list[PropPlacement]:
    """Pulled along on two wheels, leaning to the hand."""
    palm, _, _ = body.hand(where.removesuffix("hand"))
    length = max(1.12 * palm[2], 0.3)
    lean = np.arccos(palm[2] / length)
    centre = palm - length * np.sin(lean) * body.front
    return [
        PropPlacement(
            "suitcase",
            (float(centre[0]), float(centre[1]), 0.0),
            (float(np.degrees(lean)), 0.0, body.yaw),
            (0.42, 0.25, float(length)),
        )
    ]


# --- loads ----------------------------------------------------------------------------------------


def _box(body: PosedBody, where: str) -> list[PropPlacement]:
    """Between the palms and clear of the belly."""
    (left, _, _), (right, _, _) = (body.hand(side) for side in ("left_", "right_"))
    middle, width = (left + right) / 2, float(np.linalg.norm(left - right))
    height = width * body.rng.uniform(0.6, 1.0)
    bottom = middle[2] - min(0.12, 0.5 * height)
    belly = body.along(body.front, bottom, bottom + height, half_width=0.1 * body.scale)
    hands = float((middle - body.joint("pelvis")) @ body.front)
    near = max(float(belly.max(initial=0.1)) + 0.01, hands - 0.25)
    depth = 2 * max(hands - near, 0.1)
    return [upright("box", middle, bottom, body.yaw, (width, depth, height))]


def _bag(body: PosedBody, where: str) -> list[PropPlacement]:
    """Hangs from the hand."""
    palm, _, _ = body.hand(where.removesuffix("hand"))
    height = min(body.rng.uniform(0.38, 0.55) * body.scale, palm[2] - 0.03)
    size = (height * 0.65, height * body.rng.uniform(0.25, 0.4), height)
    outwards = body.left if where == "left_hand" else -body.left
    return [upright("bag", palm + 0.03 * outwards, palm[2] - height, body.yaw + 90.0, size)]


def _backpack(body: PosedBody, where: str) -> list[PropPlacement]:
    """On the back, turning and bending with it, its own front away from the body."""
    rotation = body.rotations[JOINT["spine3"]]
    local = (body.vertices - body.joint("spine3")) @ rotation
    reach = body.scale * np.array([0.1, 0.22])
    on_back = local[
        (np.abs(local[:, 0]) < reach[0]) & (np.abs(local[:, 1]) < reach[1]) & (local[:, 2] < 0)
    ]
    width, depth, height = body.scale * body.rng.uniform((0.26, 0.15, 0.38), (0.34, 0.26, 0.52))
    rear = np.percentile(on_back[:, 2], 5) if len(on_back) else -0.12 * body.scale
    bottom = np.array([0.0, 0.12 * body.scale - height, rear - depth / 2 + 0.02])
    # Shape to body: its X to the body's -X, its front -Y to the body's back -Z, its Z to the body's
    # Y.
    axes = rotation @ np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    return [
        turned("backpack", body.joint("spine3") + rotation @ bottom, axes, (width, depth, height))
    ]


def _umbrella(body: PosedBody, where: str) -> list[PropPlacement]:
    """Upright in the hand, its rim over the head."""
    palm, _, _ = body.hand(where.removesuffix("hand"))
    bottom = palm[2] - 0.08
    clear = body.vertices[:, 2].max() + 0.04 - bottom
    width = body.rng.uniform(0.95, 1.15)
    height = max(clear / UMBRELLA_RIM, 0.8)
    return [upright("umbrella", palm, bottom, body.yaw, (width, width, height))]


# --- in the hand ----------------------------------------------------------------------------------


def _phone(body: PosedBody, where: str) -> list[PropPlacement]:
    """Flat in the palm, along the fingers, its screen away from the palm."""
    palm, facing, fingers = body.hand(where.removesuffix("hand"))
    size = (0.072, 0.009, 0.15)
    axes = frame_axes(front=facing, up=fingers)
    return [turned("phone", palm + 0.006 * facing - 0.05 * fingers, axes, size)]


def _cup(body: PosedBody, where: str) -> list[PropPlacement]:
    palm, facing, _ = body.hand(where.removesuffix("hand"))
    return [upright("cup", palm + 0.035 * facing, palm[2] - 0.05, body.yaw, (0.08, 0.08, 0.105))]


def _book(body: PosedBody, where: str) -> list[PropPlacement]:
    """Open between the hands, facing the eyes: two halves, each a thin book."""
    (left, _, _), (right, _, _) = (body.hand(side) for side in ("left_", "right_"))
    middle = (left + right) / 2
    to_eyes = unit(body.joint("head") - middle)
    across = unit(left - right)
    placements = []
    for side in (1.0, -1.0):
        outwards = unit(side * across + 0.25 * to_eyes)  # the halves rise a little from the fold
        normal = unit(to_eyes - (to_eyes @ outwards) * outwards)
        # The book lies closed in its own frame: width along X, height along Y, thickness along Z.
        axes = np.stack([outwards, np.cross(normal, outwards), normal], axis=1)
        placements.append(
            turned("book", middle + 0.075 * outwards - 0.005 * normal, axes, (0.15, 0.22, 0.014))
        )
    return placements


_PLACERS: dict[str, Callable[[PosedBody, str], list[PropPlacement]]] = {
    "backpack": _backpack,
    "bag": _bag,
    "bench": _bench,
    "bicycle": _bicycle,
    "book": _book,
    "box": _box,
    "chair": _chair,
    "cup": _cup,
    "phone": _phone,
    "pushchair": _pushchair,
    "seat": _seat,
    "sofa": _sofa,
    "suitcase": _suitcase,
    "table": _table,
    "umbrella": _umbrella,
    "wall": _wall,
    **COMPANION_PLACERS,
}
