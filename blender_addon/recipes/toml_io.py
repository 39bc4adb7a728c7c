"""Recipe files: TOML in, a checked Recipe out; every error names the file and the key.

A file holds only what differs from its `base` (a preset's name; "everyday" unless it says
otherwise):

    base = "street"
    [people]
    count = [1, 12]
    [background]
    kinds = { photo = 1 }
    photos = "my_photos"      # relative to the recipe file
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .fields import RecipeError, read_section
from .recipe import Recipe

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
        raise RecipeError(f"no preset {name!r}; there are: {', '.join(preset_names())}")
    return load_recipe(PRESETS / f"{name}.toml")


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe file.

    Raises:
        RecipeError: The file cannot be read or used; the message names file and key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read ({error})") from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path}: not valid TOML: {error}") from None
    return parse_recipe(data, name=path.stem, folder=path.parent, where=str(path))


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
    base_name = data.get("base", "everyday")
    if base is not None:
        recipe = base
    elif name == base_name or (name == "everyday" and "base" not in data):
        recipe = Recipe()
    elif isinstance(base_name, str):
        try:
            recipe = load_preset(base_name)
        except RecipeError as error:
            raise RecipeError(f"{where}: base: {error}") from None
    else:
        raise RecipeError(f"{where}: base: expected the name of a preset, got {base_name!r}")
    own_name = data.get("name", name)
    if not isinstance(own_name, str):
        raise RecipeError(f"{where}: name: expected text, got {own_name!r}")
    sections = {f.name for f in dataclasses.fields(Recipe)} - {"name"}
    changed: dict[str, Any] = {}
    for key, value in data.items():
        if key in ("base", "name"):
            continue
        if key not in sections:
            raise RecipeError(
                f"{where}: unknown key {key!r}; sections are: {', '.join(sorted(sections))}"
            )
        if not isinstance(value, dict):
            raise RecipeError(f"{where}: {key}: expected a [section], got {value!r}")
        changed[key] = read_section(key, getattr(recipe, key), value, folder, f"{where}: {key}")
    recipe = dataclasses.replace(recipe, name=own_name, **changed)
    if recipe.background.kinds.get("photo") and not recipe.background.photos:
        raise RecipeError(
            f"{where}: background.photos: kind 'photo' needs photos; name a folder of them",
            key="background.photos",
        )
    return recipe
