"""Things on the face: glasses, headphones, masks, earrings."""

from __future__ import annotations

import numpy as np

from .head_frame import HeadFrame, head_frame, head_map
from .outfit import Item
from .palette import Color, linear
from .part_fitting import PerBody, bound, worn
from .solids import CLOTH, GLASS, METAL, PLASTIC, Mesh, band, join, loft, tube
from .vectors import unit
from .worn_part import Fitting, PartSurface, WornPart

Array = np.ndarray

FRAME, LENS = range(2)
_DARK = linear("#0d0d0f")
_POINTS = 18  # of a rim

# Shapes of rims: half width and half height in rm, roundness (2 is an ellipse), how much lower the
# outer (negative: inner) corners are, and the rim's thickness in rm.
SHAPES = {
    "round": (0.0225, 0.0215, 2.0, 0.0, 0.0014),
    "oval": (0.025, 0.018, 2.1, 0.0, 0.0014),
    "square": (0.0265, 0.0195, 3.6, 0.0, 0.0026),
    "thin": (0.026, 0.0155, 3.0, 0.0, 0.001),
    "cat eye": (0.0265, 0.019, 2.6, -0.22, 0.0024),
    "aviator": (0.028, 0.0245, 2.3, 0.25, 0.0012),
}
_CLEAR = ("square", "thin", "round", "oval", "square", "cat eye")  # by variant
_TINTED = ("aviator", "square", "square", "cat eye", "round", "aviator")


def glasses(fitting: Fitting, item: Item) -> list[WornPart]:
    """Glasses with clear lenses. Colours: frame."""
    frame = item.colors[0] if item.colors else _DARK
    shape = _CLEAR[min(int(item.variant * len(_CLEAR)), len(_CLEAR) - 1)]
    rim, lenses, head = _pair(fitting, shape)
    thin = SHAPES[shape][4] < 0.0015
    surface = METAL if thin else PLASTIC
    return [
        _on_head(fitting, "glasses", rim, (frame,), surface, head),
        _on_head(fitting, "lenses", lenses, ((1.0, 1.0, 1.0),), GLASS, head),
    ]


def sunglasses(fitting: Fitting, item: Item) -> list[WornPart]:
    """Glasses with dark lenses. Colours: frame, lens."""
    frame = item.colors[0] if item.colors else _DARK
    lens = item.colors[1] if len(item.colors) > 1 else _DARK
    shape = _TINTED[min(int(item.variant * len(_TINTED)), len(_TINTED) - 1)]
    rim, lenses, head = _pair(fitting, shape, grown=1.08)
    mesh = join(rim, lenses.painted(LENS))
    return [_on_head(fitting, "sunglasses", mesh, (frame, lens), PLASTIC, head)]


def _on_head(
    fitting: Fitting,
    name: str,
    mesh: Mesh,
    colors: tuple[Color, ...],
    surface: PartSurface,
    head: HeadFrame,
) -> WornPart:
    skin = fitting.rigid("head", len(mesh.vertices))
    return worn(fitting, name, mesh, colors, surface, skin, head.near)


def _pair(fitting: Fitting, shape: str, grown: float = 1.0) -> tuple[Mesh, Mesh, HeadFrame]:
    """Rims, bridge and temples; lenses; the head."""
    head = head_frame(fitting)
    half_x, half_y, power, droop, thick = SHAPES[shape]
    h = head.size
    half_x, half_y, thick = half_x * grown * h, half_y * grown * h, thick * h
    half_x = min(half_x, head.eye_x - 0.006 * h)
    centre_x = max(head.eye_x, half_x + 0.0075 * h)
    z = max(head.bridge + 0.002 * h, head.eyes[2] + 0.008 * h)
    centre = np.array([centre_x, head.eyes[1] - 0.0035 * h, z])

    t = 2 * np.pi * np.arange(_POINTS) / _POINTS
    cos, sin = (np.sign(a) * np.abs(a) ** (2 / power) for a in (np.cos(t), np.sin(t)))
    x, y = half_x * cos, half_y * sin
    lower = np.clip(-sin, 0, 1)
    if droop > 0:  # aviators: the lower edge hangs outwards
        x = x * (1 - 0.25 * lower) + droop * half_x * lower
    else:  # cat eyes: the upper outer corner rises
        y = y - droop * half_y * np.clip(cos, 0, 1) * np.clip(sin, 0, 1)
    # Lenses curve around the face, and lean back below.
    away = centre_x + x
    outline = np.stack([away, y, -(away**2) * 1.6 / h - 0.12 * -y], axis=1)
    outline += [0.0, centre[1], z]
    facing = np.array([0.0, 0.0, 1.0])
    rim = tube(outline, thick, out=facing, flat=1.3, sides=4, closed=True)
    lens = loft(np.stack([outline, outline.mean(axis=0) + 0.3 * (outline - outline.mean(axis=0))]),
                last=True)  # fmt: skip
    hinge = outline[np.argmax(outline[:, 0])] + np.array([0.0, 0.25 * half_y, 0.0])
    temple = _temple(head, hinge, thick)
    left, lens_left = join(rim, temple), lens
    inner = outline[np.argmin(outline[:, 0])]
    w = np.linspace(-1, 1, 5)
    arch = np.stack([inner[0] * w, inner[1] + 0.25 * half_y + 0.004 * h * (1 - w**2),
                     inner[2] + 0.002 * h * (1 - w**2)], axis=1)  # fmt: skip
    bridge = [tube(arch, thick, out=facing, sides=4)]
    if shape == "aviator":
        bridge.append(tube(arch + np.array([0.0, 0.5 * half_y, -0.002]), thick, sides=4))
    middle = np.array([head.eyes[0], 0.0, 0.0])
    frames = join(left, left.mirrored(), *bridge).moved(middle)
    return frames, join(lens_left, lens_left.mirrored()).moved(middle), head


def _temple(head: HeadFrame, hinge: Array, thick: float) -> Mesh:
    """The left side piece, from the hinge over the ear and down behind it."""
    h = head.size
    ear = head.ear - [head.eyes[0], 0.0, 0.0]
    over = np.array([ear[0] + 0.003 * h, ear[1] - 0.006 * h, ear[2] - 0.004 * h])
    beside = 0.5 * (hinge + over)
    beside[0] = max(beside[0], head.temple + 0.003 * h)
    back = over + np.array([-0.003, -0.024, -0.016]) * h
    corner = hinge + np.array([0.002, 0.0, -0.004]) * h
    path = np.array([hinge, corner, beside, over, 0.5 * (over + back) + [0, 0.004 * h, -0.003 * h],
                     back])  # fmt: skip
    return tube(path, max(thick, 0.0013 * h), out=(0.0, 1.0, 0.0), flat=1.5, sides=4)


# --- headphones, masks, earrings ------------------------------------------------------------------


def headphones(fitting: Fitting, item: Item) -> list[WornPart]:
    """A band over the head and a cup on each ear. Colours: all, cushions."""
    color = item.colors[0] if item.colors else _DARK
    cushion = item.colors[1] if len(item.colors) > 1 else _DARK
    head = head_frame(fitting)
    h, hair = head.size, min(fitting.hair, 0.02)
    ear = head.ear - [head.eyes[0], 0.0, 0.0]
    x, y, z = ear[0] + 0.002 * h, ear[1] - 0.022 * h, ear[2] + 0.002 * h
    top = head.crown + (0.004 + hair) * h
    t = np.linspace(0, np.pi, 15)
    e = 2 / 2.4
    path = np.stack(
        [
            (x + 0.008 * h) * np.sign(np.cos(t)) * np.abs(np.cos(t)) ** e,
            y + (top - y) * np.sin(t) ** e,
            z + 0.0 * t,
        ],
        axis=1,
    )
    out = unit(path - [0.0, y, z])
    meshes = [band(path, out, 0.024 * h, 0.008 * h)]
    angle = 2 * np.pi * np.arange(14) / 14
    disc = np.stack([0 * angle, 0.034 * np.cos(angle), 0.029 * np.sin(angle)], axis=1) * h
    rows = [
        disc * [1, k, k] + [d * h, 0, 0] for d, k in ((0, 0.8), (0, 1), (0.012, 1), (0.026, 0.75))
    ]
    cup = loft(np.array(rows), np.repeat([[1], [1], [0]], 14, axis=1), last=True)
    cup = cup.moved([x - 0.006 * h, y, z])
    meshes += [cup, cup.mirrored()]
    mesh = join(*meshes).moved([head.eyes[0], 0.0, 0.0])
    return [_on_head(fitting, "headphones", mesh, (color, cushion), PLASTIC, head)]


_MASK: PerBody[tuple[Array, ...]] = PerBody()


def face_mask(fitting: Fitting, item: Item) -> list[WornPart]:
    """A mask over nose, mouth and chin, with loops around the ears. Colours: mask."""
    color = item.colors[0] if item.colors else linear("#9fc4dc")
    head = head_frame(fitting)
    mesh = _mask(fitting, head)

    def skin(mean: Fitting) -> tuple[Array, ...]:
        own = _mask(mean, head_frame(mean))
        among = np.flatnonzero(np.asarray(mean.chart["level"]) > 1.05)
        return bound(mean, own.vertices, among)

    joints, weights, near = _MASK.get(fitting, "mask", skin)
    return [
        worn(fitting, "face mask", mesh, (color, (0.8, 0.8, 0.8)), CLOTH, (joints, weights), near)
    ]


def _mask(fitting: Fitting, head: HeadFrame) -> Mesh:
    h, shape = head.size, head_map(fitting)
    rows, columns = 9, 13
    across = np.linspace(-1, 1, columns)
    down = np.linspace(0, 1, rows)[:, None]
    high = head.eyes[1] + (-0.018 - 0.022 * np.abs(across) ** 1.5) * h
    low = head.eyes[1] + (-0.122 + 0.034 * np.abs(across) ** 2) * h
    y = high + down * (low - high)
    turn = across * (1.02 - 0.12 * np.abs(2 * down - 1))
    pleat = 0.0012 * h * np.sin(3 * 2 * np.pi * down) * (1 - across**2)
    grid = shape.points(y, turn, 0.0045 * h + pleat)
    mesh = loft(grid[::-1], closed=False)
    ear = head.ear - [head.eyes[0], 0.0, 0.0]
    loops = []
    side = grid[:, -1] - [head.eyes[0], 0.0, 0.0]
    for i, drop in ((0, 0.002), (rows - 1, 0.034)):
        behind = np.array([ear[0] + 0.004 * h, ear[1] - drop * h, ear[2] - 0.008 * h])
        middle = 0.5 * (side[i] + behind) + [0.006 * h, 0.0, 0.0]
        loops.append(tube([side[i], middle, behind], 0.0014 * h, sides=4, region=1))
    loop = join(*loops)
    return join(mesh, join(loop, loop.mirrored()).moved([head.eyes[0], 0.0, 0.0]))


def earrings(fitting: Fitting, item: Item) -> list[WornPart]:
    """A ring in each ear lobe; `variant` is its size. Colours: metal."""
    color = item.colors[0] if item.colors else linear("#c9a24a")
    head = head_frame(fitting)
    h = head.size
    ear = head.ear - [head.eyes[0], 0.0, 0.0]
    radius = (0.005 + 0.014 * item.variant**2) * h
    angle = 2 * np.pi * np.arange(12) / 12
    lobe = np.array([ear[0] + 0.003 * h, ear[1] - 0.058 * h, ear[2] + 0.008 * h])
    ring = lobe + radius * np.stack([0 * angle, np.cos(angle) - 1, np.sin(angle)], axis=1)
    one = tube(ring, 0.0013 * h, out=(1.0, 0.0, 0.0), sides=4, closed=True)
    mesh = join(one, one.mirrored()).moved([head.eyes[0], 0.0, 0.0])
    return [_on_head(fitting, "earrings", mesh, (color,), METAL, head)]
