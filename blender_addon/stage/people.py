"""PersonSpec -> mesh objects, one for each person, from a pool for each body model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import bpy
import numpy as np
from numpy.typing import NDArray

from ..bodies.model import BodyModel
from ..render.part_labels import add_part_outputs
from ..scene.body_poser import BodyPoser
from ..scene.spec import PersonSpec
from ..wardrobe.apart import split
from ..wardrobe.worn_part import PartSurface
from .body_mesh import attach_chart, body_mesh, face_parts
from .dressed_mesh import write_dressed
from .image_tones import ImageTones
from .images import ImageCache
from .mesh_writer import show
from .person_shader import apply_outfit

VELOCITY = "velocity"  # the point attribute that Cycles uses for motion blur


class StagePeople:
    """The persons of a scene.

    Objects are made when an image first needs them, and hidden afterwards. The k-th person of a
    body model always gets that model's k-th object, so the assignment follows from the spec alone.
    """

    def __init__(
        self,
        scene: bpy.types.Scene,
        bodies: Mapping[str, BodyModel],
        poser: BodyPoser,
        images: ImageCache,
    ) -> None:
        self.scene, self.bodies, self.poser, self.images = scene, bodies, poser, images
        self.tones = ImageTones(images)
        self._objects: dict[tuple[str, str, int], bpy.types.Object] = {}
        self._beside: dict[str, bpy.types.Object] = {}  # what a person carries, by its object
        self._with_parts: set[str] = set()  # names of materials that write the parts pass

    def apply(
        self,
        persons: Sequence[PersonSpec],
        shutter: float,
        pixel_sizes: Mapping[int, float] | None = None,
    ) -> None:
        """Pose, dress and show `persons`, and hide all others.

        Args:
            persons: The persons.
            shutter: s; above 0 moving persons blur.
            pixel_sizes: Size of a pixel at each person, m, by id: finer threads are left out.

        Raises:
            KeyError: This stage does not have the body model.
        """
        shown = self.objects(persons)
        written: set[bpy.types.Object] = set()
        for person in persons:
            pixel = (pixel_sizes or {}).get(person.id, 0.0)
            written.update(self._apply(shown[person.id], person, shutter > 0.0, pixel))
        for obj in (*self._objects.values(), *self._beside.values()):
            show(obj, obj in written)

    def objects(self, persons: Sequence[PersonSpec]) -> dict[int, bpy.types.Object]:
        """Objects by person id. Raises KeyError as `apply` does."""
        used: Counter[tuple[str, str]] = Counter()
        chosen = {}
        for person in persons:
            kind = (person.body.model, person.outfit.style)
            chosen[person.id] = self._object(*kind, used[kind])
            used[kind] += 1
        return chosen

    def _apply(
        self, obj: bpy.types.Object, person: PersonSpec, moving: bool, pixel: float
    ) -> list[bpy.types.Object]:
        """Write a person, and return all objects of it."""
        mesh, layered = obj.data, person.outfit.style == "mesh"
        surfaces: tuple[PartSurface, ...] = ()
        used: dict[bpy.types.Object, set[int] | None] = {obj: None}  # slots of each object's faces
        if layered:
            dressed = self.poser.dressed(person)
            body = self.bodies[person.body.model]
            skin_uv = body.uv if person.outfit.skin_image else None
            vertices, surfaces = dressed.vertices, dressed.surfaces
            if len(dressed.apart):
                dressed, carried = split(dressed)
                beside = self._carried(obj)
                used[beside] = set(np.unique(carried.material).tolist())
                write_dressed(beside.data, carried, None, self.tones)
            used[obj] = set(np.unique(dressed.material).tolist())
            write_dressed(mesh, dressed, face_parts(body), self.tones, skin_uv)
        else:
            vertices = self.poser.pose(person).vertices
            mesh.attributes["position"].data.foreach_set("vector", vertices.ravel())
        velocity = self._velocity(person, vertices) if moving else None
        for each, slots in used.items():
            if velocity is not None:
                _write_velocity(each.data, velocity)
            each.data.update()
            apply_outfit(
                each,
                person.outfit,
                self.images,
                layered=layered,
                used=slots,
                pixel=pixel,
                surfaces=surfaces,
                tones=self.tones,
            )
        for slot in obj.material_slots:
            material = slot.material
            if material is not None and material.name not in self._with_parts:
                add_part_outputs(material)
                self._with_parts.add(material.name)
        return list(used)

    def _carried(self, person: bpy.types.Object) -> bpy.types.Object:
        """The object of what a person carries that does not count as the person."""
        if person.name not in self._beside:
            name = person.name.replace("person", "things", 1)
            obj = bpy.data.objects.new(name, bpy.data.meshes.new(name))
            self.scene.collection.objects.link(obj)
            self._beside[person.name] = obj
        return self._beside[person.name]

    def carried_by(self, person: bpy.types.Object) -> bpy.types.Object | None:
        """The object of what a person carries beside it, if it is shown."""
        obj = self._beside.get(person.name)
        return obj if obj is not None and obj.visible_camera else None

    def _velocity(self, person: PersonSpec, vertices: NDArray[np.float32]) -> NDArray[np.float32]:
        """(V, 3) m/s: the straight way to the person's next place."""
        if person.motion is None or person.motion.seconds <= 0.0:
            return np.zeros_like(vertices)
        if person.outfit.style == "mesh":
            later = self.poser.dressed(person, later=True).vertices
        else:
            later = self.poser.pose_later(person).vertices
        return (later - vertices) / np.float32(person.motion.seconds)

    def _object(self, model: str, style: str, number: int) -> bpy.types.Object:
        key = (model, style, number)
        if key not in self._objects:
            if model not in self.bodies:
                raise KeyError(f"no body model {model!r}; there are: {', '.join(self.bodies)}")
            # Blender cuts names at 63 bytes, and a model's name may be a long path, whose end is
            # more distinctive.
            name = f"PII person {model[-40:]} {style[:1]}{number}"
            if style == "mesh":
                mesh = bpy.data.meshes.new(name)
            else:
                mesh = body_mesh(name, self.bodies[model])
                attach_chart(mesh, self.poser.chart(model))
            obj = bpy.data.objects.new(name, mesh)
            self.scene.collection.objects.link(obj)
            self._objects[key] = obj
        return self._objects[key]


def _write_velocity(mesh: bpy.types.Mesh, velocity: NDArray[np.float32]) -> None:
    if VELOCITY not in mesh.attributes:
        mesh.attributes.new(VELOCITY, "FLOAT_VECTOR", "POINT")
    mesh.attributes[VELOCITY].data.foreach_set("vector", velocity.ravel())
