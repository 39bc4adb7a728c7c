"""Folds batch norms into the convolutions before them: the same logits, computed faster."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

NetworkT = TypeVar("NetworkT", bound=nn.Module)

TOLERANCE = 1e-3  # of the largest logit


def fold_norms(network: NetworkT, *, stride: int) -> NetworkT:
    """Copy `network` in evaluation mode, with batch norms folded into the convolutions before them.

    One forward pass shows which norm follows which convolution, so any network may be given. If the
    folded copy does not give the same logits (a convolution whose output is used elsewhere too),
    the unfolded copy is returned.

    Args:
        network: The network; it is not changed.
        stride: Height and width of its input must be divisible by it.
    """
    plain = copy.deepcopy(network).eval()
    folded = copy.deepcopy(plain)
    device = next(plain.parameters()).device
    example = torch.linspace(-2, 2, 3 * (2 * stride) ** 2, device=device).view(
        1, 3, 2 * stride, 2 * stride
    )
    with torch.no_grad():
        names = {module: name for name, module in folded.named_modules()}
        for convolution, norm in observed_pairs(folded, example):
            folded.set_submodule(names[norm], fold(convolution, norm))
        before, after = plain(example), folded(example)
    same = torch.allclose(before, after, rtol=0, atol=TOLERANCE * (1 + float(before.abs().max())))
    return folded if same else plain


def observed_pairs(network: nn.Module, example: Tensor) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Return pairs of a convolution and the batch norm of its output, each used once."""
    # The tensors are held, so that their ids are not reused.
    produced: dict[int, tuple[nn.Conv2d, Tensor]] = {}
    pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = []
    calls: dict[nn.Module, int] = {}

    def after_convolution(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(module, nn.Conv2d)
        produced[id(output)] = (module, output)
        calls[module] = calls.get(module, 0) + 1

    def before_norm(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(module, nn.BatchNorm2d)
        calls[module] = calls.get(module, 0) + 1
        if id(inputs[0]) in produced:
            pairs.append((produced[id(inputs[0])][0], module))

    hooks = [
        *(
            m.register_forward_hook(after_convolution)
            for m in network.modules()
            if isinstance(m, nn.Conv2d)
        ),
        *(
            m.register_forward_pre_hook(before_norm)
            for m in network.modules()
            if isinstance(m, nn.BatchNorm2d)
        ),
    ]
    try:
        network(example)
    finally:
        for hook in hooks:
            hook.remove()
    return [pair for pair in pairs if calls[pair[0]] == calls[pair[1]] == 1]


def fold(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Module:
    """Move `norm` into `convolution`; return its activation, which timm's norms have."""
    assert norm.running_mean is not None and norm.running_var is not None
    convolution.weight, convolution.bias = fuse_conv_bn_weights(
        convolution.weight,
        convolution.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
    )
    activation = getattr(norm, "act", None)
    return activation if isinstance(activation, nn.Module) else nn.Identity()
