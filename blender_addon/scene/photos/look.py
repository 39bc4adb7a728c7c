"""Sky, ground and light of a photo, guessed from its colours. Pure numpy.

These are rough cues that hold for most snapshots: the sky is smooth, bright and at the top; the
ground goes on from the lower edge until something else begins; in the sun shadows are much darker
than what is lit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..colour import to_linear
from .spec import Color

Array = NDArray[np.floating]

_GRID = 48  # cells along the longer side of a photo
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_LEAST_GROUND = 0.08  # share of the photo's height
_SKY = 0.06  # share of the photo from which there is a sky


@dataclass(frozen=True, eq=False)
class PhotoLook:
    """A photo in rough numbers.

    Attributes:
        sky: Share of the photo that shows sky.
        sky_blue: Blue minus red of the sky, display values.
        sky_end: Lower end of the sky, as a share of the photo from its top; 0 without sky.
        ground_top: Upper end of the open ground, likewise; 1 where none was found.
        middle: Linear log-mean luminance of all that is not sky.
        bright: Linear luminance that a tenth of what is not sky exceeds.
        light: Colour of the light, of mean 1.
        ground: Mean linear colour of the ground.
        black: Linear colour that is darker than all but a thousandth of the photo.
        contrast: Stops between the lit and the shaded tenths of the ground.
        sideways: Stops by which the left half, sky apart, is brighter than the right half.
    """

    sky: float
    sky_blue: float
    sky_end: float
    ground_top: float
    middle: float
    bright: float
    light: Color
    ground: Color
    black: Color
    contrast: float
    sideways: float


def look_of(display: NDArray[np.uint8]) -> PhotoLook:
    """Guess the light of a photo.

    Args:
        display: (H, W, 3) sRGB, upright; some hundred px long are enough.
    """
    cells, rough = _cells(display)
    linear = to_linear(cells).astype(np.float64)
    bright = linear @ _LUMINANCE
    sky = _sky(cells, rough)
    ground = _ground(cells, rough, sky)
    rows = len(cells)
    lit = bright[~sky] if (~sky).sum() > 10 else bright.ravel()
    pixels = to_linear(display[::2, ::2].reshape(-1, 3).astype(np.float32) / 255.0)
    pixels = pixels.astype(np.float64)
    y = pixels @ _LUMINANCE
    floor = ground if ground.sum() > 10 else ~sky
    on_ground = bright[floor] if floor.any() else lit
    logs = np.log2(np.maximum(bright, 1e-4))
    half = bright.shape[1] // 2
    halves = [logs[:, part][~sky[:, part]] for part in (slice(0, half), slice(half, None))]
    return PhotoLook(
        sky=float(sky.mean()),
        sky_blue=float((cells[sky][:, 2] - cells[sky][:, 0]).mean()) if sky.any() else 0.0,
        sky_end=_end(sky) / rows if sky.mean() > _SKY else 0.0,
        ground_top=_top(ground, rows),
        middle=float(np.exp(np.log(np.maximum(lit, 1e-4)).mean())),
        bright=float(np.quantile(lit, 0.9)),
        light=_light(pixels, y),
        ground=_color(linear[floor].mean(axis=0) if floor.any() else linear.mean(axis=(0, 1))),
        black=_color(np.quantile(pixels, 0.001, axis=0)),
        contrast=float(np.log2(np.quantile(on_ground, 0.9) + 1e-3)
                       - np.log2(np.quantile(on_ground, 0.1) + 1e-3)),
        sideways=float(halves[0].mean() - halves[1].mean()) if all(map(len, halves)) else 0.0,
    )  # fmt: skip


def _cells(display: NDArray[np.uint8]) -> tuple[Array, Array]:
    """Mean colour (h, w, 3), 0..1, and roughness (h, w) of square cells of a photo."""
    H, W = display.shape[:2]
    size = max(1, -(-max(H, W) // _GRID))
    h, w = max(1, H // size), max(1, W // size)
    size_y, size_x = min(size, H), min(size, W)
    blocks = display[: h * size_y, : w * size_x].astype(np.float32) / 255.0
    blocks = blocks.reshape(h, size_y, w, size_x, 3)
    mean = blocks.mean(axis=(1, 3))
    spread = blocks.mean(axis=-1).std(axis=(1, 3))
    return mean, spread


def _sky(cells: Array, rough: Array) -> NDArray[np.bool_]:
    """Cells of sky: smooth, bright or blue, and joined to the upper edge through such cells."""
    r, g, b = np.moveaxis(cells, -1, 0)
    mean = cells.mean(axis=-1)
    blue = (b > r + 0.04) & (b > 0.25) & (b >= g - 0.02)
    pale = (mean > 0.72) & (cells.max(axis=-1) - cells.min(axis=-1) < 0.22) & (b >= r - 0.04)
    likely = (blue | pale) & (rough < 0.05)
    return _grown(likely, np.pad(likely[:1], ((0, len(cells) - 1), (0, 0))), None, 0.0)


def _ground(cells: Array, rough: Array, sky: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cells that go on from the lower edge without a step in colour."""
    seeds = np.zeros(cells.shape[:2], dtype=bool)
    seeds[-2:] = ~sky[-2:]
    seeds[-2:] &= rough[-2:] < np.quantile(rough[-2:], 0.7) + 0.02
    smooth = rough < max(0.11, 1.5 * float(np.median(rough[-3:])))
    return _grown(~sky & smooth, seeds, cells, 0.075)


def _grown(
    allowed: NDArray[np.bool_], seeds: NDArray[np.bool_], cells: Array | None, step: float
) -> NDArray[np.bool_]:
    """The allowed cells that are joined to seeds; between joined cells colours differ by `step`."""
    found = seeds & allowed
    down, right = (
        True if cells is None else np.abs(np.diff(cells, axis=axis)).max(axis=-1) < step
        for axis in (0, 1)
    )
    for _ in range(2 * _GRID):
        more = found.copy()
        more[1:] |= found[:-1] & down
        more[:-1] |= found[1:] & down
        more[:, 1:] |= found[:, :-1] & right
        more[:, :-1] |= found[:, 1:] & right
        more &= allowed
        if (more == found).all():
            break
        found = more
    return found


def _end(sky: NDArray[np.bool_]) -> float:
    """Rows from the top over which sky is seen, in at least a quarter of the columns."""
    rows = np.flatnonzero(sky.mean(axis=1) > 0.25)
    return float(rows[-1] + 1) if len(rows) else 0.0


def _top(ground: NDArray[np.bool_], rows: int) -> float:
    """Upper end of the ground as a share of the height, of most columns that have it."""
    columns = ground.any(axis=0)
    if columns.mean() < 0.25:
        return 1.0
    tops = ground.argmax(axis=0)[columns] / rows
    top = float(np.quantile(tops, 0.4))
    return top if top <= 1 - _LEAST_GROUND else 1.0


def _light(pixels: Array, y: Array) -> Color:
    """Colour of the light: the norm of order 6 of the pixels that are not burnt (shades of grey,
    Finlayson & Trezzi 2004), halfway to white, since the camera has balanced most of it.
    """
    kept = pixels[(pixels.max(axis=1) < 0.97) & (y > 0.002)]
    if len(kept) < 50:
        return (1.0, 1.0, 1.0)
    norm = np.maximum((kept**6).mean(axis=0) ** (1 / 6), 1e-4)
    grey = np.maximum(kept.mean(axis=0), 1e-4)
    tint = np.sqrt(norm / norm.mean()) * np.sqrt(np.sqrt(grey / grey.mean()))
    tint = np.clip(tint, 0.55, 1.6)
    return _color(tint / (tint @ _LUMINANCE))


def _color(values: Array) -> Color:
    r, g, b = (round(float(v), 5) for v in values)
    return (r, g, b)
