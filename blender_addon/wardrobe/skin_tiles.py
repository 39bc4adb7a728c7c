"""Skin and the folds of cloth as tiles, in the channels of `tile_grid.pack`.

The skin's tile has the share of reddish mottling, of freckles and moles, its shade and its height.
The face has one of its own, of which one unit of U and V is FACE_SIZE head units.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .tile_grid import Array, U, V, cells, noise, pack, ramp, scattered, strokes

FACE_SIZE = 2.4  # head units of the side of the face's tile
FACE_LOW = -1.25  # head units of its lower edge
SKIN_SIZE = 0.26  # rm of the side of the tile of skin
INK_SIZE = 0.14  # rm of the side of a tattoo


def _folds() -> Array:
    """Soft folds that run slantwise, with sharp valleys between them: height and shade."""
    height = np.zeros_like(U)
    for seed, across, up, part in ((101, 3, 7, 0.5), (102, 6, 4, 0.3), (103, 9, 11, 0.2)):
        height += part * (1.0 - np.abs(noise(seed, across, up)))
    height += 0.35 * noise(104, 2.5)
    height = (height - height.mean()) / height.std()
    # Hollows see less of the sky: the shade of what lies lower than its surroundings.
    around = np.fft.irfft2(
        np.fft.rfft2(height)
        * np.exp(
            -0.5
            * (
                (np.fft.rfftfreq(256, 1 / 256)[None] / 3) ** 2
                + (np.fft.fftfreq(256, 1 / 256)[:, None] / 3) ** 2
            )
        ),
        height.shape,
    )
    shade = np.clip(height - around, -2.0, 1.0)
    return pack(shade=0.5 + 0.10 * (shade - shade.mean()), height=0.5 + 0.16 * height)


def _skin() -> Array:
    mottle = ramp(noise(105, 7) + 0.6 * noise(106, 18), -1.0, 2.0)
    first, _, index = cells(107, 15)
    rng = np.random.default_rng(108)
    radius = np.float32(0.005) + 0.012 * rng.random(225).astype(np.float32)[index] ** 3
    strength = 0.4 + 0.6 * rng.random(225).astype(np.float32)[index]
    freckles = (1 - ramp(first + 0.002 * noise(109, 40), radius * 0.6, radius)) * strength
    pores = noise(110, 70)
    veins = 1 - ramp(np.abs(noise(111, 2.5, 4)), 0.0, 0.10)
    shade = 0.5 + 0.020 * noise(112, 10) + 0.012 * pores - 0.010 * veins
    return pack(mottle, freckles, shade, 0.5 + 0.12 * pores)


def _face() -> Array:
    """Lines and spots of a face: share of wrinkles, of freckles, stubble, and height of pores."""
    x = np.abs(U - 0.5) * FACE_SIZE
    y = V * FACE_SIZE + FACE_LOW
    wobble = 0.012 * noise(113, 9)
    lines = np.zeros_like(U)
    for at, half in ((0.38, 0.40), (0.46, 0.44), (0.53, 0.36), (0.60, 0.26)):  # forehead
        bend = at + 0.6 * wobble - 0.05 * x**2
        edge = ramp(half - x + 0.08 * noise(118, 5), 0.0, 0.12)
        lines = np.maximum(lines, (1 - ramp(np.abs(y - bend), 0.003, 0.018)) * edge)
    for k in range(4):  # beside the eyes
        slope, length = 0.35 * (k - 1.6), 0.16
        along = x - 0.42
        corner = 0.02 + slope * along * 1.5 + 0.02 * (k - 1.5) + wobble
        lines = np.maximum(
            lines,
            (1 - ramp(np.abs(y - corner), 0.003, 0.012))
            * ramp(along, 0.0, 0.03)
            * (along < length),
        )
    # From the nose to the corners of the mouth, and below them.
    fold = 0.14 + 0.22 * ramp(-y, 0.30, 0.62) + wobble
    lines = np.maximum(
        lines,
        (1 - ramp(np.abs(x - fold), 0.008, 0.035)) * ramp(-y, 0.30, 0.36) * ramp(y, -0.68, -0.60),
    )
    frown = np.abs(x - 0.055 - 0.02 * np.sin(8 * y) + wobble)
    lines = np.maximum(lines, 0.8 * (1 - ramp(frown, 0.004, 0.014)) * (np.abs(y - 0.22) < 0.07))
    under = -0.115 - 0.05 * np.cos((x - 0.26) * 7) + wobble
    lines = np.maximum(
        lines, 0.6 * (1 - ramp(np.abs(y - under), 0.004, 0.016)) * (np.abs(x - 0.27) < 0.15)
    )
    # Lines come and go, and are deeper on one side.
    lines = lines * (0.35 + 0.65 * ramp(noise(119, 7), -0.8, 0.6))
    first, _, index = cells(114, 18)
    rng = np.random.default_rng(115)
    radius = np.float32(0.003) + 0.006 * rng.random(324).astype(np.float32)[index] ** 2
    near_nose = np.exp(-(((x / 0.45) ** 2) + ((y + 0.22) / 0.28) ** 2))
    freckles = (1 - ramp(first, radius * 0.6, radius)) * near_nose
    stubble = ramp(noise(116, 90), -0.2, 1.2)
    return pack(lines, freckles, stubble, 0.5 + 0.10 * noise(117, 80) - 0.10 * lines)


def _ink_band() -> Array:
    y = (V * 3) % 1.0
    spikes = np.abs((U * 6) % 1 - 0.5) * 0.5
    band = (np.abs(V - 0.5) < 0.16) & (np.abs(y - 0.5) > spikes)
    edge = np.abs(np.abs(V - 0.5) - 0.20) < 0.018
    return pack(0.0, (band | edge).astype(np.float32))


def _ink_figure(seed: int) -> Array:
    """Curls and thorns around a middle."""
    rng = np.random.default_rng(seed)
    segments = []
    for _ in range(7):
        angle, turn = rng.uniform(0, 2 * np.pi), rng.uniform(-0.5, 0.5)
        x, y, step = 0.5, 0.5, 0.05
        for _ in range(10):
            nx, ny = x + step * np.cos(angle), y + step * np.sin(angle)
            segments.append((x, y, nx, ny))
            x, y, angle, step = nx, ny, angle + turn, step * 0.93
    ink = strokes(segments, 0.014)
    dots = strokes([(x, y, x, y) for x, y in scattered(seed + 1, 9) * 0.7 + 0.15], 0.015)
    shading = 0.4 * ramp(0.30 - np.hypot(U - 0.5, V - 0.5) + 0.05 * noise(seed, 8), 0.0, 0.25)
    return pack(0.0, np.maximum(np.maximum(ink, dots), shading * (noise(seed + 2, 60) > 0)))


SKIN_TILES: dict[str, Callable[[], Array]] = {
    "folds": _folds,
    "skin": _skin,
    "face": _face,
    "ink band": _ink_band,
    "ink rose": lambda: _ink_figure(118),
    "ink thorn": lambda: _ink_figure(121),
}
