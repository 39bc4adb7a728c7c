"""The public names of blender_addon are light to import, and each has an example that runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import blender_addon

ROOT = Path(blender_addon.__file__).resolve().parents[1]
SPDX = "# SPDX-License-Identifier: GPL-3.0-or-later OR Apache-2.0"


def python(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_contract_needs_neither_numpy_nor_blender() -> None:
    program = (
        "import sys; from blender_addon import dataset; "
        "print(*sorted({'numpy', 'bpy', 'mathutils'} & set(sys.modules))); "
        "print(*sorted(m for m in sys.modules if m.startswith('blender_addon.')))"
    )
    expected = [
        "blender_addon.dataset",
        "blender_addon.dataset_credits",
        "blender_addon.dataset_lines",
        "blender_addon.output_files",
    ]
    assert python(program).split() == expected


def test_what_importing_the_contract_executes_is_dually_licensed() -> None:
    for name in (
        "__init__.py",
        "dataset.py",
        "dataset_credits.py",
        "dataset_lines.py",
        "output_files.py",
    ):
        first = (ROOT / "blender_addon" / name).read_text(encoding="utf-8").splitlines()[0]
        assert first == SPDX, name


def test_every_public_name_is_there() -> None:
    for name in blender_addon.__all__:
        assert getattr(blender_addon, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'paint'"):
        blender_addon.paint  # noqa: B018


def test_a_preset_and_a_body_load_without_blender() -> None:
    assert blender_addon.load_preset("street").name == "street"
    body = blender_addon.default_body()
    assert body.v_template.shape[1] == 3
    body_file = ROOT / "blender_addon" / "bodies" / "data" / "default_body.npz"
    assert blender_addon.load_body(body_file).num_betas == body.num_betas


def test_generate_renders_a_dataset(tmp_path: Path) -> None:
    from blender_addon import dataset, generate, load_preset

    recipe = load_preset("everyday").with_render(width=32, height=32, samples=1)
    result = generate(recipe, tmp_path / "renders", count=1, device="cpu", threads=1)
    assert result.complete
    (line,) = dataset.iter_lines(tmp_path / "renders")
    assert (line["width"], line["height"]) == (32, 32)


def test_a_renderer_renders_one_scene() -> None:
    from blender_addon import Renderer, load_preset
    from blender_addon.scene.assets import load_assets
    from blender_addon.scene.sampling import sample_scene

    recipe = load_preset("everyday").with_render(width=32, height=32, samples=1)
    assets = load_assets(recipe)
    pair = Renderer(assets, device="cpu", threads=1).render(sample_scene(recipe, assets, 0, 0))
    assert pair.image.shape == (32, 32, 3) and pair.instances.shape == (32, 32)
