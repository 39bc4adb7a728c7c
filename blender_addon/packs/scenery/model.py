"""A model of a thing as plain arrays, whatever file it came from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

Array = np.ndarray

MAX_TRIANGLES = 1_000_000  # that are read; more is refused
MAX_MATERIALS = 256
LARGEST_IMAGE = 8192  # px, of each side


@dataclass(frozen=True)
class ModelMaterial:
    """A material. Images are absolute paths; empty for none.

    Attributes:
        color: Linear, multiplies the image.
        roughness: 0..1; multiplies the image's green channel.
        metallic: 0..1; multiplies the blue channel of the roughness image, where `packed`.
        opacity: 0..1 of the whole material.
        color_image: sRGB; its alpha is the opacity where `cut_out`.
        normal_image: Tangent-space normals, OpenGL's direction of green.
        roughness_image: Linear; roughness in green, which is all of a grey one.
        packed: Whether the roughness image holds metallic in blue, as glTF's does.
        cut_out: Whether the colour image's alpha is opacity.
    """

    color: tuple[float, float, float] = (0.6, 0.6, 0.6)
    roughness: float = 0.7
    metallic: float = 0.0
    opacity: float = 1.0
    color_image: str = ""
    normal_image: str = ""
    roughness_image: str = ""
    packed: bool = False
    cut_out: bool = False

    @property
    def images(self) -> tuple[str, ...]:
        """The images that it shows."""
        return tuple(
            name for name in (self.color_image, self.normal_image, self.roughness_image) if name
        )


@dataclass(frozen=True, eq=False)
class RawModel:
    """Triangles as a file has them. V vertices, F faces, M materials.

    Attributes:
        vertices: (V, 3) float64, in the file's own unit and axes.
        faces: (F, 3) int32.
        uv: (F, 3, 2) float32, v upwards.
        material: (F,) int32 index into `materials`.
        materials: At least one.
        tint: (F, 3) float32 linear, multiplies the material's colour.
        notes: What is missing or left out, in words.
        y_up: Whether the file's second axis is known to point up; None where it is not known.
    """

    vertices: Array
    faces: Array
    uv: Array
    material: Array
    materials: tuple[ModelMaterial, ...]
    tint: Array | None = None
    notes: tuple[str, ...] = ()
    y_up: bool | None = None


@dataclass(frozen=True, eq=False)
class ModelMesh:
    """A model that is ready to be shown, in the frame that PropSpec asks for: x and y in
    -0.5..0.5, z in 0..1, up is +Z, the front is towards -Y.

    Attributes:
        vertices: (V, 3) float32; vertices are divided at sharp edges, so that all of it is smooth.
        faces: (F, 3) int32.
        uv: (F, 3, 2) float32.
        material: (F,) int32.
        color: (F, 4) float32 linear, alpha is the opacity.
        finish: (F, 2) float32, roughness and metallic.
        extent: (3,) float64, of the model in the file's unit along x, y, z of this frame.
        materials: At least one.
        triangles: Number of triangles in the file.
        notes: What is missing or left out, in words.
    """

    vertices: Array
    faces: Array
    uv: Array
    material: Array
    color: Array
    finish: Array
    extent: Array
    materials: tuple[ModelMaterial, ...]
    triangles: int
    notes: tuple[str, ...] = field(default=())

    @property
    def images(self) -> tuple[str, ...]:
        """The files of the images that it shows, each once."""
        return tuple(dict.fromkeys(name for m in self.materials for name in m.images))
