"""The faster gradients are the gradients."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given, settings
from hypothesis import strategies as st
from timm.layers import Conv2dSame
from torch import nn

from pii_seg.models.cpu_depthwise import (
    fast_depthwise,
    gradient_of_image,
    gradient_of_kernel,
    is_depthwise,
)

CPU = torch.device("cpu")
BATCH, CHANNELS = 2, 4

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(deadline=None, max_examples=60)
@given(
    size=st.tuples(st.integers(5, 12), st.integers(5, 12)),
    kernel=st.tuples(st.sampled_from([1, 2, 3, 5]), st.sampled_from([1, 3, 5])),
    stride=pairs,
    padded=st.tuples(st.booleans(), st.booleans()),
    seed=st.integers(0, 99),
)
def test_gradients_equal_those_of_autograd(
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padded: tuple[bool, bool],
    seed: int,
) -> None:
    draw = torch.Generator().manual_seed(seed)
    padding = tuple(side // 2 if pad else 0 for side, pad in zip(kernel, padded, strict=True))
    image = torch.randn(
        BATCH, CHANNELS, *size, generator=draw, dtype=torch.float64, requires_grad=True
    )
    weight = torch.randn(
        CHANNELS, 1, *kernel, generator=draw, dtype=torch.float64, requires_grad=True
    )
    output = F.conv2d(image, weight, None, stride, padding, 1, CHANNELS)
    gradient = torch.randn(output.shape, generator=draw, dtype=torch.float64)
    wanted_image, wanted_weight = torch.autograd.grad(output, (image, weight), gradient)

    with torch.no_grad():
        torch.testing.assert_close(
            gradient_of_image(gradient, image.shape, weight, stride, padding), wanted_image
        )
        torch.testing.assert_close(
            gradient_of_kernel(gradient, image, weight, stride, padding),
            wanted_weight,
            rtol=1e-4,  # large kernels: in float32
            atol=1e-4,
        )


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(8, 8, 3, padding=1, groups=8),
        nn.Conv2d(8, 8, 5, stride=2, padding=2, groups=8, bias=False),
        Conv2dSame(8, 8, 5, stride=2, groups=8, bias=False),
    ],
    ids=["3x3", "5x5 strided", "timm's same padding"],
)
def test_within_autocast_the_step_is_the_same_to_bfloat16s_precision(layer: nn.Conv2d) -> None:
    image = torch.randn(
        2, 8, 17, 14, generator=torch.Generator().manual_seed(0), requires_grad=True
    )

    def step(hasten: bool) -> list[torch.Tensor]:
        with torch.autocast("cpu", torch.bfloat16):
            if hasten:
                with fast_depthwise(CPU):
                    output = layer(image)
                    assert output.grad_fn.name().startswith("_DepthwiseConvolution")
            else:
                output = layer(image)
        assert output.dtype == torch.bfloat16
        loss = (output.float() * torch.linspace(-1, 1, output.numel()).view_as(output)).sum()
        return [output, *torch.autograd.grad(loss, [image, *layer.parameters()])]

    for fast, plain in zip(step(True), step(False), strict=True):
        assert fast.dtype == plain.dtype
        scale = plain.float().abs().max()
        torch.testing.assert_close(fast.float() / scale, plain.float() / scale, rtol=0, atol=0.02)


def test_nothing_changes_without_autocast_or_off_the_cpu() -> None:
    layer, image = nn.Conv2d(4, 4, 3, groups=4), torch.randn(1, 4, 8, 8)
    with fast_depthwise(CPU):
        assert layer(image).grad_fn.name().startswith("ConvolutionBackward")
    with torch.autocast("cpu", torch.bfloat16), fast_depthwise(torch.device("cuda")):
        assert layer(image).grad_fn.name().startswith("ConvolutionBackward")


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 4, 3),
        nn.Conv2d(4, 8, 3, groups=4),
        nn.Conv2d(4, 4, 3, groups=2),
        nn.Conv2d(4, 4, 3, groups=4, dilation=2),
        nn.Conv2d(4, 4, 3, groups=4, padding="same"),
        nn.Conv2d(1, 1, 3),
    ],
    ids=["dense", "two kernels a channel", "grouped", "dilated", "padding by name", "one channel"],
)
def test_other_convolutions_are_unchanged(layer: nn.Conv2d) -> None:
    with torch.autocast("cpu", torch.bfloat16), fast_depthwise(CPU):
        assert (
            layer(torch.randn(1, layer.in_channels, 8, 8))
            .grad_fn.name()
            .startswith("ConvolutionBackward")
        )


def test_one_image_without_batch_is_not_redirected() -> None:
    assert not is_depthwise(
        torch.zeros(4, 8, 8), torch.zeros(4, 1, 3, 3), None, (1, 1), (0, 0), (1, 1), 4
    )
