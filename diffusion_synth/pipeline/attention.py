"""Inside-Outside Attention (Park et al., WACV 2024) as an attention processor of diffusers.

The paper multiplies the attention map, after the softmax, by a mask. The mask depends only on the
regions of query and key, so for the queries of region r it is one weight w_r a key, and

    (softmax(q kᵀ) ⊙ w_r) v  =  softmax(q kᵀ) (w_r ⊙ v)        for all q of region r:

scaling the values gives the same result. The map is never written to memory, and every kernel of
scaled_dot_product_attention can be used. An additive or boolean `attn_mask` would renormalise,
which is not the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from diffusion_synth.errors import DataError
from diffusion_synth.pipeline.regions import Grid, Regions

MAX_REGIONS_AT_ONCE = 4  # beyond, attending for every region is slower than by region on a GPU too


def region_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    grid: Grid,
    weights: Tensor,
    *,
    scale: float | None = None,
) -> Tensor:
    """Attend with a map that is multiplied by a weight for each (query region, key).

    Args:
        query: (B, heads, N, d); its N places are those of `grid`.
        key: (B, heads, M, d).
        value: (B, heads, M, d).
        grid: The regions of the queries.
        weights: (B, R + 1, M), applied after the softmax.
        scale: Factor of q kᵀ; None for 1 / √d.

    Returns:
        (B, heads, N, d).
    """
    if query.device.type != "cpu" and weights.shape[1] <= MAX_REGIONS_AT_ONCE:
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
    """Compute `region_attention` of all queries with every region's values; each keeps its own.

    It does more arithmetic in R + 1 calls. On a GPU that is faster: the kernels are few, of one
    shape, and need no count of places from the device.
    """
    output = torch.zeros_like(query)
    for region in range(weights.shape[1]):
        weighted = value * weights[:, None, region, :, None].to(value.dtype)
        attended = F.scaled_dot_product_attention(query, key, weighted, scale=scale)
        output = torch.where((grid.labels == region)[:, None, :, None], attended, output)
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
    """Compute `region_attention` for the queries of each image and region alone.

    It does the least arithmetic, in many calls: faster on a CPU.
    """
    output = torch.empty_like(query)
    for image, region, places in grid.members:
        one = slice(image, image + 1)
        weighted = value[one] * weights[image, region, :, None].to(value.dtype)
        output[one, :, places] = F.scaled_dot_product_attention(
            query[one, :, places], key[one], weighted, scale=scale
        )
    return output


def self_weights(grid: Grid, cross_region_weight: Tensor, regions: int) -> Tensor:
    """Return the weights (B, regions, N) of self-attention.

    They are 1 for keys of the query's own region and `cross_region_weight` (B,) for the others.
    """
    own = grid.labels[:, None, :] == torch.arange(regions, device=grid.labels.device)[None, :, None]
    across = cross_region_weight[:, None, None].to(grid.labels.device, torch.float32)
    return torch.where(own, 1.0, across)


class RegionAttnProcessor:
    """Attention processor that takes `regions` from `cross_attention_kwargs`. It holds no state.

    Without regions it is diffusers' own attention. All around the attention is as in its
    AttnProcessor2_0.
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
        """Attend, masked by `regions`. Raises DataError when regions and a mask come together."""
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
            raise DataError("expected regions or an attention mask, got both; a mask renormalises")
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
    """Return (weights (B, R + 1, M), grid) of one attention; (None, None) where it is not masked.

    Args:
        regions: The regions of the batch, or None.
        query: (B, heads, N, d).
        key: (B, heads, M, d).
        crosses: Whether the keys are tokens of a prompt.

    Raises:
        DataError: The regions are of another batch, or their weights of another prompt.
    """
    if regions is None:
        return None, None
    if len(query) != regions.batch:
        raise DataError(f"expected regions of {len(query)} images, got {regions.batch}")
    grid = regions.grid(query.shape[2])
    if crosses:
        if regions.token_weights is None:
            return None, None
        if regions.token_weights.shape[2] != key.shape[2]:
            raise DataError(
                f"expected weights of the prompt's {key.shape[2]} tokens, "
                f"got {regions.token_weights.shape[2]}"
            )
        return regions.token_weights, grid
    if regions.cross_region_weight is None:
        return None, None
    return self_weights(grid, regions.cross_region_weight, regions.count), grid


@contextmanager
def region_processors(network: nn.Module) -> Iterator[None]:
    """Let every attention of the UNet take `regions` within the block; restore it afterwards.

    Raises:
        DataError: The UNet has no attention, so a mask would silently have no effect.
    """
    unet: Any = network
    before: Mapping[str, Any] = dict(unet.attn_processors)
    if not before:
        raise DataError(f"{type(network).__name__} has no attention that could be masked")
    unet.set_attn_processor(RegionAttnProcessor())
    try:
        yield
    finally:
        unet.set_attn_processor(dict(before))
