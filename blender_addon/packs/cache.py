"""Fitted garments on disk, so that each is fitted once and not in every worker and run.

A file is named by a hash of all that the result depends on, so nothing is ever out of date. Files
are checked when they are read: a damaged or foreign one is made anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import fields
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..bodies.model import BodyModel
from .cache_files import Layout, cache_folder, store_arrays, stored_arrays
from .files import content_hash
from .fit import FittedItem, fit, same_body
from .helper_mesh import HELPER_PATH, helper_mesh
from .kinds import kind_of
from .mhclo import read_clothes
from .obj_mesh import read_obj
from .pack import mesh_of
from .text_files import PackError

FIT_VERSION = "8"  # to be raised whenever `fit` gives other results
_LAYOUT: Layout = {  # G vertices, F faces, K joints of a vertex
    "template": (np.float32, "G", 3),
    "shapedirs": (np.float32, "G", 3, None),
    "joints": (np.int32, "G", "K"),
    "weights": (np.float32, "G", "K"),
    "faces": (np.int32, "F", 3),
    "uv": (np.float32, "F", 3, 2),
    "near": (np.int32, "G"),
    "hides": (np.bool_, "B"),
    "lower": (np.bool_, "F"),
}


def fit_cached(path: Path, model: BodyModel, folder: Path | None = None) -> FittedItem:
    """Fit a garment, or read it when it was fitted before.

    Args:
        path: Its .mhclo.
        model: The body.
        folder: Of the cache; None for `cache_folder`. One that cannot be written is done without.

    Raises:
        PackError: A file cannot be used; the message names it and the line.
    """
    clothes = read_clothes(path)
    mesh_file = mesh_of(clothes)
    try:
        kind = kind_of(path, clothes.tags, clothes.name)
        key = content_hash((path, mesh_file), FIT_VERSION, kind, _identity(model))
    except OSError as error:
        raise PackError(path, None, f"cannot be read: {error.strerror}") from None
    file = (folder or cache_folder()) / f"{key}.npz"
    found = _read(file, model)
    if found is not None:
        return found
    fitted = fit(clothes, read_obj(mesh_file), model)
    store_arrays(file, {f.name: getattr(fitted, f.name) for f in fields(fitted)})
    return fitted


@lru_cache(maxsize=8)
def _identity(model: BodyModel) -> str:
    """A hash of all of a body that a garment's fit depends on: the same for all garments."""
    digest = hashlib.blake2b(HELPER_PATH.read_bytes(), digest_size=8)
    if same_body(model, helper_mesh().body):
        model = helper_mesh().body
    for array in (model.v_template, model.faces, model.shapedirs, model.weights):
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(" ".join(model.joint_names).encode())
    return digest.hexdigest()


def _read(file: Path, model: BodyModel) -> FittedItem | None:
    """The garment of a file; None where there is none that can be used on this body."""
    arrays = stored_arrays(file, _LAYOUT, {"B": len(model.faces)})
    if arrays is None:
        return None
    limits = {
        "joints": model.num_joints,
        "faces": len(arrays["template"]),
        "near": model.num_vertices,
    }
    for name, limit in limits.items():
        array = arrays[name]
        if not array.size or array.min() < 0 or array.max() >= limit:
            return None
    return FittedItem(**arrays)
