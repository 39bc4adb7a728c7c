"""Random streams: each preset, seed, index and factor draws from its own."""

from __future__ import annotations

import dataclasses
import itertools
from functools import cache

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.recipes.recipe import Recipe
from blender_addon.recipes.toml_io import load_preset, preset_names
from blender_addon.scene.assets import load_assets
from blender_addon.scene.camera import extrinsics
from blender_addon.scene.sampling import sample_scene, streams
from blender_addon.scene.spec import SceneSpec
from tests.fuzz import fuzz_settings

FACTORS = ("body", "outfit", "pose", "place", "camera", "lens", "light", "background", "sensor")


@cache
def scenes(name: str, seed: int, count: int) -> list[SceneSpec]:
    recipe = load_preset(name)
    assets = load_assets(recipe)
    return [sample_scene(recipe, assets, seed, index) for index in range(count)]


def numbers_of(spec: SceneSpec) -> dict[str, object]:
    """Numbers by factor that two scenes share by chance with probability 0."""
    person, light = spec.persons[0], spec.light
    return {
        "body": person.body.betas,
        "pose": person.body.pose[1:],
        "outfit": dataclasses.replace(person.outfit, texture=""),
        "light": (light.sun_azimuth, light.hdri_rotation, light.coefficients),
        "background": (spec.background.ground, spec.background.wall, spec.background.color),
        "camera": extrinsics(spec.camera)[0].tolist(),
        "sensor": spec.sensor.seed,
        "noise": spec.noise_seed,
    }


def test_presets_of_one_seed_share_no_draw():
    for one, other in itertools.combinations(["everyday", "close", "street"], 2):
        for a, b in itertools.product(scenes(one, 7, 6), scenes(other, 7, 6)):
            if not a.persons or not b.persons:
                continue
            first, second = numbers_of(a), numbers_of(b)
            shared = [factor for factor in first if first[factor] == second[factor]]
            # Plain backdrops and switched-off parts are constants, not draws.
            assert not set(shared) & {"body", "pose", "outfit", "camera", "sensor", "noise"}
            assert "light" not in shared or a.light == b.light == dataclasses.replace(a.light)


def test_every_preset_seed_index_and_factor_has_its_own_stream():
    recipes = [load_preset(name) for name in preset_names()]
    drawn = [
        tuple(streams(recipe, seed, index)(factor, part).random(3))
        for recipe in recipes
        for seed in (0, 1, 7, 2**32, 2**32 + 7, 2**64)
        for index in range(5)
        for factor in FACTORS
        for part in range(3)
    ]
    assert len(set(drawn)) == len(drawn)
    single = np.array(drawn)[:, 0]
    assert 0.45 < single.mean() < 0.55


KEYS = st.tuples(
    st.text(max_size=6), st.integers(0, 2**70), st.integers(0, 2**34), st.sampled_from(FACTORS),
    st.integers(0, 500),
)  # fmt: skip


@fuzz_settings
@given(KEYS, KEYS)
def test_streams_are_the_same_exactly_when_all_that_names_them_is(one, other):
    def first(key):
        name, seed, index, factor, part = key
        recipe = dataclasses.replace(Recipe(), name=name)
        return streams(recipe, seed, index)(factor, part).integers(1 << 62, size=2).tolist()

    assert (first(one) == first(other)) == (one == other)


def test_recipes_that_name_the_same_streams_differ_in_what_they_change_only():
    everyday = load_preset("everyday")
    plain = dataclasses.replace(
        everyday,
        name="plain",
        streams="everyday",
        wardrobe=dataclasses.replace(everyday.wardrobe, enabled=False),
    )
    assets = load_assets(everyday)
    for index in range(4):
        a, b = (sample_scene(recipe, assets, 3, index) for recipe in (everyday, plain))
        assert a.persons[0].body.betas == b.persons[0].body.betas
        assert a.background == b.background
        assert a.light == b.light
        assert a.persons[0].outfit != b.persons[0].outfit
    renamed = dataclasses.replace(plain, streams="")
    assert sample_scene(renamed, assets, 3, 0).persons[0].body.betas != a.persons[0].body.betas


def test_a_changed_value_leaves_the_streams_as_they_are():
    recipe = load_preset("street")
    assert recipe.stream_key == recipe.with_render(width=300).stream_key == "street"
