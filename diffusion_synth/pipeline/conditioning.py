"""Encoding of prompts into the conditioning of a UNet.

There is one text encoder (Stable Diffusion 1.x and 2.x, the bundled generator) or two (SDXL).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from diffusion_synth.errors import ConfigError, DataError
from diffusion_synth.pipeline.input_checks import require_finite
from diffusion_synth.pipeline.prompt_packing import OWN_TOKEN_WEIGHT, pack, token_weights

Prompts = str | Sequence[str] | Sequence[Sequence[str]]
"""One prompt for all persons, one for each image, or one for each person of each image."""


@dataclass(frozen=True)
class Conditioning:
    """The encoded prompts of B images, or with guidance of 2 B: without and with the prompt.

    Attributes:
        embeddings: (B, T, D).
        weights: (B, R + 1, T), the `token_weights` of `Regions`.
        pooled: (B, P) for SDXL, else None.
        time_ids: (B, N) for SDXL, the sizes that it is told; None for those of the image.
    """

    embeddings: Tensor
    weights: Tensor
    pooled: Tensor | None = None
    time_ids: Tensor | None = None

    def __len__(self) -> int:
        return len(self.embeddings)

    def repeat(self, copies: int) -> Conditioning:
        """Return each image `copies` times in a row."""
        return self._each(lambda tensor: tensor.repeat_interleave(copies, 0))

    def guided_by(self, negative: Conditioning) -> Conditioning:
        """Return a batch of 2 B for guidance: `negative` first (Ho & Salimans 2022)."""
        parts = []
        for name in ("embeddings", "weights", "pooled", "time_ids"):
            away, towards = getattr(negative, name), getattr(self, name)
            parts.append(None if away is None or towards is None else torch.cat([away, towards]))
        return Conditioning(*parts)  # type: ignore[arg-type]  # the first two are never None

    def last(self, images: int) -> Conditioning:
        """Return the last `images` rows: with guidance, those with the prompt."""
        return self._each(lambda tensor: tensor[-images:])

    def _each(self, change: Callable[[Tensor], Tensor]) -> Conditioning:
        return Conditioning(
            change(self.embeddings),
            change(self.weights),
            None if self.pooled is None else change(self.pooled),
            None if self.time_ids is None else change(self.time_ids),
        )


@dataclass(frozen=True)
class TextEncoders:
    """Pairs of (tokenizer, encoder).

    Attributes:
        pairs: One or two; the states of two stand side by side.
        penultimate: Whether the states are those of the last but one layer, with a pooled
            embedding, as SDXL has them.
    """

    pairs: tuple[tuple[Any, Any], ...]
    penultimate: bool = False

    def encode(
        self,
        prompts: Sequence[str],
        device: torch.device,
        *,
        second: Sequence[str] | None = None,
        clip_skip: int | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Return (embeddings (B, T, D), pooled (B, P) or None) of B prompts.

        Args:
            prompts: The prompts.
            device: Where the encoders are.
            second: Other prompts for the second encoder.
            clip_skip: Number of last layers to skip.

        Raises:
            ConfigError: An encoder has fewer layers.
            FloatingPointError: The embeddings hold NaN or infinity.
        """
        states, pooled = [], None
        for number, (tokenizer, encoder) in enumerate(self.pairs):
            texts = prompts if second is None or not number else second
            tokens = tokenizer(
                list(texts),
                padding="max_length",
                max_length=min(tokenizer.model_max_length, encoder.config.max_position_embeddings),
                truncation=True,
                return_tensors="pt",
            ).input_ids.to(device)
            if not self.penultimate and clip_skip is None:
                state = encoder(tokens)[0]
            else:
                output = encoder(tokens, output_hidden_states=True)
                if pooled is None and output[0].ndim == 2:
                    pooled = output[0]  # of the encoder that has the projection
                state = self.layer(output.hidden_states, encoder, clip_skip)
            require_finite(state, "text encoder", state.dtype)
            states.append(state)
        return torch.cat(states, -1), pooled if self.penultimate else None

    def layer(self, states: Sequence[Tensor], encoder: Any, clip_skip: int | None) -> Tensor:
        """Return the states of the layer that is `clip_skip` before the usual one."""
        place = (clip_skip or 0) + (2 if self.penultimate else 1)
        if not 0 < place <= len(states) or (clip_skip or 0) < 0:
            raise ConfigError(
                f"clip_skip must be within 0..{len(states) - (2 if self.penultimate else 1)}, "
                f"got {clip_skip}"
            )
        state = states[-place]
        if self.penultimate:
            return state
        # The last states went through this; others did not.
        whole = getattr(encoder, "text_model", encoder)
        normalised: Tensor = whole.final_layer_norm(state)
        return normalised

    def condition(
        self,
        regions: Sequence[Sequence[str]],
        device: torch.device,
        *,
        own_token_weight: float = OWN_TOKEN_WEIGHT,
        clip_skip: int | None = None,
    ) -> Conditioning:
        """Encode every prompt alone and pack those of each image into one sequence.

        Args:
            regions: For every image the prompts of its regions, outside first.
            device: Where the encoders are.
            own_token_weight: Weight of a region's own tokens in cross-attention.
            clip_skip: Number of the encoder's last layers to skip.

        Raises:
            DataError: An image has more regions than a prompt has tokens.
        """
        flat = ["", *(prompt for prompts in regions for prompt in prompts)]
        embeddings, pooled = self.encode(flat, device, clip_skip=clip_skip)
        images, places, first = [], [], 1
        for prompts in regions:
            images.append(list(embeddings[first : first + len(prompts)]))
            # SDXL's pooled embedding is of the whole image: the first person's prompt, or the
            # outside's where there is no person.
            places.append(first + min(1, len(prompts) - 1))
            first += len(prompts)
        return pack_regions(
            embeddings[0], images, None if pooled is None else pooled[places], own_token_weight
        )

    def uncondition(
        self, negatives: Sequence[str], regions: int, device: torch.device
    ) -> Conditioning:
        """Encode the prompts that guidance leads away from; all `regions` attend to them alike.

        Args:
            negatives: One prompt for each image.
            regions: R + 1.
            device: Where the encoders are.
        """
        embeddings, pooled = self.encode(negatives, device)
        return alike(embeddings, regions, pooled)


def alike(embeddings: Tensor, regions: int, pooled: Tensor | None) -> Conditioning:
    """Return conditioning whose `regions` all attend to the embeddings (B, T, D) alike."""
    weights = torch.ones(len(embeddings), regions, embeddings.shape[1], device=embeddings.device)
    return Conditioning(embeddings, weights, pooled)


def pack_regions(
    empty: Tensor,
    images: Sequence[Sequence[Tensor]],
    pooled: Tensor | None,
    own_token_weight: float = OWN_TOKEN_WEIGHT,
) -> Conditioning:
    """Pack the encodings of every image's regions into one sequence each.

    Args:
        empty: Encoding (T, D) of the empty prompt.
        images: For every image the encodings (T, D) of its regions, outside first.
        pooled: (B, P) or None.
        own_token_weight: Weight of a region's own tokens in cross-attention.

    Raises:
        DataError: An image has more regions than a prompt has tokens.
    """
    most, tokens = max(map(len, images)), len(empty)
    packed, weights = [], []
    for encodings in images:
        packed.append(pack(empty, encodings))
        own = token_weights(len(encodings), tokens, own_token_weight)
        weights.append(torch.cat([own, own.new_zeros(most - len(encodings), tokens)]))
    return Conditioning(torch.stack(packed), torch.stack(weights).to(empty.device), pooled)


def one_prompt_each(texts: str | Sequence[str], images: int, name: str) -> list[str]:
    """Return one prompt for each of `images`. Raises DataError when their number differs."""
    if isinstance(texts, str):
        return [texts] * images
    if len(texts) != images:
        raise DataError(f"expected one {name} prompt for each of {images} images, got {len(texts)}")
    return list(texts)


def prompts_of_persons(inside: Prompts, persons: Sequence[int]) -> list[list[str]]:
    """Return the prompts of every person of every image.

    Args:
        inside: One prompt for all, one for each image, or one for each person of each image.
        persons: The number of persons of each image.

    Raises:
        DataError: The numbers differ.
    """
    if isinstance(inside, str):
        return [[inside] * count for count in persons]
    if len(inside) != len(persons):
        raise DataError(f"expected inside prompts of {len(persons)} images, got {len(inside)}")
    found = []
    for texts, count in zip(inside, persons, strict=True):
        prompts = [texts] * count if isinstance(texts, str) else list(texts)
        if len(prompts) != count:
            raise DataError(
                f"expected an inside prompt for each of {count} persons of an image, "
                f"got {len(prompts)}"
            )
        found.append(prompts)
    return found
