"""JSON from files of packs: its size, depth and types are checked."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..text_files import PackError

MAX_DEPTH = 64
# A string that does not end goes on to the end of the file: nothing is looked at twice.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.S)
_NEUTRAL = bytes(sorted(set(range(256)) - set(b"[]{}")))


class Fields:
    """A JSON object whose values are asked for by type.

    Args:
        path: The file, for errors.
        values: The object.
        where: What errors call it.
    """

    def __init__(self, path: Path, values: Any, where: str) -> None:
        if not isinstance(values, dict):
            raise PackError(path, None, f"{where}: expected an object, got {_kind(values)}")
        self.path, self.values, self.where = path, values, where

    def fault(self, text: str) -> PackError:
        """An error about this object."""
        return PackError(self.path, None, f"{self.where}: {text}")

    def whole(
        self, key: str, default: int | None = None, *, low: int = 0, high: int = 1 << 40
    ) -> int:
        """A whole number within limits. Raises PackError, also where it is missing."""
        value = self.values.get(key, default)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.fault(f"{key}: expected a whole number {low} to {high}, got {_shown(value)}")
        return value

    def number(self, key: str, default: float, *, low: float = -1e9, high: float = 1e9) -> float:
        """A finite number, brought within limits. Raises PackError for anything else."""
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.fault(f"{key}: expected a number, got {_shown(value)}")
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise self.fault(f"{key}: expected a finite number, got {_shown(value)}")
        return min(max(value, low), high)

    def row(self, key: str, default: tuple[float, ...]) -> tuple[float, ...]:
        """Read as many finite numbers as `default` has. Raises PackError for anything else."""
        values = self.values.get(key, default)
        if not isinstance(values, list | tuple) or len(values) != len(default):
            raise self.fault(f"{key}: expected {len(default)} numbers, got {_shown(values)}")
        inner = Fields(self.path, {str(i): v for i, v in enumerate(values)}, self.where)
        return tuple(inner.number(str(i), 0.0) for i in range(len(default)))

    def text(self, key: str, default: str = "", *, longest: int = 1000) -> str:
        """A text, cut at `longest` characters. Raises PackError for anything else."""
        value = self.values.get(key, default)
        if not isinstance(value, str):
            raise self.fault(f"{key}: expected a text, got {_shown(value)}")
        return value[:longest]

    def objects(self, key: str, most: int) -> list[Fields]:
        """A list of objects, empty where it is missing. Raises PackError for anything else."""
        values = self.values.get(key, [])
        if not isinstance(values, list) or len(values) > most:
            raise self.fault(f"{key}: expected a list of at most {most}, got {_shown(values)}")
        return [Fields(self.path, v, f"{key}[{i}]") for i, v in enumerate(values)]

    def object(self, key: str) -> Fields | None:
        """An object; None where it is missing. Raises PackError for anything else."""
        value = self.values.get(key)
        return None if value is None else Fields(self.path, value, f"{self.where}.{key}")


def parse_json(path: Path, content: bytes) -> Any:
    """Parse JSON of at most MAX_DEPTH levels, without NaN.

    Raises:
        PackError: It is damaged, or nested deeper.
    """
    brackets = _STRING.sub(b"", content).translate(None, _NEUTRAL)
    steps = np.where(np.isin(np.frombuffer(brackets, np.uint8), list(b"[{")), 1, -1)
    if len(steps) and np.cumsum(steps).max() > MAX_DEPTH:
        raise PackError(path, None, f"JSON of more than {MAX_DEPTH} levels")
    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise PackError(path, None, f"damaged JSON: {str(error)[:120]}") from None


def _refused(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _kind(value: Any) -> str:
    return "nothing" if value is None else type(value).__name__


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, list | dict) else f"{_kind(value)} of {len(value)}"
    return text[:60]
