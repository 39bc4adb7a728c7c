"""Engines, which compute logits from weights and settings, and calibrations bound to them.

An engine is plain data: {"backend": …, "precision": …, "preprocessing": {…}}. A calibration that
states its engine, and every promise, holds for that engine alone: at the low thresholds of a high
recall, small differences of logits decide on pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pii_seg.errors import CalibrationError

ENGINE = "engine"  # key in a checkpoint's `calibration`
PROMISE = "promise"  # key there that promises were stored under before engines were
BEFORE = {"backend": "torch"}
"""Engine of promises that state none: torch was the only back end."""


def engine_of(backend: str, precision: str, preprocessing: Mapping[str, Any]) -> dict[str, Any]:
    """Describe an engine."""
    return {"backend": backend, "precision": precision, "preprocessing": dict(preprocessing)}


def bound_engine(calibration: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the engine that a calibration holds for, or as much of it as is known.

    Args:
        calibration: That of a checkpoint, which may come from anywhere.

    Returns:
        The engine; None if there is no calibration, or one that promises nothing.
    """
    engine = calibration.get(ENGINE)
    if isinstance(engine, Mapping) and engine:
        return engine
    return BEFORE if PROMISE in calibration else None


def require_engine(calibration: Mapping[str, Any], engine: Mapping[str, Any], name: str) -> None:
    """Refuse an engine that a calibration does not hold for.

    Args:
        calibration: That of a checkpoint or export.
        engine: The engine that would be used.
        name: The checkpoint, for the message.

    Raises:
        CalibrationError: They differ; the message says in what, and what to do.
    """
    bound = bound_engine(calibration)
    if bound is None:
        return
    for key in ("backend", "precision", "preprocessing"):
        if key in bound and bound[key] != engine.get(key):
            raise CalibrationError(
                f"{name}: was calibrated with {key} {bound[key]}, and holds for no other; got "
                f"{engine.get(key)}. Use --backend {bound.get('backend', 'auto')}, or calibrate "
                "again with this one: python -m pii_seg.calibrate"
            )
