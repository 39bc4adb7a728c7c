"""Folders `images` and `masks` without an index: pairs by name, and persons found in the masks.

A mask is read in the one way that its values allow: 0/1 and 0/255 are people without instances,
whose separate pieces are persons; 0..k are instances. A smoothed 0/255 mask is thresholded at
half, and that is said. Whatever else could be meant is refused.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from blender_addon.dataset import INFO_NAME, LINES_NAME, DatasetError
from diffusion_synth.pipeline.mask_values import is_smoothed
from diffusion_synth.repaint.image_reader import ENDINGS

IMAGES, MASKS = "images", "masks"
MOST_PERSONS = 65535
SMALLEST_PIECE = 16  # px; smaller ones are specks
SMOOTHED = "masks are smoothed: pixels from half of 255 on were read as a person's"


def is_pair_of_folders(root: Path) -> bool:
    """Return whether `root` has images and masks, and is no dataset of the contract."""
    has_index = (root / INFO_NAME).exists() or (root / LINES_NAME).exists()
    return not has_index and (root / IMAGES).is_dir() and (root / MASKS).is_dir()


def lines_of_folders(root: Path) -> list[dict[str, Any]]:
    """Return a line for each image, sorted by name, with its mask.

    Raises:
        DatasetError: An image has no mask or several, a mask no image, or there are no images.
    """
    images, masks = (files_by_stem(root / folder) for folder in (IMAGES, MASKS))
    if not images:
        raise DatasetError(f"{root / IMAGES}: holds no image ({', '.join(sorted(ENDINGS))})")
    for one, other, what in ((images, masks, "mask"), (masks, images, "image")):
        if lonely := sorted(one[stem] for stem in one.keys() - other.keys()):
            raise DatasetError(
                f"{root}: {len(lonely)} files have no {what} of the same name, such as "
                f"{lonely[0]}; add it, or take them out of the folder"
            )
    return [
        {
            "file_name": images[stem],
            "mask_file_name": masks[stem],
            "index": index,
            "persons": [],
            "source": "photo",
        }
        for index, stem in enumerate(sorted(images))
    ]


def files_by_stem(folder: Path) -> dict[str, str]:
    """Return stem → name below the root of the image files in a folder.

    Stems are compared without regard to case and to the way accents are written.

    Raises:
        DatasetError: A file is no image, or two have one stem.
    """
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        name = f"{folder.name}/{path.name}"
        if path.name.startswith("."):
            continue
        if not path.is_file() or path.suffix.lower() not in ENDINGS:
            raise DatasetError(
                f"{path}: is no image file that is read here; take it out of the folder"
            )
        stem = unicodedata.normalize("NFC", path.stem).casefold()
        if stem in found:
            raise DatasetError(f"{folder.parent}: {found[stem]} and {name} have one name")
        found[stem] = name
    return found


def persons_of(mask: np.ndarray, path: Path) -> tuple[np.ndarray, list[dict[str, Any]], str]:
    """Find the persons in a mask (H, W) of whole numbers.

    Returns:
        (mask with 0 outside and k on person k, their entries, what to say of the reading or "").

    Raises:
        DatasetError: Its values have no one meaning.
    """
    values = np.unique(mask)
    most, note = int(values[-1]), ""
    if set(values.tolist()) <= {0, 1} or set(values.tolist()) <= {0, 255}:
        labels = pieces(mask > 0)
    elif set(range(1, most + 1)) <= set(values.tolist()):
        labels = mask
    elif is_smoothed(mask):
        labels, note = pieces(mask >= 128), SMOOTHED
    else:
        listed = ", ".join(str(value) for value in values[:6])
        raise DatasetError(
            f"{path}: holds the values {listed}{', …' if len(values) > 6 else ''}, which may be "
            "classes or persons; save it with 0 outside and 1, 2, … on the persons, or 0 and 255"
        )
    ids = [int(value) for value in np.unique(labels) if value]
    return labels, [{"id": number} for number in ids], note


def pieces(inside: np.ndarray) -> np.ndarray:
    """Return the connected pieces of a bool mask (H, W) by number, uint16, without specks."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        inside.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S
    )
    large = [
        label for label in range(1, len(stats)) if stats[label, cv2.CC_STAT_AREA] >= SMALLEST_PIECE
    ]
    numbers = np.zeros(len(stats), np.uint16)
    numbers[large[:MOST_PERSONS]] = np.arange(1, len(large[:MOST_PERSONS]) + 1)
    return numbers[labels]
