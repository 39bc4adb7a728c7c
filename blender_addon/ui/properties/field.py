"""One field of a recipe as Blender properties, which can be written and read back exactly.

Blender's floats have 32 bits, a recipe's have 64. So a field is read against its *original*, the
value that was last written to it. Where the property still shows that value, the original is meant;
a typed number means the shortest decimal that gives this 32-bit float. Loading a recipe without
editing it thus changes nothing.
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
    """A name of the recipe as a label: 'jpeg_quality' → 'JPEG Quality'."""
    return _SPELLINGS.get(name) or " ".join(_SPELLINGS.get(w, w.title()) for w in name.split("_"))


class Field:
    """One field of a section.

    This class serves fields whose single property holds the recipe's value unchanged; subclasses
    convert. `classes` are the property groups of its own, registered before the section's.
    """

    def __init__(self, section: str, field: dataclasses.Field[Any], default: Any) -> None:
        self.section = section
        self.name = field.name
        self.metadata: Mapping[str, Any] = field.metadata
        self.default = default
        self.label = title(self.name)
        self.tooltip = self.metadata["doc"][0].upper() + self.metadata["doc"][1:]
        self.classes: tuple[type, ...] = ()

    @property
    def key(self) -> str:
        """The name of the field in errors, such as 'camera.distance'."""
        return f"{self.section}.{self.name}"

    def declare(self) -> Any:
        """The Blender property that shows the field, at its default."""
        raise NotImplementedError

    def write(self, group: Any, value: Any) -> None:
        """Show `value` in the section's property group."""
        setattr(group, self.name, value)

    def content(self, group: Any) -> Hashable:
        """Read what the section's property group shows."""
        return getattr(group, self.name)

    def shown(self, value: Any) -> Hashable:
        """The content after `write(group, value)`."""
        return value

    def to_toml(self, content: Any, original: Any) -> Any:
        """Convert a content to a TOML value.

        Args:
            content: what `content` returned.
            original: the value that was written last.

        Returns:
            The TOML value; None leaves the field out.

        Raises:
            ValueError: the content is no valid value.
        """
        return content

    def from_toml(self, value: Any) -> Any:
        """Convert a TOML value to the value that `write` takes."""
        return value


def group_class(name: str, annotations: Mapping[str, Any]) -> type:
    """Make the property group PII_SYNTH_PG_<name>; all classes in Blender share one namespace."""
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
    """A FloatProperty within [low, high]; a slider for [0, 1] or where soft_high is given."""
    slider = (low, high) == (0.0, 1.0) or soft_high is not None
    return bpy.props.FloatProperty(
        name=label,
        description=tooltip,
        default=default,
        min=low,
        max=high,
        soft_max=high if soft_high is None else soft_high,
        subtype="FACTOR" if slider else "NONE",
        step=100 if high - low >= 10 else 5,  # hundredths
        precision=3 if high - low < 10 else 2,
    )


def to_32_bits(number: float) -> float:
    """The value of a FloatProperty after `number` was written to it."""
    return float(np.float32(min(max(number, -LARGEST), LARGEST)))


def exact_float(shown: float, original: float | None) -> float:
    """The number that a FloatProperty means: its original, or else its shortest decimal."""
    if original is not None and to_32_bits(original) == shown:
        return original
    return float(str(np.float32(shown)))
