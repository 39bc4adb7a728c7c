"""The inside of a car, and its bonnet and dashboard as a dash-cam sees them, built to size."""

from __future__ import annotations

import numpy as np

from .batches import Parts, color, soft_box
from .pieces import quad_mesh
from .primitives import DARK, GLASS, METAL, SECOND, SURFACE, Builder, Size, Solid, ring, tube
from .tableware import things_on

_PALE = (0.42, 0.41, 0.39)


def _cabin(size: Size, rng: np.random.Generator) -> Solid:
    """The shell around the seats; the dashboard is at -Y, the rear window at +Y."""
    x, y, z = size
    parts = Parts()
    belt = 0.6 * z  # lower edge of the windows
    wall = min(0.1, 0.1 * x)
    lining = _PALE if rng.random() < 0.6 else (0.05, 0.05, 0.055)
    parts.box((0, 0, 0.01), (x, y, 0.02), DARK)
    for side in (-1, 1):
        at = side * (x - wall) / 2
        parts.box((at, 0, belt / 2), (wall, y, belt), DARK)
        parts.box((side * (x / 2 - wall - 0.005), 0, belt - 0.03), (0.02, 0.96 * y, 0.06), SECOND)
        for middle in (-0.2 * y, 0.26 * y):
            parts.add(
                soft_box(
                    (side * (x / 2 - wall - 0.03), middle, 0.72 * belt),
                    (0.07, 0.28 * y, 0.07),
                    0.03,
                    SECOND,
                )
            )
            parts.box(
                (side * (x / 2 - wall - 0.012), middle - 0.1 * y, 0.86 * belt),
                (0.03, 0.09, 0.03),
                METAL,
            )
        lean = 0.42 * x * side
        foot = side * (x / 2 - 0.5 * wall)
        for low, high, thick in ((-0.49, -0.26, 0.045), (0.06, 0.06, 0.05), (0.49, 0.34, 0.07)):
            parts.add(
                tube(
                    (foot, low * y, belt), (lean, high * y, z - 0.04), thick, tone=SURFACE, sides=8
                ).painted(lining)
            )
        parts.add(
            tube(
                (lean, -0.26 * y, z - 0.04),
                (lean, 0.34 * y, z - 0.04),
                0.045,
                tone=SURFACE,
                sides=8,
            ).painted(lining)
        )
        grip = (side * 0.4 * x, -0.02 * y, z - 0.1)
        parts.box(grip, (0.03, 0.2, 0.025), SURFACE, lining)
        for end, thick in ((-0.2, 0.3), (0.27, 0.24)):
            parts.box(
                (foot, end * y, (belt + z) / 2 - 0.04), (0.004, thick * y, z - belt - 0.12), GLASS
            )
    parts.add(soft_box((0, 0.04 * y, z - 0.03), (0.86 * x, 0.62 * y, 0.06), 0.03, SURFACE, lining))
    parts.box((0, -0.03 * y, z - 0.07), (0.14, 0.12, 0.02), DARK)
    parts.add(soft_box((0, 0.46 * y, belt), (x - 2 * wall, 0.08 * y, 0.06), 0.02, DARK))
    parts.box((0, 0.485 * y, belt / 2), (x, 0.03 * y, belt), DARK)
    # The rear seat with its head rests.
    parts.add(soft_box((0, 0.24 * y, 0.2 * z), (x - 2.4 * wall, 0.26 * y, 0.2 * z), 0.06))
    parts.add(soft_box((0, 0.41 * y, 0.42 * z), (x - 2.4 * wall, 0.09 * y, 0.5 * z), 0.05))
    for at in (-0.27, 0.27):
        parts.add(soft_box((at * x, 0.42 * y, 0.73 * z), (0.26, 0.09, 0.17), 0.04))
    return parts.fitted(size)


def _seat(size: Size, rng: np.random.Generator) -> Solid:
    """The back and the head rest of a front seat."""
    x, y, z = size
    parts = Parts()
    back = 0.76 * z
    parts.add(soft_box((0, 0.1 * y, 0.5 * back), (0.9 * x, 0.5 * y, back), 0.05))
    for side in (-1, 1):
        parts.add(
            soft_box(
                (side * 0.42 * x, -0.1 * y, 0.5 * back),
                (0.16 * x, 0.6 * y, 0.8 * back),
                0.04,
                SECOND,
            )
        )
        parts.add(
            tube(
                (side * 0.12 * x, 0.1 * y, back),
                (side * 0.12 * x, 0.1 * y, 0.86 * z),
                0.008,
                tone=METAL,
                sides=6,
            )
        )
    parts.add(soft_box((0, 0.08 * y, 0.9 * z), (0.56 * x, 0.36 * y, 0.2 * z), 0.05))
    return parts.fitted(size)


def _wheel(size: Size, rng: np.random.Generator) -> Solid:
    """A steering wheel that a driver at +Y holds."""
    x, _, z = size
    parts = Parts()
    r = 0.46 * min(x, z)
    axis = np.array((0.0, -1.0, 0.25))
    middle = np.array((0.0, 0.0, z / 2))
    parts.add(ring(middle, axis, r, 0.016, DARK, 24))
    parts.add(soft_box(middle, (0.5 * r, 0.05, 0.4 * r), 0.02, DARK))
    for angle in (0.0, np.pi, -np.pi / 2):
        end = middle + r * np.array((np.cos(angle), 0.25 * np.sin(angle), 0.97 * np.sin(angle)))
        parts.add(tube(middle, end, 0.014, tone=DARK, sides=6))
    return parts.fitted(size)


def _dash(size: Size, rng: np.random.Generator) -> Solid:
    """The upper edge of a dashboard seen from behind the windscreen, with things on it."""
    x, y, z = size
    parts = Parts()
    parts.add(soft_box((0, 0, 0.35 * z), (x, y, 0.7 * z), 0.06, DARK))
    parts.add(
        soft_box(
            (float(rng.choice([-0.25, 0.25])) * x, -0.1 * y, 0.6 * z),
            (0.28 * x, 0.5 * y, 0.5 * z),
            0.05,
            DARK,
        )
    )
    if rng.random() < 0.5:
        parts.add(
            *things_on(
                rng,
                (0.1 * x, 0.0),
                (0.5 * x, 0.4 * y),
                0.7 * z,
                ("papers", "phone", "packet"),
                0.4,
                0.2,
            )
        )
    for at in (-0.35, 0.05, 0.4):
        parts.box((at * x, 0.3 * y, 0.7 * z), (0.12 * x, 0.06 * y, 0.012), METAL)
    return parts.fitted(size)


def _bonnet(size: Size, rng: np.random.Generator) -> Solid:
    """A bonnet that falls towards -Y, away from its windscreen, with wipers at its rear edge."""
    x, y, z = size
    parts = Parts()
    columns = np.linspace(-0.5, 0.5, 7) * x
    rows = np.linspace(-0.5, 0.5, 6)
    u, v = np.meshgrid(columns, rows, indexing="ij")
    crown = 1.0 - 0.3 * (2 * u / x) ** 4
    fall = np.sqrt(np.clip(v + 0.52, 0.0, 1.0))
    height = z * (0.25 + 0.6 * fall * crown)
    ridge = 0.08 * z * np.exp(-(((np.abs(u) - 0.25 * x) / (0.05 * x)) ** 2))
    vertices = np.stack([u, v * y, height + ridge], axis=-1).reshape(-1, 3)
    i, j = (axis.ravel() for axis in np.meshgrid(np.arange(6), np.arange(5), indexing="ij"))
    faces = np.stack([6 * i + j, 6 * (i + 1) + j, 6 * (i + 1) + j + 1, 6 * i + j + 1], axis=-1)
    parts.add(quad_mesh(vertices, faces, smooth=True))
    for at in (-0.3, 0.12):
        parts.add(
            tube(
                (at * x, 0.47 * y, 0.9 * z),
                ((at + 0.33) * x, 0.44 * y, 0.97 * z),
                0.012,
                tone=DARK,
                sides=5,
            )
        )
    if rng.random() < 0.2:
        parts.box((0, -0.3 * y, 0.7 * z), (0.1, 0.004, 0.05), SURFACE, color(rng))
    return parts.fitted(size)


def _windscreen(size: Size, rng: np.random.Generator) -> Solid:
    """A pane that leans back, its upper edge towards the camera at +Y, with a sticker."""
    x, y, z = size
    parts = Parts()
    corners = np.array([(-x, -y, 0), (x, -y, 0), (x, y, 2 * z), (-x, y, 2 * z)]) / 2
    parts.add(quad_mesh(corners, np.array([(0, 1, 2, 3)]), GLASS))
    return parts.fitted(size)


CABIN: dict[str, Builder] = {
    "car_cabin": _cabin,
    "car_seat": _seat,
    "steering_wheel": _wheel,
    "dashboard": _dash,
    "bonnet": _bonnet,
    "windscreen": _windscreen,
}
