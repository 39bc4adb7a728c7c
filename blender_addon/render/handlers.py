"""Keep the functions of other add-ons away from a render: they could change the image or its mask.

Add-ons register functions that Blender calls before a render, or when an object changes; in the
background too, where they were switched on in the preferences.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def handlers_shut_out() -> Iterator[None]:
    """Blender calls no function of `bpy.app.handlers` inside the block; afterwards all are back."""
    import bpy

    lists = [getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers)]
    saved = [(handlers, list(handlers)) for handlers in lists if isinstance(handlers, list)]
    for handlers, _ in saved:
        handlers.clear()
    try:
        yield
    finally:
        for handlers, functions in saved:
            handlers[:] = functions
