"""Scaled values against a reference that masks the attention map, on layers and networks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor2_0
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from diffusion_synth.errors import DataError
from diffusion_synth.pipeline.attention import (
    RegionAttnProcessor,
    attend_at_once,
    region_attention,
    region_processors,
    self_weights,
)
from diffusion_synth.pipeline.regions import Grid, Regions, resize_labels, size_of_layer

TOKENS = 7


def oracle(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """Attend as in the paper: softmax, then times a mask (B, N, M), not renormalised."""
    scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
    return (scores.softmax(-1) * mask[:, None]) @ value


class OracleProcessor:
    """`oracle` for a layer of diffusers, with the mask of every pair of places in memory."""

    def __call__(
        self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor | None = None, *,
        attention_mask: Tensor | None = None, temb: Tensor | None = None,
        regions: Regions | None = None,
    ) -> Tensor:  # fmt: skip
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        heads = [t.unflatten(-1, (attn.heads, -1)).transpose(1, 2) for t in (
            attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context))]  # fmt: skip
        labels = resize_labels(
            regions.labels, size_of_layer(*regions.labels.shape[1:], hidden_states.shape[1])
        ).flatten(1)
        if encoder_hidden_states is None:
            same = labels[:, :, None] == labels[:, None, :]
            mask = torch.where(same, 1.0, regions.cross_region_weight[:, None, None])
        else:
            mask = torch.stack(
                [
                    weights[label]
                    for weights, label in zip(regions.token_weights, labels, strict=True)
                ]
            )
        states = oracle(*heads, mask).transpose(1, 2).flatten(2)
        return attn.to_out[0](states)


def draw(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_regions(batch: int = 2, size: tuple[int, int] = (16, 24), seed: int = 0) -> Regions:
    """Return regions of two persons whose shapes and weights differ in every image."""
    labels = torch.zeros(batch, *size, dtype=torch.long)
    for index in range(batch):
        labels[index, 3 : 10 + index, 2:9] = 1
        labels[index, 5:15, 11 + index : 20] = 2
    return Regions(
        labels,
        token_weights=2.5 * torch.rand(batch, 3, TOKENS, generator=draw(seed)),
        cross_region_weight=torch.rand(batch, generator=draw(seed + 1)),
    )


@pytest.fixture(scope="module")
def unet() -> UNet2DConditionModel:
    with torch.random.fork_rng():
        torch.set_rng_state(draw(0).get_state())
        return make_unet()


def make_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=16, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(16,
        32),
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        attention_head_dim=4, cross_attention_dim=12, norm_num_groups=8,
    ).eval()  # fmt: skip


def predict(unet: UNet2DConditionModel, regions: Regions | None, *, batch: int = 2) -> Tensor:
    """Return the network's output for fixed latents (B, 4, 16, 24) and prompts."""
    latents = torch.randn(4, 4, 16, 24, generator=draw(1))[:batch]
    prompt = torch.randn(4, TOKENS, 12, generator=draw(2))[:batch]
    given = None if regions is None else {"regions": regions}
    with torch.no_grad():
        return unet(latents, 500, prompt, cross_attention_kwargs=given).sample


@settings(deadline=None, max_examples=40)
@given(
    batch=st.integers(1, 3), heads=st.integers(1, 3), places=st.integers(1, 30),
    keys=st.integers(1, 9),
    regions=st.integers(1, 4), seed=st.integers(0, 1000),
)  # fmt: skip
def test_one_attention_equals_the_reference(
    batch: int, heads: int, places: int, keys: int, regions: int, seed: int
) -> None:
    g = draw(seed)
    query = torch.randn(batch, heads, places, 8, generator=g)
    key, value = (torch.randn(batch, heads, keys, 8, generator=g) for _ in range(2))
    labels = torch.randint(regions, (batch, places), generator=g)
    weights = 3 * torch.rand(batch, regions, keys, generator=g)
    mask = torch.stack([w[label] for w, label in zip(weights, labels, strict=True)])
    for way in (region_attention, attend_at_once):  # as on a CPU, and as on a GPU
        found = way(query, key, value, Grid.of(labels[:, None]), weights)
        torch.testing.assert_close(found, oracle(query, key, value, mask), rtol=1e-5, atol=1e-6)


def test_a_network_equals_the_reference(unet: UNet2DConditionModel) -> None:
    regions = some_regions()
    with region_processors(unet):
        found = predict(unet, regions)
    before = dict(unet.attn_processors)
    try:
        unet.set_attn_processor(OracleProcessor())
        wanted = predict(unet, regions)
    finally:
        unet.set_attn_processor(before)
    assert (found - wanted).abs().max() <= 1e-5 * wanted.abs().max()


def test_the_masks_have_an_effect(unet: UNet2DConditionModel) -> None:
    regions = some_regions()
    other = Regions(regions.labels.flip(2), regions.token_weights, regions.cross_region_weight)
    with region_processors(unet):
        plain, masked, elsewhere = (predict(unet, r) for r in (None, regions, other))
    assert (plain - masked).abs().mean() > 0.01 * plain.abs().mean()
    assert (elsewhere - masked).abs().mean() > 0.01 * plain.abs().mean()


def test_without_regions_it_equals_diffusers(unet: UNet2DConditionModel) -> None:
    unet.set_attn_processor(AttnProcessor2_0())
    wanted = predict(unet, None)
    ones = Regions(some_regions().labels, torch.ones(2, 3, TOKENS), torch.ones(2))
    with region_processors(unet):
        torch.testing.assert_close(predict(unet, None), wanted)
        torch.testing.assert_close(predict(unet, Regions(ones.labels)), wanted)
        torch.testing.assert_close(predict(unet, ones), wanted, rtol=1e-4, atol=1e-5)


def test_a_batch_of_different_masks_equals_single_calls(unet: UNet2DConditionModel) -> None:
    regions = some_regions(batch=4)
    with region_processors(unet):
        together = predict(unet, regions, batch=4)
        for index in range(4):
            one = slice(index, index + 1)
            latents = torch.randn(4, 4, 16, 24, generator=draw(1))[one]
            prompt = torch.randn(4, TOKENS, 12, generator=draw(2))[one]
            alone = Regions(
                regions.labels[one], regions.token_weights[one], regions.cross_region_weight[one]
            )
            with torch.no_grad():
                sample = unet(
                    latents, 500, prompt, cross_attention_kwargs={"regions": alone}
                ).sample
            torch.testing.assert_close(sample, together[one], rtol=1e-4, atol=1e-5)


def test_processors_are_restored_even_after_an_error(unet: UNet2DConditionModel) -> None:
    unet.set_attn_processor(AttnProcessor2_0())
    with pytest.raises(ZeroDivisionError), region_processors(unet):
        assert all(isinstance(p, RegionAttnProcessor) for p in unet.attn_processors.values())
        raise ZeroDivisionError
    assert all(isinstance(p, AttnProcessor2_0) for p in unet.attn_processors.values())


def test_a_network_without_attention_is_rejected() -> None:
    class Bare(torch.nn.Module):
        attn_processors: dict[str, Any] = {}

    with pytest.raises(DataError, match="Bare has no attention"), region_processors(Bare()):
        pass


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": torch.zeros(2, 16, 24)}, "integers"),
        ({"labels": torch.zeros(16, 24, dtype=torch.long)}, r"\(B, H, W\)"),
        ({"labels": -torch.ones(2, 16, 24, dtype=torch.long)}, "negative"),
        ({"token_weights": torch.ones(2, 2, TOKENS)}, r"\(2, 3, T\)"),
        ({"token_weights": torch.full((2, 3, TOKENS), torch.nan)}, "finite"),
        ({"cross_region_weight": torch.ones(3)}, "cross_region_weight"),
    ],
)
def test_invalid_regions_are_rejected(change: dict[str, Tensor], said: str) -> None:
    good = some_regions()
    fields = {
        "labels": good.labels,
        "token_weights": good.token_weights,
        "cross_region_weight": good.cross_region_weight,
    }
    with pytest.raises(DataError, match=said):
        Regions(**{**fields, **change})


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        (some_regions(batch=3), "expected regions of 2 images, got 3"),
        (some_regions(size=(32, 32)), "attends over 384 places"),
        (
            Regions(some_regions().labels, torch.ones(2, 3, 5)),
            "weights of the prompt's 7 tokens, got 5",
        ),
    ],
)
def test_regions_that_do_not_fit_the_network_are_rejected(
    unet: UNet2DConditionModel, regions: Regions, said: str
) -> None:
    with region_processors(unet), pytest.raises(DataError, match=said):
        predict(unet, regions)


def test_masks_of_the_image_size_are_resized_to_every_layer() -> None:
    labels = torch.zeros(1, 512, 320, dtype=torch.long)
    labels[:, 100:300, 50:200] = 1
    regions = Regions(labels)
    for places, size in ((64 * 40, (64, 40)), (32 * 20, (32, 20)), (8 * 5, (8, 5))):
        assert size_of_layer(512, 320, places) == size
        assert regions.grid(places).labels.shape == (1, places)
    assert regions.grid(64 * 40) is regions.grid(64 * 40)
    assert regions.with_cross_region_weight(torch.zeros(1)).grid(64 * 40) is regions.grid(64 * 40)


def test_hard_self_attention_keeps_regions_apart() -> None:
    grid = Grid.of(torch.tensor([[[0, 0, 1, 2]]]))
    weights = self_weights(grid, torch.zeros(1), 3)
    torch.testing.assert_close(
        weights[0], torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    )
