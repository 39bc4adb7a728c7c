"""LabelMe: NAME.json beside each NAME.jpg, with polygons, rectangles, circles and masks.

A person is the label "person", or those of --person-class; shapes of one group_id are parts of one
person. Lines and points have no area: they are skipped and counted. The files are parsed when their
image is loaded, because each may hold the whole image, too.
"""

from __future__ import annotations

import base64
import binascii
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from pii_seg.data.bounded_json import read_json
from pii_seg.data.image_io import IMAGE_ENDINGS, MAX_PIXELS, read_image
from pii_seg.data.mask_names import name_key, without_ending
from pii_seg.data.mask_reading import MaskOptions
from pii_seg.data.person_classes import PERSON_NAME, same_name
from pii_seg.data.sources.base import Listed
from pii_seg.data.sources.coco import LabelledImage, Skipped, draw_on, parse_size
from pii_seg.data.sources.outlines import Outline, ellipse, paste
from pii_seg.data.sources.sample import Fault, Sample
from pii_seg.errors import DataError

LARGEST = 1 << 28  # bytes of one file, which may hold its image in base64
HEAD = 4096  # bytes in which "shapes" is found: before the image


@dataclass(frozen=True, slots=True)
class Pair:
    """The files of one image."""

    name: str
    image: Path
    labels: Path


@dataclass(frozen=True, slots=True)
class PngPatch:
    """A mask as a PNG in base64, with its upper left corner."""

    left: int
    top: int
    text: str

    def draw(self, height: int, width: int) -> np.ndarray:
        """Decode the PNG and paste it. Raises ValueError."""
        try:
            content = base64.b64decode(self.text, validate=False)
            opened = Image.open(io.BytesIO(content), formats=["PNG"])
            if opened.width * opened.height > MAX_PIXELS:
                raise ValueError("a mask is larger than any image")
            pixels = np.asarray(opened.convert("L")) > 0
        except (OSError, SyntaxError, binascii.Error, Image.DecompressionBombError) as error:
            raise ValueError(f"a mask cannot be decoded ({error})") from None
        return paste(pixels, self.left, self.top, height, width)


class LabelMeSource(Listed[Pair]):
    """Images with a file of shapes each."""

    def __init__(
        self,
        root: Path,
        items: Sequence[Pair],
        faults: Sequence[Fault],
        names: Sequence[str],
        *,
        strict: bool,
    ) -> None:
        self._persons = tuple(names) or (PERSON_NAME,)
        self._damaged: dict[str, tuple[str, ...]] = {}
        self._labels: set[str] = set()
        super().__init__(root, root.resolve().name, items, faults, strict=strict)
        self.reading = f"shapes read from LabelMe: label {', '.join(self._persons)} is person"

    def read(self, item: Pair) -> Sample:
        content = read_json(item.labels, largest=LARGEST)
        labelled, skipped = parse_shapes(content, item, self._persons)
        self._labels |= labels_of(content)
        image = read_image(item.image)
        drawn = draw_on(labelled, image.shape[0], image.shape[1], item.labels)
        if found := (*skipped, *drawn.skipped):
            if self.strict or not drawn.usable:
                raise DataError(f"{item.labels}: a shape is damaged ({found[0]})")
            self._damaged[item.name] = found
        return Sample(item.name, image, drawn.target, drawn.instances)

    def warnings(self) -> list[str]:
        damaged = Skipped()
        for name, reasons in list(self._damaged.items()):
            for reason in reasons:
                damaged.add(f"{name}: {reason}")
        found = super().warnings()
        if self._labels and not any(same_name(n, p) for n in self._labels for p in self._persons):
            found.append(f"the labels are {', '.join(sorted(self._labels)[:10])}")
        return [*filter(None, [damaged.warning()]), *found]

    def fault_path(self, item: Pair) -> Path:
        return item.image


def labels_of(content: Any) -> set[str]:
    """Return the labels, at most 100, that a file uses."""
    return {
        shape["label"]
        for shape in content["shapes"][:100]
        if isinstance(shape, dict) and isinstance(shape.get("label"), str)
    }


def parse_shapes(
    content: Any, item: Pair, persons: Sequence[str]
) -> tuple[LabelledImage, tuple[str, ...]]:
    """Parse the content of one file.

    Returns:
        The image with the outlines of persons, and why shapes of persons were skipped.

    Raises:
        DataError: It is no file of LabelMe.
    """
    if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
        raise DataError(f"{item.labels}: is no file of LabelMe (it has no list 'shapes')")
    width, height = parse_size(content.get("imageWidth")), parse_size(content.get("imageHeight"))
    if width is None or height is None:
        raise DataError(f"{item.labels}: has no sensible imageWidth and imageHeight")
    outlines: list[Outline] = []
    skipped: list[str] = []
    for number, shape in enumerate(content["shapes"]):
        if not isinstance(shape, dict) or not isinstance(shape.get("label"), str):
            skipped.append(f"shapes[{number}] has no label")
        elif any(same_name(shape["label"], name) for name in persons):
            try:
                outlines.append(parse_shape(shape))
            except (ValueError, TypeError, KeyError, OverflowError) as error:
                skipped.append(f"shapes[{number}] {error}")
    return LabelledImage(item.image, item.name, width, height, tuple(outlines)), tuple(skipped)


def parse_shape(shape: dict[str, Any]) -> Outline:
    """Parse one shape.

    Raises:
        ValueError, TypeError, KeyError, OverflowError: It has no area, or is damaged.
    """
    kind, points = shape.get("shape_type") or "polygon", shape["points"]
    group = shape.get("group_id")
    name = "" if group is None else str(group)
    flat = [float(value) for point in points for value in _pair(point)]
    if not all(map(math.isfinite, flat)):
        raise ValueError("has points that are not finite numbers")
    if kind == "polygon":
        return Outline([flat], None, False, name)
    if kind in ("rectangle", "circle", "mask") and len(flat) >= 4:
        x, y, other_x, other_y = flat[:4]
        if kind == "circle":
            radius = math.hypot(other_x - x, other_y - y)
            return Outline([ellipse(x, y, radius, radius)], None, False, name)
        if kind == "mask":
            return Outline(PngPatch(round(x), round(y), str(shape["mask"])), None, False, name)
        box = [x, y, other_x, y, other_x, other_y, x, other_y]
        return Outline([box], None, False, name)
    raise ValueError(f"is a {str(kind)[:40]}, which has no area")


def _pair(point: Any) -> tuple[Any, Any]:
    x, y = point
    return x, y


def is_labelme(labels: Sequence[Path]) -> bool:
    """Return whether the first of these .json files looks like one of LabelMe."""
    for path in labels[:1]:
        try:
            with path.open("rb") as file:
                head = file.read(HEAD)
        except OSError:
            continue
        return b'"shapes"' in head
    return False


def open_labelme(
    root: Path,
    images: Sequence[Path],
    labels: Sequence[Path],
    *,
    strict: bool,
    masks: MaskOptions | None = None,
) -> LabelMeSource:
    """Open a folder of images with a file of LabelMe each.

    Args:
        root: The folder, for messages and names.
        images: All images below it.
        labels: All .json files below it.
        strict: Whether an image that cannot be used is an error.
        masks: Labels that are persons; by default "person".

    Raises:
        DataError: No image has labels.
    """
    by_key = {_key(root, path): path for path in images}
    by_name = {name_key(path.name): path for path in images}
    items: dict[Path, Pair] = {}
    faults: list[Fault] = []
    for path in labels:
        image = by_key.get(_key(root, path)) or by_name.get(_image_name(path))
        if image is None:
            faults.append(Fault(path, "has no image of that name beside it"))
        elif image in items:
            faults.append(Fault(path, f"labels {image.name}, as {items[image].labels.name} does"))
        else:
            name = without_ending(image.relative_to(root).as_posix())
            items[image] = Pair(name, image, path)
    faults += [Fault(path, "has no labels of that name") for path in images if path not in items]
    names = masks.person_class if masks else ()
    return LabelMeSource(root, list(items.values()), faults, names, strict=strict)


def _key(root: Path, path: Path) -> str:
    return name_key(path.relative_to(root).with_suffix("").as_posix())


def _image_name(path: Path) -> str:
    """Return the key of the file name that a file of LabelMe gives its image; "" if none."""
    try:
        content = read_json(path, largest=LARGEST)
    except DataError:
        return ""
    name = content.get("imagePath") if isinstance(content, dict) else None
    if not isinstance(name, str):
        return ""
    last = PurePosixPath(name.replace("\\", "/")).name
    return name_key(last) if PurePosixPath(last).suffix.lower() in IMAGE_ENDINGS else ""
