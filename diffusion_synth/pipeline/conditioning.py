"""Prompts to what a UNet is conditioned on: one text encoder (Stable Diffusion 1.x, 2.x, ours) or two (SDXL)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from diffusion_synth.pipeline.prompt_packing import OWN_WEIGHT, pack, token_weights


@dataclass(frozen=True)
class Conditioning:
    """Of B pictures. embeddings: (B, T, D); weights: (B, R + 1, T), for `Regions`; pooled: (B, P), SDXL's, or None."""

    embeddings: Tensor
    weights: Tensor
    pooled: Tensor | None = None

    def repeat(self, copies: int) -> Conditioning:
        """Each picture `copies` times in a row."""
        pooled = None if self.pooled is None else self.pooled.repeat_interleave(copies, 0)
        return Conditioning(
            self.embeddings.repeat_interleave(copies, 0),
            self.weights.repeat_interleave(copies, 0),
            pooled,
        )

    def guided_by(self, negative: Conditioning) -> Conditioning:
        """A batch of twice the size: without the prompt, then with it (Ho & Salimans 2022)."""
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
    """(tokenizer, encoder) pairs, one or two. With two, SDXL's way: their last but one layers side by side."""

    pairs: tuple[tuple[Any, Any], ...]

    def encode(self, prompts: Sequence[str], device: torch.device) -> tuple[Tensor, Tensor | None]:
        """(embeddings (B, T, D), pooled (B, P) or None)."""
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
                answer = encoder(tokens, output_hidden_states=True)
                states.append(answer.hidden_states[-2])
                pooled = answer[0]  # the second encoder's counts, which has a projection
        return torch.cat(states, -1), pooled

    def condition(
        self,
        regions: Sequence[Sequence[str]],
        device: torch.device,
        *,
        own_weight: float = OWN_WEIGHT,
    ) -> Conditioning:
        """regions: of every picture, the prompts of its regions, outside first. Every prompt is encoded alone."""
        flat = ["", *(prompt for prompts in regions for prompt in prompts)]
        embeddings, pooled = self.encode(flat, device)
        empty, said = embeddings[0], embeddings[1:]
        most, tokens = max(map(len, regions)), len(empty)
        packed, weights, places, first = [], [], [], 0
        for prompts in regions:
            packed.append(pack(empty, list(said[first : first + len(prompts)])))
            own = token_weights(len(prompts), tokens, own_weight)
            weights.append(torch.cat([own, own.new_zeros(most - len(prompts), tokens)]))
            # SDXL's word for the picture as a whole: of the first person, or of the surroundings alone.
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
        """What guidance leads away from: plain prompts, which all regions heed alike. regions: R + 1."""
        embeddings, pooled = self.encode(negatives, device)
        weights = torch.ones(len(negatives), regions, embeddings.shape[1], device=device)
        return Conditioning(embeddings, weights, pooled)
