from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from blender_addon.render.exr import read_channels, read_passes
from tests.fuzz import fuzz_count, fuzz_settings, mutated, random_of


def write_exr(
    channels: dict[str, np.ndarray], *, flags: int = 0, compression: int = 0, kind: int = 2
) -> bytes:
    """An EXR as OpenEXR lays it out: channels sorted by name, scanlines from the top."""
    names = sorted(channels)
    height, width = channels[names[0]].shape
    table = (
        b"".join(n.encode() + b"\0" + struct.pack("<I4B2i", kind, 0, 0, 0, 0, 1, 1) for n in names)
        + b"\0"
    )
    box = struct.pack("<4i", 0, 0, width - 1, height - 1)
    header = b""
    for name, type_name, value in (
        ("channels", "chlist", table),
        ("comment", "string", b"made by a test"),
        ("compression", "compression", bytes([compression])),
        ("dataWindow", "box2i", box),
        ("displayWindow", "box2i", box),
        ("lineOrder", "lineOrder", b"\0"),
    ):
        header += (
            name.encode()
            + b"\0"
            + type_name.encode()
            + b"\0"
            + struct.pack("<I", len(value))
            + value
        )
    start = 8 + len(header) + 1 + 8 * height
    size = 4 * width * len(names)
    offsets = b"".join(struct.pack("<Q", start + y * (8 + size)) for y in range(height))
    rows = b"".join(
        struct.pack("<2i", y, size)
        + b"".join(channels[n][y].astype("<f4").tobytes() for n in names)
        for y in range(height)
    )
    return struct.pack("<2I", 20000630, 2 | flags) + header + b"\0" + offsets + rows


images = st.tuples(st.integers(1, 5), st.integers(1, 7)).flatmap(
    lambda shape: st.dictionaries(
        st.text("abRGB.", min_size=1, max_size=6),
        hnp.arrays(np.float32, shape, elements=st.floats(width=32, allow_nan=False)),
        min_size=1,
        max_size=5,
    )
)


@given(images)
def test_every_channel_comes_back_bit_by_bit(channels: dict[str, np.ndarray]) -> None:
    found = read_channels(write_exr(channels))
    assert set(found) == set(channels)
    for name, values in channels.items():
        assert found[name].tobytes() == values.tobytes()


@given(images, st.data())
def test_a_file_cut_anywhere_is_an_error(
    channels: dict[str, np.ndarray], data: st.DataObject
) -> None:
    whole = write_exr(channels)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match="EXR"):
        read_channels(whole[:cut])


def test_channels_of_a_layer_are_put_together_in_their_order(tmp_path: Path) -> None:
    plane = {c: np.full((2, 3), i, dtype=np.float32) for i, c in enumerate("RGBAXYZ")}
    channels = {f"View.Layer.Combined.{c}": plane[c] for c in "ABGR"}
    channels |= {f"View.Layer.Normal.{c}": plane[c] for c in "ZYX"}
    channels |= {f"View.Layer.CryptoObject00.{c.lower()}": plane[c] for c in "ABGR"}
    channels |= {"View.Layer.Depth.Z": plane["Z"], "Other.Combined.R": plane["A"]}
    path = tmp_path / "a.exr"
    path.write_bytes(write_exr(channels))
    passes = read_passes(path, "View.Layer")
    assert {name: values[0, 0].tolist() for name, values in passes.items()} == {
        "Combined": [0, 1, 2, 3],
        "Normal": [4, 5, 6],
        "CryptoObject00": [0, 1, 2, 3],
        "Depth": [6],
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"compression": 3}, "codec NONE"),
        ({"kind": 1}, "not 32-bit float"),
        ({"flags": 0x1000}, "several parts"),
        ({"flags": 0x200}, "tiles"),
    ],
)
def test_other_kinds_of_exr_are_refused_by_name(
    tmp_path: Path, settings: dict[str, int], message: str
) -> None:
    path = tmp_path / "odd.exr"
    path.write_bytes(write_exr({"L.P.R": np.zeros((1, 1), np.float32)}, **settings))
    with pytest.raises(ValueError, match=rf"odd\.exr.*{message}"):
        read_passes(path, "L")


def test_other_files_are_no_exr() -> None:
    with pytest.raises(ValueError, match="not an EXR"):
        read_channels(b"\x89PNG\r\n\x1a\n")


def with_window(window: bytes) -> bytes:
    whole = write_exr({"R": np.zeros((2, 3), np.float32)})
    at = whole.index(b"dataWindow\0box2i\0") + 17
    return whole[:at] + struct.pack("<I", len(window)) + window + whole[at + 20 :]


@pytest.mark.parametrize(
    "window",
    [
        struct.pack("<4i", 0, 0, -5, 1),
        struct.pack("<4i", 0, 5, 2, 1),
        struct.pack("<4i", -(2**31), -(2**31), 2**31 - 1, 2**31 - 1),
        struct.pack("<4i", 0, 0, 2**31 - 1, 0),
        b"",
        bytes(3),
    ],
)
def test_sizes_that_no_image_has_are_refused(window: bytes) -> None:
    with pytest.raises(ValueError, match="EXR"):
        read_channels(with_window(window))


@pytest.mark.fuzz
def test_mutated_files_are_read_or_refused() -> None:
    numbers = np.arange(6, dtype=np.float32).reshape(2, 3)
    seed = write_exr({"L.P.R": numbers, "L.P.G": numbers})
    for number in range(fuzz_count()):
        try:
            read_channels(mutated(seed, random_of(number)))
        except ValueError as error:
            assert "EXR" in str(error)


@fuzz_settings
@given(st.binary(max_size=200))
def test_any_header_is_read_or_refused(rest: bytes) -> None:
    try:
        read_channels(struct.pack("<2I", 20000630, 2) + rest)
    except ValueError as error:
        assert "EXR" in str(error)
