"""Body-part labels of an image whose lens bends a finer render. Pure numpy.

A pixel of the image is the mean of some dozens of spots. At nearly all pixels of a person all of
them show one part alone, and its label needs no mean of 24 shares.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .lens_warp import LensWarp
from .part_labels import PART_COUNT, decode

_SEVERAL = 255  # in place of a label: shares of several parts


def decode_warped(
    layers: Sequence[NDArray[np.float32]], mask: NDArray[np.integer], warp: LensWarp
) -> NDArray[np.uint8]:
    """Decode part labels; the result is that of `part_labels.decode` of the warped shares.

    Args:
        layers: (view height, view width, ≥ 3) each: the shares of part 1, 2 and 3, of 4, 5, 6, ….
        mask: (H, W) instance mask of the image.
        warp: The lens.

    Returns:
        (H, W) uint8: 1..24 on persons; 0 elsewhere, and where a person shows no part.
    """
    there = mask > 0
    persons = np.flatnonzero(there)
    spots = [spot[persons] for spot in warp.spots]
    shares, spots = _seen_shares(layers, spots)
    alone = _parts_alone(shares)
    highest = np.zeros(len(persons), np.uint8)
    lowest = np.full(len(persons), _SEVERAL, np.uint8)
    some = np.where(alone > 0, alone, np.uint8(_SEVERAL))
    for spot in spots:
        np.maximum(highest, alone[spot], out=highest)
        np.minimum(lowest, some[spot], out=lowest)
    label = highest
    rest = np.flatnonzero((highest > 0) & ((highest == _SEVERAL) | (highest != lowest)))
    total = np.zeros((len(rest), PART_COUNT), np.float32)
    for spot in spots:
        total += shares[spot[rest]]
    total /= np.float32(len(spots))
    label[rest] = decode(total, np.ones(len(rest), np.uint8))
    result = np.zeros(mask.shape, np.uint8)
    result[there] = label
    return result


def _seen_shares(
    layers: Sequence[NDArray[np.float32]], spots: Sequence[NDArray[np.int32]]
) -> tuple[NDArray[np.float32], list[NDArray[np.int32]]]:
    """(N, 24) shares of the view's pixels that spots show, and the spots as rows of these."""
    flat = [layer.reshape(-1, layer.shape[-1]) for layer in layers]
    size = len(flat[0])
    seen = np.zeros(size + 1, dtype=bool)  # the last: a spot outside of what the lens shows
    for spot in spots:
        seen[spot] = True
    pixels = np.flatnonzero(seen)
    row = np.zeros(size + 1, np.int32)
    row[pixels] = np.arange(len(pixels), dtype=np.int32)
    shares = np.zeros((len(pixels), PART_COUNT), np.float32)
    inside = pixels[pixels < size]
    for i, layer in enumerate(flat):
        shares[: len(inside), 3 * i : 3 * i + 3] = layer[inside, :3]
    return shares, [row[spot] for spot in spots]


def _parts_alone(shares: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(N,) the one part that has a share; 0 where none has, _SEVERAL where more have."""
    count = np.count_nonzero(shares, axis=1)
    one = (count == 1) & (shares.max(axis=1, initial=0.0) > 0.0)
    label = np.full(len(shares), _SEVERAL, np.uint8)
    label[count == 0] = 0
    label[one] = shares[one].argmax(axis=1) + 1
    return label
