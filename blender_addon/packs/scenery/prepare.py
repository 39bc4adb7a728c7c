"""Turn a model as its file has it into a mesh that can be shown."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from ..text_files import PackError
from .model import MAX_TRIANGLES, ModelMesh, RawModel
from .sizes import points_up
from .smooth_parts import clustered, divided, first_of_doubles, welded, whole_faces

Array = np.ndarray

MOST_SHOWN = 40_000  # triangles; models of more are reduced
_LARGEST_UV = 1e4  # repeats; beyond that, floats have no room for a pixel


def prepared(
    path: Path,
    raw: RawModel,
    size: tuple[float, float, float] | None = None,
    up: str = "",
    turn: tuple[float, ...] = (),
) -> ModelMesh:
    """Turn a model up, weld it, reduce it when it is heavy, and bring it to its frame.

    Args:
        path: Its file, for errors.
        raw: The model.
        size: The real (width, depth, height), m, where it is known: it tells which axis is up.
        up: "y", "z", or "" for not known.
        turn: 3 × 3 rotation, row by row, of the file's axes; empty for none.

    Raises:
        PackError: It has no area, too many triangles, or no finite numbers.
    """
    if len(raw.faces) > MAX_TRIANGLES:
        raise PackError(
            path, None, f"{len(raw.faces)} triangles, expected at most {MAX_TRIANGLES}; reduce it"
        )
    if turn:
        raw = dataclasses.replace(raw, vertices=raw.vertices @ np.reshape(turn, (3, 3)).T)
        up = up or "y"
    used = raw.vertices[np.unique(raw.faces)]
    if not np.isfinite(used).all() or not np.isfinite(raw.uv).all():
        raise PackError(path, None, "coordinates that are no finite numbers; export it again")
    extent = np.ptp(used, axis=0)
    if extent.max() <= 0:
        raise PackError(path, None, "all of its vertices are in one place")
    y_up = raw.y_up if raw.y_up is not None else points_up(extent, size, up)
    vertices = raw.vertices[:, [0, 2, 1]] * (1.0, -1.0, 1.0) if y_up else raw.vertices
    vertices, faces = welded(vertices, raw.faces)
    kept = np.flatnonzero(whole_faces(vertices, faces))
    if not len(kept):
        raise PackError(path, None, "no face in it has an area")
    kept = kept[first_of_doubles(faces[kept], len(vertices))]
    faces = faces[kept]
    notes = list(raw.notes)
    if len(faces) > MOST_SHOWN:
        vertices, faces, few = clustered(vertices, faces, MOST_SHOWN)
        notes.append(f"reduced from {len(kept)} to {len(faces)} triangles")
        whole = whole_faces(vertices, faces)
        faces, kept = faces[whole], kept[few][whole]
        if not len(faces):
            raise PackError(path, None, "nothing is left of it when it is reduced; reduce it")
    vertices, faces = divided(vertices, faces)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    extent = high - low
    origin = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    material = raw.material[kept]
    color, finish = _of_faces(raw, kept)
    return ModelMesh(
        vertices=((vertices - origin) / np.maximum(extent, 1e-9 * extent.max())).astype(np.float32),
        faces=faces,
        uv=np.clip(raw.uv[kept], -_LARGEST_UV, _LARGEST_UV).astype(np.float32),
        material=material.astype(np.int32),
        color=color,
        finish=finish,
        extent=extent,
        materials=raw.materials,
        triangles=len(raw.faces),
        notes=tuple(notes),
    )


def _of_faces(raw: RawModel, kept: Array) -> tuple[Array, Array]:
    """(F, 4) colour and opacity, (F, 2) roughness and metallic, of the faces that are kept."""
    color = np.array([(*m.color, m.opacity) for m in raw.materials], np.float32)
    finish = np.array([(m.roughness, m.metallic) for m in raw.materials], np.float32)
    material = raw.material[kept]
    out = color[material]
    if raw.tint is not None:
        out[:, :3] *= raw.tint[kept]
    return out, finish[material]
