"""House fronts with windows, doors, shops, balconies and roofs. See `sized`.

The front wall stands APRON behind the front of the extents (a quarter of the depth at most): steps,
balconies and awnings reach out before it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .colours import linear
from .pieces import bars, boxes, by, quads, span, upright, within
from .primitives import DARK, METAL, SECOND, SURFACE, Array, Builder, Size, Solid, join
from .roofs import WALL, Front, flat_roof, pitched_roof
from .shop_fronts import awnings, shops

APRON = 1.3  # m
_GROUND_FLOOR = (3.3, 4.1)  # m
_FLOOR = (2.8, 3.5)  # m


def front_line(depth: float) -> float:
    """y of the front wall of a façade of this depth, m."""
    return -depth / 2 + min(APRON, depth / 4)


def _facade(size: Size, rng: np.random.Generator) -> Solid:
    """A house with shops or flats on the ground floor."""
    front, roof = _measures(size, rng)
    frame = _frame_color(rng)
    stone = linear(rng.uniform(0.05, 0.13), rng.uniform(0.02, 0.2), rng.uniform(0.4, 0.85))
    parts = [_walls(front), *_windows(front, front.floors, frame, stone, rng)]
    if rng.random() < 0.6:
        parts += shops(front.width, front.wall, front.ground, WALL, rng)
        parts += awnings(front.width, front.wall, front.ground, rng)
    else:
        parts += _entrance_floor(front, frame, stone, rng)
    if len(front.floors) and rng.random() < 0.5:
        parts += _balconies(front, stone, rng)
    parts += _bands(front, stone, rng)
    parts += roof(front, size[2], stone, rng)
    return within(join(parts), size)


def _measures(
    size: Size, rng: np.random.Generator
) -> tuple[Front, Callable[[Front, float, Array, np.random.Generator], list[Solid]]]:
    w, d, h = size
    pitched = rng.random() < 0.5
    top = h - (min(0.28 * h, 3.2) if pitched else 0.7 * min(1.0, h / 4))
    ground = min(float(rng.uniform(*_GROUND_FLOOR)), top)
    count = max(0, round((top - ground) / float(rng.uniform(*_FLOOR))))
    floor = (top - ground) / max(count, 1)
    bays = max(1, round(w / float(rng.uniform(2.1, 3.3))))
    bay = w / bays
    xs = ((np.arange(bays) - (bays - 1) / 2) * bay).astype(np.float64)
    window = (bay * float(rng.uniform(0.38, 0.6)), floor * float(rng.uniform(0.45, 0.65)))
    sill = min(float(rng.uniform(0.25, 0.95)), 0.85 * (floor - window[1]))
    if count == 0:
        ground = top
    floors = (ground + floor * np.arange(count)).astype(np.float64)
    front = Front(w, d / 2, front_line(d), ground, floors, floor, top, xs, window, sill)
    return front, pitched_roof if pitched else flat_roof


def _frame_color(rng: np.random.Generator) -> Array:
    if rng.random() < 0.6:
        return linear(0.1, 0.05, rng.uniform(0.75, 0.92))
    return linear(rng.uniform(0, 1), rng.uniform(0.1, 0.6), rng.uniform(0.1, 0.35))


def _walls(front: Front) -> Solid:
    """The wall of the upper floors with a hole for each window, and the body behind it."""
    half, (ww, wh) = front.width / 2, front.window
    y0, y1 = front.wall, front.wall + WALL
    lows, highs = [], []
    below = [*(front.floors + front.sill), front.top] if len(front.floors) else []
    start = front.ground
    for z in below:
        lows.append((-half, y0, start))
        highs.append((half, y1, z))
        start = z + wh
    left = [-half, *(front.bays + ww / 2)]
    right = [*(front.bays - ww / 2), half]
    for z in front.floors + front.sill:
        lows += [(x, y0, z) for x in left]
        highs += [(x, y1, z + wh) for x in right]
    lows.append((-half, y1 + 0.01, front.ground))
    highs.append((half, front.back, front.top))
    if front.ground > 0:
        lows.append((-half, min(y1 + 1.2, front.back - 0.01), 0.0))
        highs.append((half, front.back, front.ground))
    return span(np.array(lows), np.array(highs))


def _windows(
    front: Front, floors: Array, frame: Array, stone: Array, rng: np.random.Generator
) -> list[Solid]:
    """Frames, and panes with curtains in them, for all windows of these floors."""
    if not len(floors):
        return []
    (ww, wh), y = front.window, front.wall
    x, z = (a.ravel() for a in np.meshgrid(front.bays, floors + front.sill + wh / 2))
    n = len(x)
    at = np.stack([x, np.full(n, y), z], axis=1)
    bar = 0.06
    pieces: list[tuple[float, float, float, float]] = []
    pieces += [(-ww / 2 + bar / 2, 0, bar, wh), (ww / 2 - bar / 2, 0, bar, wh)]
    pieces += [(0, -wh / 2 + bar / 2, ww, bar), (0, wh / 2 - bar / 2, ww, bar)]
    if rng.random() < 0.8:
        pieces.append((0, 0, bar, wh))
    if rng.random() < 0.6:
        pieces.append((0, 0.2 * wh, ww, 0.7 * bar))
    p = np.array(pieces)
    centers = at[:, None] + np.stack([p[:, 0], np.full(len(p), 0.14), p[:, 1]], axis=1)
    sizes = np.stack([p[:, 2], np.full(len(p), 0.07), p[:, 3]], axis=1)
    frames = boxes(centers.reshape(-1, 3), np.tile(sizes, (n, 1)), SECOND, frame)
    # Panes are dark and glossy: sky in clear glass over a dark room needs hundreds of samples.
    dim = np.exp(rng.uniform(np.log(0.006), np.log(0.06), (n, 1)))
    panes = upright(at + by(0, 0.16, 0), (ww, wh), DARK, dim * (0.9, 0.95, 1.0))
    sills = boxes(at + by(0, -0.03, -wh / 2 - 0.04), (ww + 0.16, 0.22, 0.07), SECOND, stone)
    parts = [frames, panes, sills, *_curtains(at, ww, wh, rng)]
    if rng.random() < 0.4:
        parts.append(_surrounds(at, ww, wh, stone))
    elif rng.random() < 0.25 and front.width / len(front.bays) > 2 * ww:
        shutter = linear(rng.uniform(0, 1), rng.uniform(0.2, 0.6), rng.uniform(0.2, 0.5))
        for side in (-1, 1):
            parts.append(
                boxes(at + by(side * 0.77 * ww, -0.03, 0), (0.5 * ww, 0.05, wh), SECOND, shutter)
            )
    return parts


def _curtains(at: Array, ww: float, wh: float, rng: np.random.Generator) -> list[Solid]:
    """Curtains at both sides of some windows, and blinds in the upper part of others."""
    n = len(at)
    kind = rng.random(n)
    hung, blind = at[kind < 0.45], at[kind > 0.75]
    parts = []
    if len(hung):
        width = ww * rng.uniform(0.15, 0.5, (len(hung), 1))
        cloth = rng.uniform(0.25, 0.7, (len(hung), 1)) * (1.0, 0.95, 0.85)
        for side in (-1, 1):
            centers = hung + np.concatenate(
                [side * (ww - width) / 2, np.full_like(width, 0.15), 0 * width], axis=1
            )
            sizes = np.concatenate([width, np.full_like(width, wh)], axis=1)
            parts.append(upright(centers, sizes, DARK, cloth))
    if len(blind):
        height = wh * rng.uniform(0.2, 1.0, len(blind))
        centers = blind + np.stack([0 * height, 0 * height + 0.145, (wh - height) / 2], axis=1)
        tone = rng.uniform(0.3, 0.75, (len(blind), 1)) * (1.0, 0.97, 0.9)
        parts.append(upright(centers, np.stack([0 * height + ww, height], axis=1), DARK, tone))
    return parts


def _surrounds(at: Array, ww: float, wh: float, stone: Array) -> Solid:
    """Flat mouldings around windows."""
    bar = 0.14
    p = np.array(
        [
            (-(ww + bar) / 2, 0, bar, wh + 2 * bar),
            ((ww + bar) / 2, 0, bar, wh + 2 * bar),
            (0, (wh + bar) / 2, ww, bar),
        ]
    )
    centers = at[:, None] + np.stack([p[:, 0], np.full(3, -0.02), p[:, 1]], axis=1)
    sizes = np.stack([p[:, 2], np.full(3, 0.05), p[:, 3]], axis=1)
    return boxes(centers.reshape(-1, 3), np.tile(sizes, (len(at), 1)), SECOND, stone)


def _entrance_floor(
    front: Front, frame: Array, stone: Array, rng: np.random.Generator
) -> list[Solid]:
    """A ground floor of flats: windows, and a door with steps in place of one of them."""
    half, (ww, _), y = front.width / 2, front.window, front.wall
    wh = min(1.6, 0.5 * front.ground)
    sill = min(1.0, 0.3 * front.ground)
    door = int(rng.integers(len(front.bays)))
    bays = np.delete(front.bays, door)
    left, right = [-half, *(bays + ww / 2)], [*(bays - ww / 2), half]
    lows = [(-half, y, 0.0), (-half, y, sill + wh), *((x, y, sill) for x in left)]
    highs = [(half, y + WALL, sill), (half, y + WALL, front.ground)]
    highs += [(x, y + WALL, sill + wh) for x in right]
    parts = [span(np.array(lows), np.array(highs))]
    floor = Front(
        front.width,
        front.back,
        y,
        0.0,
        np.zeros(1),
        front.ground,
        front.ground,
        bays,
        (ww, wh),
        sill,
    )
    if len(bays):
        parts += _windows(floor, floor.floors, frame, stone, rng)
    parts += _door(float(front.bays[door]), y, min(2.5, 0.75 * front.ground), stone, rng)
    plinth = 0.45 * min(1.0, front.ground / 3)
    lighter = np.sqrt(stone * stone.mean()) * 0.6
    parts.append(boxes((0, y - 0.03, plinth / 2), (front.width, 0.08, plinth), SECOND, lighter))
    return parts


def _door(x: float, y: float, height: float, stone: Array, rng: np.random.Generator) -> list[Solid]:
    width = float(rng.uniform(1.0, 1.5))
    leaf = linear(rng.uniform(0, 1), rng.uniform(0.3, 0.7), rng.uniform(0.12, 0.5))
    frame = [(x - width / 2 - 0.1, 0.2, height), (x + width / 2 + 0.1, 0.2, height)]
    posts = [boxes((px, y - 0.06, h / 2), (w, 0.12, h), SECOND, stone) for px, w, h in frame]
    lintel = boxes((x, y - 0.06, height + 0.1), (width + 0.4, 0.16, 0.2), SECOND, stone)
    panel = boxes((x, y - 0.04, height / 2), (width, 0.05, height), SECOND, leaf)
    fields = upright(
        [(x + sx * width / 4, y - 0.07, height * z) for sx in (-1, 1) for z in (0.3, 0.72)],
        [(0.36 * width, 0.36 * height)],
        SECOND,
        leaf * 0.6,
    )
    handle = boxes((x + 0.08, y - 0.1, 1.05), (0.03, 0.06, 0.2), METAL)
    steps = boxes(
        [(x, y - 0.15, 0.22), (x, y - 0.35, 0.08)],
        [(width + 0.3, 0.3, 0.15), (width + 0.5, 0.7, 0.16)],
        SECOND,
        stone * 0.7,
    )
    plate = upright((x + width / 2 + 0.35, y - 0.03, 1.5), (0.18, 0.3), METAL)
    return [*posts, lintel, panel, fields, handle, steps, plate]


def _balconies(front: Front, stone: Array, rng: np.random.Generator) -> list[Solid]:
    """Balconies with railings of bars or plates before some columns of windows."""
    chosen = front.bays[rng.random(len(front.bays)) < 0.4]
    if not len(chosen):
        return []
    width = 0.92 * front.width / len(front.bays)
    depth = min(1.1, 0.8 * abs(front.wall + front.back))
    x, z = (a.ravel() for a in np.meshgrid(chosen, front.floors + 0.02))
    base = np.stack([x, np.full(len(x), front.wall), z], axis=1)
    slabs = boxes(base + by(0, -depth / 2, 0), (width, depth, 0.14), SECOND, stone)
    iron = np.full(3, float(rng.choice([0.015, 0.03, 0.5])))
    rail = boxes(base + by(0, -depth + 0.03, 1.0), (width, 0.05, 0.05), SECOND, iron)
    sides = [
        boxes(base + by(s * width / 2, -depth / 2, 1.0), (0.04, depth, 0.05), SECOND, iron)
        for s in (-1, 1)
    ]
    if rng.random() < 0.35:
        plate = boxes(base + by(0, -depth + 0.03, 0.53), (width, 0.03, 0.85), SECOND, stone * 0.8)
        return [slabs, rail, plate, *sides]
    count = max(3, int(width / 0.14))
    xs = np.linspace(-width / 2, width / 2, count)
    posts = (base[:, None] + np.stack([xs, 0 * xs - depth + 0.03, 0 * xs + 0.53], axis=1)).reshape(
        -1, 3
    )
    parts = [slabs, rail, *sides, boxes(posts, (0.02, 0.02, 0.92), SECOND, iron)]
    return [*parts, *_flower_boxes(base, width, depth, rng)]


def _flower_boxes(base: Array, width: float, depth: float, rng: np.random.Generator) -> list[Solid]:
    some = base[rng.random(len(base)) < 0.4]
    if not len(some):
        return []
    pots = boxes(
        some + by(0, -depth + 0.1, 0.9), (0.6 * width, 0.16, 0.16), SECOND, (0.2, 0.07, 0.03)
    )
    n = 24
    at = np.repeat(some + by(0, -depth + 0.1, 1.02), n, axis=0)
    at = at + rng.uniform((-0.3 * width, -0.1, -0.05), (0.3 * width, 0.1, 0.15), (len(at), 3))
    hues = np.where(rng.random(len(at)) < 0.35, rng.uniform(-0.1, 0.05), 0.3)
    colors = linear(hues, 0.7, 0.2 + 0.4 * (hues < 0.1))
    turned = rng.normal(0, 0.06, (len(at), 2, 3))
    corners = np.stack(
        [at - turned[:, 0], at - turned[:, 1], at + turned[:, 0], at + turned[:, 1]], 1
    )
    return [pots, quads(corners, SECOND, colors)]


def _bands(front: Front, stone: Array, rng: np.random.Generator) -> list[Solid]:
    """Cornices between floors, and a rain pipe."""
    w, y = front.width, front.wall
    parts = []
    if len(front.floors) and rng.random() < 0.7:
        parts.append(boxes((0, y - 0.06, front.ground), (w, 0.14, 0.18), SECOND, stone))
    if len(front.floors) > 1 and rng.random() < 0.3:
        at = [(0, y - 0.03, z) for z in front.floors[1:]]
        parts.append(boxes(at, (w, 0.08, 0.1), SECOND, stone))
    side = 1 if rng.random() < 0.5 else -1
    x = side * (w / 2 - 0.12)
    pipe = np.full(3, float(rng.uniform(0.05, 0.3)))
    parts.append(bars((x, y - 0.08, 0), (x, y - 0.08, front.top), 0.05, tone=SECOND, color=pipe))
    return parts


def _far_houses(size: Size, rng: np.random.Generator) -> Solid:
    """A row of houses seen from afar: blocks of different heights with windows as flat fields."""
    w, d, h = size
    edges = np.concatenate(
        [[-w / 2], np.sort(rng.uniform(-w / 2, w / 2, max(1, int(w / 9)))), [w / 2]]
    )
    left, right = edges[:-1], edges[1:]
    n = len(left)
    high = h * rng.uniform(0.45, 1.0, n)
    walls = linear(
        rng.uniform(0.02, 0.14, n), rng.uniform(0.03, 0.4, n), rng.uniform(0.35, 0.85, n)
    )
    low = np.stack([left, np.full(n, -d / 2 + 0.1), np.zeros(n)], axis=1)
    body = span(low, np.stack([right, np.full(n, d / 2), high], axis=1), SURFACE, walls)
    at, sizes = [], []
    for a, b, top in zip(left, right, high, strict=True):
        columns, rows = max(1, int((b - a) / 2.6)), max(1, int(top / 3.1))
        xs = a + (np.arange(columns) + 0.5) * (b - a) / columns
        zs = (np.arange(rows) + 0.55) * top / rows
        x, z = (v.ravel() for v in np.meshgrid(xs, zs))
        at.append(np.stack([x, np.full(len(x), -d / 2 + 0.05), z], axis=1))
        sizes.append(np.full((len(x), 2), (0.45 * (b - a) / columns, 0.5 * top / rows)))
    centers, extents = np.concatenate(at), np.concatenate(sizes)
    tones = np.exp(rng.uniform(np.log(0.015), np.log(0.25), (len(centers), 1)))
    panes = upright(centers, extents, SECOND, tones * (0.9, 1.0, 1.1))
    roofs = boxes(
        np.stack([(left + right) / 2, np.full(n, 0.0), high], axis=1),
        np.stack([right - left, np.full(n, d - 0.1), np.full(n, 0.5)], axis=1),
        SECOND,
        walls * 0.4,
    )
    return within(join([body, panes, roofs]), size)


FACADES: dict[str, Builder] = {
    "facade": _facade,
    "far_houses": _far_houses,
}
