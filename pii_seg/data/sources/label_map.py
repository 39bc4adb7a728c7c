"""Files that name the classes of masks: class_names.txt, labelmap.txt, _classes.csv and others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pii_seg.data.bounded_json import read_bounded
from pii_seg.data.person_classes import (
    Colour,
    Label,
    PersonClasses,
    parse_colour,
    same_name,
)
from pii_seg.errors import DataError

FILES = (
    "labelmap.txt",
    "label_colors.txt",
    "class_names.txt",
    "classes.txt",
    "labels.txt",
    "_classes.csv",
    "classes.csv",
)
BYTES, LABELS = 1 << 20, 4096  # the most that is read
NO_CLASS = frozenset({"__ignore__"})  # the first line of LabelMe's lists, number -1


@dataclass(frozen=True)
class LabelMap:
    """The classes that a file names."""

    path: Path
    labels: tuple[Label, ...]

    def persons(self, names: Sequence[str]) -> PersonClasses:
        """Find classes by name.

        Raises:
            DataError: There is no class of that name.
        """
        if not any(same_name(label.name, name) for label in self.labels for name in names):
            known = ", ".join(label.name for label in self.labels[:20])
            raise DataError(
                f"{self.path}: names no class {' or '.join(map(repr, names))}; its classes are "
                f"{known}; give those that are persons with --person-class"
            )
        return PersonClasses.parse(names, self.labels)


def read_label_map(root: Path) -> LabelMap | None:
    """Read the first of FILES in `root`; None if there is none or it names no class.

    Raises:
        DataError: It cannot be read, or has two numbers or colours for one class.
    """
    for name in FILES:
        path = root / name
        if not path.is_file():
            continue
        content = read_bounded(path, BYTES, "a list of classes is not")
        try:
            text = content.decode("utf-8-sig")
        except ValueError:
            text = content.decode("latin-1")
        if labels := parse_label_map(text):
            return LabelMap(path, labels)
    return None


def parse_label_map(text: str) -> tuple[Label, ...]:
    """Parse a list of classes.

    Understood, line by line: "name" (the number is the line's), "name:192,128,128::" (CVAT),
    "192 128 128 name" (CamVid), "15, name" and "15 name" (Roboflow and others). Lines that begin
    with "#" are comments.
    """
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")][:LABELS]
    if lines and lines[0] in NO_CLASS:
        lines = lines[1:]
    labels: list[Label] = []
    for line in lines:
        head, colon, rest = line.partition(":")
        colour = parse_colour(rest.split(":")[0]) if colon else None
        if colour is not None:
            labels.append(Label(len(labels), head.strip(), colour))
        elif (numbered := _numbered(line)) is not None:
            labels.append(Label(len(labels) if numbered[0] is None else numbered[0], *numbered[1:]))
        elif "," in line and labels == [] and not line.split(",")[0].strip().isdigit():
            continue  # the heading of a table
        else:
            labels.append(Label(len(labels), line))
    return tuple(labels)


def _numbered(line: str) -> tuple[int | None, str, Colour | None] | None:
    """Parse "192 128 128 name" and "15, name"; the number is None where the line has none."""
    words = line.replace(",", " ").split()
    if len(words) >= 4 and all(word.isdecimal() for word in words[:3]):
        colour = parse_colour(",".join(words[:3]))
        return None if colour is None else (None, " ".join(words[3:]), colour)
    if len(words) >= 2 and words[0].isdecimal() and len(words[0]) <= 5:
        return int(words[0]), " ".join(words[1:]), None
    return None
