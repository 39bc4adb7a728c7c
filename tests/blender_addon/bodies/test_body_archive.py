"""Reading .npz archives from strangers."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_addon.bodies import archive
from blender_addon.bodies.archive import Archive


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_come_back_as_they_were_saved(tmp_path, rng, save):
    arrays = {
        "a": rng.normal(size=(5, 4, 3)),
        "fortran": np.asfortranarray(rng.normal(size=(5, 4))),
        "text": np.array("female"),
        "bytes": np.array(b"male"),
        "empty": np.zeros((0, 3), np.float32),
        "big_endian": np.arange(3, dtype=">u4"),
    }
    save(tmp_path / "a.npz", **arrays)
    read = Archive(tmp_path / "a.npz")
    assert set(read) == set(arrays)
    for key, value in arrays.items():
        np.testing.assert_array_equal(read[key], value)
        assert read[key].dtype == value.dtype


def test_object_arrays_are_listed_but_never_unpickled(tmp_path):
    mark = tmp_path / "ran"

    class Payload:
        def __reduce__(self):
            return (open, (str(mark), "w"))

    path = tmp_path / "a.npz"
    np.savez(path, objects=np.array([Payload()], dtype=object), numbers=np.arange(3))
    read = Archive(path)
    assert set(read) == {"objects", "numbers"}
    np.testing.assert_array_equal(read["numbers"], [0, 1, 2])
    with pytest.raises(ValueError, match=r"a\.npz: objects: .*Python objects"):
        _ = read["objects"]
    assert not mark.exists()


def _write_member(path, name: str, content: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, content)


def _header(shape: tuple[int, ...], descr: str = "<f8") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": descr, "fortran_order": False, "shape": shape}
    )
    return stream.getvalue()


def test_a_bomb_that_unpacks_to_more_than_any_model_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_ARRAY_BYTES", 1 << 20)
    path = tmp_path / "bomb.npz"
    _write_member(path, "a.npy", _header((1 << 18,)) + bytes(8 << 18))
    assert path.stat().st_size < 10_000
    with pytest.raises(ValueError, match=r"bomb\.npz: a: .*2 MB is larger than any"):
        _ = Archive(path)["a"]


@pytest.mark.parametrize("shape", [(1 << 40,), (1 << 62, 1 << 62), (-1,), (1 << 20, 1 << 20)])
def test_a_header_that_promises_more_than_the_archive_holds_is_refused(tmp_path, shape):
    path = tmp_path / "lie.npz"
    _write_member(path, "a.npy", _header(shape) + bytes(8))
    with pytest.raises(ValueError, match=r"lie\.npz: a: .*its header declares"):
        _ = Archive(path)["a"]


def test_an_array_that_ends_early_is_refused(tmp_path):
    path = tmp_path / "short.npz"
    _write_member(path, "a.npy", _header((10,)) + bytes(72))
    with pytest.raises(ValueError, match=r"short\.npz: a: .*ends early"):
        _ = Archive(path)["a"]


def test_truncated_and_foreign_files_are_refused_on_opening(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, a=np.arange(1000))
    whole = path.read_bytes()
    for content in (b"", b"no zip at all", whole[:100], whole[: len(whole) - 30]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.npz: not a whole \.npz file"):
            Archive(path)


def test_damaged_content_is_noticed(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.random.default_rng(0).normal(size=1000))
    content = bytearray(path.read_bytes())
    content[3000] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match=r"a\.npz: a: cannot be read"):
        _ = Archive(path)["a"]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_flipped_bytes_never_do_more_than_raise_value_error(tmp_path_factory, data):
    stream = io.BytesIO()
    np.savez(stream, a=np.arange(5.0), b=np.array("x"))
    content = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "flipped.npz"
    path.write_bytes(bytes(content))
    try:
        read = Archive(path)
        for key in read:
            _ = read[key]
    except ValueError as error:
        assert "flipped.npz" in str(error)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=120))
def test_any_array_header_is_read_or_refused_by_value_error(tmp_path_factory, header):
    path = tmp_path_factory.getbasetemp() / "header.npz"
    _write_member(path, "a.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(ValueError, match=r"header\.npz: a"):
        _ = Archive(path)["a"]


def test_a_missing_file_is_reported_as_such(tmp_path):
    with pytest.raises(FileNotFoundError):
        Archive(tmp_path / "none.npz")
