"""The devices that a network can run on."""

from __future__ import annotations

import warnings

import torch

from pii_seg.errors import InputError


def usable_device(name: torch.device | str, *, option: str = "--device") -> torch.device:
    """Return the device of that name, if torch can use it on this machine.

    Args:
        name: "cpu", "cuda", "cuda:1" or "mps".
        option: The option that the name was given with, for the message.

    Raises:
        InputError: There is no such device; the message names one that there is.
    """
    try:
        device = torch.device(name)
    except (RuntimeError, ValueError, TypeError):
        device = None
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise InputError(f"{option} {name}: unknown; expected cpu, cuda, cuda:1 or mps")
    if device.type == "cuda" and (device.index or 0) >= (count := cuda_devices()):
        if count:
            last = "only cuda:0" if count == 1 else f"cuda:0 to cuda:{count - 1}"
            raise InputError(f"{option} {name}: no such device; this machine has {last}")
        built = "" if torch.version.cuda else "; the installed torch is built without CUDA"
        raise InputError(
            f"{option} {name}: torch finds no CUDA device on this machine{built}; use {option} cpu"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise InputError(f"{option} {name}: torch finds no Apple GPU; use {option} cpu")
    if device.type != "cuda" and device.index:
        raise InputError(f"{option} {name}: no such device; use {option} {device.type}")
    return device


def cuda_devices() -> int:
    """The number of CUDA devices that torch can use."""
    with warnings.catch_warnings():  # of a driver that is too old, in many lines
        warnings.simplefilter("ignore")
        return torch.cuda.device_count() if torch.cuda.is_available() else 0
