"""Bags and what hands hold. Straps are drawn taut over the clothes; what hands hold hangs down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from .head_coverings import bust_map
from .outfit import Item
from .palette import Color, linear
from .part_fitting import PerBody, four_of, taut_loop, worn
from .solids import CLOTH, LEATHER, METAL, PLASTIC, Mesh, band, box, join, loft, tube
from .vectors import unit
from .worn_part import Fitting, PartSurface, WornPart

Array = np.ndarray

BODY, STRAP = range(2)  # regions
_TORSO: PerBody[Array] = PerBody()
_FOREARM: PerBody[Array] = PerBody()


def _torso(fitting: Fitting) -> Array:
    """Vertices that a strap may lie on."""

    def among(mean: Fitting) -> Array:
        level, arm = np.asarray(mean.chart["level"]), np.asarray(mean.chart["arm"])
        neck = np.asarray(mean.chart["neck"])
        return np.flatnonzero((level > -0.4) & (level < 1.05) & (arm < 0.05) & (neck > 0.0))

    return _TORSO.get(fitting, "torso", among)


def colors_of(item: Item, *default: str) -> tuple[Color, ...]:
    """The item's colours, and usual ones for those that it has none of."""
    return (*item.colors, *(linear(code) for code in default[len(item.colors) :]))


def _pillow(size: tuple[float, float, float], power: float = 3.5, region: int = BODY) -> Mesh:
    """A stuffed bag, its middle at the origin; `power` 2 is an ellipsoid, more is a box."""
    turn = 2 * np.pi * np.arange(16) / 16
    tilt = np.linspace(-np.pi / 2, np.pi / 2, 9)[:, None]
    e = 2 / power

    def bent(a: Array) -> Array:
        return np.sign(a) * np.abs(a) ** e

    rows = np.stack(
        [bent(np.cos(tilt)) * bent(np.sin(turn)), bent(np.sin(tilt)) + 0 * turn,
         bent(np.cos(tilt)) * bent(np.cos(turn))], axis=-1,
    )  # fmt: skip
    return loft(rows * np.asarray(size) / 2, region)


def _strap(
    fitting: Fitting, path: Array, out: Array, near: Array, width: ArrayLike, **more: bool
) -> tuple[Mesh, tuple[Array, Array], Array]:
    """A strap on the clothes: mesh, joints and weights, nearest vertices."""
    mesh = band(path, out, width, 0.004 * fitting.scale, region=STRAP, **more)
    rows = np.asarray(fitting.model.weights)[near]
    ends = (rows[:1], rows[-1:]) if not more.get("closed") else (rows[-1:], rows[:1])
    for _ in range(2):
        padded = np.concatenate([ends[0], rows, ends[1]])
        rows = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    if more.get("closed"):
        rows, near = np.concatenate([rows, rows[:1]]), np.concatenate([near, near[:1]])
    joints, weights = four_of(rows)
    skin = (np.repeat(joints, 4, axis=0), np.repeat(weights, 4, axis=0))
    return mesh, skin, np.repeat(near, 4)


def _between(fitting: Fitting, count: int, *names: str) -> tuple[Array, Array]:
    """Joints and weights of vertices that move with the mean of some joints."""
    index = [fitting.model.joint_names.index(name) for name in names]
    index += index[:1] * (4 - len(index))
    weights = np.zeros((count, 4), np.float32)
    weights[:, : len(names)] = 1 / len(names)
    return np.tile(np.array(index, np.int32), (count, 1)), weights


def _together(
    fitting: Fitting,
    item: Item,
    surface: PartSurface,
    colors: tuple[Color, ...],
    *pieces: tuple[Mesh, tuple[Array, Array], Array],
) -> list[WornPart]:
    mesh = join(*(piece[0] for piece in pieces))
    joints = np.concatenate([piece[1][0] for piece in pieces])
    weights = np.concatenate([piece[1][1] for piece in pieces])
    near = np.concatenate([np.broadcast_to(p[2], len(p[0].vertices)) for p in pieces])
    return [worn(fitting, item.kind, mesh, colors, surface, (joints, weights), near)]


# --- on the back and across the chest -------------------------------------------------------------


def backpack(fitting: Fitting, item: Item) -> list[WornPart]:
    """A backpack with two straps. Colours: bag, straps and pocket."""
    s, torso, surface = fitting.scale, _torso(fitting), fitting.surface
    middle = fitting.joint("spine3")
    shoulder = fitting.joint("left_shoulder")
    wide, deep = (0.27 + 0.05 * item.variant) * s, (0.13 + 0.06 * item.variant) * s
    high = min((0.40 + 0.08 * item.variant) * s, 0.34 * float(np.ptp(fitting.shaped[:, 1])))
    top = shoulder[1] + 0.005 * s
    behind = surface[torso]
    behind = behind[(np.abs(behind[:, 0] - middle[0]) < 0.1 * s) & (behind[:, 1] > top - high)]
    upper, lower = behind[:, 1] > top - 0.4 * high, behind[:, 1] < top - 0.6 * high
    z_up, z_low = behind[upper, 2].min(), behind[lower, 2].min()
    lean = np.arctan2(z_low - z_up, 0.6 * high)
    turn = np.array([[1, 0, 0], [0, np.cos(lean), np.sin(lean)], [0, -np.sin(lean), np.cos(lean)]])
    bag = _pillow((wide, high, deep))
    pocket = _pillow((0.8 * wide, 0.42 * high, 0.5 * deep), region=STRAP)
    pocket = pocket.moved([0, -0.2 * high, -0.42 * deep])
    place = np.array([middle[0], top - high / 2, 0.5 * (z_up + z_low) - deep / 2 + 0.016 * s])
    mesh = join(bag, pocket).placed(turn, place)
    skin = _between(fitting, len(mesh.vertices), "spine3", "spine2")
    nape = torso[np.argmin(surface[torso, 2])]
    straps = [_shoulder_strap(fitting, side, place, wide, high) for side in (1.0, -1.0)]
    colors = colors_of(item, "#16203a", "#101114")
    return _together(fitting, item, CLOTH, colors, (mesh, skin, np.array(nape)), *straps)


def _shoulder_strap(
    fitting: Fitting, side: float, bag: Array, wide: float, high: float
) -> tuple[Mesh, tuple[Array, Array], Array]:
    """From the top of a backpack over the shoulder, down in front, and under the arm to the bag."""
    s, torso = fitting.scale, _torso(fitting)
    x = bag[0] + side * 0.085 * s
    upper = torso[fitting.surface[torso, 1] > bag[1] - 0.3 * high]
    loop = taut_loop(fitting.surface, upper, (x, 0, 0), (1.0, 0.0, 0.0), 44, 0.016 * s,
                     start=(0.0, 0.3, -1.0))  # fmt: skip
    # The loop starts behind the shoulder; from there it goes over it and down in front.
    start = loop.points[:, 1] > bag[1] + 0.1 * high
    ahead = loop.points[:, 2] > loop.points[:, 2].mean()
    chosen = np.flatnonzero(start | (ahead & (loop.points[:, 1] > bag[1] - 0.05 * high)))
    up, ahead = loop.points[chosen, 1] - bag[1], loop.points[chosen, 2] - fitting.joint("spine3")[2]
    order = chosen[np.argsort(np.arctan2(up, ahead))[::-1]]
    path, near = loop.points[order] + 0.002 * s * loop.out[order], loop.near[order]
    shape = bust_map(fitting)
    axis = np.array([shape.centre[:, 0].mean(), shape.centre[:, 1].mean()])
    first = np.arctan2(path[-1, 0] - axis[0], path[-1, 2] - axis[1])
    turn = np.linspace(first, side * 2.6, 10)[1:]
    y = np.linspace(path[-1, 1], bag[1] - 0.38 * high, 10)[1:]
    under = shape.points(y, turn, 0.003 * s)
    out = np.concatenate([loop.out[order], unit((under - [axis[0], 0, axis[1]]) * [1.0, 0, 1.0])])
    path = np.concatenate([path, under])
    near = np.concatenate([near, shape.vertices(y, turn)])
    width = np.where(np.arange(len(path)) < len(order), 0.055, 0.022) * s
    width = np.convolve(np.pad(width, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    return _strap(fitting, path, out, near, width)


def shoulder_bag(fitting: Fitting, item: Item) -> list[WornPart]:
    """A bag on a strap across the chest, in front of or behind the hip. Colours: bag, strap."""
    s, torso, surface = fitting.scale, _torso(fitting), fitting.surface
    side = 1.0 if item.variant < 0.5 else -1.0
    depth = (item.variant * 2) % 1.0  # 0 a small bag in front .. 1 a large one behind
    shoulder, hip = fitting.joint("right_shoulder"), fitting.joint("left_hip")
    middle = float(fitting.joint("pelvis")[0])
    high = np.array([-0.55 * abs(shoulder[0] - middle), shoulder[1] + 0.04 * s, 0.0])
    low = np.array([abs(hip[0] - middle) + 0.09 * s, hip[1] + 0.03 * s, 0.0])
    lean = np.array([0.0, 0.0, 1.0])
    normal = np.cross(high - low, lean) * [side, 1.0, 1.0]
    origin = 0.5 * (high + low) * [side, 1.0, 1.0] + [middle, 0.0, 0.0]
    loop = taut_loop(surface, torso, origin, normal, 44, 0.02 * s, start=(side, -0.5, 0.0))
    path = loop.points + 0.003 * s * loop.out
    strap = _strap(fitting, path, loop.out, loop.near, (0.022 + 0.016 * depth) * s, closed=True)
    facing = unit(np.array([side * 0.75, 0.0, 0.7 - 1.4 * (depth > 0.6)]))
    low_half = np.flatnonzero(loop.points[:, 1] < np.median(loop.points[:, 1]))
    at = low_half[np.argmax(loop.points[low_half] @ facing)]
    size = np.array([0.2 + 0.14 * depth, 0.15 + 0.1 * depth, 0.06 + 0.05 * depth]) * s
    bag = box(size, 0.02 * s)
    flap = box([1.02 * size[0], 0.6 * size[1], 0.012 * s], 0.004 * s, region=STRAP)
    mesh = join(bag, flap.moved([0, 0.22 * size[1], 0.5 * size[2]]))
    across = np.cross([0.0, 1.0, 0.0], facing)
    turn = np.stack([across, [0.0, 1.0, 0.0], facing], axis=1)
    place = path[at] + facing * (0.5 * size[2] + 0.012 * s) - [0, 0.35 * size[1], 0]
    mesh = mesh.placed(turn, place)
    skin = _between(fitting, len(mesh.vertices), "pelvis")
    material = LEATHER if depth < 0.6 else CLOTH
    colors = colors_of(item, "#3a2417", "#1a1614")
    return _together(fitting, item, material, colors, (mesh, skin, loop.near[at]), strap)


# --- in a hand ------------------------------------------------------------------------------------

# In the T-pose a palm looks down and the thumb ahead. Things are made as the left hand holds them
# when the arm hangs: x away from the body, y up, z ahead, the hand at the origin; `_HELD` takes
# that to the T-pose, in which the arm points along x.
_HELD = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def _held(
    fitting: Fitting,
    item: Item,
    mesh: Mesh,
    surface: PartSurface,
    colors: tuple[Color, ...],
    *,
    hangs: bool = True,
    grip: tuple[float, float] = (0.035, 0.02),
) -> list[WornPart]:
    """A thing in a hand, on the side that the variant says.

    Args:
        fitting: The body.
        item: The thing.
        mesh: Its shape, rm, see `_HELD`.
        surface, colors: Its material.
        hangs: Whether it hangs from the hand, or turns with it.
        grip: How far beyond the knuckles, and how far from the palm it is held, rm.
    """
    s, left = fitting.scale, item.variant < 0.5
    name = "left" if left else "right"
    hand, sign = fitting.joint(f"{name}_hand"), 1.0 if left else -1.0
    place = hand + np.array([sign * (grip[0] - 0.035) * s, -grip[1] * s, 0.0])
    matrix = _HELD * s if left else np.diag([-1.0, 1.0, 1.0]) @ _HELD * s
    mesh = mesh.placed(matrix, place)
    skin = fitting.rigid(f"{name}_wrist", len(mesh.vertices))
    weights = np.asarray(fitting.model.weights)
    near = int(np.argmax(weights[:, fitting.model.joint_names.index(f"{name}_hand")]))
    down = np.array([sign, 0.0, 0.0])
    more = {"hangs": np.stack([place, down])} if hangs else {}
    return [worn(fitting, item.kind, mesh, colors, surface, skin, near, **more)]


def _handle(half: float, height: float, drop: float, x: float, radius: float) -> Mesh:
    """Half an ellipse ahead and behind, from `drop` below the hand up to it."""
    t = np.linspace(0, np.pi, 11)
    path = np.stack([0 * t + x, -drop + height * np.sin(t), half * np.cos(t)], axis=1)
    return tube(path, radius, out=(1.0, 0.0, 0.0), sides=5, region=STRAP)


def _size(item: Item) -> float:
    """0..1 within the variants of either hand."""
    return (item.variant * 2) % 1.0


def handbag(fitting: Fitting, item: Item) -> list[WornPart]:
    """A handbag. Colours: bag, handles."""
    size = 0.85 + 0.4 * _size(item)
    wide, high, deep = 0.27 * size, 0.19 * size, 0.1 * size
    drop = 0.10 + 0.04 * size
    bag = _pillow((deep, high, wide), power=5.0).moved([0.01, -drop - 0.46 * high, 0])
    x = 0.2 * deep
    handles = [_handle(0.32 * wide, drop + 0.008, drop, 0.01 + side * x, 0.005) for side in (1, -1)]
    flap = box((deep * 1.03, 0.05 * size, wide * 0.5), 0.01, region=STRAP)
    mesh = join(bag, *handles, flap.moved([0.01, -drop - 0.12 * high, 0]))
    return _held(fitting, item, mesh, LEATHER, colors_of(item, "#3a2417", "#1a1614"))


def tote(fitting: Fitting, item: Item) -> list[WornPart]:
    """A cloth bag on two bands. Colours: cloth, bands."""
    size = 0.9 + 0.25 * _size(item)
    wide, high, deep = 0.36 * size, 0.36 * size, 0.09
    drop = 0.13
    # Open above, fuller below.
    turn = 2 * np.pi * np.arange(16) / 16
    rows = []
    for y, full, length in (
        (0, 0.25, 0.96),
        (-0.3, 0.7, 0.98),
        (-0.75, 1.0, 1.0),
        (-1.0, 0.75, 0.94),
    ):
        bend = np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** 0.5
        rows.append(np.stack([0.5 * deep * full * np.sin(turn), y * high - drop + 0 * turn,
                              0.5 * wide * length * bend], axis=1))  # fmt: skip
    bag = loft(np.array(rows)[::-1], first=True)
    handles = []
    for side in (1.0, -1.0):
        t = np.linspace(0, np.pi, 11)
        path = np.stack([0 * t + side * 0.008, -drop - 0.03 + (drop + 0.035) * np.sin(t) ** 0.8,
                         0.2 * wide * np.cos(t)], axis=1)  # fmt: skip
        handles.append(band(path, (side, 0.0, 0.0), 0.025, 0.004, region=STRAP))
    mesh = join(bag, *handles)
    return _held(fitting, item, mesh, CLOTH, colors_of(item, "#d8d2c4"))


def shopping_bag(fitting: Fitting, item: Item) -> list[WornPart]:
    """A paper bag on two cords. Colours: paper, cords."""
    size = 0.8 + 0.5 * _size(item)
    wide, high, deep, drop = 0.3 * size, 0.34 * size, 0.12 * size, 0.1
    bag = box((deep, high, wide), 0.004, corners=1).moved([0.015, -drop - high / 2, 0])
    cords = [
        _handle(0.2 * wide, drop + 0.005, drop, 0.015 + x * deep, 0.003) for x in (0.35, -0.35)
    ]
    mesh = join(bag, *cords)
    return _held(fitting, item, mesh, PLASTIC, colors_of(item, "#b79d77", "#6b5c45"))


def suitcase(fitting: Fitting, item: Item) -> list[WornPart]:
    """A small suitcase or a briefcase. Colours: shell, handle and corners."""
    size = 0.85 + 0.3 * _size(item)
    wide, high, deep, drop = 0.44 * size, 0.31 * size, 0.13 * size, 0.03
    case = box((deep, high, wide), 0.025, corners=3)
    seam = box((0.012, high * 1.01, wide * 1.01), 0.004, region=STRAP)
    mesh = join(case, seam).moved([0.03, -drop - high / 2, 0.0])
    handle = _handle(0.06, drop + 0.005, drop + 0.004, 0.03, 0.009)
    mesh = join(mesh, handle)
    return _held(fitting, item, mesh, LEATHER, colors_of(item, "#1a1614", "#0f0f10"))


def umbrella(fitting: Fitting, item: Item) -> list[WornPart]:
    """A closed umbrella. Colours: cloth, handle."""
    t = np.linspace(0, np.pi, 7)
    hook = np.stack([0 * t, 0.02 * np.sin(t) + 0.01, 0.022 * (np.cos(t) - 1)], axis=1)
    stem = np.concatenate([hook[::-1], [[0, -0.1, 0.0], [0, -0.14, 0]]])
    cloth = tube(
        [[0, -0.12, 0], [0, -0.2, 0], [0, -0.5, 0], [0, -0.62, 0]], [0.012, 0.024, 0.018, 0.006],
        out=(1.0, 0.0, 0.0), sides=9,
    )  # fmt: skip
    tip = tube([[0, -0.6, 0], [0, -0.68, 0]], 0.004, out=(1.0, 0, 0), sides=5, region=STRAP)
    mesh = join(tube(stem, 0.009, out=(1.0, 0, 0), sides=6, region=STRAP), cloth, tip)
    return _held(fitting, item, mesh, CLOTH, colors_of(item, "#101114", "#3a2417"))


def phone(fitting: Fitting, item: Item) -> list[WornPart]:
    """A phone in a hand. Colours: case, screen."""
    case = box((0.009, 0.15, 0.073), 0.004, corners=1)
    screen = box((0.002, 0.142, 0.066), 0.0009, corners=1, region=STRAP).moved([-0.0045, 0, 0])
    mesh = join(case, screen).moved([0.0, -0.04, 0.0])
    colors = colors_of(item, "#141416", "#08090c")
    return _held(fitting, item, mesh, PLASTIC, colors, hangs=False, grip=(0.035, 0.024))


def cup(fitting: Fitting, item: Item) -> list[WornPart]:
    """A paper cup in a hand, kept upright. Colours: cup, lid."""
    turn = 2 * np.pi * np.arange(14) / 14
    profile = ((-0.055, 0.028), (0.045, 0.038), (0.045, 0.041), (0.056, 0.039), (0.056, 0.033))
    rows = np.array([np.stack([r * np.sin(turn), 0 * turn + y, r * np.cos(turn)], axis=1)
                     for y, r in profile])  # fmt: skip
    region = np.repeat([[BODY], [STRAP], [STRAP], [STRAP]], 14, axis=1)
    # The thumb is up: what is up on the cup looks ahead in the T-pose.
    mesh = loft(rows, region, first=True, last=True)
    mesh = mesh.placed(np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]]))
    part = _held(fitting, item, mesh, PLASTIC, colors_of(item, "#ecebe6", "#1a1614"),
                 grip=(0.05, 0.058))[0]  # fmt: skip
    assert part.hangs is not None
    upright = np.stack([part.hangs[0], [0.0, 0.0, -1.0]])
    return [replace(part, hangs=upright)]


def watch(fitting: Fitting, item: Item) -> list[WornPart]:
    """A watch on the left wrist. Colours: strap, face."""

    def forearm(mean: Fitting) -> Array:
        arm, x = np.asarray(mean.chart["arm"]), np.asarray(mean.chart["position"])[:, 0]
        return np.flatnonzero((arm > 0.75) & (arm < 1.08) & (x > 0))

    s, among = fitting.scale, _FOREARM.get(fitting, "left", forearm)
    wrist = fitting.joint("left_wrist") - [0.018 * s, 0.0, 0.0]
    loop = taut_loop(fitting.shaped, among, wrist, (1.0, 0.0, 0.0), 16, 0.012 * s,
                     start=(0.0, 1.0, 0.0))  # fmt: skip
    strap = _strap(fitting, loop.points, loop.out, loop.near, 0.018 * s, closed=True)
    turn = 2 * np.pi * np.arange(14) / 14
    high = np.array([wrist[0], loop.points[:, 1].max(), loop.points[:, 2].mean()])
    disc = np.stack([np.sin(turn), 0 * turn, np.cos(turn)], axis=1) * 0.019 * s
    rows = [high + disc, high + disc + [0, 0.008 * s, 0], high + 0.8 * disc + [0, 0.0095 * s, 0]]
    face = loft(np.array(rows), STRAP, last=True)
    skin = _between(fitting, len(face.vertices), "left_elbow")
    face = face.painted(BODY)
    colors = colors_of(item, "#b9bbbd", "#141210")
    return _together(fitting, item, METAL, colors, (face, skin, loop.near[0]), strap)


BAGS: dict[str, Callable[[Fitting, Item], list[WornPart]]] = {
    "backpack": backpack,
    "shoulder bag": shoulder_bag,
    "handbag": handbag,
    "tote": tote,
    "shopping bag": shopping_bag,
    "suitcase": suitcase,
    "umbrella": umbrella,
    "phone": phone,
    "cup": cup,
    "watch": watch,
}
