"""Folders of packs in the preferences, and the one where MPFB keeps its users' assets.

MPFB is not imported: its folder is where Blender lets an extension of that name store files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

MPFB = "mpfb"
# Folders of assets below MPFB's own folder.
ASSETS = ("clothes", "hair", "skins", "eyebrows", "eyelashes", "eyes")


class PII_SYNTH_PG_pack_folder(bpy.types.PropertyGroup):
    path: bpy.props.StringProperty(
        name="Pack",
        description="Folder that holds MakeHuman or MPFB assets (.mhclo, .mhmat)",
        subtype="DIR_PATH",
    )


def mpfb_folder() -> Path | None:
    """The folder with the assets of MPFB's user; None without MPFB or without assets.

    As an extension it stores them below Blender's `extensions/.user`, as an older add-on beside
    Blender's own user files.
    """
    found: list[Path] = []
    extensions = bpy.utils.user_resource("EXTENSIONS")
    if extensions:
        found += sorted((Path(extensions) / ".user").glob(f"*/{MPFB}"))
    found.append(Path(bpy.utils.resource_path("USER")) / MPFB)
    for home in found:
        for data in (home / "data", home / MPFB / "data"):
            if any((data / name).is_dir() for name in ASSETS):
                return data
    return None


def pack_folders(preferences: Any) -> list[Path]:
    """The folders of packs that the preferences name and that exist, MPFB's last.

    Args:
        preferences: The extension's preferences, or their defaults.
    """
    named = [Path(bpy.path.abspath(item.path)).expanduser() for item in preferences.packs]
    own = mpfb_folder() if preferences.use_mpfb else None
    return [path for path in dict.fromkeys([*named, *([own] if own else [])]) if path.is_dir()]
