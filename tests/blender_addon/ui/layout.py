"""A stand-in for Blender's layout, which records what a panel draws and counts its rows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class Layout:
    """Records what a panel draws; rejects unknown properties, icons and operators like Blender."""

    def __init__(
        self, bpy: Any, drawn: list[tuple[str, str]] | None = None, *, beside: bool = False
    ) -> None:
        self.bpy, self.drawn = bpy, [] if drawn is None else drawn
        functions = bpy.types.UILayout.bl_rna.functions
        self.icons = set(functions["label"].parameters["icon"].enum_items.keys())
        self.scale_y = 1.0
        self._beside = beside
        self._items: list[float | Layout] = []

    def _below(self, **_: Any) -> Layout:
        return self._add(Layout(self.bpy, self.drawn))

    column = box = _below

    def row(self, **_: Any) -> Layout:
        return self._add(Layout(self.bpy, self.drawn, beside=True))

    def _add(self, layout: Layout) -> Layout:
        self._items.append(layout)
        return layout

    def _one_row(self) -> None:
        self._items.append(1.0)

    def rows(self) -> float:
        """The height, in rows of one button."""
        heights = [item.rows() if isinstance(item, Layout) else item for item in self._items]
        return self.scale_y * (max(heights, default=0.0) if self._beside else sum(heights))

    def label(self, text: str = "", icon: str = "NONE") -> None:
        assert icon in self.icons
        self._one_row()
        self.drawn.append(("label", text))

    def prop(self, data: Any, name: str, text: str | None = None, placeholder: str = "") -> None:
        assert name in data.bl_rna.properties
        self._one_row()
        self.drawn.append(("prop", name))

    def progress(self, factor: float, text: str, type: str = "BAR") -> None:
        assert 0 <= factor <= 1
        assert type in ("BAR", "RING")
        self._one_row()
        self.drawn.append(("progress", f"{factor:.2f} {text}"))

    def operator(self, name: str, text: str | None = None, icon: str = "NONE") -> Any:
        assert icon in self.icons
        module, _, function = name.partition(".")
        kind = getattr(getattr(self.bpy.ops, module), function).get_rna_type()
        self._one_row()
        self.drawn.append((name, kind.name if text is None else text))
        return SimpleNamespace()

    def said(self) -> str:
        return " | ".join(text for _, text in self.drawn)

    def buttons(self) -> dict[str, str]:
        return {name: text for name, text in self.drawn if "." in name}
