"""Scenes as pure draws: no Blender anywhere."""

import dataclasses
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from blender_addon.recipes.backgrounds import BACKGROUND_KINDS
from blender_addon.recipes.fields import RecipeError
from blender_addon.recipes.recipe import LIGHT_KINDS, Recipe
from blender_addon.recipes.toml_io import load_preset, parse_recipe, preset_names
from blender_addon.render.image_files import encode_png
from blender_addon.scene.assets import Assets, load_assets
from blender_addon.scene.camera import project
from blender_addon.scene.ground_grid import cells_of
from blender_addon.scene.sampling import sample_scene
from blender_addon.scene.spec import SceneSpec

REPOSITORY = Path(__file__).resolve().parents[3]
A_PIXEL = encode_png(np.zeros((1, 1), np.uint8))


@cache
def loaded(name: str) -> tuple[Recipe, Assets]:
    recipe = load_preset(name)
    return recipe, load_assets(recipe)


def scenes(name: str, count: int, seed: int = 3) -> list[SceneSpec]:
    recipe, assets = loaded(name)
    return [sample_scene(recipe, assets, seed, i) for i in range(count)]


def changed(recipe: Recipe, **sections: dict) -> Recipe:
    return parse_recipe(sections, name=recipe.name, folder=Path(), where="test", base=recipe)


@pytest.mark.parametrize("name", preset_names())
def test_same_seed_and_index_give_the_same_scene(name):
    recipe, assets = loaded(name)
    backwards = [sample_scene(recipe, assets, 3, i) for i in reversed(range(4))][::-1]
    assert backwards == scenes(name, 4)
    assert len({json.dumps(s.to_json()["persons"]) for s in backwards}) == 4


def test_another_process_draws_the_same_scene():
    command = [
        sys.executable,
        "-m",
        "blender_addon.batch",
        "--preset",
        "close",
        "--dry-run",
        "--count",
        "2",
        "--seed",
        "3",
    ]
    out = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert [SceneSpec.from_json(json.loads(line)) for line in out.splitlines()] == scenes(
        "close", 2
    )


@pytest.mark.parametrize("name", preset_names())
def test_specs_survive_json(name):
    for spec in scenes(name, 4):
        assert SceneSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_a_factor_does_not_move_the_others():
    recipe, assets = loaded("everyday")
    plain = changed(
        recipe,
        wardrobe={"enabled": False},
        light={"kinds": {"sun_sky": 1}},
        sensor={"enabled": False},
    )
    for index in range(6):
        a, b = sample_scene(recipe, assets, 0, index), sample_scene(plain, assets, 0, index)
        assert a.camera.yaw == b.camera.yaw
        assert a.background == b.background
        assert [p.body.betas for p in a.persons[:1]] == [p.body.betas for p in b.persons[:1]]
        assert [p.pose_name for p in a.persons[:1]] == [p.pose_name for p in b.persons[:1]]
        assert a.sensor != b.sensor


@pytest.mark.parametrize("name", preset_names())
def test_people_neither_float_nor_sink(name):
    recipe, assets = loaded(name)
    recipe = changed(recipe, people={"groups": 0})  # a bench or an arm lifts people of a group
    lifted = {pose.name for pose in (*assets.poses, *assets.companions) if pose.lift > 0}
    for spec in (sample_scene(recipe, assets, 3, index) for index in range(12)):
        for person in spec.persons:
            lowest = assets.poser.pose(person).vertices[:, 2].min()
            if person.pose_name in lifted:
                assert 0.0 < lowest < 1.0
            else:
                assert abs(lowest) < 1e-3, person.pose_name


@pytest.mark.parametrize("name", ["everyday", "street"])
def test_people_stand_apart(name):
    recipe, assets = loaded(name)
    recipe = changed(recipe, people={"groups": 0})  # people of a group touch
    for spec in (sample_scene(recipe, assets, 3, index) for index in range(12)):
        grounds = [cells_of(assets.poser.pose(p).vertices) for p in spec.persons]
        for i, ground in enumerate(grounds):
            for other in grounds[:i]:
                assert not np.isin(ground, other).any()


# The others have images without people, and places that cut people more than the recipe says.
@pytest.mark.parametrize("name", ["close", "everyday", "street", "surreal"])
def test_people_are_in_the_frame(name):
    recipe, assets = loaded(name)
    peopled = changed(recipe, scenery={"empty": 0})
    for spec in (sample_scene(peopled, assets, 3, index) for index in range(60)):
        assert spec.persons
        for person in spec.persons:
            joints = assets.poser.pose(person).joints
            pixels, depth = project(joints, spec.camera, spec.width, spec.height)
            inside = (
                (depth > 0)
                & (pixels >= 0).all(axis=1)
                & (pixels <= (spec.width, spec.height)).all(axis=1)
            )
            assert inside.mean() >= recipe.people.in_frame - 1e-9


def test_a_lone_person_is_never_lost():
    recipe, assets = loaded("close")
    alone = changed(recipe, people={"count": 1}, scenery={"empty": 0})
    for index in range(60):
        assert len(sample_scene(alone, assets, 0, index).persons) == 1, index


def test_ids_count_from_one():
    for spec in scenes("street", 8):
        assert [p.id for p in spec.persons] == list(range(1, len(spec.persons) + 1))


def test_street_sees_people_near_and_far():
    _, assets = loaded("street")
    distances = [
        project(assets.poser.pose(p).joints[:1], s.camera, 1, 1)[1][0]
        for s in scenes("street", 40)
        for p in s.persons
    ]
    assert min(distances) < 6
    assert max(distances) > 30


def test_surreal_scenes_have_its_numbers():
    for spec in scenes("surreal", 10):
        assert len(spec.persons) == 1
        assert abs(spec.camera.fov - np.degrees(2 * np.arctan(16 / 60))) < 1e-9
        assert spec.camera.pitch == spec.camera.roll == 0
        assert not spec.props or spec.persons[0].pose_name  # only what a pose needs, no occluders
        c = spec.light.coefficients
        assert 0.5 <= c[0] <= 1.4
        assert -0.7 <= c[1] <= 0
        assert all(-0.7 <= v <= 0.7 for v in c[2:])


@pytest.mark.parametrize(
    "section",
    ["bodies", "poses", "wardrobe", "camera", "light", "background", "occluders", "sensor"],
)
def test_a_switched_off_factor_stops_varying(section):
    recipe, assets = loaded("everyday")
    off = changed(
        recipe,
        **{section: {"enabled": False}},
        people={"count": 1, "lateral": 0, "facing": 0},
        scenery={"empty": 0, "negatives": 0, "mirrors": 0},
    )
    specs = [sample_scene(off, assets, 0, i) for i in range(6)]
    what = {
        "bodies": lambda s: {p.body.betas for p in s.persons},
        "poses": lambda s: {p.pose_name for p in s.persons},
        "wardrobe": lambda s: {p.outfit for p in s.persons},
        "camera": lambda s: {
            (s.camera.yaw, s.camera.fov, s.camera.roll, s.camera.f_stop, s.camera.shutter)
        },
        "light": lambda s: {s.light},
        "background": lambda s: {s.background},
        "occluders": lambda s: {len(s.props)} if not s.persons else set(),
        "sensor": lambda s: {s.sensor},
    }[section]
    drawn = set().union(*map(what, specs))
    assert len(drawn) <= 1
    if section == "occluders":
        needed = {pose.name for pose in (*assets.poses, *assets.companions) if pose.props}
        assert all(not s.props or s.persons[0].pose_name in needed for s in specs)


def test_nothing_stands_in_the_camera():
    for spec in scenes("street", 20):
        eye = np.array(spec.camera.location[:2])
        for prop in spec.props:
            assert np.hypot(*(np.array(prop.location[:2]) - eye)) > 0.3


def test_zero_people_give_an_empty_scene():
    recipe, assets = loaded("everyday")
    spec = sample_scene(changed(recipe, people={"count": 0}), assets, 0, 0)
    assert spec.persons == ()


def test_photos_and_hdris_of_one_s_own_are_used(tmp_path):
    for name in ("a.jpg", "deep/b.PNG", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(A_PIXEL)
    (tmp_path / "sky.hdr").write_bytes(b"#?RADIANCE\n\n-Y 1 +X 1\n")
    recipe = changed(
        loaded("everyday")[0],
        background={"kinds": {"photo": 1}, "photos": str(tmp_path)},
        light={"hdris": [str(tmp_path)], "kinds": {"hdri": 1}},
    )
    assets = load_assets(recipe)
    assert [Path(p).name for p in assets.photos] == ["a.jpg", "b.PNG"]
    spec = sample_scene(recipe, assets, 0, 0)
    assert spec.background.photo in assets.photos
    x, y, w, h = spec.background.photo_crop
    assert x >= 0 and y >= 0 and x + w <= 1.0001 and y + h <= 1.0001
    assert spec.light.hdri == str((tmp_path / "sky.hdr").resolve())


@pytest.mark.parametrize("kind", BACKGROUND_KINDS)
def test_every_kind_of_background_is_drawn(kind, tmp_path):
    (tmp_path / "beach.jpg").write_bytes(A_PIXEL)
    background = {"kinds": {kind: 1}, "photos": [str(tmp_path)]}
    recipe = changed(load_preset("everyday"), background=background)
    assets = load_assets(recipe)
    assert sample_scene(recipe, assets, 0, 0).background.kind == kind


@pytest.mark.parametrize("kind", LIGHT_KINDS)
def test_every_kind_of_light_is_drawn(kind):
    recipe = changed(
        load_preset("everyday"), light={"kinds": {kind: 1}}, background={"kinds": {"hdri": 1}}
    )
    assert sample_scene(recipe, load_assets(recipe), 0, 0).light.kind == kind


def test_builtin_panoramas_go_by_name():
    recipe = changed(loaded("everyday")[0], light={"hdris": ["builtin:city"], "kinds": {"hdri": 1}})
    assert load_assets(recipe).hdris == ("builtin:city",)
    with pytest.raises(
        RecipeError, match=r"light\.hdris: no 'builtin:moon'; there are: builtin:city"
    ):
        load_assets(changed(recipe, light={"hdris": ["builtin:moon"]}))


def test_an_empty_folder_is_named(tmp_path):
    recipe = changed(
        loaded("everyday")[0], background={"kinds": {"photo": 1}, "photos": str(tmp_path)}
    )
    with pytest.raises(
        RecipeError, match=rf"background\.photos: {tmp_path}: no file that ends in \.jpg"
    ):
        load_assets(recipe)


def test_a_body_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "SMPL.npz").write_bytes(b"PK nonsense")
    recipe = changed(loaded("everyday")[0], bodies={"models": [str(tmp_path / "SMPL.npz")]})
    with pytest.raises(RecipeError, match=r"bodies\.models: .*SMPL\.npz"):
        load_assets(recipe)


def test_a_spec_of_another_version_or_with_strange_keys_is_refused():
    data = scenes("close", 1)[0].to_json()
    with pytest.raises(ValueError, match="expected scene spec version 1, got 99"):
        SceneSpec.from_json(data | {"version": 99})
    with pytest.raises(ValueError, match="unknown key 'colour'"):
        SceneSpec.from_json(data | {"colour": 1})
    broken = json.loads(json.dumps(data))
    del broken["camera"]["fov"]
    with pytest.raises(ValueError, match=r"spec\.camera"):
        SceneSpec.from_json(broken)
    assert dataclasses.is_dataclass(SceneSpec.from_json(data))
