"""The field of a recipe that holds a Distribution, as Blender properties."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from types import SimpleNamespace
from typing import Any

import bpy

from ...recipes.distributions import KINDS, Distribution, parse
from .field import LARGEST, Field, exact_float, float_property, group_class, title, to_32_bits

CHOICES_EXAMPLE = "1, 2, 3 or, with weights, 1: 5, 2: 3, 3: 1"
_DISTRIBUTION_ICONS = ("DOT", "NOCURVE", "SHARPCURVE", "SMOOTHCURVE", "PRESET")
_DISTRIBUTION_TOOLTIPS = (
    "Use the same value always",
    "Draw any value between the two with the same probability",
    "Draw as many values between 3 and 6 as between 30 and 60",
    "Draw from a Gaussian around the mean, cut off at the limits",
    "Draw one of a list of values",
)


class DistributionField(Field):
    """A Distribution.

    Its group holds the properties of every kind of distribution, so that a change of the kind
    starts with numbers that fit; only those of the current kind count.
    """

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
        exact_numbers = (
            (*original.values, original.min, original.max)
            if same_kind and original
            else (None,) * 4
        )
        numbers = [
            None if s is None else exact_float(s, e)
            for s, e in zip(shown, exact_numbers, strict=False)
        ]
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
        """The value of every property of the group.

        Properties of the distribution's own kind hold its numbers, the others numbers near them.
        """
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
            **{name: to_32_bits(number) for name, number in values.items()},
            "kind": kind,
            # The quantity's own limits are not shown as limits of the Gaussian.
            "use_min": distribution.min > self.low,
            "use_max": distribution.max < self.high,
            "choices": _format_choices(choices),
            **({"given": value is not None} if self.optional else {}),
        }

    def _properties(self) -> dict[str, Any]:
        defaults = self._property_values(self.default)
        low, high = self.low, self.high

        def number(name: str, label: str, low: float, high: float) -> Any:
            return float_property(
                label, f"{self.tooltip}: {label.lower()}", defaults[name], low, high
            )

        properties = {
            "kind": bpy.props.EnumProperty(
                name="Distribution",
                description=f"Choose how {self.label} varies",
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
            "mean": number("mean", "Mean", -LARGEST, LARGEST),
            "deviation": number("deviation", "Standard deviation", 0.0, LARGEST),
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


def _rounded(number: float) -> float:
    return float(f"{number:.4g}")


def _format_choices(distribution: Distribution) -> str:
    """'1: 5, 2: 3' (value: weight), or '1, 2' where all are equally likely."""

    def text(number: float) -> str:
        short = f"{number:g}"
        return short if float(short) == number else repr(number)

    if not distribution.weights:
        return ", ".join(map(text, distribution.values))
    pairs = zip(distribution.values, distribution.weights, strict=True)
    return ", ".join(f"{text(value)}: {text(weight)}" for value, weight in pairs)


def _parse_choices(choices: str) -> dict[str, list[float]]:
    """The TOML table of a text by `_format_choices`; a value without a weight has weight 1.

    Raises ValueError.
    """
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
