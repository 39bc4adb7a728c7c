"""The bundled segmenters: whole, small, of known origin, usable without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pii_seg.build_model import read_recipe
from pii_seg.data.hashes import sha256_of
from pii_seg.errors import CheckpointError
from pii_seg.inference.person_segmenter import PersonSegmenter
from pii_seg.models.bundled import DEFAULT, FOLDER, bundled_names, located
from pii_seg.models.checkpoint import load_checkpoint

MOST_PARAMETERS, MOST_BYTES = 6_000_000, 13_000_000
WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # importing it fails
import numpy as np
from pii_seg.inference.person_segmenter import PersonSegmenter
segmenter = PersonSegmenter.load("small", backend="onnxruntime")
print(segmenter.predict(np.zeros((48, 64, 3), np.uint8)).mask.shape)
"""


def test_there_is_a_default() -> None:
    assert DEFAULT in bundled_names()


@pytest.mark.parametrize("name", bundled_names())
def test_a_bundled_segmenter_is_small_and_whole(name: str) -> None:
    folder = FOLDER / name
    weights = load_checkpoint(name).weights
    assert sum(value.numel() for value in weights.values()) <= MOST_PARAMETERS
    assert (folder / "model.safetensors").stat().st_size <= MOST_BYTES
    manifest = json.loads((folder / "manifest.json").read_text())
    files = {
        path.relative_to(folder).as_posix(): sha256_of(path)
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("README.md", "manifest.json")
    }
    assert manifest["files"] == files
    assert manifest["name"] == name


@pytest.mark.parametrize("name", bundled_names())
def test_its_card_states_every_input_of_its_manifest(name: str) -> None:
    folder = FOLDER / name
    manifest = json.loads((folder / "manifest.json").read_text())
    card = (folder / "README.md").read_text()
    for entry in manifest["renders"]:
        assert entry["index_sha256"][:16] in card and str(entry["count"]) in card
        assert all(entry["licences"].values())
    for entry in (
        *manifest["photos"], *manifest["held_out_photos"], *manifest["distractors"]
    ):  # fmt: skip
        assert entry["sha256"][:16] in card
        assert entry["licence"] in card and entry["origin"] in card
    assert manifest["encoder"]["weights"] in card and "ImageNet" in card


@pytest.mark.parametrize("name", bundled_names())
def test_its_recipe_is_in_the_repository(name: str) -> None:
    recipe = read_recipe(FOLDER.parents[1] / "tools" / "segmenters" / f"{name}.toml")
    manifest = json.loads((FOLDER / name / "manifest.json").read_text())
    assert (recipe.name, recipe.version) == (name, manifest["version"])
    for role in ("renders", "held_out"):
        stated = [entry.name for entry in getattr(recipe, role)]
        assert stated == [entry["name"] for entry in manifest[role]]
    for role in ("photos", "held_out_photos", "distractors"):
        given = [(entry.licence, entry.origin) for entry in getattr(recipe, role)]
        assert given == [(entry["licence"], entry["origin"]) for entry in manifest[role]]


def test_it_runs_without_torch() -> None:
    command = [sys.executable, "-c", WITHOUT_TORCH]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert found.stdout == "(48, 64)\n"


def test_a_name_gives_what_its_folder_gives() -> None:
    image = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    named = PersonSegmenter.load(DEFAULT).predict(image)
    found = PersonSegmenter.load(FOLDER / DEFAULT).predict(image)
    np.testing.assert_array_equal(named.probability, found.probability)


def test_a_path_is_meant_before_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert located(DEFAULT) == FOLDER / DEFAULT
    assert located(f"./{DEFAULT}/x") == Path(DEFAULT) / "x"
    (tmp_path / DEFAULT).mkdir()
    assert located(DEFAULT) == Path(DEFAULT)
    with pytest.raises(CheckpointError, match=rf"{DEFAULT}"):
        load_checkpoint(DEFAULT)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(CheckpointError, match=rf"no such checkpoint; bundled ones: .*{DEFAULT}"):
        load_checkpoint("medium")
