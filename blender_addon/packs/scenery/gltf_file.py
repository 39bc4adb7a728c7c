"""Models from glTF 2.0 files, .gltf with its buffers and .glb."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..text_files import PackError
from .gltf_buffers import Buffers, read_container
from .gltf_materials import read_materials
from .json_files import Fields
from .model import MAX_TRIANGLES, RawModel

Array = np.ndarray

MAX_NODES, MAX_MESHES, MAX_PRIMITIVES, MAX_DEPTH = 20_000, 5000, 2000, 64
MAX_PLACED = 20_000  # primitives after every node has placed its mesh
# Extensions that a file may require; without the others it cannot be read.
UNDERSTOOD = (
    "KHR_mesh_quantization", "KHR_texture_transform", "KHR_materials_unlit", "KHR_lights_punctual",
    "KHR_materials_specular", "KHR_materials_ior", "KHR_materials_clearcoat",
    "KHR_materials_transmission", "KHR_materials_volume", "KHR_materials_sheen",
    "KHR_materials_emissive_strength", "KHR_materials_variants", "KHR_xmp_json_ld",
    "KHR_materials_anisotropy", "KHR_materials_iridescence", "KHR_materials_dispersion",
)  # fmt: skip
_COMPRESSED = ("draco", "meshopt", "basisu")


def read_gltf(path: Path) -> RawModel:
    """Read the scene of a model, with the transforms of its nodes.

    Args:
        path: The .gltf or .glb.

    Raises:
        PackError: The file is damaged, hostile, too large, or needs what is not read.
    """
    root, chunk = read_container(path)
    for name in root.values.get("extensionsRequired", []) or []:
        if name not in UNDERSTOOD:
            compressed = any(word in str(name).lower() for word in _COMPRESSED)
            remedy = "export it without compression" if compressed else "export it without that"
            raise PackError(path, None, f"it needs {str(name)[:60]!r}; {remedy}")
    return _Reader(root, Buffers(root, chunk)).model()


class _Reader:
    def __init__(self, root: Fields, buffers: Buffers) -> None:
        self.path, self.root, self.buffers = root.path, root, buffers
        self.nodes = root.objects("nodes", MAX_NODES)
        self.meshes = root.objects("meshes", MAX_MESHES)
        self.materials, self.places, self.notes = read_materials(root, buffers)
        self.parts: list[tuple[Array, Array, Array, Array, int]] = []
        self.cached: dict[tuple[int, int], tuple[Array, Array, Array, Array, int] | None] = {}
        self.triangles = 0

    def model(self) -> RawModel:
        seen: set[int] = set()
        waiting = [(number, np.eye(4), 0) for number in reversed(self._roots())]
        while waiting:
            number, above, depth = waiting.pop()
            if not 0 <= number < len(self.nodes):
                raise PackError(self.path, None, f"no node {number}")
            if number in seen or depth > MAX_DEPTH:
                raise PackError(self.path, None, f"node {number} is below two nodes, or too deep")
            seen.add(number)
            node = self.nodes[number]
            matrix = above @ _matrix(node)
            if "mesh" in node.values:
                # A skinned mesh stands where its skeleton is; glTF 2.0, 3.7.3.3.
                self._place(node.whole("mesh"), np.eye(4) if "skin" in node.values else matrix)
            below = reversed(_numbers(node, "children"))  # the first one is taken next
            waiting += [(child, matrix, depth + 1) for child in below]
        if not self.parts:
            raise PackError(self.path, None, "no triangles in it")
        first = np.cumsum([0] + [len(part[0]) for part in self.parts])
        material = np.concatenate([np.full(len(p[1]), p[4], np.int32) for p in self.parts])
        tint = np.concatenate([part[3] for part in self.parts])
        return RawModel(
            vertices=np.concatenate([part[0] for part in self.parts]),
            faces=np.concatenate(
                [part[1] + n for part, n in zip(self.parts, first, strict=False)]
            ).astype(np.int32),
            uv=np.concatenate([part[2] for part in self.parts]),
            material=material,
            materials=tuple(self.materials),
            tint=None if (tint == 1.0).all() else tint,
            notes=self.notes,
            y_up=True,
        )

    def _roots(self) -> list[int]:
        scenes = self.root.objects("scenes", 1000)
        if scenes:
            return _numbers(scenes[self.root.whole("scene", 0, high=len(scenes) - 1)], "nodes")
        below = {child for node in self.nodes for child in _numbers(node, "children")}
        return [number for number in range(len(self.nodes)) if number not in below]

    def _place(self, number: int, matrix: Array) -> None:
        if number >= len(self.meshes):
            raise PackError(self.path, None, f"no mesh {number}")
        turned = np.linalg.det(matrix[:3, :3]) < 0
        for i, fields in enumerate(self.meshes[number].objects("primitives", MAX_PRIMITIVES)):
            if (number, i) not in self.cached:
                self.cached[number, i] = self._primitive(fields)
            part = self.cached[number, i]
            if part is None:
                continue
            vertices, faces, uv, tint, material = part
            self.triangles += len(faces)
            if self.triangles > MAX_TRIANGLES or len(self.parts) >= MAX_PLACED:
                raise PackError(
                    self.path, None, f"more than {MAX_TRIANGLES} triangles; reduce the model"
                )
            placed = vertices @ matrix[:3, :3].T + matrix[:3, 3]
            if turned:
                faces, uv = faces[:, ::-1], uv[:, ::-1]
            self.parts.append((placed, faces, uv, tint, material))

    def _primitive(self, fields: Fields) -> tuple[Array, Array, Array, Array, int] | None:
        mode = fields.whole("mode", 4, high=6)
        if mode < 4:  # points and lines
            return None
        attributes = fields.object("attributes")
        if attributes is None or "POSITION" not in attributes.values:
            raise fields.fault("it has no positions")
        vertices = self.buffers.accessor(attributes.whole("POSITION"), (3,)).astype(np.float64)
        if not np.isfinite(vertices).all() or np.abs(vertices).max() > 1e9:
            raise fields.fault("positions that are no finite numbers; export it again")
        if "indices" in fields.values:
            index = self.buffers.accessor(fields.whole("indices"), (1,))[:, 0]
            if index.dtype.kind == "f" or index.min() < 0 or index.max() >= len(vertices):
                raise fields.fault(f"indices beyond its {len(vertices)} vertices; export it again")
        else:
            index = np.arange(len(vertices))
        faces = _triangles(index, mode)
        if not len(faces):
            return None
        number = fields.whole("material", -1, low=-1)
        if number >= len(self.materials) - 1:
            raise fields.fault(f"no material {number}")
        material = number if number >= 0 else len(self.materials) - 1
        uv = self._uv(attributes, len(vertices), material)
        tint = self._tint(attributes, len(vertices))
        return vertices, faces, uv[faces].astype(np.float32), tint[faces].mean(axis=1), material

    def _uv(self, attributes: Fields, count: int, material: int) -> Array:
        """(V, 2), v upwards: glTF's points down."""
        place = self.places[material]
        name = f"TEXCOORD_{place.number}"
        if name not in attributes.values or not self.materials[material].images:
            return np.zeros((count, 2))
        uv = self.buffers.accessor(attributes.whole(name), (2,)).astype(np.float64)
        if len(uv) != count or not np.isfinite(uv).all():
            raise attributes.fault("texture coordinates that do not belong to the vertices")
        uv = place.moved(uv)
        return np.stack([uv[:, 0], 1.0 - uv[:, 1]], axis=1)

    def _tint(self, attributes: Fields, count: int) -> Array:
        """(V, 3) linear colours of the vertices, 1 without any."""
        if "COLOR_0" not in attributes.values:
            return np.ones((count, 3), np.float32)
        tint = self.buffers.accessor(attributes.whole("COLOR_0"), (3, 4))[:, :3].astype(np.float32)
        if len(tint) != count or not np.isfinite(tint).all():
            raise attributes.fault("colours that do not belong to the vertices")
        return np.clip(tint, 0.0, 1.0)


def _triangles(index: Array, mode: int) -> Array:
    """(F, 3) of a list (4), a strip (5) or a fan (6)."""
    if mode == 4:
        return index[: len(index) // 3 * 3].reshape(-1, 3)
    if len(index) < 3:
        return np.zeros((0, 3), index.dtype)
    n = np.arange(len(index) - 2)
    if mode == 6:
        return np.stack([np.full(len(n), index[0]), index[n + 1], index[n + 2]], axis=1)
    odd = n % 2
    return np.stack([index[n], index[n + 1 + odd], index[n + 2 - odd]], axis=1)


def _matrix(node: Fields) -> Array:
    """4×4 of a node, from its matrix or from translation, rotation and scale."""
    if "matrix" in node.values:
        return np.array(node.row("matrix", (0.0,) * 16)).reshape(4, 4).T
    x, y, z, w = node.row("rotation", (0.0, 0.0, 0.0, 1.0))
    length = (x * x + y * y + z * z + w * w) ** 0.5
    if length < 1e-9:
        raise node.fault("rotation: a quaternion of length 0")
    x, y, z, w = x / length, y / length, z / length, w / length
    out = np.eye(4)
    out[:3, :3] = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    ) * np.array(node.row("scale", (1.0, 1.0, 1.0)))
    out[:3, 3] = node.row("translation", (0.0, 0.0, 0.0))
    return out


def _numbers(fields: Fields, key: str) -> list[int]:
    values = fields.values.get(key, [])
    good = isinstance(values, list) and all(
        isinstance(v, int) and not isinstance(v, bool) for v in values
    )
    if not good or len(values) > MAX_NODES:
        raise fields.fault(f"{key}: expected a list of whole numbers")
    return values
