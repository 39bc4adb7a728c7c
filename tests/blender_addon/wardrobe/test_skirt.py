"""Tests of blender_addon.wardrobe.skirt."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.bodies.rotations import rodrigues
from blender_addon.wardrobe.skirt import Curtain

# Pelvis, hips and knees at rest, m.
PLACES = np.array([[0, 1, 0], [0.1, 0.95, 0], [-0.1, 0.95, 0], [0.1, 0.5, 0], [-0.1, 0.5, 0.0]])


def seated(bend: float) -> float:
    """How seated a person is whose thighs are raised by `bend`, rad."""
    T = np.tile(np.eye(3, 4), (5, 1, 1))
    T[1:, :, :3] = rodrigues(np.array([-bend, 0.0, 0.0]))
    none = np.zeros(0)
    return Curtain(none, True, none, none, PLACES)._seated(T)


def test_thighs_above_level_are_seated_too() -> None:
    assert seated(0.0) == 0.0
    assert 0.0 < seated(0.8) < 1.0
    assert seated(1.5) == pytest.approx(1.0)
    assert seated(2.2) == 1.0
