"""COCO JSON: "instances" files with polygons or run lengths. Format: cocodataset.org/#format-data.

A person is the category called "person", or those of --person-class. Crowds (iscrowd = 1) are
ignore, and so are boxes without an outline: a person is there, but its pixels are unknown. Images
without annotations show no person, as COCO annotates everyone. An annotation that cannot be used is
skipped and counted; its box, if it has one, is ignored area.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from pii_seg.data.bounded_json import read_json
from pii_seg.data.image_io import MAX_PIXELS, read_image
from pii_seg.data.mask_io import TURNS, orientation_of
from pii_seg.data.mask_reading import MaskOptions
from pii_seg.data.person_classes import PERSON_NAME, parse_span, same_name
from pii_seg.data.sources.base import Listed
from pii_seg.data.sources.dataset_contract import leaves_folder
from pii_seg.data.sources.find_image import ImageFinder
from pii_seg.data.sources.outlines import Drawn, Outline, draw, parse_box
from pii_seg.data.sources.sample import Fault, Sample
from pii_seg.errors import DataError, InputError

NAMED = 3  # skipped annotations that a warning names


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """An image with outlines; `width` and `height` are those of the labels, 0 if not given."""

    path: Path
    name: str
    width: int
    height: int
    persons: tuple[Outline, ...]


@dataclass
class Skipped:
    """Annotations that cannot be used: their number, and the first of them by name."""

    count: int = 0
    named: list[str] = field(default_factory=list)

    def add(self, what: str) -> None:
        self.count += 1
        if len(self.named) < NAMED:
            self.named.append(what)

    def warning(self) -> str:
        """Describe them; "" if there are none."""
        if not self.count:
            return ""
        more = f"; and {self.count - len(self.named)} more" if self.count > len(self.named) else ""
        noun = "annotation was" if self.count == 1 else "annotations were"
        return f"{self.count} {noun} skipped: {'; '.join(self.named)}{more}"


class OutlineSource(Listed[LabelledImage]):
    """Images with outlines, from any labelling program.

    Attributes:
        skipped: Annotations that were skipped when the labels were parsed. Those that turn out to
            be damaged when an image is loaded are counted apart, once for each image.
    """

    def __init__(
        self,
        root: Path,
        name: str,
        items: Sequence[LabelledImage],
        faults: Sequence[Fault],
        *,
        strict: bool,
        reading: str,
        skipped: Skipped,
    ) -> None:
        self.skipped = skipped
        self._damaged: dict[str, tuple[str, ...]] = {}
        super().__init__(root, name, items, faults, strict=strict)
        self.reading = reading
        if strict and skipped.count:
            raise DataError(f"{root}: {skipped.warning()}")

    def read(self, item: LabelledImage) -> Sample:
        image = read_image(item.path)
        drawn = draw_on(item, image.shape[0], image.shape[1], self.root)
        if drawn.skipped:
            if self.strict or not drawn.usable:
                raise DataError(
                    f"{item.path}: an outline in {self.root} is damaged ({drawn.skipped[0]})"
                )
            self._damaged[item.name] = drawn.skipped
        return Sample(item.name, image, drawn.target, drawn.instances)

    def warnings(self) -> list[str]:
        late = Skipped()
        for name, reasons in list(self._damaged.items()):
            for reason in reasons:
                late.add(f"{name}: {reason}")
        return [*filter(None, [self.skipped.warning(), late.warning()]), *super().warnings()]

    def fault_path(self, item: LabelledImage) -> Path:
        return item.path


def draw_on(item: LabelledImage, height: int, width: int, labels: Path) -> Drawn:
    """Draw the outlines of an upright image, (height, width).

    Outlines on the stored pixels of an image that its EXIF data turns are turned with it.

    Raises:
        DataError: The image has another size than its labels say.
    """
    said = (item.height or height, item.width or width)
    if said == (height, width):
        return draw(item.persons, height, width)
    orientation = orientation_of(item.path)
    if said == (width, height) and orientation >= 5:
        drawn = draw(item.persons, width, height)
        turn = TURNS[orientation]
        target, instances = (
            np.ascontiguousarray(turn(array)) for array in (drawn.target, drawn.instances)
        )
        return Drawn(target, instances, drawn.skipped, drawn.usable)
    raise DataError(f"{item.path}: is {width}×{height}, {labels} says {item.width}×{item.height}")


def open_coco(path: Path, *, strict: bool, masks: MaskOptions | None = None) -> OutlineSource:
    """Open a COCO instances file.

    Args:
        path: The file.
        strict: Whether an image or annotation that cannot be used is an error.
        masks: Names or ids of the categories that are persons; by default "person".

    Raises:
        DataError: The file is damaged, has no category of a person, or none of its images is found.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(f"{path}: is not a COCO instances file (expected an object)")
    images, categories = content.get("images"), content.get("categories")
    annotations = content.get("annotations", [])
    if not isinstance(images, list) or not isinstance(categories, list):
        raise DataError(f"{path}: is not a COCO instances file (no list of images or categories)")
    if not isinstance(annotations, list):
        raise DataError(f"{path}: is not a COCO instances file (annotations are no list)")
    if not images:
        raise DataError(f"{path}: lists no images")
    person_class = masks.person_class if masks else ()
    persons = person_categories(categories, person_class, path)
    skipped = Skipped()
    by_image = _persons_by_image(annotations, persons, skipped)
    finder = ImageFinder(_folders(path))
    items: dict[Path, LabelledImage] = {}
    faults: list[Fault] = []
    for number, record in enumerate(images):
        try:
            item = _parse_image(record, by_image, finder)
        except DataError as error:
            faults.append(Fault(path, f"images[{number}]: {error}"))
            continue
        if (same := items.get(item.path)) is not None and same.persons != item.persons:
            item = LabelledImage(
                item.path, item.name, item.width, item.height, (*same.persons, *item.persons)
            )
        items[item.path] = item
    for key, outlines in by_image.items():
        for _ in outlines:
            skipped.add(f"its image {key} is not in the list")
    title = path.stem if path.stem not in ("coco", "annotations") else path.resolve().parent.name
    listed = ", ".join(sorted(set(persons.values()))) or PERSON_NAME
    reading = f"outlines read from COCO: category {listed} is person"
    return OutlineSource(
        path, title, list(items.values()), faults, strict=strict, reading=reading, skipped=skipped
    )


def person_categories(
    categories: Sequence[Any], person_class: Sequence[str], path: Path
) -> dict[str, str]:
    """Choose the categories that are persons: from id, as text, to name.

    Raises:
        DataError: There is none.
        InputError: One that is given does not exist.
    """
    names: dict[str, str] = {}
    for category in categories:
        if isinstance(category, dict) and (key := id_key(category.get("id"))) is not None:
            names[key] = str(category.get("name"))
    known = sorted(names.values())[:10]
    if not person_class:
        found = {key: name for key, name in names.items() if same_name(name, PERSON_NAME)}
        if not found:
            raise DataError(
                f"{path}: has no category {PERSON_NAME!r}; it has {known}; give those that are "
                "persons with --person-class"
            )
        return found
    chosen: dict[str, str] = {}
    for given in person_class:
        span = parse_span(given)
        found = {
            key: name
            for key, name in names.items()
            if same_name(name, given)
            or (span is not None and key.isdecimal() and span[0] <= int(key) <= span[1])
        }
        if not found:
            raise InputError(f"--person-class {given}: {path} has no such category; it has {known}")
        chosen |= found
    return chosen


def id_key(value: Any) -> str | None:
    """Return what the ids 4, 4.0 and "4" share; None for what is no id."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else None
    return str(value).strip()


def _persons_by_image(
    annotations: Sequence[Any], persons: dict[str, str], skipped: Skipped
) -> dict[str, list[Outline]]:
    found: dict[str, list[Outline]] = defaultdict(list)
    for number, annotation in enumerate(annotations):
        if not isinstance(annotation, dict):
            skipped.add(f"annotations[{number}] is no object")
            continue
        category, image = id_key(annotation.get("category_id")), id_key(annotation.get("image_id"))
        if category is None or image is None:
            skipped.add(f"annotations[{number}] has no category_id or no image_id")
        elif category in persons:
            box = annotation.get("bbox")
            try:
                parsed = None if not box else parse_box(box)
            except (ValueError, TypeError, OverflowError):
                parsed = None
                if not annotation.get("segmentation"):
                    skipped.add(f"annotations[{number}] has a box that is not four finite numbers")
                    continue
            crowd = annotation.get("iscrowd", 0) not in (0, "0", False, None)
            segmentation = annotation.get("segmentation") or None
            if segmentation is None and parsed is None:
                skipped.add(f"annotations[{number}] has no outline and no box")
                continue
            found[image].append(Outline(segmentation, parsed, crowd))
    return found


def _parse_image(
    record: Any, by_image: dict[str, list[Outline]], finder: ImageFinder
) -> LabelledImage:
    key = id_key(record.get("id")) if isinstance(record, dict) else None
    if key is None or not isinstance(record.get("file_name"), str):
        raise DataError("has no file_name or no id")
    persons = tuple(by_image.pop(key, ()))
    name = record["file_name"].replace("\\", "/")
    if leaves_folder(name):
        raise DataError(f"file_name {name!r} leads out of its folder")
    width, height = parse_size(record.get("width")), parse_size(record.get("height"))
    if width is None or height is None or width * height > MAX_PIXELS:
        raise DataError(f"{name} has no sensible width and height")
    path = finder.find(name)
    short = PurePosixPath(name).with_suffix("")
    if short.parts[:1] == ("images",):
        short = short.relative_to("images")
    return LabelledImage(path, str(short), width, height, persons)


def parse_size(value: Any) -> int | None:
    """Parse a width or height: 0 if it is absent, None if it is no whole number above 0."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_PIXELS:
        return None
    return int(value) if value == int(value) else None


def _folders(path: Path) -> list[Path]:
    """List the folders that may hold the images: beside the file, images/, or train2017/."""
    part = path.stem.removeprefix("instances_").removeprefix("person_keypoints_")
    folders = [
        base / sub
        for base, sub in itertools.product(
            (path.parent, path.parent.parent), ("", "images", part, f"images/{part}")
        )
    ]
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]
