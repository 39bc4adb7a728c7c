"""Recipe: what may vary. TOML ↔ frozen dataclasses; every error names the file and the key.

A recipe file holds only what differs from its `base` (another preset's name; 'everyday' unless it says otherwise):

    base = "street"
    [people]
    count = [1, 12]
    [background]
    kinds = { photo = 1 }
    photos = "my_photographs"      # relative to the recipe file

Pure: reads files, draws nothing, knows no bpy. `distributions.py` says what a varying number may be.
"""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..dataset import PASS_FILES
from .distributions import Distribution, parse

PRESETS = Path(__file__).parent / "presets"
PASSES = tuple(name for name, file in PASS_FILES.items() if file.rendered == "on request")
LIGHT_KINDS = ("hdri", "sun_sky", "spherical_harmonics")
BACKGROUND_KINDS = ("hdri", "photo", "plain", "room")


class RecipeError(ValueError):
    """A recipe cannot be used; the message names the file and the key.

    `key` is that key alone ('people.count') when one field is wrong, '' otherwise.
    """

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


# Each field's metadata say what it takes: `doc`; `read` (or `read_path`), which checks a TOML value; `kind`, the name
# of the function below that made it; and what that was given. The panel in Blender is built from them.


def _vary(default: Any, doc: str, low: float, high: float, *, example: Any = None) -> Any:
    """A field that varies; what it may draw must lie within [low, high]. A default of None: absent, and `example` is
    what somebody may begin with."""

    def read(value: Any) -> Distribution:
        distribution = parse(value)
        bottom, top = distribution.bounds
        if distribution.kind == "normal":
            # An open Gaussian is cut at the limits that the quantity itself has.
            if bottom > high or top < low:
                raise ValueError(
                    f"must lie within [{low:g}, {high:g}], got min {bottom:g} and max {top:g}"
                )
            return dataclasses.replace(
                distribution, min=float(max(bottom, low)), max=float(min(top, high))
            )
        if bottom < low or top > high:
            raise ValueError(f"must lie within [{low:g}, {high:g}], got [{bottom:g}, {top:g}]")
        return distribution

    metadata = {"read": read, "doc": doc, "kind": "vary", "low": low, "high": high}
    if default is None:
        return field(default=None, metadata={**metadata, "example": read(example)})
    return field(default=read(default), metadata=metadata)


def _number(default: float, doc: str, low: float, high: float) -> Any:
    def read(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"expected a number, got {value!r}")
        if isinstance(default, int) and not isinstance(value, int):
            raise ValueError(f"expected a whole number, got {value!r}")
        if not low <= value <= high:
            raise ValueError(f"must lie within [{low:g}, {high:g}], got {value!r}")
        return type(default)(value)

    metadata = {"read": read, "doc": doc, "kind": "number", "low": low, "high": high}
    return field(default=default, metadata=metadata)


def _switch(default: bool, doc: str) -> Any:
    def read(value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError(f"expected true or false, got {value!r}")
        return value

    return field(default=default, metadata={"read": read, "doc": doc, "kind": "switch"})


def _names(default: tuple[str, ...], doc: str, allowed: Callable[[], tuple[str, ...]]) -> Any:
    def read(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError(f"expected a list of names, got {value!r}")
        for item in value:
            if item not in allowed():
                raise ValueError(f"unknown name {item!r}; there are: {', '.join(allowed())}")
        return tuple(value)

    metadata = {"read": read, "doc": doc, "kind": "names", "allowed": allowed}
    return field(default=default, metadata=metadata)


def _one_of(default: str, doc: str, allowed: tuple[str, ...]) -> Any:
    def read(value: Any) -> str:
        if value not in allowed:
            raise ValueError(f"expected one of {', '.join(allowed)}, got {value!r}")
        return str(value)

    metadata = {"read": read, "doc": doc, "kind": "one_of", "allowed": allowed}
    return field(default=default, metadata=metadata)


def _weights(default: Mapping[str, float], doc: str, allowed: tuple[str, ...]) -> Any:
    def read(value: Any) -> dict[str, float]:
        if not isinstance(value, dict):
            raise ValueError(f"expected a table such as {{ {allowed[0]} = 1 }}, got {value!r}")
        for key, weight in value.items():
            if key not in allowed:
                raise ValueError(f"unknown kind {key!r}; there are: {', '.join(allowed)}")
            if (
                isinstance(weight, bool)
                or not isinstance(weight, int | float)
                or not 0 <= weight < math.inf
            ):
                raise ValueError(f"the weight of {key!r} must be a number ≥ 0, got {weight!r}")
        if not any(value.values()):
            raise ValueError("at least one weight must be above 0")
        return {key: float(weight) for key, weight in value.items()}

    metadata = {"read": read, "doc": doc, "kind": "weights", "allowed": allowed}
    return field(default_factory=lambda: read(dict(default)), metadata=metadata)


def _paths(doc: str, *, builtin: str = "") -> Any:
    """Files or folders; relative ones are relative to the recipe. `builtin` is a word that is no path, and so is
    `builtin:name`; where there is such a word, the list must not be empty."""

    def read(value: Any, folder: Path) -> tuple[str, ...]:
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise ValueError(f"expected a path or a list of paths, got {value!r}")
        named = [item for item in items if item]
        if builtin and not named:
            raise ValueError(f"expected at least one; {builtin!r} is always there")
        return tuple(
            item if item.split(":")[0] == builtin else _existing(item, folder) for item in named
        )

    metadata = {"read_path": read, "doc": doc, "kind": "paths", "builtin": builtin}
    return field(default=(builtin,) if builtin else (), metadata=metadata)


def _existing(item: str, folder: Path) -> str:
    path = (folder / Path(item).expanduser()).resolve()
    if not path.exists():
        raise ValueError(f"no such file or folder: {path}")
    return str(path)


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
    from ..scene.objects import OCCLUDERS

    return tuple(OCCLUDERS)


@dataclass(frozen=True)
class People:
    count: Distribution = _vary([1, 4], "persons in a picture", 0, 500)
    spacing: float = _number(0.1, "m kept free between persons", 0.0, 10.0)
    in_frame: float = _number(0.6, "least share of a person's joints inside the frame", 0.0, 1.0)
    facing: Distribution = _vary(
        [-180, 180], "degrees a person is turned away from the camera", -360, 360
    )
    lateral: Distribution = _vary(
        [-0.85, 0.85], "place across the frame: -1 left edge, 1 right edge", -2, 2
    )


@dataclass(frozen=True)
class Bodies:
    enabled: bool = _switch(True, "off: one average adult shape")
    models: tuple[str, ...] = _paths(
        "'default' and SMPL, SMPL-H, SMPL-X files (.npz, .pkl)", builtin="default"
    )
    uvs: tuple[str, ...] = _paths(
        "UV .obj files for models that carry no UVs (SMPL, SMPL-H); needed for `textures`"
    )
    ages: Distribution = _vary([4, 85], "years; the default body's only", 3, 100)
    female: float = _number(0.5, "share of women and girls; the default body's only", 0.0, 1.0)
    shape_noise: float = _number(0.15, "standard deviations added to a sampled shape", 0.0, 2.0)
    betas: Distribution = _vary({"normal": [0, 1]}, "each shape coefficient of other bodies", -5, 5)


@dataclass(frozen=True)
class Poses:
    enabled: bool = _switch(True, "off: everybody stands with the arms down")
    categories: tuple[str, ...] = _names(
        (), "allowed categories of the built-in library; empty: all", _pose_categories
    )
    variation: float = _number(
        1.0, "random change within joint limits: 0 none, 1 natural", 0.0, 2.0
    )
    motions: tuple[str, ...] = _paths("AMASS, BEDLAM or SURREAL motion files, or folders of them")
    motions_up: str = _one_of(
        "auto",
        "the files' vertical axis: z (AMASS, SURREAL), y (BEDLAM), or auto",
        ("auto", "y", "z"),
    )
    motion_share: float = _number(
        0.5, "share of persons posed from `motions`, when there are any", 0.0, 1.0
    )
    noise: float = _number(
        0.0, "uniform noise on each axis-angle value, rad (SURREACT: .05)", 0.0, 1.0
    )


@dataclass(frozen=True)
class Wardrobe:
    enabled: bool = _switch(True, "off: everybody in one plain grey suit")
    garments: tuple[str, ...] = _names((), "allowed garments; empty: all", _garments)
    patterns: tuple[str, ...] = _names((), "allowed fabric patterns; empty: all", _patterns)
    skin_tones: Distribution = _vary([1, 10], "on the Monk scale", 1, 10)
    loose: bool = _switch(True, "clothes and hair stand off the body")
    textures: tuple[str, ...] = _paths("folders of UV textures of your own (SURREAL's, BEDLAM's)")
    texture_share: float = _number(
        1.0, "share of persons who wear one, when there are any", 0.0, 1.0
    )


@dataclass(frozen=True)
class Camera:
    enabled: bool = _switch(True, "off: every value below at its middle")
    distance: Distribution = _vary(
        {"log": [2.0, 9.0]}, "m from the camera to a person, along the ground", 0.3, 500
    )
    height: Distribution = _vary([0.8, 2.2], "m above the ground", 0.05, 100)
    yaw: Distribution = _vary([0, 360], "compass direction, degrees", -360, 360)
    aim: str = _one_of(
        "people", "target of pitch 0: the people, or the horizon", ("people", "horizon")
    )
    pitch: Distribution = _vary({"normal": [0, 4]}, "degrees up from there", -89, 89)
    roll: Distribution = _vary({"normal": [0, 2]}, "degrees", -180, 180)
    fov: Distribution = _vary(
        [35, 70], "horizontal field of view, degrees; unused when `lens` is given", 2, 150
    )
    lens: Distribution | None = _vary(None, "focal length, mm", 1, 2000, example=[24, 70])
    sensor_width: float = _number(36.0, "mm; with `lens`", 1.0, 200.0)
    depth_of_field: float = _number(0.15, "share of pictures with depth of field", 0.0, 1.0)
    f_stop: Distribution = _vary({"log": [1.4, 8]}, "aperture number of those", 0.5, 64)
    motion_blur: float = _number(0.1, "share of pictures with motion blur", 0.0, 1.0)
    shutter: Distribution = _vary({"log": [0.004, 0.04]}, "exposure time of those, s", 0.0001, 1)


@dataclass(frozen=True)
class Light:
    enabled: bool = _switch(True, "off: the built-in studio panorama, unturned")
    kinds: dict[str, float] = _weights(
        {"hdri": 3, "sun_sky": 1}, "weights of the kinds of light", LIGHT_KINDS
    )
    hdris: tuple[str, ...] = _paths(
        "'builtin' (Blender's eight), 'builtin:city', and folders or files of your own",
        builtin="builtin",
    )
    sun_share: float = _number(0.3, "share of HDRI lights that get a sun lamp too", 0.0, 1.0)
    sun_elevation: Distribution = _vary([12, 75], "degrees above the horizon", 0, 90)
    sun_strength: Distribution = _vary(
        {"log": [0.5, 4]}, "irradiance relative to the sky's", 0, 100
    )
    sun_angle: Distribution = _vary(
        {"log": [0.5, 12]}, "apparent size, degrees: softness of the shadows", 0, 90
    )
    warmth: Distribution = _vary(
        {"normal": [0, 0.3]}, "colour of sun and lamps: -1 blue, 1 orange", -1, 1
    )


@dataclass(frozen=True)
class Background:
    enabled: bool = _switch(True, "off: plain grey")
    kinds: dict[str, float] = _weights(
        {"hdri": 4, "room": 3, "plain": 1}, "weights of the kinds of background", BACKGROUND_KINDS
    )
    photos: tuple[str, ...] = _paths(
        "photographs without people, or folders of them; needed by kind 'photo'"
    )
    photo_zoom: Distribution = _vary(
        [1.0, 1.6], "zoom into the photo: 1 crops it as little as possible", 1, 10
    )


@dataclass(frozen=True)
class Occluders:
    enabled: bool = _switch(
        True, "off: nothing but people (and what their pose needs, such as a seat)"
    )
    count: Distribution = _vary(
        {"choice": [0, 1, 2], "weights": [5, 4, 2]}, "things in front of people", 0, 100
    )
    clutter: Distribution = _vary([0, 4], "things beside and behind people", 0, 200)
    shapes: tuple[str, ...] = _names((), "allowed shapes; empty: all", _shapes)


@dataclass(frozen=True)
class Sensor:
    enabled: bool = _switch(True, "off: a clean picture, JPEG quality 95")
    exposure: Distribution = _vary({"normal": [0, 0.5]}, "stops off the metered exposure", -5, 5)
    temperature: Distribution = _vary(
        {"normal": [0, 0.25]}, "white balance: -1 cool, 1 warm", -1, 1
    )
    contrast: Distribution = _vary([0.8, 1.2], "1: unchanged", 0.1, 3)
    saturation: Distribution = _vary([0.7, 1.2], "1: unchanged, 0: grey", 0, 3)
    vignette: Distribution = _vary([0.0, 0.3], "share of light lost in the corners", 0, 1)
    noise: Distribution = _vary(
        {"log": [0.002, 0.03]}, "standard deviation at mid grey, 0..1", 0, 0.5
    )
    blur: Distribution = _vary([0.0, 0.8], "Gaussian sigma, px", 0, 20)
    jpeg_quality: Distribution = _vary([60, 98], "1..100", 1, 100)


@dataclass(frozen=True)
class Render:
    width: int = _number(256, "px", 16, 8192)
    height: int = _number(256, "px", 16, 8192)
    samples: int = _number(16, "Cycles samples a pixel", 1, 65536)
    bounces: int = _number(3, "light bounces", 0, 64)
    image_format: str = _one_of("jpg", "format of the images; masks are always PNG", ("jpg", "png"))
    passes: tuple[str, ...] = _names(
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
            self, render=_read_section("render", self.render, changes, Path(), "command line")
        )

    def to_toml(self, *, comments: bool = False) -> str:
        """TOML that `parse_recipe` reads back as an equal recipe (its paths absolute)."""
        lines = [f"name = {_toml(self.name)}"]
        for section in dataclasses.fields(self)[1:]:
            lines += ["", f"[{section.name}]"]
            values = getattr(self, section.name)
            for item in dataclasses.fields(values):
                value = getattr(values, item.name)
                if value is None:
                    continue
                text = f"{item.name} = {_toml(value)}"
                lines.append(f"{text:<52}  # {item.metadata['doc']}" if comments else text)
        return "\n".join(lines) + "\n"

    def to_json(self) -> dict[str, Any]:
        """The resolved recipe as plain JSON values: what dataset.json records."""
        return tomllib.loads(self.to_toml())


def preset_names() -> tuple[str, ...]:
    """The built-in presets."""
    return tuple(sorted(path.stem for path in PRESETS.glob("*.toml")))


def load_preset(name: str) -> Recipe:
    """A built-in preset. Raises RecipeError with the list of presets for an unknown name."""
    if name not in preset_names():
        raise RecipeError(f"no preset {name!r}; there are: {', '.join(preset_names())}")
    return load_recipe(PRESETS / f"{name}.toml")


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe file. Raises RecipeError that names the file and the key."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read ({error})") from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path}: not valid TOML: {error}") from None
    return parse_recipe(data, name=path.stem, folder=path.parent, where=str(path))


def parse_recipe(
    data: Mapping[str, Any], *, name: str, folder: Path, where: str, base: Recipe | None = None
) -> Recipe:
    """The Recipe that TOML `data` means. `folder`: what relative paths start from; `where`: named in errors;
    `base`: what it differs from, in place of the preset that `data` names."""
    base_name = data.get("base", "everyday")
    if base is not None:
        recipe = base
    elif name == base_name or (name == "everyday" and "base" not in data):
        recipe = Recipe()
    elif isinstance(base_name, str):
        try:
            recipe = load_preset(base_name)
        except RecipeError as error:
            raise RecipeError(f"{where}: base: {error}") from None
    else:
        raise RecipeError(f"{where}: base: expected the name of a preset, got {base_name!r}")
    own_name = data.get("name", name)
    if not isinstance(own_name, str):
        raise RecipeError(f"{where}: name: expected text, got {own_name!r}")
    sections = {f.name for f in dataclasses.fields(Recipe)} - {"name"}
    changed: dict[str, Any] = {}
    for key, value in data.items():
        if key in ("base", "name"):
            continue
        if key not in sections:
            raise RecipeError(
                f"{where}: unknown key {key!r}; sections are: {', '.join(sorted(sections))}"
            )
        if not isinstance(value, dict):
            raise RecipeError(f"{where}: {key}: expected a [section], got {value!r}")
        changed[key] = _read_section(key, getattr(recipe, key), value, folder, f"{where}: {key}")
    recipe = dataclasses.replace(recipe, name=own_name, **changed)
    if recipe.background.kinds.get("photo") and not recipe.background.photos:
        raise RecipeError(
            f"{where}: background.photos: kind 'photo' needs photographs; name a folder of them",
            key="background.photos",
        )
    return recipe


def _read_section(
    name: str, section: Any, values: Mapping[str, Any], folder: Path, where: str
) -> Any:
    fields = {f.name: f for f in dataclasses.fields(section)}
    read_values = {}
    for key, value in values.items():
        if key not in fields:
            raise RecipeError(f"{where}.{key}: unknown key; there are: {', '.join(fields)}")
        metadata = fields[key].metadata
        try:
            if "read_path" in metadata:
                read_values[key] = metadata["read_path"](value, folder)
            else:
                read_values[key] = metadata["read"](value)
        except ValueError as error:
            raise RecipeError(f"{where}.{key}: {error}", key=f"{name}.{key}") from None
    return dataclasses.replace(section, **read_values)


def _toml(value: Any) -> str:
    """One TOML value. (The standard library reads TOML but does not write it.)"""
    if isinstance(value, Distribution):
        value = value.to_toml()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
