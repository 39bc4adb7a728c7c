"""The kinds of field that a recipe has, each as Blender properties: declared, written, and read back exactly.

Blender's floats have 32 bits, a recipe's have 64. So a field is read against its *original*, the value it was last
written from: where the property still shows that value, the original is meant; a number that somebody typed means
the shortest decimal that is this 32-bit float. Loading a recipe and leaving it alone thus changes nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from typing import Any

import bpy
import numpy as np

LARGEST = float(np.finfo(np.float32).max)
_SPELLINGS = {
    **{word: word.upper() for word in ("fov", "hdri", "jpg", "jpeg", "png")},
    "hdris": "HDRIs",
    "uvs": "UVs",
    "f_stop": "F-Stop",
    "builtin": "Built-In",
}


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


def group_class(name: str, annotations: Mapping[str, Any]) -> type:
    """A property group. Its class is called PII_SYNTH_PG_name, because all of Blender's classes share their names."""
    namespace = {"__annotations__": dict(annotations), "__module__": __name__}
    return type(f"PII_SYNTH_PG_{name}", (bpy.types.PropertyGroup,), namespace)


def float_property(
    label: str,
    tooltip: str,
    default: float,
    low: float,
    high: float = LARGEST,
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


def to_32_bits(number: float) -> float:
    """What a FloatProperty holds after `number` was written to it."""
    return float(np.float32(min(max(number, -LARGEST), LARGEST)))


def exact_float(shown: float, original: float | None) -> float:
    """The number that a FloatProperty means: the one it was written from, else its shortest decimal."""
    if original is not None and to_32_bits(original) == shown:
        return original
    return float(str(np.float32(shown)))
