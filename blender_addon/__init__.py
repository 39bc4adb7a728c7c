# SPDX-License-Identifier: GPL-3.0-or-later OR Apache-2.0
"""PII Synth renders people who never existed, as image and mask pairs, with Blender's Cycles.

It runs inside Blender as an extension, under `blender -b -P blender_addon/batch.py`, and with pip's
`bpy`. Importing it does not import bpy: recipes, sampling, bodies and the dataset contract work and
are tested without Blender.

    from blender_addon import dataset                       # read and write datasets, anywhere
    from blender_addon import generate, load_preset         # in a Python that has Blender's bpy
    generate(load_preset("everyday"), Path("renders"), count=100)

The package is GPL-3.0-or-later. This file, dataset.py, dataset_lines.py, dataset_credits.py and
output_files.py are also Apache-2.0, as you choose, since the other packages read datasets through
them; the default body's data are CC0-1.0.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bodies.library import default_body, load_body
    from .datagen.generate import generate
    from .datagen.renderer import Renderer
    from .recipes.toml_io import load_preset

__all__ = [
    "VERSION",
    "Renderer",
    "default_body",
    "generate",
    "load_body",
    "load_preset",
    "register",
    "unregister",
]

# pyproject.toml and blender_manifest.toml say the same; a test compares them.
VERSION = "0.1.0"

# Imported when they are first asked for: the dataset contract must load without numpy and bpy.
_PUBLIC = {
    "default_body": ".bodies.library",
    "load_body": ".bodies.library",
    "generate": ".datagen.generate",
    "Renderer": ".datagen.renderer",
    "load_preset": ".recipes.toml_io",
}


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name], __name__), name)


def register() -> None:
    """Blender calls this when the extension is enabled."""
    from . import ui  # late: only here is it certain that Blender is running

    ui.register()


def unregister() -> None:
    """Blender calls this when the extension is disabled, and before it is updated."""
    from . import ui

    ui.unregister()
