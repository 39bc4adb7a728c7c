"""Packing of several prompts into one sequence of tokens, with weights for each region.

Shape-Guided Diffusion (Park et al., WACV 2024) encodes the prompt of each region alone and copies
them, one after the other, into the encoding of the empty prompt; cross-attention then multiplies a
region's own tokens by `OWN_TOKEN_WEIGHT` and all others by 0. Here there may be any number of
regions: they share the tokens evenly.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from diffusion_synth.errors import DataError

OWN_TOKEN_WEIGHT = 2.5  # the constant of the paper
BEGIN = 1  # tokens before the first slot: the one that begins every prompt


def slots(regions: int, tokens: int) -> list[tuple[int, int]]:
    """Return (first, last + 1) of the tokens of each region in a sequence of `tokens`.

    Region 0, the outside, comes last, as in the paper.

    Raises:
        DataError: There are more regions than tokens.
    """
    room = (tokens - BEGIN) // regions
    if room < 1:
        raise DataError(
            f"{regions - 1} persons and the outside do not fit into {tokens} tokens of a prompt; "
            "repaint fewer persons at once"
        )
    places = [(BEGIN + place * room, BEGIN + (place + 1) * room) for place in range(regions)]
    return [places[-1], *places[:-1]]


def pack(empty: Tensor, prompts: Sequence[Tensor]) -> Tensor:
    """Copy encodings (T, D) of `prompts`, outside first, into that of the empty prompt (T, D)."""
    packed = empty.clone()
    for prompt, (first, end) in zip(prompts, slots(len(prompts), len(empty)), strict=True):
        # All prompts share the token that begins them; their own tokens come after it.
        packed[first:end] = prompt[BEGIN : BEGIN + end - first]
    return packed


def token_weights(regions: int, tokens: int, own: float = OWN_TOKEN_WEIGHT) -> Tensor:
    """Return (regions, tokens): `own` for a region's own tokens, 0 for all others."""
    weights = torch.zeros(regions, tokens)
    for region, (first, end) in enumerate(slots(regions, tokens)):
        weights[region, first:end] = own
    return weights
