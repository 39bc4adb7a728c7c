"""The kinds of field that a recipe has, and which kind each of its fields is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Iterator
from functools import cache
from typing import Any

import bpy

from ..preferences import absolute
from .distribution_field import DistributionField
from .field import Field, exact_float, float_property, group_class, title, to_32_bits


class Switch(Field):
    """True or false."""

    def declare(self) -> Any:
        return bpy.props.BoolProperty(
            name=self.label, description=self.tooltip, default=self.default
        )


class OneOf(Field):
    """One word of a list."""

    def declare(self) -> Any:
        items = [(word, title(word), "") for word in self.metadata["allowed"]]
        return bpy.props.EnumProperty(
            name=self.label, description=self.tooltip, items=items, default=self.default
        )


class WholeNumber(Field):
    """An integer."""

    def declare(self) -> Any:
        return bpy.props.IntProperty(
            name=self.label,
            description=self.tooltip,
            default=self.default,
            min=self.metadata["low"],
            max=self.metadata["high"],
        )


class Number(Field):
    """A float."""

    def declare(self) -> Any:
        low, high = self.metadata["low"], self.metadata["high"]
        return float_property(self.label, self.tooltip, self.default, low, high)

    def shown(self, value: Any) -> Hashable:
        return to_32_bits(value)

    def to_toml(self, content: Any, original: Any) -> Any:
        return exact_float(content, original)


BITS = 31  # flags that one property of Blender holds
PARTS = 4  # properties of a field of names


class Names(Field):
    """Some names of a list, as flags. If none is set, all are allowed.

    The flags are spread over properties `part_0`, `part_1`, … of a group, BITS in each.
    """

    parts = tuple(f"part_{number}" for number in range(PARTS))

    def __init__(self, section: str, field: dataclasses.Field[Any], default: Any) -> None:
        super().__init__(section, field, default)
        # Callbacks, since the names of poses and garments are read from files when first shown.
        properties = {
            part: bpy.props.EnumProperty(
                name=self.label,
                description=self.tooltip,
                items=_flags_of(self.metadata["allowed"], number),
                options={"ANIMATABLE", "ENUM_FLAG"},
            )
            for number, part in enumerate(self.parts)
        }
        self.classes = (group_class(f"{section}_{self.name}", properties),)

    def declare(self) -> Any:
        return bpy.props.PointerProperty(
            type=self.classes[0], name=self.label, description=self.tooltip
        )

    def part_of(self, name: str) -> str:
        """The property that has the flag of a name."""
        return self.parts[self.metadata["allowed"]().index(name) // BITS]

    def write(self, group: Any, value: Any) -> None:
        flags = getattr(group, self.name)
        for part in self.parts:
            setattr(flags, part, {name for name in value if self.part_of(name) == part})

    def content(self, group: Any) -> frozenset[str]:
        flags = getattr(group, self.name)
        return frozenset().union(*(getattr(flags, part) for part in self.parts))

    def shown(self, value: Any) -> Hashable:
        return frozenset(value)

    def to_toml(self, content: Any, original: Any) -> Any:
        if content == self.shown(original):
            return list(original)
        return [name for name in self.metadata["allowed"]() if name in content]


class Weights(Field):
    """A weight for each of a few kinds."""

    def __init__(self, section: str, field: dataclasses.Field[Any], default: Any) -> None:
        super().__init__(section, field, default)
        self.kinds: tuple[str, ...] = self.metadata["allowed"]
        properties = {
            kind: float_property(
                title(kind),
                f"Draw {title(kind)} this often, relative to the other kinds",
                default.get(kind, 0.0),
                0.0,
                soft_high=10.0,
            )
            for kind in self.kinds
        }
        self.classes = (group_class(f"{section}_{self.name}", properties),)

    def declare(self) -> Any:
        return bpy.props.PointerProperty(
            type=self.classes[0], name=self.label, description=self.tooltip
        )

    def write(self, group: Any, value: Any) -> None:
        weights = getattr(group, self.name)
        for kind, weight in zip(self.kinds, self.shown(value), strict=True):
            setattr(weights, kind, weight)

    def content(self, group: Any) -> Hashable:
        weights = getattr(group, self.name)
        return tuple(getattr(weights, kind) for kind in self.kinds)

    def shown(self, value: Any) -> tuple[float, ...]:
        return tuple(to_32_bits(value.get(kind, 0.0)) for kind in self.kinds)

    def to_toml(self, content: Any, original: Any) -> Any:
        weights = dict(zip(self.kinds, content, strict=True))
        ordered = dict.fromkeys(
            (*original, *self.kinds)
        )  # draws depend on the order of a recipe's table
        return {
            kind: exact_float(weights[kind], original.get(kind, 0.0))
            for kind in ordered
            if weights[kind] or kind in original
        }


class Paths(Field):
    """A list of files and folders, and a switch for the built-in ones."""

    def __init__(self, section: str, field: dataclasses.Field[Any], default: Any) -> None:
        super().__init__(section, field, default)
        self.builtin: str = self.metadata["builtin"]
        item = group_class(
            f"{section}_{self.name}_item",
            {"path": bpy.props.StringProperty(name="Path", description=self.tooltip)},
        )
        properties = {
            "paths": bpy.props.CollectionProperty(type=item, name="Paths", description=self.tooltip)
        }
        if self.builtin:
            properties["builtin"] = bpy.props.BoolProperty(
                name=title(self.builtin), description=self.tooltip, default=self.builtin in default
            )
        self.classes = (item, group_class(f"{section}_{self.name}", properties))

    def declare(self) -> Any:
        return bpy.props.PointerProperty(
            type=self.classes[1], name=self.label, description=self.tooltip
        )

    def write(self, group: Any, value: Any) -> None:
        target = getattr(group, self.name)
        builtin, paths = self.shown(value)
        if self.builtin:
            target.builtin = builtin
        target.paths.clear()
        for path in paths:
            target.paths.add().path = path

    def content(self, group: Any) -> tuple[bool, tuple[str, ...]]:
        source = getattr(group, self.name)
        paths = tuple(_absolute(item.path, self.builtin) for item in source.paths if item.path)
        return bool(self.builtin and source.builtin), paths

    def shown(self, value: Any) -> tuple[bool, tuple[str, ...]]:
        paths = tuple(path for path in value if path != self.builtin)
        return bool(self.builtin) and self.builtin in value, paths

    def to_toml(self, content: Any, original: Any) -> Any:
        if content == self.shown(original):
            return list(original)
        builtin, paths = content
        for path in paths:
            if path.startswith("//"):
                raise ValueError(f"{path}: save the .blend first, the path is relative to it")
        if self.builtin and not builtin and not paths:
            raise ValueError(f"turn {title(self.builtin)} on, or add files of your own")
        return [self.builtin, *paths] if builtin else list(paths)


_KINDS: dict[str, type[Field]] = {
    "switch": Switch,
    "one_of": OneOf,
    "number": Number,
    "names": Names,
    "weights": Weights,
    "paths": Paths,
    "vary": DistributionField,
}


def fields_of(section: str, default: Any) -> Iterator[Field]:
    """Make the fields of one section of the recipe.

    Args:
        section: name of the section.
        default: that section at its defaults.
    """
    for field in dataclasses.fields(default):
        value = getattr(default, field.name)
        kind = _KINDS[field.metadata["kind"]]
        if kind is Number and isinstance(value, int):
            kind = WholeNumber
        yield kind(section, field, value)


def _flags_of(allowed: Callable[[], tuple[str, ...]], part: int) -> Callable[..., Any]:
    """The callback of an EnumProperty of flags: the `part`-th BITS names of a list.

    The items are cached, because Blender does not copy their text.
    """

    @cache
    def items() -> list[tuple[str, str, str, int]]:
        names = allowed()[part * BITS : (part + 1) * BITS]
        return [(name, title(name), "", 1 << bit) for bit, name in enumerate(names)]

    return lambda group, context: items()


def _absolute(path: str, builtin: str) -> str:
    """Make a path absolute; words, and '//' while the .blend has no folder, stay as they are."""
    if builtin and path.split(":")[0] == builtin:
        return path
    try:
        return str(absolute(path))
    except ValueError:
        return path
