"""Encoding of prompts into the conditioning of a UNet.

There is one text encoder (Stable Diffusion 1.x and 2.x, the bundled generator) or two (SDXL).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from diffusion_synth.errors import DataError
from diffusion_synth.pipeline.prompt_packing import OWN_TOKEN_WEIGHT, pack, token_weights

Prompts = str | Sequence[str] | Sequence[Sequence[str]]
"""One prompt for all persons, one for each image, or one for each person of each image."""


@dataclass(frozen=True)
class Conditioning:
    """The encoded prompts of B images.

    Attributes:
        embeddings: (B, T, D).
        weights: (B, R + 1, T), the `token_weights` of `Regions`.
        pooled: (B, P) for SDXL, else None.
    """

    embeddings: Tensor
    weights: Tensor
    pooled: Tensor | None = None

    def repeat(self, copies: int) -> Conditioning:
        """Return each image `copies` times in a row."""
        pooled = None if self.pooled is None else self.pooled.repeat_interleave(copies, 0)
        return Conditioning(
            self.embeddings.repeat_interleave(copies, 0),
            self.weights.repeat_interleave(copies, 0),
            pooled,
        )

    def guided_by(self, negative: Conditioning) -> Conditioning:
        """Return a batch of 2 B for guidance: `negative` first (Ho & Salimans 2022)."""
        pooled = None
        if self.pooled is not None and negative.pooled is not None:
            pooled = torch.cat([negative.pooled, self.pooled])
        return Conditioning(
            torch.cat([negative.embeddings, self.embeddings]),
            torch.cat([negative.weights, self.weights]),
            pooled,
        )


@dataclass(frozen=True)
class TextEncoders:
    """One or two pairs of (tokenizer, encoder).

    With two, the last but one layers of both stand side by side, as SDXL has them.
    """

    pairs: tuple[tuple[Any, Any], ...]

    def encode(self, prompts: Sequence[str], device: torch.device) -> tuple[Tensor, Tensor | None]:
        """Return (embeddings (B, T, D), pooled (B, P) or None) of B prompts."""
        states, pooled = [], None
        for tokenizer, encoder in self.pairs:
            tokens = tokenizer(
                list(prompts),
                padding="max_length",
                max_length=min(tokenizer.model_max_length, encoder.config.max_position_embeddings),
                truncation=True,
                return_tensors="pt",
            ).input_ids.to(device)
            if len(self.pairs) == 1:
                states.append(encoder(tokens)[0])
            else:
                output = encoder(tokens, output_hidden_states=True)
                states.append(output.hidden_states[-2])
                pooled = output[0]  # the second encoder's stays: it has the projection
        return torch.cat(states, -1), pooled

    def condition(
        self,
        regions: Sequence[Sequence[str]],
        device: torch.device,
        *,
        own_token_weight: float = OWN_TOKEN_WEIGHT,
    ) -> Conditioning:
        """Encode every prompt alone and pack those of each image into one sequence.

        Args:
            regions: For every image the prompts of its regions, outside first.
            device: Where the encoders are.
            own_token_weight: Weight of a region's own tokens in cross-attention.

        Raises:
            DataError: An image has more regions than a prompt has tokens.
        """
        flat = ["", *(prompt for prompts in regions for prompt in prompts)]
        embeddings, pooled = self.encode(flat, device)
        empty, encoded = embeddings[0], embeddings[1:]
        most, tokens = max(map(len, regions)), len(empty)
        packed, weights, places, first = [], [], [], 0
        for prompts in regions:
            packed.append(pack(empty, list(encoded[first : first + len(prompts)])))
            own = token_weights(len(prompts), tokens, own_token_weight)
            weights.append(torch.cat([own, own.new_zeros(most - len(prompts), tokens)]))
            # SDXL's pooled embedding is of the whole image: the first person's prompt, or the
            # outside's where there is no person.
            places.append(1 + first + min(1, len(prompts) - 1))
            first += len(prompts)
        return Conditioning(
            torch.stack(packed),
            torch.stack(weights).to(device),
            None if pooled is None else pooled[places],
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
        weights = torch.ones(len(negatives), regions, embeddings.shape[1], device=device)
        return Conditioning(embeddings, weights, pooled)


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
