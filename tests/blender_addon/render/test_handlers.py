"""Functions of other add-ons see nothing of a render of ours, and are back after it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from blender_addon.datagen.renderer import Renderer
from blender_addon.recipes.toml_io import load_preset
from blender_addon.render.handlers import handlers_shut_out
from blender_addon.scene.assets import load_assets
from blender_addon.scene.sampling import sample_scene


def test_all_handlers_are_back_after_an_error_too(bpy: Any) -> None:
    def watch(*arguments: Any) -> None:
        """An add-on's handler."""

    bpy.app.handlers.render_pre.append(watch)
    try:
        with pytest.raises(RuntimeError), handlers_shut_out():
            assert not bpy.app.handlers.render_pre
            raise RuntimeError
        assert watch in list(bpy.app.handlers.render_pre)
    finally:
        bpy.app.handlers.render_pre.remove(watch)


def test_an_add_on_changes_neither_image_nor_mask(bpy: Any) -> None:
    """It moves every mesh and paints the world before each render and at each change."""
    called = []

    def meddle(*arguments: Any) -> None:
        called.append(1)
        for obj in bpy.data.objects:
            obj.location.z += 1.0

    recipe = load_preset("everyday").with_render(width=64, height=64, samples=1)
    assets = load_assets(recipe)
    spec = sample_scene(recipe, assets, 0, 3)
    renderer = Renderer(assets, device="cpu")
    alone = renderer.render(spec)
    lists = [bpy.app.handlers.render_pre, bpy.app.handlers.depsgraph_update_post]
    for handlers in lists:
        handlers.append(meddle)
    try:
        beside = renderer.render(spec)
    finally:
        for handlers in lists:
            handlers.remove(meddle)
    assert not called
    np.testing.assert_array_equal(beside.instances, alone.instances)
    np.testing.assert_array_equal(beside.image, alone.image)
