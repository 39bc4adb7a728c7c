"""Kinds of recipe fields: each maker returns a dataclass field that knows how to read a TOML value.

A field's metadata say all about it: `doc`, its description; `read` (or `read_path`), which checks
and converts a TOML value; `kind`, the name of its maker; and the arguments of the maker. The panel
in Blender is built from them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from ..dataset import printable
from .distributions import LARGEST, Distribution, parse, shown


class RecipeError(ValueError):
    """A recipe cannot be used; the message names the file and the key.

    `key` is that key alone ('people.count') when one field is wrong, '' otherwise.
    """

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


def vary(default: Any, doc: str, low: float, high: float, *, example: Any = None) -> Any:
    """A field that is drawn for each scene.

    Args:
        default: A TOML value as `distributions.parse` reads it; None when the field is absent.
        doc: Its description.
        low, high: The limits of what may be drawn.
        example: A value to begin with, where the default is None.
    """

    def read(value: Any) -> Distribution:
        distribution = parse(value)
        bottom, top = distribution.bounds
        if distribution.kind == "normal":
            # An open Gaussian is cut at the limits that the quantity itself has.
            if bottom > high or top < low:
                raise ValueError(
                    f"must lie within [{low:g}, {high:g}], got min {bottom:g} and max {top:g}"
                )
            return dataclasses.replace(
                distribution, min=float(max(bottom, low)), max=float(min(top, high))
            )
        if bottom < low or top > high:
            raise ValueError(f"must lie within [{low:g}, {high:g}], got [{bottom:g}, {top:g}]")
        return distribution

    metadata = {"read": read, "doc": doc, "kind": "vary", "low": low, "high": high}
    if default is None:
        return field(default=None, metadata={**metadata, "example": read(example)})
    return field(default=read(default), metadata=metadata)


def number(default: float, doc: str, low: float, high: float) -> Any:
    """A number within [low, high]; a whole one where the default is."""

    def read(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"expected a number, got {shown(value)}")
        if isinstance(default, int) and not isinstance(value, int):
            raise ValueError(f"expected a whole number, got {shown(value)}")
        if not low <= value <= high:
            raise ValueError(f"must lie within [{low:g}, {high:g}], got {shown(value)}")
        return type(default)(value)

    metadata = {"read": read, "doc": doc, "kind": "number", "low": low, "high": high}
    return field(default=default, metadata=metadata)


def switch(default: bool, doc: str) -> Any:
    """True or false."""

    def read(value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError(f"expected true or false, got {shown(value)}")
        return value

    return field(default=default, metadata={"read": read, "doc": doc, "kind": "switch"})


def names(default: tuple[str, ...], doc: str, allowed: Callable[[], tuple[str, ...]]) -> Any:
    """A list of names; `allowed` lists them, and is called when they are needed."""

    def read(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError(f"expected a list of names, got {shown(value)}")
        for item in value:
            if item not in allowed():
                raise ValueError(f"unknown name {shown(item)}; there are: {', '.join(allowed())}")
        return tuple(value)

    metadata = {"read": read, "doc": doc, "kind": "names", "allowed": allowed}
    return field(default=default, metadata=metadata)


def one_of(default: str, doc: str, allowed: tuple[str, ...]) -> Any:
    """One of the `allowed` words."""

    def read(value: Any) -> str:
        if value not in allowed:
            raise ValueError(f"expected one of {', '.join(allowed)}, got {shown(value)}")
        return str(value)

    metadata = {"read": read, "doc": doc, "kind": "one_of", "allowed": allowed}
    return field(default=default, metadata=metadata)


def weights(default: Mapping[str, float], doc: str, allowed: tuple[str, ...]) -> Any:
    """A table of kinds, each with its weight; `allowed` lists the kinds."""

    def read(value: Any) -> dict[str, float]:
        if not isinstance(value, dict):
            raise ValueError(f"expected a table such as {{ {allowed[0]} = 1 }}, got {shown(value)}")
        for key, weight in value.items():
            if key not in allowed:
                raise ValueError(f"unknown kind {shown(key)}; there are: {', '.join(allowed)}")
            if (
                isinstance(weight, bool)
                or not isinstance(weight, int | float)
                or not 0 <= weight <= LARGEST
            ):
                raise ValueError(f"the weight of {key!r} must be a number ≥ 0, got {shown(weight)}")
        if not any(value.values()):
            raise ValueError("at least one weight must be above 0")
        return {key: float(weight) for key, weight in value.items()}

    metadata = {"read": read, "doc": doc, "kind": "weights", "allowed": allowed}
    return field(default_factory=lambda: read(dict(default)), metadata=metadata)


def paths(doc: str, *, builtin: str = "") -> Any:
    """Files or folders; relative paths start from the folder of the recipe.

    Args:
        doc: Its description.
        builtin: A word that is no path, and neither is `builtin:name`. With such a word the list
            must not be empty.
    """

    def read(value: Any, folder: Path) -> tuple[str, ...]:
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise ValueError(f"expected a path or a list of paths, got {shown(value)}")
        named = [item for item in items if item]
        if builtin and not named:
            raise ValueError(f"expected at least one; {builtin!r} is always there")
        return tuple(
            item if item.split(":")[0] == builtin else _existing(item, folder) for item in named
        )

    metadata = {"read_path": read, "doc": doc, "kind": "paths", "builtin": builtin}
    return field(default=(builtin,) if builtin else (), metadata=metadata)


def _existing(item: str, folder: Path) -> str:
    try:
        path = (folder / Path(item).expanduser()).resolve()
        there = path.exists()
    except (OSError, RuntimeError, ValueError) as error:  # too long, links in a circle, no user
        cause = getattr(error, "strerror", None) or error
        raise ValueError(f"not a path that can be opened: {shown(item)} ({cause})") from None
    if not there:
        raise ValueError(f"no such file or folder: {printable(str(path))}")
    return str(path)


def read_section(
    name: str, section: Any, values: Mapping[str, Any], folder: Path, where: str
) -> Any:
    """A recipe section with some values replaced.

    Args:
        name: The section's name, for RecipeError.key.
        section: The section, a dataclass of fields made here.
        values: TOML values by key.
        folder: Folder from which relative paths start.
        where: What errors call the section, such as "street.toml: people".

    Raises:
        RecipeError: An unknown key or a wrong value; the message names both.
    """
    fields = {f.name: f for f in dataclasses.fields(section)}
    read_values = {}
    for key, value in values.items():
        if key not in fields:
            raise RecipeError(
                f"{where}.{printable(key)[:80]}: unknown key; there are: {', '.join(fields)}"
            )
        metadata = fields[key].metadata
        try:
            if "read_path" in metadata:
                read_values[key] = metadata["read_path"](value, folder)
            else:
                read_values[key] = metadata["read"](value)
        except ValueError as error:
            raise RecipeError(f"{where}.{key}: {error}", key=f"{name}.{key}") from None
    return dataclasses.replace(section, **read_values)


def to_plain_value(value: Any) -> Any:
    """A field's value as numbers, text, lists and tables, as TOML and JSON have them."""
    if isinstance(value, Distribution):
        return value.to_toml()
    return list(value) if isinstance(value, tuple) else value


def to_toml_value(value: Any) -> str:
    """Write one TOML value; the standard library only reads TOML.

    Raises:
        ValueError: A file name that is not UTF-8, which TOML cannot hold.
    """
    value = to_plain_value(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        if printable(value) != value and any("\ud800" <= c <= "\udfff" for c in value):
            raise ValueError(
                f"{printable(value)}: the name is not UTF-8; rename the file or folder"
            )
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(to_toml_value, value)) + "]"
    return "{ " + ", ".join(f"{key} = {to_toml_value(item)}" for key, item in value.items()) + " }"
