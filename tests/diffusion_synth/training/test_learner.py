"""Training of the small generator: batches, exact resume, and what it paints afterwards."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, save

from diffusion_synth.errors import CheckpointError
from diffusion_synth.prompts.grammar import Grammar
from diffusion_synth.training.crop_bank import CropBank, PersonCrop, random_lighting
from diffusion_synth.training.generator_learner import (
    MAX_LEVEL_WEIGHT,
    GeneratorLearner,
    GeneratorLearningConfig,
)
from diffusion_synth.training.learner import BatchLoader, train_until
from diffusion_synth.training.small_generator import GeneratorConfig
from diffusion_synth.training.state_file import STATE, load_state
from tests.fuzz import fuzz_count, mutated, random_of

CONFIG = GeneratorLearningConfig(
    steps=6,
    batch_size=4,
    generator=GeneratorConfig(size=16, channels=(16, 32), head=16, words=16, text_layers=1),
)
GRAMMAR = Grammar(
    {"{clothes}": 1}, {"a photo": 1}, {"clothes": {"a red coat": 1, "a blue coat": 1}}
)


def bank() -> CropBank:
    """A person in red and one in blue, on grey noise."""
    rng = np.random.default_rng(0)
    persons = []
    for colour, words in (((220, 20, 20), "a red coat"), ((20, 20, 220), "a blue coat")):
        for _ in range(4):
            image = rng.integers(100, 140, (16, 16, 3), dtype=np.uint8)
            mask = np.zeros((16, 16), bool)
            mask[2:14, 4:12] = True
            image[mask] = colour
            persons.append(PersonCrop(image, mask, {"clothes": words}))
    return CropBank(tuple(persons))


def learner(config: GeneratorLearningConfig = CONFIG) -> GeneratorLearner:
    return GeneratorLearner(config, bank(), GRAMMAR)


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    whole, first, second = learner(), learner(), learner()
    losses: list[float] = []
    train_until(whole, 6, tmp_path / "whole", report=lambda step, loss: losses.append(loss))
    train_until(first, 6, tmp_path / "run", stop=lambda: first.step == 3)
    assert first.step == 3
    load_state(second, tmp_path / "run" / STATE)
    again: list[float] = []
    train_until(second, 6, tmp_path / "run", report=lambda step, loss: again.append(loss))
    assert again == losses[3:]
    for name, module in whole.average.items():
        for key, value in module.state_dict().items():
            assert torch.equal(value, second.average[name].state_dict()[key]), key


def test_batches_depend_on_seed_and_step_alone() -> None:
    batches, others = (BatchLoader(CONFIG, bank(), GRAMMAR) for _ in range(2))
    others.batch(0)
    one, other = batches.batch(3), others.batch(3)
    assert one.noise == other.noise and one.prompts == other.prompts
    np.testing.assert_array_equal(one.images, other.images)
    assert one.noise != batches.batch(4).noise


@given(seed=st.integers(0, 1000))
def test_random_lighting_keeps_the_order_of_brightness(seed: int) -> None:
    table = random_lighting(np.random.default_rng(seed))
    assert table.shape == (1, 256, 3) and table.dtype == np.uint8
    assert (np.diff(table[0].astype(int), axis=0) >= 0).all()
    assert (table[0, 0] == 0).all() and table[0, 255].min() > 128


def test_the_weight_of_a_level_with_little_noise_is_limited() -> None:
    weights = learner().level_weights(torch.tensor([0, 500, 999]))
    assert weights[0] == MAX_LEVEL_WEIGHT and weights[0] > weights[1] > weights[2]
    assert weights[2] == pytest.approx(
        1, abs=1e-3
    )  # pure noise: an error of the velocity is one of the image


@pytest.mark.slow
def test_training_teaches_the_prompted_colour() -> None:
    config = replace(CONFIG, steps=300, learning_rate=2e-3, warmup=10, ema=0.98)
    taught = learner(config)
    losses = [taught.train_step() for _ in range(300)]
    assert np.mean(losses[-20:]) < 0.5 * np.mean(losses[:5])
    pipeline = taught.inference_pipeline()
    pipeline.set_progress_bar_config(disable=True)
    person = bank().persons[0]
    grey = np.where(person.mask[..., None], 120, person.image).astype(np.float32)[None] / 255
    for words, channel in (("a red coat", 0), ("a blue coat", 2)):
        painted = pipeline(
            grey, person.mask, words, "a photo", num_inference_steps=10, guidance_scale=2.0,
            generator=torch.Generator().manual_seed(0), output_type="np",
        ).images[0]  # fmt: skip
        colour = painted[person.mask].mean(0)
        assert colour[channel] > colour[2 - channel] + 0.3, (words, colour)
        np.testing.assert_allclose(painted[~person.mask], grey[0][~person.mask], atol=1e-5)


def test_a_state_that_does_not_fit_is_rejected_by_name(tmp_path: Path) -> None:
    train_until(learner(), 1, tmp_path)
    with pytest.raises(
        ValueError, match=r"cannot resume from .*state\.safetensors: .*another batch_size"
    ):
        load_state(learner(replace(CONFIG, batch_size=2)), tmp_path / STATE)
    (tmp_path / STATE).write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"cannot resume from .*state\.safetensors"):
        load_state(learner(), tmp_path / STATE)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("run")
    train_until(learner(), 1, folder)
    return (folder / STATE).read_bytes()


def rewritten(content: bytes, settings: dict[str, Any] | None = None, **changes: Any) -> bytes:
    """Return a state whose tensors, settings or step a stranger has changed."""
    tensors = {**load(content), **{k: v for k, v in changes.items() if k != "step"}}
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
    if settings is not None:
        header["settings"] = json.dumps({**json.loads(header["settings"]), **settings})
    return save({k: v for k, v in tensors.items() if v is not None},
                {**header, **{k: v for k, v in changes.items() if k == "step"}})  # fmt: skip


def test_hostile_states_are_refused_and_change_nothing(state: bytes, tmp_path: Path) -> None:
    path, target = tmp_path / STATE, learner()
    before = {name: one.clone() for name, one in target.networks["unet"].state_dict().items()}
    name = next(name for name in load(state) if name.startswith("weights/modules/unet"))
    moment = "optimiser/0/exp_avg_sq"
    for content, said in (
        (rewritten(state, **{name: torch.zeros(3)}), "has the shape"),
        (rewritten(state, **{name: load(state)[name].half()}), "float16, expected"),
        (rewritten(state, **{name: torch.full_like(load(state)[name], torch.nan)}), "NaN"),
        (rewritten(state, **{moment: None}), "not those of this training"),
        (rewritten(state, **{"weights/more": torch.zeros(1)}), "not those of this training"),
        (rewritten(state, step="-1"), "step '-1' is none"),
        (rewritten(state, step="999999999999"), "is none of this training"),
        (rewritten(state, {"seed": 9}), "another seed"),
        (rewritten(state, {"data": "x"}), "another data"),
        (rewritten(state, {"x": [[[["a" * (1 << 20)]]]]}), "too large"),
        (state[:-100], "cannot resume"),
    ):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=said):
            load_state(target, path)
    torch.save({"step": 1}, path)
    with pytest.raises(CheckpointError, match="cannot resume"):
        load_state(target, path)
    assert target.step == 0
    for name, one in target.networks["unet"].state_dict().items():
        torch.testing.assert_close(one, before[name])
    path.write_bytes(state)
    load_state(target, path)
    assert target.step == 1


@pytest.mark.fuzz
def test_mutated_states_are_refused_or_loaded(state: bytes, tmp_path: Path) -> None:
    path, target = tmp_path / STATE, learner()
    head = 8 + int.from_bytes(state[:8], "little")
    for number in range(fuzz_count(0.5)):
        numbers = random_of(number)
        path.write_bytes(mutated(state[:head], numbers) + state[head:])
        try:
            load_state(target, path)
        except CheckpointError as error:
            assert "\n" not in str(error)


def test_a_loss_that_is_not_finite_ends_the_training() -> None:
    broken = learner()
    torch.nn.init.constant_(broken.pipeline.unet.conv_out.weight, torch.nan)
    with pytest.raises(FloatingPointError, match=r"not finite at step 1; .*--learning-rate"):
        broken.train_step()
    assert broken.step == 0


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"batch_size": 0}, {"learning_rate": 0}, {"ema": 1}, {"prompt_dropout": -1}],
)
def test_invalid_settings_are_rejected(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        GeneratorLearningConfig(**wrong)
