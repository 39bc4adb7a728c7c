"""Folders in the layout of Pascal VOC: JPEGImages/ + SegmentationClass/ [+ SegmentationObject/].

A class mask holds class numbers, mostly as a palette image: 15 is person, 255 (the white outline)
is ignore. Most images of VOC have no mask, which is no fault. (Everingham et al., The PASCAL VOC
Challenge, IJCV 2010.)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pii_seg.data.image_io import read_image
from pii_seg.data.mask_io import read_mask
from pii_seg.data.sources.base import Listed
from pii_seg.data.sources.dataset_contract import leaves_folder, require_same_size
from pii_seg.data.sources.folders import Files, list_images
from pii_seg.data.sources.sample import IGNORE, PERSON, Fault, Sample
from pii_seg.errors import DataError

VOC_PERSON = 15
IMAGES, CLASSES, OBJECTS = "JPEGImages", "SegmentationClass", "SegmentationObject"


class VocSource(Listed[Files]):
    def read(self, item: Files) -> Sample:
        assert item.mask is not None
        image = read_image(item.image)
        classes = read_mask(item.mask)
        require_same_size(image, classes, item.mask)
        target = np.where(classes == IGNORE, IGNORE, classes == VOC_PERSON).astype(np.uint8)
        instances = None
        if item.instances is not None:
            objects = read_mask(item.instances)
            require_same_size(image, objects, item.instances)
            instances = np.where((target == PERSON) & (objects != IGNORE), objects, 0).astype(
                np.uint16
            )
        return Sample(item.name, image, target, instances)

    def fault_path(self, item: Files) -> Path:
        return item.image


def is_voc(root: Path) -> bool:
    return (root / IMAGES).is_dir() and (root / CLASSES).is_dir()


def open_voc(path: Path, *, strict: bool) -> VocSource:
    """Open a VOC folder, or the images of it that a list names.

    Args:
        path: The folder, or a list in it such as ROOT/ImageSets/Segmentation/train.txt.
        strict: Whether an image that cannot be used is an error.

    Raises:
        DataError: The list cannot be used, or no image is left.
    """
    if path.is_dir():
        root, names = path, sorted(p.stem for p in list_images(path / CLASSES))
        title = root.resolve().name
    else:
        root = next((parent for parent in path.resolve().parents if is_voc(parent)), path)
        if root == path:
            raise DataError(f"{path}: lies in no folder with {IMAGES}/ and {CLASSES}/")
        try:
            names = path.read_text(encoding="utf-8").split()
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: cannot be read as a list of names ({error})") from None
        title = f"{root.name}-{path.stem}"
        if strange := [name for name in names if leaves_folder(name)]:
            raise DataError(f"{path}: names {strange[0]!r}, which leads out of {root}")
    images, classes, objects = (
        {p.stem: p for p in list_images(root / folder)} for folder in (IMAGES, CLASSES, OBJECTS)
    )
    items, faults = [], []
    for name in names:
        if name not in classes:
            faults.append(Fault(path, f"names {name}, of which {root / CLASSES} has no mask"))
        elif name not in images:
            faults.append(Fault(classes[name], f"has no image of that name in {root / IMAGES}"))
        else:
            items.append(Files(name, images[name], classes[name], instances=objects.get(name)))
    return VocSource(root, title, items, faults, strict=strict)
