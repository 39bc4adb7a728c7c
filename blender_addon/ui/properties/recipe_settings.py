"""The recipe as Blender properties, made from the fields of Recipe: `scene.pii_synth.recipe`.

Each section is a property group, each field a property (`recipe_fields` has the kinds). A new scene
shows Recipe().
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import bpy

from ...recipes.fields import RecipeError
from ...recipes.recipe import SECTIONS as RECIPE_SECTIONS
from ...recipes.recipe import Recipe
from ...recipes.toml_io import parse_recipe
from .field import Field, group_class, title
from .recipe_fields import Paths, fields_of

WHERE = "Recipe"  # errors name the panel by it; for a recipe from a file they name the file

SECTIONS: dict[str, tuple[Field, ...]] = {
    section: tuple(fields_of(section, getattr(Recipe(), section))) for section in RECIPE_SECTIONS
}

_GROUPS = {
    section: group_class(section, {field.name: field.declare() for field in fields})
    for section, fields in SECTIONS.items()
}

# `source` is the TOML of the recipe that was shown last; the properties are read against it.
RecipeSettings = group_class(
    "recipe",
    {
        "name": bpy.props.StringProperty(
            name="Name",
            description="Name the recipe; a recipe of another name draws other scenes",
            default=Recipe().name,
        ),
        "source": bpy.props.StringProperty(
            name="Source",
            description="Holds the TOML of the recipe that was loaded last",
            options={"HIDDEN"},
        ),
        **{
            section: bpy.props.PointerProperty(
                type=group,
                name=title(section),
                description=f"Set the section {title(section)} of the recipe",
            )
            for section, group in _GROUPS.items()
        },
    },
)


def to_recipe(settings: Any) -> Recipe:
    """The recipe that the panel shows.

    Raises:
        RecipeError: a field is wrong; the message and `key` name it.
    """
    result = _parse(*_contents(settings))
    if isinstance(result, _Problem):
        raise RecipeError(result.message, key=result.key)
    return result


def recipe_error(settings: Any) -> str | None:
    """The error in the recipe that the panel shows, in one sentence; None when there is none.

    Takes a tenth of a millisecond, so that polls can call it.
    """
    result = _parse(*_contents(settings))
    return result.message if isinstance(result, _Problem) else None


def wrong_key(settings: Any) -> str:
    """The key of the field that `recipe_error` names, such as 'people.count', or ''."""
    result = _parse(*_contents(settings))
    return result.key if isinstance(result, _Problem) else ""


def in_panel_words(text: str) -> str:
    """A message about a recipe with the panel's labels in place of the recipe file's keys:
    'poses.motions_up' → 'Poses > Motions Up'.
    """

    def label(match: re.Match[str]) -> str:
        section, name = match.groups()
        field = next((field for field in SECTIONS[section] if field.name == name), None)
        return match.group() if field is None else f"{title(section)} > {field.label}"

    return re.sub(rf"\b({'|'.join(SECTIONS)})\.(\w+)\b", label, text)


def from_recipe(settings: Any, recipe: Recipe) -> None:
    """Show `recipe` in the panel."""
    settings.name = recipe.name
    settings.source = recipe.to_toml()
    for section in SECTIONS:
        _write_section(settings, section, vars(getattr(recipe, section)))


def is_changed(settings: Any, section: str) -> bool:
    """Whether a section differs from the preset or file that was loaded last."""
    originals = _originals(settings.source)[section]
    group = getattr(settings, section)
    return any(
        field.content(group) != field.shown(originals[field.name]) for field in SECTIONS[section]
    )


def reset_section(settings: Any, section: str) -> None:
    """Set a section back to the preset or file that was loaded last."""
    _write_section(settings, section, _originals(settings.source)[section])


def _write_section(settings: Any, section: str, values: Mapping[str, Any]) -> None:
    for field in SECTIONS[section]:
        field.write(getattr(settings, section), values[field.name])


def _contents(settings: Any) -> tuple[str, str, tuple[Hashable, ...], tuple[bool, ...]]:
    """All that the recipe depends on: source, name, contents, and which of the paths exist."""
    contents = []
    exists = []
    for section, fields in SECTIONS.items():
        group = getattr(settings, section)
        for field in fields:
            content = field.content(group)
            contents.append(content)
            if isinstance(field, Paths):
                exists += [Path(path).exists() for path in field.content(group)[1]]
    return settings.source, settings.name, tuple(contents), tuple(exists)


@dataclass(frozen=True)
class _Problem:
    """A RecipeError as data, since a cached exception would collect tracebacks."""

    message: str
    key: str


@lru_cache(maxsize=8)
def _parse(
    source: str, name: str, contents: tuple[Hashable, ...], exists: tuple[bool, ...]
) -> Recipe | _Problem:
    """The recipe, or its error. Cached, since every poll of every redraw calls it."""
    originals = _originals(source)
    original_name = originals["name"]
    data: dict[str, Any] = {"name": original_name if name == original_name.split("\0")[0] else name}
    if originals["streams"]:
        data["streams"] = originals["streams"]
    remaining = iter(contents)
    for section, fields in SECTIONS.items():
        data[section] = {}
        for field in fields:
            try:
                value = field.to_toml(next(remaining), originals[section][field.name])
            except ValueError as error:
                return _Problem(f"{WHERE}: {field.key}: {error}", field.key)
            if value is not None:
                data[section][field.name] = value
    try:
        return parse_recipe(data, name=name, folder=Path(), where=WHERE, base=Recipe())
    except RecipeError as error:
        return _Problem(str(error), error.key)


@lru_cache(maxsize=8)
def _originals(source: str) -> dict[str, Any]:
    """The recipe that was shown last: its name, its streams, and the values of the properties.

    Read without `parse_recipe`, which would reject folders that were deleted since.
    """
    data = tomllib.loads(source) if source else Recipe().to_json()
    originals: dict[str, Any] = {"name": data["name"], "streams": data.get("streams", "")}
    for section, fields in SECTIONS.items():
        values = data.get(section, {})
        originals[section] = {
            field.name: field.from_toml(values[field.name])
            if field.name in values
            else field.default
            for field in fields
        }
    return originals


_CLASSES = (
    *(cls for fields in SECTIONS.values() for field in fields for cls in field.classes),
    *_GROUPS.values(),
    RecipeSettings,
)


register, unregister = bpy.utils.register_classes_factory(_CLASSES)
