"""Clean the numbers of a panorama: one infinite pixel would make the whole image black. Numpy only.

Cycles divides by the light of the whole panorama, and so does the stage. Files of half floats write
a sun that is too bright for them as infinity.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BRIGHTEST = 1e10  # the sun's disc has 1.6e9 cd/m²; most panoramas are in far smaller units

LEFTOVER = 0.01  # of the brightest: resampling leaves negative pixels, in Blender's own files too


def clean(pixels: NDArray[np.float32]) -> tuple[NDArray[np.float32], str]:
    """Replace what is no light.

    Infinite pixels and those above BRIGHTEST become as bright as the brightest other one; NaN and
    negative ones, beyond LEFTOVER, become 0.

    Args:
        pixels: (H, W, C ≥ 3) float32; more than three channels are kept as they are.

    Returns:
        (the pixels, what was done in words or ""). The same array where nothing was done.
    """
    light = pixels[..., :3]
    low, high = light.min(initial=0.0), light.max(initial=0.0)
    if low >= -LEFTOVER * high and high <= BRIGHTEST:  # false for NaN
        return pixels, ""
    brightest = float(light[light <= BRIGHTEST].max(initial=0.0))
    masks = {
        "not a number": np.isnan(light),
        "negative": light < -LEFTOVER * brightest,
        "infinite": np.isposinf(light),
        "too bright": np.isfinite(light) & (light > BRIGHTEST),
    }
    wrong = np.logical_or.reduce(list(masks.values()))
    result = pixels.copy()
    mended = result[..., :3]
    mended[wrong] = 0.0
    mended[masks["infinite"] | masks["too bright"]] = brightest
    counts = {name: int(mask.any(axis=-1).sum()) for name, mask in masks.items()}
    words = [f"{count} {name}" for name, count in counts.items() if count]
    return result, f"pixels set to 0 or to {brightest:.4g}, the brightest: {', '.join(words)}"
