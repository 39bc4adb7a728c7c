"""Models are read from OBJ and glTF alike, and hostile files are refused with one line."""

from __future__ import annotations

import base64
import copy
import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_addon.packs.scenery import model_cache
from blender_addon.packs.scenery.gltf_file import read_gltf
from blender_addon.packs.scenery.gltf_materials import UvPlace
from blender_addon.packs.scenery.model_cache import load_model, model_hash
from blender_addon.packs.scenery.obj_file import read_obj_model
from blender_addon.packs.scenery.prepare import MOST_SHOWN, prepared
from blender_addon.packs.text_files import PackError
from tests.blender_addon.packs.scenery.model_files import (
    box_gltf,
    png,
    write_glb,
    write_gltf,
    write_obj,
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("PII_SYNTH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_box_is_the_same_from_obj_gltf_and_glb(tmp_path: Path) -> None:
    value = box_gltf()
    uri = value["buffers"][0].pop("uri")
    binary = base64.b64decode(uri.split(",")[1])
    models = [
        load_model(write_obj(tmp_path / "a" / "box.obj")),
        load_model(write_gltf(tmp_path / "b" / "box.gltf", box_gltf())),
        load_model(write_glb(tmp_path / "c" / "box.glb", value, binary)),
    ]
    for model in models:
        np.testing.assert_allclose(model.extent, (1, 3, 2))  # the second axis of the file is up
        assert len(model.faces) == 12
        assert len(model.vertices) == 24  # each side has corners of its own: its edges are sharp
        np.testing.assert_allclose(model.vertices.min(axis=0), (-0.5, -0.5, 0), atol=1e-6)
        np.testing.assert_allclose(model.vertices.max(axis=0), (0.5, 0.5, 1), atol=1e-6)
        assert _volume(model.vertices, model.faces) == pytest.approx(1.0)  # faces look outwards


def _volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = (vertices[faces[:, i]].astype(float) for i in range(3))
    return float(np.einsum("fa,fa->", a, np.cross(b, c)) / 6)


def test_a_material_library_gives_colour_image_and_finish(tmp_path: Path) -> None:
    path = write_obj(tmp_path / "m" / "box.obj", material="Kd 1 0.5 0\nNs 98\nd 0.5\nKs 1 1 1")
    material = read_obj_model(path).materials[1]
    assert material.color == pytest.approx((1.0, 0.5**2.2, 0.0))
    assert material.opacity == 0.5
    assert material.roughness == pytest.approx(0.02**0.25)
    with_image = read_obj_model(write_obj(tmp_path / "i" / "box.obj", image=True)).materials[1]
    assert with_image.color_image.endswith("red one.png")
    assert with_image.color == (1.0, 1.0, 1.0)


def test_faces_that_are_not_convex_are_divided_within_their_outline(tmp_path: Path) -> None:
    path = tmp_path / "m" / "arrow.obj"
    path.parent.mkdir()
    path.write_text(
        "v 0 0 0\nv 2 0 1\nv 0 0 2\nv 1 0 1\nf 1 2 3 4\n"
    )  # a fan would cover (0, 0, 1)
    model = read_obj_model(path)
    a, b, c = (model.vertices[model.faces[:, i]] for i in range(3))
    assert np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2 == pytest.approx(1.0)


def test_nodes_move_turn_and_repeat_a_mesh(tmp_path: Path) -> None:
    half = 0.5**0.5
    nodes = [
        {"children": [1], "translation": [10, 0, 0]},
        {"mesh": 0, "rotation": [0, half, 0, half], "scale": [2, 1, 1]},
        {"mesh": 0, "matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 5, 0, 1]},
    ]
    value = box_gltf(nodes=nodes, scenes=[{"nodes": [0, 2]}])
    raw = read_gltf(write_gltf(tmp_path / "m" / "box.gltf", value))
    assert len(raw.faces) == 24
    first, second = raw.vertices[:8], raw.vertices[8:]
    # A quarter turn about y takes x to -z, and z to x.
    np.testing.assert_allclose(first.min(axis=0), (10, 0, -2), atol=1e-6)
    np.testing.assert_allclose(first.max(axis=0), (13, 2, 0), atol=1e-6)
    np.testing.assert_allclose(second.min(axis=0), (0, 5, 0), atol=1e-6)


def test_a_mirrored_node_keeps_faces_outwards(tmp_path: Path) -> None:
    value = box_gltf(nodes=[{"mesh": 0, "scale": [-1, 1, 1]}])
    model = load_model(write_gltf(tmp_path / "m" / "box.gltf", value))
    assert _volume(model.vertices, model.faces) == pytest.approx(1.0)


def test_a_texture_transform_moves_turns_and_scales_coordinates() -> None:
    place = UvPlace(offset=(0.5, 0.25), scale=(2.0, 4.0), rotation=np.pi / 2)
    # By the extension's own matrix: translation · rotation · scale, with v downwards.
    np.testing.assert_allclose(
        place.moved(np.array([[1.0, 0.0], [0.0, 1.0]])), [[0.5, 2.25], [-3.5, 0.25]], atol=1e-12
    )


def test_images_inside_a_file_become_files_of_the_cache(tmp_path: Path, cache: Path) -> None:
    image = "data:image/png;base64," + base64.b64encode(png()).decode()
    value = box_gltf(
        images=[{"uri": image}],
        textures=[{"source": 0}],
        materials=[
            {
                "pbrMetallicRoughness": {
                    "baseColorTexture": {"index": 0},
                    "metallicRoughnessTexture": {"index": 0},
                    "roughnessFactor": 0.5,
                    "metallicFactor": 0,
                }
            }
        ],
    )
    value["meshes"][0]["primitives"][0]["material"] = 0
    model = load_model(write_gltf(tmp_path / "m" / "box.gltf", value))
    (file,) = model.images
    assert Path(file).read_bytes() == png()
    assert Path(file).is_relative_to(cache)
    assert model.materials[0].packed
    np.testing.assert_allclose(model.finish[0], (0.5, 0.0))
    Path(file).unlink()
    assert Path(load_model(tmp_path / "m" / "box.gltf").images[0]).is_file()  # it is made again


def test_heavy_models_are_reduced_and_say_so(tmp_path: Path) -> None:
    n = 180
    x, y = np.meshgrid(np.arange(n), np.arange(n))
    vertices = np.stack([x.ravel(), np.sin(x / 9).ravel() * 4, y.ravel()], axis=1).astype(float)
    i = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    faces = np.concatenate([np.stack([i, i + n, i + 1], 1), np.stack([i + 1, i + n, i + n + 1], 1)])
    raw = read_obj_model(write_obj(tmp_path / "m" / "box.obj"))
    heavy = type(raw)(
        vertices,
        faces.astype(np.int32),
        np.zeros((len(faces), 3, 2), np.float32),
        np.zeros(len(faces), np.int32),
        raw.materials,
    )
    model = prepared(tmp_path, heavy)
    assert 0.3 * MOST_SHOWN < len(model.faces) <= MOST_SHOWN < len(faces)
    assert "reduced from" in model.notes[0]
    np.testing.assert_allclose(model.extent, (n - 1, n - 1, 8), rtol=0.05)


def test_faces_that_lie_on_each_other_count_once(tmp_path: Path) -> None:
    path = write_obj(tmp_path / "m" / "box.obj")
    turned = "f 1 3 4 2\nf 1 2 4 3\n"  # the first side again, both ways
    path.write_text(path.read_text() + turned)
    assert len(load_model(path).faces) == 12


def test_a_model_is_parsed_once(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_obj(tmp_path / "m" / "box.obj", image=True, material="Kd 1 0 0")
    first = load_model(path)
    monkeypatch.setattr(model_cache, "read_obj_model", None)
    again = load_model(path)
    np.testing.assert_array_equal(again.vertices, first.vertices)
    assert again.materials == first.materials
    monkeypatch.undo()
    monkeypatch.setenv("PII_SYNTH_CACHE", str(cache))
    (file,) = (cache / "models").iterdir()
    file.write_bytes(file.read_bytes()[:200])
    np.testing.assert_array_equal(load_model(path).faces, first.faces)
    path.write_text(path.read_text().replace("v 1", "v 7"))
    assert load_model(path).extent[0] == 7  # a changed file is another model


def test_the_files_of_a_model_are_hashed_once(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_obj(tmp_path / "m" / "box.obj", material="Kd 1 0 0")
    read: list[Path] = []
    content_hash = model_cache.content_hash

    def counted(paths: Iterable[Path], *more: str) -> str:
        files = list(paths)
        read.extend(files)
        return content_hash(files, *more)

    monkeypatch.setattr(model_cache, "content_hash", counted)
    for _ in range(3):
        load_model(path)
        model_hash(path)
    assert sorted(file.suffix for file in read) == [".mtl", ".obj"]


# --- hostile files --------------------------------------------------------------------------------


def _with(value: dict[str, Any], place: str, new: Any) -> dict[str, Any]:
    out = copy.deepcopy(value)
    *keys, last = (int(k) if k.isdigit() else k for k in place.split("."))
    at: Any = out
    for key in keys:
        at = at[key]
    at[last] = new
    return out


@pytest.mark.parametrize(
    ("place", "new", "fault"),
    [
        ("accessors.0.count", 9, "beyond its buffer view"),
        ("accessors.0.count", 1 << 40, "count"),
        ("accessors.0.byteOffset", 1 << 30, "beyond its buffer view"),
        ("accessors.0.byteOffset", -8, "byteOffset"),
        ("accessors.0.componentType", 5130, "componentType"),
        ("accessors.0.type", "MAT4", "type"),
        ("accessors.1.bufferView", 7, "no buffer view 7"),
        ("bufferViews.0.buffer", 3, "buffer"),
        ("bufferViews.1.byteLength", 1 << 35, "beyond its buffer"),
        ("bufferViews.0.byteStride", 4, "beyond its buffer view"),
        ("buffers.0.byteLength", 1 << 20, "bytes, got"),
        ("buffers.0.uri", "data:text/plain;base64,!!!!", "damaged data URI"),
        ("buffers.0.uri", "../../../../etc/passwd.bin", "outside of the pack"),
        ("buffers.0.uri", "missing.bin", "is missing"),
        ("nodes.0.children", [0], "below two nodes"),
        ("nodes.0.children", ["a"], "whole numbers"),
        ("nodes.0.rotation", [0, 0, 0, 0], "quaternion"),
        ("nodes.0.scale", [0, 0, 0], "in one place"),
        ("nodes.0.translation", [1e400, 0, 0], "finite"),
        ("nodes.0.matrix", [1, 2, 3], "expected 16 numbers"),
        ("nodes.0.mesh", 5, "no mesh 5"),
        ("scenes.0.nodes", [4], "no node 4"),
        ("scene", 9, "scene"),
        ("meshes.0.primitives.0.attributes", {}, "no positions"),
        ("meshes.0.primitives.0.indices", 0, "expected width"),
        ("meshes.0.primitives.0.material", 0, "no material 0"),
        ("meshes.0.primitives.0.mode", 1, "no triangles"),
        ("meshes", {"a": 1}, "expected a list"),
        ("nodes", [[]], "expected an object"),
        ("asset.version", "1.0", "version"),
        ("extensionsRequired", ["KHR_draco_mesh_compression"], "without compression"),
    ],
)
def test_a_damaged_gltf_is_refused(tmp_path: Path, place: str, new: Any, fault: str) -> None:
    value = box_gltf()
    value.setdefault("extensionsRequired", [])
    path = write_gltf(tmp_path / "m" / "box.gltf", _with(value, place, new))
    path.write_text(path.read_text().replace("Infinity", "1e400"))
    with pytest.raises(PackError, match=fault) as error:
        load_model(path)
    assert "box.gltf" in str(error.value)
    assert "\n" not in str(error.value)


def test_indices_and_numbers_that_lie_are_refused(tmp_path: Path) -> None:
    value = box_gltf()
    content = bytearray(base64.b64decode(value["buffers"][0]["uri"].split(",")[1]))
    for at, new, fault in (
        (8 * 12, struct.pack("<H", 8), "beyond its 8 vertices"),
        (0, struct.pack("<f", float("nan")), "finite"),
    ):
        damaged = content.copy()
        damaged[at : at + len(new)] = new
        uri = "data:;base64," + base64.b64encode(damaged).decode()
        path = write_gltf(tmp_path / "m" / "box.gltf", _with(value, "buffers.0.uri", uri))
        with pytest.raises(PackError, match=fault):
            load_model(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"glTF",
        b"glTF" + struct.pack("<II", 2, 1 << 31),
        b"glTF" + struct.pack("<IIII", 2, 28, 1 << 30, 0x4E4F534A) + b"{}      ",
        b"[" * 100_000,
        b'{"a": ' * 1000 + b"1" + b"}" * 1000,
        b'{"asset": {"version": "2.0"}, "x": NaN}',
        b'{"asset": {"version": "2.0"}, "accessors": 1' + b"0" * 5000 + b"}",
        b'"' + b'\\"' * 200_000,
        b"\xff\xfe\x00{",
    ],
)
def test_what_is_no_gltf_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m" / "box.glb"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(PackError, match=r"box\.glb"):
        load_model(path)


def test_a_mesh_that_nodes_repeat_a_million_times_is_refused(tmp_path: Path) -> None:
    nodes = [{"mesh": 0} for _ in range(19_999)] + [{"children": list(range(19_999))}]
    value = box_gltf(nodes=nodes, scenes=[{"nodes": [19_999]}])
    primitive = value["meshes"][0]["primitives"][0]
    value["meshes"][0]["primitives"] = [primitive] * 200
    with pytest.raises(PackError, match="reduce the model"):
        read_gltf(write_gltf(tmp_path / "m" / "box.gltf", value))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", "vertex 9"),
        ("v 0 0 0\nv 1 0 nan\nv 0 1 0\nf 1 2 3\n", "finite"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 x\n", "expected corners"),
        ("v 0 0 0\n", "no faces"),
        ("v 0 0 0\nv 0 0 0\nv 0 0 0\nf 1 2 3\n", "in one place"),
        ("v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", "no face in it has an area"),
        ("mtllib ../../../x.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "outside of the pack"),
        ("\0\0\0", "not a text file"),
    ],
)
def test_a_damaged_obj_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "m" / "box.obj"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(PackError, match=fault):
        load_model(path)


def test_a_texture_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(png())
    path = write_obj(tmp_path / "pack" / "m" / "box.obj", material="map_Kd secret.png")
    (path.parent / "secret.png").symlink_to(secret)
    with pytest.raises(PackError, match="link that leads out"):
        load_model(path)


def test_a_json_string_may_hold_brackets(tmp_path: Path) -> None:
    value = box_gltf(extras={"text": "[" * 500 + '\\"{'})
    assert len(load_model(write_gltf(tmp_path / "m" / "box.gltf", value)).faces) == 12
    assert json.loads((tmp_path / "m" / "box.gltf").read_text())["extras"]["text"].startswith("[")
