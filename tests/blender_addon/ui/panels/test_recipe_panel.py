"""The panel Recipe in pip's bpy: its sub-panels, and the field that an error marks."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import bpy
import pytest

import blender_addon
from blender_addon.ui.panels import recipe as recipe_panel
from blender_addon.ui.properties.recipe_settings import SECTIONS
from tests.blender_addon.ui.layout import Layout


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    blender_addon.register()
    yield
    blender_addon.unregister()


def test_every_section_has_a_closed_sub_panel_in_the_recipes_order() -> None:
    parent = recipe_panel.PII_SYNTH_PT_recipe
    children = [
        cls for cls in recipe_panel._CLASSES if getattr(cls, "bl_parent_id", "") == parent.bl_idname
    ]
    assert [cls.section for cls in children] == list(SECTIONS)
    assert all("DEFAULT_CLOSED" in cls.bl_options and cls.is_registered for cls in children)


def test_only_the_wrong_field_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    red: dict[str, bool] = {}

    def draw_field(column: Any, group: Any, field: Any) -> None:
        red[field.key] = column.alert

    monkeypatch.setattr(recipe_panel, "_DRAW", {})
    monkeypatch.setattr(recipe_panel, "_draw_property", draw_field)
    bpy.context.scene.pii_synth.recipe.people.count.low = 9
    for section in SECTIONS:
        panel = SimpleNamespace(layout=Layout(bpy), section=section)
        recipe_panel.SectionPanel.draw(panel, bpy.context)
    assert len(red) > 50
    assert [key for key, is_red in red.items() if is_red] == ["people.count"]
