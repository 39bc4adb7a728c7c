"""The control without a model: the render whose outline fits best, stretched into the mask.

Whatever diffusion is to be worth, it must be worth more than this.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from diffusion_synth.repaint.crops import bounding_box, check_pair
from diffusion_synth.repaint.dataset_reader import Scene

_WHOLLY = 0.99  # share of a pixel
SIDE = 32  # px of the little outlines that are compared


class WarpError(ValueError):
    """There is nobody to warp."""


@dataclass(frozen=True)
class Donor:
    """A rendered person cut to their box. image: uint8 (h, w, 3); mask: bool (h, w); scene: where they are from."""

    image: np.ndarray
    mask: np.ndarray
    scene: Scene | None = None

    @property
    def aspect(self) -> float:
        return self.mask.shape[0] / self.mask.shape[1]

    def mirrored(self) -> Donor:
        return Donor(
            np.ascontiguousarray(self.image[:, ::-1]),
            np.ascontiguousarray(self.mask[:, ::-1]),
            self.scene,
        )


class DonorBank:
    """Persons to take from. At most `limit` of them, the first that are large enough.

    Raises WarpError when there are none.
    """

    def __init__(
        self,
        persons: Iterable[tuple[np.ndarray, np.ndarray, Scene | None]],
        *,
        smallest: int = 48,
        limit: int = 4000,
    ) -> None:
        """persons: (picture, uint8 (H, W, 3); mask of one person, bool (H, W); the picture's scene).

        smallest: longer side of a box, px.
        """
        self.donors: list[Donor] = []
        for image, mask, scene in persons:
            if len(self.donors) >= limit:
                break
            if mask.any():
                donor = cut_out(image, mask, scene)
                if max(donor.mask.shape) >= smallest:
                    self.donors.append(donor)
        if not self.donors:
            raise WarpError(f"no person of at least {smallest} px to warp")
        self._outlines = np.stack([outline(donor.mask) for donor in self.donors]).astype(np.float32)
        self._aspects = np.array([donor.aspect for donor in self.donors])

    def __len__(self) -> int:
        return len(self.donors)

    def best(self, mask: np.ndarray, scene: Scene | None = None) -> tuple[Donor, float]:
        """(the person, mirrored if that fits better; how well they fit, 0..1) for a mask (H, W).

        Nobody from `scene`, where the mask is from: another recipe's render of it has the same person in the same
        clothes, and would fit best of all. Raises WarpError when nobody else is there.
        """
        elsewhere = np.array([scene is None or donor.scene != scene for donor in self.donors])
        if not elsewhere.any():
            raise WarpError(
                f"all persons to warp are from the scene {scene} itself; give more renders"
            )
        box = bounding_box(mask)
        aspect = box.height / box.width
        wanted = outline(mask[box.slices])
        stretch = np.where(
            elsewhere, np.minimum(self._aspects / aspect, aspect / self._aspects), -1
        )
        straight, mirrored = (
            stretch * overlaps(self._outlines, side.astype(np.float32))
            for side in (wanted, wanted[:, ::-1])
        )
        if mirrored.max() > straight.max():
            place = int(mirrored.argmax())
            return self.donors[place].mirrored(), float(mirrored[place])
        place = int(straight.argmax())
        return self.donors[place], float(straight[place])


def cut_out(image: np.ndarray, mask: np.ndarray, scene: Scene | None = None) -> Donor:
    check_pair(image, mask)
    box = bounding_box(mask)
    return Donor(
        np.ascontiguousarray(image[box.slices]), np.ascontiguousarray(mask[box.slices]), scene
    )


def outline(mask: np.ndarray) -> np.ndarray:
    """A person's box at SIDE × SIDE px, bool: outlines of any size and aspect side by side."""
    return cv2.resize(mask.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA) >= 0.5


def overlaps(outlines: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """IoU of every outline (N, SIDE, SIDE) with one, both of 0 and 1: (N,)."""
    flat, one = outlines.reshape(len(outlines), -1), wanted.reshape(-1)
    both = flat @ one
    return both / np.maximum(flat.sum(1) + one.sum() - both, 1)


def warp_into(image: np.ndarray, mask: np.ndarray, donor: Donor) -> np.ndarray:
    """`image` with the person of `mask` (bool, (H, W)) covered by the donor; outside the mask nothing changes.

    Places in the mask that the donor does not reach take the colour of the nearest place of the donor.
    """
    check_pair(image, mask)
    box = bounding_box(mask)
    size = (box.width, box.height)
    grows = box.width * box.height > donor.mask.size
    person = cv2.resize(
        donor.image, size, interpolation=cv2.INTER_LINEAR if grows else cv2.INTER_AREA
    )
    # Only what is wholly theirs: at the edge, the donor's pixels are half of what stood behind them.
    share = cv2.resize(donor.mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    reach = share >= min(_WHOLLY, float(share.max()))
    inside = mask[box.slices]
    result = image.copy()
    result[box.slices][inside] = spread(person, reach)[inside]
    return result


def spread(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """`image` (H, W, 3) with every pixel that is not `known` (bool, (H, W)) replaced by the nearest one that is."""
    _, labels = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = np.zeros((labels.max() + 1, 3), np.uint8)
    nearest[labels[known]] = image[known]
    return nearest[labels]
