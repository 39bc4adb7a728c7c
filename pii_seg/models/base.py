"""The interface of all networks."""

from __future__ import annotations

from torch import nn

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Network(nn.Module):
    """Maps normalised images (B, 3, H, W) to logits of "person" (B, 1, H, W).

    `pii_seg.models.segmenter.Segmenter` wraps a network for images of any size.

    Attributes:
        stride: H and W must be divisible by it.
        mean: Mean per channel, of images in 0..1, that the encoder was trained with.
        std: Standard deviation per channel, likewise.
        weights: Description of the weights that the encoder started from.
        encoder_prefix: Prefix of the names of the encoder's parameters; None without an encoder.
        pretrained_prefix: Prefix of the names of pre-trained parameters: that of the encoder, ""
            where all are, None where none are.
    """

    stride: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    weights: str
    encoder_prefix: str | None
    pretrained_prefix: str | None
