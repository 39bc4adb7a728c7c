"""The recipe as Blender properties: conversions lose nothing, and errors name the key."""

from __future__ import annotations

import dataclasses
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blender_addon.recipes.fields import RecipeError
from blender_addon.recipes.recipe import SECTIONS as RECIPE_SECTIONS
from blender_addon.recipes.recipe import Recipe
from blender_addon.recipes.toml_io import load_preset, parse_recipe, preset_names
from blender_addon.ui.properties import recipe_settings
from blender_addon.ui.properties.distribution_field import DistributionField
from blender_addon.ui.properties.field import Field
from blender_addon.ui.properties.recipe_fields import (
    BITS,
    PARTS,
    Number,
    OneOf,
    Switch,
    WholeNumber,
)
from blender_addon.ui.properties.recipe_settings import (
    SECTIONS,
    from_recipe,
    in_panel_words,
    is_changed,
    recipe_error,
    reset_section,
    to_recipe,
    wrong_key,
)

ALL_FIELDS = [field for fields in SECTIONS.values() for field in fields]
HERE = str(Path(__file__).parent.resolve())  # paths in a recipe must exist


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    recipe_settings.register()
    bpy.types.Scene.recipe_under_test = bpy.props.PointerProperty(
        type=recipe_settings.RecipeSettings
    )
    yield
    del bpy.types.Scene.recipe_under_test
    recipe_settings.unregister()


@pytest.fixture
def panel() -> Any:
    """The properties of a new scene."""
    return new_file()


def new_file() -> Any:
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    return bpy.context.scene.recipe_under_test


def recipe_of(text: str) -> Recipe:
    return parse_recipe(tomllib.loads(text), name="mine", folder=Path(HERE), where="mine.toml")


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    any_number = st.floats(low, high, allow_subnormal=False)
    tidy = any_number.map(lambda number: round(number, 1)).filter(
        lambda number: low <= number <= high
    )
    return any_number | tidy


def ranges(low: float, high: float) -> st.SearchStrategy[list[float]]:
    return st.tuples(numbers(low, high), numbers(low, high)).map(sorted)


def distributions(low: float, high: float) -> st.SearchStrategy[Any]:
    """TOML values of every kind of distribution within [low, high]."""
    normals = st.fixed_dictionaries(
        {"normal": st.tuples(numbers(-1e40, 1e40), numbers(0, 1e40)).map(list)}
    )
    weighted = st.lists(st.tuples(numbers(low, high), numbers(0.01, 9)), min_size=1, max_size=4)
    options = [
        numbers(low, high),
        ranges(low, high),
        normals,
        st.tuples(normals, ranges(low, high)).map(
            lambda t: {**t[0], "min": t[1][0], "max": t[1][1]}
        ),
        st.tuples(normals, numbers(low, high)).map(lambda t: {**t[0], "min": t[1]}),
        st.lists(numbers(low, high), min_size=1, max_size=4).map(lambda values: {"choice": values}),
        weighted.map(
            lambda pairs: {"choice": [v for v, _ in pairs], "weights": [w for _, w in pairs]}
        ),
    ]
    if high > 0:
        options.append(ranges(max(low, 1e-4), high).map(lambda ends: {"log": ends}))
    return st.one_of(options)


def toml_values(field: Field) -> st.SearchStrategy[Any]:
    """Values that a recipe file may give to a field; None leaves the field out."""
    metadata = field.metadata
    match metadata["kind"]:
        case "switch":
            return st.booleans()
        case "number":
            low, high = metadata["low"], metadata["high"]
            return st.integers(low, high) if isinstance(field, WholeNumber) else numbers(low, high)
        case "one_of":
            return st.sampled_from(metadata["allowed"])
        case "names":
            return st.lists(st.sampled_from(metadata["allowed"]()), unique=True)
        case "weights":
            # 'photo' needs photos; that has a test of its own.
            kinds = st.sampled_from([kind for kind in metadata["allowed"] if kind != "photo"])
            return st.dictionaries(kinds, numbers(0, 100), min_size=1).filter(
                lambda w: any(w.values())
            )
        case "paths":
            words = (
                [metadata["builtin"], f"{metadata['builtin']}:city"] if metadata["builtin"] else []
            )
            least = 1 if words else 0
            return st.lists(st.sampled_from([HERE, __file__, *words]), min_size=least, max_size=3)
        case "vary":
            values = distributions(metadata["low"], metadata["high"])
            return values | st.none() if field.default is None else values
    raise AssertionError(metadata["kind"])


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Recipes that differ from the default in some fields, in any way that a file can express."""
    data: dict[str, Any] = {"name": draw(st.text())}
    for field in draw(st.lists(st.sampled_from(ALL_FIELDS), max_size=12, unique=True)):
        value = draw(toml_values(field))
        if value is not None:
            data.setdefault(field.section, {})[field.name] = value
    return parse_recipe(data, name="mine", folder=Path(HERE), where="mine.toml")


same_panel = settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_every_field_of_a_recipe_is_in_the_panel() -> None:
    expected = {
        (section, field.name)
        for section in RECIPE_SECTIONS
        for field in dataclasses.fields(getattr(Recipe(), section))
    }
    assert {(field.section, field.name) for field in ALL_FIELDS} == expected


def test_flags_fit_into_their_properties() -> None:
    for field in ALL_FIELDS:
        if field.metadata["kind"] == "names":
            assert len(field.metadata["allowed"]()) <= BITS * PARTS, field.key


def test_a_new_scene_shows_the_default_preset(panel: Any) -> None:
    assert to_recipe(panel) == load_preset("everyday")
    assert recipe_error(panel) is None
    assert panel.camera.distance.kind == "log"
    assert not any(is_changed(panel, section) for section in SECTIONS)


@pytest.mark.parametrize("name", preset_names())
def test_presets_come_back_as_they_were(panel: Any, name: str) -> None:
    from_recipe(panel, load_preset(name))
    assert to_recipe(panel) == load_preset(name)
    assert not any(is_changed(panel, section) for section in SECTIONS)


@same_panel
@given(recipes())
def test_any_recipe_comes_back_exactly(panel: Any, recipe: Recipe) -> None:
    from_recipe(panel, recipe)
    assert to_recipe(panel) == recipe
    assert to_recipe(panel).to_toml() == recipe.to_toml(), (
        "the order of weights, too: draws depend on it"
    )
    assert not any(is_changed(panel, section) for section in SECTIONS)


def typed(value: Any) -> Any:
    """`value` as a user may type it: each number the shortest that gives the same 32-bit float."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    return (
        float(str(np.float32(np.clip(value, -1e30, 1e30)))) if isinstance(value, float) else value
    )


EDITABLE = [
    field
    for field in ALL_FIELDS
    if isinstance(field, Switch | OneOf | Number | WholeNumber | DistributionField)
]


@same_panel
@given(recipes(), st.sampled_from(EDITABLE), st.data())
def test_editing_one_field_changes_that_field_only(
    panel: Any, recipe: Recipe, field: Field, data: st.DataObject
) -> None:
    from_recipe(panel, recipe)
    group = getattr(panel, field.section)
    value = typed(data.draw(toml_values(field).filter(lambda value: value is not None)))
    field.write(group, field.from_toml(value))

    edited = to_recipe(panel)

    section = getattr(edited, field.section)
    unedited = dataclasses.replace(
        section, **{field.name: getattr(getattr(recipe, field.section), field.name)}
    )
    assert dataclasses.replace(edited, **{field.section: unedited}) == recipe
    # What the properties show now is what was written.
    assert field.shown(getattr(section, field.name)) == field.shown(
        field.metadata["read"](value) if isinstance(field, DistributionField) else value
    )


def test_digits_that_32_bits_cannot_hold_survive(panel: Any) -> None:
    recipe = recipe_of("[camera]\nheight = [0.1, 1.23456789012]\ndepth_of_field = 0.123456789012")
    from_recipe(panel, recipe)
    assert panel.camera.height.high != 1.23456789012, "Blender's floats have 32 bits"
    assert to_recipe(panel).camera.height.values == (0.1, 1.23456789012)
    assert to_recipe(panel).camera.depth_of_field == 0.123456789012


def test_a_typed_number_means_its_shortest_decimal_and_its_neighbour_stays(panel: Any) -> None:
    from_recipe(panel, recipe_of("[camera]\nheight = [0.1, 1.23456789012]"))
    panel.camera.height.low = 0.7
    panel.people.spacing = 0.3
    recipe = to_recipe(panel)
    assert recipe.camera.height.values == (0.7, 1.23456789012)
    assert recipe.people.spacing == 0.3


def test_another_kind_begins_with_numbers_near_the_old_ones(panel: Any) -> None:
    panel.bodies.ages.kind = "normal"
    ages = to_recipe(panel).bodies.ages
    assert ages.kind == "normal"
    assert ages.values == (44.5, 20.25)
    assert ages.bounds == (3, 100), "cut at the limits of the quantity itself"
    panel.bodies.ages.kind = "choice"
    assert to_recipe(panel).bodies.ages.values == (4, 85)


def test_a_gaussian_is_cut_where_the_panel_says(panel: Any) -> None:
    pitch = panel.camera.pitch
    pitch.use_min, pitch.min = True, -12.5
    distribution = to_recipe(panel).camera.pitch
    assert (distribution.values, distribution.bounds) == ((0, 4), (-12.5, 89))


@pytest.mark.parametrize(
    ("text", "values", "weights"),
    [
        ("3", (3,), ()),
        ("1, 2.5,3", (1, 2.5, 3), ()),
        ("1: 5, 2: 3", (1, 2), (5, 3)),
        ("1: 5, 2", (1, 2), (5, 1)),
    ],
)
def test_choices_are_text(panel: Any, text: str, values: tuple, weights: tuple) -> None:
    panel.people.count.kind = "choice"
    panel.people.count.choices = text
    count = to_recipe(panel).people.count
    assert (count.values, count.weights) == (values, weights)


def test_an_optional_field_is_absent_until_it_is_switched_on(panel: Any) -> None:
    assert to_recipe(panel).camera.lens is None
    panel.camera.lens.given = True
    lens = to_recipe(panel).camera.lens
    assert lens is not None
    assert lens.bounds == (24, 70)
    panel.camera.lens.given = False
    assert to_recipe(panel).camera.lens is None


def test_names_are_flags_and_none_means_all(panel: Any) -> None:
    assert panel.wardrobe.garments.part_0 == set()
    panel.wardrobe.garments.part_0 = {"short-sleeved shirt", "dress"}
    assert to_recipe(panel).wardrobe.garments == ("short-sleeved shirt", "dress")


def test_names_beyond_the_flags_of_one_property_are_kept(panel: Any) -> None:
    recipe = recipe_of('[wardrobe]\ngarments = ["jeans", "t-shirt"]')
    from_recipe(panel, recipe)
    assert panel.wardrobe.garments.part_0 == {"t-shirt"}
    assert to_recipe(panel) == recipe


def test_weights_keep_the_order_of_the_file(panel: Any) -> None:
    from_recipe(panel, recipe_of("[light]\nkinds = { sun_sky = 0.1, hdri = 2 }"))
    panel.light.kinds.spherical_harmonics = 0.5
    kinds = to_recipe(panel).light.kinds
    assert list(kinds.items()) == [("sun_sky", 0.1), ("hdri", 2.0), ("spherical_harmonics", 0.5)]


def test_paths_keep_their_words_and_their_order(panel: Any) -> None:
    from_recipe(panel, recipe_of(f'[light]\nhdris = ["builtin:city", {HERE!r}, "builtin"]'))
    assert to_recipe(panel).light.hdris == ("builtin:city", HERE, "builtin")
    panel.light.hdris.builtin = False
    assert to_recipe(panel).light.hdris == ("builtin:city", HERE)


def test_paths_may_be_relative_to_the_blend(panel: Any, tmp_path: Path) -> None:
    (tmp_path / "textures").mkdir()
    panel.wardrobe.textures.paths.add().path = "//textures"
    with pytest.raises(
        RecipeError, match=r"wardrobe\.textures: //textures: save the \.blend first"
    ):
        to_recipe(panel)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    assert to_recipe(panel).wardrobe.textures == (str((tmp_path / "textures").resolve()),)


def test_a_saved_blend_keeps_every_digit(panel: Any, tmp_path: Path) -> None:
    recipe = recipe_of("name = 'mine'\n[camera]\nheight = [0.1, 1.23456789012]")
    from_recipe(panel, recipe)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    assert to_recipe(new_file()) == Recipe()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    assert to_recipe(bpy.context.scene.recipe_under_test) == recipe


def test_a_section_goes_back_to_what_was_loaded(panel: Any) -> None:
    recipe = recipe_of("[camera]\nheight = [0.1, 1.23456789012]\n[light]\nsun_share = 0.9")
    from_recipe(panel, recipe)
    panel.camera.height.kind = "constant"
    panel.light.sun_share = 0.5
    assert is_changed(panel, "camera")
    reset_section(panel, "camera")
    assert not is_changed(panel, "camera")
    assert to_recipe(panel).camera == recipe.camera
    assert to_recipe(panel).light.sun_share == 0.5


def break_range(panel: Any) -> None:
    panel.people.count.low = 9


def break_log(panel: Any) -> None:
    panel.people.facing.kind = "log"


def break_choices(panel: Any) -> None:
    panel.people.count.kind = "choice"
    panel.people.count.choices = "some"


def break_weights(panel: Any) -> None:
    panel.light.kinds.hdri = panel.light.kinds.sun_sky = 0


def break_bodies(panel: Any) -> None:
    panel.bodies.models.builtin = False


def break_photos(panel: Any) -> None:
    panel.background.kinds.photo = 1


def break_motions(panel: Any) -> None:
    panel.poses.motions.paths.add().path = "/nowhere/motions"


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (break_range, r"^Recipe: people\.count: empty range: 9\.0 > 4\.0"),
        (break_log, r"^Recipe: people\.facing: log needs positive"),
        (break_choices, r"^Recipe: people\.count: expected values such as 1, 2, 3 .* got 'some'"),
        (break_weights, r"^Recipe: light\.kinds: at least one weight"),
        (break_bodies, r"^Recipe: bodies\.models: turn Default on, or add files"),
        (break_photos, r"^Recipe: background\.photos: kind 'photo' needs photos"),
        (break_motions, r"^Recipe: poses\.motions: no such file or folder: .*nowhere"),
    ],
)
def test_errors_name_the_key(panel: Any, damage: Any, complaint: str) -> None:
    damage(panel)
    with pytest.raises(RecipeError, match=complaint) as error:
        to_recipe(panel)
    assert recipe_error(panel) == str(error.value)
    assert error.value.key == wrong_key(panel)
    assert str(error.value).startswith(f"Recipe: {wrong_key(panel)}: ")


def test_a_recipe_without_error_has_no_wrong_key(panel: Any) -> None:
    assert wrong_key(panel) == ""


def test_a_folder_that_vanishes_is_noticed_at_once(panel: Any, tmp_path: Path) -> None:
    folder = tmp_path / "motions"
    folder.mkdir()
    panel.poses.motions.paths.add().path = str(folder)
    assert recipe_error(panel) is None
    folder.rmdir()
    assert "poses.motions: no such file" in (recipe_error(panel) or "")
    folder.mkdir()
    assert recipe_error(panel) is None


def test_polls_cost_less_than_a_millisecond(panel: Any) -> None:
    from_recipe(panel, load_preset("street"))
    times = []
    for _ in range(50):
        start = time.perf_counter()
        recipe_error(panel)
        times.append(time.perf_counter() - start)
    assert np.median(times) < 1e-3


def test_messages_name_fields_as_the_panel_does() -> None:
    text = 'a.npz: set poses.motions_up to "z"; people.nothing and x.people.py stay'
    assert in_panel_words(text) == (
        'a.npz: set Poses > Motions Up to "z"; people.nothing and x.people.py stay'
    )


def test_streams_of_a_loaded_recipe_stay(panel: Any) -> None:
    recipe = dataclasses.replace(load_preset("street"), streams="everyday")
    from_recipe(panel, recipe)
    assert to_recipe(panel) == recipe
    panel.people.spacing = 0.5
    assert to_recipe(panel).streams == "everyday"
