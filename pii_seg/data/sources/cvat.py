"""CVAT's XML, "CVAT for images 1.1": polygons, masks, ellipses and boxes of images.

A person is the label "person", or those of --person-class; shapes of one group_id are parts of one
person. A box marks an area to ignore: a person is in it, but its pixels are unknown. Lines and
points have no area: they are skipped and counted. Document types and entities are refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from xml.parsers import expat

import numpy as np

from pii_seg.data.bounded_json import read_bounded
from pii_seg.data.image_io import MAX_PIXELS
from pii_seg.data.mask_reading import MaskOptions
from pii_seg.data.person_classes import PERSON_NAME, same_name
from pii_seg.data.sources.coco import LabelledImage, OutlineSource, Skipped, parse_size
from pii_seg.data.sources.dataset_contract import leaves_folder
from pii_seg.data.sources.find_image import ImageFinder
from pii_seg.data.sources.outlines import Outline, ellipse, expand_runs, parse_box, paste
from pii_seg.data.sources.sample import Fault
from pii_seg.errors import DataError

NAME = "annotations.xml"
LARGEST = 1 << 29  # bytes
DEEPEST = 32  # elements in each other; CVAT uses six
SHAPES = frozenset(
    {"polygon", "mask", "ellipse", "box", "polyline", "points", "cuboid", "skeleton"}
)


@dataclass(frozen=True, slots=True)
class RunPatch:
    """A mask as run lengths, row by row and beginning with 0, within a box."""

    left: int
    top: int
    width: int
    height: int
    text: str

    def draw(self, height: int, width: int) -> np.ndarray:
        """Expand the runs and paste them. Raises ValueError."""
        pixels = self.width * self.height
        if not 0 < pixels <= MAX_PIXELS or len(self.text) > 12 * (pixels + 1):
            raise ValueError("a mask has no sensible size")
        runs = [int(run) for run in self.text.split(",")]
        mask = expand_runs(runs, pixels).reshape(self.height, self.width)
        return paste(mask, self.left, self.top, height, width)


class _Reader:
    """Receives the elements of the file, one after the other."""

    def __init__(self, path: Path, persons: Sequence[str]) -> None:
        self.path, self.persons = path, persons
        self.images: list[dict[str, str]] = []
        self.outlines: list[list[Outline]] = []
        self.skipped = Skipped()
        self.labels: set[str] = set()
        self._depth = 0
        self._inside = False

    def parse(self, content: bytes) -> None:
        """Parse the whole file.

        Raises:
            DataError: It is no XML, has a document type, or is nested too deeply.
        """
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        try:
            parser.Parse(content, True)  # in one piece: long tokens would be parsed again and again
        except (expat.ExpatError, ValueError, LookupError) as error:  # LookupError: encoding
            if isinstance(error, DataError):
                raise
            raise DataError(f"{self.path}: is no XML, or is damaged ({error})") from None

    def _refuse(self, *_: object) -> None:
        raise DataError(f"{self.path}: declares a document type, which no file of CVAT does")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise DataError(f"{self.path}: is nested more deeply than labels are")
        if self._depth == 1 and name != "annotations":
            raise DataError(f"{self.path}: is no file of CVAT (it begins with {name[:40]!r})")
        if name == "track":
            raise DataError(
                f"{self.path}: holds tracks of a video; export it as 'CVAT for images 1.1'"
            )
        if name == "image" and self._depth == 2:
            self._inside = True
            self.images.append(attributes)
            self.outlines.append([])
        elif self._inside and name in SHAPES and self._depth == 3:
            self._add(name, attributes)

    def _end(self, name: str) -> None:
        self._inside &= self._depth != 2
        self._depth -= 1

    def _add(self, kind: str, attributes: dict[str, str]) -> None:
        label = attributes.get("label", "")
        if len(self.labels) < 100:
            self.labels.add(label[:80])
        if not any(same_name(label, person) for person in self.persons):
            return
        try:
            self.outlines[-1].append(parse_shape(kind, attributes))
        except (ValueError, KeyError, OverflowError) as error:
            image = self.images[-1].get("name", "")[:80]
            self.skipped.add(f"{image}: a {kind} is damaged ({str(error)[:80]})")


def parse_shape(kind: str, attributes: dict[str, str]) -> Outline:
    """Parse one shape.

    Raises:
        ValueError, KeyError, OverflowError: It has no area, or is damaged.
    """
    group = attributes.get("group_id", "")
    if kind == "polygon":
        numbers = attributes["points"].replace(";", ",").split(",")
        return Outline([_finite(numbers)], None, False, group)
    if kind == "mask":
        place = [int(attributes[name]) for name in ("left", "top", "width", "height")]
        patch = RunPatch(place[0], place[1], place[2], place[3], attributes["rle"])
        return Outline(patch, None, False, group)
    if kind == "ellipse":
        x, y, rx, ry = _finite([attributes[name] for name in ("cx", "cy", "rx", "ry")])
        (turn,) = _finite([attributes.get("rotation", "0")])
        return Outline([ellipse(x, y, rx, ry, turn)], None, False, group)
    if kind == "box":
        left, top, right, bottom = _finite([attributes[n] for n in ("xtl", "ytl", "xbr", "ybr")])
        (turn,) = _finite([attributes.get("rotation", "0")])
        if turn % 360:  # the smallest upright box around the turned one
            sine, cosine = abs(math.sin(math.radians(turn))), abs(math.cos(math.radians(turn)))
            w, h = (right - left) / 2, (bottom - top) / 2
            x, y = (left + right) / 2, (top + bottom) / 2
            w, h = w * cosine + h * sine, w * sine + h * cosine
            left, top, right, bottom = x - w, y - h, x + w, y + h
        return Outline(None, parse_box((left, top, right - left, bottom - top)), False, group)
    raise ValueError("it has no area")


def _finite(texts: Sequence[str]) -> list[float]:
    values = [float(text) for text in texts]
    if not all(map(math.isfinite, values)):
        raise ValueError("a number is not finite")
    return values


def open_cvat(path: Path, *, strict: bool, masks: MaskOptions | None = None) -> OutlineSource:
    """Open annotations.xml of "CVAT for images 1.1".

    Args:
        path: The file; the images are beside it or in images/.
        strict: Whether an image or annotation that cannot be used is an error.
        masks: Labels that are persons; by default "person".

    Raises:
        DataError: The file is damaged or no file of CVAT, or none of its images is found.
    """
    persons = (masks.person_class if masks else ()) or (PERSON_NAME,)
    reader = _Reader(path, persons)
    reader.parse(read_bounded(path, LARGEST, "export it in several parts"))
    if not reader.images:
        raise DataError(f"{path}: lists no images")
    known = ", ".join(sorted(reader.labels)[:10])
    if reader.labels and not any(same_name(n, p) for n in reader.labels for p in persons):
        raise DataError(
            f"{path}: has no label {' or '.join(map(repr, persons))}; its labels are {known}; give "
            "those that are persons with --person-class"
        )
    folders = [path.parent, path.parent / "images", path.parent.parent / "images"]
    finder = ImageFinder([folder for folder in folders if folder.is_dir()])
    items: list[LabelledImage] = []
    faults: list[Fault] = []
    for number, (record, outlines) in enumerate(zip(reader.images, reader.outlines, strict=True)):
        try:
            items.append(_parse_image(record, outlines, finder))
        except DataError as error:
            faults.append(Fault(path, f"image {number}: {error}"))
    title = path.resolve().parent.name if path.name == NAME else path.stem
    reading = f"shapes read from CVAT: label {', '.join(persons)} is person"
    return OutlineSource(
        path, title, items, faults, strict=strict, reading=reading, skipped=reader.skipped
    )


def _parse_image(
    record: dict[str, str], outlines: Sequence[Outline], finder: ImageFinder
) -> LabelledImage:
    name = record.get("name", "").replace("\\", "/")
    if not name or leaves_folder(name):
        raise DataError(f"its name {name[:80]!r} is empty or leads out of its folder")
    try:
        width, height = (parse_size(float(record.get(key, "nan"))) for key in ("width", "height"))
    except ValueError:
        width = height = None
    if width is None or height is None or width * height > MAX_PIXELS:
        raise DataError(f"{name} has no sensible width and height")
    path = finder.find(name)
    return LabelledImage(
        path, PurePosixPath(name).with_suffix("").as_posix(), width, height, tuple(outlines)
    )
