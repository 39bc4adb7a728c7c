"""SceneSpec: one complete draw of a recipe. It alone determines the image.

Pure data: no bpy, no randomness. World axes are Blender's (right-handed, Z up, metres, ground at z
= 0). Angles are in degrees where people read them (camera, light, props), and axis-angle radians in
body poses, as in the SMPL papers.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..wardrobe.outfit import Outfit
from .photos.spec import PhotoMatchSpec, PhotoViewSpec
from .sensor_spec import SensorSpec

SPEC_VERSION = 1
SURFACE_PATTERNS = (
    "plain",
    "checks",
    "stripes",
    "noise",
    "bricks",
    "tiles",
    "asphalt",
    "grass",
    "wood",
    "image",
    "glass",
    "lamp",
    "plaster",
    "masonry",
    "paving",
    "mirror",
    "drawn_person",
)

# What a mask may count beside persons: statues and dummies, drawn people, reflections.
COUNTED = ("statues", "images", "reflections")

Vec3 = tuple[float, float, float]
Color = tuple[float, float, float]  # linear Rec. 709, 0..1

T = TypeVar("T")


def vec3(values: Iterable[float]) -> Vec3:
    """Three numbers, such as the elements of an array (3,), as a plain tuple."""
    x, y, z = (float(v) for v in values)
    return (x, y, z)


@dataclass(frozen=True)
class CameraSpec:
    """A camera, whose lens may distort.

    yaw 0 looks along +Y and grows counter-clockwise seen from above; pitch 0 is level, negative
    looks down; roll is about the viewing axis. `fov` is the horizontal field of view, distortion
    included. Angles are in degrees.
    """

    location: Vec3
    yaw: float
    pitch: float
    roll: float
    fov: float
    f_stop: float = 0.0  # 0: no depth of field
    focus_distance: float = 10.0  # m
    shutter: float = 0.0  # s the shutter stays open; 0: no motion blur
    # Place of the optical axis in the frame: right and down of its middle, in widths of the frame.
    # It is not in the middle of a part of a photo.
    axis: tuple[float, float] = (0.0, 0.0)
    distortion: str = "none"  # one of lens.MODELS
    coefficients: tuple[float, ...] = ()  # of that model, in OpenCV's order
    shake: Vec3 = (0.0, 0.0, 0.0)  # degrees/s that the hand turns it: to the left, up, clockwise


@dataclass(frozen=True)
class BodySpec:
    """One posed body.

    Attributes:
        model: Name of a body model in Assets.bodies.
        betas: Shape coefficients.
        pose: J×3 axis-angle, rad; the first row is the orientation of the root in the world.
        translation: m, added after skinning, as in AMASS.
        expression: Coefficients of the model's expression directions; see bodies.expressions.
    """

    model: str
    betas: tuple[float, ...]
    pose: tuple[Vec3, ...]
    translation: Vec3
    expression: tuple[float, ...] = ()


@dataclass(frozen=True)
class MotionSpec:
    """The body `seconds` later, for motion blur."""

    pose: tuple[Vec3, ...]
    translation: Vec3
    seconds: float


@dataclass(frozen=True)
class PersonSpec:
    """A person.

    Attributes:
        id: 1..N, the value in the instance mask.
        body: The posed body.
        outfit: The clothes.
        pose_name: Name of the pose or of the motion file.
        motion: The body a moment later; None without motion.
    """

    id: int
    body: BodySpec
    outfit: Outfit
    pose_name: str
    motion: MotionSpec | None = None


@dataclass(frozen=True)
class SurfaceSpec:
    """The surface of props, grounds and walls.

    Attributes:
        pattern: One of SURFACE_PATTERNS.
        color, color2: The colours of the pattern.
        scale: Repeats of the pattern per metre.
        roughness, metallic: 0..1.
        image: The image of faces of tone IMAGE, 'drawn:poster:17'; see props.drawn_images. Or a
            file, which all of the surface shows instead of its pattern: `scale` times per metre,
            in its own colours times `color`.
    """

    pattern: str
    color: Color
    color2: Color
    scale: float
    roughness: float
    metallic: float = 0.0
    image: str = ""


@dataclass(frozen=True)
class PropSpec:
    """A thing that is not a person.

    Attributes:
        shape: One of props.catalogue.SHAPES or of props.sized.SIZED. Its own frame has the origin
            on the ground under the centre, Z up, the front towards -Y.
        location: m.
        rotation: XYZ Euler angles, degrees.
        size: Extent along the shape's own axes, m; a negative one mirrors it.
        surface: Its surface.
        owner: Id of the person whose pose needs it (a seat, a bicycle, a bag); 0 for none.
        variant: Seed of the details of a sized shape.
        source: The file of a model of a pack, which is shown instead of the shape, in its own
            colours times the surface's; "" for none.
    """

    shape: str
    location: Vec3
    rotation: Vec3
    size: Vec3
    surface: SurfaceSpec
    owner: int = 0
    variant: int = 0
    source: str = ""


@dataclass(frozen=True)
class LightSpec:
    """The light. `kind` is one of recipe.LIGHT_KINDS: 'hdri' (`hdri` names a file), 'sun_sky'
    (angles of the sun) or 'spherical_harmonics' (9 coefficients, equal for all colour channels,
    as SURREAL's).
    """

    kind: str
    strength: float = 1.0
    hdri: str = ""  # 'builtin:city' or an absolute path
    hdri_rotation: float = 0.0  # degrees about Z
    sun_elevation: float = 45.0
    sun_azimuth: float = 0.0
    sun_strength: float = 0.0  # 0: no sun lamp in an 'hdri' light
    sun_angle: float = 0.5  # angular diameter, degrees: softness of shadows
    turbidity: float = 2.0
    color: Color = (1.0, 1.0, 1.0)
    coefficients: tuple[float, ...] = ()


@dataclass(frozen=True)
class LampSpec:
    """A flat lamp of a place, as large as `size` and turned to `toward`.

    Attributes:
        location: m.
        toward: Direction of its light; any length.
        size: Width and height, m.
        power: W.
        color: Linear colour.
        seen: Whether the camera sees it shine.
    """

    location: Vec3
    toward: Vec3
    size: tuple[float, float]
    power: float
    color: Color = (1.0, 1.0, 1.0)
    seen: bool = True


@dataclass(frozen=True)
class Opening:
    """A window or doorway of a room.

    Attributes:
        wall: 0 is the wall at +Y of the room; the others follow counter-clockwise.
        x: Its middle, m to the right of the wall's, seen from inside.
        low: Its lower edge above the floor, m.
        width, height: m.
    """

    wall: int
    x: float
    low: float
    width: float
    height: float


@dataclass(frozen=True)
class BackgroundSpec:
    """The background. `kind` is one of BACKGROUND_KINDS of the recipe: 'hdri' (the panorama of the
    light, with a ground plane), 'photo' (a photo behind, a shadow catcher below), 'plain' (one
    colour, a shadow catcher below), 'room' (floor and walls around the people) or 'place' (one of
    scene.places.catalogue.PLACES; most of it is in the props of the scene).
    """

    kind: str
    photo: str = ""
    photo_crop: tuple[float, float, float, float] = (
        0.0,
        0.0,
        1.0,
        1.0,
    )  # x, y, w, h of the part shown, 0..1
    photo_flip: bool = False
    photo_view: PhotoViewSpec | None = None  # its camera; None: taken level by any camera
    photo_match: PhotoMatchSpec | None = None  # fits people to it; None: the sensor takes both
    photo_front: str = ""  # a mask of what stands in front of the people
    color: Color = (0.5, 0.5, 0.5)
    ground: SurfaceSpec | None = None
    ground_height: float = 0.0  # m, of the open ground of a place
    wall: SurfaceSpec | None = None
    room_size: Vec3 = (6.0, 6.0, 2.8)
    room_center: tuple[float, float] = (0.0, 0.0)  # m
    room_turn: float = 0.0  # degrees about Z
    place: str = ""
    lamps: tuple[LampSpec, ...] = ()  # of a place; they are lit beside the light of the scene
    openings: tuple[Opening, ...] = ()  # of a place's room
    outside: float = 0.0  # brightness of the panorama in the openings; 1: as outdoors

    @property
    def indoors(self) -> bool:
        """Whether walls keep the light of the world out."""
        return self.kind == "room" or (self.kind == "place" and min(self.room_size) > 0)


@dataclass(frozen=True)
class SceneSpec:
    """All that the stage needs for one image."""

    seed: int
    index: int
    width: int
    height: int
    samples: int
    camera: CameraSpec
    light: LightSpec
    background: BackgroundSpec
    sensor: SensorSpec
    persons: tuple[PersonSpec, ...] = ()
    props: tuple[PropSpec, ...] = ()
    passes: tuple[str, ...] = ()  # beyond image and mask: alpha, parts, depth, normals
    bounces: int = 4
    noise_seed: int = 0  # of Cycles' samples
    denoise: bool = False  # whether Cycles' noise is taken out of the image
    clamp: float = 10.0  # limit of a sample's indirect light, linear; 0: none
    counted: tuple[str, ...] = ()  # of COUNTED: what counts in masks beside the persons themselves
    version: int = field(default=SPEC_VERSION)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` gives the equal spec back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SceneSpec:
        """The inverse of `to_json`.

        Raises:
            ValueError: Another version, or unknown keys.
        """
        if data.get("version") != SPEC_VERSION:
            raise ValueError(
                f"expected scene spec version {SPEC_VERSION}, got {data.get('version')!r}"
            )
        return from_plain(cls, data)


def sources_of(spec: SceneSpec) -> list[str]:
    """The files of packs that a scene shows: what persons wear, models of things, and textures; one
    may be listed several times.
    """
    outfits = [person.outfit for person in spec.persons]
    files = [[*(item.source for item in outfit.items), outfit.skin_image] for outfit in outfits]
    surfaces = [prop.surface for prop in spec.props]
    surfaces += [s for s in (spec.background.ground, spec.background.wall) if s is not None]
    files += [[prop.source for prop in spec.props], [surface.image for surface in surfaces]]
    return [file for some in files for file in some if file and not file.startswith("drawn:")]


def from_plain(cls: type[T], data: Any, where: str = "spec") -> T:
    """Rebuild a dataclass from the plain dicts and lists that `dataclasses.asdict` and JSON leave.

    Args:
        cls: The dataclass.
        data: The plain values.
        where: What errors call `data`.

    Raises:
        ValueError: An unknown or missing key; the message names its place.
    """
    return _rebuild(cls, data, where)


def _rebuild(kind: Any, data: Any, where: str) -> Any:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        if not isinstance(data, dict):
            raise ValueError(f"{where}: expected an object, got {type(data).__name__}")
        hints = typing.get_type_hints(kind)
        unknown = sorted(set(data) - set(hints))
        if unknown:
            raise ValueError(f"{where}: unknown key {unknown[0]!r}")
        values = {key: _rebuild(hints[key], value, f"{where}.{key}") for key, value in data.items()}
        try:
            return kind(**values)
        except TypeError as error:
            raise ValueError(f"{where}: {error}") from None
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        if args[-1] is Ellipsis:
            return tuple(_rebuild(args[0], item, f"{where}[{i}]") for i, item in enumerate(data))
        return tuple(
            _rebuild(arg, item, f"{where}[{i}]")
            for i, (arg, item) in enumerate(zip(args, data, strict=True))
        )
    if origin in (typing.Union, types.UnionType):
        if data is None:
            return None
        return _rebuild(next(arg for arg in args if arg is not type(None)), data, where)
    if kind is float:
        return float(data)
    return data
