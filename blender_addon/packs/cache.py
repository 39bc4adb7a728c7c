"""Fitted garments on disk, so that each is fitted once and not in every worker and run.

A file is named by a hash of all that the result depends on, so nothing is ever out of date. Files
are checked when they are read: a damaged or foreign one is made anew.
"""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np

from ..bodies.archive import Archive
from ..bodies.model import BodyModel
from ..output_files import atomic_file
from .files import content_hash
from .fit import FittedItem, fit, same_body
from .helper_mesh import HELPER_PATH, helper_mesh
from .kinds import kind_of
from .mhclo import read_clothes
from .obj_mesh import read_obj
from .pack import mesh_of
from .text_files import PackError

FIT_VERSION = "8"  # to be raised whenever `fit` gives other results
FOLDER_VARIABLE = "PII_SYNTH_CACHE"
_MAX_BYTES = 256 << 20
_SHAPES = {  # G vertices, F faces, K joints of a vertex
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


def cache_folder() -> Path:
    """The folder of the user's cache: of the variable PII_SYNTH_CACHE, else the system's."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "pii_synth" / "packs"


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
    _write(file, fitted)
    return fitted


def _identity(model: BodyModel) -> str:
    """A hash of all of a body that a garment's fit depends on."""
    digest = hashlib.blake2b(HELPER_PATH.read_bytes(), digest_size=8)
    if same_body(model, helper_mesh().body):
        model = helper_mesh().body
    for array in (model.v_template, model.faces, model.shapedirs, model.weights):
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(" ".join(model.joint_names).encode())
    return digest.hexdigest()


def _write(file: Path, fitted: FittedItem) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(file, token=f".{os.getpid()}") as out:
            arrays = {f.name: getattr(fitted, f.name) for f in fields(fitted)}
            np.savez(out, **arrays)
    except OSError:  # a full disk, a home without write access: the fit is there all the same
        pass


def _read(file: Path, model: BodyModel) -> FittedItem | None:
    """The garment of a file; None where there is none that can be used."""
    try:
        if not file.is_file() or file.stat().st_size > _MAX_BYTES:
            return None
        archive = Archive(file)
        arrays = {name: archive[name] for name in _SHAPES}
    except (OSError, ValueError, KeyError):
        return None
    return FittedItem(**arrays) if _sound(arrays, model) else None


def _sound(arrays: dict[str, np.ndarray], model: BodyModel) -> bool:
    """Whether types, shapes, numbers and indices are those of a garment on this body."""
    sizes: dict[str, int] = {"B": len(model.faces)}
    for name, (kind, *shape) in _SHAPES.items():
        array = arrays[name]
        if array.dtype != kind or array.ndim != len(shape):
            return False
        for length, wanted in zip(array.shape, shape, strict=True):
            known = wanted if isinstance(wanted, int) else sizes.setdefault(str(wanted), length)
            if wanted is not None and length != known:
                return False
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return False
    limits = {
        "joints": model.num_joints,
        "faces": len(arrays["template"]),
        "near": model.num_vertices,
    }
    for name, limit in limits.items():
        array = arrays[name]
        if not array.size or array.min() < 0 or array.max() >= limit:
            return False
    return True
