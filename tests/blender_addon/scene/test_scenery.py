"""Packs for places that a recipe names: reported, credited, hashed, and put into scenes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from blender_addon.datagen.file_hashes import FileHashes, content_of
from blender_addon.props.catalogue import SHAPES
from blender_addon.props.sized import SIZED
from blender_addon.recipes.fields import RecipeError
from blender_addon.recipes.recipe import Recipe
from blender_addon.recipes.toml_io import parse_recipe
from blender_addon.scene import pack_furniture
from blender_addon.scene.assets import Assets, load_assets
from blender_addon.scene.pack_furniture import furnished
from blender_addon.scene.sampling import sample_scene
from blender_addon.scene.scenery_files import scenery_credits
from blender_addon.scene.spec import BackgroundSpec, PropSpec, SurfaceSpec, sources_of
from tests.blender_addon.packs.scenery.model_files import png, write_obj

BRICKS = SurfaceSpec("bricks", (0.4, 0.2, 0.1), (0.3, 0.2, 0.1), 2.0, 0.8)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PII_SYNTH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A pack of a bench and a car, and one of bricks and paving."""
    models, textures = tmp_path / "user anna" / "models", tmp_path / "user anna" / "textures"
    write_obj(models / "park bench" / "bench.obj", scale=(1.5, 0.45, 0.15))
    write_obj(models / "car" / "car.obj", scale=1.2, image=True)
    for name in ("red_brick.png", "paving_2m.png", "oak.png"):
        textures.mkdir(exist_ok=True)
        (textures / name).write_bytes(png())
    (textures / "LICENSE").write_text("CC0 1.0")
    return models, textures


def recipe_of(models: Path | None, textures: Path | None, **scenery: float) -> Recipe:
    named = {"props": str(models or ""), "textures": str(textures or ""), **scenery}
    data = {
        "background": {"kinds": {"place": 1}},
        "scenery": {"places": {"square": 1}, **named},
        "people": {"count": 1},
    }
    return parse_recipe(data, name="scenery", folder=Path(), where="test")


def test_what_is_found_is_counted(folders: tuple[Path, Path]) -> None:
    assets = load_assets(recipe_of(*folders))
    models, textures = folders
    assert assets.found == (
        f"scenery.props: {models}: 2 models (1 vehicle, 1 seat); 2 of unknown licence",
        f"scenery.textures: {textures}: 3 textures (1 wood, 1 paving, 1 brick); 3 CC0-1.0",
    )
    assert {item.thing: item.size for item in assets.props} == {
        "bench": pytest.approx((1.5, 0.45, 0.9)),
        "car": pytest.approx((1.2, 3.6, 2.4)),
    }


def test_damaged_and_empty_packs_are_refused_or_named(folders: tuple[Path, Path]) -> None:
    models, textures = folders
    (models / "car" / "red one.png").write_bytes(b"no image")
    assets = load_assets(recipe_of(models, None))
    assert [item.thing for item in assets.props] == ["bench"]
    (fault,) = (note for note in assets.notes if "cannot be used" in note)
    assert "car/car.obj (red one.png: not an image)" in fault
    with pytest.raises(RecipeError, match=r"scenery\.props: .*no \.obj"):
        load_assets(recipe_of(textures, None))
    with pytest.raises(RecipeError, match=r"scenery\.textures: .*gone"):
        load_assets(recipe_of(None, textures / "gone"))


def test_packs_take_the_places_of_built_in_things(folders: tuple[Path, Path]) -> None:
    recipe = recipe_of(*folders, prop_share=1.0, texture_share=1.0)
    assets = load_assets(recipe)
    tiles = dataclasses.replace(BRICKS, pattern="tiles")
    plain = BackgroundSpec("place", ground=tiles, room_size=(0.0, 0.0, 0.0))
    bench = PropSpec("bench", (3, 1, 0), (0, 0, 40), (1.5, 0.5, 0.9), BRICKS)
    turned = dataclasses.replace(bench, rotation=(90, 0, 0))
    owned = dataclasses.replace(bench, owner=1)
    narrow = dataclasses.replace(bench, size=(0.5, 1.5, 0.9))
    rng = np.random.default_rng(0)
    background, props = furnished(recipe, assets, plain, (narrow, bench, turned, owned), rng)
    assert background.ground is not None and background.ground.image.endswith("paving_2m.png")
    assert background.ground.scale == 0.5  # once in two metres
    assert props[0].source == ""  # it is as wide as that one is deep
    assert props[1].source.endswith("bench.obj")
    assert props[1].size == pytest.approx((1.5, 0.45, 0.9))
    assert (props[1].location, props[1].rotation) == ((3, 1, 0), (0, 0, 40))
    assert props[2].source == props[3].source == ""
    assert props[2].surface.image.endswith("red_brick.png")


def test_packs_are_asked_for_things_that_places_are_built_of() -> None:
    assert set(pack_furniture.THINGS) <= {*SHAPES, *SIZED}


def test_a_scene_shows_a_limited_number_of_textures(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"brick_{number:02}.png").write_bytes(png())
    recipe = recipe_of(None, tmp_path, texture_share=1.0)
    walls = [
        PropSpec("box", (i, 0, 0), (0, 0, 0), (1, 1, 1), dataclasses.replace(BRICKS, scale=i + 1.0))
        for i in range(60)
    ]
    plain = BackgroundSpec("place", room_size=(0.0, 0.0, 0.0))
    _, props = furnished(recipe, load_assets(recipe), plain, walls, np.random.default_rng(1))
    assert len({prop.surface.image for prop in props} - {""}) == 10


def test_the_rest_of_a_scene_is_the_same_with_and_without_packs(
    folders: tuple[Path, Path],
) -> None:
    with_packs = recipe_of(*folders, prop_share=1.0, texture_share=1.0)
    without = recipe_of(None, None)
    dressed = [sample_scene(with_packs, load_assets(with_packs), 3, i) for i in range(3)]
    plain = [sample_scene(without, load_assets(without), 3, i) for i in range(3)]
    for a, b in zip(dressed, plain, strict=True):
        assert (a.persons, a.camera, a.light) == (b.persons, b.camera, b.light)
        assert [p.location for p in a.props] == [p.location for p in b.props]
        assert a != b
    files = {Path(source).suffix for spec in dressed for source in sources_of(spec)}
    assert files & {".obj", ".png"}


def test_what_is_shown_is_credited_without_folders_of_the_user(
    folders: tuple[Path, Path],
) -> None:
    assets = load_assets(recipe_of(*folders))
    bench = next(item for item in assets.props if item.thing == "bench")
    brick = next(item for item in assets.surfaces if item.kind == "brick")
    licences, credits = scenery_credits([str(bench.path), str(brick.path), "x"], assets.props,
                                        assets.surfaces)  # fmt: skip
    assert licences == {
        "model bench (park bench/bench.obj)": "unknown",
        "texture red_brick (red_brick.png)": "CC0-1.0",
    }
    assert "anna" not in str(credits)


def test_sources_of_a_scene_are_its_models_and_textures() -> None:
    drawn = dataclasses.replace(BRICKS, image="drawn:art:1")
    file = dataclasses.replace(BRICKS, image="/t/brick.png")
    model = PropSpec("bench", (0, 0, 0), (0, 0, 0), (1, 1, 1), BRICKS, source="/m/bench.obj")
    picture = PropSpec("poster", (0, 0, 0), (0, 0, 0), (1, 1, 1), drawn)
    spec = sample_scene(Recipe(), load_assets(Recipe()), 0, 0)
    spec = dataclasses.replace(
        spec, props=(model, picture), background=BackgroundSpec("place", ground=file)
    )
    assert [s for s in sources_of(spec) if s[:3] in ("/m/", "/t/", "dra")] == [
        "/m/bench.obj", "/t/brick.png"
    ]  # fmt: skip


def test_contents_and_not_paths_of_packs_enter_the_resume_key(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    def hashed(models: Path) -> list[str]:
        recipe = recipe_of(models, folders[1])
        found = content_of(recipe, load_assets(recipe), FileHashes())
        assert found["scenery.textures"][0].startswith("sha256:")
        return found["scenery.props"]

    before = hashed(folders[0])
    moved = folders[0].rename(tmp_path / "moved")
    assert hashed(moved) == before
    (moved / "car" / "car.mtl").write_text("newmtl paint\nKd 0 0 1\n")
    assert hashed(moved) != before


def test_panoramas_and_photos_join_the_other_lists(tmp_path: Path) -> None:
    (tmp_path / "wall.png").write_bytes(png())
    data = {"background": {"kinds": {"photo": 1}}, "scenery": {"photos": str(tmp_path)}}
    recipe = parse_recipe(data, name="x", folder=Path(), where="test")
    assets: Assets = load_assets(recipe)
    assert [Path(photo).name for photo in assets.photos] == ["wall.png"]
