"""The embedded generator: a small model that repaints persons, in the ordinary layout of diffusers.

It is what `diffusion_synth.run` takes where no large model is at hand: a codec without weights, a text encoder that
knows the renderer's words and no others, and a UNet that is shown the mask with every one of its pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DDIMScheduler
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from diffusion_synth.pipeline.pixel_shuffle import PixelShuffleCodec
from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline
from diffusion_synth.prompts.grammar import read_grammar
from diffusion_synth.randomness import weights_drawn_from
from diffusion_synth.training.word_tokenizer import make_tokenizer, words_of

MOST_PARAMETERS = 12_000_000
PREDICTIONS = ("sample", "v_prediction")


@dataclass(frozen=True)
class GeneratorConfig:
    """What the embedded generator is made of."""

    size: int = 128
    """Side of the crops that it paints, px."""
    factor: int = 4
    """Pixels of the picture to one of the latent, along a side."""
    channels: tuple[int, ...] = (128, 128, 160)
    """Of the UNet's levels; all but the first attend."""
    blocks: int = 1
    """In each level."""
    head: int = 32
    """Channels of an attention's head."""
    words: int = 128
    """Channels of the text encoder."""
    text_layers: int = 2
    """Of the text encoder."""
    tokens: int = 64
    """Of a prompt; persons and surroundings share them."""
    prediction: str = "sample"
    """What the UNet says: "sample", the picture, or "v_prediction", the velocity (Salimans & Ho, ICLR 2022), which
    came out noisier in equal steps (docs/decisions.md)."""

    def __post_init__(self) -> None:
        levels = 2 ** (len(self.channels) - 1)
        if len(self.channels) < 2:
            raise ValueError("channels: a UNet of one level has nowhere to attend")
        if self.size % (self.factor * levels):
            raise ValueError(f"size is {self.size}; it must divide by {self.factor * levels}")
        if any(count % self.head for count in self.channels[1:]) or any(
            count % 8 for count in self.channels
        ):
            raise ValueError(
                f"channels are {self.channels}; they must divide by 8, and the later ones by {self.head}"
            )
        if self.prediction not in PREDICTIONS:
            raise ValueError(
                f"prediction is {self.prediction!r}; it must be one of {', '.join(PREDICTIONS)}"
            )


def make_generator(config: GeneratorConfig, *, generator: torch.Generator) -> ShapeGuidedPipeline:
    """The pipeline with untrained weights, drawn from `generator`. Raises ValueError when it is too large."""
    tokenizer = make_tokenizer(words_of(read_grammar()), config.tokens)
    with weights_drawn_from(generator):
        text_encoder = CLIPTextModel(text_config(config, len(tokenizer), tokenizer)).eval()
        unet = UNet2DConditionModel(**unet_config(config)).eval()
    if (count := parameters_of(unet) + parameters_of(text_encoder)) > MOST_PARAMETERS:
        raise ValueError(
            f"the generator has {count / 1e6:.1f} M parameters; at most {MOST_PARAMETERS / 1e6:.0f} M fit"
        )
    return ShapeGuidedPipeline(
        vae=PixelShuffleCodec(config.factor),
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=make_scheduler(config.prediction),
    )


def make_scheduler(prediction: str) -> DDIMScheduler:
    """A cosine schedule (Nichol & Dhariwal, ICML 2021) that ends in pure noise, for one of PREDICTIONS.

    If it ended in less (Lin et al., WACV 2024), what is painted would keep the brightness of average noise.
    """
    return DDIMScheduler(
        beta_schedule="squaredcos_cap_v2",
        prediction_type=prediction,
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
    )


def text_config(config: GeneratorConfig, vocabulary: int, tokenizer: Any) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=config.words,
        intermediate_size=4 * config.words,
        num_hidden_layers=config.text_layers,
        num_attention_heads=max(1, config.words // 32),
        max_position_embeddings=config.tokens,
        projection_dim=config.words,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def unet_config(config: GeneratorConfig) -> dict[str, Any]:
    latents = 3 * config.factor**2
    deeper = len(config.channels) - 1
    return {
        "sample_size": config.size // config.factor,
        "in_channels": 2 * latents
        + config.factor**2,  # the latents, the mask's pixels, the picture without the person
        "out_channels": latents,
        "block_out_channels": config.channels,
        "down_block_types": ("DownBlock2D", *["CrossAttnDownBlock2D"] * deeper),
        "up_block_types": (*["CrossAttnUpBlock2D"] * deeper, "UpBlock2D"),
        "layers_per_block": config.blocks,
        "attention_head_dim": heads(config.channels, config.head),
        "cross_attention_dim": config.words,
        "norm_num_groups": 8,
    }


def heads(channels: Sequence[int], width: int) -> tuple[int, ...]:
    """Heads of every level. diffusers calls their number attention_head_dim, for the sake of its oldest models."""
    return tuple(max(1, count // width) for count in channels)


def parameters_of(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
