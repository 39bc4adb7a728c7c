"""The small generator: a model of 11 M parameters that repaints persons, in diffusers' layout.

The bundled generator is one of these. It has a codec without weights, a text encoder for the words
of the renderer, and a UNet whose input includes every pixel of the mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DDIMScheduler
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from diffusion_synth.errors import ConfigError
from diffusion_synth.pipeline.pixel_shuffle import PixelShuffleCodec
from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline
from diffusion_synth.prompts.grammar import read_grammar
from diffusion_synth.randomness import weights_drawn_from
from diffusion_synth.training.word_tokenizer import make_tokenizer, vocabulary_of

MAX_PARAMETERS = 12_000_000
PREDICTIONS = ("sample", "v_prediction")


@dataclass(frozen=True)
class GeneratorConfig:
    """The architecture of the small generator.

    Raises:
        ConfigError: The values do not fit together.
    """

    size: int = 128
    """Side of its crops, px."""
    factor: int = 4
    """Pixels of the image for each place of the latents, along a side."""
    channels: tuple[int, ...] = (128, 128, 160)
    """Channels of the UNet's levels; all but the first have attention."""
    blocks: int = 1
    """Blocks in each level."""
    head: int = 32
    """Channels of each head of the attentions."""
    words: int = 128
    """Channels of the text encoder."""
    text_layers: int = 2
    """Layers of the text encoder."""
    tokens: int = 64
    """Tokens of a prompt; persons and surroundings share them."""
    prediction: str = "sample"
    """Output of the UNet: "sample", the image, or "v_prediction", the velocity (Salimans & Ho, ICLR
    2022), which was noisier after as many steps (docs/decisions.md)."""

    def __post_init__(self) -> None:
        if min(self.factor, self.size, *self.channels) < 1:
            raise ConfigError("size, factor and channels must be at least 1")
        levels = 2 ** (len(self.channels) - 1)
        if len(self.channels) < 2:
            raise ConfigError("channels must have at least two levels: the first has no attention")
        if self.size % (self.factor * levels):
            raise ConfigError(f"size must divide by {self.factor * levels}, got {self.size}")
        if any(count % self.head for count in self.channels[1:]) or any(
            count % 8 for count in self.channels
        ):
            raise ConfigError(
                f"channels must divide by 8, and the later ones by {self.head}, got {self.channels}"
            )
        if self.prediction not in PREDICTIONS:
            raise ConfigError(
                f"prediction must be one of {', '.join(PREDICTIONS)}, got {self.prediction!r}"
            )


def make_generator(config: GeneratorConfig, *, generator: torch.Generator) -> ShapeGuidedPipeline:
    """Make the pipeline with untrained weights.

    Args:
        config: The architecture.
        generator: The weights are drawn from it.

    Raises:
        ConfigError: It would have more than MAX_PARAMETERS.
    """
    tokenizer = make_tokenizer(vocabulary_of(read_grammar()), config.tokens)
    with weights_drawn_from(generator):
        text_encoder = CLIPTextModel(text_config(config, len(tokenizer), tokenizer)).eval()
        unet = UNet2DConditionModel(**unet_config(config)).eval()
    if (count := parameter_count(unet) + parameter_count(text_encoder)) > MAX_PARAMETERS:
        raise ConfigError(
            f"the generator may have at most {MAX_PARAMETERS / 1e6:.0f} M parameters, "
            f"got {count / 1e6:.1f} M; give fewer --channels"
        )
    return ShapeGuidedPipeline(
        vae=PixelShuffleCodec(config.factor),
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=make_scheduler(config.prediction),
    )


def make_scheduler(prediction: str) -> DDIMScheduler:
    """Make a cosine schedule (Nichol & Dhariwal, ICML 2021) that ends in pure noise.

    With less noise at the end, painted persons would have the brightness of average noise (Lin et
    al., WACV 2024).

    Args:
        prediction: One of PREDICTIONS.
    """
    return DDIMScheduler(
        beta_schedule="squaredcos_cap_v2",
        prediction_type=prediction,
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
    )


def text_config(config: GeneratorConfig, vocabulary: int, tokenizer: Any) -> CLIPTextConfig:
    """Return the configuration of the text encoder."""
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
    """Return the configuration of the UNet."""
    latents = 3 * config.factor**2
    deeper = len(config.channels) - 1
    return {
        "sample_size": config.size // config.factor,
        # The latents, the mask's pixels, and the latents of the image without the person.
        "in_channels": 2 * latents + config.factor**2,
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
    """Return the number of heads of every level, which diffusers calls attention_head_dim."""
    return tuple(max(1, count // width) for count in channels)


def parameter_count(module: torch.nn.Module) -> int:
    """Return the number of parameters."""
    return sum(parameter.numel() for parameter in module.parameters())
