"""Hair as geometry: outside of head and clothes, of few faces, and where its style has it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from blender_addon.wardrobe.cloth_layers import HAIR, cloth_layers, outermost
from blender_addon.wardrobe.dressed import MATERIALS, Wearable
from blender_addon.wardrobe.garment_kind import NEVER
from blender_addon.wardrobe.hair import HAIR_STYLES
from blender_addon.wardrobe.hair_styles import HAIR_STYLES_MESH, sample_mesh_hair, with_mesh_hair
from blender_addon.wardrobe.outfit import Face, Garment, Hair, Item, Outfit
from blender_addon.wardrobe.sampling import sample_outfit
from blender_addon.wardrobe.scalp import head_map
from blender_addon.wardrobe.strands import Strands, strands_of
from blender_addon.wardrobe.worn_part import Fitting

LIGHTEST = 6500  # faces of hair on a head, without beard and brows
COAT = Garment("coat", hem=-0.6, sleeve=1.0, neck=-0.02, looseness=0.5)
ROOTED = [name for name, style in HAIR_STYLES_MESH.items() if style.ribbons]


def hair_of(name: str, **more) -> Hair:
    style = HAIR_STYLES_MESH[name]
    middle = {key: sum(getattr(style, key)) / 2 for key in ("recede", "top", "volume")}
    return Hair(name, density=style.density, **(middle | more))


def grow(body, chart, hair: Hair, *, beard=0.0, garments=(), items=(), betas=(0.0,)) -> Strands:
    shaped, joints = body.shape_blend(betas)
    outfit = Outfit(hair=hair, face=Face(beard=beard), garments=garments, items=items)
    outfit = dataclasses.replace(outfit, style="mesh", seed=0.3)
    outer = outermost(cloth_layers(chart, outfit, shaped), shaped)
    return strands_of(Fitting(body, chart, shaped, joints, 0.3, outer, hair.volume), outfit)


def depth_in_head(body, chart, points: np.ndarray) -> np.ndarray:
    """(N,) m below the skin of the skull, for points above the neck."""
    head = head_map(body, chart).on(body.shape_blend([])[0], body.shape_blend([])[0])
    local = points / head.scale - head.shift
    way = local - head.middle
    far = np.linalg.norm(way, axis=1)
    return np.where(way[:, 1] / far > -0.3, head.radius(way / far[:, None]) - far, -1.0)


@pytest.mark.parametrize("name", ROOTED)
def test_locks_are_whole_few_and_outside_of_the_head(body, chart, name):
    strands = grow(body, chart, hair_of(name))
    bare = grow(body, chart, hair_of("bald", volume=0.01))
    N = len(strands.points)
    assert np.isfinite(strands.points).all()
    assert strands.faces.min() == 0 and strands.faces.max() == N - 1
    assert strands.values.shape == (N, 4) and strands.weights.shape == (N, 5)
    assert len(strands.source) == len(strands.faces)
    assert 300 < len(strands.faces) - len(bare.faces) < LIGHTEST
    assert np.allclose(strands.weights.sum(axis=1), 1.0, atol=1e-5)
    # Braids along the scalp are sunk into it.
    deep = 0.008 if name == "cornrows" else 0.004
    assert np.mean(depth_in_head(body, chart, strands.points) > deep) < 0.02
    own = strands.points[len(bare.points) :]
    head = body.shape_blend([])[0][chart["head"][:, 1] > -1.0].mean(axis=0)
    assert np.linalg.norm(own - head, axis=1).max() < 0.75


def test_hair_of_a_seed_is_the_same_each_time_and_differs_between_seeds(body, chart):
    first, second = (grow(body, chart, hair_of("long wavy")) for _ in range(2))
    assert np.array_equal(first.points, second.points)
    shaped, joints = body.shape_blend([])
    fitting = Fitting(body, chart, shaped, joints, 0.6)
    other = strands_of(fitting, Outfit(hair=hair_of("long wavy"), style="mesh", seed=0.6))
    assert not np.array_equal(first.points, other.points)


@pytest.mark.parametrize("name", ["long", "very long", "box braids"])
def test_hanging_hair_lies_over_a_coat(body, chart, name):
    strands = grow(body, chart, hair_of(name), garments=(COAT,))
    outfit = Outfit(hair=hair_of(name), garments=(COAT,), style="mesh")
    shaped, _ = body.shape_blend([])
    outer = outermost(cloth_layers(chart, outfit, shaped), shaped)
    torso = np.flatnonzero((chart["arm"] < 0.3) & (chart["level"] > 0.1) & (chart["level"] < 0.95))
    low = strands.points[strands.points[:, 1] < shaped[torso, 1].max()]
    assert len(low) > 300
    near = torso[((low[:, None] - outer[None, torso]) ** 2).sum(-1).argmin(axis=1)]
    outside = ((low - outer[near]) * chart["normal"][near]).sum(axis=1)
    assert np.mean(outside < -0.004) < 0.03


def test_hair_of_a_dressed_person_is_grown_over_the_clothes(body, chart):
    outfit = Outfit(hair=hair_of("long"), style="mesh", seed=0.3, garments=(COAT,))
    bare = dataclasses.replace(outfit, garments=())
    over, under = (Wearable(body, chart, [0.0], o)._strands for o in (outfit, bare))
    direct = grow(body, chart, hair_of("long"), garments=(COAT,))
    assert np.allclose(over.points, direct.points, atol=1e-5)
    assert np.abs(over.points - under.points).max() > 0.01


def test_long_hair_follows_the_head_above_and_the_shoulders_below(body, chart):
    wearable = Wearable(
        body, chart, [0.0], Outfit(hair=hair_of("long"), style="mesh", seed=0.3, garments=(COAT,))
    )
    pose = np.zeros((body.num_joints, 3))
    pose[0] = [np.pi / 2, 0, 0]
    before = wearable.posed(pose, (0, 0, 0))
    pose[body.joint_names.index("head"), 1] = 0.9
    after = wearable.posed(pose, (0, 0, 0))
    hair = np.unique(before.faces[before.material == MATERIALS.index(HAIR)])
    moved = np.linalg.norm(before.vertices - after.vertices, axis=1)[hair]
    height = before.vertices[hair, 2]
    high, low = height > np.quantile(height, 0.9), height < np.quantile(height, 0.1)
    assert np.median(moved[high]) > 0.02
    assert np.median(moved[low]) < 0.01
    f = before.faces[before.material == MATERIALS.index(HAIR)]
    stretch = [
        np.linalg.norm(d.vertices[f[:, 0]] - d.vertices[f[:, 1]], axis=1) for d in (before, after)
    ]
    assert np.quantile(stretch[1] - stretch[0], 0.99) < 0.03


def test_only_what_shows_below_a_hat_grows(body, chart):
    short, long = hair_of("short"), hair_of("long")
    hat = (Item("beanie"),)
    free, covered = (grow(body, chart, short, items=items) for items in ((), hat))
    assert 0 < len(covered.faces) < 0.6 * len(free.faces)
    beneath = grow(body, chart, long, items=hat)
    assert beneath.points[:, 1].max() < grow(body, chart, long).points[:, 1].max()
    assert beneath.points[:, 1].min() < covered.points[:, 1].min() - 0.1
    hidden = grow(body, chart, long, items=(Item("hijab"),))
    assert len(hidden.faces) == len(grow(body, chart, hair_of("bald", volume=0.01)).faces)


def test_a_beard_grows_below_the_nose_and_thicker_with_its_density(body, chart):
    bald = hair_of("bald", volume=0.01)
    bare, stubble, full, long = (grow(body, chart, bald, beard=b) for b in (0, 0.3, 0.6, 1.0))
    assert len(bare.faces) == len(stubble.faces) < len(full.faces)
    assert long.points[:, 1].min() < full.points[:, 1].min() < bare.points[:, 1].min() - 0.05


def test_brows_are_above_the_eyes_in_a_colour_of_their_own(body, chart):
    bald = grow(body, chart, hair_of("bald", volume=0.01))
    brows = bald.points[bald.values[:, 2] >= 2.0]
    shaped, _ = body.shape_blend([])
    eyes = shaped[chart["white"] > 0]
    assert len(brows) > 100
    assert abs(brows[:, 0].mean()) < 0.004
    assert eyes[:, 1].mean() < brows[:, 1].min() and brows[:, 1].max() < eyes[:, 1].mean() + 0.05


def test_without_locks_or_volume_nothing_grows(body, chart):
    shaped, joints = body.shape_blend([])
    fitting = Fitting(body, chart, shaped, joints, 0.3)
    for outfit in (
        Outfit(hair=hair_of("long"), style="mesh", locks=False),
        Outfit(hair=hair_of("long", volume=0.0), style="mesh"),
    ):
        assert len(strands_of(fitting, outfit).points) == 0


def test_a_child_of_another_size_has_hair_too(body, chart):
    betas = np.zeros(body.num_betas)
    betas[0] = -3.0
    shaped, _ = body.shape_blend(betas)
    strands = grow(body, chart, hair_of("bob"), betas=betas)
    head = shaped[chart["head"][:, 1] > -1.0]
    for axis, room in ((0, 0.06), (1, 0.04), (2, 0.06)):
        low, high = strands.points[:, axis].min(), strands.points[:, axis].max()
        assert abs(high - head[:, axis].max()) < room
        assert axis == 1 or abs(low - head[:, axis].min()) < room


def test_painted_styles_are_mesh_styles_too():
    assert set(HAIR_STYLES) <= set(HAIR_STYLES_MESH)
    assert len(HAIR_STYLES_MESH) >= 30


def test_styles_suit_age_and_gender():
    def share(names, age, male):
        rng = np.random.default_rng(4)
        styles = [sample_mesh_hair(rng, age, male, (0.1, 0.1, 0.1)).style for _ in range(300)]
        return np.mean([style in names for style in styles])

    long = {name for name, style in HAIR_STYLES_MESH.items() if style.fall}
    assert share(long, 30, 0.0) > 0.4 > 0.15 > share(long, 30, 1.0)
    assert share({"receding", "ring", "bald"}, 65, 1.0) > 0.25
    assert share({"receding", "ring"}, 20, 1.0) < 0.03
    assert share({"pigtails"}, 7, 0.0) > share({"pigtails"}, 40, 0.0)
    assert share({"perm", "set back"}, 75, 0.0) > 0.1 > share({"perm", "set back"}, 25, 0.0)


def test_drawn_hair_keeps_all_else_of_the_outfit():
    for seed in range(20):
        outfit = sample_outfit(np.random.default_rng(seed), age=45, gender=float(seed % 2))
        new = with_mesh_hair(np.random.default_rng(seed), outfit, 45, float(seed % 2))
        assert new.garments == outfit.garments and new.skin == outfit.skin
        assert new.hair.style in HAIR_STYLES_MESH
        assert new.hair.fall == NEVER
        assert seed % 2 or new.face.beard == 0.0
