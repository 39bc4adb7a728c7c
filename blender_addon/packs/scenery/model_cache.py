"""Models ready to be shown, on disk, so that each file is parsed once and not in every worker.

A file is named by a hash of all that the result depends on, so nothing is ever out of date. Files
are checked when they are read: a damaged or foreign one is made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ...bodies.archive import Archive
from ...output_files import atomic_file
from ..cache import cache_folder
from ..files import content_hash
from ..text_files import PackError
from .catalogue import Entry, entry_of
from .gltf_file import read_gltf
from .model import MAX_MATERIALS, ModelMaterial, ModelMesh
from .obj_file import read_obj_model
from .prepare import prepared

VERSION = "3"  # to be raised whenever reading gives other results
ENDINGS = (".obj", ".gltf", ".glb")
_BESIDE = (".mtl", ".bin")  # what a model is made of besides its own file
_MAX_FILE = 256 << 20
_ARRAYS: dict[str, tuple[Any, ...]] = {
    "vertices": (np.float32, "V", 3),
    "faces": (np.int32, "F", 3),
    "uv": (np.float32, "F", 3, 2),
    "material": (np.int32, "F"),
    "color": (np.float32, "F", 4),
    "finish": (np.float32, "F", 2),
    "extent": (np.float64, 3),
    "text": (np.uint8, "T"),
}


def load_model(path: Path, folder: Path | None = None) -> ModelMesh:
    """Read a model, or the cache's copy of it when it was read before.

    Args:
        path: Its .obj, .gltf or .glb.
        folder: Of the cache; None for `cache_folder`. One that cannot be written is done without.

    Raises:
        PackError: The model cannot be used; the message names the file and the remedy.
    """
    entry = entry_of(path) or Entry()
    file = (folder or cache_folder()) / "models" / f"{_key(path, entry)}.npz"
    found = _stored(file)
    if found is None:
        raw = read_obj_model(path) if path.suffix.lower() == ".obj" else read_gltf(path)
        found = prepared(path, raw, entry.size, entry.up, entry.turn)
        _store(file, found)
    return found


def model_hash(path: Path) -> str:
    """A hash of the contents of a model's own files, and of its row in the catalogue.

    Raises:
        PackError: They cannot be read, or the catalogue is damaged.
    """
    return _key(path, entry_of(path) or Entry(), "")


def _key(path: Path, entry: Entry, version: str = VERSION) -> str:
    try:
        files = [path, *_companions(path)]
        for file in files:
            if file.stat().st_size > _MAX_FILE:
                raise PackError(file, None, f"larger than {_MAX_FILE >> 20} MB")
        # Images are named by their paths, so that a copy elsewhere is read anew.
        place = hashlib.blake2b(os.fsencode(path.absolute()), digest_size=8).hexdigest()
        return content_hash(files, version, repr(entry), place if version else "")
    except OSError as error:
        raise PackError(path, None, f"cannot be read: {error.strerror}") from None


def _companions(path: Path) -> list[Path]:
    """Material libraries and buffers beside a model; all of a folder of one model count."""
    if path.suffix.lower() == ".glb":
        return []
    beside = sorted(p for p in path.parent.iterdir() if p.suffix.lower() in _BESIDE)
    own = [p for p in beside if p.stem.lower() == path.stem.lower()]
    return [p for p in (own or beside[:16]) if p.is_file()]


def _store(file: Path, mesh: ModelMesh) -> None:
    text = {
        "materials": [asdict(material) for material in mesh.materials],
        "notes": mesh.notes,
        "triangles": mesh.triangles,
    }
    arrays = {name: getattr(mesh, name) for name in _ARRAYS if name != "text"}
    arrays["text"] = np.frombuffer(json.dumps(text).encode("utf-8", "surrogateescape"), np.uint8)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(file, token=f".{os.getpid()}") as out:
            np.savez(out, **arrays)
    except OSError:  # a full disk, a home without write access: the model is there all the same
        pass


def _stored(file: Path) -> ModelMesh | None:
    """The model of a file of the cache; None where there is none that can be used."""
    try:
        if not file.is_file() or file.stat().st_size > _MAX_FILE:
            return None
        archive = Archive(file)
        arrays = {name: archive[name] for name in _ARRAYS}
        if not _sound(arrays):
            return None
        text = json.loads(arrays.pop("text").tobytes().decode("utf-8", "surrogateescape"))
        materials = tuple(
            ModelMaterial(**{**fields, "color": tuple(fields["color"])})
            for fields in text["materials"]
        )
        found = ModelMesh(
            **arrays,
            materials=materials,
            triangles=int(text["triangles"]),
            notes=tuple(map(str, text["notes"])),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    fits = 0 < len(materials) <= MAX_MATERIALS + 1 and found.material.max() < len(materials)
    return found if fits and all(Path(name).is_file() for name in found.images) else None


def _sound(arrays: dict[str, np.ndarray]) -> bool:
    """Whether types, shapes, numbers and indices are those of a model."""
    sizes: dict[str, int] = {}
    for name, (kind, *shape) in _ARRAYS.items():
        array = arrays[name]
        if array.dtype != kind or array.ndim != len(shape) or not array.size:
            return False
        for length, wanted in zip(array.shape, shape, strict=True):
            if length != (wanted if isinstance(wanted, int) else sizes.setdefault(wanted, length)):
                return False
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return False
    faces, material = arrays["faces"], arrays["material"]
    return faces.min() >= 0 and faces.max() < len(arrays["vertices"]) and material.min() >= 0
