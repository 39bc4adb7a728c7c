"""Recipe files: TOML in, a checked Recipe out; every error names the file and the key.

A file holds only what differs from its `base` (a preset's name; "everyday" unless it says
otherwise):

    base = "street"
    [people]
    count = [1, 12]
    [background]
    kinds = { photo = 1 }
    photos = "my_photos"      # relative to the recipe file

The base counts whatever the file is called: `close.toml` may have `base = "close"`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..dataset import printable
from .distributions import shown
from .fields import RecipeError, read_section
from .recipe import SECTIONS, Recipe
from .toml_text import read_toml

DEFAULT_BASE = "everyday"
TOP_KEYS = ("base", "name", "streams")
PRESETS = Path(__file__).parent / "presets"


def preset_names() -> tuple[str, ...]:
    """Names of the bundled presets."""
    return tuple(sorted(path.stem for path in PRESETS.glob("*.toml")))


def load_preset(name: str) -> Recipe:
    """Load a bundled preset.

    Raises:
        RecipeError: There is no preset of this name; the message lists them.
    """
    if name not in preset_names():
        raise RecipeError(f"no preset {shown(name)}; there are: {', '.join(preset_names())}")
    path = PRESETS / f"{name}.toml"
    # Every preset but the default one differs from the default one.
    base = Recipe() if name == DEFAULT_BASE else None
    return parse_recipe(read_toml(path), name=name, folder=path.parent, where=str(path), base=base)


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe file.

    Raises:
        RecipeError: The file cannot be read or used; the message names file and key.
    """
    name = printable(path.stem)
    return parse_recipe(read_toml(path), name=name, folder=path.parent, where=printable(str(path)))


def parse_recipe(
    data: Mapping[str, Any], *, name: str, folder: Path, where: str, base: Recipe | None = None
) -> Recipe:
    """Make a recipe from parsed TOML.

    Args:
        data: The content of the file.
        name: The recipe's name where `data` has none.
        folder: Folder from which relative paths start.
        where: What errors call the recipe, such as its path.
        base: The recipe that it differs from; None for the preset that `data` names.

    Raises:
        RecipeError: An unknown key or a wrong value; the message names both.
    """
    recipe = _base(data, where) if base is None else base
    changed: dict[str, Any] = {}
    for key, value in data.items():
        if key in TOP_KEYS:
            if not isinstance(value, str):
                raise RecipeError(f"{where}: {key}: expected text, got {shown(value)}")
        elif key not in SECTIONS:
            raise RecipeError(
                f"{where}: unknown key {shown(key)}; sections are: {', '.join(sorted(SECTIONS))}"
            )
        elif not isinstance(value, dict):
            raise RecipeError(f"{where}: {key}: expected a [section], got {shown(value)}")
        else:
            misplaced = next((k for k in value if k in TOP_KEYS), None)
            if misplaced is not None:
                raise RecipeError(
                    f"{where}: {key}.{misplaced}: {misplaced!r} belongs to the top of the recipe, "
                    "above the first [section]"
                )
            changed[key] = read_section(key, getattr(recipe, key), value, folder, f"{where}: {key}")
    # A recipe of another name draws from streams of its own, whatever its base does.
    streams = data.get("streams", recipe.streams if base is not None else "")
    recipe = dataclasses.replace(recipe, name=data.get("name", name), streams=streams, **changed)
    photos = recipe.background.photos or recipe.scenery.photos
    if recipe.background.kinds.get("photo") and not photos:
        raise RecipeError(
            f"{where}: background.photos: kind 'photo' needs photos; name a folder of them",
            key="background.photos",
        )
    return recipe


def _base(data: Mapping[str, Any], where: str) -> Recipe:
    """The preset that a recipe file differs from."""
    name = data.get("base", DEFAULT_BASE)
    if not isinstance(name, str):
        raise RecipeError(f"{where}: base: expected the name of a preset, got {shown(name)}")
    try:
        return load_preset(name)
    except RecipeError as error:
        raise RecipeError(f"{where}: base: {error}") from None
