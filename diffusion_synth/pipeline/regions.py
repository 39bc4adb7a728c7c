"""Which part of a picture may look at which: the masks of Inside-Outside Attention, at every size a UNet works at.

Shape-Guided Diffusion (Park et al., WACV 2024), section 4: attention is multiplied, after the softmax and without
renormalising, by a mask that depends only on the regions of the query and of the key. Region 0 is the outside, region r
the inside of person r.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import torch.nn.functional as F  # noqa: N812
from torch import Tensor


class RegionError(ValueError):
    """Masks or weights that cannot be; the message says which."""


@dataclass(frozen=True)
class Regions:
    """Regions of a batch of B pictures, and how much their queries heed each key.

    labels: (B, H, W), integers 0..R: the region of every pixel, as finely as it is known.
    token_weights: (B, R + 1, T): of prompt token t for queries of region r; None leaves cross-attention as it is.
    foreign: (B,): weight of keys of another region in self-attention, 0 (hard) to 1 (no mask). The paper's 1 - s.
    """

    labels: Tensor
    token_weights: Tensor | None = None
    foreign: Tensor | None = None
    _grids: dict[tuple[int, int], Grid] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.labels.ndim != 3 or self.labels.is_floating_point():
            raise RegionError(f"labels are {_described(self.labels)}; integers (B, H, W) were due")
        if not self.labels.numel() or int(self.labels.min()) < 0:
            raise RegionError("labels are empty or negative; they count from 0, the outside")
        batch = len(self.labels)
        weights, foreign = self.token_weights, self.foreign
        if weights is not None and (weights.ndim != 3 or weights.shape[:2] != (batch, self.count)):
            raise RegionError(
                f"token weights are {_described(weights)}; (B, R + 1, T) = ({batch}, {self.count}, T) was due"
            )
        if foreign is not None and foreign.shape != (batch,):
            raise RegionError(f"foreign is {_described(foreign)}; ({batch},) was due")
        for name, tensor in (("token weights", weights), ("foreign", foreign)):
            if tensor is not None and not bool(tensor.isfinite().all()):
                raise RegionError(f"{name} hold values that are no numbers")

    @property
    def batch(self) -> int:
        return len(self.labels)

    @cached_property
    def count(self) -> int:
        """R + 1, the outside included; by the largest label, or by the token weights when they know of more.

        Asked for once: every attention needs it, and a GPU's largest label has to be waited for.
        """
        largest = int(self.labels.max()) + 1
        return largest if self.token_weights is None else max(largest, self.token_weights.shape[1])

    def with_foreign(self, foreign: Tensor) -> Regions:
        """The same regions at another step of a schedule; what was computed of their geometry is kept."""
        return replace(self, foreign=foreign)

    def grid(self, places: int) -> Grid:
        """The regions of a layer's `places` queries. Raises RegionError when no size of the UNet's has so many."""
        size = size_of_layer(self.labels.shape[-2], self.labels.shape[-1], places)
        if size not in self._grids:
            self._grids[size] = Grid.of(resize_labels(self.labels, size))
        return self._grids[size]


@dataclass(frozen=True)
class Grid:
    """Regions at one size: `labels` (B, N)."""

    labels: Tensor

    @classmethod
    def of(cls, labels: Tensor) -> Grid:
        return cls(labels.flatten(1))

    @cached_property
    def members(self) -> tuple[tuple[int, int, Tensor], ...]:
        """The places of each picture's regions, (picture, region, places)."""
        return tuple(
            (picture, int(region), (row == region).nonzero()[:, 0])
            for picture, row in enumerate(self.labels)
            for region in row.unique()
        )


def resize_labels(labels: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, H, W) → (B, *size), the label nearest to each new pixel's centre, as PIL's NEAREST has it."""
    return F.interpolate(labels[:, None].float(), size=size, mode="nearest-exact")[:, 0].to(
        labels.dtype
    )


@lru_cache(maxsize=256)
def size_of_layer(height: int, width: int, places: int) -> tuple[int, int]:
    """(h, w) with h · w = `places`: `height` × `width` halved, rounding up as a UNet's strided convolutions do.

    height, width: of the masks, a multiple of the latents' by whatever power of two the codec has.
    """
    h, w = height, width
    while h * w > places and max(h, w) > 1:
        h, w = (h + 1) // 2, (w + 1) // 2
    if h * w != places:
        raise RegionError(
            f"a layer attends over {places} places, which {height} × {width} px halved again and again never has; "
            "give masks of the pictures' own size, a multiple of the codec's factor"
        )
    return h, w


def _described(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
