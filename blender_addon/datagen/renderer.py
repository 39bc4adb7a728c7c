"""Render a SceneSpec into a Pair: stage, Cycles, sensor and annotation, in this order.

It needs Blender, and imports it only when a Renderer is made.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..render import metering, photo_match, sensor
from ..render.checks import RenderError, check_contrast, check_light
from ..render.memory import give_back
from ..scene.assets import Assets
from ..scene.colour import to_linear
from ..scene.rendered_view import rendered_view
from ..scene.skin_places import faces_and_hands
from ..scene.spec import BackgroundSpec, SceneSpec
from .annotation import annotate
from .reflections import with_reflections

if TYPE_CHECKING:
    from ..render.engine import Frame
    from ..render.lens_warp import LensWarp
    from ..render.passes import Pass

# Linear value of a white surface before a plain backdrop, whatever the colour of the backdrop.
PLAIN_WHITE = 0.8

# Frames after which free memory goes back to the system, which takes a frame about 10 ms longer.
_GIVE_BACK_EVERY = 32


@dataclass(frozen=True, eq=False)
class Pair:
    """The rendered image of a scene with its masks and metadata.

    Attributes:
        image: (H, W, 3) uint8, sRGB.
        instances: (H, W) uint8 or uint16; 0 background, k person k.
        extras: The passes that the recipe asked for, by name; see render.passes.TABLE.
        annotation: The metadata line without file names.
        cycles_seconds: Time inside Cycles' render call.
    """

    image: NDArray[np.uint8]
    instances: NDArray[np.integer]
    extras: dict[str, NDArray[Any]]
    annotation: dict[str, Any]
    cycles_seconds: float


class Renderer:
    """Renders one scene spec after another in this process."""

    def __init__(self, assets: Assets, *, device: str = "auto", threads: int = 0) -> None:
        """Make a stage for these assets.

        Args:
            assets: The bodies and files that specs may name, see scene.assets.load_assets.
            device: A name for render.devices.pick_device.
            threads: CPU threads; 0 for all.

        Raises:
            DeviceError: The device is not available; the message lists those that are.
            ImportError: There is no bpy; the message says how to get it.
        """
        from ..render.compat import import_bpy

        import_bpy()  # first, so that its warnings are kept quiet and its absence is explained
        from ..render.devices import pick_device
        from ..stage.stage import Stage

        self.assets = assets
        self.device = pick_device(device)
        self._threads = threads
        self._frames = 0
        self._stage = Stage(assets.bodies, assets.poser)

    def render(self, spec: SceneSpec) -> Pair:
        """Render one scene. The result depends on `spec` alone, not on what was rendered before.

        Raises:
            FileNotFoundError, ValueError: A file that the spec names is missing or cannot be read.
            KeyError: The spec names an unknown body, shape or pattern.
            RenderError: The image is black, flat or holds numbers that are not finite.
        """
        from ..render.handlers import handlers_shut_out
        from ..render.passes import Pass

        passes = (Pass.IMAGE, Pass.INSTANCES, *map(Pass, spec.passes))
        with handlers_shut_out():
            frame, reflected = self._frame(spec, passes)
        arrays = {p.value: array for p, array in frame.arrays.items()}
        instances, rgba = arrays.pop("instances"), arrays.pop("image")
        try:
            check_light(rgba, instances)
            front = _front(spec)
            image = develop(spec, rgba, self._skin(spec, instances), front)
            if front is not None:
                instances, arrays = photo_match.without_hidden(instances, arrays, front)
            check_contrast(image, instances)
        except RenderError as error:
            raise RenderError(f"image {spec.index}: {error}; {_light_in_words(spec)}") from None
        annotation = annotate(spec, instances, self.assets.poser, reflected)
        self._frames += 1
        if self._frames % _GIVE_BACK_EVERY == 0:
            give_back()
        return Pair(image, instances, arrays, annotation, frame.seconds)

    def _skin(self, spec: SceneSpec, instances: NDArray[np.integer]) -> NDArray[np.bool_] | None:
        """Faces and hands, where the exposure is metered on them."""
        if spec.sensor.metering != "people":
            return None
        return faces_and_hands(spec, instances, self.assets.poser)

    def _frame(self, spec: SceneSpec, passes: Sequence[Pass]) -> tuple[Frame, NDArray[np.bool_]]:
        """Set up Blender's scene and render these passes of it; see `with_reflections`."""
        from ..render.lens_warp import LensWarp

        self._stage.apply(spec)
        names = self._stage.person_names(spec) | self._stage.counted_names(spec)
        persons = [[names[id_]] for id_ in sorted(names)]
        view = rendered_view(spec.camera, spec.width, spec.height, spec.samples)
        warp = LensWarp(view, spec.camera, spec.width, spec.height) if view else None
        frame = self._rendered(spec, persons, passes, warp)

        def masks(persons: Sequence[Sequence[str]], passes: Sequence[Pass]) -> Frame:
            plain = dataclasses.replace(spec, bounces=0, denoise=False)
            return self._rendered(plain, persons, passes, warp)

        return with_reflections(self._stage, spec, persons, frame, masks)

    def _rendered(
        self,
        spec: SceneSpec,
        persons: Sequence[Sequence[str]],
        passes: Sequence[Pass],
        warp: LensWarp | None,
    ) -> Frame:
        """Render these passes of Blender's scene as it is, through the lens of `warp`."""
        from ..render import engine

        scene = self._stage.scene
        view = warp.view if warp else None
        engine.configure(
            scene,
            width=view.width if view else spec.width,
            height=view.height if view else spec.height,
            samples=view.samples(spec.samples) if view else spec.samples,
            bounces=spec.bounces,
            seed=spec.noise_seed,
            denoise=spec.denoise,
            clamp=spec.clamp,
            device=self.device,
            passes=passes,
            film_transparent=self._stage.film_transparent(spec),
            threads=self._threads,
        )
        return engine.render(scene, persons, passes, warp)


def _light_in_words(spec: SceneSpec) -> str:
    """The settings that decide the light of a scene, for the message of a failed render."""
    light = f"its light is {spec.light.kind} of strength {spec.light.strength:g}"
    if spec.light.kind == "hdri":
        light += f" from {spec.light.hdri}"
    if spec.background.kind == "photo":
        light += f", its backdrop {spec.background.photo}"
    return light


def develop(
    spec: SceneSpec,
    rgba: NDArray[np.float32],
    skin: NDArray[np.bool_] | None = None,
    front: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """Turn a linear render into the image that the camera of a scene spec saves.

    Args:
        spec: The scene; a photo or colour of its background is put behind the people.
        rgba: (H, W, 4) float32, linear Rec. 709, premultiplied alpha.
        skin: (H, W), faces and hands that must not burn out; None to meter the scene alone.
        front: (H, W) 0..1, what of a photo stands in front of the people; None for nothing.

    Returns:
        (H, W, 3) uint8, sRGB.

    Raises:
        OSError, ValueError: The background photo cannot be read; the message names it.
    """
    match = spec.background.photo_match
    if match is not None:
        photo = _backdrop(spec.background, *rgba.shape[:2])
        return photo_match.people_in_photo(
            rgba, photo, match, spec.sensor.tone, front=front, skin=skin
        )
    if front is not None:
        rgba = rgba * (1.0 - front[..., None])
    behind = _behind(spec.background, *rgba.shape[:2])
    linear = _exposed(spec, rgba, behind)
    if skin is not None:
        gain = metering.spared_gain(linear[skin], spec.sensor.exposure)
        if gain < 1.0 and spec.background.kind == "photo":
            # The photo has its own exposure; only the people are lit by the scene.
            dimmed = rgba * np.array([gain, gain, gain, 1.0], dtype=np.float32)
            linear = _exposed(spec, dimmed, behind)
        elif gain < 1.0:
            linear = linear * np.float32(gain)
    return sensor.develop(linear, spec.sensor)


def _behind(
    background: BackgroundSpec, height: int, width: int
) -> tuple[NDArray[np.float32], float] | None:
    """The linear image (H, W, 3) behind the people, and the value of a white surface in it; None
    where the scene has a background of its own.
    """
    if background.kind == "photo":
        backdrop = to_linear(_backdrop(background, height, width) / np.float32(255))
        return backdrop, metering.white_of(backdrop)
    if background.kind == "plain":
        color = np.asarray(background.color, dtype=np.float32)
        return np.broadcast_to(color, (height, width, 3)), PLAIN_WHITE
    return None


def _exposed(
    spec: SceneSpec,
    rgba: NDArray[np.float32],
    behind: tuple[NDArray[np.float32], float] | None,
) -> NDArray[np.float32]:
    """The metered linear image (H, W, 3), with what is behind the people."""
    if behind is not None:
        return metering.over(rgba, *behind)
    linear = np.ascontiguousarray(rgba[..., :3])
    shown = rgba[..., 3] > 0  # the corners that a fisheye does not reach are black
    metered = linear[shown] if 0 < shown.sum() < shown.size else linear
    average = spec.sensor.metering == "average"
    gain = metering.averaged_gain if average else metering.metered_gain
    return linear * np.float32(gain(metered))


def _backdrop(background: BackgroundSpec, height: int, width: int) -> NDArray[np.uint8]:
    """The part of a photo that is shown, (height, width, 3) sRGB."""
    from ..render.photos import PHOTOS

    return PHOTOS.backdrop(
        Path(background.photo), background.photo_crop, width, height, flip=background.photo_flip
    )


def _front(spec: SceneSpec) -> NDArray[np.float32] | None:
    """(H, W) 0..1: what of a photo stands in front of the people; None for nothing.

    Raises:
        OSError, ValueError: Its mask cannot be read; the message names it.
    """
    background = spec.background
    if background.kind != "photo" or not background.photo_front:
        return None
    from ..render.photos import read_front

    return read_front(
        Path(background.photo_front),
        background.photo_crop,
        spec.width,
        spec.height,
        flip=background.photo_flip,
    )
