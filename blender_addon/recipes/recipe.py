"""The recipe: all that may vary, in sections of fields. It reads no file and draws nothing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..dataset import PASS_FILES
from .backgrounds import Background
from .camera import Camera
from .distributions import Distribution
from .fields import (
    RecipeError,
    names,
    number,
    one_of,
    paths,
    read_section,
    switch,
    to_plain_value,
    to_toml_value,
    vary,
    weights,
)
from .sensor_section import Sensor

PASSES = tuple(name for name, file in PASS_FILES.items() if file.rendered == "on request")
LIGHT_KINDS = ("hdri", "sun_sky", "spherical_harmonics")
# Weight of each place; scene.places.catalogue.PLACES builds them.
PLACE_WEIGHTS = {
    "square": 1.0,
    "street": 2.0,
    "park": 1.0,
    "garden": 0.7,
    "station": 0.6,
    "beach": 0.4,
    "living_room": 1.5,
    "kitchen": 1.0,
    "office": 1.0,
    "shop": 1.2,
    "bar": 1.2,
    "corridor": 0.7,
    "lift": 0.2,
    "classroom": 0.6,
    "gym": 0.3,
    "workshop": 0.5,
    "car_interior": 0.15,
}


def _pose_categories() -> tuple[str, ...]:
    from ..bodies.pose_library import CATEGORIES

    return tuple(sorted(CATEGORIES))


def _garments() -> tuple[str, ...]:
    from ..wardrobe.garments import KINDS

    return tuple(KINDS)


def _patterns() -> tuple[str, ...]:
    from ..wardrobe.fabric_sampling import FIGURES_OF

    return tuple(FIGURES_OF)


def _shapes() -> tuple[str, ...]:
    from ..props.catalogue import OCCLUDERS

    return tuple(OCCLUDERS)


@dataclass(frozen=True)
class People:
    count: Distribution = vary([1, 4], "Number of people in an image", 0, 500)
    spacing: float = number(0.1, "Distance kept free between people, m", 0.0, 10.0)
    in_frame: float = number(0.6, "Smallest share of a person's joints inside the frame", 0.0, 1.0)
    facing: Distribution = vary(
        [-180, 180], "Angle by which a person is turned away from the camera, degrees", -360, 360
    )
    groups: float = number(
        0.3, "Share of people who come with others: talk, walk, hold hands, hug, queue", 0.0, 1.0
    )
    lateral: Distribution = vary(
        [-0.85, 0.85], "Place across the frame: -1 left edge, 1 right edge", -2, 2
    )


@dataclass(frozen=True)
class Bodies:
    enabled: bool = switch(True, "Draw body shapes; off: one average adult")
    models: tuple[str, ...] = paths(
        "Body models: 'default', and SMPL, SMPL-H, SMPL-X files (.npz, .pkl)", builtin="default"
    )
    uvs: tuple[str, ...] = paths(
        "UV .obj files of models without UVs (SMPL, SMPL-H); `textures` needs them"
    )
    ages: Distribution = vary([4, 85], "Age in years; of the default body only", 3, 100)
    female: float = number(0.5, "Share of women and girls; of the default body only", 0.0, 1.0)
    shape_noise: float = number(
        0.15, "Random change of a sampled shape, in standard deviations", 0.0, 2.0
    )
    unusual: float = number(
        0.15,
        "Share of people much heavier, thinner, stronger, taller or smaller, or who stoop with age",
        0.0,
        1.0,
    )
    expression: float = number(
        0.8, "Share of people with an expression and a gaze; 0: all look ahead, calm", 0.0, 1.0
    )
    betas: Distribution = vary(
        {"normal": [0, 1]}, "Each shape coefficient (beta) of bodies from files", -5, 5
    )


@dataclass(frozen=True)
class Poses:
    enabled: bool = switch(True, "Draw poses; off: all stand with the arms down")
    categories: tuple[str, ...] = names(
        (), "Categories of the bundled poses to use; empty: all", _pose_categories
    )
    variation: float = number(
        1.0, "Random change of a pose within joint limits: 0 none, 1 natural", 0.0, 2.0
    )
    motions: tuple[str, ...] = paths("Motion files of AMASS, BEDLAM or SURREAL, or folders of them")
    motions_up: str = one_of(
        "auto",
        "Vertical axis of the motion files: z (AMASS, SURREAL), y (BEDLAM), or auto",
        ("auto", "y", "z"),
    )
    motion_share: float = number(
        0.5, "Share of people posed from `motions`, where there are any", 0.0, 1.0
    )
    companions: float = number(
        0.08,
        "Share of people with a wheelchair, rollator, stick, trolley, scooter, ball or dog",
        0.0,
        1.0,
    )
    fingers: bool = switch(True, "Bend the fingers; off: all hands are flat")
    noise: float = number(
        0.0, "Uniform noise on each axis-angle value, rad (SURREACT: 0.05)", 0.0, 1.0
    )


@dataclass(frozen=True)
class Wardrobe:
    enabled: bool = switch(True, "Draw clothes; off: one plain grey suit")
    style: str = one_of(
        "painted",
        "Garments and hair as meshes of their own, or painted on the body",
        ("mesh", "painted"),
    )
    packs: tuple[str, ...] = paths(
        "Folders of MakeHuman or MPFB assets to dress people from; they need style = 'mesh'"
    )
    pack_share: float = number(
        0.5, "Share of people dressed from `packs`, where there are any", 0.0, 1.0
    )
    hair: bool = switch(True, "Grow hair in locks; off: a shell over the scalp. Style 'mesh' only")
    accessories: bool = switch(True, "Let people wear glasses, hats and bags. Style 'mesh' only")
    carried: bool = switch(
        True, "Count bags, and what hands hold, as the person in masks. Style 'mesh' only"
    )
    drape: bool = switch(
        True, "Let skirts and loose cloth hang; off: they keep their cut. Style 'mesh' only"
    )
    skin_detail: bool = switch(
        True, "Give skin pores, blush and marks; off: an even colour. Style 'mesh' only"
    )
    garments: tuple[str, ...] = names((), "Garments to use; empty: all", _garments)
    patterns: tuple[str, ...] = names((), "Fabric patterns to use; empty: all", _patterns)
    skin_tones: Distribution = vary([1, 10], "Skin tone on the Monk scale", 1, 10)
    loose: bool = switch(
        True, "Let clothes and hair stand off the body; off: paint them on the skin"
    )
    textures: tuple[str, ...] = paths("Your own UV textures (of SURREAL, BEDLAM), files or folders")
    texture_share: float = number(
        1.0, "Share of people who wear a UV texture, where there are any", 0.0, 1.0
    )


@dataclass(frozen=True)
class Light:
    enabled: bool = switch(True, "Vary the light; off: Blender's studio panorama, not turned")
    kinds: dict[str, float] = weights(
        {"hdri": 3, "sun_sky": 1}, "Weights of the kinds of light", LIGHT_KINDS
    )
    hdris: tuple[str, ...] = paths(
        "Panoramas: 'builtin' (Blender's eight), 'builtin:city', and your own files or folders",
        builtin="builtin",
    )
    sun_share: float = number(0.3, "Share of panoramas that get a sun lamp too", 0.0, 1.0)
    sun_elevation: Distribution = vary(
        [12, 75], "Height of the sun above the horizon, degrees", 0, 90
    )
    sun_strength: Distribution = vary(
        {"log": [0.5, 4]}, "Irradiance of the sun, relative to the sky's", 0, 100
    )
    sun_angle: Distribution = vary(
        {"log": [0.5, 12]}, "Apparent size of the sun, degrees: softness of the shadows", 0, 90
    )
    warmth: Distribution = vary(
        {"normal": [0, 0.3]}, "Colour of sun and lamps: -1 blue, 1 orange", -1, 1
    )


@dataclass(frozen=True)
class Scenery:
    places: dict[str, float] = weights(
        PLACE_WEIGHTS,
        "Weights of the places, for the background kind 'place'",
        tuple(PLACE_WEIGHTS),
    )
    density: Distribution = vary([0.6, 1.4], "Number of things in a place; 1: usual", 0, 4)
    props: tuple[str, ...] = paths("Folders of models of things (OBJ, glTF) to furnish places with")
    prop_share: float = number(
        0.6, "Share of things drawn from `props`, where they have such a thing", 0.0, 1.0
    )
    textures: tuple[str, ...] = paths("Folders of textures (PBR sets, tiles) for grounds and walls")
    texture_share: float = number(
        0.6, "Share of surfaces drawn from `textures`, where they have such a surface", 0.0, 1.0
    )
    panoramas: tuple[str, ...] = paths("More panoramas, or folders of them: they join light.hdris")
    photos: tuple[str, ...] = paths("More photos, or folders of them: they join background.photos")
    windscreen: float = number(
        0.0, "Share of outdoor images taken through a windscreen, over a bonnet", 0.0, 1.0
    )
    empty: float = number(0.08, "Share of images without people", 0.0, 1.0)
    negatives: float = number(
        0.35,
        "Share of images with things that are taken for people: statues, posters, animals, clothes",
        0.0,
        1.0,
    )
    negative_count: Distribution = vary([1, 4], "Number of such things on the ground", 0, 50)
    mirrors: float = number(0.04, "Share of images with a mirror near the people", 0.0, 1.0)
    count_statues: bool = switch(False, "Count statues, dummies and toys as persons in masks")
    count_images: bool = switch(False, "Count drawn people of posters and screens in masks")
    count_reflections: bool = switch(True, "Count a person's reflection as that person in masks")


@dataclass(frozen=True)
class Occluders:
    enabled: bool = switch(True, "Add things; off: only what a pose needs, such as a seat")
    count: Distribution = vary(
        {"choice": [0, 1, 2], "weights": [5, 4, 2]}, "Number of things in front of people", 0, 100
    )
    clutter: Distribution = vary([0, 4], "Number of things beside and behind people", 0, 200)
    shapes: tuple[str, ...] = names((), "Shapes to use; empty: all", _shapes)


@dataclass(frozen=True)
class Render:
    width: int = number(256, "Width of the image, px", 16, 8192)
    height: int = number(256, "Height of the image, px", 16, 8192)
    samples: int = number(16, "Cycles samples per pixel", 1, 65536)
    bounces: int = number(3, "Largest number of light bounces", 0, 64)
    denoise: bool = switch(False, "Take Cycles' noise out of the image (OIDN); masks stay as is")
    clamp: float = number(
        10.0, "Limit of the light that a sample brings indirectly; 0: none, fireflies stay", 0, 1e6
    )
    image_format: str = one_of(
        "jpg", "File format of the image; masks are always PNG", ("jpg", "png")
    )
    passes: tuple[str, ...] = names(
        (), f"Passes to write beside image and mask: {', '.join(PASSES)}", lambda: PASSES
    )


@dataclass(frozen=True)
class Recipe:
    """All that may vary, section by section.

    `name` is that of the preset or the file. `streams` names the random streams that the recipe
    draws from; empty stands for its name, so that recipes of two names share no draw. Recipes that
    are to be compared share them: `streams = "everyday"` in each.
    """

    name: str = "everyday"
    streams: str = ""
    people: People = People()
    bodies: Bodies = Bodies()
    poses: Poses = Poses()
    wardrobe: Wardrobe = Wardrobe()
    camera: Camera = Camera()
    light: Light = Light()
    background: Background = field(default_factory=Background)
    scenery: Scenery = field(default_factory=Scenery)
    occluders: Occluders = Occluders()
    sensor: Sensor = Sensor()
    render: Render = Render()

    @property
    def stream_key(self) -> str:
        """The name of the random streams that the recipe draws from."""
        return self.streams or self.name

    def with_render(self, **changes: Any) -> Recipe:
        """A copy with some keys of [render] replaced, as command-line options do."""
        return dataclasses.replace(
            self, render=read_section("render", self.render, changes, Path(), "command line")
        )

    def to_toml(self, *, comments: bool = False) -> str:
        """Write TOML that `parse_recipe` reads back as an equal recipe; paths are absolute.

        Args:
            comments: Whether to add the description of each key.

        Raises:
            RecipeError: A path that TOML cannot hold; the message names its key.
        """
        lines = [f"name = {to_toml_value(self.name)}"]
        if self.streams:
            lines.append(f"streams = {to_toml_value(self.streams)}")
        for section in SECTIONS:
            lines += ["", f"[{section}]"]
            values = getattr(self, section)
            for item in dataclasses.fields(values):
                value = getattr(values, item.name)
                if value is None:
                    continue
                key = f"{section}.{item.name}"
                try:
                    text = f"{item.name} = {to_toml_value(value)}"
                except ValueError as error:
                    raise RecipeError(f"{key}: {error}", key=key) from None
                lines.append(f"{text:<52}  # {item.metadata['doc']}" if comments else text)
        return "\n".join(lines) + "\n"

    def to_json(self) -> dict[str, Any]:
        """The recipe as plain JSON values, such as `tomllib` reads them from `to_toml`."""
        data: dict[str, Any] = {"name": self.name}
        if self.streams:
            data["streams"] = self.streams
        for section in SECTIONS:
            values = vars(getattr(self, section))
            data[section] = {k: to_plain_value(v) for k, v in values.items() if v is not None}
        return data


SECTIONS = tuple(f.name for f in dataclasses.fields(Recipe) if f.name not in ("name", "streams"))
"""Names of the sections, in the order in which they are written."""
