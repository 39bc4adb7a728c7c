"""Recognises the layout of a source and opens it."""

from __future__ import annotations

from pathlib import Path

from blender_addon.dataset import INFO_NAME
from pii_seg.data.mask_reading import MaskOptions
from pii_seg.data.sources.base import Source
from pii_seg.data.sources.coco import open_coco
from pii_seg.data.sources.cvat import NAME as CVAT_NAME
from pii_seg.data.sources.cvat import open_cvat
from pii_seg.data.sources.dataset_contract import open_contract
from pii_seg.data.sources.folders import list_images, list_labels, open_folder
from pii_seg.data.sources.labelme import is_labelme, open_labelme
from pii_seg.data.sources.voc import is_voc, open_voc
from pii_seg.errors import DataError

ROBOFLOW_NAME = "_annotations.coco.json"

EXPECTED = (
    f"expected {INFO_NAME} (a dataset), images/ + masks/, images alone, "
    "JPEGImages/ + SegmentationClass/, NAME.jpg + NAME.json of LabelMe, annotations.xml of CVAT, "
    "or a COCO .json file"
)


def open_source(path: Path, *, strict: bool = False, masks: MaskOptions | None = None) -> Source:
    """Open the source at `path`, whose layout is recognised. Files are listed, not yet opened.

    Args:
        path: A folder, or a COCO .json, CVAT .xml or VOC .txt file.
        strict: Whether an image that cannot be used is an error, instead of being left out.
        masks: How masks are read, and which classes are persons; by default that is recognised.

    Raises:
        DataError: The layout is not known, or no image is left.
    """
    path = Path(path)
    if path.is_file():
        if path.suffix.lower() == ".json":
            return open_coco(path, strict=strict, masks=masks)
        if path.suffix.lower() == ".xml":
            return open_cvat(path, strict=strict, masks=masks)
        if path.suffix.lower() == ".txt":
            return open_voc(path, strict=strict, masks=masks)
        raise DataError(f"{path}: is a file of no known kind; {EXPECTED}")
    if not path.is_dir():
        raise DataError(f"{path}: does not exist")
    if (path / INFO_NAME).exists():
        return open_contract(path, strict=strict)
    if is_voc(path):
        return open_voc(path, strict=strict, masks=masks)
    if (path / CVAT_NAME).is_file():
        return open_cvat(path / CVAT_NAME, strict=strict, masks=masks)
    if (path / ROBOFLOW_NAME).is_file():
        return open_coco(path / ROBOFLOW_NAME, strict=strict, masks=masks)
    if not (path / "masks").is_dir() and is_labelme(labels := list_labels(path)):
        return open_labelme(path, list_images(path), labels, strict=strict, masks=masks)
    if not (path / "images").is_dir():
        if several := [folder.name for folder in _folders(path) if _is_layout(folder)]:
            raise DataError(
                f"{path}: holds several sources ({', '.join(several)}); give them one by one"
            )
        if not (path / "masks").is_dir() and not list_images(path):
            raise DataError(f"{path}: holds no images; {EXPECTED}")
    return open_folder(path, strict=strict, masks=masks)


def open_sources(
    path: Path, *, strict: bool = False, masks: MaskOptions | None = None
) -> list[Source]:
    """Open the source at `path`, or each of its sub-folders if all are sources, by name.

    A folder validation/ with pennfudan/ and ccp/ in it gives two sources, and each gets its own row
    in tables.
    """
    path = Path(path)
    if path.is_dir():
        folders = _folders(path)
        if folders and all(_is_layout(folder) for folder in folders) and not _is_layout(path):
            return [open_source(folder, strict=strict, masks=masks) for folder in folders]
    return [open_source(path, strict=strict, masks=masks)]


def _is_layout(path: Path) -> bool:
    """Return whether `path` itself is one of the layouts with sub-folders."""
    names = (INFO_NAME, CVAT_NAME, ROBOFLOW_NAME)
    return (
        any((path / name).exists() for name in names) or is_voc(path) or (path / "images").is_dir()
    )


def _folders(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
