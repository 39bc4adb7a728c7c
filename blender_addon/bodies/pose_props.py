"""The things that a pose needs so that it is no impossibility: the seat below, the phone at the ear, the bicycle.

A prop string of a pose is "shape@where", such as "box@hands" (`poses.PROPS` lists them). `place_props` turns them
into placements in the world around one posed body, whatever its size. The shapes are the stage's: their own frame has
its origin on the ground under the centre, Z up, front towards -Y; `size` is the extent in m along the shape's own
axes. For what is held, the location is the middle of its lower end, in the air.

World: Z up, ground at z = 0. The fractions below say where on a stage shape the parts are that a body touches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .anatomy import JOINT
from .pose_library import Pose

Vec3 = tuple[float, float, float]

# Seat surface over the ground, as a share of the shape's whole height.
SEAT_LEVEL = {"chair": 0.525, "bench": 0.55, "stool": 1.0, "seat_block": 1.0}
# Bicycle, as built at true size, m: whole extent, saddle top, pedal, top tube; front towards -Y, centre at 0.
BICYCLE_SIZE = np.array([0.53, 1.74, 1.036])
SADDLE = np.array([0.0, 0.26, 1.035])
LOW_PEDAL = 0.14
TOP_TUBE = np.array([0.0, -0.05, 0.91])
# Umbrella: the rim of the open canopy as a share of the height.
UMBRELLA_RIM = 0.62

GROWN_UP_LEG = 0.87  # m, hip to ankle along the bones: what the lift of a pose is written for
CROTCH = 0.115  # m from the pelvis joint down to a saddle, for that same grown-up
PALM = 0.085  # m from the wrist to the middle of the palm, for that same grown-up
SKIN = 0.03  # m from the bones of the hand to the palm


@dataclass(frozen=True)
class PropPlacement:
    """One prop in the world. rotation: XYZ Euler angles, degrees. size: m along the shape's own axes."""

    shape: str
    location: Vec3
    rotation: Vec3
    size: Vec3


@dataclass(frozen=True)
class _Body:
    """A posed body as the placing functions see it; all in world axes."""

    pose: Pose
    joints: np.ndarray  # (24, 3) m
    rotations: np.ndarray  # (24, 3, 3)
    vertices: np.ndarray  # (V, 3) m
    rng: np.random.Generator

    @property
    def scale(self) -> float:
        """Size relative to a grown-up, by the legs."""
        return leg_length(self.joints) / GROWN_UP_LEG

    def joint(self, name: str) -> np.ndarray:
        return self.joints[JOINT[name]]

    @property
    def front(self) -> np.ndarray:
        """Where the body faces, (3,) horizontal unit vector: the pelvis's forward, or for a lying body its up."""
        rotation = self.rotations[0]
        forward = rotation[:, 2] if abs(rotation[2, 2]) < 0.8 else rotation[:, 1]
        return _horizontal(forward)

    @property
    def left(self) -> np.ndarray:
        return np.array([-self.front[1], self.front[0], 0.0])

    @property
    def yaw(self) -> float:
        """Degrees about Z that turn a shape's front, -Y, to where the body faces."""
        return _yaw(self.front)

    def hand(self, side: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Middle of the palm (m), direction that the palm faces, direction of the fingers; side "left_" or "right_"."""
        rotation = self.rotations[JOINT[side + "wrist"]]
        fingers = rotation[:, 0] if side == "left_" else -rotation[:, 0]
        facing = -rotation[:, 1]
        return (
            self.joint(side + "wrist") + self.scale * (PALM * fingers + SKIN * facing),
            facing,
            fingers,
        )

    def along(
        self, direction: np.ndarray, low: float, high: float, half_width: float
    ) -> np.ndarray:
        """(n,) positions along a horizontal direction, from the pelvis, of the trunk's vertices between two heights."""
        offsets = self.vertices - self.joint("pelvis")
        sideways = np.abs(offsets @ np.cross(direction, (0.0, 0.0, 1.0)))
        z = self.vertices[:, 2]
        return (offsets @ direction)[(sideways < half_width) & (z > low) & (z < high)]


def place_props(
    pose: Pose,
    joints: np.ndarray,
    transforms: np.ndarray,
    vertices: np.ndarray,
    rng: np.random.Generator,
) -> list[PropPlacement]:
    """All props of a pose around one body that already stands in the world.

    joints (24, 3) m, transforms (24, 4, 4) whose rotations are the joints' in the world, vertices (V, 3) m: what
    posing a body model returns. A prop may come out as several placements (a sofa is four boxes). The kind of a
    "seat" and the sizes of loads are drawn from `rng`.
    """
    body = _Body(
        pose, np.asarray(joints), np.asarray(transforms)[:, :3, :3], np.asarray(vertices), rng
    )
    placements: list[PropPlacement] = []
    for prop in pose.props:
        shape, _, where = prop.partition("@")
        placements += _PLACERS[shape](body, where)
    return placements


def leg_length(joints: np.ndarray) -> float:
    """Hip to ankle along the bones, m, the mean of both legs; joints (24, 3) in any pose."""
    j = np.asarray(joints)
    bones = [("hip", "knee"), ("knee", "ankle")]
    lengths = [
        np.linalg.norm(j[JOINT[side + a]] - j[JOINT[side + b]])
        for side in ("left_", "right_")
        for a, b in bones
    ]
    return float(sum(lengths)) / 2.0


def ground_clearance(pose: Pose, joints: np.ndarray) -> float:
    """Height, m, at which the lowest point of this body belongs: the pose's lift, for legs of this length.

    0 for whoever stands, sits or lies; the low pedal of the bicycle under a rider; some way up for a jump.
    """
    return pose.lift * leg_length(joints) / GROWN_UP_LEG


# --- seats ----------------------------------------------------------------------------------------------


def _seat(body: _Body, where: str) -> list[PropPlacement]:
    return _on(body, str(body.rng.choice(["chair", "bench", "stool", "seat_block"])))


def _chair(body: _Body, where: str) -> list[PropPlacement]:
    return _on(body, "chair")


def _bench(body: _Body, where: str) -> list[PropPlacement]:
    return _on(body, "bench")


def seat_height(joints: np.ndarray, vertices: np.ndarray) -> float:
    """Height, m, of the seat under a sitting body: its lowest point below the pelvis, with flesh pressed in 1 cm."""
    vertices = np.asarray(vertices)
    centre = np.asarray(joints)[[JOINT["pelvis"], JOINT["left_hip"], JOINT["right_hip"]]].mean(
        axis=0
    )
    size = leg_length(joints) / GROWN_UP_LEG
    across = np.linalg.norm((vertices - centre)[:, :2], axis=1) < 0.16 * size
    below = np.abs(vertices[:, 2] - centre[2]) < 0.25 * size
    return float(vertices[across & below, 2].min()) + 0.01


def _rear(body: _Body, low: float, high: float) -> float:
    """How far behind the pelvis, m, the trunk reaches between two heights."""
    behind = body.along(-body.front, low, high, half_width=0.16 * body.scale)
    return float(behind.max(initial=0.1 * body.scale))


def _on(body: _Body, shape: str) -> list[PropPlacement]:
    height = seat_height(body.joints, body.vertices)
    width, depth = {
        "chair": (0.46, 0.45),
        "bench": (1.6, 0.5),
        "stool": (0.38, 0.38),
        "seat_block": (0.5, 0.48),
    }[shape]
    total = height / SEAT_LEVEL[shape]
    if shape in ("chair", "bench"):  # the back stands right behind the body
        rear = _rear(body, height + 0.1, total) + (0.035 if shape == "chair" else 0.08)
        centre = body.joint("pelvis") - (rear - depth / 2) * body.front
    else:
        centre = body.joint("pelvis") + 0.03 * body.front
    if shape == "bench":
        centre = centre + body.rng.uniform(-0.4, 0.4) * body.left
    return [_upright(shape, centre, 0.0, body.yaw, (width, depth, total))]


def _sofa(body: _Body, where: str) -> list[PropPlacement]:
    """Four boxes: the seat, the back and two arms."""
    height = seat_height(body.joints, body.vertices) + 0.02  # soft: one sinks in
    top = height + 0.42
    rear = _rear(body, height + 0.15, top)
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
        _upright("box", seat, 0.0, body.yaw, (width, depth, height)),
        _upright("box", back, 0.0, body.yaw, (width, 0.2, top)),
        *(_upright("box", arm, 0.0, body.yaw, (0.18, depth + 0.2, height + 0.18)) for arm in arms),
    ]


def _table(body: _Body, where: str) -> list[PropPlacement]:
    """Its top just under the hands and forearms, its edge close to the trunk."""
    hands = [body.hand(side)[0] for side in ("left_", "right_")]
    top = min(hand[2] for hand in hands) - 0.01
    trunk = body.along(body.front, top - 0.05, top + 0.3, half_width=0.12 * body.scale)
    reach = np.percentile(trunk, 20) if len(trunk) else 0.0
    edge = max(reach, 0.16 * body.scale)
    width, depth = body.rng.uniform(0.9, 1.6), body.rng.uniform(0.65, 0.85)
    return [
        _upright(
            "table",
            body.joint("pelvis") + (edge + depth / 2) * body.front,
            0.0,
            body.yaw,
            (width, depth, top),
        )
    ]


def _wall(body: _Body, where: str) -> list[PropPlacement]:
    offsets = (body.vertices - body.joint("pelvis")) @ -body.front
    thickness = 0.25
    centre = body.joint("pelvis") - (float(offsets.max()) - 0.01 + thickness / 2) * body.front
    return [
        _upright(
            "wall_segment",
            centre,
            0.0,
            body.yaw,
            (float(body.rng.uniform(2.0, 5.0)), thickness, 2.4),
        )
    ]


# --- wheels ---------------------------------------------------------------------------------------------


def _bicycle(body: _Body, where: str) -> list[PropPlacement]:
    """Under a rider the saddle is at the seat; for one who stands astride, the top tube is just below the crotch."""
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
    return [_upright("bicycle", centre, 0.0, body.yaw, size)]


def _pushchair(body: _Body, where: str) -> list[PropPlacement]:
    palms = np.mean([body.hand(side)[0] for side in ("left_", "right_")], axis=0)
    length = 0.88
    return [
        _upright(
            "pushchair",
            palms + (length / 2 - 0.02) * body.front,
            0.0,
            body.yaw,
            (0.6, length, palms[2]),
        )
    ]


def _suitcase(body: _Body, where: str) -> list[PropPlacement]:
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


# --- loads ----------------------------------------------------------------------------------------------


def _box(body: _Body, where: str) -> list[PropPlacement]:
    """Between the palms and clear of the belly."""
    (left, _, _), (right, _, _) = (body.hand(side) for side in ("left_", "right_"))
    middle, width = (left + right) / 2, float(np.linalg.norm(left - right))
    height = width * body.rng.uniform(0.6, 1.0)
    bottom = middle[2] - min(0.12, 0.5 * height)
    belly = body.along(body.front, bottom, bottom + height, half_width=0.1 * body.scale)
    hands = float((middle - body.joint("pelvis")) @ body.front)
    near = max(float(belly.max(initial=0.1)) + 0.01, hands - 0.25)
    depth = 2 * max(hands - near, 0.1)
    return [_upright("box", middle, bottom, body.yaw, (width, depth, height))]


def _bag(body: _Body, where: str) -> list[PropPlacement]:
    """Hangs from the hand."""
    palm, _, _ = body.hand(where.removesuffix("hand"))
    height = min(body.rng.uniform(0.38, 0.55) * body.scale, palm[2] - 0.03)
    size = (height * 0.65, height * body.rng.uniform(0.25, 0.4), height)
    outwards = body.left if where == "left_hand" else -body.left
    return [_upright("bag", palm + 0.03 * outwards, palm[2] - height, body.yaw + 90.0, size)]


def _backpack(body: _Body, where: str) -> list[PropPlacement]:
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
    # Shape to body: its X to the body's -X, its front -Y to the body's back -Z, its Z to the body's Y.
    axes = rotation @ np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    return [
        _turned("backpack", body.joint("spine3") + rotation @ bottom, axes, (width, depth, height))
    ]


def _umbrella(body: _Body, where: str) -> list[PropPlacement]:
    """Upright in the hand, its rim over the head."""
    palm, _, _ = body.hand(where.removesuffix("hand"))
    bottom = palm[2] - 0.08
    clear = body.vertices[:, 2].max() + 0.04 - bottom
    width = body.rng.uniform(0.95, 1.15)
    height = max(clear / UMBRELLA_RIM, 0.8)
    return [_upright("umbrella", palm, bottom, body.yaw, (width, width, height))]


# --- in the hand ----------------------------------------------------------------------------------------


def _phone(body: _Body, where: str) -> list[PropPlacement]:
    """Flat in the palm, along the fingers, its screen away from the palm."""
    palm, facing, fingers = body.hand(where.removesuffix("hand"))
    size = (0.072, 0.009, 0.15)
    axes = _axes(front=facing, up=fingers)
    return [_turned("phone", palm + 0.006 * facing - 0.05 * fingers, axes, size)]


def _cup(body: _Body, where: str) -> list[PropPlacement]:
    palm, facing, _ = body.hand(where.removesuffix("hand"))
    return [_upright("cup", palm + 0.035 * facing, palm[2] - 0.05, body.yaw, (0.08, 0.08, 0.105))]


def _book(body: _Body, where: str) -> list[PropPlacement]:
    """Open between the hands, facing the eyes: two halves, each a thin book."""
    (left, _, _), (right, _, _) = (body.hand(side) for side in ("left_", "right_"))
    middle = (left + right) / 2
    to_eyes = _unit(body.joint("head") - middle)
    across = _unit(left - right)
    placements = []
    for side in (1.0, -1.0):
        outwards = _unit(side * across + 0.25 * to_eyes)  # the halves rise a little from the fold
        normal = _unit(to_eyes - (to_eyes @ outwards) * outwards)
        # The book lies closed in its own frame: width along X, height along Y, thickness along Z.
        axes = np.stack([outwards, np.cross(normal, outwards), normal], axis=1)
        placements.append(
            _turned("book", middle + 0.075 * outwards - 0.005 * normal, axes, (0.15, 0.22, 0.014))
        )
    return placements


_PLACERS: dict[str, Callable[[_Body, str], list[PropPlacement]]] = {
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
}


# --- frames ---------------------------------------------------------------------------------------------


def _upright(
    shape: str, centre: np.ndarray, bottom: float, yaw: float, size: np.ndarray | Vec3
) -> PropPlacement:
    width, depth, height = (float(extent) for extent in size)
    location = (float(centre[0]), float(centre[1]), float(bottom))
    return PropPlacement(shape, location, (0.0, 0.0, float(yaw)), (width, depth, height))


def _turned(
    shape: str, bottom: np.ndarray, axes: np.ndarray, size: np.ndarray | Vec3
) -> PropPlacement:
    """A prop whose own X, Y, Z are the columns of `axes` in the world."""
    x, y, z = (float(value) for value in bottom)
    width, depth, height = (float(extent) for extent in size)
    return PropPlacement(shape, (x, y, z), _euler_xyz(axes), (width, depth, height))


def _axes(front: np.ndarray, up: np.ndarray) -> np.ndarray:
    """(3, 3) columns X, Y, Z of a shape whose front, -Y, and whose Z point where they are told."""
    z = _unit(up)
    y = -_unit(front - (front @ z) * z)
    return np.stack([np.cross(y, z), y, z], axis=1)


def _euler_xyz(axes: np.ndarray) -> Vec3:
    """Blender's XYZ Euler angles, degrees, of a rotation matrix: R = Rz Ry Rx."""
    y = np.arcsin(np.clip(-axes[2, 0], -1.0, 1.0))
    if abs(axes[2, 0]) < 1.0 - 1e-9:
        x, z = np.arctan2(axes[2, 1], axes[2, 2]), np.arctan2(axes[1, 0], axes[0, 0])
    else:  # X and Z turn about the same line: all of it goes to X
        x, z = np.arctan2(-axes[1, 2], axes[1, 1]), 0.0
    return float(np.degrees(x)), float(np.degrees(y)), float(np.degrees(z))


def _horizontal(vector: np.ndarray) -> np.ndarray:
    return _unit(np.array([vector[0], vector[1], 0.0]))


def _yaw(front: np.ndarray) -> float:
    return float(np.degrees(np.arctan2(front[0], -front[1])))


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)
