"""The stage: it owns the whole Blender scene of the renderer."""

from __future__ import annotations

from collections.abc import Mapping

import bpy

from ..bodies.model import BodyModel
from ..scene.body_poser import BodyPoser
from ..scene.camera import pixel_size
from ..scene.counted import counted_things
from ..scene.rendered_view import rendered_view
from ..scene.spec import SceneSpec
from .background import StageBackground, film_transparent
from .camera import StageCamera
from .counted import StageCounted
from .images import MEGABYTE, ImageCache
from .light import StageLight
from .people import StagePeople

# A crowd in clothes of packs shows some fifty images, which are not to be read for every frame.
_IMAGES = (128, 512 * MEGABYTE)


class Stage:
    """Turns one SceneSpec after another into a Blender scene of its own.

    Every `apply` sets all that a spec determines, so an image does not depend on the one before.
    """

    def __init__(self, bodies: Mapping[str, BodyModel], poser: BodyPoser | None = None) -> None:
        self.scene = bpy.data.scenes.new("PII Synth")
        self.images = ImageCache(*_IMAGES)
        self.camera = StageCamera(self.scene)
        self.light = StageLight(self.scene, self.images)
        self.background = StageBackground(self.scene, self.images)
        self.counted = StageCounted(self.scene.collection)
        self.people = StagePeople(self.scene, bodies, poser or BodyPoser(bodies), self.images)

    def apply(self, spec: SceneSpec) -> None:
        """Make the scene show `spec`: objects, world, camera, frame size, film transparency and
        motion blur.

        render.engine sets sampling, devices and passes.

        Raises:
            KeyError: An unknown body model, shape or pattern.
            FileNotFoundError: An HDRI or photo is missing; the message names it.
            ValueError: An unknown kind of light or background.
        """
        view = rendered_view(spec.camera, spec.width, spec.height, spec.samples)
        self.camera.apply(spec.camera, spec.width, spec.height, view)
        self.light.apply(spec.light, spec.background)
        counted = counted_things(spec)
        statues = {thing.prop for thing in counted if thing.kind == "statue"}
        props = [prop for prop in spec.props if prop not in statues]
        self.background.apply(spec.background, props, spec.persons, spec.light)
        self.counted.apply(counted)
        sizes = {
            p.id: pixel_size(p.body.translation, spec.camera, spec.width) for p in spec.persons
        }
        self.people.apply(spec.persons, spec.camera.shutter, sizes)
        self.images.trim()

    def counted_names(self, spec: SceneSpec) -> dict[int, str]:
        """Name of the object of each thing that masks count beside persons, by its id."""
        return self.counted.names(counted_things(spec))

    def person_names(self, spec: SceneSpec) -> dict[int, str]:
        """Name of the Blender object, as Cryptomatte writes it, by person id."""
        return {id_: obj.name for id_, obj in self.people.objects(spec.persons).items()}

    def film_transparent(self, spec: SceneSpec) -> bool:
        """Whether `spec` is rendered without its background, for the caller to composite."""
        return film_transparent(spec.background)

    def remove(self) -> None:
        """Delete the scene and all it holds from Blender. The stage cannot be used afterwards."""
        self.background.remove()
        data = list(dict.fromkeys(obj.data for obj in self.scene.objects))  # lamps share theirs
        bpy.data.batch_remove([*self.scene.objects, *data, self.light.world])
        bpy.data.scenes.remove(
            self.scene
        )  # batch_remove leaves Blender a pointer to a scene, and it crashes later
        self.images.clear()
