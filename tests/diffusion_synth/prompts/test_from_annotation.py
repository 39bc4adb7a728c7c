"""Words of annotations, for every pose, hair, garment and light of the renderer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.bodies.pose_library import load_poses
from blender_addon.scene.assets import BUILTIN_HDRIS
from blender_addon.wardrobe.garments import KINDS
from blender_addon.wardrobe.hair import HAIR_STYLES
from blender_addon.wardrobe.hair_styles import HAIR_STYLES_MESH
from diffusion_synth.prompts.from_annotation import (
    COLOURS,
    HAIR,
    LIGHTS,
    POSES,
    garment_phrase,
    join_phrases,
    nearest_colour,
    person_words,
    scene_words,
)
from tests.fuzz import fuzz_settings


def linear(srgb: tuple[float, float, float]) -> list[float]:
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in srgb]


def garment(kind: str, colour: str = "red", pattern: str = "plain") -> dict[str, Any]:
    return {"kind": kind, "fabric": {"color": linear(COLOURS[colour]), "pattern": pattern}}


def test_words_of_a_person() -> None:
    person = {
        "pose_name": "sit_at_table",
        "wardrobe": {
            "hair": {"style": "long", "color": linear((0.3, 0.2, 0.1))},
            "garments": [
                garment("socks"),
                garment("jeans", "navy"),
                garment("shirt", "white", "stripes"),
                garment("sneakers", "yellow"),
            ],
        },
    }
    assert person_words(person) == {
        "pose": "sitting",
        "clothes": "yellow sneakers, a white striped shirt and navy jeans",
        "hair": "long brown hair",
    }


def test_words_of_a_scene() -> None:
    line = {"light": {"kind": "hdri", "hdri": "builtin:night"}, "background": {"kind": "room"}}
    assert scene_words(line) == {"light": "at night", "place": "in a room"}
    assert scene_words({"light": {"kind": "sun_sky", "hdri": ""}}) == {"light": "in sunlight"}


@pytest.mark.parametrize(
    "line", [{}, {"light": None, "background": None}, {"light": {"hdri": "mine.exr"}}]
)
def test_missing_annotations_give_no_words(line: dict[str, Any]) -> None:
    assert scene_words(line) == {}
    assert person_words(line) == {}
    assert (
        person_words({"wardrobe": {"garments": [{"kind": "socks"}]}, "pose_name": "levitate"}) == {}
    )


def test_everything_of_the_renderer_has_words() -> None:
    assert {pose.name.split("_")[0] for pose in load_poses()} <= set(POSES)
    assert set(HAIR_STYLES) | set(HAIR_STYLES_MESH) == set(HAIR)
    assert {name.removeprefix("builtin:") for name in BUILTIN_HDRIS} == set(LIGHTS)
    for kind in KINDS:
        assert garment_phrase(garment(kind)).endswith(kind)


@pytest.mark.parametrize("name", COLOURS)
def test_every_colour_is_nearest_to_itself(name: str) -> None:
    assert nearest_colour(linear(COLOURS[name]), COLOURS) == name


def test_articles_and_lists() -> None:
    assert garment_phrase(garment("dress")) == "a red dress"
    assert garment_phrase(garment("coat", "orange")) == "an orange coat"
    assert garment_phrase(garment("shorts")) == "red shorts"
    assert [join_phrases(list("abc")[:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["sit_up", "bob", "hdri", "shirt", "stripes"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["pose_name", "wardrobe", "garments", "hair", "style", "color", "fabric", "kind",
             "pattern", "light", "hdri", "background"]
        ),
        inner,
    ),
    max_leaves=16,
)  # fmt: skip


@fuzz_settings
@given(values)
def test_any_annotation_has_words(value: Any) -> None:
    line = value if isinstance(value, dict) else {"wardrobe": value, "light": value}
    for words in (person_words(line), scene_words(line)):
        assert all(isinstance(word, str) for word in words.values())
