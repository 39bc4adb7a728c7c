"""Bodies by name, and the default body."""

from __future__ import annotations

import json

import numpy as np
import pytest

from blender_addon.bodies.library import DEFAULT_BODY_PATH, BodyFile, body_library, default_body, load_body


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


def test_uvs_and_part_labels_come_along_from_their_own_files(model_files, random_arrays, rng, tmp_path):
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


def test_a_library_reads_each_body_when_first_asked_and_keeps_it(model_files, random_arrays, rng):
    path = model_files.npz(random_arrays("smplh", rng), "body.npz")
    library = body_library({"mine": path, "gone": BodyFile("no/such/file.npz")})
    assert set(library) == {"mine", "gone", "default"}
    assert len(library) == 3
    assert library["mine"].family == "smplh"
    path.unlink()
    assert library["mine"] is library["mine"]
    assert library["default"] is default_body()
    with pytest.raises(FileNotFoundError, match=r"file\.npz"):
        _ = library["gone"]
    with pytest.raises(KeyError):
        _ = library["unknown"]


def test_the_name_of_the_default_body_is_taken():
    with pytest.raises(ValueError, match="'default' is the default body's; choose another"):
        body_library({"default": "x.npz"})
