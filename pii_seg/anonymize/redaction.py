"""Replace the pixels of persons. STYLES is the one list of styles.

Replacement is hard: under the mask nothing of the original is mixed in. With solid, inpaint and
synthesise the output does not depend on the original pixels under the mask at all
(non-interference); tests hold that. Mosaic and blur are averages of the person, which look
anonymous and are not.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from pii_seg.errors import MediaError
from pii_seg.inference.dilation import components

Painter = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]
"""(image uint8 (H, W, 3) from which the persons are gone, mask bool (H, W), generator)
-> uint8 (H, W, 3) with other persons."""

LEAST_CELL = 8  # px
GAP = 2  # px beside the mask that inpaint does not use: JPEG blocks carry the person outwards
GRAIN_WINDOW = 15  # px beside the mask where the noise of the image is measured


@dataclass(frozen=True)
class StyleOptions:
    """Parameters of the styles.

    Attributes:
        colour: RGB of solid, 0..1.
        cell: Side of a mosaic cell, as a fraction of the person's size.
        sigma: Standard deviation of blur, as a fraction of the person's size.
    """

    colour: tuple[float, float, float] = (0.0, 0.0, 0.0)
    cell: float = 1 / 8
    sigma: float = 1 / 8


@dataclass(frozen=True)
class Context:
    """Everything that a style may use besides the pixels and the mask."""

    options: StyleOptions
    rng: np.random.Generator
    paint: Painter | None


@dataclass(frozen=True)
class Style:
    """A row of STYLES.

    Attributes:
        apply: (pixels, mask, context) -> new pixels; `mask` has at least one pixel.
        help: What the style does, a sentence for the user.
        reidentified: Fraction of 300 persons that an attacker with a second photo of the same
            moment recognised, where that is more than chance (benchmarks/linkage.py, 2026-11-24).
        needs_painter: Whether `Context.paint` must be given.
        draws: Whether the result depends on `Context.rng`.
    """

    apply: Callable[[np.ndarray, np.ndarray, Context], np.ndarray]
    help: str
    reidentified: float | None = None
    needs_painter: bool = False
    draws: bool = False


def redact(
    pixels: np.ndarray,
    mask: np.ndarray,
    style: str = "solid",
    *,
    alpha: np.ndarray | None = None,
    options: StyleOptions | None = None,
    paint: Painter | None = None,
    rng: np.random.Generator | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Replace everything under a mask.

    Args:
        pixels: uint8 or uint16 (H, W, C), C = 1 or 3; not changed.
        mask: bool (H, W).
        style: A key of STYLES.
        alpha: (H, W) of the dtype of `pixels`.
        options: Parameters of the styles.
        paint: Painter of the styles that need one (synthesise).
        rng: Random numbers for inpaint and synthesise; a fresh seed by default.

    Returns:
        New pixels and alpha. Outside the mask nothing changes. Under it alpha becomes opaque: a
        hole would show what lies below it, and that something was there.

    Raises:
        ValueError: The arrays do not fit together, the style is unknown or its painter missing, or
            the painter returned no image of the same shape.
    """
    _check(pixels, mask, alpha, style)
    result = pixels
    if mask.any():
        rng = rng or np.random.default_rng(secrets.randbits(64))
        context = Context(options or StyleOptions(), rng, paint)
        result = STYLES[style].apply(pixels, mask, context)
    result = result if result is not pixels else pixels.copy()
    if alpha is not None:
        alpha = np.where(mask, np.iinfo(alpha.dtype).max, alpha)
    return result, alpha


def warning_of(style: str) -> str | None:
    """Return what the user should know before using `style`, if it does not anonymise."""
    share = STYLES[style].reidentified
    if share is None:
        return None
    return (
        f"{style} does not anonymise: an attacker with a second photo of the same moment "
        f"re-identified {share:.0%} of 300 people (solid: 1%, which is chance). Use solid, or read "
        "docs/anonymise.md first"
    )


def fill_solid(pixels: np.ndarray, mask: np.ndarray, context: Context) -> np.ndarray:
    """Fill with one colour."""
    result = pixels.copy(order="C")
    # Several times faster than a boolean index: numpy looks at each pixel once.
    result.reshape(-1, pixels.shape[2])[np.flatnonzero(mask)] = solid_colour(
        pixels, context.options
    )
    return result


def solid_colour(pixels: np.ndarray, options: StyleOptions) -> np.ndarray:
    """Convert the solid colour to the channels and depth of `pixels`, (C,)."""
    colour = np.array(options.colour) * np.iinfo(pixels.dtype).max
    if pixels.shape[2] == 1:
        colour = colour @ (0.2126, 0.7152, 0.0722)
    return np.rint(np.atleast_1d(colour)).astype(pixels.dtype)


def inpaint(pixels: np.ndarray, mask: np.ndarray, context: Context) -> np.ndarray:
    """Fill smoothly from the surroundings, and add their noise.

    Push-pull (Gortler et al., "The Lumigraph", 1996, §3.4.2): holes are filled from ever coarser
    averages of the known pixels. If nothing is known, the solid colour is used.
    """
    unknown = cv2.dilate(mask.astype(np.uint8), np.ones((2 * GAP + 1,) * 2, np.uint8)).astype(bool)
    if unknown.all():
        unknown = mask
    if unknown.all():
        return fill_solid(pixels, mask, context)
    result = pixels.copy()
    filled = _push_pull(pixels.astype(np.float32), ~unknown)
    grain = _grain(pixels, mask, unknown)
    noisy = filled[mask] + context.rng.normal(0, 1, (int(mask.sum()), 1)) * grain
    result[mask] = np.clip(np.rint(noisy), 0, np.iinfo(pixels.dtype).max).astype(pixels.dtype)
    return result


def _push_pull(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fill the unknown pixels of float32 (H, W, C)."""
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
    """Estimate the standard deviation of the noise beside the mask.

    The median absolute difference of neighbours, as of a normal distribution (0.6745 σ), and of two
    independent pixels (√2).
    """
    window = np.ones((GRAIN_WINDOW,) * 2, np.uint8)
    near = cv2.dilate(mask.astype(np.uint8), window).astype(bool) & ~unknown
    both = near[:, 1:] & near[:, :-1]
    if not both.any():
        return 0.0
    grey = pixels.astype(np.float32).mean(axis=2)
    difference = np.abs(grey[:, 1:] - grey[:, :-1])[both]
    return float(np.median(difference)) / (0.6745 * math.sqrt(2))


def synthesise(pixels: np.ndarray, mask: np.ndarray, context: Context) -> np.ndarray:
    """Let the painter draw other persons into the inpainted image."""
    if context.paint is None:
        raise ValueError("synthesise needs a painter")
    if pixels.dtype != np.uint8 or pixels.shape[2] != 3:
        raise MediaError(
            "is no 8-bit colour image, which style synthesise needs; use another style"
        )
    emptied = inpaint(pixels, mask, context)
    painted = np.asarray(context.paint(emptied, mask, context.rng))
    if painted.shape != pixels.shape or painted.dtype != np.uint8:
        raise ValueError(
            f"expected uint8 {pixels.shape} from the painter, got {painted.dtype} {painted.shape}"
        )
    return np.where(mask[..., None], painted, pixels)


def mosaic(pixels: np.ndarray, mask: np.ndarray, context: Context) -> np.ndarray:
    """Fill each cell with the mean of the person's pixels in it."""
    result = pixels.copy()
    for rows, columns, inside in components(mask):
        side = max(LEAST_CELL, round(context.options.cell * max(inside.shape)))
        y, x = np.nonzero(inside)
        across = -(-inside.shape[1] // side)
        cells = (y // side) * across + x // side
        count = np.maximum(np.bincount(cells), 1)
        values = result[rows, columns]
        for channel in range(pixels.shape[2]):
            mean = np.bincount(cells, weights=values[y, x, channel]) / count
            values[y, x, channel] = np.rint(mean[cells]).astype(pixels.dtype)
    return result


def blur(pixels: np.ndarray, mask: np.ndarray, context: Context) -> np.ndarray:
    """Blur each person with a Gaussian in proportion to their size."""
    result = pixels.copy()
    for rows, columns, inside in components(mask):
        width = max(LEAST_CELL / 2, context.options.sigma * max(inside.shape))
        values = pixels[rows, columns]
        blurred = cv2.GaussianBlur(values, (0, 0), width, borderType=cv2.BORDER_REPLICATE)
        result[rows, columns][inside] = blurred.reshape(values.shape)[inside]
    return result


STYLES = {
    "solid": Style(fill_solid, "fills each person with one colour"),
    "inpaint": Style(inpaint, "continues the surroundings", draws=True),
    "synthesise": Style(
        synthesise, "paints another person with a diffusion model", needs_painter=True, draws=True
    ),
    "mosaic": Style(mosaic, "averages the person in cells, and does not anonymise", 0.99),
    "blur": Style(blur, "smooths the person, and does not anonymise", 0.983),
}
"""Name -> style. A new style is one row here and one in the table of docs/anonymise.md."""


def _check(pixels: np.ndarray, mask: np.ndarray, alpha: np.ndarray | None, style: str) -> None:
    if (
        pixels.dtype not in (np.uint8, np.uint16)
        or pixels.ndim != 3
        or pixels.shape[2] not in (1, 3)
    ):
        raise ValueError(
            "expected pixels of shape (H, W, 1 or 3), uint8 or uint16, "
            f"got {pixels.dtype} {pixels.shape}"
        )
    if mask.dtype != bool or mask.shape != pixels.shape[:2]:
        raise ValueError(
            f"expected a mask of shape {pixels.shape[:2]}, bool, got {mask.dtype} {mask.shape}"
        )
    if alpha is not None and (alpha.shape != mask.shape or alpha.dtype != pixels.dtype):
        raise ValueError(
            f"expected alpha of shape {mask.shape}, {pixels.dtype}, got {alpha.dtype} {alpha.shape}"
        )
    if style not in STYLES:
        raise ValueError(f"style {style!r} is unknown; choose one of {', '.join(STYLES)}")
