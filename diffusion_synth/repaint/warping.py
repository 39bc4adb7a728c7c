"""The baseline without a model: the rendered person whose outline fits best, warped into the mask.

Diffusion has to be better than this to be worth its cost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from diffusion_synth.errors import DataError
from diffusion_synth.repaint.crops import bounding_box, check_pair
from diffusion_synth.repaint.dataset_reader import Dataset, Scene

_FULLY_COVERED = 0.99  # share of a pixel
SIDE = 32  # px of the reduced outlines that are compared
LEAST_VISIBILITY = (
    0.9  # of a donor: a person who is hidden in part has the outline of what hides them
)


@dataclass(frozen=True)
class Donor:
    """A rendered person cut to their box.

    Attributes:
        image: uint8 (h, w, 3).
        mask: bool (h, w).
        scene: The scene of the render.
    """

    image: np.ndarray
    mask: np.ndarray
    scene: Scene | None = None

    @property
    def aspect(self) -> float:
        """Height / width."""
        return self.mask.shape[0] / self.mask.shape[1]

    def mirrored(self) -> Donor:
        """Return the person with left and right exchanged."""
        return Donor(
            np.ascontiguousarray(self.image[:, ::-1]),
            np.ascontiguousarray(self.mask[:, ::-1]),
            self.scene,
        )


class DonorBank:
    """Persons to warp: the first `limit` that are large enough.

    Args:
        persons: (image uint8 (H, W, 3), mask of one person bool (H, W), the image's scene).
        smallest: Least longer side of a person's box, px.
        limit: The most persons to hold.

    Raises:
        DataError: There is no such person.
    """

    def __init__(
        self,
        persons: Iterable[tuple[np.ndarray, np.ndarray, Scene | None]],
        *,
        smallest: int = 48,
        limit: int = 4000,
    ) -> None:
        self.donors: list[Donor] = []
        for image, mask, scene in persons:
            if len(self.donors) >= limit:
                break
            if mask.any():
                donor = cut_out(image, mask, scene)
                if max(donor.mask.shape) >= smallest:
                    self.donors.append(donor)
        if not self.donors:
            raise DataError(f"no person of at least {smallest} px to warp; give more renders")
        self._outlines = np.stack([outline(donor.mask) for donor in self.donors]).astype(np.float32)
        self._aspects = np.array([donor.aspect for donor in self.donors])

    def __len__(self) -> int:
        return len(self.donors)

    def content_hash(self) -> str:
        """Return a hash of the persons."""
        digest = hashlib.sha256()
        for donor in self.donors:
            digest.update(str((donor.mask.shape, donor.scene)).encode())
            digest.update(donor.image.tobytes() + donor.mask.tobytes())
        return digest.hexdigest()

    def best(self, mask: np.ndarray, scene: Scene | None = None) -> tuple[Donor, float]:
        """Find the person who fits a mask best.

        Args:
            mask: bool (H, W).
            scene: The scene of the mask. Its own persons are left out: another recipe's render of
                it has the same person in the same clothes, who would fit best.

        Returns:
            The person, mirrored if that fits better, and the fit, 0..1.

        Raises:
            DataError: All persons are from `scene`.
        """
        elsewhere = np.array([scene is None or donor.scene != scene for donor in self.donors])
        if not elsewhere.any():
            raise DataError(
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


def iter_donors(
    dataset: Dataset,
) -> Iterator[tuple[np.ndarray, np.ndarray, Scene | None]]:
    """Yield (image, mask of one person, scene) of every person who is nearly fully visible."""
    for position in range(len(dataset)):
        sample = dataset.sample(position)
        for person in sample.persons:
            if person.get("visibility", 1.0) >= LEAST_VISIBILITY:
                yield sample.image, sample.mask == person["id"], sample.scene


def cut_out(image: np.ndarray, mask: np.ndarray, scene: Scene | None = None) -> Donor:
    """Cut a person to their box."""
    check_pair(image, mask)
    box = bounding_box(mask)
    return Donor(
        np.ascontiguousarray(image[box.slices]), np.ascontiguousarray(mask[box.slices]), scene
    )


def outline(mask: np.ndarray) -> np.ndarray:
    """Resize a person's box to SIDE × SIDE px, bool, so that outlines of any size compare."""
    return cv2.resize(mask.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA) >= 0.5


def overlaps(outlines: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the IoU (N,) of outlines (N, SIDE, SIDE) with one, both of 0 and 1."""
    flat, one = outlines.reshape(len(outlines), -1), wanted.reshape(-1)
    both = flat @ one
    return both / np.maximum(flat.sum(1) + one.sum() - both, 1)


def warp_into(image: np.ndarray, mask: np.ndarray, donor: Donor) -> np.ndarray:
    """Cover the person of a mask by a donor; outside the mask nothing changes.

    Pixels of the mask that the donor does not reach take the colour of the donor's nearest pixel.

    Args:
        image: uint8 (H, W, 3).
        mask: bool (H, W), the person.
        donor: The person to warp into it.
    """
    check_pair(image, mask)
    box = bounding_box(mask)
    size = (box.width, box.height)
    grows = box.width * box.height > donor.mask.size
    person = cv2.resize(
        donor.image, size, interpolation=cv2.INTER_LINEAR if grows else cv2.INTER_AREA
    )
    # Only pixels that the donor covers: those at the edge are mixed with their background.
    share = cv2.resize(donor.mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    reach = share >= min(_FULLY_COVERED, float(share.max()))
    inside = mask[box.slices]
    result = image.copy()
    result[box.slices][inside] = spread(person, reach)[inside]
    return result


def spread(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Replace the pixels of `image` (H, W, 3) that are not `known` (H, W) by the nearest known."""
    _, labels = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = np.zeros((labels.max() + 1, 3), np.uint8)
    nearest[labels[known]] = image[known]
    return nearest[labels]
