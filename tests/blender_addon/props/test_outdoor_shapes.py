from __future__ import annotations

import numpy as np
import pytest

from blender_addon.props.facades import front_line
from blender_addon.props.primitives import DARK, IMAGE, SECOND, SURFACE
from blender_addon.props.sized import SIZED

# Shape: usual extents (m), and its largest number of faces.
USUAL = {
    "facade": ((12.0, 9.0, 14.0), 3500),
    "far_houses": ((24.0, 8.0, 10.0), 800),
    "leafy_tree": ((4.0, 4.0, 6.5), 4500),
    "spruce": ((3.6, 3.6, 9.0), 4500),
    "palm": ((4.0, 4.0, 6.0), 2500),
    "shrub": ((1.4, 1.4, 1.2), 2500),
    "hedge": ((4.0, 0.8, 1.9), 3500),
    "far_trees": ((14.0, 5.0, 10.0), 3500),
    "parked_car": ((1.82, 4.35, 1.46), 2500),
    "parked_van": ((2.05, 5.3, 2.35), 2500),
    "train": ((21.6, 2.9, 3.9), 1200),
    "bus_shelter": ((4.0, 1.5, 2.5), 200),
    "park_bench": ((1.8, 0.62, 0.86), 400),
    "cafe_table": ((0.7, 0.7, 0.92), 400),
    "market_stall": ((3.0, 1.7, 2.5), 2500),
    "road_sign": ((0.62, 0.2, 2.6), 300),
    "traffic_light": ((0.5, 0.6, 3.1), 300),
}


@pytest.mark.parametrize("shape", USUAL)
def test_a_shape_fills_its_extents_with_a_bounded_number_of_faces(shape: str) -> None:
    size, most = USUAL[shape]
    for variant in range(3):
        solid = SIZED[shape](size, np.random.default_rng(variant))
        extents = np.ptp(solid.vertices, axis=0)

        assert len(solid.starts) <= most
        assert extents[2] > 0.5 * size[2]
        assert extents[0] > 0.5 * size[0]
        assert (
            solid.vertices.max(axis=0) <= np.array((size[0] / 2, size[1] / 2, size[2])) + 1e-9
        ).all()


@pytest.mark.parametrize("shape", ["facade", "leafy_tree", "parked_car", "road_sign"])
def test_variants_differ_and_come_back(shape: str) -> None:
    size, _ = USUAL[shape]
    first, again, other = (SIZED[shape](size, np.random.default_rng(seed)) for seed in (1, 1, 5))

    np.testing.assert_array_equal(first.vertices, again.vertices)
    assert first.vertices.shape != other.vertices.shape or (first.vertices != other.vertices).any()


def test_a_house_has_windows_in_its_front_and_more_when_it_is_wider() -> None:
    panes = []
    for width in (7.0, 14.0):
        solid = SIZED["facade"]((width, 9.0, 12.0), np.random.default_rng(2))
        glass = np.flatnonzero(solid.tones == DARK)
        corners = solid.vertices[solid.loops[solid.starts[glass]]]
        near_front = abs(corners[:, 1] - front_line(9.0)) < 0.4
        assert near_front.mean() > 0.7
        panes.append(len(glass))
    assert panes[1] > 1.5 * panes[0]


def test_shops_show_an_image_and_columns_too() -> None:
    tones = [
        SIZED["facade"]((12.0, 9.0, 12.0), np.random.default_rng(seed)).tones for seed in range(12)
    ]
    assert sum((of_one == IMAGE).any() for of_one in tones) >= 3
    column = SIZED["ad_column"]((1.3, 1.3, 3.1), np.random.default_rng(0))
    assert (column.tones == IMAGE).any()


def test_leaves_of_a_tree_have_many_greens_and_leave_the_trunk_free() -> None:
    solid = SIZED["leafy_tree"]((4.0, 4.0, 6.5), np.random.default_rng(4))
    assert solid.paint is not None
    leaves = solid.tones == SURFACE
    assert np.unique(solid.paint[leaves], axis=0).shape[0] > 1000
    assert solid.vertices[solid.loops[solid.starts[leaves]], 2].min() > 0.8
    trunk = solid.tones == SECOND
    low = solid.vertices[solid.loops[solid.starts[trunk]]]
    assert abs(low[low[:, 2] < 0.5][:, :2]).max() < 0.4


def test_a_car_is_made_of_paint_glass_and_wheels_that_touch_the_ground() -> None:
    solid = SIZED["parked_car"]((1.82, 4.35, 1.46), np.random.default_rng(0))

    assert {SURFACE, DARK, SECOND} <= set(solid.tones.tolist())
    assert solid.vertices[:, 2].min() == pytest.approx(0.0, abs=0.01)
    painted = solid.vertices[solid.loops[solid.starts[solid.tones == SURFACE]]]
    assert painted[:, 2].max() > 1.3
