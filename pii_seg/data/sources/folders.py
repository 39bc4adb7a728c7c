"""Plain folders: images/ + masks/ [+ ignore/ + instances/ + heads/], or NAME.jpg + NAME_mask.png.

A folder without masks holds photos. A mask belongs to the image of the same name
(`pii_seg.data.mask_names`). The meaning of its values is one convention for the whole folder
(`pii_seg.data.mask_reading`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pii_seg.data import file_kinds
from pii_seg.data.files import LeftOut, describe_left_out, list_files
from pii_seg.data.image_io import FOREIGN_ENDINGS, read_image
from pii_seg.data.mask_io import MaskImage, orientation_of, read_mask, read_mask_image
from pii_seg.data.mask_names import SUFFIXES, MaskNames, name_key, without_ending
from pii_seg.data.mask_reading import MaskCode, MaskOptions, Reading
from pii_seg.data.person_classes import PERSON_NAME, PersonClasses
from pii_seg.data.sources.base import Listed
from pii_seg.data.sources.label_map import FILES as LABEL_FILES
from pii_seg.data.sources.label_map import read_label_map
from pii_seg.data.sources.recognise import recognise
from pii_seg.data.sources.sample import IGNORE, PERSON, Fault, Sample
from pii_seg.errors import DataError

FURTHER = ("ignore", "instances", "heads")  # folders beside masks/


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one image."""

    name: str
    image: Path
    mask: Path | None = None
    ignore: Path | None = None
    instances: Path | None = None
    heads: Path | None = None


class PhotoSource(Listed[Files]):
    """Photos without masks: all targets are 255."""

    photo_only = True

    def read(self, item: Files) -> Sample:
        image = read_image(item.image)
        return Sample(item.name, image, np.full(image.shape[:2], IGNORE, np.uint8))

    def fault_path(self, item: Files) -> Path:
        return item.image


class FolderSource(Listed[Files]):
    """Images with masks of one convention, `masks_as`."""

    def __init__(
        self,
        root: Path,
        items: Iterable[Files],
        faults: Sequence[Fault],
        reading: Reading,
        *,
        strict: bool,
        doubts: Sequence[str] = (),
    ) -> None:
        self.masks_as = reading
        super().__init__(root, root.resolve().name, items, faults, strict=strict)
        self.reading = str(reading)
        self.doubts += doubts

    @property
    def code(self) -> MaskCode:
        """The convention of the masks."""
        return self.masks_as.code

    def read(self, item: Files) -> Sample:
        assert item.mask is not None
        image = read_image(item.image)
        mask = mask_of(item.mask, item.image, image)
        target, instances = self.masks_as.decode(mask)
        if item.instances is not None:
            instances = numbers_of(item.instances, item.image, image).astype(np.uint16)
            # Both mark persons; where they disagree (hand-drawn edges), the mask decides.
            instances = np.where(target == PERSON, instances, 0).astype(np.uint16)
        if item.ignore is not None:
            target[numbers_of(item.ignore, item.image, image) > 0] = IGNORE
        return Sample(item.name, image, target, instances)

    def heads(self, i: int, image: np.ndarray) -> np.ndarray | None:
        item = self._items[i]
        return None if item.heads is None else numbers_of(item.heads, item.image, image) > 0

    def fault_path(self, item: Files) -> Path:
        return item.image


def mask_of(path: Path, image_path: Path, image: np.ndarray) -> MaskImage:
    """Read the mask of an image (H, W, 3) and turn it as the image was turned.

    Raises:
        DataError: It cannot be read, or has another size.
    """
    mask = read_mask_image(path)
    height, width = image.shape[:2]
    if mask.orientation == 1 and mask.shape == (height, width):
        return mask
    return mask.fit(height, width, orientation_of(image_path))


def numbers_of(path: Path, image_path: Path, image: np.ndarray) -> np.ndarray:
    """Read the numbers (H, W) of the mask of an image; see `mask_of`."""
    numbers = mask_of(path, image_path, image).numbers
    return read_mask(path) if numbers is None else numbers  # read_mask says what is wrong


def open_folder(
    root: Path, *, strict: bool, masks: MaskOptions | None = None
) -> FolderSource | PhotoSource:
    """Open a plain folder.

    Args:
        root: The folder.
        strict: Whether an image that cannot be used is an error.
        masks: How its masks are to be read; by default that is recognised.

    Raises:
        DataError: No mask belongs to an image, no image is left, or the masks can be read in
            several ways.
    """
    has_images = (root / "images").is_dir()
    image_folder = root / "images" if has_images else root
    # Images directly in `root` may have masks in root/masks, which are not images.
    has_masks = (root / "masks").is_dir()
    reserved = ("masks", *FURTHER) if has_masks and not has_images else ()
    faults: list[Fault] = []
    left_out: list[LeftOut] = []
    listed = list_images(image_folder, without=reserved, left_out=left_out)
    if has_masks:
        mask_files = named(root / "masks", left_out)
    else:
        mask_files, listed = masks_beside(image_folder, listed)
    images = _by_name(image_folder, listed, faults)
    if not mask_files and not has_masks:
        items = [Files(name, path) for name, path in images.items()]
        photos = PhotoSource(root, root.resolve().name, items, faults, strict=strict)
        report_left_out(photos, left_out)
        return photos
    found, ignores, instances, heads = (
        _masks_of(image_folder, images, files, faults)
        for files in (mask_files, *(named(root / n, left_out) for n in FURTHER))
    )
    if images and mask_files and not found:
        raise DataError(
            f"{root}: no mask has the name of an image (images/{next(iter(images.values())).name}, "
            f"masks/{next(iter(mask_files.values())).name}); give them the same names"
        )
    claimed = {fault.path for fault in faults}
    faults += [
        Fault(path, "has no mask of that name")
        for name, path in images.items()
        if name not in found and path not in claimed
    ]
    items = [
        Files(n, path, found[n], ignores.get(n), instances.get(n), heads.get(n))
        for n, path in images.items()
        if n in found
    ]
    reading, doubts = read_as(root, [found[item.name] for item in items], masks or MaskOptions())
    source = FolderSource(root, items, faults, reading, strict=strict, doubts=doubts)
    report_left_out(source, left_out)
    return source


def read_as(
    root: Path, masks: Sequence[Path], options: MaskOptions
) -> tuple[Reading, Sequence[str]]:
    """Choose how the masks below `root` are read: as given, by a label map there, or recognised.

    Raises:
        DataError: The masks can be read in several ways; the message names the options that decide.
        InputError: The label map does not have a class that is given.
    """
    labels = read_label_map(root)
    if options.person_class and labels:
        classes = PersonClasses.parse(options.person_class, labels.labels)
        return Reading(MaskCode.PERSONS, given=True, persons=classes), ()
    if (given := options.given()) is not None:
        return given, ()
    try:
        reading, doubts = recognise(masks, labels=bool(labels))
    except DataError as error:
        raise DataError(f"{root}: {error}") from None
    if reading is not None:
        return reading, doubts
    assert labels is not None
    classes = labels.persons((PERSON_NAME,))
    return Reading(MaskCode.PERSONS, given=True, persons=classes), doubts


def list_images(
    folder: Path, *, without: Sequence[str] = (), left_out: list[LeftOut] | None = None
) -> list[Path]:
    """List every image below `folder`, sorted; links are followed.

    Args:
        folder: Searched with its sub-folders.
        without: Names of folders in it that are not searched.
        left_out: Receives the other entries of the folder.
    """
    found = file_kinds.list_images(folder, exclude=[folder / name for name in without])
    if left_out is not None:
        left_out += found.left_out
    return list(found.files)


def list_labels(folder: Path) -> list[Path]:
    """List every .json file below `folder`, sorted, but hidden ones."""
    return [path for path in list_files(folder).files if path.suffix.lower() == ".json"]


def report_left_out(source: Listed[Files], left_out: Sequence[LeftOut]) -> None:
    """Name what lies in the folders of a source but is not used, in its warnings."""
    others = [(e.path.name, e.reason) for e in left_out if e.path.name not in LABEL_FILES]
    if others:
        source.doubts.append(f"left out: {describe_left_out(others)}")


def named(folder: Path, left_out: list[LeftOut]) -> dict[str, Path]:
    """Map the names, relative to `folder` and with ending, of the images below it to their files.

    A folder that does not exist has none. `left_out` receives its other entries.
    """
    if not folder.is_dir():
        return {}
    found = list_images(folder, left_out=left_out)
    return {path.relative_to(folder).as_posix(): path for path in found}


def masks_beside(folder: Path, listed: Sequence[Path]) -> tuple[dict[str, Path], list[Path]]:
    """Separate NAME_mask.png from NAME.jpg where both lie in one folder.

    Returns:
        The masks by name, and the images.
    """
    stems = {name_key(without_ending(path.relative_to(folder).as_posix())) for path in listed}
    masks: dict[str, Path] = {}
    images: list[Path] = []
    for path in listed:
        name = path.relative_to(folder).as_posix()
        key = name_key(without_ending(name))
        owners = [key.removesuffix(s) for s in SUFFIXES if key.endswith(s)]
        if any(owner in stems or without_ending(owner) in stems for owner in owners):
            masks[name] = path
        else:
            images.append(path)
    return masks, images


def _masks_of(
    folder: Path, images: dict[str, Path], masks: dict[str, Path], faults: list[Fault]
) -> dict[str, Path]:
    """Map the names of images to their masks; add masks without an image, and doubts, to faults."""
    if not masks:
        return {}
    index = MaskNames(masks)
    keys = {name_key(name) for name in images}
    found: dict[str, Path] = {}
    disputed: set[Path] = set()
    for name, path in images.items():
        try:
            mask = index.find(path.relative_to(folder).as_posix(), among=keys)
        except DataError as error:
            faults.append(Fault(path, str(error)))
            disputed.update(index.candidates(path.relative_to(folder).as_posix(), among=keys))
        else:
            if mask is not None:
                found[name] = mask
    used = {*found.values(), *disputed}
    faults += [Fault(p, "has no image of that name") for p in masks.values() if p not in used]
    return found


def _by_name(folder: Path, listed: Sequence[Path], faults: list[Fault]) -> dict[str, Path]:
    """Map names relative to `folder`, without ending, to images; add unusable ones to `faults`."""
    found: dict[str, Path] = {}
    for path in listed:
        name = without_ending(path.relative_to(folder).as_posix())
        if path.suffix.lower() in FOREIGN_ENDINGS:
            faults.append(Fault(path, "this kind of file is not read; convert it to JPEG"))
        elif name in found:
            faults.append(
                Fault(path, f"has the same name as {found[name].name}; rename one of them")
            )
        else:
            found[name] = path
    return found
