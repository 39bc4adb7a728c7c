"""The differences between Blender 4.5 and 5.2, and between Blender and pip's bpy.

No other module asks which version is running.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from pathlib import Path
from typing import Any

from .quiet import captured

_STDOUT, _STDERR = 1, 2
_COLOURS = ("BLENDER_OCIO", "OCIO")  # variables that name a configuration of OpenColorIO

# The audio module in pip's bpy 4.5 is built for numpy 1. On numpy 2 it fails to load, which does no
# harm here, with a long message. This matches all of it, and the line from C that follows it:
_AUDIO_WARNING = re.compile(
    rb"\n?A module that was compiled using NumPy 1\.x.*"
    rb"ImportError: numpy\.core\.multiarray failed to import\n?",
    re.DOTALL,
)
_AUDIO_LINE = b"Unable to initialise audio\n"


def import_bpy() -> Any:
    """Import bpy without the numpy warning of its audio module, and with Blender's own colours.

    Call it once and first; after it `import bpy` is silent.

    Raises:
        ImportError: There is no bpy; the message says how to get it. Other errors of the import
        pass through.
    """
    if "bpy" in sys.modules:
        return sys.modules["bpy"]
    for name in _COLOURS:  # Blender reads them when it is loaded
        if os.environ.pop(name, ""):
            print(f"note: {name} is ignored: Blender's own colours are used", file=sys.stderr)
    texts: dict[int, bytes] = {}
    try:
        with captured(_STDOUT, _STDERR) as texts:
            return importlib.import_module("bpy")
    except ModuleNotFoundError as error:
        if error.name != "bpy":
            raise
        raise ImportError(
            'bpy is not installed: uv pip install "pii-seg[render]" or run inside Blender',
            name="bpy",
        ) from None
    finally:
        _replay(texts)


def foreign_colours() -> str:
    """The OpenColorIO configuration that replaces that of this Blender; else ''.

    Images would be converted by its definitions, and "sRGB" may be none of its names.
    """
    import bpy

    given = next((os.environ[name] for name in _COLOURS if os.environ.get(name)), "")
    own = Path(bpy.utils.system_resource("DATAFILES", path="colormanagement")) / "config.ocio"
    try:
        return "" if not given or Path(given).read_bytes() == own.read_bytes() else given
    except OSError:  # Blender says so, and takes its own
        return ""


def environment_of_a_batch() -> dict[str, str]:
    """The environment for a Blender that renders a batch: this one's, without foreign colours."""
    return {name: value for name, value in os.environ.items() if name not in _COLOURS}


def _replay(texts: dict[int, bytes]) -> None:
    errors, warned = _AUDIO_WARNING.subn(b"", texts.get(_STDERR, b""))
    output = texts.get(_STDOUT, b"")
    if warned:
        output = output.replace(_AUDIO_LINE, b"")
        errors = errors.replace(_AUDIO_LINE, b"")
    for stream, text in ((sys.stdout, output), (sys.stderr, errors)):
        if text.strip() and stream is not None:
            stream.write(text.decode(errors="backslashreplace"))
            stream.flush()


def set_multilayer_exr(image_settings: Any) -> None:
    """Set up `scene.render.image_settings` for the files that `exr.read_passes` reads: all passes
    in one uncompressed 32-bit float EXR of one part.
    """
    if hasattr(image_settings, "media_type"):  # 5.0: the kind of file comes before its format
        image_settings.media_type = "MULTI_LAYER_IMAGE"
    image_settings.file_format = "OPEN_EXR_MULTILAYER"
    image_settings.color_depth = "32"
    image_settings.exr_codec = "NONE"
    if hasattr(image_settings, "use_exr_interleave"):  # 5.0 would write a part per pass
        image_settings.use_exr_interleave = True


def use_nodes(datablock: Any) -> Any:
    """The node tree of a material, world or light. Up to 4.5 it must be switched on; 5.0 always has
    it, and warns when it is switched on.
    """
    import bpy

    if datablock.node_tree is None or (bpy.app.version < (5, 0, 0) and not datablock.use_nodes):
        datablock.use_nodes = True
    return datablock.node_tree
