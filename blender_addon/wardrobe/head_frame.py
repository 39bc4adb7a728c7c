"""Measures of a head: what glasses, masks, hats and head coverings are fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .chart import HEAD_UNIT
from .part_fitting import PerBody
from .round_map import RoundMap, round_map
from .worn_part import Fitting

Array = np.ndarray

# rm above the eyes: rows of the head, and of head, neck and shoulders.
HEAD_ROWS = (-0.13, -0.11, -0.09, -0.07, -0.05, -0.03, -0.01, 0.01, 0.03, 0.05, 0.07, 0.09, 0.106)


@dataclass(frozen=True, eq=False)
class HeadFrame:
    """Places on a head at rest, m.

    Attributes:
        eyes: (3,) the point between the eyes, as far forward as their corneas.
        eye_x: Half the distance of the eyes.
        size: Metres of one reference metre on this head, which is large on children.
        bridge: z of the bridge of the nose, at the height of the eyes.
        temple: Half the width of the head behind the eyes.
        ear: (3,) the place on the left ear on which glasses rest.
        crown: y of the crown.
        near: The vertex of the body at the bridge of the nose.
    """

    eyes: Array
    eye_x: float
    size: float
    bridge: float
    temple: float
    ear: Array
    crown: float
    near: int


_PLACES: PerBody[dict[str, Array]] = PerBody()


def _places(mean: Fitting) -> dict[str, Array]:
    chart = mean.chart
    head, ear = np.asarray(chart["head"]), np.asarray(chart["ear"])
    is_head = (np.asarray(chart["level"]) > 1.1) & (np.asarray(chart["arm"]) < 0)
    x, y, z = head.T
    eye = np.asarray(chart["white"])
    eye = eye > 0.5 if (eye > 0.5).sum() > 20 else eye > 0
    at_bridge = is_head & (np.abs(x) < 0.12) & (np.abs(y) < 0.08) & (z > 0.3)
    at_temple = is_head & (np.abs(y) < 0.1) & (ear < 0) & (z > 0.2) & (x > 0)
    return {
        "eye": np.flatnonzero(eye & (x > 0)),
        "bridge": np.flatnonzero(at_bridge),
        "temple": np.flatnonzero(at_temple),
        "ear": np.flatnonzero((ear > 0) & (x > 0)),
        "head": np.flatnonzero(is_head),
    }


@lru_cache(maxsize=4)
def head_frame(fitting: Fitting) -> HeadFrame:
    """Measure the head of a person. It is taken as symmetrical, about the body's middle."""
    places, v = _PLACES.get(fitting, "head", _places), fitting.shaped
    middle = float(fitting.joint("head")[0])
    eye, ear = v[places["eye"]], v[places["ear"]]
    crown = float(v[places["head"], 1].max())
    eye_y = float(eye[:, 1].mean())
    bridge = places["bridge"][np.argmax(v[places["bridge"], 2])]
    high = ear[:, 1].max()
    top = ear[ear[:, 1] > high - 0.25 * np.ptp(ear[:, 1])]
    return HeadFrame(
        np.array([middle, eye_y, eye[:, 2].max()]),
        float(eye[:, 0].mean()) - middle,
        (crown - eye_y) / HEAD_UNIT,
        float(v[bridge, 2]),
        float(v[places["temple"], 0].max()) - middle,
        np.array([ear[:, 0].min(), high, top[:, 2].mean()]),
        crown,
        int(bridge),
    )


@lru_cache(maxsize=4)
def head_map(fitting: Fitting) -> RoundMap:
    """The convex outline of the head, from the chin to near the crown."""
    return round_map(fitting, fitting.shaped, "head", HEAD_ROWS, -0.2)
