"""What replaces a person's pixels.

    solid        one colour
    inpaint      what the surroundings suggest, from the outside only
    synthesise   what a given painter makes of a picture from which the person is gone already
    mosaic, blur averages of the person: look anonymous, and are not

Replacement is hard: under the mask nothing of the original is mixed in. With solid, inpaint and synthesise the output
does not depend on it at all: other pixels under the mask give the same output (non-interference), and a test holds
that.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from pii_seg.anonymize.regions import components

Painter = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]
"""(picture uint8 (H, W, 3) from which the persons are gone, mask bool (H, W), generator) → uint8 (H, W, 3)."""

CELL = 1 / 8  # of a person's size: a mosaic of 8 cells along it
SIGMA = 1 / 8  # likewise, of a blur
LEAST_CELL = 8  # px
GAP = 2  # px beyond the mask that inpaint does not trust: a JPEG's blocks carry a rim of the person outwards
GRAIN_WINDOW = 15  # px beside the mask from which the noise of the picture is taken

STYLES = ("solid", "inpaint", "synthesise", "mosaic", "blur")
# Of 300 persons, how many were told by somebody with another picture of the moment: benchmarks/linkage.py, 2026-11-24.
LINKED = {"mosaic": 0.99, "blur": 0.983}
WARNINGS = {
    style: f"{style} does not anonymise: of 300 persons {share:.0%} were told apart by somebody with another picture "
    "of the moment (solid: 1%, by chance). Use solid; docs/anonymise.md says more"
    for style, share in LINKED.items()
}


@dataclass(frozen=True)
class Look:
    """Details of styles. colour: 0..1 RGB of solid. cell, sigma: of mosaic and blur, as shares of a person's size."""

    colour: tuple[float, float, float] = (0.0, 0.0, 0.0)
    cell: float = CELL
    sigma: float = SIGMA


def redact(
    pixels: np.ndarray,
    mask: np.ndarray,
    style: str = "solid",
    *,
    alpha: np.ndarray | None = None,
    look: Look | None = None,
    paint: Painter | None = None,
    rng: np.random.Generator | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Copies of `pixels` (H, W, C), uint8 or uint16, C 1 or 3, and of `alpha` (H, W), with all under `mask` replaced.

    Under the mask alpha becomes opaque: a hole would show what lies below, and what stood there once. Outside nothing
    changes. `paint` is for synthesise, `rng` for inpaint's grain and for it. Raises ValueError for arrays that do not
    fit together, an unknown style, and a painter's answer that is no picture.
    """
    _check(pixels, mask, alpha, style)
    look, rng = look or Look(), rng or np.random.default_rng(secrets.randbits(64))
    result = pixels.copy()
    if mask.any():
        if style == "solid":
            result[mask] = solid_colour(pixels, look)
        elif style == "inpaint":
            result = inpaint(pixels, mask, rng, look)
        elif style == "synthesise":
            result = synthesise(pixels, mask, rng, look, paint)
        elif style == "mosaic":
            result = mosaic(pixels, mask, look.cell)
        else:
            result = blur(pixels, mask, look.sigma)
    if alpha is not None:
        alpha = np.where(mask, np.iinfo(alpha.dtype).max, alpha)
    return result, alpha


def solid_colour(pixels: np.ndarray, look: Look) -> np.ndarray:
    """The colour in the picture's own channels and depth, (C,)."""
    colour = np.array(look.colour) * np.iinfo(pixels.dtype).max
    if pixels.shape[2] == 1:
        colour = colour @ (0.2126, 0.7152, 0.0722)
    return np.rint(np.atleast_1d(colour)).astype(pixels.dtype)


def inpaint(
    pixels: np.ndarray, mask: np.ndarray, rng: np.random.Generator, look: Look
) -> np.ndarray:
    """Push-pull (Gortler et al., "The Lumigraph", 1996, §3.4.2): holes are filled from ever coarser averages of what
    is known.

    A smooth fill, given the grain of what surrounds it. Where nothing is known, the solid colour stands.
    """
    unknown = cv2.dilate(mask.astype(np.uint8), np.ones((2 * GAP + 1,) * 2, np.uint8)).astype(bool)
    result = pixels.copy()
    if unknown.all():
        unknown = mask
    if unknown.all():
        result[mask] = solid_colour(pixels, look)
        return result
    filled = _push_pull(pixels.astype(np.float32), ~unknown)
    grain = _grain(pixels, mask, unknown)
    drawn = filled[mask] + rng.normal(0, 1, (int(mask.sum()), 1)) * grain
    result[mask] = np.clip(np.rint(drawn), 0, np.iinfo(pixels.dtype).max).astype(pixels.dtype)
    return result


def _push_pull(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """float32 (H, W, C) with the unknown pixels filled in."""
    height, width = known.shape
    weight = known.astype(np.float32)
    if (min(height, width) == 1 and max(height, width) == 1) or known.all():
        return values
    smaller = (math.ceil(width / 2), math.ceil(height / 2))
    coarse_weight = cv2.resize(weight, smaller, interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(values * weight[..., None], smaller, interpolation=cv2.INTER_AREA)
    coarse = coarse.reshape(smaller[1], smaller[0], -1) / np.maximum(coarse_weight, 1e-6)[..., None]
    coarse = _push_pull(coarse, coarse_weight > 0)
    fine = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).reshape(values.shape)
    return np.where(known[..., None], values, fine)


def _grain(pixels: np.ndarray, mask: np.ndarray, unknown: np.ndarray) -> float:
    """Standard deviation of the picture's noise beside the mask: half of what neighbours differ by, robustly."""
    near = (
        cv2.dilate(mask.astype(np.uint8), np.ones((GRAIN_WINDOW,) * 2, np.uint8)).astype(bool)
        & ~unknown
    )
    both = near[:, 1:] & near[:, :-1]
    if not both.any():
        return 0.0
    grey = pixels.astype(np.float32).mean(axis=2)
    difference = np.abs(grey[:, 1:] - grey[:, :-1])[both]
    return float(np.median(difference)) / (0.6745 * math.sqrt(2))


def synthesise(
    pixels: np.ndarray,
    mask: np.ndarray,
    rng: np.random.Generator,
    look: Look,
    paint: Painter | None,
) -> np.ndarray:
    """What `paint` makes of the picture without the persons: they are gone before it begins."""
    if paint is None:
        raise ValueError("synthesise needs a painter")
    if pixels.dtype != np.uint8 or pixels.shape[2] != 3:
        raise ValueError(
            "synthesise works on 8-bit colour pictures only; choose another style for this one"
        )
    emptied = inpaint(pixels, mask, rng, look)
    painted = np.asarray(paint(emptied, mask, rng))
    if painted.shape != pixels.shape or painted.dtype != np.uint8:
        raise ValueError(
            f"the painter answered {painted.dtype} {painted.shape}, due was uint8 {pixels.shape}"
        )
    return np.where(mask[..., None], painted, pixels)


def mosaic(pixels: np.ndarray, mask: np.ndarray, cell: float) -> np.ndarray:
    """Each cell the mean of what it holds of the person, none of it a pixel that was there."""
    result = pixels.copy()
    for rows, columns, inside in components(mask):
        side = max(LEAST_CELL, round(cell * max(inside.shape)))
        y, x = np.nonzero(inside)
        across = -(-inside.shape[1] // side)
        cells = (y // side) * across + x // side
        count = np.maximum(np.bincount(cells), 1)
        values = result[rows, columns]
        for channel in range(pixels.shape[2]):
            mean = np.bincount(cells, weights=values[y, x, channel]) / count
            values[y, x, channel] = np.rint(mean[cells]).astype(pixels.dtype)
    return result


def blur(pixels: np.ndarray, mask: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian by each person's own size."""
    result = pixels.copy()
    for rows, columns, inside in components(mask):
        width = max(LEAST_CELL / 2, sigma * max(inside.shape))
        values = pixels[rows, columns]
        blurred = cv2.GaussianBlur(values, (0, 0), width, borderType=cv2.BORDER_REPLICATE).reshape(
            values.shape
        )
        result[rows, columns][inside] = blurred[inside]
    return result


def _check(pixels: np.ndarray, mask: np.ndarray, alpha: np.ndarray | None, style: str) -> None:
    if (
        pixels.dtype not in (np.uint8, np.uint16)
        or pixels.ndim != 3
        or pixels.shape[2] not in (1, 3)
    ):
        raise ValueError(
            f"pixels must be uint8 or uint16 (H, W, 1 or 3), not {pixels.dtype} {pixels.shape}"
        )
    if mask.dtype != bool or mask.shape != pixels.shape[:2]:
        raise ValueError(f"the mask must be bool {pixels.shape[:2]}, not {mask.dtype} {mask.shape}")
    if alpha is not None and (alpha.shape != mask.shape or alpha.dtype != pixels.dtype):
        raise ValueError(
            f"alpha must be {pixels.dtype} {mask.shape}, not {alpha.dtype} {alpha.shape}"
        )
    if style not in STYLES:
        raise ValueError(f"style {style!r} is not one of {', '.join(STYLES)}")
