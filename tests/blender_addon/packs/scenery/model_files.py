"""Small models and textures, made by code."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

# Corners of a box 1 × 2 × 3, the second axis up, and its six faces.
CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 2) for z in (0, 3)], np.float64)
QUADS = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))


def png(width: int = 4, height: int = 4, color: tuple[int, int, int] = (200, 30, 30)) -> bytes:
    """A PNG of one colour."""
    row = b"\0" + bytes(color) * width

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(row * height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + data + chunk(b"IEND", b"")


def write_obj(
    path: Path,
    *,
    scale: float | tuple[float, float, float] = 1.0,
    material: str = "",
    image: bool = False,
) -> Path:
    """Write a box as .obj, with a .mtl when it has a material."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"v {x} {y} {z}" for x, y, z in CORNERS * np.asarray(scale)]
    lines += ["vt 0 0", "vt 1 0", "vt 1 1", "vt 0 1"]
    if material or image:
        lines = [f"mtllib {path.stem}.mtl", *lines, "usemtl paint"]
        text = f"newmtl paint\n{material}\n" + ("map_Kd -s 1 1 1 red one.png\n" if image else "")
        path.with_suffix(".mtl").write_text(text)
    if image:
        (path.parent / "red one.png").write_bytes(png())
    for quad in QUADS:
        lines.append("f " + " ".join(f"{v + 1}/{i + 1}" for i, v in enumerate(quad)))
    path.write_text("\n".join(lines) + "\n")
    return path


def box_gltf(**changes: Any) -> dict[str, Any]:
    """The JSON of a box 1 × 2 × 3 in a .gltf with its buffer inside; `changes` replace keys."""
    faces = np.array([(a, b, c) for q in QUADS for a, b, c in (q[:3], (q[0], q[2], q[3]))])
    positions = CORNERS.astype("<f4").tobytes()
    indices = faces.astype("<u2").tobytes()
    content = positions + indices
    uri = "data:application/octet-stream;base64," + base64.b64encode(content).decode()
    value: dict[str, Any] = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 8, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": 36, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteLength": len(positions)},
            {"buffer": 0, "byteOffset": len(positions), "byteLength": len(indices)},
        ],
        "buffers": [{"byteLength": len(content), "uri": uri}],
    }
    return {**value, **changes}


def write_gltf(path: Path, value: dict[str, Any]) -> Path:
    """Write the JSON of a .gltf."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def write_glb(path: Path, value: dict[str, Any], binary: bytes = b"") -> Path:
    """Write a .glb of a JSON and a binary chunk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
    chunks += struct.pack("<II", len(binary), 0x004E4942) + binary if binary else b""
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)
    return path
