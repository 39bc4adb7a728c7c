from __future__ import annotations

import numpy as np
import pytest

from blender_addon.bodies.library import default_body
from blender_addon.bodies.model import BodyModel
from blender_addon.wardrobe.chart import body_chart


@pytest.fixture(scope="session")
def body() -> BodyModel:
    return default_body()


@pytest.fixture(scope="session")
def chart(body: BodyModel) -> dict[str, np.ndarray]:
    return body_chart(body)


@pytest.fixture(scope="session")
def part(body: BodyModel) -> dict[str, np.ndarray]:
    """Name of a SMPL part -> which vertices it has."""
    from blender_addon.bodies.joints import PARTS

    assert body.part_labels is not None
    return {name: body.part_labels == i for i, name in enumerate(PARTS)}
