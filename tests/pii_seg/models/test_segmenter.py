"""Images of any size in, logits of the same size out."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pii_seg.config import SIZES
from pii_seg.models.base import Network
from pii_seg.models.losses import SegmentationLoss
from pii_seg.models.networks import build_network
from pii_seg.models.segmenter import Segmenter, fastest_precision, pad_to_multiple, scaled


class Brightness(Network):
    """Its logit is the mean of the normalised channels, so that tests see its input."""

    stride, mean, std = 16, (0.5, 0.25, 0.125), (0.5, 0.25, 0.5)
    weights, encoder_prefix, pretrained_prefix = "none", None, None
    seen: tuple[int, ...] = ()

    def forward(self, images: Tensor) -> Tensor:
        self.seen = tuple(images.shape)
        return images.mean(1, keepdim=True)


@settings(max_examples=30)
@given(st.integers(1, 70), st.integers(1, 70), st.sampled_from([1.0, 0.5, 0.3]))
def test_logits_have_the_size_of_the_image(height: int, width: int, scale: float) -> None:
    network = Brightness()
    images = torch.zeros(2, 3, height, width, dtype=torch.uint8)
    logits = Segmenter(network, scale=scale)(images)
    assert logits.shape == (2, 1, height, width)
    assert logits.dtype == torch.float32
    assert network.seen[2] % 16 == network.seen[3] % 16 == 0
    # Padding and scaling of an even image give an even image: no black edges.
    assert torch.allclose(logits, logits[0, 0, 0, 0].expand_as(logits), atol=1e-5)


def test_normalisation_is_that_of_the_encoder() -> None:
    images = torch.tensor([255.0, 0.0, 127.5]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    expected = ((1 - 0.5) / 0.5 + (0 - 0.25) / 0.25 + (0.5 - 0.125) / 0.5) / 3
    assert torch.allclose(Segmenter(Brightness())(images), torch.tensor(expected))
    whole = images.round().to(torch.uint8)
    assert torch.allclose(Segmenter(Brightness())(whole), Segmenter(Brightness())(whole.float()))


def test_a_full_size_image_is_not_resampled() -> None:
    images = torch.randint(0, 256, (1, 3, 37, 50), generator=torch.Generator().manual_seed(0))
    segmenter = Segmenter(Brightness())
    by_hand = ((images - segmenter.mean) / segmenter.std).mean(1, keepdim=True)
    assert torch.equal(segmenter(images), by_hand)


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 8, 8, 3), (1, 1, 8, 8)])
def test_other_shapes_are_rejected(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected images of shape \(B, 3, H, W\), got"):
        Segmenter(Brightness())(torch.zeros(shape))


def test_bfloat16_is_close_and_logits_are_float32() -> None:
    network = build_network(SIZES["tiny"], generator=torch.Generator().manual_seed(0)).eval()
    images = torch.randint(0, 256, (1, 3, 40, 40), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        exact = Segmenter(network, precision=torch.float32)(images)
        rough = Segmenter(network, precision=torch.bfloat16)(images)
    assert rough.dtype == torch.float32
    assert not torch.equal(exact, rough)
    assert torch.allclose(exact, rough, atol=0.1)
    assert fastest_precision("cpu") in (torch.float32, torch.bfloat16)
    assert fastest_precision("meta") == torch.float32


def test_padding_repeats_the_edge() -> None:
    x = torch.arange(6.0).view(1, 1, 2, 3)
    padded = pad_to_multiple(x, 4)
    assert padded.tolist() == [[[[0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [3, 4, 5, 5]]]]
    assert pad_to_multiple(padded, 4) is padded
    assert scaled((1, 9), 0.1) == (1, 1)


def test_the_loss_ignores_ignored_pixels() -> None:
    loss = SegmentationLoss()
    logits = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    target = torch.zeros(2, 8, 8, dtype=torch.uint8)
    target[:, :4] = 1
    target[:, 6:] = 255
    changed = logits.clone()
    changed[:, :, 6:] = 50
    assert torch.equal(loss(logits, target), loss(changed, target))
    # Ignored pixels are left out of the mean, not counted as right.
    cut = loss(logits[:, :, :6], target[:, :6])
    assert torch.allclose(loss(logits, target), cut)
    wrong = logits.clone()
    wrong[:, :, 5] = 50
    assert loss(wrong, target) > loss(logits, target) + 1


def test_the_loss_without_counted_pixels_is_zero() -> None:
    logits = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    loss = SegmentationLoss()(logits, torch.full((1, 8, 8), 255, dtype=torch.uint8))
    loss.backward()
    assert loss == 0
    assert logits.grad is not None and not logits.grad.any()


def test_an_image_without_persons_has_a_gradient() -> None:
    target = torch.zeros(1, 8, 8, dtype=torch.uint8)
    loss = SegmentationLoss()
    assert (
        loss(torch.full((1, 1, 8, 8), 5.0), target)
        > 1
        > loss(torch.full((1, 1, 8, 8), -5.0), target)
    )


def test_the_loss_of_perfect_logits_is_almost_zero() -> None:
    target = torch.zeros(1, 8, 8, dtype=torch.uint8)
    target[:, 2:5] = 1
    assert SegmentationLoss()((target[:, None].float() - 0.5) * 40, target) < 1e-3
