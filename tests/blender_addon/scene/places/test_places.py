from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from blender_addon.props.sized import SIZED
from blender_addon.recipes.recipe import PLACE_WEIGHTS, Recipe
from blender_addon.recipes.toml_io import parse_recipe
from blender_addon.scene.assets import Assets, load_assets
from blender_addon.scene.places.catalogue import PLACES
from blender_addon.scene.places.site import Frame
from blender_addon.scene.resampling import resample
from blender_addon.scene.sampling import light_assets, sample_scene
from blender_addon.scene.spec import BackgroundSpec, PropSpec, SceneSpec
from blender_addon.stage.arrays import assemble, prop_piece
from blender_addon.stage.background import backdrop_pieces

HOLLOW = ("car_cabin",)  # people sit in it


def recipe_of(place: str, **more: dict[str, object]) -> Recipe:
    data = {
        "background": {"kinds": {"place": 1}},
        "scenery": {"places": {place: 1}},
        "people": {"count": [1, 3]},
        **more,
    }
    return parse_recipe(data, name="places", folder=Path(), where="test")


@pytest.fixture(scope="module")
def assets() -> Assets:
    return load_assets(Recipe())


def test_the_recipe_names_the_places() -> None:
    assert set(PLACE_WEIGHTS) == set(PLACES)


@pytest.mark.parametrize("place", PLACES)
def test_a_place_is_drawn_again_from_its_seed_and_survives_json(place: str, assets: Assets) -> None:
    recipe = recipe_of(place)
    spec = sample_scene(recipe, assets, 3, 1)

    assert spec == sample_scene(recipe, assets, 3, 1)
    assert spec == SceneSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert spec.background.place == place
    assert spec.background.indoors == PLACES[place].indoors
    assert len(spec.props) > 5
    backdrop_pieces(spec.background)
    arrays = assemble([prop_piece(prop) for prop in spec.props])
    assert np.isfinite(arrays.vertices).all()


@pytest.mark.parametrize("place", PLACES)
def test_nothing_of_a_place_stands_in_people_or_camera(place: str, assets: Assets) -> None:
    for index in range(6):
        spec = sample_scene(recipe_of(place), assets, 4, index)
        eye = np.array(spec.camera.location)
        for prop in spec.props:
            if prop.owner or prop.location[2] > 1.0 or prop.shape in HOLLOW:
                continue
            for person in spec.persons:
                pelvis = assets.poser.pose(person).joints[0]
                assert not _inside(prop, pelvis), (index, prop)
            assert not _inside(prop, eye), (index, prop)


def _inside(prop: PropSpec, point: np.ndarray) -> bool:
    """Whether a point lies in the middle half of a prop's box, where no hollow place would be."""
    x, y = Frame(prop.location[:2], prop.rotation[2]).local(point[:2])
    return (
        min(map(abs, prop.size[:2])) > 0.3
        and abs(x) < abs(prop.size[0]) / 4
        and abs(y) < abs(prop.size[1]) / 4
        and point[2] < prop.location[2] + prop.size[2]
    )


def test_the_background_of_a_place_comes_back(assets: Assets) -> None:
    recipe = recipe_of(next(iter(PLACES)))
    spec = sample_scene(recipe, assets, 5, 2)

    again = resample(spec, "background", recipe, assets, 5, 2)

    assert again.background == spec.background
    assert [prop.shape for prop in again.props] == [prop.shape for prop in spec.props]
    np.testing.assert_allclose(
        [prop.location for prop in again.props], [prop.location for prop in spec.props], atol=1e-6
    )


def test_density_changes_the_number_of_things(assets: Assets) -> None:
    counts = [
        sum(
            len(sample_scene(recipe_of("square", scenery={"density": d}), assets, 6, i).props)
            for i in range(3)
        )
        for d in (0.2, 2.0)
    ]

    assert counts[1] > 2 * counts[0]


def test_a_frame_takes_points_there_and_back() -> None:
    frame = Frame((3.0, -1.0), 30.0)
    points = np.array([(0.0, 0.0), (1.0, 2.0)])

    np.testing.assert_allclose(frame.local(frame.world(points)), points, atol=1e-12)
    np.testing.assert_allclose(frame.world((0.0, 1.0)), (3.0 - 0.5, -1.0 + np.sqrt(0.75)))


@pytest.mark.parametrize("shape", SIZED)
@pytest.mark.parametrize("size", [(1.0, 0.2, 0.7), (3.0, 0.6, 2.5), (0.3, 0.3, 0.3)])
def test_a_sized_shape_stays_in_its_extents(shape: str, size: tuple[float, float, float]) -> None:
    solid = SIZED[shape](size, np.random.default_rng(1))

    low, high = solid.vertices.min(axis=0), solid.vertices.max(axis=0)
    assert (low > [-0.5 * size[0] - 1e-3, -0.5 * size[1] - 1e-3, -1e-3]).all()
    assert (high < [0.5 * size[0] + 1e-3, 0.5 * size[1] + 1e-3, size[2] + 1e-3]).all()
    assert solid.loops.max() < len(solid.vertices)
    assert np.isfinite(solid.vertices).all()


def test_panoramas_of_rooms_are_left_out_where_there_are_others(assets: Assets) -> None:
    outdoors = BackgroundSpec("place", room_size=(0.0, 0.0, 0.0))
    day = BackgroundSpec("place", room_size=(4.0, 4.0, 3.0), outside=2.0)
    names = ("builtin:studio", "builtin:night", "meadow.hdr")
    all_of_them = dataclasses.replace(assets, hdris=names)

    assert light_assets(all_of_them, outdoors).hdris == ("builtin:night", "meadow.hdr")
    assert light_assets(all_of_them, day).hdris == ("meadow.hdr",)
    studio = dataclasses.replace(assets, hdris=("builtin:studio",))
    assert light_assets(studio, outdoors).hdris == ("builtin:studio",)
