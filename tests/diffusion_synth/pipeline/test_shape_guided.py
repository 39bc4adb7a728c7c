"""The pipeline with tiny random models: what it changes, rejects, and has from diffusers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from PIL import Image

from diffusion_synth.errors import DataError
from diffusion_synth.pipeline.ddim_inversion import Inversion, invert, slerp
from diffusion_synth.pipeline.prompt_packing import slots
from diffusion_synth.pipeline.regions import resize_labels
from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline
from tests.diffusion_synth.conftest import tiny_pipeline

Pipelines = Callable[[str], ShapeGuidedPipeline]
KINDS = ("sd", "sd-inpaint", "sdxl", "embedded")
SIZE = (32, 24)  # height, width


def draw(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise_image(seed: int = 0) -> np.ndarray:
    """Return noise (H, W, 3), 0..1."""
    return np.random.default_rng(seed).random((*SIZE, 3), dtype=np.float32)


def mask(shift: int = 0, persons: int = 1) -> np.ndarray:
    labels = np.zeros(SIZE, np.int64)
    labels[4 + shift : 20 + shift, 2:12] = 1
    if persons == 2:
        labels[10:30, 14:22] = 2
    return labels


def paint(pipeline: ShapeGuidedPipeline, **changes: Any) -> np.ndarray:
    options: dict[str, Any] = {
        "image": noise_image()[None], "masks": mask(), "inside": "a man", "outside": "a street",
        "num_inference_steps": 3, "generator": draw(0), "output_type": "np",
    }  # fmt: skip
    return pipeline(**{**options, **changes}).images


@pytest.mark.parametrize("kind", KINDS)
def test_every_layout_repaints_inside_and_keeps_the_latents_outside(
    kind: str, pipelines: Pipelines
) -> None:
    pipeline = pipelines(kind)
    latents = paint(pipeline, output_type="latent")
    clean = pipeline.encode_images(pipeline.prepare_images(noise_image()[None], mask())[0])
    inside = resize_labels(torch.as_tensor(mask())[None], tuple(latents.shape[-2:]))[0] > 0
    torch.testing.assert_close(latents[..., ~inside], clean[..., ~inside])
    assert (latents - clean)[..., inside].abs().mean() > 0.1
    images = paint(pipeline)
    assert images.shape == (1, *SIZE, 3)
    assert np.isfinite(images).all()


def test_a_lossless_codec_keeps_every_outside_pixel(pipelines: Pipelines) -> None:
    image = paint(pipelines("embedded"))[0]
    outside = mask() == 0
    # This codec has two pixels to a latent, and the edges of the mask are even.
    np.testing.assert_allclose(image[outside], noise_image()[outside], atol=1e-6)


@pytest.mark.parametrize("kind", ["sd", "embedded"])
def test_every_prompt_and_option_has_an_effect(kind: str, pipelines: Pipelines) -> None:
    pipeline = pipelines(kind)
    first = paint(pipeline)
    np.testing.assert_array_equal(first, paint(pipeline))
    for change in (
        {"inside": "a woman"},
        {"outside": "a room"},
        {"negative": "fog"},
        {"own_token_weight": 1.0},
        {"self_attention": "none"},
        {"generator": draw(1)},
        {"guidance_scale": 1.0},
    ):
        assert np.abs(first - paint(pipeline, **change)).max() > 1e-4, change


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["blend", "invert"])
def test_a_batch_of_different_masks_equals_single_calls(
    kind: str, mode: str, pipelines: Pipelines
) -> None:
    pipeline = pipelines(kind)
    image = np.stack([noise_image(0), noise_image(1)])
    masks = [mask(), mask(shift=6, persons=2)]
    noise = torch.randn(
        2, *pipeline.encode_images(torch.zeros(1, 3, *SIZE)).shape[1:], generator=draw(5)
    )
    inside = [["a man"], ["a girl", "a boy"]]
    common = {"mode": mode, "outside": ["a street", "a park"], "noise_mixing": 0.3}
    together = paint(pipeline, image=image, masks=masks, inside=inside, latents=noise, **common)
    for number in range(2):
        alone = paint(
            pipeline,
            image=image[number : number + 1],
            masks=masks[number],
            inside=inside[number : number + 1],
            latents=noise[number : number + 1],
            **{**common, "outside": common["outside"][number]},
        )
        np.testing.assert_allclose(alone[0], together[number], atol=2e-4)


def test_images_per_prompt_are_variants(pipelines: Pipelines) -> None:
    pipeline = pipelines("sd")
    noise = torch.randn(3, 4, SIZE[0] // 2, SIZE[1] // 2, generator=draw(3))
    together = paint(pipeline, num_images_per_prompt=3, latents=noise)
    assert together.shape == (3, *SIZE, 3)
    for number in range(3):
        alone = paint(pipeline, latents=noise[number : number + 1])
        np.testing.assert_allclose(alone[0], together[number], atol=2e-4)


SCHEDULERS = (
    "DDPMScheduler", "PNDMScheduler", "EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler",
    "DPMSolverMultistepScheduler", "UniPCMultistepScheduler", "HeunDiscreteScheduler",
    "LCMScheduler",
    "LMSDiscreteScheduler", "DEISMultistepScheduler",
)  # fmt: skip


@pytest.mark.parametrize("name", SCHEDULERS)
def test_any_scheduler_blends(name: str) -> None:
    pytest.importorskip("scipy") if name.startswith("LMS") else None
    pipeline = tiny_pipeline("embedded")
    pipeline.scheduler = getattr(diffusers, name).from_config(pipeline.scheduler.config)
    image = paint(pipeline, num_inference_steps=5)[0]
    assert np.isfinite(image).all()
    np.testing.assert_allclose(image[mask() == 0], noise_image()[mask() == 0], atol=1e-5)
    with pytest.raises(ValueError, match="DDIMScheduler"):
        paint(pipeline, mode="invert")


class Linear(torch.nn.Module):
    """A model whose output is the same at every level, so that inversion is exact."""

    def __call__(self, latents: torch.Tensor, timestep: torch.Tensor, step: int) -> torch.Tensor:
        return torch.full_like(latents, 0.3)


def test_sampling_from_an_inversion_returns_to_the_image() -> None:
    scheduler = tiny_pipeline("embedded").scheduler
    scheduler.set_timesteps(10)
    timesteps = [int(t) for t in scheduler.timesteps]
    clean = torch.randn(2, 3, 4, 4, generator=draw(0))
    inversion = invert(Linear(), clean, timesteps, scheduler.alphas_cumprod, "epsilon")
    assert inversion.timesteps == tuple(timesteps)
    torch.testing.assert_close(inversion.latents[-1], clean)
    current = inversion.latents[0]
    for step, timestep in enumerate(timesteps[:-1]):
        current = scheduler.step(torch.full_like(current, 0.3), timestep, current).prev_sample
        torch.testing.assert_close(current, inversion.latents[step + 1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
def test_the_same_prompts_return_the_image(prediction: str) -> None:
    """In the program of the authors, inversion and sampling weight tokens differently."""
    pipeline = tiny_pipeline("embedded")
    pipeline.scheduler = DDIMScheduler.from_config(
        pipeline.scheduler.config, prediction_type=prediction
    )
    same = {"source_inside": "a man", "source_outside": "a street"}
    common = {
        "mode": "invert",
        "num_inference_steps": 100,
        "guidance_scale": 1.0,
        "self_attention": "hard",
    }
    back = paint(pipeline, **common, **same)
    error = np.abs(back - noise_image()).mean()
    assert error < 0.02
    assert (
        np.abs(paint(pipeline, **{**common, "inside": "a zebra"}, **same) - noise_image()).mean()
        > error
    )


def test_an_inversion_can_be_used_again(
    pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = pipelines("sd")
    first = paint(pipeline, mode="invert", num_images_per_prompt=2)
    kept = pipeline.invert_images(
        noise_image()[None], mask(), "", "a street", num_inference_steps=3
    )
    monkeypatch.setattr(ShapeGuidedPipeline, "invert_images", None)
    again = paint(pipeline, mode="invert", num_images_per_prompt=2, inversion=kept)
    np.testing.assert_allclose(first, again, atol=1e-5)
    with pytest.raises(ValueError, match="other steps"):
        paint(pipeline, mode="invert", inversion=kept, num_inference_steps=4)
    with pytest.raises(ValueError, match="other images"):
        paint(pipeline, mode="invert", inversion=kept, image=noise_image(9)[None])


def test_expanded_inversions_keep_their_order() -> None:
    twice = Inversion(torch.arange(2.0), (1,), (torch.arange(2.0),)).expand(2)
    assert twice.clean.tolist() == twice.latents[0].tolist() == [0, 0, 1, 1]


def test_slerp_keeps_the_length_of_noise() -> None:
    a, b = (torch.randn(1, 4, 32, 32, generator=draw(seed)) for seed in (1, 2))
    assert slerp(a, b, 0.5).std() == pytest.approx(1, abs=0.05)
    torch.testing.assert_close(slerp(a, b, 0.0), a)
    torch.testing.assert_close(slerp(a, b, 1.0), b)
    torch.testing.assert_close(slerp(a, a, 0.5), a)


def test_a_saved_pipeline_is_loaded_unchanged(tmp_path: Path, pipelines: Pipelines) -> None:
    for kind in KINDS:
        pipelines(kind).save_pretrained(tmp_path / kind)
        loaded = ShapeGuidedPipeline.from_pretrained(tmp_path / kind)
        loaded.set_progress_bar_config(disable=True)
        np.testing.assert_allclose(paint(loaded), paint(pipelines(kind)), atol=1e-5)


def test_a_folder_of_stable_diffusion_is_loaded(tmp_path: Path) -> None:
    ours = tiny_pipeline("sd")  # of its own: diffusers' pipeline changes its scheduler
    parts = {
        name: getattr(ours, name)
        for name in ("vae", "text_encoder", "tokenizer", "unet", "scheduler")
    }
    theirs = StableDiffusionPipeline(
        **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )
    theirs.save_pretrained(tmp_path)
    loaded = ShapeGuidedPipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    np.testing.assert_allclose(paint(loaded), paint(ours), atol=1e-5)


def test_callbacks_get_and_change_latents_and_can_end_sampling(pipelines: Pipelines) -> None:
    pipeline = pipelines("sd")
    seen: list[int] = []

    def watch(
        pipe: ShapeGuidedPipeline, step: int, timestep: Any, tensors: dict[str, Any]
    ) -> dict[str, Any]:
        seen.append(step)
        return {"latents": torch.zeros_like(tensors["latents"])} if step == 2 else tensors

    latents = paint(pipeline, callback_on_step_end=watch, output_type="latent")
    assert seen == [0, 1, 2]
    assert not latents.any()

    def stop(pipe: ShapeGuidedPipeline, step: int, *_: Any) -> dict[str, Any]:
        seen.append(step)
        pipe._interrupt = True
        return {}

    seen.clear()
    paint(pipeline, callback_on_step_end=stop)
    assert seen == [0]
    with pytest.raises(ValueError, match="not 'noise'"):
        paint(pipeline, callback_on_step_end=watch, callback_on_step_end_tensor_inputs=["noise"])


def test_bfloat16_is_near_float32() -> None:
    wanted = paint(tiny_pipeline("embedded"), num_inference_steps=5)
    found = paint(tiny_pipeline("embedded").to(torch.bfloat16), num_inference_steps=5)
    assert np.abs(wanted - found).mean() < 0.02


def test_outputs_have_the_requested_type(pipelines: Pipelines) -> None:
    pipeline = pipelines("sd")
    (image,) = pipeline(
        noise_image()[None], mask(), "a man", num_inference_steps=1, generator=draw(0)
    ).images
    assert isinstance(image, Image.Image)
    assert image.size == SIZE[::-1]
    assert paint(pipeline, output_type="pt").shape == (1, 3, *SIZE)
    (image,) = pipeline(
        noise_image()[None],
        mask(),
        "a man",
        num_inference_steps=1,
        generator=draw(0),
        output_type="np",
        return_dict=False,
    )
    assert image.shape == (1, *SIZE, 3)


def test_images_and_masks_can_be_pil_images(pipelines: Pipelines) -> None:
    pipeline = pipelines("sd")
    as_bytes = (noise_image() * 255).round().astype(np.uint8)
    shape = Image.fromarray(((mask() > 0) * 255).astype(np.uint8))
    found = paint(pipeline, image=Image.fromarray(as_bytes), masks=shape)
    wanted = paint(pipeline, image=as_bytes[None].astype(np.float32) / 255)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    np.testing.assert_allclose(paint(pipeline, masks=mask() > 0), paint(pipeline), atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"masks": np.zeros(SIZE, np.int64)}, "no person to repaint"),
        ({"masks": mask()[:-2]}, r"size of its image, \(32, 24\).*got \(30, 24\)"),
        ({"masks": [mask(), mask()]}, "a mask for each of 1 images, got 2"),
        ({"masks": mask().astype(float)}, "a mask of integers"),
        ({"masks": -mask()}, "negative"),
        ({"image": np.full((1, *SIZE, 3), np.nan, np.float32)}, "finite values"),
        ({"image": noise_image()[None, :31], "masks": mask()[:31]}, "must divide by 2"),
        ({"inside": ["a", "b"]}, "inside prompts of 1 images, got 2"),
        ({"inside": [["a", "b"]]}, "each of 1 persons of an image, got 2"),
        ({"outside": ["a", "b"]}, "one outside prompt for each of 1 images, got 2"),
        ({"mode": "melt"}, "blend, invert"),
        ({"self_attention": "soft"}, "hard, linear"),
        ({"num_inference_steps": 0}, "at least 1"),
        ({"noise_mixing": 2.0, "mode": "invert"}, "within 0..1"),
        ({"latents": torch.zeros(1, 4, 8, 8)}, r"latents of shape .*got \(1, 4, 8, 8\)"),
    ],
)
def test_invalid_input_is_rejected(
    changes: dict[str, Any], said: str, pipelines: Pipelines
) -> None:
    with pytest.raises(ValueError, match=said):
        paint(pipelines("sd"), **changes)


def test_more_persons_than_tokens_are_rejected(pipelines: Pipelines) -> None:
    crowd = np.zeros(SIZE, np.int64)
    crowd[:16, :20] = np.arange(1, 21)
    with pytest.raises(DataError, match="20 persons"):
        paint(pipelines("sd"), masks=crowd)
    assert slots(2, 77) == [(39, 77), (1, 39)]


def test_components_of_the_wrong_kind_are_rejected_by_name(pipelines: Pipelines) -> None:
    parts = dict(pipelines("sd").components)
    for name in ("vae", "unet", "scheduler", "tokenizer"):
        with pytest.raises(TypeError, match=f"{name} is a Linear"):
            ShapeGuidedPipeline(**{**parts, name: torch.nn.Linear(1, 1)})


def test_a_unet_with_unknown_channels_is_rejected() -> None:
    pipeline = tiny_pipeline("sd")
    pipeline.unet.conv_in = torch.nn.Conv2d(7, 8, 3, padding=1)
    with pytest.raises(ValueError, match="takes 7 channels"):
        paint(pipeline)


def test_a_model_that_yields_nan_is_reported() -> None:
    pipeline = tiny_pipeline("sd")
    torch.nn.init.constant_(pipeline.unet.conv_out.weight, torch.nan)
    with pytest.raises(FloatingPointError, match="NaN or infinity"):
        paint(pipeline)


def test_the_attention_of_the_unet_is_restored(pipelines: Pipelines) -> None:
    pipeline = pipelines("sd")
    before = pipeline.unet.attn_processors
    paint(pipeline)
    with pytest.raises(ValueError, match="no person to repaint"):
        paint(pipeline, masks=np.zeros(SIZE, np.int64))
    assert pipeline.unet.attn_processors == before


@pytest.mark.parametrize("kind", ["sd", "sd-inpaint", "sdxl", "embedded"])
def test_offloading_lists_every_network_in_the_order_of_use(kind: str) -> None:
    pipeline = tiny_pipeline(kind)
    networks = {
        name for name, part in pipeline.components.items() if isinstance(part, torch.nn.Module)
    }
    order = pipeline.model_cpu_offload_seq.split("->")
    assert networks <= set(order)
    assert [name for name in order if name in networks][-2:] == ["unet", "vae"]


def test_memory_savers_of_diffusers_do_not_change_the_image() -> None:
    expected = paint(tiny_pipeline("sd"), num_inference_steps=2)
    pipeline = tiny_pipeline("sd")
    pipeline.enable_attention_slicing()
    pipeline.vae.enable_slicing()
    np.testing.assert_allclose(paint(pipeline, num_inference_steps=2), expected, atol=2e-4)
