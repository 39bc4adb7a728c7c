"""Cloth is drawn from a stream of its own and suits the garment."""

import json
from collections import Counter
from dataclasses import asdict, replace

import numpy as np
import pytest

from blender_addon.scene.spec import from_plain
from blender_addon.wardrobe.fabric_figures import FIGURES
from blender_addon.wardrobe.fabric_images import PLAIN
from blender_addon.wardrobe.fabric_sampling import (
    CLOTHS,
    FIGURES_OF,
    MESH_PATTERNS,
    cloth_of,
    with_cloth,
)
from blender_addon.wardrobe.fabric_weaves import WEAVES
from blender_addon.wardrobe.garment_kind import PATTERNS
from blender_addon.wardrobe.outfit import Fabric, Outfit
from blender_addon.wardrobe.sampling import sample_outfit
from blender_addon.wardrobe.skin_detail import INKS, with_skin_detail


@pytest.fixture(scope="module")
def crowd() -> list[Outfit]:
    return [with_cloth(sample_outfit(np.random.default_rng(i))) for i in range(600)]


def without_fabric(outfit: Outfit) -> Outfit:
    garments = tuple(replace(garment, fabric=Fabric()) for garment in outfit.garments)
    return replace(outfit, garments=garments)


def test_every_name_of_the_tables_has_a_tile():
    for weights in CLOTHS.values():
        assert set(weights) <= set(WEAVES)
    for weights in FIGURES_OF.values():
        assert set(weights) <= {PLAIN, *FIGURES}
    assert set(PATTERNS) <= set(FIGURES_OF)


def test_every_cloth_and_figure_is_worn(crowd):
    cloths = Counter(g.fabric.cloth for o in crowd for g in o.garments)
    chosen = [
        with_cloth(sample_outfit(np.random.default_rng(seed)), (name,))
        for name in MESH_PATTERNS
        for seed in range(120)
    ]
    figures = {g.fabric.figure for o in (*crowd, *chosen) for g in o.garments}
    assert set(WEAVES) - set(cloths) <= {"sherpa", "velvet"}  # rare
    assert figures == {PLAIN, "wash", *FIGURES}
    assert cloths["denim"] > 50


def test_garments_colours_of_plain_cloth_and_painted_patterns_stay_as_drawn(crowd):
    for seed, dressed in enumerate(crowd[:80]):
        before = sample_outfit(np.random.default_rng(seed))
        bare = replace(
            dressed, garments=tuple(replace(g, fabric=Fabric()) for g in dressed.garments)
        )
        assert bare == replace(
            before, garments=tuple(replace(g, fabric=Fabric()) for g in before.garments)
        )
        for old, new in zip(before.garments, dressed.garments, strict=True):
            assert new.fabric.pattern in PATTERNS
            if new.fabric.figure == PLAIN:
                assert new.fabric.color == old.fabric.color


def test_only_allowed_patterns_are_used():
    for seed in range(120):
        outfit = sample_outfit(np.random.default_rng(seed), patterns=("plain", "camouflage"))
        figures = {g.fabric.figure for g in with_cloth(outfit, ("plain", "camouflage")).garments}
        assert figures <= {PLAIN, "wash", *FIGURES_OF["camouflage"]}
    only = [
        g.fabric.figure
        for seed in range(120)
        for g in with_cloth(sample_outfit(np.random.default_rng(seed)), ("animal",)).garments
    ]
    assert set(only) <= {PLAIN, "wash", *FIGURES_OF["animal"]}
    assert set(only) & set(FIGURES_OF["animal"])


def test_new_patterns_may_be_asked_for_and_unknown_ones_are_named():
    for name in MESH_PATTERNS:
        sample_outfit(np.random.default_rng(0), patterns=(name,))
    with pytest.raises(ValueError, match="polka"):
        sample_outfit(np.random.default_rng(0), patterns=("polka",))


def test_a_fabric_without_cloth_gets_one_that_suits_its_pattern():
    filled = cloth_of(Fabric("checks"))
    assert filled.figure in FIGURES_OF["checks"]
    assert filled.cloth in WEAVES
    assert filled.repeat > 0
    assert cloth_of(filled) == filled


def test_cloth_and_complexion_survive_json(crowd):
    outfit = with_skin_detail(crowd[0], 60, 1.0)
    assert from_plain(Outfit, json.loads(json.dumps(asdict(outfit)))) == outfit


def test_skin_ages_and_children_have_neither_beard_nor_ink():
    people = [sample_outfit(np.random.default_rng(i)) for i in range(200)]
    children = [with_skin_detail(o, 8, 1.0).complexion for o in people]
    elders = [with_skin_detail(o, 75, 1.0).complexion for o in people]
    assert not any(c.stubble or c.tattoo for c in children)
    assert np.mean([c.wrinkles for c in elders]) > np.mean([c.wrinkles for c in children]) + 0.5
    assert {c.tattoo for c in elders} == {"", *INKS}
    assert any(c.stubble > 0.3 for c in elders)
    same = with_skin_detail(people[3], 30, 0.0)
    assert with_skin_detail(people[3], 30, 0.0) == same
