from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from blender_addon.recipes.distributions import parse
from blender_addon.recipes.recipe import Recipe
from blender_addon.recipes.toml_io import load_preset, parse_recipe
from blender_addon.scene.assets import Assets, load_assets
from blender_addon.scene.camera import project
from blender_addon.scene.places.adapting import within
from blender_addon.scene.places.catalogue import PLACES
from blender_addon.scene.places.site import Frame
from blender_addon.scene.sampling import sample_scene
from blender_addon.scene.spec import BackgroundSpec, Opening, SceneSpec
from blender_addon.stage.background import backdrop_pieces

INDOORS = [name for name, kind in PLACES.items() if kind.indoors]
# Tables of people whose legs may be below the top.
OPEN_BELOW = ("laid_", "coffee_table", "car_cabin", "rug")


def recipe_of(place: str, **more: dict[str, object]) -> Recipe:
    data = {
        "background": {"kinds": {"place": 1}},
        "scenery": {"places": {place: 1}},
        "people": {"count": [1, 4]},
        **more,
    }
    return parse_recipe(data, name="rooms", folder=Path(), where="test")


@cache
def loaded() -> Assets:
    return load_assets(Recipe())


@pytest.fixture(scope="module")
def assets() -> Assets:
    return loaded()


@cache
def drawn(place: str, index: int) -> tuple[SceneSpec, list[np.ndarray]]:
    """A scene of a place, and the vertices of its bodies."""
    spec = sample_scene(recipe_of(place), loaded(), 11, index)
    return spec, [loaded().poser.pose(person).vertices for person in spec.persons]


@pytest.mark.parametrize("place", INDOORS)
def test_a_room_holds_camera_and_bodies(place: str) -> None:
    for index in range(2):
        spec, bodies = drawn(place, index)
        frame = Frame(spec.background.room_center, spec.background.room_turn)
        half = np.array(spec.background.room_size[:2]) / 2
        assert (np.abs(frame.local(spec.camera.location[:2])) < half).all()
        assert spec.camera.location[2] < spec.background.room_size[2]
        for vertices in bodies:
            assert (np.abs(frame.local(vertices[:, :2])) < half).all(), (place, index)
            assert vertices[:, 2].max() < spec.background.room_size[2]


@pytest.mark.parametrize("place", [*INDOORS, "car_interior"])
def test_things_do_not_fill_bodies(place: str) -> None:
    for index in range(2):
        spec, bodies = drawn(place, index)
        for prop in spec.props:
            if prop.owner or prop.shape.startswith(OPEN_BELOW):
                continue
            x, y, z = (abs(extent) / 2 for extent in prop.size)
            for vertices in bodies:
                local = Frame(prop.location[:2], prop.rotation[2]).local(vertices[:, :2])
                inside = (np.abs(local) < (0.8 * x, 0.8 * y)).all(axis=1)
                up = vertices[:, 2] - prop.location[2]
                inside &= (up > 0.03) & (up < 2 * z)
                assert inside.mean() < 0.01, (place, index, prop)


def test_tables_hide_legs_and_never_the_whole_person(assets: Assets) -> None:
    hidden = 0
    for index in range(10):
        spec, _ = drawn("bar", index)
        eye = np.array(spec.camera.location)
        tables = [p for p in spec.props if p.shape.startswith("laid_") and p.size[2] > 0.9]
        for person in spec.persons:
            joints = assets.poser.pose(person).joints[:22]
            _, depth = project(joints, spec.camera, spec.width, spec.height)
            behind = np.zeros(len(joints), dtype=bool)
            for table in tables:
                frame = Frame(table.location[:2], table.rotation[2])
                top = table.size[2] - 0.36
                t = (top - eye[2]) / np.where(np.abs(joints[:, 2] - eye[2]) < 1e-6, 1e-6,
                                              joints[:, 2] - eye[2])  # fmt: skip
                cross = eye[:2] + t[:, None] * (joints[:, :2] - eye[:2])
                on = (np.abs(frame.local(cross)) < np.abs(table.size[:2]) / 2).all(axis=1)
                behind |= on & (t > 0) & (t < 1)
            assert behind.mean() < 0.75, index
            hidden += int((behind & (depth > 0)).any())
    assert hidden > 0


def test_a_wall_is_built_around_its_openings() -> None:
    room = BackgroundSpec("place", room_size=(6.0, 4.0, 2.5))
    holes = (Opening(0, -1.0, 0.9, 1.2, 1.0), Opening(0, 1.5, 0.0, 0.9, 2.0))

    def far_wall(background: BackgroundSpec) -> float:
        area = 0.0
        for piece in backdrop_pieces(background):
            corners = piece.solid.vertices
            if np.abs(corners[:, 1] - 2.0).max() < 1e-6:
                area += float(np.ptp(corners[:, 0]) * np.ptp(corners[:, 2]))
        return area

    assert far_wall(room) == pytest.approx(6.0 * 2.5)
    cut = dataclasses.replace(room, openings=holes)
    assert far_wall(cut) == pytest.approx(6.0 * 2.5 - 1.2 * 1.0 - 0.9 * 2.0)


@pytest.mark.parametrize(
    ("drawn", "span", "bounds"),
    [
        ({"log": [3, 60]}, (0.6, 6.0), (3, 6.0)),
        ([0.8, 2.2], (0.5, 3.0), (0.8, 2.2)),
        ({"normal": [8, 1]}, (0.5, 3.0), (0.5, 3.0)),
        ({"choice": [1, 2, 12], "weights": [1, 1, 5]}, (0, 4), (1, 2)),
        (9, (0.5, 3.0), (3.0, 3.0)),
        ([4, 9], (0.5, 3.0), (0.5, 3.0)),
        ([0.1, 0.2], (0.5, 3.0), (0.5, 0.5)),
    ],
)
def test_a_distribution_is_kept_within_a_range(
    drawn: object, span: tuple[float, float], bounds: tuple[float, float]
) -> None:
    kept = within(parse(drawn), span)

    assert kept.bounds == bounds
    rng = np.random.default_rng(0)
    assert all(span[0] <= kept.sample(rng) <= span[1] for _ in range(20))


def test_a_room_brings_far_cameras_near_and_keeps_images_without_people(assets: Assets) -> None:
    far = recipe_of("kitchen", camera={"distance": 40})
    spec = sample_scene(far, assets, 14, 0)
    assert np.linalg.norm(np.subtract(spec.camera.location[:2], 0)) < 9

    empty = sample_scene(recipe_of("kitchen", people={"count": 0}), assets, 14, 0)
    assert empty.persons == ()
    assert len(empty.props) > 5


def test_a_windscreen_is_before_outdoor_cameras_only(assets: Assets) -> None:
    def shapes(place: str) -> set[str]:
        scenery = {"places": {place: 1}, "windscreen": 1.0}
        recipe = recipe_of(place, scenery=scenery, camera={"distance": [6, 9]})
        return {prop.shape for prop in sample_scene(recipe, assets, 15, 0).props}

    assert {"bonnet", "dashboard", "windscreen"} <= shapes("square")
    assert "bonnet" not in shapes("kitchen")


def test_the_dashcam_looks_over_a_bonnet(assets: Assets) -> None:
    recipe = load_preset("dashcam")
    found = [sample_scene(recipe, assets, 16, index) for index in range(6)]

    assert any(prop.shape == "bonnet" for spec in found for prop in spec.props)
