"""Collars, ribs and hoods: bands of cloth around the neck."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .sweeps import Row, neck, sweep
from .trims import Sewing, Trim

Array = np.ndarray


def band(sewing: Sewing, rows: Sequence[Row], gap: float = 0.0) -> list[Trim]:
    """Sweep a profile around the neck, open in front by a gap (rad to each side)."""
    return sweep(sewing, neck(sewing), rows, gap)


def _behind(angle: Array) -> Array:
    """0 in front .. 1 behind."""
    return 0.5 - 0.5 * np.cos(angle)


def crew(sewing: Sewing) -> list[Trim]:
    """The ribbed band of a T-shirt's or a sweater's neckline."""
    rows = ((0.013, 0.0), (0.0125, 0.0025), (0.009, 0.005), (-0.003, 0.005), (-0.006, 0.003))
    return band(sewing, (*rows, (-0.006, -0.001)))


def turtle(sewing: Sewing) -> list[Trim]:
    """A turtleneck, folded over."""
    rows = ((0.012, 0.001), (0.008, 0.010), (-0.014, 0.013), (-0.034, 0.013))
    return band(sewing, (*rows, (-0.038, 0.009), (-0.036, 0.004), (-0.02, 0.002)))


def shirt(sewing: Sewing, size: float = 1.0) -> list[Trim]:
    """A shirt's collar: a stand, and a fall with points in front."""

    def low(angle: Array) -> Array:
        front = np.clip(np.cos(angle), 0.0, 1.0)
        return size * (0.020 + 0.030 * front**3)

    def high(angle: Array) -> Array:
        return -size * (0.022 + 0.010 * _behind(angle))

    def less_high(angle: Array) -> Array:
        return 0.5 * high(angle)

    rows = (
        (-0.001, 0.001),
        (less_high, 0.004),
        (high, 0.006),
        (lambda a: high(a) - 0.002, 0.010),
        (lambda a: 0.6 * high(a), 0.016),
        (lambda a: 0.55 * low(a), 0.014),
        (low, 0.008),
        (low, -0.001),
    )
    return band(sewing, rows, gap_of(sewing))


def polo(sewing: Sewing) -> list[Trim]:
    """A polo shirt's collar: lower and softer."""
    return shirt(sewing, 0.85)


def stand(sewing: Sewing) -> list[Trim]:
    """A collar that stands, as of a down jacket."""
    rows = ((0.008, 0.0), (0.006, 0.010), (-0.018, 0.014), (-0.038, 0.013))
    return band(sewing, (*rows, (-0.041, 0.008), (-0.037, 0.002), (-0.01, 0.0)), gap_of(sewing))


def turned_down(sewing: Sewing) -> list[Trim]:
    """The part of a jacket's collar that lies around the back of the neck, between the lapels."""
    rows = (
        (0.0, 0.0),
        (-0.012, 0.008),
        (-0.02, 0.014),
        (-0.012, 0.022),
        (0.018, 0.020),
        (0.034, 0.010),
        (0.034, 0.0),
    )
    return band(sewing, rows, max(gap_of(sewing), 0.7))


def hood(sewing: Sewing) -> list[Trim]:
    """A hood that lies on the back."""

    def point(angle: Array) -> Array:
        turn = (angle + 2 * np.pi) % (2 * np.pi) - np.pi
        return 0.045 * np.exp(-((turn / 0.4) ** 2))

    def row(ahead: tuple[float, float], behind: tuple[float, float], drop: float = 0.0) -> Row:
        return (
            lambda a: ahead[0] + (behind[0] - ahead[0]) * _behind(a) ** 1.5 + drop * point(a),
            lambda a: ahead[1] + (behind[1] - ahead[1]) * _behind(a) ** 1.5,
        )

    return band(
        sewing,
        (
            row((-0.004, 0.002), (-0.004, 0.002)),
            row((-0.016, 0.007), (-0.036, 0.022)),
            row((-0.018, 0.016), (-0.040, 0.042)),
            row((-0.004, 0.022), (-0.005, 0.062), 0.2),
            row((0.016, 0.020), (0.060, 0.062), 0.6),
            row((0.030, 0.012), (0.105, 0.046), 1.0),
            row((0.034, 0.002), (0.118, 0.016), 1.2),
            row((0.034, -0.002), (0.118, -0.002), 1.2),
        ),
    )


def gap_of(sewing: Sewing) -> float:
    """rad from the middle of the front to the front edge, at the neckline."""
    garment = sewing.garment
    half = max(garment.opening, 0.004, min((garment.depth + 0.02) * garment.slope, 0.06))
    return float(np.arcsin(np.clip(half / 0.075, 0.05, 0.95)))
