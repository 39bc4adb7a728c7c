"""Bodies by name, and the default body."""

from __future__ import annotations

import json

import numpy as np
import pytest

from blender_addon.bodies.library import DEFAULT_BODY_PATH, default_body, load_body
from blender_addon.recipes.fields import RecipeError
from blender_addon.recipes.toml_io import parse_recipe
from blender_addon.render.image_files import encode_png
from blender_addon.scene.assets import load_assets


def test_the_default_body_is_read_once_and_complete():
    body = default_body()
    assert body is default_body()
    assert body.family == "smpl"
    assert body.num_joints == 24
    assert body.num_betas >= 10
    assert body.uv is not None and body.uv.min() >= 0 and body.uv.max() <= 1
    assert set(np.unique(body.part_labels)) == set(range(24))
    assert body.shape_samples is not None
    assert body.shape_samples.age.min() < 12 < 65 < body.shape_samples.age.max()
    assert "CC0" in body.licence
    assert DEFAULT_BODY_PATH.stat().st_size < 6_000_000


def test_uvs_and_part_labels_come_along_from_their_own_files(
    model_files, random_arrays, rng, tmp_path
):
    arrays = random_arrays("smpl", rng, num_vertices=30)
    faces = arrays["f"].astype(int) + 1
    lines = [f"vt {i / 30} {1 - i / 30}" for i in range(30)] + [
        "f " + " ".join(f"{v}/{v}" for v in face) for face in faces
    ]
    (tmp_path / "uv.obj").write_text("\n".join(lines))
    (tmp_path / "parts.json").write_text(json.dumps({"head": list(range(30))}))
    body = load_body(model_files.npz(arrays), uv=tmp_path / "uv.obj", parts=tmp_path / "parts.json")
    np.testing.assert_allclose(body.uv[:, :, 0], arrays["f"] / 30, atol=1e-6)
    assert (body.part_labels == 15).all()


def write_uv(path, num_vertices, faces):
    lines = [f"vt {i / num_vertices} 0.5" for i in range(num_vertices)]
    lines += ["f " + " ".join(f"{v}/{v}" for v in face) for face in faces]
    path.write_text("\n".join(lines))


def test_a_recipe_brings_bodies_and_their_uvs_together(model_files, random_arrays, rng, tmp_path):
    arrays = random_arrays("smpl", rng, num_vertices=30)
    body = model_files.npz(arrays)
    write_uv(tmp_path / "fits.obj", 30, arrays["f"].astype(int) + 1)
    write_uv(tmp_path / "other.obj", 30, arrays["f"].astype(int)[:5] + 1)
    (tmp_path / "skins").mkdir()
    (tmp_path / "skins" / "a.png").write_bytes(encode_png(np.zeros((1, 1), np.uint8)))

    def assets(**bodies):
        data = {
            "bodies": {"models": [str(body)], **bodies},
            "wardrobe": {"textures": str(tmp_path / "skins")},
        }
        return load_assets(parse_recipe(data, name="x", folder=tmp_path, where="test"))

    loaded = assets(uvs=["other.obj", "fits.obj"]).bodies[str(body)]
    np.testing.assert_allclose(loaded.uv[:, :, 0], arrays["f"] / 30, atol=1e-6)
    with pytest.raises(
        RecipeError,
        match=r"wardrobe\.textures: the body .* has no UVs; name its UV \.obj in bodies\.uvs",
    ):
        assets()
    with pytest.raises(RecipeError, match=r"bodies\.uvs: none fits .*other\.obj"):
        assets(uvs=["other.obj"])
