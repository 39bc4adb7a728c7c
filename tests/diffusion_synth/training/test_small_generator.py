"""The small generator, untrained and bundled: its size, its layout, and its results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from diffusion_synth.pipeline.loading import bundled_model, load_pipeline
from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline
from diffusion_synth.training.small_generator import (
    MAX_PARAMETERS,
    PREDICTIONS,
    GeneratorConfig,
    make_generator,
    parameter_count,
)

TINY = GeneratorConfig(size=16, channels=(8, 16), head=8, words=16, text_layers=1)


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def paint(pipeline: ShapeGuidedPipeline, size: int = 16) -> np.ndarray:
    image = np.random.default_rng(0).random((1, size, size, 3), dtype=np.float32)
    mask = np.zeros((size, size), np.int64)
    mask[2 : size - 2, 4 : size - 4] = 1
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(
        image, mask, "a woman in a red dress", "in a street", num_inference_steps=4,
        generator=draw(1), output_type="np"
    ).images[0]  # fmt: skip


def test_the_default_is_small_enough_to_bundle() -> None:
    pipeline = make_generator(GeneratorConfig(), generator=draw())
    count = parameter_count(pipeline.unet) + parameter_count(pipeline.text_encoder)
    assert 8_000_000 < count <= MAX_PARAMETERS
    assert 2 * count <= 25_000_000  # bytes, at half precision
    with pytest.raises(ValueError, match="at most 12 M"):
        make_generator(GeneratorConfig(channels=(128, 256, 384)), generator=draw())


def test_weights_follow_from_the_seed_and_global_state_is_kept() -> None:
    before = torch.get_rng_state()
    one, same, other = (
        make_generator(TINY, generator=draw(seed)).unet.state_dict() for seed in (0, 0, 1)
    )
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_it_is_saved_and_loaded_as_a_pipeline_of_diffusers(tmp_path: Path) -> None:
    pipeline = make_generator(TINY, generator=draw())
    pipeline.save_pretrained(tmp_path)
    np.testing.assert_allclose(paint(load_pipeline(tmp_path)), paint(pipeline), atol=1e-5)


def test_the_bundled_generator_is_small_and_trained() -> None:
    pipeline = load_pipeline(bundled_model())
    assert pipeline.native_size == 128
    assert sum(path.stat().st_size for path in bundled_model().rglob("*.safetensors")) <= 25_000_000
    noise, blurred = (
        paint(make_generator(GeneratorConfig(), generator=draw()), 128),
        paint(pipeline, 128),
    )
    # Neighbouring pixels are alike in a trained generator's persons, not in an untrained one's.
    inside = np.s_[8:120, 8:120]
    rough, smooth = (np.abs(np.diff(image[inside], axis=0)).mean() for image in (noise, blurred))
    assert smooth < rough / 2


def test_the_original_person_does_not_influence_the_result_even_at_the_rim() -> None:
    """The mask ends within places of the latents, which hold several pixels of the image."""
    pipeline = make_generator(TINY, generator=draw())
    pipeline.set_progress_bar_config(disable=True)
    mask = np.zeros((16, 16), bool)
    mask[3:13, 5:11] = True
    image = np.random.default_rng(0).random((16, 16, 3), dtype=np.float32)
    painted = []
    for colour in (0.0, 1.0):
        with_person = np.where(mask[..., None], np.float32(colour), image)[None]
        painted.append(
            pipeline(
                with_person,
                mask,
                "a man",
                num_inference_steps=4,
                generator=draw(1),
                output_type="np",
            ).images[0]
        )
    np.testing.assert_array_equal(*painted)
    np.testing.assert_allclose(painted[0][~mask], image[~mask], atol=1e-5)


def test_guidance_is_weaker_for_a_network_of_pixels() -> None:
    assert make_generator(TINY, generator=draw()).default_guidance_scale == 2.0


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_the_scheduler_holds_the_prediction_type(prediction: str, tmp_path: Path) -> None:
    pipeline = make_generator(replace(TINY, prediction=prediction), generator=draw())
    pipeline.save_pretrained(tmp_path)
    assert load_pipeline(tmp_path).scheduler.config.prediction_type == prediction


def test_other_sizes_than_its_own_can_be_painted() -> None:
    assert np.isfinite(paint(make_generator(TINY, generator=draw()), 24)).all()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"channels": (64,)}, "at least two levels"),
        ({"size": 30}, "must divide by 16"),
        ({"prediction": "noise"}, "prediction must be one of"),
        ({"channels": (64, 100)}, "channels must divide by 8"),
    ],
)
def test_invalid_settings_are_rejected(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        GeneratorConfig(**wrong)
