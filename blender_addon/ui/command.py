"""`blender --command pii_synth ARGS…`: the batch command line of the installed extension.

It takes the arguments of `python -m blender_addon.batch`, without a path to the installed files.
"""

from __future__ import annotations

from typing import Any

import bpy

NAME = "pii_synth"

_handle: Any = None  # Blender needs it to unregister the command


def run(arguments: list[str]) -> int:
    """Run the batch command line. Returns the exit code with which Blender ends."""
    from ..batch import main  # late: opening Blender does not have to wait for it

    return main(arguments, prog=f"blender --command {NAME}")


def register() -> None:
    global _handle
    _handle = bpy.utils.register_cli_command(NAME, run)


def unregister() -> None:
    global _handle
    bpy.utils.unregister_cli_command(_handle)
    _handle = None
