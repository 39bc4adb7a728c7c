"""Shared by these tests: tiny pipelines with random weights, datasets on disk, rejected input."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from diffusion_synth.pipeline.pixel_shuffle import PixelShuffleCodec
from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline

TOKENS = 16


def tiny_tokenizer() -> CLIPTokenizer:
    """Return CLIP's tokenizer with a vocabulary of bytes, without a download."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = list(bytes_to_unicode().values())
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={word: number for number, word in enumerate(words)},
        merges=[],
        model_max_length=TOKENS,
    )


def tiny_text_encoder(width: int, *, projection: bool = False) -> Any:
    config = CLIPTextConfig(
        vocab_size=514, hidden_size=width, intermediate_size=2 * width, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=TOKENS, projection_dim=width,
        bos_token_id=512, eos_token_id=513, pad_token_id=513,
    )  # fmt: skip
    return (CLIPTextModelWithProjection if projection else CLIPTextModel)(config).eval()


def tiny_unet(
    latents: int, *, besides: int = 0, context: int = 16, **more: Any
) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=8, in_channels=latents + besides, out_channels=latents, layers_per_block=1,
        block_out_channels=(8, 16), down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), attention_head_dim=4,
        cross_attention_dim=context,
        norm_num_groups=4, **more,
    ).eval()  # fmt: skip


def tiny_vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 8), down_block_types=("DownEncoderBlock2D",) * 2, norm_num_groups=4,
        up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=4, layers_per_block=1,
    ).eval()  # fmt: skip


def tiny_pipeline(kind: str = "sd") -> ShapeGuidedPipeline:
    """Return a pipeline.

    kind: sd, sd-inpaint (one mask channel), sdxl, or embedded (pixel shuffle, all mask pixels).
    """
    with torch.random.fork_rng():
        torch.set_rng_state(torch.Generator().manual_seed(0).get_state())
        parts: dict[str, Any] = {
            "scheduler": DDIMScheduler(
                beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012,
                clip_sample=False,
                set_alpha_to_one=False,
            ),
            "tokenizer": tiny_tokenizer(),
            "text_encoder": tiny_text_encoder(16),
        }  # fmt: skip
        if kind == "embedded":
            parts |= {"vae": PixelShuffleCodec(2), "unet": tiny_unet(12, besides=4 + 12)}
        elif kind == "sdxl":
            parts |= {
                "vae": tiny_vae(),
                "tokenizer_2": tiny_tokenizer(),
                "text_encoder_2": tiny_text_encoder(16, projection=True),
                "unet": tiny_unet(
                    4, context=32, addition_embed_type="text_time", addition_time_embed_dim=8,
                    projection_class_embeddings_input_dim=6 * 8 + 16,
                ),
            }  # fmt: skip
        else:
            parts |= {
                "vae": tiny_vae(),
                "unet": tiny_unet(4, besides=5 if kind == "sd-inpaint" else 0),
            }
        pipeline = ShapeGuidedPipeline(**parts)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


Pair = tuple[np.ndarray, np.ndarray, dict[str, Any]]
"""(image, mask, further entries of its line)."""


def write_dataset(root: Path, pairs: Sequence[Pair], **info: Any) -> Path:
    """Write a dataset of the contract, of PNGs."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    lines = []
    for number, (image, mask, line) in enumerate(pairs):
        names = {"file_name": f"images/{number}.png", "mask_file_name": f"masks/{number}.png"}
        Image.fromarray(image).save(root / names["file_name"])
        Image.fromarray(mask).save(root / names["mask_file_name"])
        lines.append({**names, "index": number, **line})
    (root / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (root / "dataset.json").write_text(
        json.dumps({"schema_version": 1, "count": len(pairs), **info})
    )
    return root


def refusal(
    main: Callable[[Sequence[str]], int],
    arguments: Sequence[str],
    output: Path,
    capsys: pytest.CaptureFixture[str],
) -> str:
    """Return the error of a command for invalid input: one line, exit code 2, nothing written."""
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert not output.exists()
    return error


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Use one thread: networks as small as these would wait longer than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def pipelines() -> Callable[[str], ShapeGuidedPipeline]:
    """Return kind → a pipeline that tests share and must not change."""
    made: dict[str, ShapeGuidedPipeline] = {}

    def get(kind: str) -> ShapeGuidedPipeline:
        if kind not in made:
            made[kind] = tiny_pipeline(kind)
        return made[kind]

    return get
