"""Choice of the device that renders: a named one, or the best available. There is no silent
fallback.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .compat import foreign_colours
from .quiet import quiet

ORDER = (
    "OPTIX",
    "CUDA",
    "HIP",
    "ONEAPI",
    "METAL",
    "CPU",
)  # best first; OPTIX uses a card's ray-tracing cores
AUTO = "auto"
CHOICES = (AUTO, *(kind.lower() for kind in ORDER))  # for command lines


class DeviceError(ValueError):
    """The device is unknown or not available; the message lists those that are."""


@dataclass(frozen=True)
class Device:
    """A device for Cycles.

    Attributes:
        kind: One of ORDER.
        names: The devices of that kind.
    """

    kind: str
    names: tuple[str, ...]

    @property
    def is_gpu(self) -> bool:
        return self.kind != "CPU"

    def __str__(self) -> str:
        return f"{self.kind} ({', '.join(self.names)})"


def choose(name: str, present: Mapping[str, Sequence[str]]) -> Device:
    """Choose a kind of device.

    Args:
        name: One of CHOICES, in any case; "auto" is the first kind of ORDER that is available.
        present: Device names by available kind.

    Raises:
        DeviceError: The name is unknown, or its device is not available.
    """
    found = [kind for kind in ORDER if present.get(kind)]
    listing = ", ".join(f"{kind.lower()} ({', '.join(present[kind])})" for kind in found) or "none"
    wanted = name.upper()
    if wanted == AUTO.upper():
        if not found:
            raise DeviceError("Cycles finds no device at all")
        wanted = found[0]
    elif wanted not in ORDER:
        raise DeviceError(
            f"unknown device {name!r}: choose {', '.join(CHOICES)}; on this machine: {listing}"
        )
    elif wanted not in found:
        raise DeviceError(f"no {name.lower()} device on this machine; there is: {listing}")
    return Device(wanted, tuple(present[wanted]))


def present_devices() -> dict[str, tuple[str, ...]]:
    """Names of the devices that this Blender can render on now, by kind."""
    preferences = _cycles_preferences()
    with quiet():  # Blender warns of every driver that is not there
        preferences.refresh_devices()
        # A kind that this build lacks has an empty list; the list of a GPU's kind may hold the CPU
        # too.
        entries = {kind: preferences.get_devices_for_type(kind) or () for kind in ORDER}
    named = {
        kind: tuple(entry.name for entry in entries[kind] if entry.type == kind) for kind in ORDER
    }
    return {kind: names for kind, names in named.items() if names}


def pick_device(name: str = AUTO, report: Callable[[str], None] | None = None) -> Device:
    """Choose a device (see `choose`), and enable it and no other in Cycles' preferences.

    All devices of the kind are used together.

    Args:
        name: One of CHOICES.
        report: Called with a message when "auto" finds no GPU, so that a long run on a CPU does not
            go unnoticed; None prints it to standard error.

    Raises:
        DeviceError: See `choose`; or Blender was started with another colour configuration.
    """
    colours = foreign_colours()
    if colours:
        raise DeviceError(
            f"Blender was started with OCIO={colours}, whose colours are not Blender's own: "
            "start it without the variable OCIO (env -u OCIO blender …)"
        )
    device = choose(name, present_devices())
    if name.lower() == AUTO and not device.is_gpu:
        (report or _to_stderr)(f"no GPU that Cycles can use: rendering on {device}")
    _activate(device)
    return device


def _activate(device: Device) -> None:
    preferences = _cycles_preferences()
    preferences.compute_device_type = device.kind if device.is_gpu else "NONE"
    preferences.refresh_devices()
    for entry in preferences.devices:
        entry.use = (
            entry.type == device.kind
        )  # a GPU run must not be slowed down by the CPU taking its share


def _cycles_preferences() -> Any:
    import bpy

    try:
        return bpy.context.preferences.addons["cycles"].preferences
    except KeyError:
        raise RuntimeError(
            "Cycles is switched off: enable 'Cycles Render Engine' in Preferences > Add-ons"
        ) from None


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
