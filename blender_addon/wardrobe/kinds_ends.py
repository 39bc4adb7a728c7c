"""Kinds of garment for feet and head, see `garments`."""

from __future__ import annotations

from . import palette
from .garment_kind import NEVER, Kind
from .kind_patterns import KNIT

SHOES_AND_HATS: dict[str, Kind] = {
    "tights": Kind(
        "socks",
        lambda w: (0.2 + 0.6 * w.cold) * w.skirted,
        hem=(-NEVER, -NEVER),
        folds=0.0,
        waist=(0.2, 0.2),
        thickness=0.0008,
        roughness=(0.5, 0.7),
        colors=palette.HOSIERY,
    ),
    "socks": Kind(
        "socks",
        lambda w: 0.2 if w.skirted else 0.85,
        hem=(-NEVER, -NEVER),
        folds=0.0,
        waist=(-1.9, -1.55),
        thickness=0.002,
        colors=palette.SOCKS,
    ),
    "sneakers": Kind(
        "shoes",
        lambda w: 5.0,
        hem=(0.065, 0.085),
        thickness=0.006,
        roughness=(0.5, 0.85),
        colors=palette.SNEAKER,
        childish=True,
        sole=(0.75, 0.74, 0.71),
    ),
    "shoes": Kind(
        "shoes",
        lambda w: 2.5 if w.age > 12 else 1.0,
        hem=(0.062, 0.08),
        thickness=0.004,
        roughness=(0.3, 0.7),
        colors=palette.LEATHER,
        sole=(0.02, 0.018, 0.016),
    ),
    "boots": Kind(
        "shoes",
        lambda w: 0.3 + 1.5 * w.cold,
        hem=(0.14, 0.3),
        thickness=0.008,
        roughness=(0.3, 0.75),
        colors=palette.LEATHER,
        sole=(0.03, 0.022, 0.016),
    ),
    "beanie": Kind(
        "hat",
        lambda w: 2.0 * w.cold,
        hem=(-0.1, 0.05),
        thickness=0.008,
        slack=0.012,
        patterns=KNIT,
        roughness=(0.9, 1.0),
    ),
    "cap": Kind(
        "hat",
        lambda w: 0.9 + 0.5 * w.warm,
        hem=(0.0, 0.08),
        thickness=0.006,
        slack=0.008,
        brim=True,
    ),
}
