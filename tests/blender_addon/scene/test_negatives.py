"""Things that are taken for people, mirrors and images without people: pure draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_addon.recipes.recipe import Recipe
from blender_addon.recipes.toml_io import load_preset, parse_recipe, preset_names
from blender_addon.scene.assets import Assets, load_assets
from blender_addon.scene.camera import project
from blender_addon.scene.counted import STATUES, counted_things
from blender_addon.scene.ground_grid import Footprint
from blender_addon.scene.mirrors import before, mirror_of, plane_of, reflection
from blender_addon.scene.negatives import KINDS, LOOKS, VARIANTS, sample_look, size_of
from blender_addon.scene.places.site import Frame
from blender_addon.scene.places.yard import Rectangle, Yard
from blender_addon.scene.sampling import sample_scene
from blender_addon.scene.spec import PropSpec, SceneSpec, SurfaceSpec
from blender_addon.stage.arrays import assemble, drawn_persons, prop_piece

HUNG = {"poster", "framed_picture", "screen"}


def recipe_of(**sections: Any) -> Recipe:
    return parse_recipe(sections, name="negatives", folder=Path(), where="test")


@pytest.fixture(scope="module")
def assets() -> Assets:
    return load_assets(Recipe())


def things_of(spec: SceneSpec) -> list[PropSpec]:
    return [prop for prop in spec.props if prop.shape in {*KINDS, *HUNG}]


def test_each_thing_has_a_look_and_some_may_be_anywhere() -> None:
    rng = np.random.default_rng(0)
    for name, kind in KINDS.items():
        assert kind.look.startswith("image:") or kind.look in LOOKS, name
        sample_look(kind.look, rng)
        assert kind.indoors or kind.outdoors
        for variant in range(VARIANTS):
            scale = np.array(size_of(name, variant)) / kind.size
            assert scale == pytest.approx([scale[0]] * 3, rel=0.01), "a variant is stretched"
            assert kind.smallest - 0.01 <= scale[0] <= 1.0


@pytest.mark.parametrize("kind", ["hdri", "plain", "room", "place"])
def test_negatives_come_and_go_by_their_share(kind: str, assets: Assets) -> None:
    background = {"kinds": {kind: 1}}
    scenery = {"mirrors": 0, "empty": 0}
    full = recipe_of(background=background, scenery={**scenery, "negatives": 1})
    none = recipe_of(background=background, scenery={**scenery, "negatives": 0})
    found = []
    for index in range(6):
        with_things = sample_scene(full, assets, 5, index)
        without = sample_scene(none, assets, 5, index)
        added = set(with_things.props) - set(without.props)
        found += [prop.shape for prop in added]
        # What was drawn before stays.
        assert set(without.props) <= set(with_things.props)
        assert with_things.persons == without.persons
        assert with_things.camera == without.camera
    assert set(found) <= {*KINDS, *HUNG, "passer"}
    assert len(found) >= 6
    assert len(set(found)) >= 4


@pytest.mark.parametrize("place", ["station", "square", "garden"])
def test_they_do_not_stand_in_things_of_an_open_place(place: str, assets: Assets) -> None:
    recipe = recipe_of(
        background={"kinds": {"place": 1}},
        scenery={"places": {place: 1}, "negatives": 1, "mirrors": 0, "empty": 0},
    )
    found = 0
    for index in range(6):
        spec = sample_scene(recipe, assets, 5, index)
        # A place has A-boards of its own.
        added = [prop for prop in spec.props if prop.shape in KINDS and prop.shape != "a_board"]
        yard = Yard(Footprint())
        for prop in spec.props:
            low, top = prop.location[2], prop.location[2] + prop.size[2]
            if prop not in added and not prop.owner and low < 2.2 and top > 0.3:
                yard.take(ground_of(prop))
        assert [prop.shape for prop in added if not yard.free(ground_of(prop))] == []
        found += len(added)
    assert found > 3


def ground_of(prop: PropSpec) -> Rectangle:
    x, y, _ = prop.location
    return Rectangle(x, y, abs(prop.size[0]), abs(prop.size[1]), prop.rotation[2])


def test_things_of_a_room_are_inside_and_hang_on_its_walls(assets: Assets) -> None:
    recipe = recipe_of(background={"kinds": {"room": 1}}, scenery={"negatives": 1, "empty": 0})
    hung = 0
    for index in range(20):
        spec = sample_scene(recipe, assets, 5, index)
        room = spec.background
        half = np.array(room.room_size[:2]) / 2
        for prop in things_of(spec):
            at = Frame(room.room_center, room.room_turn).local(prop.location[:2])
            assert (np.abs(at) <= half).all()
            if prop.shape in HUNG:
                hung += 1
                away = half - np.abs(at)
                assert away.min() == pytest.approx(0.03, abs=1e-6)
                assert prop.location[2] + prop.size[2] < room.room_size[2]
                normal = np.array(
                    [np.sin(np.radians(prop.rotation[2])), -np.cos(np.radians(prop.rotation[2]))]
                )
                axis = int(away.argmin())
                inwards = np.zeros(2)
                inwards[axis] = -np.sign(at[axis])
                origin = Frame(room.room_center, room.room_turn)
                world = origin.world(inwards) - origin.world(np.zeros(2))
                np.testing.assert_allclose(normal, world, atol=1e-6)
    assert hung > 5


def test_photos_get_none_of_it(assets: Assets, tmp_path: Path) -> None:
    from blender_addon.render.image_files import encode_png

    (tmp_path / "a.png").write_bytes(encode_png(np.zeros((8, 8), np.uint8)))
    recipe = recipe_of(
        background={"kinds": {"photo": 1}, "photos": [str(tmp_path)]},
        scenery={"negatives": 1, "mirrors": 1},
    )
    own = load_assets(recipe)
    for index in range(4):
        spec = sample_scene(recipe, own, 5, index)
        assert not things_of(spec)
        assert mirror_of(spec.props) is None


@pytest.mark.parametrize("name", preset_names())
def test_some_images_of_a_preset_show_nobody(name: str, assets: Assets) -> None:
    recipe = load_preset(name)
    share = recipe.scenery.empty
    if name == "surreal":
        assert share == recipe.scenery.negatives == recipe.scenery.mirrors == 0
        return
    assert 0.03 < share < 0.2
    nobody = parse_recipe(
        {"scenery": {"empty": 1, "negatives": 1}}, name=name, folder=Path(), where="", base=recipe
    )
    for index in range(4):
        spec = sample_scene(nobody, assets, 3, index)
        assert spec.persons == ()
        assert not any(prop.owner for prop in spec.props)


def test_mirrors_show_a_person_to_the_camera(assets: Assets) -> None:
    recipe = recipe_of(
        background={"kinds": {"room": 1, "hdri": 1}},
        scenery={"mirrors": 1, "negatives": 0, "empty": 0},
        people={"count": [1, 3]},
    )
    shown = found = 0
    for index in range(24):
        spec = sample_scene(recipe, assets, 2, index)
        mirror = mirror_of(spec.props)
        if mirror is None:
            continue
        found += 1
        assert before(mirror, spec.camera.location) > 0
        matrix = reflection(mirror)
        for person in spec.persons:
            joints = assets.poser.pose(person).joints
            image = joints @ matrix[:3, :3].T + matrix[:3, 3]
            pixels, depth = project(image, spec.camera, spec.width, spec.height)
            eye = np.array(spec.camera.location)
            share = before(mirror, eye) / (before(mirror, eye) - before(mirror, image))
            hits = eye + share[:, None] * (image - eye)
            x = Frame(mirror.location[:2], mirror.rotation[2]).local(hits[:, :2])[:, 0]
            through = (abs(x) < mirror.size[0] / 2) & (depth > 0) & (before(mirror, joints) > 0)
            in_frame = (pixels >= 0).all(axis=1) & (pixels < (spec.width, spec.height)).all(axis=1)
            if (through & in_frame).mean() > 0.3:
                shown += 1
                break
    assert found >= 16
    assert shown >= 0.6 * found


def test_a_reflection_is_its_own_inverse_and_keeps_the_pane() -> None:
    surface = SurfaceSpec("mirror", (0.9, 0.9, 0.9), (0.1, 0.1, 0.1), 1.0, 0.0)
    mirror = PropSpec("mirror", (1.0, 2.0, 0.3), (0.0, 0.0, 35.0), (1.2, 0.05, 1.8), surface)
    matrix = reflection(mirror)
    np.testing.assert_allclose(matrix @ matrix, np.eye(4), atol=1e-12)
    point, normal = plane_of(mirror)
    np.testing.assert_allclose(matrix[:3, :3] @ point + matrix[:3, 3], point, atol=1e-12)
    np.testing.assert_allclose(matrix[:3, :3] @ normal, -normal, atol=1e-12)
    piece = prop_piece(mirror)
    pane = piece.solid.vertices[-4:] @ piece.matrix.T + piece.offset
    np.testing.assert_allclose(before(mirror, pane), 0.0, atol=1e-9)


def test_counted_things_have_ids_after_the_persons(assets: Assets) -> None:
    recipe = recipe_of(
        scenery={"negatives": 1, "count_statues": True, "count_images": True, "empty": 0},
        background={"kinds": {"room": 1}},
    )
    kinds = set()
    for index in range(12):
        spec = sample_scene(recipe, assets, 5, index)
        assert spec.counted == ("statues", "images", "reflections")
        things = counted_things(spec)
        assert [t.id for t in things] == list(
            range(len(spec.persons) + 1, len(spec.persons) + len(things) + 1)
        )
        for thing in things:
            kinds.add(thing.kind)
            assert thing.kind == "image" or thing.prop.shape in STATUES
            if thing.kind == "image":
                arrays = drawn_persons(thing.prop)
                assert len(arrays.starts)
                whole = assemble([prop_piece(thing.prop)])
                assert len(arrays.starts) < len(whole.starts)
    assert kinds == {"statue", "image"}
    plain = sample_scene(Recipe(), assets, 5, 0)
    assert plain.counted == ("reflections",)
    assert counted_things(plain) == []


def test_who_casts_a_shadow_is_not_in_the_frame(assets: Assets) -> None:
    recipe = recipe_of(
        background={"kinds": {"hdri": 1}}, scenery={"negatives": 1, "negative_count": 0}
    )
    seen = 0
    for index in range(40):
        spec = sample_scene(recipe, assets, 5, index)
        for prop in spec.props:
            if prop.shape != "passer":
                continue
            seen += 1
            piece = prop_piece(prop)
            vertices = piece.solid.vertices @ piece.matrix.T + piece.offset
            pixels, depth = project(vertices, spec.camera, spec.width, spec.height)
            inside = ((pixels >= 0) & (pixels <= (spec.width, spec.height))).all(axis=1)
            assert not (inside & (depth > 0)).any()
    assert seen >= 2
