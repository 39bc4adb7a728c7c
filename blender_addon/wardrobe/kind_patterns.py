"""Patterns of cloth, with weights, that several kinds of garment share."""

from __future__ import annotations

EVERY = (
    ("plain", 6),
    ("stripes", 1.5),
    ("checks", 0.7),
    ("dots", 0.4),
    ("print", 1.5),
    ("floral", 0.5),
    ("melange", 1),
)
SHIRT = (("plain", 5), ("stripes", 2), ("checks", 3), ("dots", 0.5), ("floral", 0.5))
KNIT = (("plain", 5), ("stripes", 1.2), ("melange", 2), ("print", 0.7))
DRESS = (("plain", 4), ("stripes", 1), ("dots", 1.2), ("checks", 0.6), ("floral", 2.5))
SUITING = (("plain", 8), ("stripes", 0.5), ("checks", 0.7), ("melange", 1.5))
