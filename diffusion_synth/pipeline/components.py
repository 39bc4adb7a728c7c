"""The components of the pipeline (codec, text encoders, UNet, scheduler), and the calls to them."""

from __future__ import annotations

import inspect
from typing import Any, Self

import torch
import torch.nn.functional as F  # noqa: N812
from diffusers.image_processor import VaeImageProcessor
from diffusers.loaders import StableDiffusionXLLoraLoaderMixin
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from torch import Tensor

from diffusion_synth.errors import DataError
from diffusion_synth.pipeline import codec
from diffusion_synth.pipeline.call_state import CallState
from diffusion_synth.pipeline.conditioning import Conditioning
from diffusion_synth.pipeline.input_checks import check_components
from diffusion_synth.pipeline.pixel_shuffle import PixelShuffleCodec, codec_factor, inside_share
from diffusion_synth.pipeline.prompt_encoding import PromptEncoding
from diffusion_synth.pipeline.regions import Regions, resize_labels

# Saved pipelines name the module of a component. Those saved by an earlier version name this one.
MOVED_MODULES = {"diffusion_synth.codec": PixelShuffleCodec.__module__}


class PipelineComponents(
    DiffusionPipeline, StableDiffusionXLLoraLoaderMixin, PromptEncoding, CallState
):
    """Networks and scheduler of a pipeline, as sampling and training call them.

    Attributes:
        vae: AutoencoderKL, or any codec with its `encode` and `decode`.
        unet: UNet2DConditionModel. When it takes more channels than the latents have, it is given
            the mask and the image without the persons, as inpainting UNets are.
        scheduler: Any of diffusers that adds noise; for mode "invert" a DDIMScheduler.
        text_encoder: CLIPTextModel, with its `tokenizer`; SDXL has `text_encoder_2` as well. Where
            one is missing, prompts are given as embeddings.
    """

    model_cpu_offload_seq = "text_encoder->text_encoder_2->unet->vae"  # type: ignore[assignment]
    # As diffusers reads them.
    _optional_components = ["text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2"]
    _callback_tensor_inputs = [
        "latents", "prompt_embeds", "negative_prompt_embeds", "add_text_embeds", "add_time_ids",
    ]  # fmt: skip

    vae: Any
    text_encoder: Any
    tokenizer: Any
    unet: Any
    scheduler: Any
    text_encoder_2: Any
    tokenizer_2: Any

    def __init__(
        self,
        vae: Any,
        text_encoder: Any,
        tokenizer: Any,
        unet: Any,
        scheduler: Any,
        text_encoder_2: Any = None,
        tokenizer_2: Any = None,
        force_zeros_for_empty_prompt: bool = True,
        requires_aesthetics_score: bool = False,
    ) -> None:
        super().__init__()
        check_components(
            vae=vae, text_encoder=text_encoder, tokenizer=tokenizer, unet=unet, scheduler=scheduler
        )
        self.register_modules(
            vae=vae,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            unet=unet,
            scheduler=scheduler,
            text_encoder_2=text_encoder_2,
            tokenizer_2=tokenizer_2,
        )
        if self.is_xl:  # the other models have neither in their configuration
            self.register_to_config(
                force_zeros_for_empty_prompt=force_zeros_for_empty_prompt,
                requires_aesthetics_score=requires_aesthetics_score,
            )
        self.codec_factor = codec_factor(vae)
        self.image_processor = VaeImageProcessor(
            vae_scale_factor=self.codec_factor, do_resize=False
        )

    def with_parts(self, **parts: Any) -> Self:
        """Return a pipeline of the same components and settings, apart from `parts`."""
        settings: dict[str, Any] = {
            name: self.config[name]
            for name in ("force_zeros_for_empty_prompt", "requires_aesthetics_score")
            if name in self.config
        }
        given: dict[str, Any] = {**self.components, **settings, **parts}
        return type(self)(**given)

    @classmethod
    def load_config(cls, *given: Any, **options: Any) -> Any:
        """Read model_index.json as diffusers does; modules that have moved get their new name."""
        config = super().load_config(*given, **options)
        parts = config[0] if isinstance(config, tuple) else config
        for name, value in parts.items():
            if isinstance(value, list | tuple) and value and value[0] in MOVED_MODULES:
                parts[name] = [MOVED_MODULES[value[0]], *value[1:]]
        return config

    def encode_images(self, pixels: Tensor) -> Tensor:
        """Encode images (B, 3, H, W) in -1..1. Returns latents (B, C, h, w), float32."""
        return codec.encode(self.vae, pixels)

    def decode_latents(self, latents: Tensor, output_type: str) -> Any:
        """Decode latents (B, C, h, w) into images of diffusers' `output_type`."""
        pixels = codec.decode(self.vae, latents)
        return self.image_processor.postprocess(pixels, output_type=output_type)

    def prepare_inpainting_channels(self, pixels: Tensor, labels: Tensor) -> Tensor | None:
        """Return the further input channels of an inpainting UNet; None where it has none.

        They are the mask and the latents of the image without persons. The mask has one channel at
        the size of the latents, or all its pixels moved into channels (`mask_channels`).

        Args:
            pixels: (B, 3, H, W) in -1..1.
            labels: (B, H, W).
        """
        channels = self.mask_channels
        if not channels:
            return None
        inside = (labels > 0).float()[:, None]
        if channels == 1:
            size = tuple(side // self.codec_factor for side in labels.shape[-2:])
            mask = F.interpolate(inside, size=size, mode="nearest-exact")
        else:
            mask = F.pixel_unshuffle(inside, self.codec_factor)
        return torch.cat([mask, self.encode_images(pixels * (1 - inside))], 1)

    @property
    def mask_channels(self) -> int:
        """Number of the UNet's input channels for the mask: 0, 1, or all pixels of a latent.

        Raises:
            DataError: The UNet takes another number of channels.
        """
        channels = len(self.unet.conv_in.weight[0])
        latents = self.unet.config.out_channels
        if channels == latents:
            return 0
        if (found := channels - 2 * latents) not in (1, self.codec_factor**2):
            raise DataError(
                f"the UNet takes {channels} channels for latents of {latents}; an inpainting UNet "
                f"takes {2 * latents + 1} or {2 * latents + self.codec_factor**2}"
            )
        return found

    def latent_mask(self, labels: Tensor, latents: Tensor) -> Tensor:
        """Return which of the latents (B, C, h, w) are painted: bool, (B, 1 or C, h, w).

        Shuffled pixels are told apart one by one: a whole place at the rim of a mask would keep
        pixels of the person.
        """
        if isinstance(self.vae, PixelShuffleCodec):
            return inside_share(labels, self.vae, latents.shape[1]) > 0
        return resize_labels(labels, (latents.shape[-2], latents.shape[-1]))[:, None] > 0

    def predict(
        self,
        latents: Tensor,
        timestep: Tensor,
        conditioning: Conditioning,
        regions: Regions,
        inpainting: Tensor | None,
    ) -> Tensor:
        """Run the UNet on latents (B, C, h, w), duplicated for classifier-free guidance.

        Args:
            latents: (B, C, h, w).
            timestep: The training step, one or (B,).
            conditioning: The prompts, of B or 2 B.
            regions: The regions, of as many.
            inpainting: The further channels of an inpainting UNet, of B.

        Returns:
            The UNet's output, of B or 2 B, float32.
        """
        runs = len(conditioning.embeddings) // len(latents)
        x = self.scheduler.scale_model_input(torch.cat([latents] * runs), timestep)
        if inpainting is not None:
            x = torch.cat([x, torch.cat([inpainting] * runs)], 1)
        kind = self.unet.dtype
        added = None
        if conditioning.pooled is not None:
            time_ids = conditioning.time_ids
            if time_ids is None:
                time_ids = self.time_ids(regions.labels)
            added = {"text_embeds": conditioning.pooled.to(kind), "time_ids": time_ids.to(kind)}
        output: Tensor = self.unet(
            x.to(kind),
            timestep,
            conditioning.embeddings.to(kind),
            timestep_cond=self.guidance_embedding(len(x), x.device),
            added_cond_kwargs=added,
            cross_attention_kwargs={**(self.cross_attention_kwargs or {}), "regions": regions},
        ).sample.float()
        return output

    def step_options(self, generator: Any) -> dict[str, Any]:
        """Return the options that the scheduler's step takes beside the latents."""
        accepted = inspect.signature(self.scheduler.step).parameters
        return {"generator": generator} if "generator" in accepted else {}

    @property
    def native_size(self) -> int:
        """Side of the UNet's training images, px; 0 when unknown or not square."""
        side = self.unet.config.sample_size
        return self.codec_factor * side if isinstance(side, int) else 0

    @property
    def default_guidance_scale(self) -> float:
        """4.5, the paper's 3.5 as diffusers counts; 2 for a network of pixels.

        More burns out the colours of the latter.
        """
        return 2.0 if isinstance(self.vae, PixelShuffleCodec) else 4.5

    @property
    def size_multiple(self) -> int:
        """Number that both sides of an image must divide by at every level of the UNet, px."""
        return self.codec_factor * 2 ** (len(self.unet.config.block_out_channels) - 1)
