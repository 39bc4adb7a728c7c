from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blender_addon.props.facades import front_line
from blender_addon.recipes.recipe import Recipe
from blender_addon.recipes.toml_io import parse_recipe
from blender_addon.scene.assets import Assets, load_assets
from blender_addon.scene.ground_grid import Footprint, cells_of
from blender_addon.scene.placement import Crowd
from blender_addon.scene.places.catalogue import PLACES
from blender_addon.scene.places.outdoor import covers_people, in_view
from blender_addon.scene.places.site import Frame, Site
from blender_addon.scene.places.yard import Rectangle, Yard
from blender_addon.scene.sampling import ROOM_PANORAMAS, sample_scene
from blender_addon.scene.spec import CameraSpec, PropSpec, SceneSpec
from blender_addon.stage.background import backdrop_pieces

OUTDOORS = ("street", "square", "park", "garden", "station", "beach")
SCENES = 4
_DRAWN: dict[tuple[str, str], list[SceneSpec]] = {}


@pytest.fixture(scope="module")
def assets() -> Assets:
    return load_assets(Recipe())


def scenes(place: str, assets: Assets, base: str = "everyday") -> list[SceneSpec]:
    if (place, base) in _DRAWN:
        return _DRAWN[place, base]
    data = {
        "base": base,
        "background": {"kinds": {"place": 1}},
        "scenery": {"places": {place: 1}, "empty": 0},
        "people": {"count": [1, 5]},
    }
    recipe = parse_recipe(data, name="outdoor", folder=Path(), where="test")
    drawn = [sample_scene(recipe, assets, 11, index) for index in range(SCENES)]
    return _DRAWN.setdefault((place, base), drawn)


def pelvis(assets: Assets, spec: SceneSpec) -> np.ndarray:
    return np.array([assets.poser.pose(person).joints[0] for person in spec.persons])


def houses(spec: SceneSpec) -> list[PropSpec]:
    return [prop for prop in spec.props if prop.shape == "facade"]


def in_house(prop: PropSpec, points: np.ndarray) -> np.ndarray:
    """Whether points (N, 2) lie behind the front wall of a house and between its other walls."""
    x, y = Frame(prop.location[:2], prop.rotation[2]).local(points).T
    return (abs(x) < prop.size[0] / 2) & (y > front_line(prop.size[1])) & (y < prop.size[1] / 2)


@pytest.mark.parametrize("place", OUTDOORS)
@pytest.mark.parametrize("base", ["everyday", "street"])
def test_no_house_holds_people_or_camera_or_stands_between(
    place: str, base: str, assets: Assets
) -> None:
    for spec in scenes(place, assets, base):
        eye = np.array(spec.camera.location[:2])
        people = pelvis(assets, spec)[:, :2] if spec.persons else np.zeros((0, 2))
        lines = eye + np.linspace(0, 1, 60)[:, None, None] * (people - eye)
        for prop in houses(spec):
            assert not in_house(prop, eye[None]).any()
            assert not in_house(prop, lines.reshape(-1, 2)).any()


def test_people_of_a_street_with_a_road_stand_on_pavements_and_crossings(assets: Assets) -> None:
    roads = 0
    for spec in scenes("street", assets):
        if spec.background.ground_height == 0.0:
            continue
        roads += 1
        slabs = [prop for prop in spec.props if prop.shape in ("pavement", "crossing")]
        for point in pelvis(assets, spec)[:, :2]:
            assert any(_on(slab, point) for slab in slabs)
        for slab in slabs:
            assert slab.location[2] + slab.size[2] == pytest.approx(0.0)
    assert roads >= 1


def _on(slab: PropSpec, point: np.ndarray) -> bool:
    x, y = Frame(slab.location[:2], slab.rotation[2]).local(point)
    return bool(abs(x) < slab.size[0] / 2 and abs(y) < slab.size[1] / 2)


def test_people_of_a_station_stand_on_the_platform_and_not_on_the_tracks(assets: Assets) -> None:
    for spec in scenes("station", assets):
        platforms = [prop for prop in spec.props if prop.shape == "platform_edge"]
        for point in pelvis(assets, spec)[:, :2]:
            assert any(_on(platform, point) for platform in platforms)
        assert any(prop.shape == "rails" for prop in spec.props)


@pytest.mark.parametrize("place", ["street", "square", "park", "garden", "station"])
def test_something_high_closes_the_view_in_each_direction(place: str, assets: Assets) -> None:
    for spec in scenes(place, assets)[:4]:
        half = spec.camera.fov / 2
        eye = np.array(spec.camera.location[:2])
        high = [prop for prop in spec.props if prop.location[2] + prop.size[2] > 3.0]
        for aside in np.linspace(-half, half, 9):
            yaw = np.radians(spec.camera.yaw - aside)
            ray = eye + np.arange(1.0, 90.0, 0.5)[:, None] * (-np.sin(yaw), np.cos(yaw))
            assert any(
                (abs(Frame(p.location[:2], p.rotation[2]).local(ray)) < np.array(p.size[:2]) / 2)
                .all(axis=1)
                .any()
                for p in high
            )


@pytest.mark.parametrize("place", OUTDOORS)
def test_no_ceiling_is_the_sky_of_a_place_outdoors(place: str, assets: Assets) -> None:
    assert not PLACES[place].indoors
    assert not {spec.light.hdri for spec in scenes(place, assets)} & set(ROOM_PANORAMAS)


def test_the_ground_lies_at_its_height(assets: Assets) -> None:
    spec = next(s for s in scenes("station", assets))
    (ground,) = backdrop_pieces(spec.background)

    assert ground.solid.vertices[:, 2] == pytest.approx(spec.background.ground_height)
    assert spec.background.ground_height < -0.5


def test_what_is_behind_the_camera_is_not_in_view() -> None:
    camera = CameraSpec((0.0, 0.0, 1.5), 0.0, 0.0, 0.0, 60.0)
    site = Site(Recipe(), Crowd(camera, 3.0, Footprint()), np.random.default_rng(0))

    seen = [in_view(site, where) for where in ((0, 10), (0, -3), (4, 5), (20, 5))]
    assert seen == [True, False, False, False]
    assert in_view(site, (4, 5), margin=2.0)


def test_rectangles_of_things_keep_apart_whatever_their_turn() -> None:
    people = Footprint()
    people.add(cells_of(np.array([(10.0, 0.0)])))
    yard = Yard(people)
    yard.take(Rectangle(0.0, 0.0, 4.0, 1.0, 0.0))

    assert not yard.free(Rectangle(1.5, 0.0, 0.2, 0.2, 30.0))
    assert yard.free(Rectangle(0.0, 1.2, 4.0, 1.0, 0.0))
    assert not yard.free(Rectangle(0.0, 1.2, 4.0, 1.0, 45.0))
    assert not yard.free(Rectangle(10.3, 0.0, 1.0, 1.0, 10.0))
    assert yard.free(Rectangle(11.0, 0.0, 1.0, 1.0, 10.0))


def test_a_thing_covers_people_behind_it_and_no_others() -> None:
    site = Site(
        Recipe(),
        Crowd(CameraSpec((0.0, 0.0, 1.5), 0.0, 0.0, 0.0, 60.0), 3.0, Footprint()),
        np.random.default_rng(0),
    )
    site.__dict__["feet"] = np.array([(0.0, 10.0)])

    assert covers_people(site, np.array([0.1, 4.0]), (0.5, 0.5, 1.0))
    assert not covers_people(site, np.array([1.0, 4.0]), (0.5, 0.5, 1.0))
    assert not covers_people(site, np.array([0.0, 12.0]), (0.5, 0.5, 1.0))
    assert not covers_people(site, np.array([0.0, -4.0]), (0.5, 0.5, 1.0))
    assert not covers_people(site, np.array([0.1, 4.0]), (0.5, 0.5, 0.1))
