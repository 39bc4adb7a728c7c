"""The pipeline keeps the conventions of diffusers: callbacks, embeddings, VAEs, LoRAs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderTiny,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
)
from diffusers.callbacks import (
    MultiPipelineCallbacks,
    SDCFGCutoffCallback,
    SDXLCFGCutoffCallback,
)

from diffusion_synth.errors import ConfigError, DataError
from diffusion_synth.pipeline.lora import add_lora, save_lora
from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline
from tests.diffusion_synth.conftest import tiny_pipeline, tiny_unet
from tests.diffusion_synth.pipeline.test_shape_guided import draw, mask, noise_image, paint

Pipelines = Callable[[str], ShapeGuidedPipeline]


def cutoff(kind: str, step: int) -> Any:
    made = SDXLCFGCutoffCallback if kind == "sdxl" else SDCFGCutoffCallback
    return made(cutoff_step_ratio=None, cutoff_step_index=step)


@pytest.mark.parametrize("kind", ["sd", "sdxl", "embedded"])
def test_a_callback_that_ends_guidance_does_so_for_every_image(
    kind: str, pipelines: Pipelines
) -> None:
    pipeline = pipelines(kind)
    # After the last step it changes nothing; before, it does.
    whole = paint(pipeline, guidance_scale=5.0)
    np.testing.assert_array_equal(
        whole, paint(pipeline, guidance_scale=5.0, callback_on_step_end=cutoff(kind, 2))
    )
    ended = paint(pipeline, guidance_scale=5.0, callback_on_step_end=cutoff(kind, 0))
    assert pipeline.guidance_scale == 0.0
    assert np.abs(ended - whole).max() > 1e-4
    images = np.stack([noise_image(0), noise_image(1)])
    noise = torch.randn(2, *shape_of(pipeline), generator=draw(5))
    common: dict[str, Any] = {"guidance_scale": 5.0, "callback_on_step_end": cutoff(kind, 0)}
    both = paint(
        pipeline, image=images, masks=[mask(), mask(6)], latents=noise,
        inside=["a man", "a girl"], **common,
    )  # fmt: skip
    for place, (text, labels) in enumerate([("a man", mask()), ("a girl", mask(6))]):
        alone = paint(
            pipeline, image=images[place : place + 1], masks=labels, inside=text,
            latents=noise[place : place + 1], **common,
        )  # fmt: skip
        np.testing.assert_allclose(both[place], alone[0], atol=2e-4)


def shape_of(pipeline: ShapeGuidedPipeline) -> tuple[int, ...]:
    return tuple(pipeline.encode_images(torch.zeros(1, 3, 32, 24)).shape[1:])


def test_callbacks_read_the_state_of_the_call(pipelines: Pipelines) -> None:
    seen: list[tuple[float, int, bool, int | None]] = []

    def watch(pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        state = pipe.guidance_scale, pipe.num_timesteps, pipe.do_classifier_free_guidance
        seen.append((*state, pipe.clip_skip))
        assert len(tensors["prompt_embeds"]) == 2
        pipe._guidance_scale = 3.0
        return tensors

    paint(
        pipelines("sd"), guidance_scale=7.0, callback_on_step_end=watch, clip_skip=1,
        callback_on_step_end_tensor_inputs=["latents", "prompt_embeds", "negative_prompt_embeds"],
    )  # fmt: skip
    assert seen == [(7.0, 3, True, 1), (3.0, 3, True, 1), (3.0, 3, True, 1)]
    many = MultiPipelineCallbacks([cutoff("sd", 1), cutoff("sd", 2)])
    with pytest.raises(DataError, match="rows"):
        paint(
            pipelines("sd"),
            callback_on_step_end=lambda *_: {"prompt_embeds": torch.zeros(3, 16, 16)},
        )
    assert np.isfinite(paint(pipelines("sd"), callback_on_step_end=many)).all()


def test_wrong_callbacks_are_named(pipelines: Pipelines) -> None:
    with pytest.raises(ConfigError, match="add_text_embeds"):
        paint(pipelines("sd"), callback_on_step_end=cutoff("sdxl", 0))
    with pytest.raises(ConfigError, match="_guidance_scale to 0"):
        paint(
            pipelines("sd"), callback_on_step_end_tensor_inputs=["prompt_embeds"],
            callback_on_step_end=lambda *a: {"prompt_embeds": a[3]["prompt_embeds"][-1:]},
        )  # fmt: skip
    with pytest.raises(DataError, match="latents of shape"):
        paint(pipelines("sd"), callback_on_step_end=lambda *_: {"latents": torch.zeros(1)})


@pytest.mark.parametrize("kind", ["sd", "sdxl"])
def test_prompts_are_encoded_as_diffusers_does(kind: str) -> None:
    pipeline = tiny_pipeline(kind)
    if kind == "sd":
        parts = {k: v for k, v in pipeline.components.items() if not k.endswith("_2")}
        theirs: Any = StableDiffusionPipeline(
            **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
        )
    else:
        theirs = StableDiffusionXLPipeline(**pipeline.components, add_watermarker=False)
    device = torch.device("cpu")
    # diffusers' own clip_skip for Stable Diffusion fails with transformers 5.
    skips: list[dict[str, Any]] = [{"clip_skip": 1}] if kind == "sdxl" else []
    for options in ({}, {"negative_prompt": "fog"}, {"num_images_per_prompt": 2}, *skips):
        given: dict[str, Any] = {
            "prompt": "a man", "device": device, "num_images_per_prompt": 1,
            "do_classifier_free_guidance": True, **options,
        }  # fmt: skip
        for ours, wanted in zip(
            pipeline.encode_prompt(**given), theirs.encode_prompt(**given), strict=True
        ):
            torch.testing.assert_close(ours, wanted)
    positive, negative, *_ = pipeline.encode_prompt("a man", device, 1, False)
    assert positive.shape == (1, 16, pipeline.prompt_width)
    assert negative is None


@pytest.mark.parametrize("kind", ["sd", "sdxl", "sd-inpaint"])
def test_embeddings_stand_for_their_texts(kind: str, pipelines: Pipelines) -> None:
    pipeline = pipelines(kind)
    found = pipeline.encode_prompt("a man", negative_prompt="fog")
    around = pipeline.encode_prompt("a street", do_classifier_free_guidance=False)[0]
    names = (
        "prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds",
        "negative_pooled_prompt_embeds",
    )  # fmt: skip
    given = dict(zip(names, found, strict=False))
    wanted = paint(pipeline, negative="fog")
    np.testing.assert_allclose(paint(pipeline, inside=None, **given), wanted, atol=1e-5)
    given["outside_embeds"] = around
    np.testing.assert_allclose(paint(pipeline, inside=None, outside="", **given), wanted, atol=1e-5)


def test_sdxl_without_text_encoders_takes_embeddings(pipelines: Pipelines) -> None:
    whole = pipelines("sdxl")
    names = (
        "prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds",
        "negative_pooled_prompt_embeds",
    )  # fmt: skip
    given = dict(zip(names, whole.encode_prompt("a man"), strict=True))
    for missing in (["text_encoder_2", "tokenizer_2"], ["text_encoder", "tokenizer"]):
        pipeline = whole.with_parts(**dict.fromkeys(missing))
        pipeline.set_progress_bar_config(disable=True)
        assert np.isfinite(paint(pipeline, inside=None, outside="", **given)).all()
        with pytest.raises(ConfigError, match=f"no {missing[0]}.*give prompt_embeds"):
            paint(pipeline)
        with pytest.raises(DataError, match="pooled_prompt_embeds beside"):
            paint(pipeline, inside=None, prompt_embeds=given["prompt_embeds"])


def test_a_refiner_has_the_second_encoder_alone(tmp_path: Path) -> None:
    whole = tiny_pipeline("sdxl")
    unet = tiny_unet(
        4, context=16, addition_embed_type="text_time", addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=5 * 8 + 16,
    )  # fmt: skip
    parts = {**whole.components, "unet": unet, "text_encoder": None, "tokenizer": None}
    refiner = ShapeGuidedPipeline(**parts, requires_aesthetics_score=True)
    refiner.set_progress_bar_config(disable=True)
    wanted = paint(refiner)
    refiner.save_pretrained(tmp_path)
    loaded = ShapeGuidedPipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    assert loaded.config.requires_aesthetics_score
    np.testing.assert_allclose(paint(loaded), wanted, atol=1e-5)


def test_the_empty_negative_prompt_is_zeros_where_the_model_says_so(pipelines: Pipelines) -> None:
    zeros = pipelines("sdxl")
    encoded = ShapeGuidedPipeline(**zeros.components, force_zeros_for_empty_prompt=False)
    encoded.set_progress_bar_config(disable=True)
    assert np.abs(paint(zeros) - paint(encoded)).max() > 1e-5
    np.testing.assert_allclose(paint(zeros, negative=""), paint(encoded), atol=1e-6)
    for kind in ("sd", "embedded"):
        np.testing.assert_array_equal(paint(pipelines(kind)), paint(pipelines(kind), negative=""))


def test_autoencoder_tiny_is_a_vae() -> None:
    parts = tiny_pipeline("sd").components
    parts["vae"] = AutoencoderTiny(
        encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8),
        num_encoder_blocks=(1, 1), num_decoder_blocks=(1, 1),
    ).eval()  # fmt: skip
    pipeline = ShapeGuidedPipeline(**parts)
    pipeline.set_progress_bar_config(disable=True)
    assert pipeline.codec_factor == 2
    assert paint(pipeline).shape == (1, 32, 24, 3)


class Overflows(torch.nn.Module):
    """A layer whose values exceed half precision, as in SDXL's decoder."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 1e6 / 1e6


def test_a_vae_that_overflows_in_half_precision_computes_in_float32() -> None:
    pipeline = tiny_pipeline("sd").to(torch.float16)
    pipeline.vae.decoder.conv_act = Overflows()
    assert pipeline.vae.config.force_upcast
    assert np.isfinite(paint(pipeline)).all()
    assert pipeline.vae.dtype == torch.float16
    pipeline.vae.register_to_config(force_upcast=False)
    with pytest.raises(FloatingPointError, match=r"VAE yields NaN .* in float16; .*float32"):
        paint(pipeline)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_the_part_that_yields_no_numbers_is_named(part: str) -> None:
    pipeline = tiny_pipeline("sd")
    layer = {
        "unet": lambda: pipeline.unet.conv_out,
        "vae": lambda: pipeline.vae.decoder.conv_out,
        "text_encoder": lambda: pipeline.text_encoder.final_layer_norm,
    }[part]()
    torch.nn.init.constant_(layer.weight, torch.nan)
    name = {"unet": "UNet", "vae": "VAE", "text_encoder": "text encoder"}[part]
    with pytest.raises(FloatingPointError, match=f"{name} yields NaN or infinity in float32"):
        paint(pipeline)


def test_a_lora_has_a_name_and_a_scale(tmp_path: Path, pipelines: Pipelines) -> None:
    trained = tiny_pipeline("sd")
    add_lora(trained.unet, 2, generator=draw(0))
    for name, weight in trained.unet.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, generator=draw(1))
    save_lora(trained.unet, tmp_path)
    (tmp_path / "pytorch_lora_weights.safetensors").rename(tmp_path / "mine.safetensors")
    plain, pipeline = paint(pipelines("sd")), tiny_pipeline("sd")
    pipeline.load_lora_weights(tmp_path, weight_name="mine.safetensors", adapter_name="mine")
    full = paint(pipeline)
    half = paint(pipeline, cross_attention_kwargs={"scale": 0.5})
    assert pipeline.cross_attention_kwargs == {"scale": 0.5}
    assert np.abs(full - plain).max() > 1e-3
    assert np.abs(half - full).max() > 1e-4
    np.testing.assert_allclose(
        paint(pipeline, cross_attention_kwargs={"scale": 0.0}), plain, atol=1e-5
    )
    pipeline.set_adapters(["mine"], adapter_weights=[0.5])
    np.testing.assert_allclose(paint(pipeline), half, atol=1e-4)
    pipeline.unload_lora_weights()
    np.testing.assert_allclose(paint(pipeline), plain, atol=1e-5)


def test_a_distilled_unet_takes_its_guidance_as_an_input() -> None:
    parts = tiny_pipeline("sd").components
    parts["unet"] = tiny_unet(4, time_cond_proj_dim=32)
    pipeline = ShapeGuidedPipeline(**parts)
    pipeline.set_progress_bar_config(disable=True)
    seen: list[int] = []
    paint(
        pipeline, callback_on_step_end=lambda *a: seen.append(len(a[3]["prompt_embeds"])),
        callback_on_step_end_tensor_inputs=["prompt_embeds"],
    )  # fmt: skip
    assert seen == [1, 1, 1]
    assert np.abs(paint(pipeline, guidance_scale=8) - paint(pipeline, guidance_scale=2)).max() > 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"inside": None}, "got neither"),
        ({"prompt_embeds": torch.zeros(1, 16, 16)}, "got both"),
        ({"inside": None, "prompt_embeds": torch.zeros(1, 16, 15)}, r"prompt_embeds of shape"),
        ({"inside": None, "prompt_embeds": torch.zeros(1, 9, 16)}, "of 16 tokens"),
        ({"negative": "", "negative_prompt_embeds": torch.zeros(1, 16, 16)}, "got both"),
        ({"clip_skip": 9}, "clip_skip must be within"),
        ({"guidance_scale": float("nan")}, "finite number"),
        ({"output_type": "jpeg"}, "pil, np, pt, latent"),
        ({"cross_attention_kwargs": {"gligen": 1}}, "'gligen'"),
        ({"generator": [draw(0), draw(1)]}, "expected 1 generators, got 2"),
    ],
)
def test_options_that_do_not_fit_are_rejected(
    changes: dict[str, Any], said: str, pipelines: Pipelines
) -> None:
    with pytest.raises(ValueError, match=said):
        paint(pipelines("sd"), **changes)
