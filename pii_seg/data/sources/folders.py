"""Plain folders: images/ + masks/ [+ ignore/ + instances/], or images alone.

A mask belongs to the image of the same name, whatever their endings. The meaning of its values is
one convention for the whole folder, because a single mask is ambiguous: {0, 255} may be a white
person, or background beside "ignore".

    WHITE    0 background, 255 person            masks hold 0 and 255 only
    CLASSES  0 background, 1 person, 255 ignore  masks hold 0, 1 (and 255)
    IDS      0 background, 255 ignore, others    masks hold further values
             are a person each                   (in 16 bit, 255 and 65535 are persons too)
    SOFT     below 128 background, else person   JPEGs; mostly white masks with greys between

Ids count up from 1 and rarely reach 255; a smoothed edge has greys anywhere and mostly 255.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pii_seg.data.image_io import FOREIGN_ENDINGS, IMAGE_ENDINGS, read_image
from pii_seg.data.mask_io import read_mask
from pii_seg.data.sources.base import Listed
from pii_seg.data.sources.dataset_contract import require_same_size
from pii_seg.data.sources.sample import IGNORE, PERSON, Fault, Sample
from pii_seg.errors import DataError

MASKS_SAMPLED = 200  # evenly from the folder, to recognise its convention
SMOOTHED_FROM = 64  # distinct greys
WHITISH = 250


class MaskCode(enum.Enum):
    """Meaning of the values in a folder's masks; see the table above."""

    WHITE = "white"
    CLASSES = "classes"
    IDS = "ids"
    SOFT = "soft"


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one image."""

    name: str
    image: Path
    mask: Path | None = None
    ignore: Path | None = None
    instances: Path | None = None


class PhotoSource(Listed[Files]):
    """Photos without masks: all targets are 255."""

    photo_only = True

    def read(self, item: Files) -> Sample:
        image = read_image(item.image)
        return Sample(item.name, image, np.full(image.shape[:2], IGNORE, np.uint8))

    def fault_path(self, item: Files) -> Path:
        return item.image


class FolderSource(Listed[Files]):
    """Images with masks of one convention, `code`."""

    def __init__(
        self,
        root: Path,
        items: Iterable[Files],
        faults: Sequence[Fault],
        code: MaskCode,
        *,
        strict: bool,
    ) -> None:
        self.code = code
        super().__init__(root, root.resolve().name, items, faults, strict=strict)

    def read(self, item: Files) -> Sample:
        assert item.mask is not None
        image = read_image(item.image)
        mask = read_mask(item.mask)
        require_same_size(image, mask, item.mask)
        target, instances = decode(mask, self.code, item.mask)
        if item.instances is not None:
            instances = read_mask(item.instances).astype(np.uint16)
            require_same_size(image, instances, item.instances)
            # Both mark persons; where they disagree (hand-drawn edges), the mask decides.
            instances = np.where(target == PERSON, instances, 0).astype(np.uint16)
        if item.ignore is not None:
            ignore = read_mask(item.ignore)
            require_same_size(image, ignore, item.ignore)
            target[ignore > 0] = IGNORE
        return Sample(item.name, image, target, instances)

    def fault_path(self, item: Files) -> Path:
        return item.image


def decode(mask: np.ndarray, code: MaskCode, path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Decode one mask (H, W) into target uint8 and instances uint16 or None, both (H, W).

    Raises:
        DataError: The mask holds a value that `code` does not define.
    """
    if code is MaskCode.SOFT:
        return (mask >= 128).astype(np.uint8) * PERSON, None
    if code is MaskCode.IDS:
        ignored = mask == IGNORE if mask.dtype == np.uint8 else np.zeros(mask.shape, bool)
        target = np.where(ignored, IGNORE, mask > 0).astype(np.uint8)
        return target, np.where(ignored, 0, mask).astype(np.uint16)
    if code is MaskCode.WHITE:
        target, strange = (mask == 255).astype(np.uint8), (mask != 0) & (mask != 255)
    else:
        target, strange = mask.astype(np.uint8), (mask > 1) & (mask != IGNORE)
    if strange.any():
        meaning = "0 and 255 = person" if code is MaskCode.WHITE else "0, 1 = person, 255 = ignore"
        raise DataError(
            f"{path}: holds the value {int(mask[strange][0])}, but the folder's masks are "
            f"{code.value} ({meaning}); write it like the others"
        )
    return target, None


def recognise_code(masks: Sequence[Path]) -> MaskCode:
    """Recognise the convention of a folder from up to MASKS_SAMPLED of its masks."""
    counts = np.zeros(256, np.int64)
    for path in masks[:: max(1, len(masks) // MASKS_SAMPLED)]:
        if path.suffix.lower() in (".jpg", ".jpeg"):
            return MaskCode.SOFT
        try:
            mask = read_mask(path)
        except DataError:
            continue  # load() and check() report it
        if mask.dtype == np.uint16 and mask.max() > 255:
            return MaskCode.IDS
        counts += np.bincount(mask.ravel(), minlength=256)
    between = np.flatnonzero(counts[1:255]) + 1
    if not len(between):
        return MaskCode.WHITE
    if list(between) == [1]:
        return MaskCode.CLASSES
    mostly_white = counts[WHITISH:].sum() > counts[1:WHITISH].sum()
    counts_up = len(between) <= SMOOTHED_FROM and between[-1] <= 2 * len(between)
    return MaskCode.SOFT if mostly_white and not counts_up else MaskCode.IDS


def open_folder(
    root: Path, *, strict: bool, code: MaskCode | None = None
) -> FolderSource | PhotoSource:
    """Open a plain folder.

    Args:
        root: The folder.
        strict: Whether an image that cannot be used is an error.
        code: Meaning of the values in its masks; None: recognised.

    Raises:
        DataError: No mask belongs to an image, or no image is left.
    """
    has_images = (root / "images").is_dir()
    image_folder = root / "images" if has_images else root
    # Images directly in `root` may have masks in root/masks, which are not images.
    reserved = () if has_images else ("masks", "ignore", "instances")
    faults: list[Fault] = []
    images = _by_name(image_folder, faults, without=reserved)
    if not (root / "masks").is_dir():
        items = [Files(name, path) for name, path in images.items()]
        return PhotoSource(root, root.resolve().name, items, faults, strict=strict)
    masks, ignores, instances = (
        _by_name(root / folder, faults) if (root / folder).is_dir() else {}
        for folder in ("masks", "ignore", "instances")
    )
    both = [name for name in images if name in masks]
    if images and masks and not both:
        raise DataError(
            f"{root}: no mask has the name of an image (images/{_first(images)}, "
            f"masks/{_first(masks)}); give them the same names"
        )
    faults += [
        Fault(path, "has no mask of that name")
        for name, path in images.items()
        if name not in masks
    ]
    for found in (masks, ignores, instances):
        faults += [
            Fault(path, "has no image of that name")
            for name, path in found.items()
            if name not in images
        ]
    items = [Files(n, images[n], masks[n], ignores.get(n), instances.get(n)) for n in both]
    if code is None:
        code = recognise_code([masks[name] for name in both])
    return FolderSource(root, items, faults, code, strict=strict)


def list_images(folder: Path, *, without: Sequence[str] = ()) -> Iterator[Path]:
    """List every image below `folder`, sorted, but hidden files and those in `without`."""
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and not (Path(where) == folder and name in without)
        )
        for file in sorted(files):
            if (
                not file.startswith(".")
                and Path(file).suffix.lower() in IMAGE_ENDINGS | FOREIGN_ENDINGS
            ):
                yield Path(where) / file


def _by_name(folder: Path, faults: list[Fault], *, without: Sequence[str] = ()) -> dict[str, Path]:
    """Map names relative to `folder`, without ending, to images; add unusable ones to `faults`."""
    found: dict[str, Path] = {}
    for path in list_images(folder, without=without):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if path.suffix.lower() in FOREIGN_ENDINGS:
            faults.append(Fault(path, "this kind of file is not read; convert it to JPEG"))
        elif name in found:
            faults.append(
                Fault(path, f"has the same name as {found[name].name}; rename one of them")
            )
        else:
            found[name] = path
    return found


def _first(files: dict[str, Path]) -> str:
    return next(iter(files.values())).name
