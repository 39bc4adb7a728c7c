from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.render.devices import (
    CHOICES,
    ORDER,
    Device,
    DeviceError,
    choose,
    pick_device,
    present_devices,
)

BOX = {"CUDA": ("Card 1", "Card 2"), "OPTIX": ("Card 1", "Card 2"), "CPU": ("Some CPU",)}


def test_auto_prefers_the_fastest_kind() -> None:
    assert choose("auto", BOX) == Device("OPTIX", ("Card 1", "Card 2"))
    assert choose("auto", {"CPU": ["Some CPU"], "METAL": ["M"]}) == Device("METAL", ("M",))


@given(st.sets(st.sampled_from(ORDER), min_size=1))
def test_auto_is_the_first_of_the_order_that_is_there(kinds: set[str]) -> None:
    device = choose("auto", dict.fromkeys(kinds, ("x",)))
    assert ORDER.index(device.kind) == min(map(ORDER.index, kinds))


def test_a_named_device_is_taken_whatever_is_faster() -> None:
    assert choose("CUDA", BOX).kind == "CUDA"
    assert choose("cpu", BOX) == Device("CPU", ("Some CPU",))
    assert not choose("cpu", BOX).is_gpu


def test_an_absent_device_is_an_error_that_lists_what_there_is() -> None:
    with pytest.raises(
        DeviceError, match=r"no hip device.*optix \(Card 1, Card 2\), cuda .*, cpu \(Some CPU\)"
    ):
        choose("hip", BOX)
    with pytest.raises(DeviceError, match="no cuda device"):
        choose("cuda", {"CUDA": (), "CPU": ("c",)})


def test_an_unknown_name_is_an_error_that_lists_the_choices() -> None:
    with pytest.raises(DeviceError, match=r"'gpu'.*auto, optix, cuda, hip, oneapi, metal, cpu"):
        choose("gpu", BOX)


def test_nothing_at_all_is_an_error() -> None:
    with pytest.raises(DeviceError, match="no device"):
        choose("auto", {})


def test_blender_has_a_cpu_and_cycles_is_told_to_use_it(bpy: Any) -> None:
    device = pick_device("cpu")
    preferences = bpy.context.preferences.addons["cycles"].preferences
    assert device == Device("CPU", present_devices()["CPU"])
    assert preferences.compute_device_type == "NONE"
    assert {entry.type for entry in preferences.devices if entry.use} == {"CPU"}


def test_auto_reports_that_it_takes_the_cpu(bpy: Any) -> None:
    said: list[str] = []
    device = pick_device("auto", said.append)
    assert len(said) == (not device.is_gpu)
    assert all("no GPU" in line and str(device) in line for line in said)


def test_blender_refuses_the_devices_that_it_lacks(bpy: Any) -> None:
    present = present_devices()
    absent = [name for name in CHOICES[1:] if name.upper() not in present]
    assert absent  # no machine has an Apple and an AMD and an NVIDIA GPU
    for name in absent:
        with pytest.raises(DeviceError, match=f"no {name} device.*cpu"):
            pick_device(name)
