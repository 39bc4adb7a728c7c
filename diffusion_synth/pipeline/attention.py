"""Inside-Outside Attention (Park et al., WACV 2024) as an attention processor of diffusers, by scaling values.

The paper multiplies the attention map, after the softmax, by a mask. The mask depends only on the regions of query and
key, so for the queries of region r it is one weight w_r a key, and

    (softmax(q kᵀ) ⊙ w_r) v  =  softmax(q kᵀ) (w_r ⊙ v)        for all q of region r:

the map is never written down, and every kernel of scaled_dot_product_attention will do. An additive or boolean
`attn_mask` would not be the same: it renormalises.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from diffusion_synth.pipeline.regions import Grid, RegionError, Regions

MOST_AT_ONCE = 4  # regions; beyond, a GPU too had better not attend for each of them


def region_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    grid: Grid,
    weights: Tensor,
    *,
    scale: float | None = None,
) -> Tensor:
    """Attention whose map is multiplied by weights[picture, region of the query, key] after the softmax.

    query: (B, heads, N, d), its places those of `grid`; key, value: (B, heads, M, d); weights: (B, R + 1, M).
    Returns (B, heads, N, d).
    """
    if query.device.type != "cpu" and weights.shape[1] <= MOST_AT_ONCE:
        return attend_at_once(query, key, value, grid, weights, scale=scale)
    return attend_by_region(query, key, value, grid, weights, scale=scale)


def attend_at_once(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    grid: Grid,
    weights: Tensor,
    *,
    scale: float | None = None,
) -> Tensor:
    """`region_attention` of all queries to every region's values, of which each keeps its own: R + 1 calls in all.

    More arithmetic, and for a GPU less work: it starts few kernels of one shape, and waits for nobody to count places.
    """
    output = torch.zeros_like(query)
    for region in range(weights.shape[1]):
        weighed = value * weights[:, None, region, :, None].to(value.dtype)
        heard = F.scaled_dot_product_attention(query, key, weighed, scale=scale)
        output = torch.where((grid.labels == region)[:, None, :, None], heard, output)
    return output


def attend_by_region(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    grid: Grid,
    weights: Tensor,
    *,
    scale: float | None = None,
) -> Tensor:
    """`region_attention` of each picture's and region's queries alone: no arithmetic but what is due, in many calls."""
    output = torch.empty_like(query)
    for picture, region, places in grid.members:
        one = slice(picture, picture + 1)
        weighed = value[one] * weights[picture, region, :, None].to(value.dtype)
        output[one, :, places] = F.scaled_dot_product_attention(
            query[one, :, places], key[one], weighed, scale=scale
        )
    return output


def self_weights(grid: Grid, foreign: Tensor, regions: int) -> Tensor:
    """(B, regions, N): 1 for keys of the query's own region, foreign[picture] for the others."""
    own = grid.labels[:, None, :] == torch.arange(regions, device=grid.labels.device)[None, :, None]
    return torch.where(own, 1.0, foreign[:, None, None].to(grid.labels.device, torch.float32))


class RegionAttnProcessor:
    """Takes `regions` from `cross_attention_kwargs`; without them it is diffusers' own attention. Holds no state.

    Everything around the attention is what diffusers' AttnProcessor2_0 does.
    """

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        regions: Regions | None = None,
    ) -> Tensor:
        residual = hidden_states
        if attn.spatial_norm is not None:
            hidden_states = attn.spatial_norm(hidden_states, temb)
        shape = hidden_states.shape
        if hidden_states.ndim == 4:
            hidden_states = hidden_states.flatten(2).transpose(1, 2)
        if attn.group_norm is not None:
            hidden_states = attn.group_norm(hidden_states.transpose(1, 2)).transpose(1, 2)

        crosses = encoder_hidden_states is not None
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        if crosses and attn.norm_cross:
            context = attn.norm_encoder_hidden_states(context)
        batch = len(hidden_states)
        query, key, value = (
            projection(states).unflatten(-1, (attn.heads, -1)).transpose(1, 2)
            for projection, states in (
                (attn.to_q, hidden_states), (attn.to_k, context), (attn.to_v, context),
            )
        )  # fmt: skip
        query = query if attn.norm_q is None else attn.norm_q(query)
        key = key if attn.norm_k is None else attn.norm_k(key)

        weights, grid = weights_for(regions, query, key, crosses=crosses)
        if grid is None or weights is None:
            if attention_mask is not None:
                attention_mask = attn.prepare_attention_mask(attention_mask, key.shape[2], batch)
                attention_mask = attention_mask.view(
                    batch, attn.heads, -1, attention_mask.shape[-1]
                )
            attended = F.scaled_dot_product_attention(query, key, value, attn_mask=attention_mask)
        elif attention_mask is not None:
            raise RegionError("regions and an attention mask at once: the mask would renormalise")
        else:
            attended = region_attention(query, key, value, grid, weights)

        hidden_states = attended.transpose(1, 2).flatten(2).to(query.dtype)
        hidden_states = attn.to_out[1](attn.to_out[0](hidden_states))
        if len(shape) == 4:
            hidden_states = hidden_states.transpose(1, 2).reshape(shape)
        if attn.residual_connection:
            hidden_states = hidden_states + residual
        return hidden_states / attn.rescale_output_factor


def weights_for(
    regions: Regions | None, query: Tensor, key: Tensor, *, crosses: bool
) -> tuple[Tensor | None, Grid | None]:
    """(weights (B, R + 1, M), grid) of one attention, or (None, None) where the regions leave it alone."""
    if regions is None:
        return None, None
    if len(query) != regions.batch:
        raise RegionError(
            f"regions of {regions.batch} pictures, but the network is shown {len(query)}"
        )
    grid = regions.grid(query.shape[2])
    if crosses:
        if regions.token_weights is None:
            return None, None
        if regions.token_weights.shape[2] != key.shape[2]:
            raise RegionError(
                f"weights of {regions.token_weights.shape[2]} tokens, but the prompt has {key.shape[2]}"
            )
        return regions.token_weights, grid
    if regions.foreign is None:
        return None, None
    return self_weights(grid, regions.foreign, regions.count), grid


@contextmanager
def region_processors(network: nn.Module) -> Iterator[None]:
    """Within, every attention of the UNet understands `regions`; afterwards it has the processors it had before.

    Raises RegionError when there is no attention to mask: a mask without effect must not pass unseen.
    """
    unet: Any = network
    before: Mapping[str, Any] = dict(unet.attn_processors)
    if not before:
        raise RegionError(f"{type(network).__name__} has no attention that could be masked")
    unet.set_attn_processor(RegionAttnProcessor())
    try:
        yield
    finally:
        unet.set_attn_processor(dict(before))
