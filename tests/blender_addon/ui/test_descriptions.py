"""Every operator, panel, menu and property of the extension has a readable description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy
import pytest

import blender_addon
from blender_addon.ui.tab import CATEGORY

FRAGMENTS = ("Of ", "What ", "How ", "Likewise")


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    blender_addon.register()
    yield
    blender_addon.unregister()


def classes(kind: type) -> list[Any]:
    """The registered classes of the extension that derive from one of Blender's."""
    found = []
    for cls in kind.__subclasses__():
        found += classes(cls)
        if cls.__module__.startswith("blender_addon.ui.") and cls.is_registered:
            found.append(cls)
    return found


def operator_type(cls: Any) -> Any:
    module, _, name = cls.bl_idname.partition(".")
    return getattr(getattr(bpy.ops, module), name).get_rna_type()


def complaint(description: str) -> str:
    if not description.strip():
        return "empty"
    if description.startswith(FRAGMENTS):
        return f"begins like a fragment: {description!r}"
    if description[0].islower():
        return f"begins in lower case: {description!r}"
    if description.endswith("."):
        return f"ends with a full stop, as Blender's own do not: {description!r}"
    return ""


def complaints(descriptions: dict[str, str]) -> dict[str, str]:
    return {name: said for name, text in descriptions.items() if (said := complaint(text))}


def properties_of(rna: Any) -> dict[str, str]:
    """Descriptions of those properties that the extension itself declares."""
    return {
        f"{rna.identifier}.{prop.identifier}": prop.description
        for prop in rna.properties
        if prop.is_runtime
    }


def test_operators() -> None:
    operators = {
        cls.bl_idname: operator_type(cls).description for cls in classes(bpy.types.Operator)
    }
    assert len(operators) > 20
    assert complaints(operators) == {}


def test_panels_and_menus() -> None:
    kinds = (bpy.types.Panel, bpy.types.Menu)
    found = {
        cls.bl_idname: getattr(cls, "bl_description", "") for kind in kinds for cls in classes(kind)
    }
    assert len(found) > 15
    assert complaints(found) == {}
    for panel in classes(bpy.types.Panel):
        place = panel.bl_space_type, panel.bl_region_type, panel.bl_category
        assert place == ("VIEW_3D", "UI", CATEGORY), panel


def test_properties() -> None:
    groups = [*classes(bpy.types.PropertyGroup), *classes(bpy.types.AddonPreferences)]
    types = [cls.bl_rna for cls in groups]
    types += [operator_type(cls) for cls in classes(bpy.types.Operator)]
    found: dict[str, str] = {}
    for rna in types:
        found |= properties_of(rna)
    assert len(found) > 200
    assert complaints(found) == {}


def test_a_fragment_is_found() -> None:
    assert complaints({"a": "", "b": "Of the image", "c": "How many", "d": "Show the image"}) == {
        "a": "empty",
        "b": "begins like a fragment: 'Of the image'",
        "c": "begins like a fragment: 'How many'",
    }
