"""Loading of models from folders and hubs, and rejection of damaged ones."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from diffusion_synth.errors import CheckpointError
from diffusion_synth.pipeline.loading import bundled_model, is_hub_name, load_pipeline
from diffusion_synth.pipeline.pixel_shuffle import PixelShuffleCodec
from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline
from tests.diffusion_synth.conftest import tiny_pipeline


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    tiny_pipeline("embedded").save_pretrained(path)
    return path


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may damage."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


def test_a_folder_is_loaded(saved: Path) -> None:
    pipeline = load_pipeline(saved, dtype=torch.bfloat16)
    assert isinstance(pipeline, ShapeGuidedPipeline)
    assert pipeline.unet.dtype == torch.bfloat16


def test_a_folder_saved_before_the_codec_moved_is_loaded(folder: Path) -> None:
    """Models that users have trained, and the bundled one, name the module of their codec."""
    index = folder / "model_index.json"
    now = '"diffusion_synth.pipeline.pixel_shuffle"'
    assert now in index.read_text()
    index.write_text(index.read_text().replace(now, '"diffusion_synth.codec"'))
    assert isinstance(load_pipeline(folder).vae, PixelShuffleCodec)
    assert '"diffusion_synth.codec"' in (bundled_model() / "model_index.json").read_text()
    assert isinstance(load_pipeline(bundled_model()).vae, PixelShuffleCodec)


@pytest.mark.parametrize(
    "name", ["nowhere/at/all", "./model", "models/", "/abs/olute", Path("owner/model")]
)
def test_missing_paths_are_rejected(name: str | Path) -> None:
    assert not is_hub_name(name)
    with pytest.raises(CheckpointError, match="no such folder"):
        load_pipeline(name)


def test_a_hub_that_does_not_answer_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def unplugged(*_: Any, **__: Any) -> None:
        raise ConnectionError("Network is unreachable\nand so on")

    monkeypatch.setattr(ShapeGuidedPipeline, "download", unplugged)
    with pytest.raises(
        CheckpointError, match=r"owner/model: .*ConnectionError: Network is unreachable\).*folder"
    ):
        load_pipeline("owner/model")


def test_a_file_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    path.write_bytes(b"0")
    with pytest.raises(CheckpointError, match="is a file"):
        load_pipeline(path)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: (f / "model_index.json").unlink(), "no model_index.json"),
        (lambda f: (f / "model_index.json").write_text("{"), "cannot be read"),
        (lambda f: (f / "model_index.json").write_text("[]"), "cannot be read"),
        (lambda f: (f / "model_index.json").write_text("{}"), "has no unet"),
        (
            lambda f: (f / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"no"),
            "cannot be loaded",
        ),
        (lambda f: (f / "unet" / "config.json").write_text("{}"), "cannot be loaded"),
    ],
)
def test_damaged_folders_are_rejected_by_name(spoil: Any, said: str, folder: Path) -> None:
    spoil(folder)
    with pytest.raises(CheckpointError, match=said) as refused:
        load_pipeline(folder)
    assert str(folder) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_pickled_weights_are_not_read(folder: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (folder / "exploded").touch, ()

    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    torch.save({"conv_in.weight": Bomb()}, folder / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(CheckpointError, match="safetensors"):
        load_pipeline(folder)
    assert not (folder / "exploded").exists()
