"""The hardware and the processes of a training, shut off from the environment of other programs.

Launchers and cluster systems describe their processes in environment variables (RANK, LOCAL_RANK,
WORLD_SIZE, SLURM_NTASKS), which are inherited by everything that is started from there. A training
on one device asks none of them. Lightning also takes defaults of its trainer from PL_TRAINER_*,
which would change a training without a trace.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import torch
from lightning_fabric.plugins.environments import LightningEnvironment, SLURMEnvironment
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from pii_seg.config import MachineConfig
from pii_seg.errors import InputError
from pii_seg.models.device import cuda_devices, usable_device

OPTION = "--machine.device"


class OneProcess(LightningEnvironment):
    """A training in this process alone, whatever the environment says."""

    @property
    def creates_processes_externally(self) -> bool:
        return False

    def world_size(self) -> int:
        return 1

    def local_rank(self) -> int:
        return 0

    def node_rank(self) -> int:
        return 0

    def group_rank(self) -> int:
        return 0


def is_one_process(machine: MachineConfig) -> bool:
    return machine.devices * machine.nodes == 1 and machine.strategy == "auto"


def is_first_process() -> bool:
    """Return whether this is the process of a distributed run that writes files and messages."""
    return getattr(rank_zero_only, "rank", 0) == 0


def claim_first_process(machine: MachineConfig) -> None:
    """Make this process the first one, if it is the only one: RANK may be another program's."""
    if is_one_process(machine):
        rank_zero_only.rank = 0  # type: ignore[attr-defined]


def accelerator_of(machine: MachineConfig) -> tuple[str, int | list[int]]:
    """Return Lightning's accelerator and devices.

    Raises:
        InputError: This machine does not have them.
    """
    name = "cuda" if machine.device == "gpu" else machine.device
    if name == "auto":
        name = "cuda" if cuda_devices() else "auto"
    if name == "auto":
        return ("mps" if torch.backends.mps.is_available() else "cpu"), machine.devices
    device = usable_device(name, option=OPTION)
    if device.type == "cuda" and device.index is not None:
        if machine.devices > 1:
            raise InputError(f"{OPTION} {name} is one device; give cuda, or --machine.devices 1")
        return "cuda", [device.index]
    if device.type == "cuda" and machine.devices > cuda_devices():
        raise InputError(
            f"--machine.devices is {machine.devices}; this machine has {cuda_devices()}"
        )
    return device.type, machine.devices


def device_of(machine: MachineConfig) -> str:
    """Return the device for inference beside a training, such as "cuda" or "cuda:1".

    Raises:
        InputError: This machine does not have it.
    """
    kind, devices = accelerator_of(machine)
    return f"{kind}:{devices[0]}" if isinstance(devices, list) else kind


def trainer_environment(machine: MachineConfig) -> list[Any]:
    """Lightning's plugins for the processes of a training."""
    if is_one_process(machine):
        return [OneProcess()]
    if SLURMEnvironment.detect():  # without its own way of requeueing
        return [SLURMEnvironment(auto_requeue=False)]
    return []


@contextlib.contextmanager
def without_trainer_variables() -> Iterator[None]:
    """Hide the environment variables that replace defaults of Lightning's trainer."""
    hidden = {name: os.environ[name] for name in os.environ if name.startswith("PL_TRAINER_")}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)
