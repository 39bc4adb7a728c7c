"""Several prompts in one sequence of tokens, and which region of the picture heeds which of them.

Shape-Guided Diffusion (Park et al., WACV 2024) encodes the prompt of each region alone and copies them, one after the
other, into the encoding of the empty prompt; cross-attention then multiplies a region's own tokens by `OWN_WEIGHT` and
all others by 0. Here there may be any number of regions: the slots are shared out evenly.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

OWN_WEIGHT = 2.5  # the paper's, a constant
BEGIN = 1  # tokens before the first slot: the one that begins every prompt


class PackingError(ValueError):
    """More prompts than a sequence has room for."""


def slots(regions: int, tokens: int) -> list[tuple[int, int]]:
    """(first, last + 1) of the tokens of each of `regions` regions in a sequence of `tokens`.

    Region 0, the outside, comes last, as in the paper. Raises PackingError when a region would have no token.
    """
    room = (tokens - BEGIN) // regions
    if room < 1:
        raise PackingError(
            f"{regions - 1} persons and their surroundings do not fit into {tokens} tokens"
        )
    places = [(BEGIN + place * room, BEGIN + (place + 1) * room) for place in range(regions)]
    return [places[-1], *places[:-1]]


def pack(empty: Tensor, prompts: Sequence[Tensor]) -> Tensor:
    """The encodings `prompts` (T, D), outside first, in one sequence (T, D); `empty`: of the empty prompt."""
    packed = empty.clone()
    for prompt, (first, end) in zip(prompts, slots(len(prompts), len(empty)), strict=True):
        # Every prompt begins with the token that all share; what it says comes after.
        packed[first:end] = prompt[BEGIN : BEGIN + end - first]
    return packed


def token_weights(regions: int, tokens: int, own: float = OWN_WEIGHT) -> Tensor:
    """(regions, tokens): `own` for a region's own tokens, 0 for the others and for the first."""
    weights = torch.zeros(regions, tokens)
    for region, (first, end) in enumerate(slots(regions, tokens)):
        weights[region, first:end] = own
    return weights
