"""A pair of a lens that distorts, from a recipe to image, mask, passes and metadata."""

from __future__ import annotations

import tomllib
from pathlib import Path

import cv2
import numpy as np

from blender_addon.datagen.renderer import Renderer
from blender_addon.recipes.toml_io import parse_recipe
from blender_addon.scene.assets import load_assets
from blender_addon.scene.sampling import sample_scene

RECIPE = """
[people]
count = 1
lateral = 0
groups = 0
[poses]
categories = ["standing"]
companions = 0
[camera]
distance = 2.0
fov = 110
distortion = 1
shake = 1
[background]
kinds = { photo = 1 }
[occluders]
enabled = false
[render]
width = 64
height = 96
samples = 4
passes = ["alpha", "parts", "depth", "normals"]
"""


def test_a_fisheye_pair_is_consistent(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cv2.imwrite(str(tmp_path / "wall.png"), rng.integers(90, 160, (32, 48, 3), dtype=np.uint8))
    data = tomllib.loads(RECIPE)
    for kind in ("photo", "hdri"):
        data["background"] = {"kinds": {kind: 1}, "photos": str(tmp_path)}
        recipe = parse_recipe(data, name="lens", folder=tmp_path, where="lens")
        assets = load_assets(recipe)
        spec = sample_scene(recipe, assets, 3, 0)
        pair = Renderer(assets, device="cpu", threads=2).render(spec)
        line, person = pair.annotation, pair.annotation["persons"][0]

        assert pair.image.shape == (96, 64, 3) and pair.instances.shape == (96, 64)
        if kind == "photo":
            assert line["camera"]["distortion"] == {"model": "none", "coefficients": [0.0] * 5}
            assert not any(spec.camera.shake)
            continue
        assert any(spec.camera.shake) and spec.camera.shutter > 0
        lens = line["camera"]["distortion"]
        assert lens["model"] == "fisheye" and len(lens["coefficients"]) == 4
        points = np.array(person["joints3d"]).reshape(-1, 1, 3)
        pixels = cv2.fisheye.projectPoints(
            points,
            np.zeros((3, 1)),
            np.zeros((3, 1)),
            np.array(line["camera"]["K"]),
            np.array(lens["coefficients"]),
        )[0][:, 0]
        np.testing.assert_allclose(person["joints2d"], pixels, atol=0.02)
        columns, rows = np.floor(pixels).astype(int).T
        inside = (columns >= 0) & (columns < 64) & (rows >= 0) & (rows < 96)
        on_person = pair.instances[rows[inside], columns[inside]] == 1
        assert inside.sum() >= 12 and on_person.mean() > 0.7
        depth = pair.extras["depth"][rows[inside], columns[inside]][on_person]
        assert np.abs(depth - points[inside, 0, 2][on_person]).max() < 0.6
        assert (pair.extras["parts"][pair.instances == 0] == 0).all()
        assert person["visibility"] > 0.8
