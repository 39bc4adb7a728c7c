"""`blender --command pii_synth ARGS…`: the batch command line for those who installed the extension.

The arguments are those of `python -m blender_addon.batch`; nobody needs to know where Blender put the files.
"""

from __future__ import annotations

from typing import Any

import bpy

NAME = "pii_synth"

_handle: Any = None  # what Blender wants back to unregister the command


def run(arguments: list[str]) -> int:
    """The batch run that `arguments` ask for. Returns the exit code that Blender ends with."""
    from ..batch import main  # late: a user who only opens Blender does not wait for it

    return main(arguments, prog=f"blender --command {NAME}")


def register() -> None:
    global _handle
    _handle = bpy.utils.register_cli_command(NAME, run)


def unregister() -> None:
    global _handle
    bpy.utils.unregister_cli_command(_handle)
    _handle = None
