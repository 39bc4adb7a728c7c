"""The extension's preferences: folders of the artist's own files, the device, the output folder.

Other modules call `folder`, `default_output` and `device_name`, which also work where the extension
is registered without being installed; every preference then has its default.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..render.devices import AUTO, CHOICES, DeviceError, choose, present_devices
from .pack_folders import PII_SYNTH_PG_pack_folder, mpfb_folder
from .tab import ADDON, label_beside_value

FOLDERS = ("bodies", "motions", "textures", "hdris", "photos", "props", "surfaces")
FROM_PREFERENCES = "preferences"  # a scene with this device uses the one in the preferences
DEVICE_ITEMS = [
    (name, "Automatic", "Render on the fastest device of this machine")
    if name == AUTO
    else (name, name.upper(), f"Render on {name.upper()}, or report that there is none")
    for name in CHOICES
]

_devices_found = ""  # result of the last Detect; asking the drivers is too slow to do on every draw


@dataclass(frozen=True)
class Defaults:
    """Stands in for Preferences where the extension is registered but not installed."""

    bodies: str = ""
    motions: str = ""
    textures: str = ""
    hdris: str = ""
    photos: str = ""
    props: str = ""
    surfaces: str = ""
    packs: tuple[Any, ...] = ()
    use_mpfb: bool = True
    output: str = str(Path.home() / "pii_synth")
    device: str = AUTO


def preferences(context: Any) -> Any:
    """The user's `Preferences`, or `Defaults` when the extension is not installed as one."""
    addon = context.preferences.addons.get(ADDON)
    return (addon and addon.preferences) or Defaults()


def folder(context: Any, kind: str) -> Path | None:
    """One of the user's folders.

    Args:
        context: Blender's context.
        kind: one of FOLDERS.

    Returns:
        The folder, which may not exist; None when the preferences name none.

    Raises:
        KeyError: `kind` is not one of FOLDERS.
        ValueError: the path starts with '//' in a .blend that was never saved.
    """
    if kind not in FOLDERS:
        raise KeyError(kind)
    text = getattr(preferences(context), kind)
    return absolute(text) if text else None


def default_output(context: Any) -> Path:
    """The output folder of a batch whose scene names none."""
    return absolute(preferences(context).output or Defaults.output)


def device_name(context: Any) -> str:
    """The device on which the scene renders, one of render.devices.CHOICES."""
    own = context.scene.pii_synth.device
    return str(preferences(context).device if own == FROM_PREFERENCES else own)


def absolute(text: str) -> Path:
    """Resolve a path as the user typed it: '//' is the .blend's folder, '~' the home folder.

    Raises:
        ValueError: the path starts with '//' in a .blend that was never saved: it has no folder.
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

    bodies: _folder("Body Models", "Folder that holds SMPL, SMPL-H and SMPL-X files (.npz, .pkl)")
    motions: _folder("Motions", "Folder that holds AMASS, BEDLAM or SURREAL motion files (.npz)")
    textures: _folder("Textures", "Folder that holds UV textures of people")
    hdris: _folder("HDRIs", "Folder that holds panoramas (.hdr, .exr) to light the scene")
    photos: _folder("Photos", "Folder that holds photos without people, used as backgrounds")
    props: _folder("Models", "Folder that holds models of things (OBJ, glTF) for places")
    surfaces: _folder("Surface Textures", "Folder that holds textures of grounds, walls and things")
    packs: bpy.props.CollectionProperty(
        type=PII_SYNTH_PG_pack_folder,
        name="Packs",
        description="Folders of MakeHuman or MPFB assets to dress people from",
    )
    use_mpfb: bpy.props.BoolProperty(
        name="MPFB's Assets",
        description="Dress people from the assets that MPFB has stored, too",
        default=True,
    )
    output: bpy.props.StringProperty(
        name="Output",
        description="Write batches to this folder when the scene names none",
        subtype="DIR_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
        default=Defaults.output,
    )
    device: bpy.props.EnumProperty(
        name="Device",
        description="Render with Cycles on this device when the scene names none",
        items=DEVICE_ITEMS,
        default=AUTO,
    )

    def draw(self, context: Any) -> None:
        layout = label_beside_value(self.layout)
        folders = layout.column(heading="Folders")
        for kind in FOLDERS:
            folders.prop(self, kind)
        self._draw_packs(layout.column(heading="Packs"))
        layout.separator()
        layout.prop(self, "output")
        layout.prop(self, "device")
        row = layout.row()
        row.use_property_split = False
        row.label(text=_devices_found or "Devices on this machine: press Detect to list them")
        row.operator(PII_SYNTH_OT_detect_devices.bl_idname, icon="VIEWZOOM")

    def _draw_packs(self, layout: Any) -> None:
        for index, item in enumerate(self.packs):
            row = layout.row(align=True)
            row.prop(item, "path", text="")
            row.operator("pii_synth.remove_pack_folder", text="", icon="X").index = index
        layout.operator("pii_synth.add_pack_folder", text="Add Pack…", icon="ADD")
        layout.prop(self, "use_mpfb")
        found = mpfb_folder()
        where = f"MPFB: {found}" if found else "MPFB: no assets found"
        layout.label(text=where, icon="CHECKMARK" if found else "INFO", translate=False)


class PII_SYNTH_OT_detect_devices(bpy.types.Operator):
    """List the devices on which Cycles can render here, and check the chosen one"""

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


_CLASSES = (PII_SYNTH_PG_pack_folder, PII_SYNTH_OT_detect_devices, Preferences)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    global _devices_found
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
    _devices_found = ""
