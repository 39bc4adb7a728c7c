"""The extension's preferences: where the artist's own files lie, the default device, where batches go.

Other panels ask the functions `folder`, `default_output` and `device_name`, which also work where the extension is
registered without being installed (there everything is at its default).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..render.devices import AUTO, CHOICES, DeviceError, choose, present_devices
from .tab import ADDON

FOLDERS = ("bodies", "motions", "textures", "hdris", "photos")
FROM_PREFERENCES = "preferences"  # the scene's choice of device that means this one here
DEVICE_ITEMS = [
    (
        name,
        "Automatic" if name == AUTO else name.upper(),
        "The fastest there is" if name == AUTO else "",
    )
    for name in CHOICES
]

_devices_found = ""  # what Detect said last; asking the drivers takes too long to do it unasked


@dataclass(frozen=True)
class Defaults:
    """Stands in for Preferences where the extension is registered but not installed."""

    bodies: str = ""
    motions: str = ""
    textures: str = ""
    hdris: str = ""
    photos: str = ""
    output: str = str(Path.home() / "pii_synth")
    device: str = AUTO


def preferences(context: Any) -> Any:
    """The user's `Preferences`, or `Defaults` when the extension is not installed as one."""
    addon = context.preferences.addons.get(ADDON)
    return (addon and addon.preferences) or Defaults()


def folder(context: Any, kind: str) -> Path | None:
    """The user's folder of 'bodies', 'motions', 'textures', 'hdris' or 'photos'; it may not exist. None: not set."""
    if kind not in FOLDERS:
        raise KeyError(kind)
    text = getattr(preferences(context), kind)
    return absolute(text) if text else None


def default_output(context: Any) -> Path:
    """Where a batch goes when the scene names no folder."""
    return absolute(preferences(context).output or Defaults.output)


def device_name(context: Any) -> str:
    """The device that the scene renders on, one of render.devices.CHOICES: its own, or the one in the preferences."""
    own = context.scene.pii_synth.device
    return str(preferences(context).device if own == FROM_PREFERENCES else own)


def absolute(text: str) -> Path:
    """A path as the user typed it: '//' is the .blend's folder, '~' the home folder.

    Raises ValueError for '//' in a .blend that was never saved: it has no folder.
    """
    if text.startswith("//") and not bpy.data.filepath:
        raise ValueError(
            f"{text}: save the .blend first, or choose a folder that does not start with //"
        )
    return Path(bpy.path.abspath(text)).expanduser()


def _folder(name: str, description: str) -> Any:
    return bpy.props.StringProperty(
        name=name,
        description=description,
        subtype="DIR_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
    )


class Preferences(bpy.types.AddonPreferences):
    """Blender shows them in Edit > Preferences > Add-ons > PII Synth."""

    bl_idname = ADDON

    bodies: _folder("Body Models", "Folder of SMPL, SMPL-H and SMPL-X files (.npz, .pkl)")
    motions: _folder("Motions", "Folder of AMASS, BEDLAM or SURREAL motion files (.npz)")
    textures: _folder("Textures", "Folder of UV textures of people")
    hdris: _folder("HDRIs", "Folder of panoramas (.hdr, .exr) that light the scene")
    photos: _folder("Photographs", "Folder of photographs without people, for backgrounds")
    output: bpy.props.StringProperty(
        name="Output",
        description="Folder that batches go to when the scene names none",
        subtype="DIR_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
        default=Defaults.output,
    )
    device: bpy.props.EnumProperty(
        name="Device",
        description="What Cycles renders on when the scene does not say",
        items=DEVICE_ITEMS,
        default=AUTO,
    )

    def draw(self, context: Any) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        folders = layout.column(heading="Folders")
        for kind in FOLDERS:
            folders.prop(self, kind)
        layout.separator()
        layout.prop(self, "output")
        layout.prop(self, "device")
        row = layout.row()
        row.use_property_split = False
        row.label(text=_devices_found or "Devices on this machine: not asked for yet")
        row.operator(PII_SYNTH_OT_detect_devices.bl_idname, icon="VIEWZOOM")


class PII_SYNTH_OT_detect_devices(bpy.types.Operator):
    """List the devices that Cycles can render on here, and check the one chosen"""

    bl_idname = "pii_synth.detect_devices"
    bl_label = "Detect"

    def execute(self, context: Any) -> set[str]:
        global _devices_found
        try:
            present = present_devices()
            chosen = choose(preferences(context).device, present)
        except (DeviceError, RuntimeError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        listing = ", ".join(
            f"{kind.lower()} ({', '.join(names)})" for kind, names in present.items()
        )
        _devices_found = f"Devices on this machine: {listing}"
        self.report({"INFO"}, f"{_devices_found}. Cycles will render on {chosen}")
        return {"FINISHED"}


_CLASSES = (PII_SYNTH_OT_detect_devices, Preferences)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    global _devices_found
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
    _devices_found = ""
