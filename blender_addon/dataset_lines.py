# SPDX-License-Identifier: GPL-3.0-or-later OR Apache-2.0
"""Reading of a dataset on disk: dataset.json and the indexed lines. Standard library only.

`blender_addon.dataset` offers the same names; other packages import them from there. Files may come
from anywhere: whatever they contain, they are read or refused with a DatasetError.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeGuard

from .output_files import DatasetError

SCHEMA_VERSION = 1
INFO_NAME = "dataset.json"
LINES_NAME = "metadata.jsonl"
LEFT_OUT_NAME = "left_out.jsonl"

LARGEST_INFO = 1 << 24  # bytes of dataset.json
LONGEST_LINE = 1 << 26  # bytes; a line with 500 persons has 4 million

_INDEX = re.compile(rb'"index": ?(\d{1,15})(?!\d)')


def read_info(root: Path) -> dict[str, Any]:
    """Read dataset.json.

    Raises:
        DatasetError: The file is missing, damaged or of another schema.
    """
    path = root / INFO_NAME
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_INFO + 1)
        if len(content) > LARGEST_INFO:
            raise DatasetError(f"{path}: larger than {LARGEST_INFO >> 20} MiB, so it is damaged")
        info = _json(content)
    except FileNotFoundError:
        raise DatasetError(f"{root}: no {INFO_NAME}, so this is not a dataset") from None
    except DatasetError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: cannot be read ({_short(error)})") from None
    if not isinstance(info, dict) or info.get("schema_version") != SCHEMA_VERSION:
        raise DatasetError(f"{path}: not of schema version {SCHEMA_VERSION}")
    if not _is_whole(info.get("count", 0)):
        raise DatasetError(f"{path}: count: expected a whole number ≥ 0; the file is damaged")
    return info


def iter_lines(root: Path) -> Iterator[dict[str, Any]]:
    """Iterate over the lines of metadata.jsonl, without a last line that a kill cut short.

    Raises:
        DatasetError: A line is damaged, has no index, or repeats the index of another; the message
            names it and the remedy.
    """
    path = root / LINES_NAME
    seen = SeenIndices()
    for number, raw in enumerate(iter_raw_lines(path), start=1):
        line = _object(raw, path, number)
        if "index" not in line:
            raise DatasetError(_without_index(path, number))
        index = line["index"]
        if not _is_whole(index):
            raise DatasetError(
                f"{path}: line {number} is damaged (its index is no whole number ≥ 0)"
            )
        if not seen.add(index):
            raise repeated(path, index)
        yield line


def iter_left_out(root: Path) -> Iterator[tuple[int, str]]:
    """Iterate over (index, reason) of the images that a filter rejected.

    Raises:
        DatasetError: A line is damaged or repeats an index; the message names it.
    """
    path = root / LEFT_OUT_NAME
    seen = SeenIndices()
    for number, raw in enumerate(iter_raw_lines(path), start=1):
        line = _object(raw, path, number)
        index, reason = line.get("index"), line.get("reason")
        if not _is_whole(index) or not isinstance(reason, str):
            raise DatasetError(f"{path}: line {number} is damaged (expected index and reason)")
        if not seen.add(index):
            raise repeated(path, index)
        yield index, reason


def done_indices(root: Path) -> set[int]:
    """The indices that are complete on disk or left out. Only the start of each line is read.

    Raises:
        DatasetError: A line has no index, or an index is there twice; the message names it.
    """
    found: set[int] = set()
    for name in (LINES_NAME, LEFT_OUT_NAME):
        for index, _ in indexed_lines(root / name):
            if index in found:
                raise repeated(root / name, index)
            found.add(index)
    return found


class SeenIndices:
    """A set of indices that is small while they come in order."""

    def __init__(self) -> None:
        self._below = 0  # all below this were added
        self._others: set[int] = set()

    def add(self, index: int) -> bool:
        """Add an index, and return whether it is new."""
        if index < self._below or index in self._others:
            return False
        self._others.add(index)
        while self._below in self._others:
            self._others.remove(self._below)
            self._below += 1
        return True


def iter_raw_lines(path: Path, start: int = 0) -> Iterator[bytes]:
    """Iterate over the whole lines of a file from byte `start` on; without a file there is none.

    Raises:
        DatasetError: A line is longer than any that this program writes.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(start)
        while raw := file.readline(LONGEST_LINE):
            if raw.endswith(b"\n"):
                yield raw
            elif len(raw) == LONGEST_LINE:
                raise DatasetError(f"{path}: a line is longer than {LONGEST_LINE >> 20} MiB")


def indexed_lines(path: Path, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Iterate over (index, line); raises DatasetError naming a line without an index."""
    for number, raw in enumerate(iter_raw_lines(path, start), start=1):
        match = _INDEX.search(raw)
        if match is None:
            raise DatasetError(_without_index(path, number))
        yield int(match.group(1)), raw


def repeated(path: Path, index: int) -> DatasetError:
    """The error for an index that is listed twice, in the same file or in both."""
    places = [
        f"line {number} of {name}"
        for name in (LINES_NAME, LEFT_OUT_NAME)
        for number, raw in enumerate(iter_raw_lines(path.with_name(name)), start=1)
        if (match := _INDEX.search(raw)) and int(match.group(1)) == index
    ]
    return DatasetError(
        f"{path.parent}: index {index} is listed twice ({' and '.join(places[:2])}), as by two "
        f"runs at once; keep one line of each index, or make the dataset again in another folder"
    )


def encode_line(line: Mapping[str, Any]) -> bytes:
    """One line of JSON that every reader opens: file names that are not UTF-8 are escaped.

    Raises:
        ValueError: A number that JSON cannot hold.
    """
    text = json.dumps(line, separators=(",", ":"), allow_nan=False)
    if "\\ud" in text:  # a surrogate: half of a pair where a name is not UTF-8
        text = json.dumps(_well_formed(line), separators=(",", ":"), allow_nan=False)
    return text.encode() + b"\n"


def printable(name: str) -> str:
    """A file name as one line of text: bytes that are not UTF-8, which some systems allow, and
    control characters become escapes.
    """
    return "".join(
        c if c >= " " and c != "\x7f" else f"\\x{ord(c):02x}" for c in unicode_name(name)
    )


def unicode_name(name: str) -> str:
    """A file name as Unicode: bytes that are not UTF-8 become escapes such as `\\xe9`."""
    try:
        name.encode()
        return name
    except UnicodeEncodeError:
        pass
    try:
        return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half of a surrogate pair, in a name that Windows made
        return name.encode("utf-8", "surrogatepass").decode("utf-8", "backslashreplace")


def _well_formed(value: Any) -> Any:
    if isinstance(value, str):
        return unicode_name(value)
    if isinstance(value, Mapping):
        return {_well_formed(key): _well_formed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_well_formed(item) for item in value]
    return value


def _json(content: bytes) -> Any:
    """Strict JSON: NaN and infinities, which only Python writes, are errors."""

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no JSON")

    return json.loads(content.decode("utf-8-sig"), parse_constant=refuse)


def _object(raw: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        line = _json(raw)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: line {number} is damaged ({_short(error)})") from None
    if not isinstance(line, dict):
        raise DatasetError(f"{path}: line {number} is damaged (expected an object)")
    return line


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15


def _without_index(path: Path, number: int) -> str:
    return f"{path}: line {number} has no index, so it is damaged; take the line out"


def _short(error: BaseException) -> str:
    """The cause of an error in one short line."""
    text = getattr(error, "strerror", None) or str(error)
    return printable(text)[:200]
