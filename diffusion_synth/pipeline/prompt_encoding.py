"""Encoding of a call's prompts, given as texts or as embeddings, for all regions of its images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from diffusers.utils import scale_lora_layers, unscale_lora_layers
from torch import Tensor

from diffusion_synth.errors import ConfigError, DataError
from diffusion_synth.pipeline.conditioning import (
    Conditioning,
    Prompts,
    TextEncoders,
    alike,
    one_prompt_each,
    pack_regions,
    prompts_of_persons,
)

AESTHETIC_SCORES = (6.0, 2.5)  # what SDXL's refiner is told with and without the prompt


@dataclass(frozen=True)
class PromptEmbeddings:
    """Prompts that come encoded, as `encode_prompt` returns them: each of 1 or B rows, or None.

    Attributes:
        prompt: (B, T, D), of the persons of each image.
        negative: (B, T, D).
        pooled: (B, P), of SDXL.
        negative_pooled: (B, P), of SDXL.
        outside: (B, T, D), of the surroundings.
    """

    prompt: Tensor | None = None
    negative: Tensor | None = None
    pooled: Tensor | None = None
    negative_pooled: Tensor | None = None
    outside: Tensor | None = None

    def check(self, images: int, width: int, *, pools: bool) -> None:
        """Raise DataError unless all have rows for the images and fit a UNet of this width."""
        for name, tensor, partner in (
            ("prompt_embeds", self.prompt, self.pooled),
            ("negative_prompt_embeds", self.negative, self.negative_pooled),
            ("outside_embeds", self.outside, None),
        ):
            if tensor is None:
                continue
            if tensor.ndim != 3 or len(tensor) not in (1, images) or tensor.shape[2] != width:
                raise DataError(
                    f"expected {name} of shape ({images}, T, {width}), got {tuple(tensor.shape)}"
                )
            tokens = (self.prompt if self.prompt is not None else tensor).shape[1]
            if tensor.shape[1] != tokens:
                raise DataError(f"expected {name} of {tokens} tokens, got {tensor.shape[1]}")
            if pools and name != "outside_embeds" and partner is None:
                pooled = name.replace("prompt", "pooled_prompt")
                raise DataError(f"SDXL takes {pooled} beside {name}; encode_prompt returns both")
        for name, given in (("pooled", self.pooled), ("negative_pooled", self.negative_pooled)):
            if given is not None and (given.ndim != 2 or len(given) not in (1, images)):
                raise DataError(
                    f"expected {name}_prompt_embeds of shape ({images}, P), "
                    f"got {tuple(given.shape)}"
                )


NOTHING_ENCODED = PromptEmbeddings()


class PromptEncoding:
    """The part of the pipeline that encodes prompts."""

    unet: Any
    text_encoder: Any
    tokenizer: Any
    text_encoder_2: Any
    tokenizer_2: Any
    config: Any

    @property
    def _execution_device(self) -> Any:
        """The device on which the pipeline runs; diffusers' own property comes before this one."""
        raise NotImplementedError

    @property
    def is_xl(self) -> bool:
        """Whether the UNet is of SDXL: it takes a pooled embedding and sizes."""
        return getattr(self.unet.config, "addition_embed_type", None) == "text_time"

    @property
    def encoders(self) -> TextEncoders:
        """The text encoders, one or two.

        Raises:
            ConfigError: One is missing that the UNet's prompts need.
        """
        if missing := self.missing_encoder:
            raise ConfigError(
                f"this model has no {missing}, so it encodes no text; give prompt_embeds "
                "(and outside_embeds, negative_prompt_embeds)"
            )
        return TextEncoders(self._encoder_pairs, penultimate=self.is_xl)

    @property
    def _encoder_pairs(self) -> tuple[tuple[Any, Any], ...]:
        pairs = (
            (self.tokenizer, self.text_encoder),
            (self.tokenizer_2, self.text_encoder_2),
        )
        return tuple(pair for pair in pairs if None not in pair)

    @property
    def missing_encoder(self) -> str:
        """Name of the text encoder that is missing; empty where prompts can be encoded."""
        width = sum(encoder.config.hidden_size for _, encoder in self._encoder_pairs)
        if width == self.prompt_width and (not self.is_xl or self.text_encoder_2 is not None):
            return ""
        if self.text_encoder is None or self.tokenizer is None:
            return "text_encoder"
        return "text_encoder_2" if self.is_xl else "text_encoder of the UNet's width"

    @property
    def prompt_width(self) -> int:
        """Channels of the prompt's embeddings, D."""
        width = self.unet.config.cross_attention_dim
        return int(width if isinstance(width, int) else width[0])

    def encode_prompt(
        self,
        prompt: str | Sequence[str] | None,
        device: torch.device | None = None,
        num_images_per_prompt: int = 1,
        do_classifier_free_guidance: bool = True,
        negative_prompt: str | Sequence[str] | None = None,
        prompt_embeds: Tensor | None = None,
        negative_prompt_embeds: Tensor | None = None,
        lora_scale: float | None = None,
        clip_skip: int | None = None,
        *,
        prompt_2: str | Sequence[str] | None = None,
        negative_prompt_2: str | Sequence[str] | None = None,
        pooled_prompt_embeds: Tensor | None = None,
        negative_pooled_prompt_embeds: Tensor | None = None,
    ) -> tuple[Tensor | None, ...]:
        """Encode prompts, as pipelines of diffusers do.

        Args:
            prompt: One prompt or several, B.
            device: Where the encoders are; None for the pipeline's own.
            num_images_per_prompt: How often each prompt is repeated, N.
            do_classifier_free_guidance: Whether to encode the negative prompts.
            negative_prompt: One or B. For SDXL, None is all zeros where its configuration says so.
            prompt_embeds: Encoded prompts, in place of `prompt`.
            negative_prompt_embeds: Encoded negative prompts.
            lora_scale: Scale of a LoRA of the text encoders.
            clip_skip: Number of the encoders' last layers to skip.
            prompt_2: Other prompts for the second encoder of SDXL.
            negative_prompt_2: Other negative prompts for it.
            pooled_prompt_embeds: Pooled embeddings of `prompt_embeds`, for SDXL.
            negative_pooled_prompt_embeds: Those of `negative_prompt_embeds`.

        Returns:
            (embeddings (B · N, T, D), negative embeddings or None), and for SDXL both pooled ones,
            (B · N, P).
        """
        device = device or self._execution_device
        pooled, negative_pooled = pooled_prompt_embeds, negative_pooled_prompt_embeds
        with self.text_lora_scaled(lora_scale):
            if prompt_embeds is None:
                if prompt is None:
                    raise ConfigError("give prompt or prompt_embeds, got neither")
                texts = [prompt] if isinstance(prompt, str) else list(prompt)
                second = None if prompt_2 is None else one_prompt_each(prompt_2, len(texts), "2nd")
                prompt_embeds, pooled = self.encoders.encode(
                    texts, device, second=second, clip_skip=clip_skip
                )
            count = len(prompt_embeds)
            if do_classifier_free_guidance and negative_prompt_embeds is None:
                if self._zeros_for(negative_prompt):
                    negative_prompt_embeds = torch.zeros_like(prompt_embeds)
                    negative_pooled = None if pooled is None else torch.zeros_like(pooled)
                else:
                    texts = one_prompt_each(negative_prompt or "", count, "negative")
                    second = (
                        None
                        if negative_prompt_2 is None
                        else one_prompt_each(negative_prompt_2, count, "2nd negative")
                    )
                    encoded = self.encoders.encode(texts, device, second=second)
                    negative_prompt_embeds, negative_pooled = encoded
        if not do_classifier_free_guidance:
            negative_prompt_embeds = negative_pooled = None
        tensors = [prompt_embeds, negative_prompt_embeds]
        if self.is_xl:
            tensors += [pooled, negative_pooled]
        return tuple(
            None
            if tensor is None
            else tensor.to(device).repeat_interleave(num_images_per_prompt, 0)
            for tensor in tensors
        )

    def encode_regions(
        self,
        inside: Prompts | None,
        outside: str | Sequence[str],
        labels: Tensor,
        own_token_weight: float,
        given: PromptEmbeddings = NOTHING_ENCODED,
        *,
        clip_skip: int | None = None,
    ) -> Conditioning:
        """Encode the prompts of all regions of images with labels (B, H, W).

        Args:
            inside: Prompts of the persons; None where `given` has them.
            outside: Prompts of the surroundings.
            labels: (B, H, W).
            own_token_weight: Weight of a region's own tokens.
            given: Prompts that are encoded already.
            clip_skip: Number of the encoder's last layers to skip.

        Raises:
            ConfigError: There are no prompts, or both texts and embeddings, or no text encoder.
            DataError: Prompts and images do not fit together.
        """
        if (inside is None) == (given.prompt is None):
            got = "neither" if inside is None else "both"
            raise ConfigError(f"give the prompt inside or prompt_embeds, got {got}")
        given.check(len(labels), self.prompt_width, pools=self.is_xl)
        persons = [int(mask.max()) for mask in labels]
        surroundings = one_prompt_each(outside, len(labels), "outside")
        if inside is not None:
            if given.outside is not None:
                raise ConfigError("outside_embeds go with prompt_embeds, not with texts inside")
            people = prompts_of_persons(inside, persons)
            prompts = [[around, *of] for around, of in zip(surroundings, people, strict=True)]
            found = self.encoders.condition(
                prompts, labels.device, own_token_weight=own_token_weight, clip_skip=clip_skip
            )
        else:
            found = self._pack_given(given, surroundings, persons, labels.device, own_token_weight)
        return replace(found, time_ids=self.time_ids(labels)) if self.is_xl else found

    def _pack_given(
        self,
        given: PromptEmbeddings,
        surroundings: list[str],
        persons: list[int],
        device: torch.device,
        own_token_weight: float,
    ) -> Conditioning:
        """Pack embeddings of persons with those, or the texts, of the surroundings."""
        images = len(persons)
        assert given.prompt is not None
        prompt = rows(given.prompt, images, device)
        if given.outside is not None:
            around = rows(given.outside, images, device)
            empty = torch.zeros_like(prompt[0])
            if not self.missing_encoder:
                empty = self.encoders.encode([""], device)[0][0].to(prompt)
        elif self.missing_encoder and not any(surroundings):
            around = torch.zeros_like(prompt)  # the empty prompt, as SDXL has it
            empty = around[0]
        else:
            encoded, _ = self.encoders.encode(["", *surroundings], device)
            empty, around = encoded[0].to(prompt), encoded[1:].to(prompt)
        if around.shape != prompt.shape:
            raise DataError(f"expected prompt_embeds of {around.shape[1]} tokens, as prompts have")
        packed = [[around[place], *[prompt[place]] * count] for place, count in enumerate(persons)]
        pooled = None if given.pooled is None else rows(given.pooled, images, device)
        return pack_regions(empty, packed, pooled if self.is_xl else None, own_token_weight)

    def encode_negative(
        self,
        negative: str | Sequence[str] | None,
        towards: Conditioning,
        labels: Tensor,
        given: PromptEmbeddings = NOTHING_ENCODED,
    ) -> Conditioning:
        """Encode the prompts that guidance leads away from.

        Args:
            negative: One prompt, one for each image, or None.
            towards: The conditioning of the prompts.
            labels: (B, H, W).
            given: Prompts that are encoded already.
        """
        if negative is not None and given.negative is not None:
            raise ConfigError("give the prompt negative or negative_prompt_embeds, got both")
        images, regions = len(labels), towards.weights.shape[1]
        if given.negative is not None:
            pooled = given.negative_pooled if self.is_xl else None
            found = alike(
                rows(given.negative, images, labels.device).to(towards.embeddings),
                regions,
                None if pooled is None else rows(pooled, images, labels.device),
            )
        elif self._zeros_for(negative):
            pooled = None if towards.pooled is None else torch.zeros_like(towards.pooled)
            found = alike(torch.zeros_like(towards.embeddings), regions, pooled)
        else:
            texts = one_prompt_each(negative or "", images, "negative")
            found = self.encoders.uncondition(texts, regions, labels.device)
        if not self.is_xl:
            return found
        return replace(found, time_ids=self.time_ids(labels, negative=True))

    def time_ids(self, labels: Tensor, *, negative: bool = False) -> Tensor:
        """Return what SDXL is told of images with labels (B, H, W): their sizes, (B, N)."""
        height, width = labels.shape[-2:]
        numbers: list[float] = [height, width, 0, 0, height, width]
        if getattr(self.config, "requires_aesthetics_score", False):
            numbers[4:] = [AESTHETIC_SCORES[negative]]
        sizes = torch.tensor(numbers, device=labels.device, dtype=self.unet.dtype)
        return sizes.repeat(len(labels), 1)

    def _zeros_for(self, negative: str | Sequence[str] | None) -> bool:
        """Return whether the negative prompt is embeddings of zeros."""
        forced = getattr(self.config, "force_zeros_for_empty_prompt", False)
        return negative is None and self.is_xl and bool(forced)

    @contextmanager
    def text_lora_scaled(self, scale: float | None) -> Iterator[None]:
        """Scale the LoRA layers of the text encoders within the block."""
        encoders = [encoder for _, encoder in self._encoder_pairs] if scale is not None else []
        for encoder in encoders:
            scale_lora_layers(encoder, scale)
        try:
            yield
        finally:
            for encoder in encoders:
                unscale_lora_layers(encoder, scale)


def rows(tensor: Tensor, count: int, device: torch.device) -> Tensor:
    """Return the rows of a tensor on `device`; one row stands for all `count`."""
    return tensor.to(device).expand(count, *tensor.shape[1:])
