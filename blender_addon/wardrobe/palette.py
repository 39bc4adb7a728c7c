"""Colours of skin, hair, cloth and leather, with how often they are seen. Linear Rec. 709, 0..1."""

from __future__ import annotations

import numpy as np

Color = tuple[float, float, float]


def linear(hex_code: str) -> Color:
    """Convert '#rrggbb' in sRGB to linear. Raises ValueError for anything else."""
    if len(hex_code) != 7 or hex_code[0] != "#":
        raise ValueError(f"expected a colour '#rrggbb', got {hex_code!r}")
    srgb = [int(hex_code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in srgb)
    return r, g, b


# The Monk Skin Tone scale (E. Monk, 2019; skintone.google, CC BY 4.0), 1 to 10.
MONK = tuple(
    linear(code)
    for code in (
        *("#f6ede4", "#f3e7db", "#f7ead0", "#eadaba", "#d7bd96"),
        *("#a07e56", "#825c43", "#604134", "#3a312a", "#292420"),
    )
)


def reflectance(tone: Color) -> Color:
    """The albedo of skin that shows as `tone` on a screen.

    The scale's lightest patches are near white paper and nearly grey, while the lightest skin
    reflects two thirds of red light and less of blue; its darkest are near black, while the darkest
    skin reflects some 5 %.
    """
    light = max(tone)
    base = np.asarray(tone) ** (1 + 0.5 * light) / (1 + 0.45 * light)
    r, g, b = base + np.array([0.034, 0.018, 0.010]) * (1 - light)
    return float(r), float(g), float(b)


HAIR = {
    "black": linear("#14110f"),
    "dark brown": linear("#2b1d14"),
    "brown": linear("#4a3222"),
    "light brown": linear("#6f4e33"),
    "blond": linear("#a5834f"),
    "light blond": linear("#cdb283"),
    "red": linear("#7a3a1c"),
    "grey": linear("#8b8782"),
    "white": linear("#d6d3cd"),
    "dyed": linear("#7d2a4a"),
}

EYES = tuple(
    linear(code) for code in ("#2e1a0e", "#4a2f1a", "#6b5a34", "#5a6b4a", "#5d7383", "#7b8d99")
)

# Cloth: (colour, weight). Streets are dark, grey, denim and white; a few people are not.
CLOTH = (
    ("#101114", 16),
    ("#1b1d23", 8),
    ("#2c2e33", 8),
    ("#4c4f54", 6),
    ("#85878a", 6),
    ("#b9bbbd", 4),
    ("#f0efec", 12),
    ("#e7e0d0", 5),
    ("#16203a", 9),
    ("#24416e", 5),
    ("#6d8fb5", 4),
    ("#a9c3dc", 3),
    ("#5b4a39", 3),
    ("#8a7353", 3),
    ("#b79d77", 3),
    ("#4a4f2f", 3),
    ("#2f4a34", 2),
    ("#6e1f26", 3),
    ("#b3262e", 3),
    ("#d9722b", 1.2),
    ("#e3b62f", 1.5),
    ("#3f8a4d", 1.0),
    ("#2a8fa3", 1.0),
    ("#2d5fd0", 1.2),
    ("#6a3d86", 1.0),
    ("#d98aa5", 1.8),
    ("#e8c3c8", 1.5),
    ("#c8e03a", 0.5),  # safety yellow
    ("#ff6a1f", 0.4),  # safety orange
)

DENIM = ("#1d2a42", "#2c405f", "#45618a", "#7590b0", "#9fb3c8", "#17181c", "#3c3f44")
TROUSERS = (
    "#121316",
    "#1c1e24",
    "#2b2d31",
    "#54565a",
    "#1b2438",
    "#6b5c45",
    "#94825f",
    "#b6a682",
    "#40432f",
    "#8f9093",
    "#e6e2d8",
)
LEATHER = ("#0f0f10", "#1a1614", "#3a2417", "#5d3a22", "#7d5835", "#222326", "#3b3b3d")
SNEAKER = (
    "#ececea",
    "#141416",
    "#303236",
    "#8d9094",
    "#1f2f55",
    "#b02a2e",
    "#2f6b8f",
    "#d8d2c4",
    "#4d7a52",
)
HOSIERY = ("#0d0d0f", "#17171b", "#3a3a3e", "#c79f80", "#7a553f", "#222a44")
SOCKS = ("#f0f0ee", "#121214", "#55585c", "#1d2740", "#8b8d90", "#a8322f", "#d7c9a8")


def pick(rng: np.random.Generator, codes: tuple[str, ...], spread: float = 0.12) -> Color:
    """One of `codes`, somewhat lighter or darker."""
    return vary(rng, linear(codes[rng.integers(len(codes))]), spread)


def cloth(rng: np.random.Generator) -> Color:
    """A colour of cloth, by CLOTH's weights, somewhat lighter or darker."""
    weights = np.array([weight for _, weight in CLOTH])
    code = CLOTH[rng.choice(len(CLOTH), p=weights / weights.sum())][0]
    return vary(rng, linear(code), 0.2)


def vary(rng: np.random.Generator, color: Color, spread: float) -> Color:
    """`color` with its lightness multiplied by exp(N(0, spread)), its channels by a quarter of
    that; 0.003..0.9.
    """
    factor = np.exp(rng.normal(0, spread) + rng.normal(0, spread / 4, 3))
    r, g, b = np.clip(np.asarray(color) * factor, 0.003, 0.9)
    return float(r), float(g), float(b)


def blend(a: Color, b: Color, t: float) -> Color:
    """`a` at t = 0, `b` at t = 1."""
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t
