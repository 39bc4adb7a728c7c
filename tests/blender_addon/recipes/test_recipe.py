import dataclasses
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.recipes.fields import RecipeError
from blender_addon.recipes.recipe import SECTIONS, Recipe
from blender_addon.recipes.toml_io import load_preset, load_recipe, parse_recipe, preset_names

PRESETS = {
    *("everyday", "street", "close", "surreal"),
    *("phone", "dashcam", "doorbell", "overhead"),
}


def parse(text: str, folder: Path = Path()) -> Recipe:
    return parse_recipe(tomllib.loads(text), name="mine", folder=folder, where="mine.toml")


def test_presets_are_those_that_the_documentation_names():
    assert set(preset_names()) == PRESETS


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_round_trip_through_toml(name):
    recipe = load_preset(name)
    assert recipe.name == name
    for comments in (False, True):
        again = parse(recipe.to_toml(comments=comments))
        assert again == recipe
        assert again.to_toml() == recipe.to_toml(), (
            "a dataset compares what is written: 3 is not 3.0"
        )


def test_surreal_has_the_paper_s_numbers():
    recipe = load_preset("surreal")
    assert (recipe.render.width, recipe.render.height) == (320, 240)
    distance = recipe.camera.distance
    assert (distance.kind, distance.values) == ("normal", (8.0, 1.0))
    assert recipe.camera.lens is not None
    assert recipe.camera.lens.values == (60.0,)
    assert recipe.camera.sensor_width == 32.0
    assert recipe.light.kinds == {"spherical_harmonics": 1.0}
    assert recipe.people.count.bounds == (1, 1)
    assert not recipe.wardrobe.loose


def test_a_file_says_only_what_differs_from_its_base(tmp_path):
    (tmp_path / "mine.toml").write_text('base = "street"\n[camera]\nheight = 2\n')
    recipe = load_recipe(tmp_path / "mine.toml")
    street = load_preset("street")
    assert recipe.name == "mine"
    assert recipe.camera == dataclasses.replace(street.camera, height=recipe.camera.height)
    assert recipe.people == street.people


def test_paths_are_relative_to_the_recipe_file(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "mine.toml").write_text('[background]\nkinds = { photo = 1 }\nphotos = "photos"\n')
    assert load_recipe(tmp_path / "mine.toml").background.photos == (
        str((tmp_path / "photos").resolve()),
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("peple = 1", r"mine\.toml: unknown key 'peple'; sections are: .*people"),
        ("people = 3", r"mine\.toml: people: expected a \[section\]"),
        ("[people]\ncuont = 1", r"mine\.toml: people\.cuont: unknown key; there are: count"),
        ("[people]\ncount = [4, 1]", r"mine\.toml: people\.count: empty range: 4 > 1"),
        ("[people]\ncount = 'many'", r"mine\.toml: people\.count: expected a number"),
        ("[people]\ncount = -1", r"mine\.toml: people\.count: must lie within \[0, 500\]"),
        ("[people]\nin_frame = 1.5", r"people\.in_frame: must lie within \[0, 1\]"),
        ("[camera]\naim = 'sky'", r"camera\.aim: expected one of people, horizon"),
        ("[camera]\nlens = 0", r"camera\.lens: must lie within"),
        ("[camera]\nfov = {log = [0, 3]}", r"camera\.fov: log needs positive"),
        ("[light]\nkinds = {candle = 1}", r"light\.kinds: unknown kind 'candle'; there are: hdri"),
        ("[light]\nkinds = {hdri = 0}", r"light\.kinds: at least one weight"),
        ("[light]\nkinds = {hdri = -1}", r"light\.kinds: the weight of 'hdri'"),
        ("[light]\nkinds = 'hdri'", r"light\.kinds: expected a table"),
        ("[light]\nhdris = 'nowhere'", r"light\.hdris: no such file or folder: .*nowhere"),
        ("[bodies]\nmodels = ['SMPL.npz']", r"bodies\.models: no such file or folder: .*SMPL\.npz"),
        ("[bodies]\nmodels = 3", r"bodies\.models: expected a path"),
        (
            "[background]\nkinds = {photo = 1}",
            r"background\.photos: kind 'photo' needs photos",
        ),
        ("[render]\nwidth = 64.5", r"render\.width: expected a whole number"),
        ("[render]\nwidth = 4", r"render\.width: must lie within"),
        ("[render]\nwidth = true", r"render\.width: expected a number"),
        ("[render]\npasses = ['flow']", r"render\.passes: unknown name 'flow'; there are: alpha"),
        ("[render]\nimage_format = 'bmp'", r"render\.image_format: expected one of"),
        ("[occluders]\nenabled = 1", r"occluders\.enabled: expected true or false"),
        ("[occluders]\nshapes = ['ufo']", r"occluders\.shapes: unknown name 'ufo'"),
        ("[occluders]\nshapes = 'box'", r"occluders\.shapes: expected a list"),
        ("[poses]\ncategories = ['flying']", r"poses\.categories: unknown name 'flying'"),
        ("[wardrobe]\ngarments = ['toga']", r"wardrobe\.garments: unknown name 'toga'"),
        ("base = 'rural'", r"mine\.toml: base: no preset 'rural'; there are: close, dashcam"),
        ("base = 3", r"mine\.toml: base: expected the name"),
        ("name = 3", r"mine\.toml: name: expected text"),
    ],
)
def test_errors_name_the_file_and_the_key(text, complaint):
    with pytest.raises(RecipeError, match=complaint):
        parse(text)


@pytest.mark.parametrize("content", [b"[people", b"\xff\xfea", b"caf\xe9", None])
def test_unreadable_files_are_named(tmp_path, content):
    path = tmp_path / "bad.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecipeError, match=r"bad\.toml"):
        load_recipe(path)


@given(st.text())
def test_any_text_survives_toml(text):
    recipe = dataclasses.replace(Recipe(), name=text)
    assert tomllib.loads(recipe.to_toml())["name"] == text


def test_every_section_can_be_switched_off():
    switched = {
        f.name for f in dataclasses.fields(Recipe) if hasattr(getattr(Recipe(), f.name), "enabled")
    }
    assert switched >= {
        *("bodies", "poses", "wardrobe", "camera", "light", "background", "occluders", "sensor"),
    }


@pytest.mark.parametrize(("section", "key"), [("bodies", "models"), ("light", "hdris")])
def test_a_list_that_something_is_drawn_from_must_not_be_empty(section: str, key: str) -> None:
    with pytest.raises(RecipeError, match=rf"{section}\.{key}: expected at least one"):
        parse_recipe({section: {key: []}}, name="empty", folder=Path(), where="test")


def test_a_gaussian_cut_off_outside_the_limits_of_its_key_is_refused() -> None:
    value = {"normal": [0, 1], "min": 3, "max": 5}
    with pytest.raises(RecipeError, match=r"light\.warmth: must lie within \[-1, 1\]"):
        parse_recipe({"light": {"warmth": value}}, name="cut", folder=Path(), where="test")


def test_the_guide_names_every_key() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "render.md").read_text(encoding="utf-8")
    named = set(re.findall(r"[\w.]+", " ".join(re.findall(r"`([^`\n]+)`", guide))))
    for section in SECTIONS:
        keys = {field.name for field in dataclasses.fields(getattr(Recipe(), section))}
        assert keys - {"enabled"} <= named, section
