"""Shapes that are taken for people: figures, toys, animals and empty clothes."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.props.animals import ANIMALS
from blender_addon.props.boards import BOARDS
from blender_addon.props.body_shapes import STATUES, figure, hanging
from blender_addon.props.catalogue import solid_of
from blender_addon.props.empty_clothes import CLOTHES
from blender_addon.props.figures import FIGURES
from blender_addon.props.primitives import IMAGE
from blender_addon.props.toys import TOYS
from tests.blender_addon.props.volumes import volume

SIZE = (0.9, 0.8, 1.7)
ALL = {**FIGURES, **TOYS, **ANIMALS, **CLOTHES, **BOARDS}


@pytest.mark.parametrize("name", ALL)
def test_a_shape_keeps_to_its_extents_and_comes_back(name: str) -> None:
    first, again = solid_of(name, SIZE, 1), ALL[name](SIZE, np.random.default_rng(1))
    np.testing.assert_array_equal(first.vertices, again.vertices)
    low, high = first.vertices.min(axis=0), first.vertices.max(axis=0)
    half = np.array(SIZE) / 2
    assert (low > np.array([-half[0], -half[1], 0]) - 1e-6).all()
    assert (high < np.array([half[0], half[1], SIZE[2]]) + 1e-6).all()
    assert np.isfinite(first.vertices).all()
    assert len(first.starts) < 40_000
    counts = np.diff(np.append(first.starts, len(first.loops)))
    assert (counts >= 3).all()


@pytest.mark.parametrize("name", ANIMALS)
def test_animals_are_turned_outwards(name: str) -> None:
    assert volume(solid_of(name, SIZE, 3)) > 0


@pytest.mark.parametrize("name", ["statue", "mannequin", "clothes_rack", "cow", "coat_stand"])
def test_variants_differ(name: str) -> None:
    shapes = {solid_of(name, SIZE, v).vertices.tobytes() for v in range(4)}

    assert len(shapes) == 4


@pytest.mark.parametrize("pose", STATUES)
def test_figures_are_few_faces_turned_outwards(pose: str) -> None:
    body = figure(pose, 0)

    assert 2_000 < len(body.faces) < 9_000
    assert 1.4 < float(np.ptp(body.vertices[:, 2])) < 2.1
    assert 0.03 < volume(body.solid()) < 0.15  # m³: a person of 30 to 150 kg
    front = body.vertices[body.faces[body.of("left_foot", "right_foot")]].reshape(-1, 3)
    heel = body.vertices[body.faces[body.of("left_ankle", "right_ankle")]].reshape(-1, 3)
    assert front[:, 1].mean() < heel[:, 1].mean()  # toes towards -Y


def test_arms_of_empty_clothes_hang_down() -> None:
    body = hanging(80.0, 0)
    hands = body.vertices[body.faces[body.of("left_wrist", "right_wrist")]].reshape(-1, 3)

    assert np.abs(hands[:, 0]).max() < 0.45
    assert hands[:, 2].mean() < 0.65 * body.vertices[:, 2].max()


@pytest.mark.parametrize("name", ["cutout", "billboard", "a_board", "poster_column"])
def test_boards_show_their_image(name: str) -> None:
    solid = solid_of(name, SIZE, 0)

    assert solid.uv is not None
    assert (solid.tones == IMAGE).any()
