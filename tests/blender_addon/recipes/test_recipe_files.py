"""Recipe files as they arrive: of any encoding, language, size and depth. They become a Recipe, or
a RecipeError of one line.
"""

from __future__ import annotations

import codecs
import os
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.recipes.fields import RecipeError, to_toml_value
from blender_addon.recipes.recipe import SECTIONS, Recipe
from blender_addon.recipes.toml_io import load_preset, load_recipe, parse_recipe, preset_names
from blender_addon.recipes.toml_text import DEEPEST, LARGEST, parse_toml
from tests.fuzz import fuzz_count, fuzz_settings, mutated, random_of

WHOLE = load_preset("street").to_toml(comments=True)


def written(folder: Path, content: bytes | str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def complaint(path: Path) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert len(message) < 1000
    return message


@pytest.mark.parametrize("base", preset_names())
@pytest.mark.parametrize("name", [*preset_names(), "mine"])
def test_the_base_counts_whatever_the_file_is_called(tmp_path, base, name):
    recipe = load_recipe(written(tmp_path, f'base = "{base}"\n', f"{name}.toml"))
    preset = load_preset(base)
    assert recipe.name == name
    assert [getattr(recipe, s) for s in SECTIONS] == [getattr(preset, s) for s in SECTIONS]


@pytest.mark.parametrize("name", preset_names())
def test_a_file_without_a_base_differs_from_everyday_whatever_it_is_called(tmp_path, name):
    recipe = load_recipe(written(tmp_path, "", f"{name}.toml"))
    assert recipe.camera == load_preset("everyday").camera


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_editors_and_shells_of_every_system_write_recipes(tmp_path, mark, encoding, ends):
    text = WHOLE.replace("\n", ends)
    assert load_recipe(written(tmp_path, mark + text.encode(encoding))) == load_preset("street")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("people:\n  count: 3\n", "this looks like YAML: write `[people]`"),
        ("---\nname: mine\n", "this looks like YAML"),
        ('{"people": {"count": 3}}', "this looks like JSON"),
        ("[people\n", "not valid TOML"),
        (b"name = 'caf\xe9'", "line 1 is not UTF-8 text; save the recipe as UTF-8"),
        (b"name = 'a'\n\n# 5 \xb0\n", "line 3 is not UTF-8 text"),
        (b"PK\x03\x04\x00\x00", "is no text file; give a recipe"),
        ("[people]\ncount = 1\nbase = 'close'\n", "people.base: 'base' belongs to the top"),
        ("[people]\nstreams = 'mine'\n", "people.streams: 'streams' belongs to the top"),
        ("streams = 3", "streams: expected text, got 3"),
        ("[people]\n\"a\\nb\" = 1", "unknown key"),
        ("\"a\\nb\" = 1", "unknown key"),
        (f"[people]\n{'k' * 5000} = 1", "unknown key"),
        (f"[people]\ncount = '{'k' * 5000}'", "expected a number"),
        ("[people]\ncount = 1" + "0" * 400, "people.count: expected a number"),
        ("[people]\ncount = 0x" + "f" * 50_000, "people.count: expected a number"),
        ("[people]\ncount = 1" + "0" * 5000, "not valid TOML"),
        ("[people]\nspacing = nan", "people.spacing: must lie within"),
        ("[people]\ncount = inf", "people.count: expected a number"),
        ("[light]\nkinds = { hdri = 1e308, sun_sky = 1e308 }", "the weight of 'hdri'"),
        ("[light]\nkinds = { hdri = 0x" + "f" * 400 + " }", "the weight of 'hdri'"),
        ("[people]\ncount = {choice = [1, 2], weights = [1e308, 1e308]}", "weights must be"),
        ("[background]\nphotos = 'a\\u0000b'", "background.photos: not a path"),
        ("[background]\nphotos = '~no_such_user/x'", "background.photos: not a path"),
        (f"[background]\nphotos = '{'x/' * 3000}'", "background.photos: not a path"),
        ("[background]\nphotos = '''a\nb'''", "no such file or folder: "),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_in_one_line(tmp_path, content, said):
    if "\\u0000" in str(content):
        content = str(content).replace("'", '"')
    assert said in complaint(written(tmp_path, content))


def test_a_folder_and_a_missing_file_are_named(tmp_path):
    assert "is a folder; give the recipe file" in complaint(tmp_path)
    assert "missing.toml: cannot be read (No such file" in complaint(tmp_path / "missing.toml")


def test_a_file_that_is_no_recipe_by_its_size_is_not_parsed(tmp_path):
    path = written(tmp_path, b"")
    with path.open("r+b") as file:
        file.truncate(LARGEST * 4000)  # sparse: 4 GB that are read no further than needed
    assert "larger than 1024 KiB" in complaint(path)


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a = " + "{b = " * 50_000,
        "a" + ".a" * 200_000 + " = 1",
        "[" + "a." * 200_000 + "a]",
        '"a"' + " . 'a'" * 100_000 + " = 1",
        "a = [\n" * 50_000,
        f"a = {'[' * (DEEPEST + 1)}1{']' * (DEEPEST + 1)}",
    ],
)
def test_a_deep_file_is_refused_before_it_is_parsed(tmp_path, text):
    start = time.perf_counter()
    message = complaint(written(tmp_path, text))
    assert "of more than 16 parts" in message or "more than 16 brackets" in message
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    "text",
    [
        'name = "' + "[" * 100 + '"',
        "name = '" + "{." * 100 + "'",
        'name = """\n' + '[{." \\""" ' * 100 + '"""',
        "name = '''" + "[' '' " * 100 + "'''",
        "# " + "[." * 100 + "\nname = 'a'",
        "[camera]\nfov = {choice = [" + "40.5, " * 500 + "40]}",
    ],
)
def test_strings_comments_and_numbers_are_not_deep(text):
    assert parse_toml(text, "mine.toml") == tomllib.loads(text)


@pytest.mark.skipif(os.name == "nt", reason="file names are Unicode there")
def test_names_that_are_not_utf_8_are_escaped(tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    photos = '[background]\nkinds = { photo = 1 }\nphotos = "."\n'
    recipe = load_recipe(written(folder, photos, os.fsdecode(b"my\xff.toml")))
    assert recipe.name == "my\\xff"
    assert recipe.background.photos == (str(folder),)
    with pytest.raises(RecipeError, match=r"background\.photos: .*caf\\xe9: the name is not UTF-8"):
        recipe.to_toml()


@fuzz_settings
@given(st.binary(max_size=300))
def test_any_bytes_are_a_recipe_or_refused(tmp_path, content):
    path = written(tmp_path, content)
    try:
        assert isinstance(load_recipe(path), Recipe)
    except RecipeError as error:
        assert len(str(error).splitlines()) == 1


@pytest.mark.fuzz
def test_a_damaged_recipe_is_a_recipe_or_refused(tmp_path):
    for number in range(fuzz_count()):
        numbers = random_of(number)
        path = written(tmp_path, mutated(WHOLE.encode(), numbers))
        try:
            recipe = load_recipe(path)
        except RecipeError as error:
            assert len(str(error).splitlines()) == 1, number
        else:
            assert parse_recipe(tomllib.loads(recipe.to_toml()), name="x", folder=tmp_path,
                                where="again", base=Recipe()) == recipe, number  # fmt: skip


NUMBERS = st.one_of(
    st.integers(-(10**400), 10**400), st.integers(-3, 600), st.floats(), st.booleans()
)
TEXTS = st.one_of(
    st.text(max_size=8), st.sampled_from(["hdri", "default", "builtin:city", "alpha"])
)
VALUES = st.recursive(
    st.one_of(NUMBERS, TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["log", "normal", "choice", "weights", "min", "max", "hdri", "photo"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)
KEYS = [(s, key) for s in SECTIONS for key in vars(getattr(Recipe(), s))]


@fuzz_settings
@given(st.lists(st.tuples(st.sampled_from(KEYS), VALUES), max_size=4))
def test_any_value_of_any_key_is_read_or_refused(changes):
    data: dict[str, dict[str, object]] = {}
    for (section, key), value in changes:
        data.setdefault(section, {})[key] = value
    try:
        recipe = parse_recipe(data, name="mine", folder=Path("/nonexistent"), where="mine.toml")
    except RecipeError as error:
        assert len(str(error).splitlines()) == 1
        assert len(str(error)) < 2000
    else:
        assert tomllib.loads(recipe.to_toml()) == recipe.to_json()


@fuzz_settings
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_toml_and_its_check(text):
    assert parse_toml(f"name = {to_toml_value(text)}", "x") == {"name": text}
