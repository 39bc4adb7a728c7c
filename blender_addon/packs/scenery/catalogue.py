"""Real sizes, categories, authors and licences of the models of a pack.

They are in its catalogue.json, or in the PluginFurnitureCatalog.properties of a library of Sweet
Home 3D (a .sh3f is a .zip).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from ..text_files import PackError, read_bytes
from .json_files import Fields, parse_json

NAME, SWEET_HOME = "catalogue.json", "PluginFurnitureCatalog.properties"
MAX_BYTES = 16 << 20
MAX_ENTRIES = 50_000
_ABOVE = 4  # folders above a model in which its catalogue is looked for
_LARGEST = 1e5  # cm
_PROPERTY = re.compile(
    r"(name|category|model|width|depth|height|creator|license|modelRotation)#(\d{1,6})\s*=\s*(.*)"
)
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


@dataclass(frozen=True)
class Entry:
    """A row of a catalogue; texts are empty, and numbers None, where it does not say.

    Attributes:
        name: Title of the model.
        category: Such as "Living room".
        size: (width, depth, height), m.
        hard_negative: Whether it is easily taken for a person.
        licence: As written.
        creator: As written.
        source: Where it comes from.
        up: "y" or "z", the axis of the file that points up.
        turn: 3 × 3 rotation, row by row, by which the file's axes are turned first; empty for none.
    """

    name: str = ""
    category: str = ""
    size: tuple[float, float, float] | None = None
    hard_negative: bool | None = None
    licence: str = ""
    creator: str = ""
    source: str = ""
    up: str = ""
    turn: tuple[float, ...] = ()


def entry_of(path: Path) -> Entry | None:
    """The row of a model in the nearest catalogue in its own folder or above; None without one.

    Raises:
        PackError: That catalogue is damaged.
    """
    for folder in list(path.parents)[: _ABOVE + 1]:
        rows = _rows_in(folder)
        if rows is None:
            continue
        below = path.relative_to(folder)
        for key in (below.as_posix(), below.with_suffix("").as_posix(), below.parent.as_posix()):
            if key in rows and key != ".":
                return rows[key]
        return None
    return None


def _rows_in(folder: Path) -> dict[str, Entry] | None:
    """The rows of the catalogue in a folder; None without one."""
    for name, read in ((NAME, _rows), (SWEET_HOME, _sweet_home)):
        try:
            status = (folder / name).stat()
        except OSError:
            continue
        return read(folder / name, status.st_mtime_ns, status.st_size)
    return None


@lru_cache(maxsize=16)
def _rows(path: Path, time: int, size: int) -> dict[str, Entry]:
    """Rows by folder or file, relative to the catalogue."""
    values = parse_json(path, read_bytes(path, MAX_BYTES))
    if isinstance(values, dict):
        values = values.get("models", values.get("entries"))
    listed = Fields(path, {"entries": values}, "the file").objects("entries", MAX_ENTRIES)
    out: dict[str, Entry] = {}
    for fields in listed:
        key = (fields.text("file") or fields.text("folder")).strip("/")
        if key:
            out.setdefault(key, _entry(fields))
    return out


def _entry(fields: Fields) -> Entry:
    hard = fields.values.get("hard_negative")
    return Entry(
        name=fields.text("name", longest=200),
        category=fields.text("category", longest=200),
        size=_size(fields),
        hard_negative=hard if isinstance(hard, bool) else None,
        licence=fields.text("licence", fields.text("license"), longest=200),
        creator=fields.text("creator", fields.text("author"), longest=200),
        source=fields.text("source", longest=300),
        up=fields.text("up").lower()[:1],
    )


@lru_cache(maxsize=16)
def _sweet_home(path: Path, time: int, size: int) -> dict[str, Entry]:
    """Rows of a library of Sweet Home 3D: Java properties, whose keys end in #NUMBER."""
    text = read_bytes(path, MAX_BYTES).decode("latin-1")
    table: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        match = _PROPERTY.match(line)
        if match:
            value = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), match[3])
            table.setdefault(match[2], {}).setdefault(match[1], value.strip()[:300])
    if len(table) > MAX_ENTRIES:
        raise PackError(path, None, f"more than {MAX_ENTRIES} models")
    out: dict[str, Entry] = {}
    for row in table.values():
        values: dict[str, object] = {
            "name": row.get("name", ""),
            "category": row.get("category", ""),
            "creator": row.get("creator", ""),
            "licence": row.get("license", ""),
        }
        if {"width", "depth", "height"} <= set(row):
            values["size_cm"] = [row["width"], row["depth"], row["height"]]
        turn = _numbers(row.get("modelRotation", ""))
        entry = _entry(Fields(path, values, row.get("model", "a model")))
        if len(turn) == 9:
            entry = replace(entry, turn=turn)
        out.setdefault(row.get("model", "").strip("/"), entry)
    return out


def _numbers(text: str) -> tuple[float, ...]:
    """Numbers of a rotation; none where there is another word."""
    try:
        values = tuple(float(word) for word in text.split())
    except ValueError:
        return ()
    return values if all(abs(value) <= 1.001 for value in values) else ()


def _size(fields: Fields) -> tuple[float, float, float] | None:
    written = fields.values.get("size_cm")
    if written is None:
        return None
    try:
        width, depth, height = (float(value) for value in written)
    except (TypeError, ValueError, OverflowError):
        raise fields.fault("size_cm: expected width, depth and height in cm") from None
    if not all(0.0 < value <= _LARGEST for value in (width, depth, height)):  # also NaN
        raise PackError(
            fields.path, None, f"{fields.where}: size_cm: expected lengths up to {_LARGEST:g} cm"
        )
    return width / 100, depth / 100, height / 100
