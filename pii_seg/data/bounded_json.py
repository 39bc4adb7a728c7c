"""Reads JSON files from anywhere: size and number of values are bounded before they exist."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pii_seg.errors import DataError

LARGEST = 1 << 30  # bytes; COCO's train2017 has 450 million
MOST_VALUES = 150_000_000  # commas and containers: 32 bytes of memory each, or more
MOST_CONTAINERS = 20_000_000  # lists and objects: 64 bytes each, or more


def read_json(path: Path, *, largest: int = LARGEST) -> Any:
    """Read a JSON file, with or without a byte order mark.

    Args:
        path: The file.
        largest: Number of bytes that are accepted.

    Raises:
        DataError: It cannot be read, is larger than that, or is no JSON.
    """
    return parse_json(read_bounded(path, largest), str(path))


def read_bounded(path: Path, largest: int, remedy: str = "split it into several files") -> bytes:
    """Read a file of at most `largest` bytes.

    Raises:
        DataError: It cannot be read, or is larger; `remedy` ends the message then.
    """
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    if len(content) > largest:
        raise DataError(f"{path}: is larger than {largest >> 20} MB; {remedy}")
    return content


def parse_json(content: bytes, name: str) -> Any:
    """Parse JSON; see `read_json`. `name` begins the messages."""
    containers = content.count(b"[") + content.count(b"{")
    values = containers + content.count(b",")
    if containers > MOST_CONTAINERS or values > MOST_VALUES:
        raise DataError(f"{name}: holds more than {MOST_VALUES:,} values; split it")
    try:
        return json.loads(content.decode(json.detect_encoding(content)))
    except RecursionError:
        raise DataError(f"{name}: is nested more deeply than labels are") from None
    except ValueError as error:
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"{name}: is no JSON, or is damaged ({reason})") from None
