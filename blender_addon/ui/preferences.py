"""The extension's preferences: folders, the default device, where the output goes."""

from __future__ import annotations

import bpy

_CLASSES: tuple[type, ...] = ()


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
