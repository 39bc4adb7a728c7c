"""The part of a panel that shows what a folder of packs holds, and what of it cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

from ..preferences import absolute
from ..tab import draw_wrapped_text

NAMED = 8  # unusable items that are shown


def draw_contents(
    layout: Any,
    context: Any,
    path: str,
    known: Callable[[str], Any],
    inventory: Callable[[Any], str],
) -> None:
    """Draw what a folder holds, as it was read last; no file is read.

    Args:
        layout: Where to draw.
        context: Blender's context.
        path: The folder, as the user typed it.
        known: The pack in a folder by its absolute path; None for one that was not read yet.
        inventory: The numbers of its items, in words.
    """
    box = layout.box()
    box.label(text=bpy.path.basename(path.rstrip("/\\")), icon="FILE_FOLDER")
    try:
        pack = known(str(absolute(path)))
    except ValueError as error:  # a path of a .blend that was never saved
        draw_wrapped_text(box, context, str(error), "ERROR", alert=True)
        return
    if pack is None:
        draw_wrapped_text(box, context, "Not read yet", "INFO", alert=False)
        return
    draw_wrapped_text(box, context, inventory(pack), "CHECKMARK", alert=False)
    for entry in pack.unusable[:NAMED]:
        draw_wrapped_text(box, context, f"{entry.name}: {entry.reason}", "ERROR", alert=False)
    if len(pack.unusable) > NAMED:
        box.label(text=f"and {len(pack.unusable) - NAMED} more that cannot be used")
