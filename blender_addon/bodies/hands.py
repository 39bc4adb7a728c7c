"""Hands: how far each finger is bent, and how each family of bodies shows it.

SMPL-H and SMPL-X have joints in the fingers. The default body has expression directions for them,
made for a hand of the template's size: a smaller hand needs a smaller share of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .joints import FINGERS
from .model import BodyModel


@dataclass(frozen=True)
class HandShape:
    """A hand.

    Attributes:
        index: Bend of the index finger: 0 at rest, 1 into a fist, below 0 straighter than at rest.
        fingers: The same of the other three.
        thumb: 0 beside the palm, 1 across it.
        spread: 0 fingers together, 1 apart.
    """

    index: float
    fingers: float
    thumb: float
    spread: float


# Range of each number of a HandShape. The index of a relaxed hand is bent the least.
_SHAPES: dict[str, tuple[tuple[float, float], ...]] = {
    "relaxed": ((0.08, 0.35), (0.2, 0.5), (0.0, 0.4), (-0.2, 0.2)),
    "loose": ((-0.05, 0.15), (0.0, 0.2), (0.0, 0.2), (-0.1, 0.4)),
    "fist": ((0.85, 1.0), (0.9, 1.0), (0.8, 1.0), (-0.4, 0.0)),
    "point": ((-0.15, 0.05), (0.75, 1.0), (0.5, 0.9), (-0.3, 0.0)),
    "grip": ((0.6, 0.75), (0.65, 0.8), (0.7, 0.9), (-0.3, 0.0)),
    "handle": ((0.72, 0.85), (0.78, 0.92), (0.6, 0.9), (-0.4, -0.1)),
    "cup": ((0.4, 0.52), (0.45, 0.6), (0.7, 0.9), (-0.2, 0.1)),
    "phone": ((0.3, 0.45), (0.4, 0.55), (0.5, 0.8), (-0.1, 0.2)),
    "plate": ((0.1, 0.3), (0.15, 0.35), (0.3, 0.7), (0.0, 0.4)),
    "flat": ((-0.2, 0.0), (-0.2, 0.05), (-0.1, 0.2), (-0.2, 0.5)),
    "open": ((-0.2, 0.0), (-0.2, 0.05), (-0.2, 0.0), (0.6, 1.0)),
}
# Thing in the hand -> the hand that holds it.
HOLDING = {
    "bag": "handle",
    "bicycle": "grip",
    "book": "plate",
    "box": "plate",
    "ball": "plate",
    "crutch": "grip",
    "cup": "cup",
    "dog": "grip",
    "phone": "phone",
    "pushchair": "grip",
    "racket": "grip",
    "rollator": "grip",
    "scooter": "grip",
    "stick": "grip",
    "suitcase": "handle",
    "trolley": "grip",
    "umbrella": "grip",
}
_FREE = {"relaxed": 60, "loose": 22, "fist": 8, "flat": 6, "point": 2, "open": 2}

# Degrees that the three joints of a finger bend at 1; of the thumb, about its own axes below.
_BEND = (74.0, 92.0, 50.0)
_THUMB = ((0.15, 0.75, 0.1), (0.0, 0.35, 0.1), (0.0, 0.5, 0.1))  # rad of a left thumb at 1
_SPREADING = {"index": 0.19, "middle": 0.03, "ring": -0.14, "pinky": -0.35}  # rad towards the thumb


def sample_hand(kind: str, rng: np.random.Generator) -> HandShape:
    """Draw a hand.

    Args:
        kind: A key of HOLDING, or a shape such as "flat"; empty for a hand that holds nothing.
        rng: Generator of the hand.
    """
    weights = np.array(list(_FREE.values()), dtype=float)
    free = list(_FREE)[int(rng.choice(len(_FREE), p=weights / weights.sum()))]
    low, high = np.array(_SHAPES[HOLDING.get(kind, kind) or free]).T
    return HandShape(*(round(float(v), 3) for v in rng.uniform(low, high)))


def bent(shape: HandShape, by: float) -> HandShape:
    """The hand with its fingers bent at least `by` (0..1): the bend of a pose without fingers."""
    index, fingers = max(shape.index, by), max(shape.fingers, by)
    return HandShape(round(index, 3), round(fingers, 3), shape.thumb, shape.spread)


def finger_coefficients(
    model: BodyModel, side: str, shape: HandShape, size: float = 1.0
) -> dict[int, float]:
    """The expression coefficients of a hand, by number; {} of a body without such directions.

    Args:
        model: The body.
        side: "left" or "right".
        shape: The hand.
        size: Length of the hand relative to the template's.
    """
    shares = {"thumb_in": shape.thumb, "spread": shape.spread}
    for finger, bend in (("index", shape.index), ("fingers", shape.fingers)):
        # On the way to the fist there are two more directions: a straight way shrinks fingers.
        third = 3 * bend
        shares[f"{finger}_third"] = third if third < 1 else max(2 - third, 0.0)
        shares[f"{finger}_two_thirds"] = max(1 - abs(third - 2), 0.0)
        shares[f"{finger}_curl"] = max(third - 2, 0.0)
    numbers = {name: k for k, name in enumerate(model.expression_names)}
    named = {f"{side}_{name}": value for name, value in shares.items()}
    return {numbers[k]: round(size * v, 4) for k, v in named.items() if k in numbers}


def hand_size(model: BodyModel, betas: tuple[float, ...]) -> float:
    """Length of the hands relative to the template's: wrist to knuckles."""
    wrist, hand = (model.joint_names.index(f"left_{name}") for name in ("wrist", "hand"))
    shaped, template = model.rest_joints(betas), model.rest_joints()
    lengths = [float(np.linalg.norm(j[hand] - j[wrist])) for j in (shaped, template)]
    return lengths[0] / lengths[1]


def finger_joints(side: str, shape: HandShape) -> Mapping[str, np.ndarray]:
    """Axis-angle (3,), rad, of the fingers' joints of SMPL-H and SMPL-X, from the flat hand."""
    turns: dict[str, np.ndarray] = {}
    for name in FINGERS:
        if not name.startswith(side):
            continue
        finger, segment = name.removeprefix(side + "_")[:-1], int(name[-1]) - 1
        if finger == "thumb":
            turn = shape.thumb * np.array(_THUMB[segment])
        else:
            bend = shape.index if finger == "index" else shape.fingers
            apart = _SPREADING[finger] * shape.spread if segment == 0 else 0.0
            turn = np.array([0.0, -apart, -np.radians(_BEND[segment] * (bend + 0.08))])
        turns[name] = turn * ([1.0, 1.0, 1.0] if side == "left" else [1.0, -1.0, -1.0])
    return turns
