"""Render the artist's scene, as it stands, as an image and a mask.

A copy of the scene is rendered, so that the artist's render settings are not changed; the copy
shares all objects.
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
    """A rendered pair.

    Attributes:
        image: (H, W, 3) uint8 sRGB.
        instances: (H, W) person ids, 0: background.
    """

    image: NDArray[np.uint8]
    instances: NDArray[np.integer]


class Shot:
    """One render of a scene. Call `discard` at the end, also after an error:

        shot = Shot(scene, spec, persons, samples, device)
        try:
            preview = shot.render()
        finally:
            shot.discard()

    In a window, start Blender's render operator on `shot.scene` with write_still instead of
    `render`, and call `collect` when it is done.
    """

    def __init__(
        self,
        scene: bpy.types.Scene,
        spec: SceneSpec,
        persons: Sequence[Sequence[str]],
        samples: int,
        device: Device,
    ) -> None:
        """Copy a scene and configure the copy.

        Args:
            scene: the scene to render.
            spec: what `workbench.scene.read` returns for it; gives size, background, seed, sensor.
            persons: persons[k - 1] holds the names of the objects that belong to person k.
            samples: Cycles samples per pixel.
            device: the device to render on.

        Raises:
            ValueError: the scene has no camera; the message says what to do.
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
            seed=spec.noise_seed,
            denoise=spec.denoise,
            clamp=spec.clamp,
            device=device,
            passes=PASSES,
            film_transparent=film_transparent(spec.background),
        )
        self._path: Path = engine.aim(self.scene)

    def render(self) -> Preview:
        """Render and wait for the result. Raises RuntimeError when Blender fails."""
        return self._developed(engine.render(self.scene, self._persons, PASSES).arrays)

    def collect(self) -> Preview:
        """Read what Blender rendered of `scene`. Raises RuntimeError when there is no image."""
        return self._developed(engine.collect(self.scene, self._persons, PASSES, self._path))

    def discard(self) -> None:
        """Delete the scene's copy."""
        bpy.data.scenes.remove(self.scene)

    def _developed(self, arrays: dict[Pass, NDArray[Any]]) -> Preview:
        return Preview(develop(self._spec, arrays[Pass.IMAGE]), arrays[Pass.INSTANCES])


def person_names(people: Sequence[Character]) -> list[list[str]]:
    """The objects that belong to each person in the mask.

    A person's objects are the body and everything that the artist parented to it (hair, a hat), but
    not the props of its pose (a seat, a bicycle).

    Returns:
        At k - 1 the names of the objects of person k, empty for unused numbers.
    """
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
    """Image and mask in one image.

    Returns:
        (H, 2W + GAP, 3) uint8 sRGB: the image, and beside it the darkened image with every person
        in a colour of its own.
    """
    image = preview.image
    gap = np.full((image.shape[0], GAP, 3), 24, dtype=np.uint8)
    return np.hstack([image, gap, overlay(image, preview.instances)])


def to_blender(pixels: NDArray[np.uint8]) -> bpy.types.Image:
    """Copy an array into Blender's image IMAGE, which is created if needed.

    Args:
        pixels: (H, W, 3) uint8 sRGB.
    """
    height, width = pixels.shape[:2]
    image = bpy.data.images.get(IMAGE)
    if image is None:
        image = bpy.data.images.new(IMAGE, width, height)
    elif tuple(image.size) != (width, height):
        image.scale(width, height)
    rgba = np.ones((height, width, 4), dtype=np.float32)
    rgba[..., :3] = pixels[::-1] / np.float32(255.0)
    image.pixels.foreach_set(rgba.ravel())
    image.update()
    return image
