"""Faster backward pass of depthwise convolutions in bfloat16 on a CPU.

oneDNN has no fast kernels for the gradients of strided and of large depthwise convolutions in
bfloat16: in EfficientNet-Lite they take four fifths of a training step. This module computes the
same gradients by other kernels (benchmarks/depthwise.py):

- of the input: the output's gradient, spread out by the stride, convolved with the mirrored kernel
  (Dumoulin & Visin 2016, section 4.5), which is a forward pass, and those are fast;
- of a kernel of 5 × 5 and more: in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.overrides import TorchFunctionMode

_SLOW_KERNEL = 5  # from this size on, bfloat16's gradient of the kernel is slower than float32's


@contextmanager
def fast_depthwise(device: torch.device) -> Iterator[None]:
    """Use the faster backward pass for depthwise convolutions under bfloat16 autocast on a CPU.

    Nothing changes on other devices, in float32, or for other convolutions.
    """
    if device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
        yield
        return
    with _Redirecting(torch.get_autocast_dtype("cpu")):
        yield


class _Redirecting(TorchFunctionMode):
    """Redirects depthwise calls of conv2d to `_DepthwiseConvolution`."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.conv2d and not kwargs and is_depthwise(*args):
            image, kernel, bias, stride, padding, *_ = args
            bias = None if bias is None else bias.to(self.dtype)
            return _DepthwiseConvolution.apply(
                image.to(self.dtype), kernel.to(self.dtype), bias, tuple(stride), tuple(padding)
            )
        return func(*args, **kwargs)


def is_depthwise(
    image: Tensor,
    kernel: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> bool:
    """Return whether `fast_depthwise` handles conv2d with these arguments (dilation 1)."""
    return (
        groups > 1
        and image.ndim == 4
        and groups == image.shape[1] == kernel.shape[0]
        and all(isinstance(given, tuple | list) for given in (stride, padding, dilation))
        and tuple(dilation) == (1, 1)
        and all(pad < side for pad, side in zip(padding, kernel.shape[-2:], strict=True))
    )


class _DepthwiseConvolution(torch.autograd.Function):
    """Map image (B, C, H, W), kernel (C, 1, h, w) and bias (C,) or None to (B, C, H', W')."""

    @staticmethod
    def forward(
        context: Any,
        image: Tensor,
        kernel: Tensor,
        bias: Tensor | None,
        stride: tuple[int, int],
        padding: tuple[int, int],
    ) -> Tensor:
        context.save_for_backward(image, kernel)
        context.stride, context.padding = stride, padding
        return F.conv2d(image, kernel, bias, stride, padding, 1, len(kernel))

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        image, kernel = context.saved_tensors
        geometry = context.stride, context.padding
        wants_image, wants_kernel, wants_bias, *_ = context.needs_input_grad
        return (
            gradient_of_image(gradient, image.shape, kernel, *geometry) if wants_image else None,
            gradient_of_kernel(gradient, image, kernel, *geometry) if wants_kernel else None,
            gradient.sum((0, 2, 3)) if wants_bias else None,
            None,
            None,
        )


def gradient_of_image(
    gradient: Tensor,
    shape: torch.Size,
    kernel: Tensor,
    stride: tuple[int, int],
    padding: tuple[int, int],
) -> Tensor:
    """Compute the image's gradient from that of the output, by a convolution without stride."""
    sides = kernel.shape[-2:]
    around = [side - 1 - pad for side, pad in zip(sides, padding, strict=True)]
    # All places where the kernel fits, also those that the stride skipped.
    height, width = (
        extent + 2 * pad - side + 1
        for extent, pad, side in zip(shape[-2:], padding, sides, strict=True)
    )
    spread = spread_out(gradient, stride, (height, width))
    return F.conv2d(spread, kernel.flip(2, 3), None, 1, cast(Any, around), 1, len(kernel))


def spread_out(image: Tensor, stride: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Place (B, C, H, W) on every stride-th row and column of zeros of `size`."""
    if tuple(image.shape[-2:]) == size:
        return image
    spread = (
        image.new_empty((*image.shape[:2], *size)).to(memory_format=torch.channels_last).zero_()
    )
    height, width = image.shape[-2:]
    spread[
        :, :, : (height - 1) * stride[0] + 1 : stride[0], : (width - 1) * stride[1] + 1 : stride[1]
    ] = image
    return spread


def gradient_of_kernel(
    gradient: Tensor,
    image: Tensor,
    kernel: Tensor,
    stride: tuple[int, int],
    padding: tuple[int, int],
) -> Tensor:
    """Compute the kernel's gradient, in float32 where that is faster."""
    tensors = gradient, image, kernel
    if max(kernel.shape[-2:]) >= _SLOW_KERNEL:
        tensors = gradient.float(), image.float(), kernel.float()
    found = torch.ops.aten.convolution_backward(
        *tensors, None, stride, padding, (1, 1), False, (0, 0), len(kernel), (False, True, False)
    )[1]
    return found.to(kernel.dtype)
