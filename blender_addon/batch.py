"""Render a dataset from the command line; the sidebar's button runs the same command.

With pip's bpy, or with an installed Blender:

    python -m blender_addon.batch --preset everyday --output DIR --count 1000
    blender -b --factory-startup -P blender_addon/batch.py -- --preset everyday --output DIR

The same command resumes a run that was stopped or killed.
"""

from __future__ import annotations

import sys

if (
    not __package__
):  # run as a file, as `blender -b -P` does: there is no package to import from yet
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from blender_addon.datagen.command_line import main
else:
    from .datagen.command_line import main

if __name__ == "__main__":
    # Blender's own options end at "--".
    if "--" in sys.argv:
        sys.exit(
            main(
                sys.argv[sys.argv.index("--") + 1 :], prog="blender -b -P blender_addon/batch.py --"
            )
        )
    sys.exit(main())
