"""Teeth lie behind closed lips, between the corners of the mouth."""

import numpy as np

from blender_addon.wardrobe.chart import HEAD_UNIT, body_chart
from blender_addon.wardrobe.outfit import Item
from blender_addon.wardrobe.teeth import TEETH, teeth
from blender_addon.wardrobe.worn_part import Fitting


def test_closed_lips_hide_the_teeth(body):
    chart = body_chart(body)
    shaped, joints = body.shape_blend(np.zeros(10))
    fitting = Fitting(body, chart, shaped, joints)
    (part,) = teeth(fitting, Item(TEETH))
    unit = HEAD_UNIT * fitting.scale
    lips = shaped[chart["lips"] > 0.3]
    for x, y, z in part.vertices:
        before = lips[np.hypot(lips[:, 0] - x, lips[:, 1] - y) < 0.1 * unit]
        assert not len(before) or before[:, 2].max() > z + 0.02 * unit
    assert abs(part.vertices[:, 0].mean() - lips[:, 0].mean()) < 0.01 * unit
    assert np.ptp(part.vertices[:, 0]) < np.ptp(lips[:, 0])
    assert part.vertices[:, 1].min() < lips[:, 1].mean() < part.vertices[:, 1].max()
    np.testing.assert_allclose(part.weights.sum(axis=1), 1.0)
    assert not part.hides.any()


def test_a_body_without_lips_has_no_teeth(body):
    chart = {**body_chart(body), "lips": np.full(len(body.v_template), -1.0)}
    shaped, joints = body.shape_blend(np.zeros(10))
    assert teeth(Fitting(body, chart, shaped, joints), Item(TEETH)) == []
