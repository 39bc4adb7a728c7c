"""Random body models, written the way the published files are, for all tests of this folder."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_addon.bodies.joints import FAMILIES
from blender_addon.bodies.model import BodyModel

_BODY_PARENTS = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19]
_FINGER_PARENTS = [-1, 0, 1, -1, 3, 4, -1, 6, 7, -1, 9, 10, -1, 12, 13]  # -1: the wrist


def _parents(family: str) -> list[int]:
    if family == "smpl":
        return [*_BODY_PARENTS, 20, 21]
    face = [15, 15, 15] if family == "smplx" else []
    parents = _BODY_PARENTS + face
    for wrist in (20, 21):
        first = len(parents)
        parents = parents + [wrist if p < 0 else first + p for p in _FINGER_PARENTS]
    return parents


def make_arrays(
    family: str,
    rng: np.random.Generator,
    num_vertices: int = 60,
    num_directions: int = 10,
    dtype: type = np.float64,
) -> dict[str, Any]:
    """The arrays of a random model of metre size, with the names, shapes and types of the published
    files.
    """
    J, V = len(FAMILIES[family]), num_vertices

    def directions(count: int, size: float) -> np.ndarray:
        # Repeats of one block: as good as fresh numbers for a linear formula, and soon made at full
        # size.
        block = rng.normal(scale=size, size=9973).astype(dtype)
        return np.resize(block, (V, 3, count))

    weights = rng.random((V, J)) ** 8
    regressor = rng.random((J, V)) ** 8
    kintree = np.array([_parents(family), range(J)], dtype=np.int64)
    arrays = {
        "v_template": rng.uniform(-1, 1, (V, 3)).astype(dtype),
        "f": rng.permutation(np.resize(np.arange(V), (2 * V, 3))).astype(np.uint32),
        "shapedirs": directions(num_directions, 0.01),
        "posedirs": directions(9 * (J - 1), 0.001),
        "J_regressor": (regressor / regressor.sum(axis=1, keepdims=True)).astype(dtype),
        "weights": (weights / weights.sum(axis=1, keepdims=True)).astype(dtype),
        "kintree_table": kintree.astype(np.uint32),  # the root's -1 becomes 4294967295
    }
    if family != "smpl":
        for side in "lr":
            arrays[f"hands_components{side}"] = rng.normal(size=(45, 45))
            arrays[f"hands_mean{side}"] = rng.normal(scale=0.2, size=45)
    if family == "smplx":
        arrays["lmk_faces_idx"] = rng.integers(0, 2 * V, 51)
        arrays["lmk_bary_coords"] = np.full((51, 3), 1 / 3)
    return arrays


@dataclass
class Chumpy:
    """Pickled by `python2_pickle` as chumpy.ch.Ch."""

    array: np.ndarray


@dataclass
class Select:
    """Pickled by `python2_pickle` as chumpy.reordering.Select:
    source.array.ravel()[indices].reshape(shape).
    """

    source: Chumpy
    indices: np.ndarray
    shape: tuple[int, ...]


@dataclass
class Sparse:
    """Pickled by `python2_pickle` as scipy.sparse.csc.csc_matrix, as scipy 0.x did."""

    array: np.ndarray


def python2_pickle(value: Any) -> bytes:
    """Return what Python 2's cPickle wrote for `value` at protocol 2, with numpy 1.x, scipy 0.x and
    chumpy.
    """
    return b"\x80\x02" + _emit(value) + b"."


def _emit(value: Any) -> bytes:
    if value is None:
        return b"N"
    if isinstance(value, bool):
        return b"\x88" if value else b"\x89"
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, str):
        value = value.encode("latin1")
    if isinstance(value, bytes):  # Python 2's str
        return b"T" + struct.pack("<i", len(value)) + value
    if isinstance(value, tuple):
        return b"(" + b"".join(map(_emit, value)) + b"t"
    if isinstance(value, list):
        return b"](" + b"".join(map(_emit, value)) + b"e"
    if isinstance(value, set):
        return b"c__builtin__\nset\n" + _emit((sorted(value),)) + b"R"
    if isinstance(value, dict):
        return b"}(" + b"".join(_emit(k) + _emit(v) for k, v in value.items()) + b"u"
    if isinstance(value, np.dtype):
        state = (3, "<" if value.itemsize > 1 else "|", None, None, None, -1, -1, 0)
        return b"cnumpy\ndtype\n" + _emit((value.str[1:], 0, 1)) + b"R" + _emit(state) + b"b"
    if isinstance(value, np.ndarray):
        fortran = value.flags.f_contiguous and not value.flags.c_contiguous
        empty = (
            b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n"
            + _emit((0,))
            + _emit("b")
            + b"tR"
        )
        data = value.tobytes("F" if fortran else "C")
        return empty + _emit((1, value.shape, value.dtype, fortran, data)) + b"b"
    if isinstance(value, Sparse):
        columns, rows = np.nonzero(value.array.T)
        starts = np.searchsorted(columns, np.arange(value.array.shape[1] + 1))
        state = {
            "_shape": value.array.shape,
            "maxprint": 50,
            "data": value.array[rows, columns],
            "indices": rows.astype(np.int32),
            "indptr": starts.astype(np.int32),
        }
        return b"cscipy.sparse.csc\ncsc_matrix\n)\x81" + _emit(state) + b"b"
    if isinstance(value, Chumpy):
        state = {"x": value.array, "_dirty_vars": {"x"}, "_itr": None, "_depends_on_deps": {}}
        return b"cchumpy.ch\nCh\n)\x81" + _emit(state) + b"b"
    if isinstance(value, Select):
        state = {
            "a": value.source,
            "idxs": value.indices,
            "preferred_shape": value.shape,
            "_dirty_vars": set(),
        }
        return b"cchumpy.reordering\nSelect\n)\x81" + _emit(state) + b"b"
    raise TypeError(f"no Python 2 form for {type(value)}")


@dataclass
class ModelFiles:
    """Writes model files into a test's own folder."""

    folder: Path

    def npz(self, arrays: dict[str, Any], name: str = "model.npz") -> Path:
        path = self.folder / name
        np.savez(path, **arrays)
        return path

    def pkl(self, arrays: dict[str, Any], name: str = "model.pkl") -> Path:
        """As SMPL and SMPL-H were published: chumpy shape directions, a sparse regressor, other
        things besides.
        """
        content = {
            **arrays,
            "shapedirs": Chumpy(arrays["shapedirs"]),
            "J_regressor": Sparse(arrays["J_regressor"]),
            "J_regressor_prior": Sparse(arrays["J_regressor"]),
            "bs_style": "lbs",
            "bs_type": "lrotmin",
            "pose_training_info": {"num_neutral": 12, "name": "x", "gain": [1, 2]},
        }
        path = self.folder / name
        path.write_bytes(python2_pickle(content))
        return path

    def raw_pkl(self, value: Any, name: str = "model.pkl") -> Path:
        path = self.folder / name
        path.write_bytes(value if isinstance(value, bytes) else python2_pickle(value))
        return path


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def model_files(tmp_path: Path) -> ModelFiles:
    return ModelFiles(tmp_path)


@pytest.fixture
def random_arrays() -> Callable[..., dict[str, Any]]:
    return make_arrays


@pytest.fixture
def pickled_as() -> dict[str, type]:
    """Wrappers that `ModelFiles.raw_pkl` writes as the chumpy and scipy objects of their names."""
    return {"Chumpy": Chumpy, "Select": Select, "Sparse": Sparse}


@pytest.fixture
def random_body() -> Callable[..., BodyModel]:
    """Makes a small random BodyModel of a family."""

    def make(
        family: str = "smpl", seed: int = 7, num_vertices: int = 60, **changes: Any
    ) -> BodyModel:
        arrays = make_arrays(family, np.random.default_rng(seed), num_vertices)
        fields = {
            "name": "random",
            "family": family,
            "gender": "neutral",
            "v_template": arrays["v_template"],
            "faces": arrays["f"],
            "shapedirs": arrays["shapedirs"],
            "posedirs": arrays["posedirs"],
            "J_regressor": arrays["J_regressor"],
            "weights": arrays["weights"],
            "parents": np.array(_parents(family)),
            "joint_names": FAMILIES[family],
        }
        return BodyModel(**{**fields, **changes})

    return make
