"""Models of packs and image files on the stage: shown, shared, and freed again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_addon.scene.spec import BackgroundSpec, PropSpec, SurfaceSpec
from blender_addon.stage.arrays import assemble, prop_piece
from tests.blender_addon.packs.scenery.model_files import png, write_obj

WHITE = SurfaceSpec("plain", (1.0, 1.0, 1.0), (1.0, 1.0, 1.0), 1.0, 0.9)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PII_SYNTH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def red(tmp_path: Path) -> str:
    return str(write_obj(tmp_path / "pack" / "red" / "red.obj", image=True))


def model(source: str, x: float = 0.0, color: tuple[float, float, float] = (1, 1, 1)) -> PropSpec:
    surface = dataclasses.replace(WHITE, color=color)
    return PropSpec("box", (x, 0.0, 0.0), (0, 0, 30), (0.8, 0.8, 1.6), surface, source=source)


@pytest.fixture
def props(bpy: Any) -> Iterator[Any]:
    from blender_addon.stage.images import ImageCache
    from blender_addon.stage.pack_props import PackProps

    scene = bpy.data.scenes.new("packs")
    shown = PackProps(scene, ImageCache())
    yield shown
    shown.remove()
    bpy.data.batch_remove(list(scene.objects))
    bpy.data.scenes.remove(scene)


def test_equal_things_share_a_mesh_and_keep_their_own_tint(props: Any, red: str) -> None:
    props.apply([model(red), model(red, 2.0, (0.0, 1.0, 0.0))])
    first, second = props.objects
    assert first.data == second.data
    np.testing.assert_allclose(second.location, (2, 0, 0))
    np.testing.assert_allclose(second.scale, (0.8, 0.8, 1.6), atol=1e-6)
    assert tuple(second["PII tint"])[:3] == (0.0, 1.0, 0.0)
    props.apply([model(red)])
    assert first.visible_camera and not second.visible_camera


def test_meshes_over_the_limit_are_freed_and_come_back(
    bpy: Any, props: Any, tmp_path: Path
) -> None:
    props.meshes.most = 2
    files = [str(write_obj(tmp_path / "pack" / str(i) / f"{i}.obj", image=True)) for i in range(5)]
    before = len(bpy.data.materials)
    for number in (0, 1, 2, 3, 4, 0):
        props.apply([model(files[number])])
    assert len(props.meshes) == 2
    assert len([mesh for mesh in bpy.data.meshes if mesh.name.startswith("PII shared")]) == 2
    assert len(bpy.data.materials) <= before + 4  # those of two models, of one slot or two
    assert len(props.objects[0].data.polygons) == 12
    props.meshes.most = 1
    props.apply([model(file) for file in files])  # a frame's own meshes are never freed
    assert all(len(obj.data.polygons) == 12 for obj in props.objects)


def test_equal_heavy_shapes_share_a_mesh_of_their_own(
    bpy: Any, props: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_addon.stage import pack_props

    tree = PropSpec("tree", (1.0, 2.0, 0.0), (0, 0, 90), (2.0, 2.0, 4.0), WHITE)
    monkeypatch.setattr(pack_props, "HEAVY", 10)
    there = dataclasses.replace(tree, location=(5.0, 2.0, 0.0))
    box = dataclasses.replace(tree, shape="box")
    other = dataclasses.replace(tree, size=(1.0, 1.0, 2.0))
    assert pack_props.with_own_meshes([tree, box, box, other, there]) == [tree, there]
    props.apply([tree, there])
    assert props.objects[0].data == props.objects[1].data
    obj = props.objects[0]
    where = np.array([obj.matrix_basis @ v.co for v in obj.data.vertices])
    expected = assemble([prop_piece(tree)]).vertices
    np.testing.assert_allclose(where, expected, atol=1e-5)


def test_a_missing_model_is_named(props: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gone\.obj: cannot be read"):
        props.apply([model(str(tmp_path / "gone.obj"))])


def test_a_model_is_seen_in_its_colours_and_covers_people(
    shoot: Any, scene: Any, person: Any, red: str
) -> None:
    plain = shoot(scene(persons=(person(1),)))
    image = shoot(scene(persons=(person(1),), props=(model(red, 0.0),)))
    assert (image["instances"] == 1).sum() < (plain["instances"] == 1).sum()
    seen = image["image"][..., :3][image["instances"] == 0]
    redder = seen[:, 0] > 3 * seen[:, 2]
    assert redder.mean() > 0.02


def test_image_files_cover_grounds_and_things(
    bpy: Any, shoot: Any, scene: Any, tmp_path: Path
) -> None:
    file = tmp_path / "green_tile.png"
    file.write_bytes(png(color=(20, 220, 20)))
    green = dataclasses.replace(WHITE, image=str(file), scale=2.0)
    box = PropSpec("box", (0.0, 0.0, 0.0), (0, 0, 0), (1.0, 1.0, 1.0), green)
    arrays = assemble([prop_piece(box)])
    assert arrays.images == (str(file),)
    shot = shoot(scene(props=(box,), background=BackgroundSpec("hdri", ground=green)))
    image = shot["image"][..., :3]
    low = image[-8:].reshape(-1, 3)  # the ground before the camera
    assert (low[:, 1] > 2 * low[:, 0]).mean() > 0.9
    shoot(scene(background=BackgroundSpec("hdri", ground=WHITE)))
    again = shoot(scene(props=(box,), background=BackgroundSpec("hdri", ground=green)))
    np.testing.assert_array_equal(again["image"], shot["image"])
