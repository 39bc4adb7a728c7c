"""UV coordinates from .obj files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAX_TEXT_BYTES = 64 << 20
_MAX_UV = 1e6  # tiles of UVs count from 0; more is damage


def read_obj_uv(path: str | Path, faces: NDArray[np.int32]) -> NDArray[np.float32]:
    """Read the UV coordinates of a mesh from a .obj file.

    The vertices of the .obj are in the model's order; its texture coordinates have an order of
    their own, because a vertex on a seam has several. Its faces may come in any order and start at
    any corner.

    Args:
        path: The .obj file.
        faces: (F, 3) faces of the model.

    Returns:
        (F, 3, 2), one coordinate for each corner of `faces`.

    Raises:
        ValueError: The file is no triangle mesh with UVs, or has other triangles than the model.
    """
    path = Path(path)
    vt: list[tuple[float, float]] = []
    corners: list[tuple[int, ...]] = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        word, *rest = line.split() or [""]
        try:
            if word == "vt":
                vt.append((float(rest[0]), float(rest[1])))
            elif word == "f":
                if len(rest) != 3:
                    raise ValueError(f"a face of {len(rest)} corners, expected triangles")
                pairs = [corner.split("/")[:2] for corner in rest]
                if any(len(pair) < 2 or not pair[1] for pair in pairs):
                    raise ValueError("a corner without a UV")
                corners.append(tuple(int(pair[i]) for i in (0, 1) for pair in pairs))
        except (ValueError, IndexError) as error:
            reason = "a UV of one number" if isinstance(error, IndexError) else error
            raise ValueError(
                f"{path}:{number}: {reason}; give a .obj whose faces are triangles with UVs"
            ) from None
    if not vt or not corners:
        raise ValueError(
            f"{path}: no texture coordinates or no faces; give the UV .obj of the model"
        )
    try:
        table = np.array(corners, dtype=np.int64) - 1  # .obj counts from 1
    except OverflowError:
        raise ValueError(f"{path}: a face has an index of 20 digits or more") from None
    v, ft = table[:, :3], table[:, 3:]
    if v.min() < 0 or ft.min() < 0:
        raise ValueError(
            f"{path}: faces count from 1, found an index below; export it with absolute indices"
        )
    uv = corner_uvs(np.array(vt), ft, path)

    # Turn each triangle so that it starts with its smallest vertex, and match the two lists in
    # sorted order.
    mine, mine_turn = _canonical(np.asarray(faces, dtype=np.int64))
    theirs, theirs_turn = _canonical(v)
    order_mine, order_theirs = np.lexsort(mine.T[::-1]), np.lexsort(theirs.T[::-1])
    if mine.shape != theirs.shape or not np.array_equal(mine[order_mine], theirs[order_theirs]):
        raise ValueError(f"{path}: {_difference(mine, theirs)}; give the UV .obj of this model")
    turned = np.take_along_axis(uv, theirs_turn[:, :, None], axis=1)
    matched = np.empty_like(uv)
    matched[order_mine] = turned[order_theirs]
    result = np.empty_like(uv)
    np.put_along_axis(result, mine_turn[:, :, None], matched, axis=1)
    return result


def _difference(mine: NDArray[np.int64], theirs: NDArray[np.int64]) -> str:
    """The reason why triangles of a .obj, each from its smallest vertex, are not the model's."""
    if theirs.max() != mine.max():
        reason = f"its faces use {theirs.max() + 1} vertices, the model's {mine.max() + 1}"
        if theirs.max() > mine.max():
            reason += "; exporters that split vertices at the seams of the UVs cause this"
        return reason
    if len(theirs) != len(mine):
        return f"it has {len(theirs)} triangles, the model {len(mine)}"
    ours = np.unique(mine, axis=0)
    found, times = np.unique(theirs, axis=0, return_counts=True)
    if len(found) < len(theirs) and len(ours) == len(mine):
        repeated = found[times.argmax()] + 1
        return (
            f"{len(theirs) - len(found)} of its triangles are there twice, such as "
            f"{' '.join(map(str, repeated))}, so others are missing"
        )
    known = set(map(tuple, ours.tolist()))
    foreign = [face for face in found.tolist() if tuple(face) not in known]
    if len(foreign) == len(found) and all((a, c, b) in known for a, b, c in foreign):
        return "its triangles are turned inside out"
    example = " ".join(str(k + 1) for k in foreign[0]) if foreign else "none"
    return (
        f"{len(foreign)} of its {len(theirs)} triangles are not the model's, such as {example}: "
        "its vertices are in another order, or it is of another mesh"
    )


def corner_uvs(vt: NDArray[Any], ft: NDArray[Any], path: Path) -> NDArray[np.float32]:
    if vt.ndim != 2 or vt.shape[1] < 2 or ft.ndim != 2 or ft.shape[1] != 3:
        raise ValueError(
            f"{path}: vt, ft: shapes {vt.shape}, {ft.shape}, expected (T, 2) and (F, 3)"
        )
    if ft.size and (ft.min() < 0 or ft.max() >= len(vt)):
        raise ValueError(f"{path}: ft: indices {ft.min()}..{ft.max()}, expected 0..{len(vt) - 1}")
    if not (np.abs(vt[:, :2]).max(initial=0.0) <= _MAX_UV):  # also false for NaN
        raise ValueError(f"{path}: vt: a coordinate is not finite, or beyond {_MAX_UV:g}")
    return vt[:, :2].astype(np.float32)[ft.astype(np.int64)]


def _canonical(faces: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Triangles (F, 3) turned to start with their smallest vertex, and the corners' order (F, 3)
    that does it.
    """
    turn = (faces.argmin(axis=1)[:, None] + np.arange(3)) % 3
    return np.take_along_axis(faces, turn, axis=1), turn


def read_text(path: Path) -> str:
    if path.stat().st_size > _MAX_TEXT_BYTES:
        raise ValueError(
            f"{path}: larger than {_MAX_TEXT_BYTES >> 20} MB; give the file of one body model"
        )
    return path.read_text(encoding="utf-8", errors="replace")
