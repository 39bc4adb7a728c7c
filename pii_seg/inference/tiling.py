"""One photograph through a segmenter: whole or in tiles, at several sizes, merged without a seam.

A segmenter is any callable from images (B, 3, h, w), uint8 0..255, to logits (B, 1, h, w). What it is shown follows
from `InferenceSettings` and the size of the photograph alone (`plan_views`), so the cost is known beforehand
(`forward_pixels`). Memory is that of the photograph and its logits plus a few tiles, whatever the number of tiles.

Tiles are blended with windows that fall to nothing at a tile's inner edges and are flat at the photograph's own
border: where a tile ends its word counts for nothing, so no seam can show.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal, get_args

import cv2
import numpy as np
import torch

Merge = Literal["mean", "max", "cautious"]
Segmenter = Callable[[torch.Tensor], torch.Tensor]

_EVEN = np.float32(-1e-3)  # the logit of a probability just below one half
SMALLEST_VIEW = 32  # px: no scale shrinks a photograph's longest side below this


@dataclass(frozen=True)
class InferenceSettings:
    """What the segmenter is shown of a photograph."""

    size: int = 640
    """Longest side, in px, of what the segmenter sees at once. Larger photographs are shrunk or cut into tiles."""

    tiles: int | Literal["auto"] = 1
    """k: k tiles of `size` along the longest side, as many as fit along the other; small photographs are enlarged for
    it. "auto": as many as show the photograph at its own resolution, never enlarged, at most `most_tiles`."""

    scales: tuple[float, ...] = (1.0,)
    """Further looks at other sizes: 0.5 shows large persons whole, 2 shows small ones larger. Tiles stay `size`."""

    flip: bool = False
    """Look at the mirrored photograph too: twice the cost."""

    merge: Merge = "mean"
    """How looks are merged, by logit. "max" finds whatever any look finds: recall before precision. "cautious" finds
    what "mean" finds (at the threshold .5; at others more), and is as sure of background as the look that is least
    so: what labels want (`_cautious`)."""

    overlap: float = 0.25
    """Share of a tile that its neighbour sees too."""

    most_tiles: int = 4
    """The most tiles along the longest side that "auto" chooses."""

    batch_pixels: int = 1 << 20
    """Tiles are shown together as long as they have no more pixels than this: the bound on memory."""

    def __post_init__(self) -> None:
        if self.tiles != "auto" and (not isinstance(self.tiles, int) or not 1 <= self.tiles <= 64):
            raise ValueError(f"tiles: {self.tiles!r} is not 'auto' or a number from 1 to 64")
        if self.size < SMALLEST_VIEW:
            raise ValueError(f"size: {self.size} px is less than {SMALLEST_VIEW}")
        if not self.scales or not all(0.05 <= scale <= 8 for scale in self.scales):
            raise ValueError(f"scales: {self.scales} must be one or more numbers from 0.05 to 8")
        if not 0 <= self.overlap <= 0.75:
            raise ValueError(f"overlap: {self.overlap} is not within 0..0.75")
        if self.merge not in get_args(Merge):
            raise ValueError(f"merge: {self.merge!r} is none of {', '.join(get_args(Merge))}")
        if self.most_tiles < 1 or self.batch_pixels < 1:
            raise ValueError("most_tiles and batch_pixels must be at least 1")


@dataclass(frozen=True)
class View:
    """One look at a photograph resized to (height, width) px, cut into equal tiles at `rows` × `columns`."""

    height: int
    width: int
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    tile_height: int
    tile_width: int
    mirrored: bool

    @property
    def forward_pixels(self) -> int:
        return len(self.rows) * len(self.columns) * self.tile_height * self.tile_width


def plan_views(height: int, width: int, settings: InferenceSettings) -> tuple[View, ...]:
    """What the segmenter is shown of a photograph of (height, width) px, in order."""
    longest = max(height, width)
    size = min(settings.size, longest)
    if settings.tiles == "auto":
        side = min(longest, _side_of(settings.most_tiles, settings.size, settings.overlap))
    else:
        side = _side_of(settings.tiles, size, settings.overlap)
    views = []
    for scale in settings.scales:
        factor = max(side * scale, min(SMALLEST_VIEW, longest)) / longest
        h, w = max(1, round(height * factor)), max(1, round(width * factor))
        tile_height, rows = tile_axis(h, size, settings.overlap)
        tile_width, columns = tile_axis(w, size, settings.overlap)
        for mirrored in (False, True) if settings.flip else (False,):
            views.append(View(h, w, rows, columns, tile_height, tile_width, mirrored))
    return tuple(views)


def tile_axis(length: int, size: int, overlap: float) -> tuple[int, tuple[int, ...]]:
    """(tile, offsets): the fewest tiles ≤ `size` px that cover `length` px, neighbours sharing ≥ `overlap` of a tile.

    A side up to `size` px is one tile. Tiles are equal and evenly spread, so the shared part may be larger.
    """
    if length <= size:
        return length, (0,)
    count = max(2, math.ceil((length / size - overlap) / (1 - overlap) - 1e-9))
    tile = min(size, math.ceil(length / (count - (count - 1) * overlap)))
    return tile, tuple(round(i * (length - tile) / (count - 1)) for i in range(count))


def _side_of(tiles: int, size: int, overlap: float) -> int:
    """The length, in px, that `tiles` tiles of `size` px cover."""
    return math.floor(size * (tiles - (tiles - 1) * overlap))


def forward_pixels(height: int, width: int, settings: InferenceSettings) -> int:
    """How many pixels pass through the segmenter for a photograph of (height, width) px: the cost."""
    return sum(view.forward_pixels for view in plan_views(height, width, settings))


def predict_probability(
    segmenter: Segmenter,
    image: np.ndarray,
    settings: InferenceSettings | None = None,
    *,
    temperature: float = 1.0,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """The calibrated probability, float32 (H, W), that a pixel of `image` (uint8 (H, W, 3), RGB) is of a person."""
    logits = predict_logits(segmenter, image, settings, device=device)
    logits /= temperature
    return torch.from_numpy(logits).sigmoid_().numpy()


def predict_logits(
    segmenter: Segmenter,
    image: np.ndarray,
    settings: InferenceSettings | None = None,
    *,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """The merged logits, float32 (H, W), of `image` (uint8 (H, W, 3), RGB), at its own size.

    Raises ValueError for an image or an answer of another shape, FloatingPointError for logits that are no numbers
    (they would otherwise pass for "nobody here").
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"the image must be uint8 (H, W, 3), not {image.dtype} {image.shape}")
    settings = settings or InferenceSettings()
    height, width = image.shape[:2]
    views = plan_views(height, width, settings)
    # Looks are merged at the size of the largest one: a photograph of 100 megapixels costs its own size only once.
    h, w = (
        min(height, max(view.height for view in views)),
        min(width, max(view.width for view in views)),
    )
    looks = (
        resize(_view_logits(segmenter, image, view, settings.batch_pixels, device), h, w)
        for view in views
    )
    merged = _merged(looks, settings.merge)
    if not np.isfinite(merged).all():
        raise FloatingPointError("the segmenter's logits are not finite numbers")
    return resize(merged, height, width)


def _merged(looks: Iterator[np.ndarray], merge: Merge) -> np.ndarray:
    """One of the looks' logits, each (H, W) float32 and free to be written into, held one at a time."""
    first = next(looks)
    total, highest, count = first, first.copy() if merge == "cautious" else first, 1
    for logits in looks:
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
    """On the side of the mean, and as high there as the highest look.

    Looks at other sizes miss persons that are too large or too small for them, surely; that a look finds somebody is
    the better evidence. So background is sure only where every look is; where one is not, still nobody is found.
    """
    return np.where(mean > 0, highest, np.minimum(highest, _EVEN))


def _view_logits(
    segmenter: Segmenter,
    image: np.ndarray,
    view: View,
    batch_pixels: int,
    device: torch.device | str,
) -> np.ndarray:
    """Logits (height, width) of one look, float32, mirrored back."""
    shown = resize(image, view.height, view.width)
    if view.mirrored:
        shown = shown[:, ::-1].copy()  # torch takes no negative strides
    h, w = view.tile_height, view.tile_width
    if len(view.rows) == len(view.columns) == 1:
        merged = _forward(segmenter, shown[None], device)[0]
    else:
        down, across = _windows(view.rows, h, view.height), _windows(view.columns, w, view.width)
        merged = np.zeros((view.height, view.width), np.float32)
        places = [(i, j) for i in range(len(view.rows)) for j in range(len(view.columns))]
        for batch in _batches(places, max(1, batch_pixels // (h * w))):
            corners = [(view.rows[i], view.columns[j]) for i, j in batch]
            tiles = np.stack([shown[y : y + h, x : x + w] for y, x in corners])
            answers = _forward(segmenter, tiles, device)
            for (i, j), (y, x), answer in zip(batch, corners, answers, strict=True):
                answer *= down[i][:, None]
                answer *= across[j]
                merged[y : y + h, x : x + w] += answer
        # The windows' sum over a grid of tiles is a product of one sum a side: no second picture of weights.
        merged /= _sum_of_windows(view.rows, down, view.height)[:, None]
        merged /= _sum_of_windows(view.columns, across, view.width)
    return np.ascontiguousarray(merged[:, ::-1]) if view.mirrored else merged


def _forward(segmenter: Segmenter, tiles: np.ndarray, device: torch.device | str) -> np.ndarray:
    """Logits (B, h, w), float32 and writable, of uint8 tiles (B, h, w, 3)."""
    # The permuted view lies in memory as channels_last, the order that convolutions on a CPU are fastest in.
    # Writable, or torch warns: Pillow's pictures are not.
    images = (
        torch.from_numpy(np.require(tiles, requirements=["C", "W"])).permute(0, 3, 1, 2).to(device)
    )
    with torch.inference_mode():
        logits = segmenter(images)
    expected = (len(tiles), 1, *tiles.shape[1:3])
    if tuple(logits.shape) != expected:
        raise ValueError(f"the segmenter answered {tuple(logits.shape)} where {expected} was due")
    # A copy: the segmenter may hand out memory it keeps, and the caller weights the answer in place.
    return np.array(logits[:, 0].float().cpu().numpy(), dtype=np.float32, order="C")


def _windows(offsets: tuple[int, ...], tile: int, length: int) -> list[np.ndarray]:
    """The weight (tile,) of each tile along one side: 1 inside, sin² down to 0 where a neighbour takes over."""
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
    """(tile,) weights that rise over the first `shared` px from 0 to 1; without shared px nothing needs to rise."""
    window = np.ones(tile, np.float32)
    if shared > 0:
        window[:shared] = np.sin(np.pi / 2 * (np.arange(shared) + 0.5) / shared) ** 2
    return window


def _sum_of_windows(offsets: tuple[int, ...], windows: list[np.ndarray], length: int) -> np.ndarray:
    total = np.zeros(length, np.float32)
    for offset, window in zip(offsets, windows, strict=True):
        total[offset : offset + len(window)] += window
    return total


def _batches(places: list[tuple[int, int]], size: int) -> Iterator[list[tuple[int, int]]]:
    iterator = iter(places)
    while batch := list(islice(iterator, size)):
        yield batch


def resize(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """`array` (H, W) or (H, W, C) at another size, with its own data type; itself when the size is the same."""
    if array.shape[:2] == (height, width):
        return array
    shrinks = height * width < array.shape[0] * array.shape[1]
    return cv2.resize(
        array, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
