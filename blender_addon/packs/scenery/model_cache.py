"""Models ready to be shown, on disk, so that each file is parsed once and not in every worker.

A file is named by a hash of all that the result depends on, so nothing is ever out of date. Files
are checked when they are read: a damaged or foreign one is made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..cache_files import Arrays, Layout, cache_folder, store_arrays, stored_arrays
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
_LAYOUT: Layout = {
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
    # Images are named by their paths, so that a copy elsewhere is read anew.
    place = hashlib.blake2b(os.fsencode(path.absolute()), digest_size=8).hexdigest()
    key = content_hash((), VERSION, model_hash(path), place)
    file = (folder or cache_folder()) / "models" / f"{key}.npz"
    found = _stored(file)
    if found is None:
        entry = entry_of(path) or Entry()
        raw = read_obj_model(path) if path.suffix.lower() == ".obj" else read_gltf(path)
        found = prepared(path, raw, entry.size, entry.up, entry.turn)
        _store(file, found)
    return found


def model_hash(path: Path) -> str:
    """A hash of the contents of a model's own files, and of its row in the catalogue.

    Raises:
        PackError: They cannot be read, or the catalogue is damaged.
    """
    entry = entry_of(path) or Entry()
    try:
        files = (path, *_companions(path))
        states = [file.stat() for file in files]
        for file, state in zip(files, states, strict=True):
            if state.st_size > _MAX_FILE:
                raise PackError(file, None, f"larger than {_MAX_FILE >> 20} MB")
        stamps = tuple((state.st_mtime_ns, state.st_size, state.st_ino) for state in states)
        return _hash(files, stamps, repr(entry))
    except OSError as error:
        raise PackError(path, None, f"cannot be read: {error.strerror}") from None


@lru_cache(maxsize=4096)
def _hash(files: tuple[Path, ...], stamps: tuple[tuple[int, ...], ...], entry: str) -> str:
    """The hash of files that were changed at these times: each is read once in a process."""
    return content_hash(files, entry)


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
    arrays = {name: getattr(mesh, name) for name in _LAYOUT if name != "text"}
    arrays["text"] = np.frombuffer(json.dumps(text).encode("utf-8", "surrogateescape"), np.uint8)
    store_arrays(file, arrays)


def _stored(file: Path) -> ModelMesh | None:
    """The model of a file of the cache; None where there is none that can be used."""
    arrays = stored_arrays(file, _LAYOUT)
    if arrays is None or not _sound(arrays):
        return None
    try:
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
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    fits = 0 < len(materials) <= MAX_MATERIALS + 1 and found.material.max() < len(materials)
    return found if fits and all(Path(name).is_file() for name in found.images) else None


def _sound(arrays: Arrays) -> bool:
    """Whether there is something to show, and indices are those of its vertices."""
    faces, material = arrays["faces"], arrays["material"]
    return (
        all(array.size for array in arrays.values())
        and faces.min() >= 0
        and faces.max() < len(arrays["vertices"])
        and material.min() >= 0
    )
