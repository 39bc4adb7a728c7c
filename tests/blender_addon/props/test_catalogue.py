from __future__ import annotations

import dataclasses
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.props import catalogue, primitives, sized
from blender_addon.props.catalogue import SHAPES, unit_shape
from blender_addon.scene.spec import SURFACE_PATTERNS, PropSpec, SurfaceSpec
from blender_addon.stage.arrays import assemble, euler_matrix, prop_piece, rectangle
from tests.blender_addon.props.volumes import volume

RED = SurfaceSpec("plain", (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), 3.0, 0.4, 0.1)

LEAFY = {"plant", "bush", "tree", "umbrella", "dog"}  # have open surfaces


def area_vector(solid: primitives.Solid) -> np.ndarray:
    """Σ area · normal of all faces: 0 for closed surfaces."""
    total = np.zeros(3)
    ends = np.append(solid.starts[1:], len(solid.loops))
    for start, end in zip(solid.starts, ends, strict=True):
        a, *rest = solid.vertices[solid.loops[start:end]]
        total += sum((np.cross(b - a, c - a) for b, c in pairwise(rest)), np.zeros(3)) / 2
    return total


@pytest.mark.parametrize("name", ["SHAPES", "SIZED"])
def test_no_shape_takes_the_name_of_another(name: str) -> None:
    module = {"SHAPES": catalogue, "SIZED": sized}[name]
    whole = getattr(module, name)
    families = [
        family
        for other, family in vars(module).items()
        if isinstance(family, dict) and other.isupper() and other not in ("SHAPES", "SIZED")
        if other != "OCCLUDERS"
    ]
    simple = {"box", "pole", "cylinder", "sphere"} & set(whole)
    names = [*simple, *(shape for family in families for shape in family)]
    assert sorted(names) == sorted(whole)
    assert not set(catalogue.SHAPES) & set(sized.SIZED)


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_has_unit_extents_and_stands_on_its_origin(name: str) -> None:
    vertices = unit_shape(name).vertices

    np.testing.assert_allclose(vertices.min(axis=0), [-0.5, -0.5, 0.0], atol=1e-9)
    np.testing.assert_allclose(vertices.max(axis=0), [0.5, 0.5, 1.0], atol=1e-9)


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_has_no_degenerate_faces(name: str) -> None:
    assert (np.linalg.norm(primitives.face_normals(unit_shape(name)), axis=1) > 0.99).all()


@pytest.mark.parametrize("name", sorted(set(SHAPES) - LEAFY))
def test_a_solid_shape_is_closed_and_faces_outwards(name: str) -> None:
    solid = unit_shape(name)

    np.testing.assert_allclose(area_vector(solid), 0.0, atol=1e-9)
    assert volume(solid) > 0.0


def test_the_volumes_of_simple_solids_are_right() -> None:
    assert volume(primitives.box((1, 2, 3), (2, 3, 4))) == pytest.approx(24)
    assert volume(primitives.tube((0, 0, 0), (0, 3, 0), 0.5, sides=64)) == pytest.approx(
        3 * math.pi / 4, rel=2e-3
    )
    assert volume(primitives.ball((1, 0, 0), (1, 2, 3), rings=40, sides=60)) == pytest.approx(
        8 * math.pi, rel=2e-2
    )
    assert volume(primitives.extrusion([(0, 0), (2, 0), (2, 1), (0, 1)], -1, 2)) == pytest.approx(6)
    assert volume(primitives.ring((0, 0, 0), (1, 0, 0), 1.0, 0.1, sides=60)) > 0


def test_an_unknown_shape_or_pattern_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"teapot.*bicycle"):
        unit_shape("teapot")
    with pytest.raises(KeyError, match=r"tartan.*bricks"):
        assemble(
            [rectangle((0, 0, 0), (1, 0, 0), (0, 1, 0), dataclasses.replace(RED, pattern="tartan"))]
        )


def prop(shape: str = "box", **changes: object) -> PropSpec:
    plain = PropSpec(shape, (1.0, 2.0, 0.5), (0.0, 0.0, 0.0), (2.0, 1.0, 3.0), RED)
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def test_a_prop_fills_its_size_above_its_location() -> None:
    vertices = assemble([prop_piece(prop())]).vertices

    np.testing.assert_allclose(vertices.min(axis=0), [0.0, 1.5, 0.5], atol=1e-6)
    np.testing.assert_allclose(vertices.max(axis=0), [2.0, 2.5, 3.5], atol=1e-6)


def test_a_prop_turns_counter_clockwise_about_its_own_ground_point() -> None:
    vertices = assemble([prop_piece(prop(rotation=(0.0, 0.0, 90.0)))]).vertices

    np.testing.assert_allclose(vertices.min(axis=0), [0.5, 1.0, 0.5], atol=1e-6)
    np.testing.assert_allclose(vertices.max(axis=0), [1.5, 3.0, 3.5], atol=1e-6)


@given(st.tuples(*[st.floats(-360, 360)] * 3))
def test_euler_angles_make_a_rotation(degrees: tuple[float, float, float]) -> None:
    R = euler_matrix(degrees)

    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(R) == pytest.approx(1.0)


def test_a_negative_extent_mirrors_a_shape_that_still_faces_outwards() -> None:
    plain, mirrored = (prop_piece(prop("bicycle", size=(x, 1.7, 1.0))).solid for x in (0.5, -0.5))

    np.testing.assert_allclose(mirrored.vertices, plain.vertices * [-1, 1, 1], atol=1e-12)
    assert volume(mirrored) == pytest.approx(volume(plain))
    with pytest.raises(ValueError, match=r"box.*size"):
        prop_piece(prop(size=(1.0, 0.0, 1.0)))


def test_pieces_are_joined_with_their_own_vertices_and_surfaces() -> None:
    blue = dataclasses.replace(RED, pattern="checks", color=(0.0, 0.0, 1.0))
    one, two = prop_piece(prop()), prop_piece(prop(surface=blue, location=(9.0, 0.0, 0.0)))
    both = assemble([one, two])

    assert len(both.vertices) == 16 and len(both.starts) == 12
    second = both.loops[both.starts[6] :]
    assert both.vertices[second, 0].min() > 7.9
    assert [SURFACE_PATTERNS[i] for i in both.pattern] == ["plain"] * 6 + ["checks"] * 6
    np.testing.assert_allclose(both.color[[0, 11], :3], [RED.color, blue.color])
    np.testing.assert_allclose(both.finish[0], [3.0, 0.4, 0.1])


def test_parts_of_a_shape_have_their_own_colours() -> None:
    arrays = assemble([prop_piece(prop("car"))])
    colors = {tuple(np.round(color[:3], 3)) for color in arrays.color.tolist()}

    assert (1.0, 0.0, 0.0) in colors and len(colors) > 2


def test_flat_coordinates_are_in_metres_whatever_the_size() -> None:
    arrays = assemble([prop_piece(prop())])  # 2 × 1 × 3 m

    for start in arrays.starts:
        extents = np.ptp(arrays.uv[start : start + 4], axis=0)
        assert sorted(np.round(extents, 5)) in ([1.0, 2.0], [1.0, 3.0], [2.0, 3.0])
    assert np.ptp(arrays.place, axis=0) == pytest.approx([2.0, 1.0, 3.0])


def test_nothing_makes_an_empty_mesh() -> None:
    arrays = assemble([])

    assert len(arrays.vertices) == len(arrays.loops) == len(arrays.starts) == 0
