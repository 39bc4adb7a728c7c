"""The artist's scene as it stands, rendered as a pair: what is posed by hand is what is in the picture and the mask.

A copy of the scene is rendered, so that the artist's render settings stay what they are; the copy shares all objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..character.character import Character
from ..datagen.contact_sheet import overlay
from ..datagen.renderer import develop
from ..render import engine
from ..render.devices import Device
from ..render.passes import Pass
from ..scene.spec import SceneSpec
from ..stage.background import film_transparent
from .props import is_prop

IMAGE = "PII Synth Preview"
PASSES = (Pass.IMAGE, Pass.INSTANCES)
GAP = 8  # px between image and mask


@dataclass(frozen=True, eq=False)
class Preview:
    """image (H, W, 3) uint8 sRGB; instances (H, W) person ids."""

    image: NDArray[np.uint8]
    instances: NDArray[np.integer]


class Shot:
    """One render of a scene. Whoever makes one calls `discard` when it is over, however it ended:

        shot = Shot(scene, spec, persons, samples, device)
        try:
            preview = shot.render()
        finally:
            shot.discard()

    In a window, Blender's render operator is started on `shot.scene` with write_still instead, and `collect` is called
    when it is done.
    """

    def __init__(
        self,
        scene: bpy.types.Scene,
        spec: SceneSpec,
        persons: Sequence[Sequence[str]],
        samples: int,
        device: Device,
    ) -> None:
        """`spec` is what `workbench.scene.read` says of the scene: size, background, seed and sensor are taken from it.
        `persons[k - 1]` are the names of the objects that are person k; `samples` are Cycles' a pixel.

        Raises ValueError, saying what to do, for a scene without a camera.
        """
        if scene.camera is None:
            raise ValueError("the scene has no camera: add one, or draw one in the panel Sample")
        self._spec = spec
        self._persons = persons
        self.scene = scene.copy()
        for layer in self.scene.view_layers[1:]:
            layer.use = False
        engine.configure(
            self.scene,
            width=spec.width,
            height=spec.height,
            samples=samples,
            bounces=spec.bounces,
            seed=spec.index,
            device=device,
            passes=PASSES,
            film_transparent=film_transparent(spec.background),
        )
        self._path: Path = engine.aim(self.scene)

    def render(self) -> Preview:
        """Render now; returns when it is done. Raises RuntimeError when Blender cannot."""
        return self._developed(engine.render(self.scene, self._persons, PASSES).arrays)

    def collect(self) -> Preview:
        """What Blender rendered of `scene`. Raises RuntimeError when it left no picture."""
        return self._developed(engine.collect(self.scene, self._persons, PASSES, self._path))

    def discard(self) -> None:
        """Delete the scene's copy."""
        bpy.data.scenes.remove(self.scene)

    def _developed(self, arrays: dict[Pass, NDArray[Any]]) -> Preview:
        return Preview(develop(self._spec, arrays[Pass.IMAGE]), arrays[Pass.INSTANCES])


def person_names(people: Sequence[Character]) -> list[list[str]]:
    """For each person number the names of the objects that belong to it, for the mask: the body and all that the artist
    parented to it (hair, a hat), but not what its pose needs (a seat, a bicycle). Numbers not in use have none."""
    names: list[list[str]] = [
        [] for _ in range(max((person.number for person in people), default=0))
    ]
    for person in people:
        own = [
            person.mesh,
            *(obj for obj in person.armature.children_recursive if not is_prop(obj)),
        ]
        names[person.number - 1] = list(dict.fromkeys(obj.name for obj in own))
    return names


def side_by_side(preview: Preview) -> NDArray[np.uint8]:
    """(H, 2W + GAP, 3): the image, and beside it the mask, every person in a colour of its own over the darkened
    image."""
    image = preview.image
    gap = np.full((image.shape[0], GAP, 3), 24, dtype=np.uint8)
    return np.hstack([image, gap, overlay(image, preview.instances)])


def to_blender(picture: NDArray[np.uint8]) -> bpy.types.Image:
    """Put `picture` (H, W, 3) sRGB into the image IMAGE of this file, made when it is not there."""
    height, width = picture.shape[:2]
    image = bpy.data.images.get(IMAGE)
    if image is None:
        image = bpy.data.images.new(IMAGE, width, height)
    elif tuple(image.size) != (width, height):
        image.scale(width, height)
    rgba = np.ones((height, width, 4), dtype=np.float32)
    rgba[..., :3] = picture[::-1] / np.float32(255.0)
    image.pixels.foreach_set(rgba.ravel())
    image.update()
    return image
