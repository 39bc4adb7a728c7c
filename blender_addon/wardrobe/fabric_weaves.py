"""Surfaces of cloth as tiles: threads, stitches, grain and quilting, in the channels of
`tile_grid.pack`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .tile_grid import SIZE, Array, U, V, cells, noise, pack, ramp, wave


@dataclass(frozen=True)
class Weave:
    """A surface of cloth.

    Attributes:
        make: Draws the tile.
        size: Length of its side on the body, rm.
        depth: Height of its threads or quilts, rm.
        coarse: Size of what can be told apart in it, rm: from afar it is even.
    """

    make: Callable[[], Array]
    size: float
    depth: float
    coarse: float


def _woven(shade: Array, height: Array, contrast: float) -> Array:
    """A tile whose mean shade is neutral."""
    shade = shade - shade.mean()
    return pack(shade=0.5 + contrast * shade, height=height)


def _stitches(columns: int, rows: int, slant: float = 0.9) -> Array:
    """Knitted stitches: columns of Vs, 0 in the gaps, 1 on the yarn."""
    x = (U * columns) % 1.0 - 0.5
    yarn = wave(V * rows + slant * np.abs(x))
    return (yarn * (0.35 + 0.65 * wave(2 * x - 0.5))).astype(np.float32)


def _jersey() -> Array:
    yarn = _stitches(40, 40)
    return _woven(yarn + 0.35 * noise(11, 30, 6), yarn, 0.16)


def _knit() -> Array:
    yarn = _stitches(12, 14) ** 0.7
    fluff = noise(12, 60)
    return _woven(yarn + 0.10 * fluff, yarn + 0.06 * fluff, 0.30)


def _rib() -> Array:
    rib = wave(U * 14) ** 0.6
    yarn = _stitches(28, 44)
    return _woven(0.8 * rib + 0.2 * yarn, 0.85 * rib + 0.15 * yarn, 0.30)


def _cable() -> Array:
    x = (U * 4) % 1.0 - 0.5
    height = 0.25 * wave(V * 24) * (np.abs(x) > 0.3)  # purl rows beside the cables
    for turn in (0.0, 0.5):
        phase = V * 3 + turn
        along = np.sin(2 * np.pi * phase).astype(np.float32)
        strand = np.clip(1 - ((x - 0.15 * along) / 0.14) ** 2, 0, 1) ** 0.5
        over = 0.75 + 0.25 * np.cos(2 * np.pi * phase)  # which strand lies on top alternates
        height = np.maximum(height, strand * over)
    height = 0.85 * height + 0.15 * _stitches(32, 36)
    return _woven(np.sqrt(height), height, 0.34)


def _fleece() -> Array:
    pile = noise(13, 26) * 0.6 + noise(14, 70) * 0.4
    return _woven(pile * 0.16, 0.5 + 0.18 * pile, 0.45)


def _sherpa() -> Array:
    first, _, _ = cells(15, 16)
    curl = 1 - np.clip(first / 0.06, 0, 1)
    curl = curl + 0.12 * noise(16, 50)
    return _woven(curl, curl, 0.38)


def _twill() -> Array:
    line = wave(U * 40 + V * 40)
    return _woven(line + 0.25 * noise(17, 40, 8), line, 0.12)


def _denim() -> Array:
    line = wave(U * 48 + V * 48)
    slub = noise(18, 70, 5) * 0.5 + noise(19, 24, 2) * 0.25
    specks = np.maximum(noise(20, 90, 40) - 1.1, 0)
    return _woven(0.45 * line + 0.30 * slub + 0.5 * specks, line, 0.26)


def _canvas() -> Array:
    i, j = np.floor(U * 56), np.floor(V * 56)
    over = np.where((i + j) % 2 == 0, wave(U * 56 - 0.5), wave(V * 56 - 0.5))
    return _woven(over + 0.3 * noise(21, 50, 5) + 0.3 * noise(22, 5, 50), over, 0.13)


def _linen() -> Array:
    threads = noise(23, 100, 3) + noise(24, 3, 100)
    return _woven(threads * 0.3, 0.5 + 0.12 * threads, 0.22)


def _corduroy() -> Array:
    wale = np.sqrt(np.abs(np.sin(np.pi * U * 18))).astype(np.float32)
    pile = noise(25, 60, 30)
    return _woven(wale + 0.08 * pile, wale + 0.05 * pile, 0.34)


def _wool() -> Array:
    fibre = noise(26, 60, 24) + 0.7 * noise(27, 24, 60) + 0.4 * noise(28, 14)
    return _woven(fibre * 0.18, 0.5 + 0.12 * fibre, 0.30)


def _leather() -> Array:
    first, second, _ = cells(29, 20)
    grain = ramp(second - first, 0.0, 0.016)
    crease = np.abs(noise(30, 5))
    height = 0.7 * grain + 0.3 * ramp(crease, 0.0, 0.12)
    return _woven(0.6 * height + 0.10 * noise(31, 6), height, 0.22)


def _smooth() -> Array:
    thread = noise(32, 60, 6) * 0.5 + noise(33, 6, 60) * 0.5
    return _woven(thread * 0.10, 0.5 + 0.06 * thread, 0.16)


def _sport() -> Array:
    x, y = U * 30, V * 30
    hole = np.minimum(
        np.hypot(x % 1 - 0.5, y % 1 - 0.5), np.hypot((x + 0.5) % 1 - 0.5, (y + 0.5) % 1 - 0.5)
    )
    cloth = ramp(hole, 0.14, 0.30)
    return _woven(cloth, cloth, 0.30)


def _velvet() -> Array:
    pile = noise(34, 5) * 0.6 + noise(35, 12, 5) * 0.5
    return _woven(pile * 0.16, np.full((SIZE, SIZE), 0.5, np.float32), 0.45)


def _puffer() -> Array:
    """Four horizontal channels filled with down, whose cloth gathers along the seams."""
    y = (V * 4) % 1.0
    bulge = np.abs(np.sin(np.pi * y)) ** 0.55
    gather = noise(36, 22, 5) * (1 - bulge) + noise(37, 7, 7) * 0.4
    height = bulge + 0.10 * gather
    seam = ramp(np.minimum(y, 1 - y), 0.0, 0.10)
    return _woven(0.45 * seam + 0.35 * y + 0.05 * gather, 0.1 + 0.8 * height, 0.5)


def _quilted() -> Array:
    x, y = (U + V) * 4 % 1.0, (U - V) * 4 % 1.0
    bulge = (np.abs(np.sin(np.pi * x)) * np.abs(np.sin(np.pi * y))) ** 0.45
    stitch = ramp(bulge, 0.0, 0.35)
    return _woven(0.4 * stitch + 0.2 * bulge + 0.02 * noise(38, 30), bulge, 0.40)


# fmt: off
WEAVES: dict[str, Weave] = {
    "jersey":   Weave(_jersey, 0.060, 0.0003, 0.0015),
    "knit":     Weave(_knit, 0.070, 0.0020, 0.006),
    "rib":      Weave(_rib, 0.075, 0.0015, 0.005),
    "cable":    Weave(_cable, 0.200, 0.0060, 0.025),
    "fleece":   Weave(_fleece, 0.120, 0.0010, 0.004),
    "sherpa":   Weave(_sherpa, 0.120, 0.0040, 0.008),
    "twill":    Weave(_twill, 0.055, 0.0003, 0.0014),
    "denim":    Weave(_denim, 0.100, 0.0004, 0.0020),
    "canvas":   Weave(_canvas, 0.080, 0.0005, 0.0014),
    "linen":    Weave(_linen, 0.120, 0.0004, 0.0025),
    "corduroy": Weave(_corduroy, 0.080, 0.0016, 0.0045),
    "wool":     Weave(_wool, 0.110, 0.0006, 0.0030),
    "leather":  Weave(_leather, 0.090, 0.0008, 0.0040),
    "smooth":   Weave(_smooth, 0.150, 0.0002, 0.0030),
    "sport":    Weave(_sport, 0.090, 0.0005, 0.0030),
    "velvet":   Weave(_velvet, 0.160, 0.0, 0.020),
    "puffer":   Weave(_puffer, 0.340, 0.0180, 0.085),
    "quilted":  Weave(_quilted, 0.280, 0.0100, 0.050),
}
# fmt: on
