"""Folders in the layout of Pascal VOC: JPEGImages/ + SegmentationClass/ [+ SegmentationObject/].

A class mask holds class numbers, mostly as a palette image, or the colours of the classes: 15, or
(192, 128, 128), is person, 255 (the white outline) is ignore. A list of classes in the folder
(labelmap.txt of CVAT's "Segmentation mask 1.1", class_names.txt and others) replaces VOC's. Most
images of VOC have no mask, which is no fault. (Everingham et al., The PASCAL VOC Challenge, IJCV
2010.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pii_seg.data.image_io import read_image
from pii_seg.data.mask_io import MaskImage
from pii_seg.data.mask_names import name_key, without_ending
from pii_seg.data.mask_reading import AUTO, MaskCode, MaskOptions, Reading, distinct_colours
from pii_seg.data.person_classes import PERSON_NAME, Label, PersonClasses
from pii_seg.data.sources.base import Listed
from pii_seg.data.sources.dataset_contract import leaves_folder
from pii_seg.data.sources.folders import Files, list_images, mask_of
from pii_seg.data.sources.label_map import read_label_map
from pii_seg.data.sources.sample import IGNORE, PERSON, Fault, Sample
from pii_seg.errors import DataError

LIST_BYTES = 64 << 20
IMAGES, CLASSES, OBJECTS = "JPEGImages", "SegmentationClass", "SegmentationObject"
VOC_NAMES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair",
    "cow", "diningtable", "dog", "horse", "motorbike", PERSON_NAME, "pottedplant", "sheep", "sofa",
    "train", "tvmonitor",
)  # fmt: skip


def voc_colour(number: int) -> tuple[int, int, int]:
    """Return the colour of a class number: its bits, spread over the channels, high bits first."""
    red = green = blue = 0
    for place in range(8):
        red |= (number >> 0 & 1) << (7 - place)
        green |= (number >> 1 & 1) << (7 - place)
        blue |= (number >> 2 & 1) << (7 - place)
        number >>= 3
    return red, green, blue


OUTLINE = voc_colour(IGNORE)  # (224, 224, 192)
VOC_LABELS = tuple(Label(n, name, voc_colour(n)) for n, name in enumerate(VOC_NAMES))


class VocSource(Listed[Files]):
    def __init__(
        self,
        root: Path,
        title: str,
        items: Iterable[Files],
        faults: Sequence[Fault],
        reading: Reading,
        *,
        strict: bool,
    ) -> None:
        self.masks_as = reading
        super().__init__(root, title, items, faults, strict=strict)
        self.reading = str(reading)

    def read(self, item: Files) -> Sample:
        assert item.mask is not None
        image = read_image(item.image)
        mask = mask_of(item.mask, item.image, image)
        outline = np.zeros(mask.shape, bool)
        if self.masks_as.persons is not None and mask.numbers is None:
            mask, outline = without_outline(mask)
        target, instances = self.masks_as.decode(mask)
        target[outline] = IGNORE
        if item.instances is not None:
            objects = object_numbers(mask_of(item.instances, item.image, image))
            instances = np.where(target == PERSON, objects, 0).astype(np.uint16)
        return Sample(item.name, image, target, instances)

    def fault_path(self, item: Files) -> Path:
        return item.image


def without_outline(mask: MaskImage) -> tuple[MaskImage, np.ndarray]:
    """Paint VOC's outline black, and return where it was, bool (H, W)."""
    assert mask.colours is not None
    outline = (mask.colours == np.array(OUTLINE, np.uint8)).all(axis=2)
    return replace(mask, colours=np.where(outline[..., None], 0, mask.colours)), outline


def object_numbers(mask: MaskImage) -> np.ndarray:
    """Return the number of the object at each pixel, uint16 (H, W); 0 for none and the outline.

    Raises:
        DataError: The mask has more objects than numbers.
    """
    if mask.numbers is not None:
        return np.where(mask.numbers == IGNORE, 0, mask.numbers).astype(np.uint16)
    inner, _ = without_outline(mask)
    colours = distinct_colours(inner.shown)
    if len(colours) > IGNORE:
        raise DataError(f"{mask.path}: has {len(colours)} colours, more than objects; is it lossy?")
    packed: np.ndarray = inner.shown.astype(np.uint32)
    packed = (packed[..., 0] << 16) | (packed[..., 1] << 8) | packed[..., 2]
    offset = 0 if colours[0] == 0 else 1  # black is no object
    return (np.searchsorted(colours, packed) + offset).astype(np.uint16)


def is_voc(root: Path) -> bool:
    return (root / IMAGES).is_dir() and (root / CLASSES).is_dir()


def open_voc(path: Path, *, strict: bool, masks: MaskOptions | None = None) -> VocSource:
    """Open a VOC folder, or the images of it that a list names.

    Args:
        path: The folder, or a list in it such as ROOT/ImageSets/Segmentation/train.txt.
        strict: Whether an image that cannot be used is an error.
        masks: How its masks are read; by default by the list of classes there, else as VOC's.

    Raises:
        DataError: The list cannot be used, or no image is left.
    """
    faults: list[Fault] = []
    if path.is_dir():
        root, title = path, path.resolve().name
    else:
        root = next((parent for parent in path.resolve().parents if is_voc(parent)), path)
        if root == path:
            raise DataError(f"{path}: lies in no folder with {IMAGES}/ and {CLASSES}/")
        title = f"{root.name}-{path.stem}"
    images, classes, objects = (
        _files(root / folder, faults) for folder in (IMAGES, CLASSES, OBJECTS)
    )
    names = sorted(classes) if path.is_dir() else _names_in(path, root, classes)
    items = []
    for name in names:
        key = name_key(name)
        if key not in classes:
            faults.append(Fault(path, f"names {name}, of which {root / CLASSES} has no mask"))
        elif key not in images:
            faults.append(Fault(classes[key], f"has no image of that name in {root / IMAGES}"))
        else:
            stem = without_ending(images[key].relative_to(root / IMAGES).as_posix())
            items.append(Files(stem, images[key], classes[key], instances=objects.get(key)))
    reading = voc_reading(root, masks or MaskOptions())
    return VocSource(root, title, items, faults, reading, strict=strict)


def voc_reading(root: Path, options: MaskOptions) -> Reading:
    """Choose the reading of class masks: as given, by the list of classes, or VOC's own.

    Raises:
        DataError: The list of classes has no person, and none is given.
        InputError: A class that is given is not in the list.
    """
    labels = read_label_map(root)
    if options.code != AUTO and not options.person_class:
        return Reading(MaskCode(options.code), given=True)
    if labels is None:
        names = options.person_class or (PERSON_NAME,)
        persons = PersonClasses.parse(names, VOC_LABELS)
    elif options.person_class:
        persons = PersonClasses.parse(options.person_class, labels.labels)
    else:
        persons = labels.persons((PERSON_NAME,))
    return Reading(MaskCode.PERSONS, given=True, persons=persons)


def _names_in(path: Path, root: Path, classes: Mapping[str, Path]) -> list[str]:
    """Read a list of names: one a line, which may be followed by a flag, as in ImageSets/Main.

    Raises:
        DataError: It cannot be read, or a name leads out of the folder.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LIST_BYTES + 1)
        lines = content.decode("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as a list of names ({error})") from None
    if len(content) > LIST_BYTES:
        raise DataError(f"{path}: is larger than {LIST_BYTES >> 20} MB; a list of names is not")
    names = []
    for line in filter(None, map(str.strip, lines)):
        names.append(line if name_key(line) in classes else line.split()[0])
    if strange := [name for name in names if leaves_folder(name)]:
        raise DataError(f"{path}: names {strange[0]!r}, which leads out of {root}")
    return names


def _files(folder: Path, faults: list[Fault]) -> dict[str, Path]:
    """Map the keys of names, without ending, to the images below a folder."""
    found: dict[str, Path] = {}
    for path in list_images(folder):
        key = name_key(without_ending(path.relative_to(folder).as_posix()))
        if key in found:
            faults.append(Fault(path, f"has the same name as {found[key].name}; rename one"))
        else:
            found[key] = path
    return found
