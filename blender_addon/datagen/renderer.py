"""One SceneSpec in, one Pair out: stage, Cycles, sensor and annotation, in this order.

Needs Blender, but imports it only when a Renderer is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..render import sensor
from ..scene.assets import Assets
from ..scene.spec import BackgroundSpec, SceneSpec
from .annotation import annotate

PLAIN_WHITE = 0.8  # linear value of a white surface before a plain backdrop, whatever the backdrop's own colour


@dataclass(frozen=True, eq=False)
class Pair:
    """What one scene gives.

    image (H, W, 3) uint8 sRGB; instances (H, W) uint8 or uint16 person ids; extras: the further passes by name,
    as render.passes.TABLE says; annotation: the metadata line without file names; cycles_seconds: time inside
    Cycles' render call.
    """

    image: NDArray[np.uint8]
    instances: NDArray[np.integer]
    extras: dict[str, NDArray[Any]]
    annotation: dict[str, Any]
    cycles_seconds: float


class Renderer:
    """Renders one spec after another in this process. `device` is a name for render.devices.pick_device.

    Raises ValueError, listing what there is, for a device that is absent.
    """

    def __init__(self, assets: Assets, *, device: str = "auto", threads: int = 0) -> None:
        from ..render.compat import import_bpy

        import_bpy()  # first, so that its warnings are kept quiet and its absence is explained
        from ..render.devices import pick_device
        from ..stage.stage import Stage

        self.assets = assets
        self.device = pick_device(device)
        self._threads = threads
        self._stage = Stage(assets.bodies, assets.poser)

    def render(self, spec: SceneSpec) -> Pair:
        """Render `spec`: a function of the spec alone, whatever was rendered before."""
        from ..render import engine
        from ..render.passes import Pass

        passes = (Pass.IMAGE, Pass.INSTANCES, *map(Pass, spec.passes))
        scene = self._stage.scene
        self._stage.apply(spec)
        engine.configure(
            scene,
            width=spec.width,
            height=spec.height,
            samples=spec.samples,
            bounces=spec.bounces,
            seed=spec.index & 0x7FFFFFFF,
            device=self.device,
            passes=passes,
            film_transparent=self._stage.film_transparent(spec),
            threads=self._threads,
        )
        names = self._stage.person_names(spec)
        frame = engine.render(scene, [[names[person.id]] for person in spec.persons], passes)
        arrays = {p.value: array for p, array in frame.arrays.items()}
        instances = arrays.pop("instances")
        image = develop(spec, arrays.pop("image"))
        annotation = annotate(spec, instances, self.assets.poser)
        return Pair(image, instances, arrays, annotation, frame.seconds)


def develop(spec: SceneSpec, rgba: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The picture (H, W, 3) uint8 sRGB that the camera of `spec` makes of its linear render (H, W, 4), people put over
    their photograph or colour where they have one. Raises OSError or ValueError naming a photograph that cannot be
    read."""
    return sensor.develop(_exposed(spec.background, rgba), spec.sensor)


def _exposed(background: BackgroundSpec, rgba: NDArray[np.float32]) -> NDArray[np.float32]:
    """The metered linear picture before its background."""
    height, width = rgba.shape[:2]
    if background.kind == "photo":
        from ..render.photos import read_backdrop

        backdrop = read_backdrop(
            Path(background.photo), background.photo_crop, width, height, flip=background.photo_flip
        )
        white = sensor.white_of(backdrop)
    elif background.kind == "plain":
        backdrop = np.broadcast_to(
            np.asarray(background.color, dtype=np.float32), rgba[..., :3].shape
        )
        white = PLAIN_WHITE
    else:
        linear = np.ascontiguousarray(rgba[..., :3])
        return linear * np.float32(sensor.metered_gain(linear))
    return sensor.over(rgba, backdrop, white)
