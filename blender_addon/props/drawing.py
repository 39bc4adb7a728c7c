"""A canvas for drawn images: filled shapes, strokes and text with smooth edges. Pure numpy.

Coordinates are in heights of the canvas: x to the right, 0 to `aspect`, and y downwards, 0 to 1.
Colours are display values (3,), 0..1.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .stroke_font import line_of_text

Float = NDArray[np.float32]


def hsv(hue: float, saturation: float, value: float) -> Float:
    """A display colour; the hue goes round."""
    rgb = colorsys.hsv_to_rgb(
        float(hue) % 1.0, min(max(float(saturation), 0.0), 1.0), min(max(float(value), 0.0), 1.0)
    )
    return np.array(rgb, np.float32)


class Canvas:
    """An image that is being drawn.

    Attributes:
        rgb: (H, W, 3) display values, 0..1.
        person: (H, W) share of the px that drawn persons take, 0..1.
        of_person: Whether what is drawn now belongs to a person.
    """

    def __init__(self, width: int, height: int, color: ArrayLike = (1.0, 1.0, 1.0)) -> None:
        self._layers = np.zeros((height, width, 4), np.float32)
        self.rgb, self.person = self._layers[..., :3], self._layers[..., 3]
        self.rgb[:] = np.asarray(color, np.float32)
        self.of_person = False

    @property
    def aspect(self) -> float:
        """Width of the canvas in heights."""
        return self.rgb.shape[1] / self.rgb.shape[0]

    def gradient(self, top: ArrayLike, bottom: ArrayLike, start: float = 0, end: float = 1) -> None:
        """Fill the rows from `start` to `end` with colours from `top` to `bottom`."""
        height = len(self.rgb)
        first, last = (min(max(round(y * height), 0), height) for y in (start, end))
        t = np.linspace(0, 1, max(last - first, 1), dtype=np.float32)[: last - first, None, None]
        a, b = np.asarray(top, np.float32), np.asarray(bottom, np.float32)
        self.rgb[first:last] = a + t * (b - a)
        self.person[first:last] = self.of_person

    def rect(self, x: float, y: float, width: float, height: float, color: ArrayLike) -> None:
        """Fill a rectangle with its upper left corner at (x, y); its edges fall on whole px."""
        n = len(self.rgb)
        rows, columns = (slice(*_span(a, a + b, n)) for a, b in ((y, height), (x, width)))
        self.rgb[rows, columns] = np.asarray(color, np.float32)
        self.person[rows, columns] = self.of_person

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, color: ArrayLike, shade: float = 0.0
    ) -> None:
        """Fill an ellipse; with `shade` it is lit from the upper left as a ball."""
        box = self._box(x - rx, y - ry, x + rx, y + ry)
        if box is None:
            return
        rows, columns, px, py = box
        dx = (px - np.float32(x)) * np.float32(1 / rx)
        dy = (py - np.float32(y)) * np.float32(1 / ry)
        r = np.sqrt(dx * dx + dy * dy)
        scale = np.float32(min(rx, ry) * len(self.rgb))
        cover = np.minimum(np.maximum((1 - r) * scale + np.float32(0.5), 0), 1)
        paint: ArrayLike = color
        if shade > 0:
            z = np.sqrt(np.clip(1 - r * r, 0, 1))
            light = 1 + shade * (-0.45 * dx - 0.5 * dy + 0.6 * z - 0.5)
            paint = np.clip(np.asarray(color, np.float32) * light[..., None], 0, 1)
        self._blend(rows, columns, cover, paint)

    def polygon(self, points: ArrayLike, color: ArrayLike) -> None:
        """Fill a polygon (N, 2); where it crosses itself, it is empty inside."""
        corners = np.asarray(points, np.float32)
        low, high = corners.min(axis=0), corners.max(axis=0)
        box = self._box(low[0], low[1], high[0], high[1])
        if box is None:
            return
        rows, columns, _, _ = box
        n = len(self.rgb)
        y = (np.arange(rows.start, rows.stop, dtype=np.float32) + np.float32(0.5))[:, None]
        a, b = corners * np.float32(n), np.roll(corners, -1, axis=0) * np.float32(n)
        crossing = (a[:, 1] <= y) != (b[:, 1] <= y)
        step = b[:, 1] - a[:, 1]
        step[step == 0] = 1.0
        x = a[:, 0] + (y - a[:, 1]) * ((b[:, 0] - a[:, 0]) / step)
        x = np.sort(np.where(crossing, x, np.float32(1e6)), axis=1)
        spans = int(crossing.sum(axis=1).max(initial=0)) // 2
        left = np.arange(columns.start, columns.stop, dtype=np.float32)
        cover = np.zeros((len(y), len(left)), np.float32)
        for k in range(0, 2 * spans, 2):
            # The share of each px before the end of a span, less that before its start.
            before_end = np.minimum(np.maximum(x[:, k + 1 : k + 2] - left, 0), 1)
            cover += before_end - np.minimum(np.maximum(x[:, k : k + 1] - left, 0), 1)
        self._blend(rows, columns, cover, color)

    def blob(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        color: ArrayLike,
        rng: np.random.Generator,
        rough: float = 0.15,
    ) -> None:
        """Fill an ellipse with a ragged edge: a cloud, the crown of a tree."""
        angle = np.linspace(0, 2 * np.pi, 15)[:-1]
        radius = 1 + rough * rng.standard_normal(14)
        edge = np.column_stack([rx * np.cos(angle), ry * np.sin(angle)]) * radius[:, None]
        self.polygon(np.array([x, y]) + edge, color)

    def stroke(self, points: ArrayLike, width: float | Sequence[float], color: ArrayLike) -> None:
        """Draw a line through points (N, 2) with round ends; its width may change along it."""
        corners = np.asarray(points, np.float32)
        half = np.broadcast_to(np.asarray(width, np.float32), (len(corners),)) / 2
        grow = float(half.max())
        low, high = corners.min(axis=0) - grow, corners.max(axis=0) + grow
        box = self._box(low[0], low[1], high[0], high[1])
        if box is None:
            return
        rows, columns, px, py = box
        inside = np.full((py.shape[0], px.shape[1]), -np.inf, np.float32)
        for (x, y), (u, v), r, s in zip(corners, corners[1:], half, half[1:], strict=False):
            dx, dy, ax, ay = px - x, py - y, u - x, v - y
            length = np.float32(max(ax * ax + ay * ay, 1e-12))
            t = np.minimum(np.maximum((dx * (ax / length)) + dy * (ay / length), 0), 1)
            away = np.sqrt((dx - t * ax) ** 2 + (dy - t * ay) ** 2)
            np.maximum(inside, r + t * (s - r) - away, out=inside)
        self._blend(rows, columns, np.clip(inside * len(self.rgb) + 0.5, 0, 1), color)

    def text(
        self,
        x: float,
        y: float,
        height: float,
        text: str,
        color: ArrayLike,
        *,
        weight: float = 0.16,
        align: float = 0.0,
        fit: float = 0.0,
    ) -> float:
        """Write a line of capitals with its top at y.

        Args:
            x: Place of the line: its left end for `align` 0, its middle for .5.
            y, height: Its top and height.
            text: The line.
            color: Its colour.
            weight: Width of strokes in heights of the text.
            align: See `x`.
            fit: Largest width; the text gets smaller until it fits. 0: any.

        Returns:
            The height that it has.
        """
        n = len(self.rgb)
        size = max(4, round(height * n))
        mask = line_of_text(text, size, weight)
        while fit and mask.shape[1] > fit * n and size > 4:
            size = max(4, min(size - 1, int(size * fit * n / mask.shape[1])))
            mask = line_of_text(text, size, weight)
        top, left = round(y * n), round(x * n - align * mask.shape[1])
        rows = slice(max(top, 0), min(top + mask.shape[0], n))
        columns = slice(max(left, 0), min(left + mask.shape[1], self.rgb.shape[1]))
        if rows.start < rows.stop and columns.start < columns.stop:
            part = mask[rows.start - top : rows.stop - top, columns.start - left :]
            part = part[:, : columns.stop - columns.start]
            self._blend(rows, columns, part, color)
        return size / n

    def small_print(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        color: ArrayLike,
        rng: np.random.Generator,
        line: float = 0.03,
    ) -> None:
        """Fill a rectangle with lines of words that are too small to read."""
        n = len(self.rgb)
        rows, columns = (slice(*_span(a, a + b, n)) for a, b in ((y, height), (x, width)))
        size = (rows.stop - rows.start, columns.stop - columns.start)
        if min(size) < 2:
            return
        pitch = max(3, round(line * n))
        lines = -(-size[0] // pitch)
        ink = rng.random((lines, size[1])) < 0.75
        ink &= np.repeat(rng.random((lines, size[1] // 5 + 1)) < 0.85, 5, axis=1)[:, : size[1]]
        ink &= np.arange(size[1]) < (size[1] * rng.uniform(0.55, 1.0, lines))[:, None]
        tall = np.arange(pitch) < max(1, round(0.55 * pitch))
        cover = (ink[:, None] & tall[:, None]).reshape(-1, size[1])[: size[0]] * np.float32(0.75)
        self._blend(rows, columns, cover, color)

    def grain(self, rng: np.random.Generator, amount: float) -> None:
        """Add noise, as paper and paint have it."""
        noise = rng.random(self.person.shape, np.float32) - np.float32(0.5)
        self.rgb += (np.float32(3.4 * amount) * noise)[..., None]

    def pixels(self) -> NDArray[np.uint8]:
        """(H, W, 4): the image, and in its alpha the share of drawn persons."""
        return (np.clip(self._layers, 0, 1) * 255 + 0.5).astype(np.uint8)

    def _box(
        self, left: float, top: float, right: float, bottom: float
    ) -> tuple[slice, slice, Float, Float] | None:
        """The px of a box, one more on each side: rows, columns, and the centres x (1, W) and
        y (H, 1); None outside.
        """
        n, wide = self.rgb.shape[:2]
        rows = slice(max(int(top * n) - 1, 0), min(int(bottom * n) + 2, n))
        columns = slice(max(int(left * n) - 1, 0), min(int(right * n) + 2, wide))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return None
        y = ((np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) / n)[:, None]
        x = ((np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5) / n)[None]
        return rows, columns, x, y

    def _blend(
        self, rows: slice, columns: slice, cover: NDArray[np.floating], color: ArrayLike
    ) -> None:
        paint = np.asarray(color, np.float32)
        over = np.empty((*paint.shape[:-1], 4), np.float32)
        over[..., :3], over[..., 3] = paint, self.of_person
        under = self._layers[rows, columns]
        under += cover.astype(np.float32, copy=False)[..., None] * (over - under)


def _span(start: float, end: float, scale: int) -> tuple[int, int]:
    return max(round(start * scale), 0), max(round(end * scale), 0)


def ink_on(color: ArrayLike) -> Float:
    """Black or white: whichever reads on a colour."""
    luminance = float(np.asarray(color, np.float32) @ np.array([0.3, 0.6, 0.1], np.float32))
    return np.array([0.06, 0.06, 0.07] if luminance > 0.55 else [0.97, 0.97, 0.95], np.float32)
