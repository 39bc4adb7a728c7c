"""The recipe: all that may vary, in sections of fields. Pure: it reads no file and draws nothing."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..dataset import PASS_FILES
from .distributions import Distribution
from .fields import names, number, one_of, paths, read_section, switch, to_toml_value, vary, weights

PASSES = tuple(name for name, file in PASS_FILES.items() if file.rendered == "on request")
LIGHT_KINDS = ("hdri", "sun_sky", "spherical_harmonics")
BACKGROUND_KINDS = ("hdri", "photo", "plain", "room")


def _pose_categories() -> tuple[str, ...]:
    from ..bodies.pose_library import CATEGORIES

    return tuple(sorted(CATEGORIES))


def _garments() -> tuple[str, ...]:
    from ..wardrobe.garments import KINDS

    return tuple(KINDS)


def _patterns() -> tuple[str, ...]:
    from ..wardrobe.garment_kind import PATTERNS

    return tuple(PATTERNS)


def _shapes() -> tuple[str, ...]:
    from ..props.catalogue import OCCLUDERS

    return tuple(OCCLUDERS)


@dataclass(frozen=True)
class People:
    count: Distribution = vary([1, 4], "persons in a picture", 0, 500)
    spacing: float = number(0.1, "m kept free between persons", 0.0, 10.0)
    in_frame: float = number(0.6, "least share of a person's joints inside the frame", 0.0, 1.0)
    facing: Distribution = vary(
        [-180, 180], "degrees a person is turned away from the camera", -360, 360
    )
    lateral: Distribution = vary(
        [-0.85, 0.85], "place across the frame: -1 left edge, 1 right edge", -2, 2
    )


@dataclass(frozen=True)
class Bodies:
    enabled: bool = switch(True, "off: one average adult shape")
    models: tuple[str, ...] = paths(
        "'default' and SMPL, SMPL-H, SMPL-X files (.npz, .pkl)", builtin="default"
    )
    uvs: tuple[str, ...] = paths(
        "UV .obj files for models that carry no UVs (SMPL, SMPL-H); needed for `textures`"
    )
    ages: Distribution = vary([4, 85], "years; the default body's only", 3, 100)
    female: float = number(0.5, "share of women and girls; the default body's only", 0.0, 1.0)
    shape_noise: float = number(0.15, "standard deviations added to a sampled shape", 0.0, 2.0)
    betas: Distribution = vary({"normal": [0, 1]}, "each shape coefficient of other bodies", -5, 5)


@dataclass(frozen=True)
class Poses:
    enabled: bool = switch(True, "off: everybody stands with the arms down")
    categories: tuple[str, ...] = names((), "of the built-in library; empty: all", _pose_categories)
    variation: float = number(1.0, "random change within joint limits: 0 none, 1 natural", 0.0, 2.0)
    motions: tuple[str, ...] = paths("AMASS, BEDLAM or SURREAL motion files, or folders of them")
    motions_up: str = one_of(
        "auto",
        "the files' vertical axis: z (AMASS, SURREAL), y (BEDLAM), or auto",
        ("auto", "y", "z"),
    )
    motion_share: float = number(
        0.5, "share of persons posed from `motions`, when there are any", 0.0, 1.0
    )
    noise: float = number(
        0.0, "uniform noise on each axis-angle value, rad (SURREACT: .05)", 0.0, 1.0
    )


@dataclass(frozen=True)
class Wardrobe:
    enabled: bool = switch(True, "off: everybody in one plain grey suit")
    garments: tuple[str, ...] = names((), "allowed garments; empty: all", _garments)
    patterns: tuple[str, ...] = names((), "allowed fabric patterns; empty: all", _patterns)
    skin_tones: Distribution = vary([1, 10], "on the Monk scale", 1, 10)
    loose: bool = switch(True, "clothes and hair stand off the body")
    textures: tuple[str, ...] = paths("folders of UV textures of your own (SURREAL's, BEDLAM's)")
    texture_share: float = number(
        1.0, "share of persons who wear one, when there are any", 0.0, 1.0
    )


@dataclass(frozen=True)
class Camera:
    enabled: bool = switch(True, "off: every value below at its middle")
    distance: Distribution = vary(
        {"log": [2.0, 9.0]}, "m from the camera to a person, along the ground", 0.3, 500
    )
    height: Distribution = vary([0.8, 2.2], "m above the ground", 0.05, 100)
    yaw: Distribution = vary([0, 360], "compass direction, degrees", -360, 360)
    aim: str = one_of(
        "people", "what pitch 0 looks at: the people, or the horizon", ("people", "horizon")
    )
    pitch: Distribution = vary({"normal": [0, 4]}, "degrees up from there", -89, 89)
    roll: Distribution = vary({"normal": [0, 2]}, "degrees", -180, 180)
    fov: Distribution = vary(
        [35, 70], "horizontal field of view, degrees; unused when `lens` is given", 2, 150
    )
    lens: Distribution | None = vary(None, "focal length, mm", 1, 2000, example=[24, 70])
    sensor_width: float = number(36.0, "mm; with `lens`", 1.0, 200.0)
    depth_of_field: float = number(0.15, "share of pictures with depth of field", 0.0, 1.0)
    f_stop: Distribution = vary({"log": [1.4, 8]}, "aperture number of those", 0.5, 64)
    motion_blur: float = number(0.1, "share of pictures with motion blur", 0.0, 1.0)
    shutter: Distribution = vary({"log": [0.004, 0.04]}, "exposure time of those, s", 0.0001, 1)


@dataclass(frozen=True)
class Light:
    enabled: bool = switch(True, "off: the built-in studio panorama, unturned")
    kinds: dict[str, float] = weights(
        {"hdri": 3, "sun_sky": 1}, "weights of the kinds of light", LIGHT_KINDS
    )
    hdris: tuple[str, ...] = paths(
        "'builtin' (Blender's eight), 'builtin:city', and folders or files of your own",
        builtin="builtin",
    )
    sun_share: float = number(0.3, "share of HDRI lights that get a sun lamp too", 0.0, 1.0)
    sun_elevation: Distribution = vary([12, 75], "degrees above the horizon", 0, 90)
    sun_strength: Distribution = vary({"log": [0.5, 4]}, "irradiance relative to the sky's", 0, 100)
    sun_angle: Distribution = vary(
        {"log": [0.5, 12]}, "apparent size, degrees: softness of the shadows", 0, 90
    )
    warmth: Distribution = vary(
        {"normal": [0, 0.3]}, "colour of sun and lamps: -1 blue, 1 orange", -1, 1
    )


@dataclass(frozen=True)
class Background:
    enabled: bool = switch(True, "off: plain grey")
    kinds: dict[str, float] = weights(
        {"hdri": 4, "room": 3, "plain": 1}, "weights of the kinds of background", BACKGROUND_KINDS
    )
    photos: tuple[str, ...] = paths(
        "photographs without people, or folders of them; needed by kind 'photo'"
    )
    photo_zoom: Distribution = vary([1.0, 1.6], "how far a photograph is cropped", 1, 10)


@dataclass(frozen=True)
class Occluders:
    enabled: bool = switch(
        True, "off: nothing but people (and what their pose needs, such as a seat)"
    )
    count: Distribution = vary(
        {"choice": [0, 1, 2], "weights": [5, 4, 2]}, "things in front of people", 0, 100
    )
    clutter: Distribution = vary([0, 4], "things beside and behind people", 0, 200)
    shapes: tuple[str, ...] = names((), "allowed shapes; empty: all", _shapes)


@dataclass(frozen=True)
class Sensor:
    enabled: bool = switch(True, "off: a clean picture, JPEG quality 95")
    exposure: Distribution = vary({"normal": [0, 0.5]}, "stops off the metered exposure", -5, 5)
    temperature: Distribution = vary({"normal": [0, 0.25]}, "white balance: -1 cool, 1 warm", -1, 1)
    contrast: Distribution = vary([0.8, 1.2], "1: unchanged", 0.1, 3)
    saturation: Distribution = vary([0.7, 1.2], "1: unchanged, 0: grey", 0, 3)
    vignette: Distribution = vary([0.0, 0.3], "share of light lost in the corners", 0, 1)
    noise: Distribution = vary(
        {"log": [0.002, 0.03]}, "standard deviation at mid grey, 0..1", 0, 0.5
    )
    blur: Distribution = vary([0.0, 0.8], "Gaussian sigma, px", 0, 20)
    jpeg_quality: Distribution = vary([60, 98], "1..100", 1, 100)


@dataclass(frozen=True)
class Render:
    width: int = number(256, "px", 16, 8192)
    height: int = number(256, "px", 16, 8192)
    samples: int = number(16, "Cycles samples a pixel", 1, 65536)
    bounces: int = number(3, "light bounces", 0, 64)
    image_format: str = one_of("jpg", "of the image; masks are always PNG", ("jpg", "png"))
    passes: tuple[str, ...] = names(
        (), f"besides image and mask: {', '.join(PASSES)}", lambda: PASSES
    )


@dataclass(frozen=True)
class Recipe:
    """What may vary, section by section. `name` is the preset's or the file's."""

    name: str = "everyday"
    people: People = People()
    bodies: Bodies = Bodies()
    poses: Poses = Poses()
    wardrobe: Wardrobe = Wardrobe()
    camera: Camera = Camera()
    light: Light = Light()
    background: Background = field(default_factory=Background)
    occluders: Occluders = Occluders()
    sensor: Sensor = Sensor()
    render: Render = Render()

    def with_render(self, **changes: Any) -> Recipe:
        """The same recipe with some of [render] replaced, as command-line options do."""
        return dataclasses.replace(
            self, render=read_section("render", self.render, changes, Path(), "command line")
        )

    def to_toml(self, *, comments: bool = False) -> str:
        """TOML that `parse_recipe` reads back as an equal recipe (its paths absolute)."""
        lines = [f"name = {to_toml_value(self.name)}"]
        for section in dataclasses.fields(self)[1:]:
            lines += ["", f"[{section.name}]"]
            values = getattr(self, section.name)
            for item in dataclasses.fields(values):
                value = getattr(values, item.name)
                if value is None:
                    continue
                text = f"{item.name} = {to_toml_value(value)}"
                lines.append(f"{text:<52}  # {item.metadata['doc']}" if comments else text)
        return "\n".join(lines) + "\n"

    def to_json(self) -> dict[str, Any]:
        """The resolved recipe as plain JSON values: what dataset.json records."""
        return tomllib.loads(self.to_toml())
