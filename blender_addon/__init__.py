"""PII Synth, the studio: renders people nobody photographed, as image/mask pairs, through Cycles.

It runs inside Blender (as an extension), under `blender -b -P blender_addon/batch.py` and with pip's `bpy`.
Importing it does not import bpy: the pure parts (recipes, sampling, bodies, the dataset contract) work and test
without Blender.

Licence: GPL-3.0-or-later (LICENSES/GPL-3.0-or-later.txt); the default body data are CC0.
"""

VERSION = (
    "0.1.0"  # pyproject.toml and blender_manifest.toml say the same; a test holds them together
)


def register() -> None:
    """Blender calls this when the extension is enabled."""
    from . import ui  # late: only here is it certain that Blender is running

    ui.register()


def unregister() -> None:
    """Blender calls this when the extension is disabled, and before it is updated."""
    from . import ui

    ui.unregister()
