"""The order of the panels in the tab, which ones start closed, and the height of the first."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import bpy
import pytest

import blender_addon
from blender_addon.ui.tab import CATEGORY
from tests.blender_addon.ui.layout import Layout

SIDEBAR = 635  # px: height of the sidebar in a window of 1280 x 800, Blender as it is installed
ROW = 26  # px: a button and the gap below it


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    blender_addon.register()
    yield
    blender_addon.unregister()


def panels() -> list[Any]:
    """The panels of the tab in the order in which they are registered."""
    tab = [cls for cls in bpy.types.Panel.__subclasses__() if cls.is_registered]
    return [cls for cls in tab if getattr(cls, "bl_category", "") == CATEGORY]


def starts_closed(panel: Any) -> bool:
    return "DEFAULT_CLOSED" in getattr(panel, "bl_options", ())


def test_generate_batch_is_the_first_panel() -> None:
    top = [panel for panel in panels() if not getattr(panel, "bl_parent_id", "")]
    by_order = sorted(top, key=lambda panel: panel.bl_order)
    assert [panel.bl_label for panel in by_order] == [
        "Generate Batch",
        "Recipe",
        "People",
        "Sample",
        "Preview",
    ]
    assert len({panel.bl_order for panel in top}) == len(top), "no two panels claim one place"


def test_what_starts_closed() -> None:
    top = [panel for panel in panels() if not getattr(panel, "bl_parent_id", "")]
    assert {panel.bl_label for panel in top if not starts_closed(panel)} == {
        "Generate Batch",
        "Recipe",
    }
    sections = [
        panel for panel in panels() if getattr(panel, "bl_parent_id", "") == "PII_SYNTH_PT_recipe"
    ]
    assert len(sections) == 11
    assert all(starts_closed(panel) for panel in sections)


def test_generate_batch_is_seen_without_scrolling() -> None:
    layout = Layout(bpy)
    bpy.types.PII_SYNTH_PT_batch.draw(SimpleNamespace(layout=layout), bpy.context)
    assert "pii_synth.generate" in layout.buttons()
    header = 1
    assert 5 < layout.rows() < 16
    assert (header + layout.rows()) * ROW < SIDEBAR
