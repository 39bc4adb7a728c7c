"""Predict one image: whole or in tiles, at several scales, merged without seams.

A segmenter is any callable from RGB tiles, uint8 (B, h, w, 3), to logits, float32 (B, h, w);
`pii_seg.inference.backends` makes them. The views that it predicts follow from `InferenceSettings`
and the size of the image alone (`plan_views`), so that the cost is known beforehand
(`forward_pixels`). Memory is that of the image and its logits plus a few tiles, for any number of
tiles.

Tiles are blended with windows that fall to zero at a tile's inner edges and are flat at the border
of the image: a tile has no weight where it ends, so that no seam can show.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pii_seg.data.image_io import resize_array
from pii_seg.inference import two_pass
from pii_seg.inference.parallel import batches
from pii_seg.inference.settings import PYRAMID, SMALLEST_VIEW, TWO_PASS, InferenceSettings, Merge

Segmenter = Callable[[np.ndarray], np.ndarray]
"""From RGB tiles, uint8 (B, h, w, 3), to logits, float32 (B, h, w). It may be called from several
threads, and may return memory that it uses again."""

_EVEN = np.float32(-1e-3)  # the logit of a probability just below one half


@dataclass(frozen=True)
class View:
    """The image resized to (height, width) px and cut into equal tiles at `rows` × `columns`."""

    height: int
    width: int
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    tile_height: int
    tile_width: int
    mirrored: bool

    @property
    def is_cut(self) -> bool:
        return len(self.rows) > 1 or len(self.columns) > 1

    @property
    def forward_pixels(self) -> int:
        return len(self.rows) * len(self.columns) * self.tile_height * self.tile_width


def plan_views(height: int, width: int, settings: InferenceSettings) -> tuple[View, ...]:
    """Plan the views of an image of (height, width) px, in order."""
    longest = max(height, width)
    size = min(settings.size, longest)
    if isinstance(settings.tiles, int):
        side = _side_of(settings.tiles, size, settings.overlap)
    else:
        side = min(longest, _side_of(settings.most_tiles, settings.size, settings.overlap))
    views = []
    for scale in _scales(settings, side):
        factor = max(side * scale, min(SMALLEST_VIEW, longest)) / longest
        h, w = max(1, round(height * factor)), max(1, round(width * factor))
        tile_height, rows = tile_axis(h, size, settings.overlap)
        tile_width, columns = tile_axis(w, size, settings.overlap)
        for mirrored in (False, True) if settings.flip else (False,):
            views.append(View(h, w, rows, columns, tile_height, tile_width, mirrored))
    return tuple(views)


def _scales(settings: InferenceSettings, side: int) -> list[float]:
    """List the scales of the views; each of a pyramid is repeated at halves of its resolution."""
    halves = 0
    if settings.tiles == PYRAMID:
        halves = max(0, math.ceil(math.log2(side / settings.size) - 1e-9) + 1)
    return [scale / 2**half for scale in settings.scales for half in range(halves + 1)]


def tile_axis(length: int, size: int, overlap: float) -> tuple[int, tuple[int, ...]]:
    """Divide one side of a view into tiles.

    Args:
        length: The side, in px.
        size: Maximum tile in px. A side up to `size` px is one tile.
        overlap: Minimum share of a tile that neighbours have in common. Tiles are equal and evenly
            spread, so that the common part may be larger.

    Returns:
        (tile, offsets) in px, with the fewest tiles that cover the side.
    """
    if length <= size:
        return length, (0,)
    count = max(2, math.ceil((length / size - overlap) / (1 - overlap) - 1e-9))
    tile = min(size, math.ceil(length / (count - (count - 1) * overlap)))
    return tile, tuple(round(i * (length - tile) / (count - 1)) for i in range(count))


def _side_of(tiles: int, size: int, overlap: float) -> int:
    """Compute the length, in px, that `tiles` tiles of `size` px cover."""
    return math.floor(size * (tiles - (tiles - 1) * overlap))


def forward_pixels(height: int, width: int, settings: InferenceSettings) -> int:
    """Count the pixels that pass through the segmenter for an image of (height, width) px.

    With tiles "two-pass" it is the most that may be needed: how many are depends on the image.
    """
    pixels = 0
    for view in plan_views(height, width, settings):
        pixels += view.forward_pixels
        if settings.tiles == TWO_PASS and view.is_cut:
            pixels += math.prod(_first_pass_size(view, settings.size))
    return pixels


def predict_probability(
    segmenter: Segmenter,
    image: np.ndarray,
    settings: InferenceSettings | None = None,
    *,
    temperature: float = 1.0,
) -> np.ndarray:
    """Predict the calibrated probability of a person.

    Args:
        segmenter: From tiles, uint8 (B, h, w, 3), to logits, float32 (B, h, w).
        image: uint8 (H, W, 3), RGB.
        settings: `InferenceSettings()` by default.
        temperature: Divides the logits; that of the checkpoint.

    Returns:
        float32 (H, W), 0..1.

    Raises:
        ValueError: The image or the segmenter's output has another shape.
        FloatingPointError: The logits are not finite.
    """
    logits = predict_logits(segmenter, image, settings)
    logits /= temperature
    return sigmoid_in_place(logits)


def sigmoid_in_place(logits: np.ndarray) -> np.ndarray:
    """Replace float logits by their probabilities, and return the same array."""
    np.negative(logits, out=logits)
    with np.errstate(over="ignore"):  # the reciprocal of infinity is the right probability: 0
        np.exp(logits, out=logits)
    logits += 1
    return np.reciprocal(logits, out=logits)


def predict_logits(
    segmenter: Segmenter, image: np.ndarray, settings: InferenceSettings | None = None
) -> np.ndarray:
    """Predict the merged logits of all views.

    Args:
        segmenter: From tiles, uint8 (B, h, w, 3), to logits, float32 (B, h, w).
        image: uint8 (H, W, 3), RGB.
        settings: `InferenceSettings()` by default.

    Returns:
        float32 (H, W), at the image's own size.

    Raises:
        ValueError: The image or the segmenter's output has another shape.
        FloatingPointError: The logits are not finite; compared with a threshold they would mean "no
            person".
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"expected an image of uint8 (H, W, 3), got {image.dtype} {image.shape}")
    settings = settings or InferenceSettings()
    height, width = image.shape[:2]
    views = plan_views(height, width, settings)
    # Views are merged at the size of the largest one: an image of 100 megapixels costs its own size
    # only once.
    h, w = (
        min(height, max(view.height for view in views)),
        min(width, max(view.width for view in views)),
    )
    outputs = (resize_array(_view_logits(segmenter, image, view, settings), h, w) for view in views)
    merged = _merged(outputs, settings.merge)
    # Both, because interpolation between huge numbers can overflow too.
    whole = resize_array(merged, height, width)
    if not (np.isfinite(merged).all() and np.isfinite(whole).all()):
        raise FloatingPointError(
            "the segmenter's logits are not finite numbers; the checkpoint is damaged, or its "
            "numbers overflow on this device"
        )
    return whole


def _merged(views: Iterator[np.ndarray], merge: Merge) -> np.ndarray:
    """Merge logits (H, W) float32, one view in memory at a time; their arrays are overwritten."""
    first = next(views)
    total, highest, count = first, first.copy() if merge == "cautious" else first, 1
    for logits in views:
        if merge != "mean":
            np.maximum(highest, logits, out=highest)
        if merge != "max":
            total += logits
        count += 1
    if merge == "max":
        return highest
    if count > 1:
        total /= count
    return total if merge == "mean" else _cautious(total, highest)


def _cautious(mean: np.ndarray, highest: np.ndarray) -> np.ndarray:
    """Merge so that the mean decides person or background, and the highest view how certain it is.

    Views at other scales miss persons that are too large or too small for them, with certainty; a
    view that finds a person is the better evidence. So background is certain only where all views
    agree; where one does not, the pixel still counts as background.
    """
    return np.where(mean > 0, highest, np.minimum(highest, _EVEN))


def _view_logits(
    segmenter: Segmenter, image: np.ndarray, view: View, settings: InferenceSettings
) -> np.ndarray:
    """Predict the logits (height, width) of one view, float32, mirrored back."""
    shown = resize_array(image, view.height, view.width)
    if view.mirrored:
        shown = np.ascontiguousarray(shown[:, ::-1])  # OpenCV takes no negative strides
    batch = max(1, settings.batch_pixels // (view.tile_height * view.tile_width))
    if not view.is_cut:
        merged = _forward(segmenter, shown[None])[0]
    elif settings.tiles == TWO_PASS:
        merged = _two_pass_logits(segmenter, shown, view, settings, batch)
    else:
        merged = _grid_logits(segmenter, shown, view, batch)
    return np.ascontiguousarray(merged[:, ::-1]) if view.mirrored else merged


def _grid_logits(segmenter: Segmenter, shown: np.ndarray, view: View, batch: int) -> np.ndarray:
    """Predict all tiles of a view, uint8 (height, width, 3), `batch` at a time, and blend them."""
    h, w = view.tile_height, view.tile_width
    down, across = _windows(view.rows, h, view.height), _windows(view.columns, w, view.width)
    merged = np.zeros((view.height, view.width), np.float32)
    places = [(i, j) for i in range(len(view.rows)) for j in range(len(view.columns))]
    for some in batches(places, batch):
        corners = [(view.rows[i], view.columns[j]) for i, j in some]
        outputs = _forward(segmenter, _cut(shown, corners, view))
        for (i, j), (y, x), logits in zip(some, corners, outputs, strict=True):
            logits *= down[i][:, None]
            logits *= across[j]
            merged[y : y + h, x : x + w] += logits
    # The windows' sum over a grid of tiles is a product of one sum per side, so that no second
    # array of weights is needed.
    merged /= _sum_of_windows(view.rows, down, view.height)[:, None]
    merged /= _sum_of_windows(view.columns, across, view.width)
    return merged


def _two_pass_logits(
    segmenter: Segmenter, shown: np.ndarray, view: View, settings: InferenceSettings, batch: int
) -> np.ndarray:
    """Predict a view whole at a tile's size, and then tiles where that leaves doubt."""
    size = _first_pass_size(view, settings.size)
    first = _forward(segmenter, resize_array(shown, *size)[None])[0]
    coarse = resize_array(first, view.height, view.width)
    settled = two_pass.settled_area(first, two_pass.CRITERIA)
    cells = two_pass.places_to_look(first, settled, shown, two_pass.CRITERIA)
    tile = (view.tile_height, view.tile_width)
    ramp = (
        two_pass.ramp_of(view.tile_height, settings.overlap),
        two_pass.ramp_of(view.tile_width, settings.overlap),
    )
    corners = two_pass.place_tiles(
        cells,
        (view.height / size[0] * two_pass.CELL, view.width / size[1] * two_pass.CELL),
        (view.height, view.width),
        tile,
        ramp,
        most=len(view.rows) * len(view.columns) - 1,
    )
    if corners is None:
        merged = _grid_logits(segmenter, shown, view, batch)
    else:
        merged = two_pass.blend_tiles(
            coarse,
            corners,
            tile,
            ramp,
            lambda some: _forward(segmenter, _cut(shown, some, view)),
            batch,
        )
    return two_pass.keep_settled(merged, coarse, settled)


def _first_pass_size(view: View, size: int) -> tuple[int, int]:
    """Return the height and width of a view whose longest side is shrunk to `size` px."""
    factor = size / max(view.height, view.width)
    return max(1, round(view.height * factor)), max(1, round(view.width * factor))


def _cut(shown: np.ndarray, corners: Sequence[tuple[int, int]], view: View) -> np.ndarray:
    """Stack tiles, uint8 (B, h, w, 3)."""
    h, w = view.tile_height, view.tile_width
    return np.stack([shown[y : y + h, x : x + w] for y, x in corners])


def _forward(segmenter: Segmenter, tiles: np.ndarray) -> np.ndarray:
    """Predict the logits (B, h, w), float32 and writable, of uint8 tiles (B, h, w, 3)."""
    # Contiguous and writable, because that is what every back end takes without a warning; arrays
    # of Pillow are not writable.
    logits = segmenter(np.require(tiles, requirements=["C", "W"]))
    if logits.shape != tiles.shape[:3]:
        raise ValueError(f"expected logits of shape {tiles.shape[:3]}, got {logits.shape}")
    # A copy: the segmenter may return memory that it reuses, and the caller overwrites the logits.
    return np.array(logits, dtype=np.float32, order="C")


def _windows(offsets: tuple[int, ...], tile: int, length: int) -> list[np.ndarray]:
    """Compute the weight (tile,) of each tile along one side: 1 inside, falling as sin² to 0."""
    windows = []
    for place, offset in enumerate(offsets):
        window = np.ones(tile, np.float32)
        if place > 0:
            window *= _rise(offsets[place - 1] + tile - offset, tile)
        if offset + tile < length:
            window *= _rise(offset + tile - offsets[place + 1], tile)[::-1]
        windows.append(window)
    return windows


def _rise(shared: int, tile: int) -> np.ndarray:
    """Compute weights (tile,) that rise over the first `shared` px from 0 to 1."""
    window = np.ones(tile, np.float32)
    if shared > 0:
        window[:shared] = np.sin(np.pi / 2 * (np.arange(shared) + 0.5) / shared) ** 2
    return window


def _sum_of_windows(offsets: tuple[int, ...], windows: list[np.ndarray], length: int) -> np.ndarray:
    total = np.zeros(length, np.float32)
    for offset, window in zip(offsets, windows, strict=True):
        total[offset : offset + len(window)] += window
    return total
