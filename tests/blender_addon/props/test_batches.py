from __future__ import annotations

import numpy as np
import pytest

from blender_addon.props.batches import Parts, boxes, colors, soft_box, turned
from blender_addon.props.primitives import GLASS, box, face_normals
from blender_addon.props.tableware import THINGS, things_on
from tests.blender_addon.props.volumes import volume


def test_a_batch_of_boxes_is_like_single_ones() -> None:
    batch = boxes([(0, 0, 0.5), (2, 1, 0.2)], [(1, 2, 1), (0.5, 0.5, 0.4)])

    alone = box((0, 0, 0.5), (1, 2, 1))
    np.testing.assert_allclose(batch.vertices[:8], alone.vertices)
    np.testing.assert_array_equal(batch.loops[:24], alone.loops)
    assert volume(batch) == pytest.approx(2.0 + 0.1)


def test_a_turned_box_keeps_its_volume() -> None:
    batch = boxes([(1, 1, 1)], (1, 2, 3), turns=30.0)

    assert volume(batch) == pytest.approx(6.0)
    assert np.ptp(batch.vertices[:, 0]) == pytest.approx(np.cos(np.pi / 6) + 2 * np.sin(np.pi / 6))


def test_a_soft_box_is_closed_and_faces_outwards() -> None:
    solid = soft_box((0, 0, 1), (1.0, 0.6, 0.4), 0.1)

    assert 0.85 * 0.24 < volume(solid) < 0.24
    edges = solid.loops.reshape(-1, 4)
    pairs = np.stack([edges, np.roll(edges, -1, axis=1)], axis=-1).reshape(-1, 2)
    forward = {tuple(pair) for pair in pairs}
    assert len(forward) == len(pairs)
    assert all((b, a) in forward for a, b in forward)
    np.testing.assert_allclose(np.ptp(solid.vertices, axis=0), (1.0, 0.6, 0.4), atol=1e-6)


def test_turned_bodies_face_outwards_and_are_scaled() -> None:
    tin = ((0, 0), (0.5, 0), (0.5, 1.0), (0, 1.0))

    two = turned(tin, [(0, 0, 0), (3, 0, 0)], [1.0, 2.0], sides=64)

    assert volume(two) == pytest.approx(np.pi / 4 * (1 + 8), rel=0.01)
    assert two.vertices[:, 2].max() == pytest.approx(2.0)
    sides = np.abs(face_normals(two)[:, 2]) < 0.5
    assert sides.sum() == 2 * 64, "rims are no faces of their own"


@pytest.mark.parametrize("kind", THINGS)
def test_things_stand_on_their_table(kind: str) -> None:
    solids = things_on(np.random.default_rng(3), (1.0, 2.0), (1.2, 0.8), 0.7, [kind], 0.8)

    points = np.concatenate([solid.vertices for solid in solids])
    assert points[:, 2].min() > 0.7 - 1e-3
    assert (np.abs(points[:, :2] - (1.0, 2.0)) < (0.9, 0.7)).all()


def test_parts_are_cut_off_at_their_extents_and_keep_paint_and_tones() -> None:
    parts = Parts()
    parts.box((0, 0, 0.5), (4, 1, 1), GLASS)
    parts.box((0, 0, 0.5), (0.1, 0.1, 0.1), paint=(1.0, 0.0, 0.0))

    solid = parts.fitted((2, 2, 2))

    assert np.abs(solid.vertices[:, 0]).max() == 1.0
    assert solid.paint is not None
    assert np.isnan(solid.paint[:6]).all()
    np.testing.assert_array_equal(solid.paint[6:], np.tile((1.0, 0, 0), (6, 1)))
    assert (solid.tones[:6] == GLASS).all()


def test_colours_are_linear_and_in_their_ranges() -> None:
    grey = colors(np.random.default_rng(0), 50, (0.0, 0.0), (0.5, 0.5))
    red = colors(np.random.default_rng(0), 50, (1.0, 1.0), (1.0, 1.0), (0.0, 0.0))

    np.testing.assert_allclose(grey, 0.5**2.2)
    np.testing.assert_allclose(red, np.tile((1.0, 0, 0), (50, 1)), atol=1e-12)
