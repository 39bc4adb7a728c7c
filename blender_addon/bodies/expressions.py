"""Faces: what mouth, lids, brows and eyes do, and how each family of bodies shows it.

A face is a share of each movement in FACES: 0 none, 1 as far as people go in everyday life; some
go both ways. The default body has a direction for each of them. SMPL-X has a jaw, two eyes, and
expression directions without a meaning of their own, which are drawn at random.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .model import BodyModel

FACES = (
    *("mouth_open", "smile", "teeth", "pucker", "blink_left", "blink_right"),
    *("eyes_wide", "brows_up", "brows_down", "look_left", "look_up"),
)
Face = dict[str, float]

# Kind of face -> (how often, the range of each movement). "talk" is a moment of speech.
_KINDS: dict[str, tuple[float, dict[str, tuple[float, float]]]] = {
    "calm": (30, {"smile": (-0.1, 0.2), "brows_down": (-0.1, 0.2)}),
    "smile": (22, {"smile": (0.3, 0.9), "brows_up": (0.0, 0.25)}),
    "grin": (18, {"smile": (0.6, 1.0), "teeth": (0.5, 1.0), "mouth_open": (0.0, 0.15)}),
    "laugh": (5, {"smile": (0.8, 1.1), "teeth": (0.6, 1.0), "mouth_open": (0.3, 0.7)}),
    "talk": (13, {"mouth_open": (0.1, 0.6), "pucker": (0.0, 0.6), "teeth": (0.0, 0.5)}),
    "frown": (8, {"brows_down": (0.4, 1.0), "smile": (-0.35, 0.0), "pucker": (0.0, 0.2)}),
    "surprise": (2, {"brows_up": (0.6, 1.0), "eyes_wide": (0.5, 1.0), "mouth_open": (0.2, 0.8)}),
    "squint": (2, {"brows_down": (0.3, 0.8), "smile": (0.1, 0.5)}),
}
_JAW = 0.32  # rad that SMPL-X's jaw opens at 1
_LOOK = np.radians(20.0)  # rad that eyes turn at 1
_DRAWN = 10  # expression directions of SMPL-X that are drawn
_SPREAD = 0.7  # their standard deviation: faces of people who are photographed are mostly calm


def sample_face(rng: np.random.Generator, kind: str = "") -> Face:
    """Draw a face: a kind of expression, lids, and where the eyes look.

    Args:
        rng: Generator of the face.
        kind: One of "calm", "smile", "grin", "laugh", "talk", "frown", "surprise", "squint"; empty
            to draw one.
    """
    weights = np.array([weight for weight, _ in _KINDS.values()])
    drawn = list(_KINDS)[int(rng.choice(len(_KINDS), p=weights / weights.sum()))]
    face = dict.fromkeys(FACES, 0.0)
    for name, (low, high) in _KINDS[kind or drawn][1].items():
        face[name] = float(rng.uniform(low, high))
    lids = float(rng.beta(1.2, 8.0))
    blink, droop = rng.random(), float(rng.uniform(0.35, 0.7))
    lids = 1.0 if blink < 0.05 else droop if blink < 0.12 else lids
    lids = max(lids, 0.4 if (kind or drawn) == "squint" else 0.0)
    face["blink_left"] = lids
    face["blink_right"] = float(np.clip(lids + rng.normal(0.0, 0.03) * (lids < 1), 0.0, 1.0))
    face["look_left"] = float(np.clip(rng.normal(0.0, 0.45), -1.2, 1.2))
    face["look_up"] = float(np.clip(rng.normal(-0.1, 0.3), -1.0, 0.8))
    return {name: round(value, 3) for name, value in face.items()}


def face_coefficients(
    model: BodyModel, face: Mapping[str, float], rng: np.random.Generator
) -> dict[int, float]:
    """The expression coefficients of a face, by number.

    Args:
        model: The body.
        face: See `sample_face`.
        rng: Generator of coefficients that have no meaning of their own.
    """
    if model.expression_names:
        numbers = {name: k for k, name in enumerate(model.expression_names)}
        return {numbers[name]: value for name, value in face.items() if name in numbers}
    values = np.clip(rng.normal(0.0, _SPREAD, _DRAWN), -2.0, 2.0)
    return {k: round(float(v), 3) for k, v in enumerate(values[: model.num_expression])}


def face_joints(face: Mapping[str, float]) -> Mapping[str, np.ndarray]:
    """Axis-angle (3,), rad, of the joints that a face turns, where a body has them."""
    eyes = np.array([-face["look_up"] * _LOOK, face["look_left"] * _LOOK, 0.0])
    jaw = np.array([_JAW * max(face["mouth_open"], 0.0), 0.0, 0.0])
    return {"jaw": jaw, "left_eye": eyes, "right_eye": eyes}
