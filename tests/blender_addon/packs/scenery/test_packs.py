"""Folders of models and textures: what they hold, how large it is, and what it is for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from blender_addon.packs.scenery.kinds import kind_of_model
from blender_addon.packs.scenery.prop_pack import read_props
from blender_addon.packs.scenery.sizes import points_up, real_size
from blender_addon.packs.scenery.texture_names import material_kind, split_name
from blender_addon.packs.scenery.texture_pack import maps_of, read_textures
from blender_addon.packs.text_files import PackError
from tests.blender_addon.packs.scenery.model_files import box_gltf, png, write_gltf, write_obj


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PII_SYNTH_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("name", "category", "role"),
    [
        ("Desk lamp", "", "lamp"),
        ("lampPost_01", "", "street"),
        ("Table with tablecloth", "", "table"),
        ("office_chair", "", "seat"),
        ("Statue of a woman", "", "figure"),
        ("Woman shoes", "", "clothes"),
        ("Casual woman", "", "person"),
        ("Anna", "People", "person"),
        ("Bulldog", "Characters", "animal"),
        ("PineTree_Autumn_3", "", "tree"),
        ("Some thing", "Exterior", "street"),
        ("Some thing", "", "decoration"),
    ],
)
def test_roles_come_from_names_and_categories(name: str, category: str, role: str) -> None:
    assert kind_of_model(name, category).role == role


def test_units_are_guessed_from_what_such_things_measure() -> None:
    chair = kind_of_model("chair")
    for unit in (1, 100, 1000):
        size = real_size(np.array([0.5, 0.6, 0.9]) * unit, chair, None)
        assert size.size == pytest.approx((0.5, 0.6, 0.9)), unit
        assert not size.note
    car = real_size(np.array([70.0, 177.0, 57.0]), kind_of_model("car"), None)
    assert car.size == pytest.approx((1.778, 4.4958, 1.4478))  # 177 is a length in inches alone
    odd = real_size(np.array([5e6, 5e6, 9e6]), chair, None)
    assert 0.3 < max(odd.size) < 4.0 and "no length of a seat" in odd.note
    listed = real_size(np.array([50.0, 60.0, 90.0]), chair, (0.45, 0.54, 0.81))
    assert listed.size == (0.45, 0.54, 0.81) and not listed.note
    other = real_size(np.array([50.0, 60.0, 90.0]), chair, (0.9, 0.1, 0.8))
    assert other.size == pytest.approx((0.5, 0.6, 0.9)) and "proportions" in other.note


def test_the_axis_that_points_up_comes_from_the_real_proportions() -> None:
    size = (0.5, 0.6, 1.8)  # width, depth, height
    assert points_up(np.array([50, 180, 60]), size, "")
    assert not points_up(np.array([50, 60, 180]), size, "")
    assert points_up(np.array([50, 60, 180]), size, "y")
    assert points_up(np.array([50, 60, 180]), None, "")


def _pack(root: Path) -> Path:
    write_obj(root / "chairs" / "a" / "a.obj", scale=30, image=True)
    write_obj(root / "statues" / "b" / "b.obj")
    write_gltf(root / "oak_tree.gltf", box_gltf())
    write_gltf(root / "man.gltf", box_gltf())
    (root / "broken.obj").write_text("v 1\n")
    (root / "notes.txt").write_text("nothing")
    rows = [
        {"folder": "chairs/a", "name": "Armchair", "category": "Living room",
         "size_cm": ["30", 90.0, 60], "licence": "CC-BY-3.0", "creator": "Ada", "source": "there"},
        {"folder": "statues/b", "name": "Thing", "hard_negative": True},
    ]  # fmt: skip
    (root / "catalogue.json").write_text(json.dumps(rows))
    (root / "LICENSE.txt").write_text("| oak_tree | CC0 | Bo |\n")
    return root


def test_a_pack_lists_models_with_role_size_and_licence(tmp_path: Path) -> None:
    pack = read_props(_pack(tmp_path / "pack"))
    tree, armchair, thing = pack.items
    assert (armchair.role, armchair.thing, armchair.size) == ("seat", "armchair", (0.3, 0.9, 0.6))
    assert (armchair.licence, armchair.author, armchair.source) == ("CC-BY-3.0", "Ada", "there")
    assert [image.name for image in armchair.images] == ["red one.png"]
    assert (tree.role, tree.size, tree.licence, tree.author) == ("tree", (1, 3, 2), "CC0-1.0", "Bo")
    assert thing.hard_negative and not armchair.hard_negative
    assert (armchair.indoors, armchair.outdoors) == (True, False)
    assert tree.outdoors and not tree.hard_negative
    named = {entry.name: entry.reason for entry in pack.unusable}
    assert set(named) == {"broken.obj", "man.gltf"}
    assert "a person" in named["man.gltf"]


def test_a_pack_is_the_same_wherever_it_lies(tmp_path: Path) -> None:
    here, there = (read_props(_pack(tmp_path / name)) for name in ("pack", "other"))
    assert [item.key for item in here] == [item.key for item in there]
    (tmp_path / "other" / "chairs" / "a" / "a.mtl").write_text("newmtl paint\nKd 0 0 1\n")
    changed = read_props(tmp_path / "other")
    assert [a.key == b.key for a, b in zip(changed, here, strict=True)] == [True, False, True]


def test_libraries_of_sweet_home_3d_say_sizes_axes_and_authors(tmp_path: Path) -> None:
    write_obj(tmp_path / "lib" / "set" / "oak" / "oak.obj", scale=70)
    (tmp_path / "lib" / "PluginFurnitureCatalog.properties").write_text(
        "# a library\nname#7=B\\u00e4nk bench\nmodel#7=/set/oak/oak.obj\nwidth#7=50\n"
        "depth#7=100.0\nheight#7=150\nmodelRotation#7=1 0 0 0 0 1 0 -1 0\ncreator#7=Eva\n"
        "license#7=CC-BY 3.0\n"
    )
    (item,) = read_props(tmp_path / "lib")
    assert (item.name, item.role, item.author) == ("Bänk bench", "seat", "Eva")
    assert item.size == (0.5, 1.0, 1.5)  # its third axis points up, as the rotation says
    assert item.licence == "CC-BY-3.0"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "damaged JSON"),
        ('{"models": 3}', "expected a list"),
        ('[{"folder": "chairs/a", "size_cm": [1, 2]}]', "size_cm"),
        ('[{"folder": "chairs/a", "size_cm": [1, -2, 3]}]', "size_cm"),
        ('[{"folder": 7}]', "expected a text"),
    ],
)
def test_a_damaged_catalogue_is_named_with_each_model(
    tmp_path: Path, text: str, fault: str
) -> None:
    root = _pack(tmp_path / "pack")
    (root / "catalogue.json").write_text(text)
    pack = read_props(root)
    assert not pack.items
    assert all(fault in entry.reason or "person" in entry.reason for entry in pack.unusable)


def test_a_folder_that_is_missing_is_an_error(tmp_path: Path) -> None:
    for read in (read_props, read_textures):
        with pytest.raises(PackError, match="no such folder"):
            read(tmp_path / "gone")


# --- textures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stem", "base", "kind", "width"),
    [
        ("Bricks075A_1K-JPG_Color", "bricks075a", "color", 0),
        ("Bricks075A_1K-JPG_NormalGL", "bricks075a", "normal", 0),
        ("Bricks075A_1K-JPG_NormalDX", "bricks075a", "normal_dx", 0),
        ("red_brick_03_nor_gl_1k", "red_brick_03", "normal", 0),
        ("red_brick_03_diff_4k", "red_brick_03", "color", 0),
        ("red_brick_03_arm_4k", "red_brick_03", "packed", 0),
        ("T_Oak_BaseColor", "oak", "color", 0),
        ("oak 120cm_ambientOcclusion", "oak_120cm", "other", 1.2),
        ("paving_2m_albedo", "paving_2m", "color", 2),
        ("Asphalt_012", "asphalt_012", "", 0),
        ("color", "", "color", 0),
    ],
)
def test_names_of_maps_are_understood(stem: str, base: str, kind: str, width: float) -> None:
    name = split_name(stem)
    assert (name.base, name.map, name.width) == (base, kind, width)


def test_materials_come_from_names() -> None:
    for names, kind in (
        (("red_brick_wall",), "brick"),
        (("WoodFloor043",), "floorboards"),
        (("PavingStones12",), "paving"),
        (("001", "Asphalt"), "asphalt"),
        (("beige_wall_002",), "plaster"),
        (("xyz",), "other"),
    ):
        assert material_kind(*names).name == kind, names


def test_maps_are_grouped_into_textures(tmp_path: Path) -> None:
    root = tmp_path / "textures"
    for name in (
        "brick/brick_diff_1k.png", "brick/brick_nor_dx_1k.png", "brick/brick_arm_1k.png",
        "brick/brick_disp_1k.png", "Oak/color.png", "Oak/roughness.png", "tiles/grass.png",
        "only/plaster_normal.png",
    ):  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(png())
    (root / "tiles" / "cut_concrete.png").write_bytes(png()[:30])
    pack = read_textures(root, lambda path: "cut short" if "cut" in path.name else "")
    found = {item.name: item for item in pack}
    assert set(found) == {"brick", "Oak", "grass"}
    brick = found["brick"].maps
    assert brick.normal is not None and brick.flipped
    assert brick.roughness is not None and brick.packed
    assert found["Oak"].maps.roughness is not None and not found["Oak"].maps.packed
    assert found["brick"].width == 1.6
    assert maps_of(brick.color) == brick
    assert [item.name for item in pack.of_use("facade")] == ["brick"]
    assert [(entry.name, entry.reason) for entry in pack.unusable] == [
        ("tiles/cut_concrete.png", "cut_concrete.png: cut short")
    ]
