"""The recipe of a segmenter: what it holds, and how a wrong one is refused."""

from __future__ import annotations

import contextlib
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pii_seg.build.recipe import BuildRecipe, Renders, recipe_of
from pii_seg.build_model import read_recipe
from pii_seg.config import to_plain_data
from pii_seg.errors import ConfigError, InputError

RECIPE = """
name = "small"
version = "1"
description = "A test."
seeds = [0, 1]

[[renders]]
name = "everyday"
recipe = "everyday"
count = 20
resolution = [64, 48]
samples = 4

[[held_out]]
name = "own"
recipe = "own.toml"
count = 10
seed = 3

[[photos]]
folder = "empty"
licence = "CC0-1.0"
origin = "a package"

[model]
width = 32

[[training]]
name = "warm"
budget = { steps = 5 }
data = { size = 32 }

[[training]]
name = "long"
optimiser = { head_weight = 1.0 }
budget = { steps = 9 }

[measure]
data = ["photos"]
"""


def values(**changes: Any) -> dict[str, Any]:
    return {**tomllib.loads(RECIPE), **changes}


def test_a_recipe_is_read_with_its_paths(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(RECIPE)
    recipe = read_recipe(tmp_path / "small.toml")
    everyday, own = recipe.renders[0], recipe.held_out[0]
    assert everyday.command() == [
        "--preset", "everyday", "--count", "20", "--seed", "0", "--resolution", "64x48",
        "--samples", "4",
    ]  # fmt: skip
    assert own.command() == [str(tmp_path / "own.toml"), "--count", "10", "--seed", "3"]
    assert recipe.photos[0].folder == str(tmp_path / "empty")
    assert recipe.measured.data == (str(tmp_path / "photos"),)
    warm, long = recipe.trainings
    assert (warm.config.budget.steps, long.config.budget.steps) == (5, 9)
    assert warm.config.model == long.config.model and warm.config.model.width == 32
    assert warm.config.data.size == 32
    assert to_plain_data(recipe)["seeds"] == [0, 1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "Small Model"}, "is no name"),
        ({"version": 1}, "expected str"),
        ({"renders": []}, r"\[\[renders\]\] is missing"),
        ({"training": []}, r"\[\[training\]\] is missing"),
        ({"renders": {"name": "x"}}, "expected tables"),
        ({"renders": [{"name": "x", "recipe": "close"}]}, "count"),
        ({"renders": [{"name": "x", "recipe": "close", "count": "9"}]}, "expected int"),
        ({"renders": [{"name": "x", "recipe": "close", "count": 0}]}, "at least 1"),
        ({"renders": [{"name": "../x", "recipe": "close", "count": 1}]}, "is no name"),
        ({"renders": [{"name": "x", "recipe": "close", "count": 1, "resolution": [9]}]}, "width"),
        ({"held_out": [{"name": "x", "recipe": "everyday", "count": 1}]}, "learnt from"),
        ({"held_out": [{"name": "everyday", "recipe": "close", "count": 1}]}, "two are called"),
        ({"photos": [{"folder": "x", "licence": "", "origin": "y"}]}, "licence is empty"),
        ({"renders": [{"name": "x"}]}, "either recipe or folder"),
        ({"renders": [{"name": "x", "recipe": "close", "folder": "y"}]}, "either recipe or folder"),
        ({"renders": [{"name": "x", "folder": "y", "count": 3}]}, "are those of the dataset"),
        (
            {"held_out_photos": [{"folder": "empty", "licence": "CC0-1.0", "origin": "y"}]},
            "is learnt from",
        ),
        ({"choice": {"false_area": 2.0}}, "expected 0 to 1"),
        ({"seeds": [1, 1]}, "different numbers"),
        ({"seeds": []}, "different numbers"),
        ({"size": "huge"}, "one of tiny, small, strong"),
        ({"colour": 3}, "'colour' is unknown"),
        ({"training": [{"name": "a", "budget": {"steps": 0}}]}, "budget.steps"),
        ({"training": [{"name": "a", "budget": {"stops": 1}}]}, "'stops' is unknown"),
        ({"training": [{"name": "a", "data": {"synthetic": ["x"]}}]}, "names folders"),
        ({"training": [{"name": "a", "model": {}}]}, "no section"),
        ({"measure": {"data": "photos"}}, "list of texts"),
        ({"inference": {"size": 3}}, "size"),
    ],
)
def test_a_wrong_recipe_is_refused_by_the_place(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        recipe_of(values(**changes), Path())


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.toml: no such file"):
        read_recipe(tmp_path / "absent.toml")
    (tmp_path / "bad.toml").write_text("name = ")
    with pytest.raises(InputError, match=r"bad\.toml: no TOML"):
        read_recipe(tmp_path / "bad.toml")


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats(-1, 9) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "count", "recipe", "budget", "x"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(values())), PLAIN, min_size=1))
def test_no_value_does_anything_but_be_read_or_refused(changes: dict[str, Any]) -> None:
    with contextlib.suppress(ConfigError):
        assert isinstance(recipe_of(values(**changes), Path()), BuildRecipe)


def test_a_preset_counts_by_its_name() -> None:
    assert not Renders("a", "close", 1).is_file and Renders("a", "close.toml", 1).is_file
