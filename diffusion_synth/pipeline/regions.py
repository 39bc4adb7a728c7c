"""Regions of an image for Inside-Outside Attention, at every size of a UNet's layers.

Shape-Guided Diffusion (Park et al., WACV 2024), section 4: attention is multiplied, after the
softmax and without renormalising, by a mask that depends only on the regions of the query and of
the key. Region 0 is the outside, region r the inside of person r.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from diffusion_synth.errors import DataError


@dataclass(frozen=True)
class Regions:
    """Regions of a batch of B images, and the weight of each key for their queries.

    Attributes:
        labels: Integers 0..R, (B, H, W): the region of every pixel, at the finest known size.
        token_weights: (B, R + 1, T), weight of prompt token t for queries of region r. None leaves
            cross-attention as it is.
        cross_region_weight: (B,), weight of keys of another region in self-attention, 0 (hard) to
            1 (no mask): 1 - s of the paper. None leaves self-attention as it is.

    Raises:
        DataError: Shapes, types or values do not fit.
    """

    labels: Tensor
    token_weights: Tensor | None = None
    cross_region_weight: Tensor | None = None
    _grids: dict[tuple[int, int], Grid] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.labels.ndim != 3 or self.labels.is_floating_point():
            raise DataError(
                f"expected labels of integers (B, H, W), got {_shape_and_type(self.labels)}"
            )
        if not self.labels.numel() or int(self.labels.min()) < 0:
            raise DataError("labels are empty or negative; they must count from 0, the outside")
        batch = len(self.labels)
        weights, across = self.token_weights, self.cross_region_weight
        if weights is not None and (weights.ndim != 3 or weights.shape[:2] != (batch, self.count)):
            raise DataError(
                f"expected token_weights of shape (B, R + 1, T) = ({batch}, {self.count}, T), "
                f"got {_shape_and_type(weights)}"
            )
        if across is not None and across.shape != (batch,):
            raise DataError(
                f"expected cross_region_weight of shape ({batch},), got {_shape_and_type(across)}"
            )
        for name, tensor in (("token_weights", weights), ("cross_region_weight", across)):
            if tensor is not None and not bool(tensor.isfinite().all()):
                raise DataError(f"{name} must be finite, got NaN or infinity")

    @property
    def batch(self) -> int:
        """The number of images, B."""
        return len(self.labels)

    @cached_property
    def count(self) -> int:
        """R + 1, by the largest label, or by the token weights where they have more regions.

        It is computed once: every attention needs it, and a GPU has to be waited for.
        """
        largest = int(self.labels.max()) + 1
        return largest if self.token_weights is None else max(largest, self.token_weights.shape[1])

    def with_cross_region_weight(self, weight: Tensor) -> Regions:
        """Return the same regions at another step of a schedule; computed grids are kept."""
        return replace(self, cross_region_weight=weight)

    def grid(self, places: int) -> Grid:
        """Return the regions of a layer's `places` queries.

        Raises:
            DataError: No layer of a UNet for images of this size has so many queries.
        """
        size = size_of_layer(self.labels.shape[-2], self.labels.shape[-1], places)
        if size not in self._grids:
            self._grids[size] = Grid.of(resize_labels(self.labels, size))
        return self._grids[size]


@dataclass(frozen=True)
class Grid:
    """Regions at the size of one layer: `labels` (B, N)."""

    labels: Tensor

    @classmethod
    def of(cls, labels: Tensor) -> Grid:
        """Make the grid of labels (B, h, w)."""
        return cls(labels.flatten(1))

    @cached_property
    def members(self) -> tuple[tuple[int, int, Tensor], ...]:
        """(image, region, places) for every region of every image."""
        return tuple(
            (image, int(region), (row == region).nonzero()[:, 0])
            for image, row in enumerate(self.labels)
            for region in row.unique()
        )


def resize_labels(labels: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize labels (B, H, W) to `size`, each the label nearest to the new pixel's centre.

    It is the same as NEAREST of Pillow.
    """
    return F.interpolate(labels[:, None].float(), size=size, mode="nearest-exact")[:, 0].to(
        labels.dtype
    )


@lru_cache(maxsize=256)
def size_of_layer(height: int, width: int, places: int) -> tuple[int, int]:
    """Return the (h, w) of a layer with `places` queries.

    The size is halved, rounding up, as strided convolutions of a UNet do.

    Args:
        height: Height of the masks, px: that of the latents times a power of two.
        width: Width of the masks, px.
        places: h · w.

    Raises:
        DataError: No halving of the size has so many places.
    """
    h, w = height, width
    while h * w > places and max(h, w) > 1:
        h, w = (h + 1) // 2, (w + 1) // 2
    if h * w != places:
        raise DataError(
            f"a layer attends over {places} places, which no halving of {height} × {width} px has; "
            "give masks of the size of the images, a multiple of the codec's factor"
        )
    return h, w


def _shape_and_type(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
