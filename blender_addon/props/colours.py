"""Colours of faces, many at a time. Pure numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .primitives import Array


def display(hue: ArrayLike, saturation: ArrayLike, value: ArrayLike) -> Array:
    """Display colours (…, 3) from HSV; the three are broadcast, and the hue goes round."""
    h, s, v = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (hue, saturation, value))
    )
    # Travis' formula: channel n is v - v·s·max(0, min(k, 4 - k, 1)) with k = (n + 6h) mod 6.
    k = (np.array([5.0, 3.0, 1.0]) + 6 * h[..., None]) % 6
    return np.asarray(v[..., None] * (1 - s[..., None] * np.clip(np.minimum(k, 4 - k), 0, 1)))


def linear(hue: ArrayLike, saturation: ArrayLike, value: ArrayLike) -> Array:
    """Linear colours (…, 3) from display HSV; saturation and value are held within 0..1."""
    rgb = display(hue, np.clip(saturation, 0, 1), np.clip(value, 0, 1))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
