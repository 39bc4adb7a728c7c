"""LoRA on tiny stand-ins for large models: training, resume, loading, rejection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file, save_file

from diffusion_synth.errors import CheckpointError
from diffusion_synth.pipeline.loading import load_lora
from diffusion_synth.pipeline.lora import LORA_NAME, lora_weights
from diffusion_synth.prompts.grammar import Grammar
from diffusion_synth.run import main as run
from diffusion_synth.train import main as train
from diffusion_synth.training.crop_bank import CropBank, PersonCrop
from diffusion_synth.training.learner import train_until
from diffusion_synth.training.lora_learner import LoraLearner, LoraLearningConfig, min_snr_weights
from diffusion_synth.training.state_file import STATE, load_state
from tests.diffusion_synth.conftest import refusal, tiny_pipeline, write_dataset

CONFIG = LoraLearningConfig(steps=6, batch_size=2, learning_rate=1e-3, warmup=1, size=16, rank=2)
GRAMMAR = Grammar(
    {"{clothes}": 1}, {"a photo": 1}, {"clothes": {"a red coat": 1, "a blue coat": 1}}
)


def bank() -> CropBank:
    rng = np.random.default_rng(0)
    mask = np.zeros((16, 16), bool)
    mask[2:14, 4:12] = True
    images = rng.integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)
    return CropBank(tuple(PersonCrop(image, mask, {"clothes": "a red coat"}) for image in images))


def learner(kind: str = "sd", config: LoraLearningConfig = CONFIG, **more: Any) -> LoraLearner:
    return LoraLearner(config, tiny_pipeline(kind), bank(), GRAMMAR, **more)


def painted(pipeline: Any) -> np.ndarray:
    """Return an image of the pipeline, (H, W, 3), 0..1."""
    pipeline.set_progress_bar_config(disable=True)
    person = bank().persons[0]
    answer = pipeline(
        person.image.astype(np.float32)[None] / 255, person.mask, "a red coat",
        num_inference_steps=2,
        generator=torch.Generator().manual_seed(0), output_type="np",
    )  # fmt: skip
    return np.asarray(answer.images[0])


@pytest.fixture
def renders(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    mask = np.zeros((48, 48), np.uint8)
    mask[6:42, 14:34] = 1
    line = {"persons": [{"id": 1, "pose_name": "stand"}]}
    pairs = [(rng.integers(0, 256, (48, 48, 3), dtype=np.uint8), mask, line) for _ in range(12)]
    return write_dataset(tmp_path / "renders", pairs)


@pytest.mark.parametrize("kind", ["sd", "sd-inpaint", "embedded"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_only_the_lora_is_trained_and_it_begins_without_effect(
    kind: str, checkpointing: bool
) -> None:
    before = tiny_pipeline(kind)
    weights = {name: value.clone() for name, value in before.unet.state_dict().items()}
    taught = learner(kind, gradient_checkpointing=checkpointing)
    np.testing.assert_allclose(painted(taught.inference_pipeline()), painted(before), atol=1e-5)
    for _ in range(3):
        assert np.isfinite(taught.train_step())
    learnt = lora_weights(taught.pipeline.unet)
    assert any(bool((value != 0).any()) for name, value in learnt.items() if "lora_B" in name)
    kept = {
        name.replace(".base_layer", ""): value
        for name, value in taught.pipeline.unet.state_dict().items()
        if "lora" not in name
    }
    assert kept.keys() == weights.keys()
    assert all(torch.equal(value, weights[name]) for name, value in kept.items())


@pytest.mark.slow
def test_the_loss_of_one_batch_falls() -> None:
    taught = learner(config=replace(CONFIG, learning_rate=2e-2, rank=8, prompt_dropout=0.0))
    losses = []
    for _ in range(60):
        taught.step = 0  # what a step draws follows from its number
        losses.append(taught.train_step())
    assert losses[-1] < 0.9 * losses[0]


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    whole, first, second = learner(), learner(), learner()
    train_until(whole, 6, tmp_path / "whole")
    train_until(first, 6, tmp_path / "run", stop=lambda: first.step == 3)
    load_state(second, tmp_path / "run" / STATE)
    train_until(second, 6, tmp_path / "run")
    ours, theirs = lora_weights(whole.pipeline.unet), lora_weights(second.pipeline.unet)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


def test_a_saved_lora_is_loaded_by_this_package_and_by_diffusers(tmp_path: Path) -> None:
    taught = learner(config=replace(CONFIG, learning_rate=0.05))
    for _ in range(6):
        taught.train_step()
    taught.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [LORA_NAME]
    plain = tiny_pipeline("sd")
    before = painted(plain)
    load_lora(plain, tmp_path)
    after = painted(plain)
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, painted(taught.inference_pipeline()), atol=1e-4)
    theirs = tiny_pipeline("sd")
    base = StableDiffusionPipeline(
        **{name: theirs.components[name] for name in ("vae", "text_encoder", "tokenizer", "unet",
        "scheduler")},
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    base.load_lora_weights(str(tmp_path), weight_name=LORA_NAME)
    assert base.get_active_adapters()


def test_files_that_do_not_fit_are_rejected_by_name(tmp_path: Path) -> None:
    pipeline = tiny_pipeline("sd")
    with pytest.raises(CheckpointError, match="holds no pytorch_lora_weights"):
        load_lora(pipeline, tmp_path)
    (tmp_path / LORA_NAME).write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match="damaged"):
        load_lora(pipeline, tmp_path)
    save_file({"unet.weight": torch.zeros(1)}, tmp_path / LORA_NAME)
    with pytest.raises(CheckpointError, match="holds no LoRA"):
        load_lora(pipeline, tmp_path)
    learner().save(tmp_path)
    weights = load_file(tmp_path / LORA_NAME)
    wider = {
        name: torch.zeros(value.shape[0], 2 * value.shape[1])
        if "lora_A" in name or "down" in name
        else value
        for name, value in weights.items()
    }
    save_file(wider, tmp_path / LORA_NAME)
    with pytest.raises(CheckpointError, match="another base"):
        load_lora(pipeline, tmp_path)
    assert np.isfinite(painted(tiny_pipeline("sd"))).all()


@pytest.mark.slow
def test_from_the_command_line_to_a_repainted_dataset(
    renders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = tmp_path / "base"
    tiny_pipeline("sd-inpaint").save_pretrained(base)
    options = [
        "--data",
        str(renders),
        "--output",
        str(tmp_path / "lora"),
        "--base",
        str(base),
        "--steps",
        "4",
    ]
    options += ["--batch_size", "2", "--size", "16", "--rank", "2", "--precision", "float32"]
    assert train(options) == 0
    folder = tmp_path / "lora" / "model"
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", LORA_NAME]
    capsys.readouterr()
    painting = ["--data", str(renders), "--model", str(base), "--size", "16", "--steps", "2"]
    assert run([*painting, "--output", str(tmp_path / "out"), "--lora", str(folder)]) == 0
    capsys.readouterr()
    said = refusal(
        run,
        [*painting, "--output", str(tmp_path / "no"), "--lora", str(tmp_path)],
        tmp_path / "no",
        capsys,
    )
    assert "holds no pytorch_lora_weights.safetensors" in said
    for wrong, why in (
        (["--channels", "8"], "--channels"),
        (["--factor", "2"], "--factor"),
        (["--rank", "0"], "rank must be at least 1"),
        (["--size", "15"], "multiple"),
    ):
        given = [*options, "--output", str(tmp_path / "no"), *wrong]
        assert why in refusal(train, given, tmp_path / "no", capsys)
    given = ["--data", str(renders), "--output", str(tmp_path / "no"), "--rank", "4"]
    assert "--base" in refusal(train, given, tmp_path / "no", capsys)


def test_a_state_of_another_base_is_rejected(tmp_path: Path) -> None:
    train_until(learner(), 1, tmp_path)
    with pytest.raises(ValueError, match="another base"):
        load_state(learner(config=replace(CONFIG, base="other")), tmp_path / STATE)


def test_levels_with_little_noise_count_less() -> None:
    alphas = torch.tensor([0.999, 0.5, 0.01])
    snr = alphas / (1 - alphas)
    epsilon = min_snr_weights(alphas, "epsilon", 5.0)
    assert epsilon[0] < 0.01 and epsilon[1:].tolist() == [1.0, 1.0]
    # The same share of the loss of the clean image, whatever the network predicts.
    torch.testing.assert_close(min_snr_weights(alphas, "sample", 5.0), epsilon * snr)
    torch.testing.assert_close(
        min_snr_weights(alphas, "v_prediction", 5.0), epsilon * snr / (snr + 1)
    )


@pytest.mark.parametrize("wrong", [{"rank": 0}, {"snr_gamma": 0.0}])
def test_invalid_settings_are_rejected(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LoraLearningConfig(**wrong)
