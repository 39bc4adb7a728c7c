"""Models from Wavefront .obj files and their .mtl material libraries."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..files import IMAGE_ENDINGS, find_file
from ..obj_mesh import read_polygons
from ..polygons import triangles
from ..text_files import PackError, numbers, read_lines
from .model import MAX_MATERIALS, ModelMaterial, RawModel

MAX_FACE = 4096  # corners of one face
# Options of a map, and how many words follow each.
_OPTIONS = {
    "-blendu": 1, "-blendv": 1, "-cc": 1, "-clamp": 1, "-texres": 1, "-bm": 1, "-boost": 1,
    "-imfchan": 1, "-type": 1, "-mm": 2, "-o": 3, "-s": 3, "-t": 3,
}  # fmt: skip
_WIDTHS = {"kd": 3, "ks": 3, "ns": 1, "d": 1, "tr": 1, "pr": 1, "pm": 1}
_MAPS = {
    "map_kd": "color", "map_bump": "normal", "bump": "bump", "norm": "normal",
    "map_pr": "roughness", "map_d": "opacity",
}  # fmt: skip
_NORMAL_WORDS = ("nor", "nrm", "normal")  # in the name of a map_bump that holds normals


def read_obj_model(path: Path) -> RawModel:
    """Read a model.

    Args:
        path: The .obj.

    Raises:
        PackError: The file is no mesh with faces, or a file that it names leads out of the pack.
    """
    file = read_polygons(path, MAX_FACE, strict=False)
    faces, polygons = triangles(file.vertices, file.corners, file.sizes)
    notes: list[str] = []
    known: dict[str, ModelMaterial] = {}
    for name in file.libraries[:8]:
        library = find_file(path, name, (".mtl",))
        if library is None:
            notes.append(f"its materials {name[:80]!r} are missing; it is shown in grey")
        else:
            known.update(_read_library(library, notes))
    if len(file.materials) > MAX_MATERIALS:
        raise PackError(
            path, None, f"{len(file.materials)} materials, expected at most {MAX_MATERIALS}"
        )
    return RawModel(
        vertices=file.vertices,
        faces=file.corners[faces].astype(np.int32),
        uv=file.uv[faces].astype(np.float32),
        material=file.material[polygons].astype(np.int32),
        materials=tuple(known.get(name, ModelMaterial()) for name in file.materials),
        notes=tuple(dict.fromkeys(notes)),
    )


def _read_library(path: Path, notes: list[str]) -> dict[str, ModelMaterial]:
    """The materials of a .mtl by name."""
    tables: dict[str, dict[str, tuple[int, list[str]]]] = {}
    current: dict[str, tuple[int, list[str]]] = {}
    for line, (word, *rest) in read_lines(path):
        if word.lower() == "newmtl":
            current = tables.setdefault(" ".join(rest), {})
            if len(tables) > MAX_MATERIALS * 4:
                raise PackError(path, line, f"more than {MAX_MATERIALS * 4} materials")
        elif rest and not word.startswith("#"):
            current[word.lower()] = line, rest
    return {name: _material(path, table, notes) for name, table in tables.items()}


def _material(
    path: Path, table: dict[str, tuple[int, list[str]]], notes: list[str]
) -> ModelMaterial:
    values: dict[str, list[float]] = {}
    for key, width in _WIDTHS.items():
        if key in table and not table[key][1][0].isalpha():  # "Kd spectral file.rfl"
            line, words = table[key]
            words = words * 3 if width == 3 and len(words) == 1 else words  # one for all three
            values[key] = numbers(path, [line], [words], width)[0].tolist()
    images = {}
    for key, use in _MAPS.items():
        if key in table and (use not in images):
            image = _image(path, table[key][1], notes)
            if use == "bump" or key == "map_bump":
                normals = image and any(w in Path(image).stem.lower() for w in _NORMAL_WORDS)
                use, image = "normal", image if normals else ""
            if image:
                images[use] = image
    opacity = values.get("d", [1.0 - values.get("tr", [0.0])[0]])[0]
    opacity = 1.0 if opacity <= 0.0 else min(opacity, 1.0)  # some exporters write 0 for opaque
    shine = max(values.get("ns", [30.0])[0], 0.0)
    gloss = max(values.get("ks", [0.5]))
    roughness = float(np.clip((2.0 / (shine + 2.0)) ** 0.25, 0.1, 1.0))  # of Blinn and Phong
    if gloss < 0.1:
        roughness = max(roughness, 0.75)
    color = np.clip(values.get("kd", [0.6, 0.6, 0.6]), 0.0, 1.0)
    color = np.ones(3) if images.get("color") else color**2.2  # viewers show it as it is
    return ModelMaterial(
        color=(float(color[0]), float(color[1]), float(color[2])),
        roughness=float(np.clip(values.get("pr", [roughness])[0], 0.05, 1.0)),
        metallic=float(np.clip(values.get("pm", [0.0])[0], 0.0, 1.0)),
        opacity=float(opacity),
        color_image=images.get("color", ""),
        normal_image=images.get("normal", ""),
        roughness_image=images.get("roughness", ""),
        cut_out=bool(images.get("opacity")) and images.get("opacity") == images.get("color"),
    )


def _image(path: Path, words: list[str], notes: list[str]) -> str:
    """The file of a map; its name may hold spaces and follows the options."""
    at = 0
    while at < len(words) - 1 and words[at].lower() in _OPTIONS:
        step = 1 + _OPTIONS[words[at].lower()]
        if step == 4:  # one to three numbers
            step = 1 + sum(1 for _ in _leading_numbers(words[at + 1 : at + 4]))
        at += step
    name = " ".join(words[at:])
    found = find_file(path, name, IMAGE_ENDINGS) if name else None
    if found is None:
        notes.append(f"its image {name[:80]!r} is missing")
        return ""
    return str(found)


def _leading_numbers(words: list[str]) -> list[str]:
    out = []
    for word in words:
        try:
            float(word)
        except ValueError:
            break
        out.append(word)
    return out
