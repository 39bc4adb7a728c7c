"""The decoders of this package, and the plain U-Net, which needs no encoder."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pii_seg.errors import ConfigError
from pii_seg.models.base import IMAGENET_MEAN, IMAGENET_STD, Network


class PlainUNet(Network):
    """Narrow U-Net (Ronneberger et al. 2015) with batch normalisation; five levels, padded."""

    stride = 16
    mean, std = IMAGENET_MEAN, IMAGENET_STD
    weights = "no pre-trained weights: trained from scratch"
    encoder_prefix = pretrained_prefix = None

    def __init__(self, width: int) -> None:
        super().__init__()
        widths = [width * factor for factor in (1, 2, 4, 6, 8)]
        self.down = nn.ModuleList(
            [double_conv(before, after) for before, after in pairwise([3, *widths])]
        )
        self.up = nn.ModuleList(
            [double_conv(deep + skip, skip) for skip, deep in reversed(list(pairwise(widths)))]
        )
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        skips: list[Tensor] = []
        x = images
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        skips.pop()
        for block in self.up:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = block(torch.cat([x, skips.pop()], 1))
        return self.head(x)


class LRASPP(nn.Module):
    """Lite Reduced ASPP (MobileNetV3, Howard et al. 2019, section 6.4): deep feature and skip.

    Input are features from fine to coarse: the deep one is at stride 16, the skip at stride 8. The
    logits are at stride 8.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        if len(channels) < 3:
            raise ConfigError(
                "model.decoder lraspp needs an encoder with features at strides 4, 8 and 16"
            )
        _, skip, deep, *_ = channels
        self.project = conv_norm(deep, width, 1)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(deep, width, 1, bias=False), nn.Sigmoid()
        )
        self.classify_deep = nn.Conv2d(width, 1, 1)
        self.classify_skip = nn.Conv2d(skip, 1, 1)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        _, skip, deep, *_ = features
        x = self.project(deep) * self.gate(deep)
        x = F.interpolate(x, size=skip.shape[-2:], mode="bilinear", align_corners=False)
        return self.classify_deep(x) + self.classify_skip(skip)


class Ladder(nn.Module):
    """Top-down path of separable convolutions (FPN, Lin et al. 2017), its top gated as in LR-ASPP.

    Input are features from fine to coarse; the logits are at the stride of the finest. Each level
    adds its own logits (FCN-8s, Long et al. 2015) and each refinement is residual, so the deep
    features take part from the first step on.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels[-1], width, 1), nn.Sigmoid()
        )
        self.lateral = nn.ModuleList([conv_norm(count, width, 1) for count in channels])
        self.refine = nn.ModuleList([separable_conv(width, width) for _ in channels[:-1]])
        self.classify = nn.ModuleList([nn.Conv2d(width, 1, 1) for _ in channels])

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        *finer, top = features
        x = self.lateral[-1](top) * self.gate(top)
        logits = self.classify[-1](x)
        for level in reversed(range(len(finer))):
            size = finer[level].shape[-2:]
            x = F.interpolate(x, size=size, mode="bilinear", align_corners=False)
            x = x + self.lateral[level](finer[level])
            x = x + self.refine[level](x)
            logits = F.interpolate(logits, size=size, mode="bilinear", align_corners=False)
            logits = logits + self.classify[level](x)
        return logits


def conv_norm(before: int, after: int, size: int, *, groups: int = 1) -> nn.Sequential:
    """Convolution that keeps the size, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(before, after, size, padding=size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


def double_conv(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(conv_norm(before, after, 3), conv_norm(after, after, 3))


def separable_conv(before: int, after: int) -> nn.Sequential:
    """Depthwise 3×3, then pointwise convolution (Xception, Chollet 2017)."""
    return nn.Sequential(conv_norm(before, before, 3, groups=before), conv_norm(before, after, 1))
