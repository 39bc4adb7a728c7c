"""The networks: any timm encoder with a decoder from segmentation-models-pytorch or one of the light ones here.

All of them take normalised pictures (B, 3, H, W), H and W divisible by `network.stride`, and give the logit of "person"
for every pixel, (B, 1, H, W). `pii_seg.models.segmenter.Segmenter` wraps them for pictures of any size.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, cast

import segmentation_models_pytorch as smp
import timm
import torch
import torch.nn.functional as F  # noqa: N812  # as everybody calls it
from torch import Tensor, nn

from pii_seg.config import LIGHT_DECODERS, PLAIN, ModelConfig
from pii_seg.errors import ConfigError
from pii_seg.models.pretrained import Pretrained, find_pretrained

SMP_NETWORKS: dict[str, type[nn.Module]] = {
    "unet": smp.Unet,
    "fpn": smp.FPN,
    "linknet": smp.Linknet,
    "deeplabv3plus": smp.DeepLabV3Plus,
    "segformer": smp.Segformer,
    "upernet": smp.UPerNet,
}
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Network(nn.Module):
    """What `build_network` returns: (B, 3, H, W) → logits (B, 1, H, W), for H and W divisible by `stride`.

    mean, std: per channel, of pictures in 0..1, as the encoder was trained with. weights: which the encoder started
    from, in words. encoder_prefix: of the names of the pre-trained parameters; None when there are none.
    """

    stride: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    weights: str
    encoder_prefix: str | None


def build_network(
    config: ModelConfig, *, generator: torch.Generator, pretrained: bool = True
) -> Network:
    """The network of `config`, initialised from `generator`.

    `pretrained` False leaves the encoder's weights random: for a checkpoint that is about to be loaded.
    Raises ConfigError, also when the encoder weights that were asked for are not available.
    """
    if config.encoder == PLAIN:
        with drawing_from(generator):
            return PlainUNet(width=config.width)
    if not timm.is_model(config.encoder):
        near = timm.list_models(f"*{config.encoder.split('.')[0].split('_')[0]}*")[:5]
        hint = f", such as {', '.join(near)}" if near else ""
        raise ConfigError(
            f"model.encoder is {config.encoder!r}; it must be 'plain' or a timm model{hint}"
        )
    found = find_pretrained(config.encoder, config.weights if pretrained else "none")
    with drawing_from(generator):
        if config.decoder in LIGHT_DECODERS:
            return LightNetwork(config, found)
        return SmpNetwork(config, found)


class drawing_from:  # a context manager reads as a verb
    """Within this context torch's global generator continues `generator`; the global state is as before afterwards.

    Layers initialise themselves, and dropout draws, from torch's global generator alone.
    """

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator
        self.before: Tensor | None = None

    def __enter__(self) -> None:
        self.before = torch.get_rng_state()
        torch.set_rng_state(self.generator.get_state())

    def __exit__(self, *exc: object) -> None:
        self.generator.set_state(torch.get_rng_state())
        torch.set_rng_state(cast(Tensor, self.before))


class PlainUNet(Network):
    """U-Net (Ronneberger et al. 2015) with batch normalisation, narrow, padded to keep the size; five levels."""

    stride = 16
    mean, std = IMAGENET_MEAN, IMAGENET_STD
    weights = "no pre-trained weights: trained from scratch"
    encoder_prefix = None

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


class LightNetwork(Network):
    """A timm encoder with one of the light decoders, whose logits come at the stride of its finest feature."""

    def __init__(self, config: ModelConfig, pretrained: Pretrained) -> None:
        super().__init__()
        self.encoder = timm_features(config.encoder, pretrained)
        info: Any = self.encoder.feature_info
        self.stride = max(info.reduction())
        self.mean, self.std = encoder_normalisation(config.encoder)
        self.weights = pretrained.words
        self.encoder_prefix = "encoder." if pretrained.state is not None else None
        # Features finer than stride 4 cost more than all the rest and change outlines by less than a pixel.
        self.used = [level for level, stride in enumerate(info.reduction()) if stride >= 4]
        channels = [info.channels()[level] for level in self.used]
        decoder: Callable[[Sequence[int], int], nn.Module] = {"lraspp": LRASPP, "ladder": Ladder}[
            config.decoder
        ]
        self.decoder = decoder(channels, config.width)

    def forward(self, images: Tensor) -> Tensor:
        features = self.encoder(images)
        logits = self.decoder([features[level] for level in self.used])
        return F.interpolate(logits, size=images.shape[-2:], mode="bilinear", align_corners=False)


class LRASPP(nn.Module):
    """Lite Reduced ASPP, MobileNetV3 (Howard et al. 2019), section 6.4: a gated deep feature and one skip.

    Takes features from fine to coarse; deep is the one at a sixteenth, skip the one at an eighth. Logits at an eighth.
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
    """A top-down path of depthwise-separable convolutions (FPN, Lin et al. 2017), its top gated as in LR-ASPP.

    Takes features from fine to coarse; logits at the stride of the finest. Every level adds its own word to the logits
    (FCN-8s, Long et al. 2015) and every refinement is residual, so the deep features are read from the first step on.
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


class SmpNetwork(Network):
    """A timm encoder with a decoder of segmentation-models-pytorch."""

    def __init__(self, config: ModelConfig, pretrained: Pretrained) -> None:
        super().__init__()
        build: Any = SMP_NETWORKS[config.decoder]
        try:
            self.model = build(
                encoder_name=f"tu-{config.encoder}",
                encoder_weights=None,
                in_channels=3,
                classes=1,
                **smp_width(config.decoder, config.width),
            )
        except (
            RuntimeError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            AssertionError,
        ) as error:
            raise ConfigError(
                f"model.encoder {config.encoder!r} does not go with model.decoder {config.decoder!r} ({error})"
            ) from None
        if pretrained.state is not None:
            load_into_features(self.model.encoder.model, config.encoder, pretrained)
        self.stride = max(32, int(getattr(self.model.encoder, "output_stride", 32)))
        self.mean, self.std = encoder_normalisation(config.encoder)
        self.weights = pretrained.words
        self.encoder_prefix = "model.encoder." if pretrained.state is not None else None

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images)


def smp_width(decoder: str, width: int) -> dict[str, Any]:
    """The constructor arguments by which each decoder of smp is told how wide it is."""
    pyramid = {
        "decoder_pyramid_channels": width,
        "decoder_segmentation_channels": max(32, width // 2),
    }
    named: dict[str, dict[str, Any]] = {
        "unet": {"decoder_channels": [max(8, width // share) for share in (1, 2, 2, 4, 8)]},
        "fpn": pyramid,
        "segformer": {"decoder_segmentation_channels": width},
        "linknet": {},
    }
    return named.get(decoder, {"decoder_channels": width})


def timm_features(name: str, pretrained: Pretrained) -> nn.Module:
    """timm's model `name` as a pyramid of features, with the weights of `pretrained` when it has any."""
    overlay = None if pretrained.state is None else {"state_dict": dict(pretrained.state)}
    quiet = logging.getLogger("timm.models._builder")
    level = quiet.level
    try:
        quiet.setLevel(
            logging.ERROR
        )  # it would name the classifier's layers, which a pyramid has no use for
        return timm.create_model(
            name, features_only=True, pretrained=overlay is not None, pretrained_cfg_overlay=overlay
        )
    except (RuntimeError, AttributeError, NotImplementedError) as error:
        if "features" in str(error) or "feature" in str(error):
            raise ConfigError(
                f"model.encoder {name!r} gives no pyramid of features; take another ({error})"
            ) from None
        raise ConfigError(
            f"model.encoder {name!r} cannot be built with its weights ({error})"
        ) from None
    finally:
        quiet.setLevel(level)


def load_into_features(features: nn.Module, name: str, pretrained: Pretrained) -> None:
    """Bring pre-trained weights into a feature pyramid that smp has built: same model, perhaps fewer levels."""
    given = timm_features(name, pretrained).state_dict()
    wanted = features.state_dict()
    if missing := sorted(set(wanted) - set(given)):
        raise ConfigError(
            f"model.encoder {name!r}: the weights lack {missing[0]} (and {len(missing) - 1} more)"
        )
    features.load_state_dict({key: given[key] for key in wanted})


def encoder_normalisation(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel, of pictures in 0..1, that timm states for the encoder."""
    stated = timm.get_pretrained_cfg(name)
    if stated is None:
        return IMAGENET_MEAN, IMAGENET_STD
    return tuple(stated.mean), tuple(stated.std)


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
    """Depthwise 3×3 then pointwise (Xception, Chollet 2017)."""
    return nn.Sequential(conv_norm(before, before, 3, groups=before), conv_norm(before, after, 1))
