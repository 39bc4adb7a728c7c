"""Builds networks: any timm encoder with a decoder of `decoders` or of smp."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import timm
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from diffusion_synth.randomness import weights_drawn_from
from pii_seg.config import LIGHT_DECODERS, PLAIN, ModelConfig
from pii_seg.errors import ConfigError
from pii_seg.models.base import IMAGENET_MEAN, IMAGENET_STD, Network
from pii_seg.models.decoders import LRASPP, Ladder, PlainUNet
from pii_seg.models.pretrained import Pretrained, find_pretrained

LIGHT_NETWORKS: dict[str, Callable[[Sequence[int], int], nn.Module]] = {
    "lraspp": LRASPP,
    "ladder": Ladder,
}
SMP_NETWORKS = {
    "unet": "Unet",
    "fpn": "FPN",
    "linknet": "Linknet",
    "deeplabv3plus": "DeepLabV3Plus",
    "segformer": "Segformer",
    "upernet": "UPerNet",
}
"""Decoder -> class of segmentation_models_pytorch."""


def build_network(
    config: ModelConfig, *, generator: torch.Generator, pretrained: bool = True
) -> Network:
    """Build the network of `config`.

    Args:
        config: Encoder, decoder and width.
        generator: Source of the initial weights, on the CPU.
        pretrained: False leaves the encoder's weights random, for a checkpoint that is loaded next.

    Raises:
        ConfigError: The encoder or decoder does not exist, they do not fit each other, or the
            pre-trained weights are not available.
    """
    if config.encoder == PLAIN:
        with weights_drawn_from(generator):
            return PlainUNet(width=config.width)
    if not timm.is_model(config.encoder):
        near = timm.list_models(f"*{config.encoder.split('.')[0].split('_')[0]}*")[:5]
        hint = f", such as {', '.join(near)}" if near else ""
        raise ConfigError(
            f"model.encoder is {config.encoder!r}; it must be 'plain' or a timm model{hint}"
        )
    found = find_pretrained(config.encoder, config.weights if pretrained else "none")
    with weights_drawn_from(generator):
        if config.decoder in LIGHT_DECODERS:
            return LightNetwork(config, found)
        return SmpNetwork(config, found)


class LightNetwork(Network):
    """A timm encoder with a light decoder, whose logits are at the stride of its finest feature."""

    def __init__(self, config: ModelConfig, pretrained: Pretrained) -> None:
        super().__init__()
        self.encoder = timm_features(config.encoder, pretrained)
        info: Any = self.encoder.feature_info
        self.stride = max(info.reduction())
        self.mean, self.std = encoder_normalisation(config.encoder)
        self.weights = pretrained.description
        self.encoder_prefix = "encoder."
        self.pretrained_prefix = self.encoder_prefix if pretrained.state is not None else None
        # Features finer than stride 4 cost more than all the rest together, and change outlines by
        # less than a pixel.
        self.used = [level for level, stride in enumerate(info.reduction()) if stride >= 4]
        channels = [info.channels()[level] for level in self.used]
        self.decoder = LIGHT_NETWORKS[config.decoder](channels, config.width)

    def forward(self, images: Tensor) -> Tensor:
        features = self.encoder(images)
        logits = self.decoder([features[level] for level in self.used])
        return F.interpolate(logits, size=images.shape[-2:], mode="bilinear", align_corners=False)


class SmpNetwork(Network):
    """A timm encoder with a decoder of segmentation-models-pytorch."""

    def __init__(self, config: ModelConfig, pretrained: Pretrained) -> None:
        super().__init__()
        # Here, because it takes a second to import, and light decoders do not need it.
        import segmentation_models_pytorch as smp

        build: Any = getattr(smp, SMP_NETWORKS[config.decoder])
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
                f"model.encoder {config.encoder!r} does not go with model.decoder "
                f"{config.decoder!r} ({error})"
            ) from None
        if pretrained.state is not None:
            load_into_features(self.model.encoder.model, config.encoder, pretrained)
        self.stride = max(32, int(getattr(self.model.encoder, "output_stride", 32)))
        self.mean, self.std = encoder_normalisation(config.encoder)
        self.weights = pretrained.description
        self.encoder_prefix = "model.encoder."
        self.pretrained_prefix = self.encoder_prefix if pretrained.state is not None else None

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images)


def smp_width(decoder: str, width: int) -> dict[str, Any]:
    """Return the constructor arguments that set the width of an smp decoder."""
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
    """Build timm's model `name` as a pyramid of features, perhaps with pre-trained weights."""
    overlay = None if pretrained.state is None else {"state_dict": dict(pretrained.state)}
    timm_log = logging.getLogger("timm.models._builder")
    level = timm_log.level
    try:
        # It would list the classifier's layers, which a pyramid does not need.
        timm_log.setLevel(logging.ERROR)
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
        timm_log.setLevel(level)


def load_into_features(features: nn.Module, name: str, pretrained: Pretrained) -> None:
    """Load pre-trained weights into a pyramid that smp built, perhaps with fewer levels."""
    given = timm_features(name, pretrained).state_dict()
    wanted = features.state_dict()
    if missing := sorted(set(wanted) - set(given)):
        raise ConfigError(
            f"model.encoder {name!r}: the weights lack {missing[0]} (and {len(missing) - 1} more)"
        )
    features.load_state_dict({key: given[key] for key in wanted})


def encoder_normalisation(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return timm's mean and standard deviation per channel for the encoder, of images in 0..1."""
    stated = timm.get_pretrained_cfg(name)
    if stated is None:
        return IMAGENET_MEAN, IMAGENET_STD
    return tuple(stated.mean), tuple(stated.std)
