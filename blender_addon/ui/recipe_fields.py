"""The kinds of field that a recipe has, each as Blender properties: declared, written, and read back exactly.

Blender's floats have 32 bits, a recipe's have 64. So a field is read against its *original*, the value it was last
written from: where the property still shows that value, the original is meant; a number that somebody typed means
the shortest decimal that is this 32-bit float. Loading a recipe and leaving it alone thus changes nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np

from ..distributions import KINDS, Distribution, parse
from .preferences import absolute

CHOICES_EXAMPLE = "1, 2, 3 or, with weights, 1: 5, 2: 3, 3: 1"

_LARGEST = float(np.finfo(np.float32).max)
_SPELLINGS = {
    **{word: word.upper() for word in ("fov", "hdri", "jpg", "jpeg", "png")},
    "hdris": "HDRIs",
    "uvs": "UVs",
    "f_stop": "F-Stop",
    "builtin": "Built-In",
}
_DISTRIBUTION_ICONS = ("DOT", "NOCURVE", "SHARPCURVE", "SMOOTHCURVE", "PRESET")
_DISTRIBUTION_TOOLTIPS = (
    "Always the same value",
    "Any value between the two is as likely",
    "As many between 3 and 6 as between 30 and 60",
    "A Gaussian around the mean, cut off at the limits",
    "One of a list of values",
)


def title(name: str) -> str:
    """A name of the recipe as Blender writes labels: 'shape_noise' → 'Shape Noise', 'jpeg_quality' → 'JPEG Quality'."""
    return _SPELLINGS.get(name) or " ".join(_SPELLINGS.get(w, w.title()) for w in name.split("_"))


class Field:
    """One field of a section. This class serves those whose one property holds the recipe's value as it is."""

    def __init__(self, section: str, field: dataclasses.Field[Any], default: Any) -> None:
        self.section = section
        self.name = field.name
        self.metadata: Mapping[str, Any] = field.metadata
        self.default = default
        self.label = title(self.name)
        self.tooltip = self.metadata["doc"][0].upper() + self.metadata["doc"][1:]
        self.classes: tuple[
            type, ...
        ] = ()  # the property groups of its own, to be registered before the section's

    @property
    def key(self) -> str:
        """What errors call it: 'camera.distance'."""
        return f"{self.section}.{self.name}"

    def declare(self) -> Any:
        """The Blender property that shows it, at its default."""
        raise NotImplementedError

    def write(self, group: Any, value: Any) -> None:
        """Show `value` in the section's property group."""
        setattr(group, self.name, value)

    def content(self, group: Any) -> Hashable:
        """What the section's property group shows."""
        return getattr(group, self.name)

    def shown(self, value: Any) -> Hashable:
        """The content after `write(group, value)`."""
        return value

    def to_toml(self, content: Any, original: Any) -> Any:
        """The TOML value that `content` means when `original` was written last. Raises ValueError."""
        return content

    def from_toml(self, value: Any) -> Any:
        """The value to write that a TOML value means."""
        return value


class Switch(Field):
    def declare(self) -> Any:
        return bpy.props.BoolProperty(
            name=self.label, description=self.tooltip, default=self.default
        )


class OneOf(Field):
    def declare(self) -> Any:
        items = [(word, title(word), "") for word in self.metadata["allowed"]]
        return bpy.props.EnumProperty(
            name=self.label, description=self.tooltip, items=items, default=self.default
        )


class WholeNumber(Field):
    def declare(self) -> Any:
        return bpy.props.IntProperty(
            name=self.label,
            description=self.tooltip,
            default=self.default,
            min=self.metadata["low"],
            max=self.metadata["high"],
        )


class Number(Field):
    def declare(self) -> Any:
        low, high = self.metadata["low"], self.metadata["high"]
        return _float_property(self.label, self.tooltip, self.default, low, high)

    def shown(self, value: Any) -> Hashable:
        return _to_32_bits(value)

    def to_toml(self, content: Any, original: Any) -> Any:
        return _exact(content, original)


class Names(Field):
    """Some of a list of names, as flags. None set: all."""

    def declare(self) -> Any:
        # A callback: the names of poses and garments are read from files when the panel first shows them.
        return bpy.props.EnumProperty(
            name=self.label,
            description=self.tooltip,
            items=_flags_of(self.metadata["allowed"]),
            options={"ANIMATABLE", "ENUM_FLAG"},
        )

    def write(self, group: Any, value: Any) -> None:
        setattr(group, self.name, set(value))

    def content(self, group: Any) -> Hashable:
        return frozenset(getattr(group, self.name))

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
            kind: _float_property(
                title(kind),
                f"How often {title(kind)} is drawn",
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
        return tuple(_to_32_bits(value.get(kind, 0.0)) for kind in self.kinds)

    def to_toml(self, content: Any, original: Any) -> Any:
        weights = dict(zip(self.kinds, content, strict=True))
        ordered = dict.fromkeys(
            (*original, *self.kinds)
        )  # draws depend on the order of a recipe's table
        return {
            kind: _exact(weights[kind], original.get(kind, 0.0))
            for kind in ordered
            if weights[kind] or kind in original
        }


class Paths(Field):
    """Files and folders: a list of paths, and a switch for the word that stands for what is built in."""

    def __init__(self, section: str, field: dataclasses.Field[Any], default: Any) -> None:
        super().__init__(section, field, default)
        self.builtin: str = self.metadata["builtin"]
        item = group_class(
            f"{section}_{self.name}_item",
            {"path": bpy.props.StringProperty(name="Path", description=self.tooltip)},
        )
        properties = {"paths": bpy.props.CollectionProperty(type=item)}
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


class Vary(Field):
    """A Distribution. Its group holds the properties of every kind of distribution, so that changing the kind begins
    with numbers that fit; only those of the current kind count."""

    def __init__(self, section: str, field: dataclasses.Field[Any], default: Any) -> None:
        super().__init__(section, field, default)
        self.low, self.high = self.metadata["low"], self.metadata["high"]
        self.optional = "example" in self.metadata
        self.classes = (group_class(f"{section}_{self.name}", self._properties()),)

    def declare(self) -> Any:
        return bpy.props.PointerProperty(
            type=self.classes[0], name=self.label, description=self.tooltip
        )

    def write(self, group: Any, value: Distribution | None) -> None:
        properties = getattr(group, self.name)
        for name, shown in self._property_values(value).items():
            setattr(properties, name, shown)

    def content(self, group: Any) -> Hashable:
        return self._content(getattr(group, self.name))

    def shown(self, value: Distribution | None) -> Hashable:
        return self._content(SimpleNamespace(**self._property_values(value)))

    def to_toml(self, content: Any, original: Distribution | None) -> Any:
        if content is None:
            return None
        if original is not None and content == self.shown(original):
            return original.to_toml()
        kind, *shown = content
        if kind == "choice":
            return _parse_choices(shown[0])
        same_kind = original is not None and original.kind == kind
        exact = (
            (*original.values, original.min, original.max)
            if same_kind and original
            else (None,) * 4
        )
        numbers = [None if s is None else _exact(s, e) for s, e in zip(shown, exact, strict=False)]
        if kind == "constant":
            return numbers[0]
        if kind == "uniform":
            return numbers
        limits = {
            key: end
            for key, end in zip(("min", "max"), numbers[2:], strict=False)
            if end is not None
        }
        return {kind: numbers[:2], **limits}

    def from_toml(self, value: Any) -> Distribution | None:
        return None if value is None else parse(value)

    def _content(self, group: Any) -> Hashable:
        """The properties that count."""
        if self.optional and not group.given:
            return None
        kind = group.kind
        if kind == "constant":
            return kind, group.value
        if kind == "choice":
            return kind, group.choices
        if kind == "normal":
            low = group.min if group.use_min else None
            return kind, group.mean, group.deviation, low, group.max if group.use_max else None
        return kind, group.low, group.high

    def _property_values(self, value: Distribution | None) -> dict[str, Any]:
        """What every property of the group shows for `value`: its own numbers in those of its kind, numbers near
        them in the others."""
        distribution: Distribution = self.metadata["example"] if value is None else value
        kind, numbers = distribution.kind, distribution.values
        low, high = distribution.bounds
        if kind == "normal":
            mean, deviation = numbers
            low, high = (
                max(low, self.low, mean - 2 * deviation),
                min(high, self.high, mean + 2 * deviation),
            )
        middle = distribution.middle
        values = {
            "value": numbers[0] if kind == "constant" else _rounded(middle),
            "low": numbers[0] if kind in ("uniform", "log") else _rounded(low),
            "high": numbers[1] if kind in ("uniform", "log") else _rounded(high),
            "mean": numbers[0] if kind == "normal" else _rounded(middle),
            "deviation": numbers[1] if kind == "normal" else _rounded((high - low) / 4),
            "min": max(distribution.min, self.low),
            "max": min(distribution.max, self.high),
        }
        choices = (
            distribution if kind == "choice" else parse({"choice": [_rounded(low), _rounded(high)]})
        )
        return {
            **{name: _to_32_bits(number) for name, number in values.items()},
            "kind": kind,
            # A limit that the quantity has anyway is not shown as one.
            "use_min": distribution.min > self.low,
            "use_max": distribution.max < self.high,
            "choices": _format_choices(choices),
            **({"given": value is not None} if self.optional else {}),
        }

    def _properties(self) -> dict[str, Any]:
        defaults = self._property_values(self.default)
        low, high = self.low, self.high

        def number(name: str, label: str, low: float, high: float) -> Any:
            return _float_property(
                label, f"{self.tooltip}: {label.lower()}", defaults[name], low, high
            )

        properties = {
            "kind": bpy.props.EnumProperty(
                name="Distribution",
                description=f"How {self.label} varies",
                items=[
                    (kind, title(kind), tooltip, icon, number)
                    for number, (kind, tooltip, icon) in enumerate(
                        zip(KINDS, _DISTRIBUTION_TOOLTIPS, _DISTRIBUTION_ICONS, strict=True)
                    )
                ],
                default=defaults["kind"],
            ),
            "value": number("value", "Value", low, high),
            "low": number("low", "Lowest", low, high),
            "high": number("high", "Highest", low, high),
            "mean": number("mean", "Mean", -_LARGEST, _LARGEST),
            "deviation": number("deviation", "Standard deviation", 0.0, _LARGEST),
            "min": number("min", "Never below", low, high),
            "max": number("max", "Never above", low, high),
            "choices": bpy.props.StringProperty(
                name="Choices",
                description=f"{self.tooltip}: {CHOICES_EXAMPLE}",
                default=defaults["choices"],
            ),
        }
        for end, label in (("min", "Minimum"), ("max", "Maximum")):
            properties[f"use_{end}"] = bpy.props.BoolProperty(
                name=label,
                description=f"Cut the Gaussian off at a {label.lower()}",
                default=defaults[f"use_{end}"],
            )
        if self.optional:
            properties["given"] = bpy.props.BoolProperty(
                name=self.label, description=self.tooltip, default=defaults["given"]
            )
        return properties


_KINDS: dict[str, type[Field]] = {
    "switch": Switch,
    "one_of": OneOf,
    "number": Number,
    "names": Names,
    "weights": Weights,
    "paths": Paths,
    "vary": Vary,
}


def fields_of(section: str, default: Any) -> Iterator[Field]:
    """The fields of one of the recipe's sections, `default` being a section at its defaults."""
    for field in dataclasses.fields(default):
        value = getattr(default, field.name)
        kind = _KINDS[field.metadata["kind"]]
        if kind is Number and isinstance(value, int):
            kind = WholeNumber
        yield kind(section, field, value)


def group_class(name: str, annotations: Mapping[str, Any]) -> type:
    """A property group. Its class is called PII_SYNTH_PG_name, because all of Blender's classes share their names."""
    namespace = {"__annotations__": dict(annotations), "__module__": __name__}
    return type(f"PII_SYNTH_PG_{name}", (bpy.types.PropertyGroup,), namespace)


def _float_property(
    label: str,
    tooltip: str,
    default: float,
    low: float,
    high: float = _LARGEST,
    soft_high: float | None = None,
) -> Any:
    share = (low, high) == (0.0, 1.0) or soft_high is not None
    return bpy.props.FloatProperty(
        name=label,
        description=tooltip,
        default=default,
        min=low,
        max=high,
        soft_max=high if soft_high is None else soft_high,
        subtype="FACTOR" if share else "NONE",
        step=100 if high - low >= 10 else 5,  # hundredths
        precision=3 if high - low < 10 else 2,
    )


def _flags_of(allowed: Callable[[], tuple[str, ...]]) -> Callable[..., Any]:
    """The callback for an EnumProperty of flags. The items are kept, because Blender does not copy their text."""

    @cache
    def items() -> list[tuple[str, str, str, int]]:
        return [(name, title(name), "", 1 << bit) for bit, name in enumerate(allowed())]

    return lambda group, context: items()


def _to_32_bits(number: float) -> float:
    """What a FloatProperty holds after `number` was written to it."""
    return float(np.float32(min(max(number, -_LARGEST), _LARGEST)))


def _exact(shown: float, original: float | None) -> float:
    """The number that a FloatProperty means: the one it was written from, else its shortest decimal."""
    if original is not None and _to_32_bits(original) == shown:
        return original
    return float(str(np.float32(shown)))


def _rounded(number: float) -> float:
    return float(f"{number:.4g}")


def _format_choices(distribution: Distribution) -> str:
    """'1: 5, 2: 3' (value: weight), or '1, 2' where all are as likely."""

    def text(number: float) -> str:
        short = f"{number:g}"
        return short if float(short) == number else repr(number)

    if not distribution.weights:
        return ", ".join(map(text, distribution.values))
    pairs = zip(distribution.values, distribution.weights, strict=True)
    return ", ".join(f"{text(value)}: {text(weight)}" for value, weight in pairs)


def _parse_choices(choices: str) -> dict[str, list[float]]:
    """The TOML table that `_format_choices` shows; a value without a weight has weight 1. Raises ValueError."""
    values, weights = [], []
    for item in choices.split(","):
        value, colon, weight = item.partition(":")
        try:
            values.append(float(value))
            weights.append(float(weight) if colon else 1.0)
        except ValueError:
            raise ValueError(
                f"expected values such as {CHOICES_EXAMPLE}, got {choices!r}"
            ) from None
    return {"choice": values, "weights": weights} if ":" in choices else {"choice": values}


def _absolute(path: str, builtin: str) -> str:
    """`path` as the recipe wants it. Words stay as they are, and so does '//' while the .blend has no folder."""
    if builtin and path.split(":")[0] == builtin:
        return path
    try:
        return str(absolute(path))
    except ValueError:
        return path
