from __future__ import annotations

import colorsys

import numpy as np
import pytest

from blender_addon.props import pieces
from blender_addon.props.colours import linear
from blender_addon.props.primitives import SECOND, Solid, box, face_normals, join, tube


def test_colours_are_those_of_the_standard_library() -> None:
    for hue, saturation, value in (
        (0.0, 0.0, 0.5),
        (0.1, 0.7, 0.9),
        (0.55, 1.0, 0.3),
        (-0.2, 0.4, 1.0),
    ):
        display = np.array(colorsys.hsv_to_rgb(hue % 1.0, saturation, value))
        expected = np.where(display <= 0.04045, display / 12.92, ((display + 0.055) / 1.055) ** 2.4)
        np.testing.assert_allclose(linear(hue, saturation, value), expected, atol=1e-12)
    assert linear(np.zeros(3), 0.5, 0.5).shape == (3, 3)


def test_many_boxes_are_the_boxes_one_by_one() -> None:
    centers, sizes = np.array([(0, 0, 1), (3, 1, 2.0)]), np.array([(1, 2, 3), (0.5, 0.5, 4.0)])
    many = pieces.boxes(centers, sizes, SECOND, [(1, 0, 0), (0, 1, 0)])
    one_by_one = join([box(c, s, SECOND) for c, s in zip(centers, sizes, strict=True)])

    np.testing.assert_allclose(many.vertices, one_by_one.vertices)
    np.testing.assert_allclose(face_normals(many), face_normals(one_by_one))
    np.testing.assert_array_equal(many.starts, one_by_one.starts)
    assert many.paint is not None
    np.testing.assert_array_equal(many.paint[[0, 5, 6]], [(1, 0, 0), (1, 0, 0), (0, 1, 0)])


def test_rectangles_face_their_way_and_show_an_image_once() -> None:
    sheet = pieces.upright([(0, 0, 1), (2, 0, 1)], (1.0, 2.0), image=True)

    np.testing.assert_allclose(face_normals(sheet), [(0, -1, 0)] * 2, atol=1e-12)
    np.testing.assert_allclose(
        face_normals(pieces.flat((0, 0, 1), (1, 2))), [(0, 0, 1)], atol=1e-12
    )
    assert sheet.uv is not None
    np.testing.assert_allclose(sheet.uv[:4], [(0, 0), (1, 0), (1, 1), (0, 1)])


def test_bars_are_tubes_without_ends() -> None:
    bar = pieces.bars([(0, 0, 0)], [(0, 0, 2)], 0.5, 0.25, sides=8)
    closed = tube((0, 0, 0), (0, 0, 2), 0.5, 0.25, sides=8)

    assert len(bar.starts) == 8
    distances = np.linalg.norm(bar.vertices[:, None] - closed.vertices, axis=-1)
    assert distances.min(axis=1).max() < 1e-9
    outwards = np.einsum("ij,ij->i", face_normals(bar)[:, :2], _middles(bar)[:, :2])
    assert (outwards > 0).all()


def _middles(solid: Solid) -> np.ndarray:
    return solid.vertices[solid.loops].reshape(-1, 4, 3).mean(axis=1)


def test_copies_and_limits() -> None:
    three = pieces.copies(box((0, 0, 0), (1, 1, 1)), np.eye(3) * 5, np.full((3, 1), 2.0), (1, 0, 0))

    assert len(three.starts) == 18 and len(three.vertices) == 24
    assert three.vertices[8:16, 1].max() == pytest.approx(6.0)
    held = pieces.within(three, (4.0, 4.0, 4.0))
    assert held.vertices.min() >= -2.0 and held.vertices[:, 2].min() >= 0.0
