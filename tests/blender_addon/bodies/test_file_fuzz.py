"""Files of bodies, motions, UVs and part labels that are damaged anywhere, or made to exhaust."""

from __future__ import annotations

import io
import random
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.bodies import archive
from blender_addon.bodies.archive import Archive
from blender_addon.bodies.formats import model_from_arrays, read_model, read_part_labels
from blender_addon.bodies.motion import UnclearAxisError, read_motion
from blender_addon.bodies.motion_check import NoMotionError, check_motion
from blender_addon.bodies.obj_uv import read_obj_uv
from tests.blender_addon.bodies.conftest import make_arrays
from tests.fuzz import fuzz_count, fuzz_settings, mutated, random_of

LONGEST = 5.0  # s for one file; each takes milliseconds
FACES = np.array([[0, 1, 2], [2, 1, 3]], dtype=np.int32)


def refused_or_read(read: Callable[[], Any], path: Path) -> bool:
    """Read a file. Anything but a ValueError that names the file fails the test."""
    start = time.perf_counter()
    try:
        read()
    except ValueError as error:
        assert path.name in str(error)
        return False
    finally:
        assert time.perf_counter() - start < LONGEST
    return True


def npz(arrays: dict[str, Any], *, packed: bool = False) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(stream, **arrays)
    return stream.getvalue()


def motion(**changes: Any) -> dict[str, Any]:
    poses = np.zeros((4, 52, 3))
    poses[:, 0] = (np.pi / 2, 0, 0)
    plain = {"poses": poses.reshape(4, 156), "trans": np.zeros((4, 3)), "betas": np.zeros(10)}
    return plain | {"gender": np.array("male"), "mocap_framerate": np.array(30.0)} | changes


@pytest.mark.fuzz
def test_mutated_archives_are_read_or_refused(tmp_path):
    model = make_arrays("smpl", np.random.default_rng(0), num_vertices=10)
    seeds = [npz(model), npz(model, packed=True), npz(motion()), npz(motion(), packed=True)]
    path = tmp_path / "damaged.npz"
    for number in range(fuzz_count()):
        numbers = random_of(number)
        path.write_bytes(mutated(numbers.choice(seeds), numbers))
        refused_or_read(lambda: read_model(path), path)
        refused_or_read(lambda: read_motion(path), path)
        try:
            check_motion(path, "auto", numbers=False)
        except (NoMotionError, UnclearAxisError) as error:
            assert str(error)


def _array(numbers: random.Random) -> Any:
    """An array that no model has in this place."""
    shape = tuple(numbers.choice((0, 1, 2, 3, 10, 24)) for _ in range(numbers.randrange(4)))
    kind = numbers.randrange(7)
    if kind == 0:
        return np.full(shape, numbers.choice((np.nan, np.inf, 1e308, -1e39)))
    if kind == 1:
        return np.full(shape, numbers.choice((0, -1, 2**31, 2**63 - 1)))
    if kind == 2:
        return np.full(shape, "text")
    if kind == 3:
        return numbers.choice(("text", None, 5, [1, 2], {}, b"bytes"))
    if kind == 4:
        return np.zeros(shape, np.complex64)
    if kind == 5:
        return np.zeros(shape, bool)
    return np.ones(shape, np.float16)


@pytest.mark.fuzz
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_models_of_any_arrays_are_made_or_refused():
    made = 0
    for number in range(fuzz_count()):
        numbers = random_of(number)
        family = numbers.choice(("smpl", "smplx"))
        arrays = make_arrays(family, np.random.default_rng(number % 7), num_vertices=10)
        optional = ["vt", "ft", "part_labels", "gender", "name", "exprdirs", "hands_meanl"]
        optional += ["hands_meanr", "shape_samples", "shape_age", "shape_gender", "shape_height"]
        for _ in range(numbers.randrange(1, 4)):
            arrays[numbers.choice([*arrays, *optional])] = _array(numbers)
        path = Path("model.npz")

        def pose(arrays: dict[str, Any] = arrays, path: Path = path) -> None:
            model = model_from_arrays(arrays, path)
            try:
                posed = model.pose(np.ones(min(10, model.num_betas)))
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from None
            assert np.isfinite(posed.vertices).all()

        made += refused_or_read(pose, path)
    assert made


@pytest.mark.parametrize("shape", [(0, 24), (2, 0), (24,), ()])
def test_a_table_of_joints_without_rows_is_refused(random_arrays, rng, shape):
    arrays = random_arrays("smpl", rng) | {"kintree_table": np.zeros(shape, np.uint32)}
    with pytest.raises(ValueError, match=r"m\.npz: kintree_table: shape"):
        model_from_arrays(arrays, "m.npz")


@pytest.mark.parametrize("numbers", [{"betas": [1e300]}, {"betas": [np.nan]}, {"betas": [np.inf]}])
def test_betas_that_make_no_body_are_refused(random_body, numbers):
    with pytest.raises(ValueError, match="betas: "):
        random_body().pose(**numbers)


@pytest.mark.parametrize("key", ["v_template", "shapedirs"])
def test_models_with_numbers_that_float32_cannot_hold_are_refused(random_arrays, rng, key):
    arrays = random_arrays("smpl", rng)
    arrays[key][3] = 1e308
    with pytest.raises(ValueError, match=rf"m\.npz: {key}: numbers too large for float32"):
        model_from_arrays(arrays, "m.npz")
    arrays[key][3] = 1e37
    model = model_from_arrays(arrays, "m.npz")
    with pytest.raises(ValueError, match="it is not within 10000 m of the origin"):
        model.pose(np.full(10, 100.0))


def test_poses_and_places_that_make_no_body_are_refused(random_body):
    body = random_body()
    with pytest.raises(ValueError, match="pose: angles beyond"):
        body.pose((), np.full((24, 3), 1e308))
    with pytest.raises(ValueError, match="not within 10000 m"):
        body.pose((), None, (1e30, 0, 0))


def test_a_list_of_arrays_that_fills_the_memory_is_not_read(tmp_path, monkeypatch):
    """zipfile makes an object of each entry of the list before anybody can count them."""
    monkeypatch.setattr(archive, "_MAX_DIRECTORY", 5000)
    path = tmp_path / "many.npz"
    with zipfile.ZipFile(path, "w") as file:
        for number in range(200):
            file.writestr(f"{number}.npy", b"")
    called = []
    monkeypatch.setattr(archive.zipfile, "ZipFile", lambda *_: called.append(1))
    with pytest.raises(ValueError, match=r"many\.npz: not a whole .*too many arrays"):
        Archive(path)
    assert not called


def test_headers_are_read_without_the_arrays(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, a=np.zeros((3, 4), np.float32), b=np.array("x"))
    assert Archive(path).headers(["a", "b"]) == {
        "a": ((3, 4), np.dtype(np.float32)),
        "b": ((), np.dtype("<U1")),
    }
    content = path.read_bytes()
    path.write_bytes(content.replace(b"NUMPY", b"BUMPY", 1))
    with pytest.raises(ValueError, match=r"a\.npz: a: cannot be read"):
        Archive(path).headers(["a", "b"])


def test_motions_of_more_numbers_than_any_has_are_refused(tmp_path, monkeypatch):
    from blender_addon.bodies import motion as module

    monkeypatch.setattr(module, "_MAX_NUMBERS", 100)
    np.savez(tmp_path / "long.npz", **motion())
    with pytest.raises(ValueError, match=r"long\.npz: poses: 624 numbers, more than any motion"):
        read_motion(tmp_path / "long.npz")


# --- text -----------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        *("v", "vt", "f", "vn", "#", "1/1", "2/2", "4/1", "-1/1", "1//2", "1/", "0", "0.5", "nan"),
        *("1e999", "f 1/1 2/1 3/1\n", "vt 0 1\n", "f 3/1 2/1 4/1\n", "9" * 30 + "/1", "\ufeff"),
        *("\0", "\n", "\\\n"),
    ]
)


@fuzz_settings
@given(st.lists(WORDS, max_size=40))
def test_any_words_are_uvs_or_refused(tmp_path, words):
    path = tmp_path / "uv.obj"
    path.write_text(" ".join(words), encoding="utf-8")
    refused_or_read(lambda: read_obj_uv(path, FACES), path)


@pytest.mark.fuzz
def test_mutated_part_labels_are_read_or_refused(tmp_path, random_body):
    body = random_body()
    seed = b'{"hips": [0, 1, 2], "leftLeg": [3, 4], "head": [5.0], "neck": [[1], null, 1e999]}'
    path = tmp_path / "parts.json"
    deep = (b"[" * 200_000, b'{"hips":' * 50_000, b'{"hips": ' + b"9" * 5000 + b"}")
    for number in range(fuzz_count()):
        content = deep[number] if number < len(deep) else mutated(seed, random_of(number))
        path.write_bytes(content)
        refused_or_read(lambda: read_part_labels(path, body), path)


def test_a_zip_that_lies_about_its_list_is_refused(tmp_path):
    path = tmp_path / "lie.npz"
    for size in (0xFFFFFFFF, 0xFFFFFFFE, 1 << 31):
        path.write_bytes(npz(motion())[:-12] + struct.pack("<IIHxx", size, 0, 0)[:12])
        refused_or_read(lambda: read_motion(path), path)
