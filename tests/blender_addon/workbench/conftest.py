"""The extension registered in an empty file, as the workbench's scenes need its settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

import blender_addon
from blender_addon.recipes.recipe import Recipe
from blender_addon.recipes.toml_io import load_preset
from blender_addon.render.compat import import_bpy
from blender_addon.scene.assets import Assets, load_assets


@pytest.fixture(scope="session")
def bpy() -> Any:
    return import_bpy()


@pytest.fixture
def scene(bpy: Any) -> Iterator[Any]:
    """The scene that Blender shows: empty, but for its settings."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    blender_addon.register()
    yield bpy.context.scene
    blender_addon.unregister()


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """Everyday scenes, each with people."""
    everyday = load_preset("everyday").with_render(width=64, height=64, samples=2)
    return dataclasses.replace(everyday, scenery=dataclasses.replace(everyday.scenery, empty=0.0))


@pytest.fixture(scope="session")
def assets(recipe: Recipe) -> Assets:
    return load_assets(recipe)
