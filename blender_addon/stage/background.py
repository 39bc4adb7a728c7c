"""BackgroundSpec and props -> ground, room, shadow catcher and things, in three objects."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ..scene.spec import (
    BackgroundSpec,
    LightSpec,
    Opening,
    PersonSpec,
    PropSpec,
    SurfaceSpec,
    Vec3,
)
from .arrays import Piece, assemble, euler_matrix, prop_piece, rectangle
from .images import ImageCache
from .mesh_writer import mesh_object, show, write_mesh
from .nodes import Nodes, material_of
from .pack_props import PackProps, with_own_meshes
from .surface_images import SurfaceImages
from .surfaces import FADE_END, backdrop_materials, solid_materials

GREY = SurfaceSpec("plain", (0.35, 0.35, 0.35), (0.3, 0.3, 0.3), 1.0, 0.8)
CEILING = SurfaceSpec("plain", (0.75, 0.75, 0.73), (0.7, 0.7, 0.7), 1.0, 0.9)
PALE = (0.8, 0.8, 0.8)  # a ground of which nothing is known, as Cycles has it without a material
SKIRTING = 0.08  # m high


def film_transparent(background: BackgroundSpec) -> bool:
    """Whether the scene is rendered without its background, which is put behind it afterwards: rgb
    (premultiplied) + (1 - alpha) · background, in linear light.
    """
    return KINDS[background.kind].transparent


class StageBackground:
    """The surroundings of the people.

    Attributes:
        things: The props.
        backdrop: Ground or room.
        catcher: An invisible ground that takes shadows.
        own: The props with meshes of their own.
        surfaces: The materials of image files.
    """

    def __init__(self, scene: bpy.types.Scene, images: ImageCache) -> None:
        self.scene = scene
        self.own = PackProps(scene, images)
        self.surfaces = SurfaceImages(images)
        self._files: dict[bool, tuple[str, ...]] = {False: (), True: ()}  # of things, of backdrop
        self.things = mesh_object(scene.collection, "PII things", solid_materials())
        self.backdrop = mesh_object(scene.collection, "PII backdrop", backdrop_materials())
        self.catcher = shadow_catcher(scene.collection)
        self._props: tuple[PropSpec, ...] = ()
        self._own: list[PropSpec] = []
        self._backdrop: BackgroundSpec | None = None

    def apply(
        self,
        background: BackgroundSpec,
        props: Sequence[PropSpec],
        persons: Sequence[PersonSpec],
        light: LightSpec,
    ) -> None:
        """Show background and props.

        Raises:
            ValueError: An unknown kind of background, or a model or image that cannot be read.
            FileNotFoundError: The photo, or an image of a pack, is missing.
            KeyError: An unknown shape or pattern.
        """
        if background.kind not in KINDS:
            raise ValueError(
                f"background.kind: {background.kind!r}, expected one of {', '.join(KINDS)}"
            )
        if background.kind == "photo" and not Path(background.photo).is_file():
            raise FileNotFoundError(f"background.photo: file not found: {background.photo!r}")
        self.scene.render.film_transparent = film_transparent(background)

        self.replace_things(props)

        pieces = backdrop_pieces(background)
        if pieces and self._backdrop != background:
            self._write(self.backdrop, pieces, backdrop=True)
            self._backdrop = background
        show(self.backdrop, bool(pieces))
        self.surfaces.show(self.things, self._files[False], backdrop=False)
        self.surfaces.show(self.backdrop, self._files[True] if pieces else (), backdrop=True)
        self.surfaces.trim()

        catches = catches_shadows(background, light)
        show(self.catcher, catches)
        if catches:
            self.catcher.location, self.catcher.scale = catcher_frame(persons, props, light)
            self.catcher.color = catcher_color(background)

    def replace_things(self, props: Sequence[PropSpec]) -> None:
        """Show these props and no others."""
        # Meshes are written when they change: many images have the same empty list of props.
        if self._props != tuple(props):
            self._own = with_own_meshes(props)
            shared = set(self._own)
            joined = [prop_piece(prop) for prop in props if prop not in shared]
            self._write(self.things, joined, backdrop=False)
            self._props = tuple(props)
        show(self.things, len(self._own) < len(props))
        self.own.apply(self._own)

    def _write(self, obj: bpy.types.Object, pieces: Sequence[Piece], *, backdrop: bool) -> None:
        arrays = assemble(pieces)
        self._files[backdrop] = arrays.images
        write_mesh(obj.data, arrays)

    def remove(self) -> None:
        """Free meshes and materials that only this stage uses."""
        self.own.remove()
        self.surfaces.clear()


def backdrop_pieces(background: BackgroundSpec) -> list[Piece]:
    """The ground of a panorama, the inside of a room, or nothing; a shadow catcher then takes
    shadows.
    """
    return KINDS[background.kind].pieces(background)


def _no_pieces(background: BackgroundSpec) -> list[Piece]:
    return []


def _ground(background: BackgroundSpec) -> list[Piece]:
    if background.ground is None:
        return []
    r, z = FADE_END + 1.0, background.ground_height
    return [rectangle((-r, -r, z), (2 * r, 0, 0), (0, 2 * r, 0), background.ground)]


def _place(background: BackgroundSpec) -> list[Piece]:
    """The room of a place, or its open ground; the rest of a place is in the props."""
    if not background.indoors:
        return _ground(background)
    turn = euler_matrix((0.0, 0.0, background.room_turn))
    offset = np.array([*background.room_center, 0.0])
    return [dataclasses.replace(piece, matrix=turn, offset=offset) for piece in _room(background)]


def _room(background: BackgroundSpec) -> list[Piece]:
    """Floor, ceiling and four walls with skirting boards, all facing inwards, around the origin."""
    size, floor, wall = background.room_size, background.ground or GREY, background.wall or GREY
    if min(size) <= 0:
        raise ValueError(f"background.room_size: {size}, expected three positive lengths")
    w, d, h = size
    x, y = w / 2, d / 2
    # Corner and direction of each wall, so that direction × up points into the room.
    sides = [((-x, y), (w, 0)), ((-x, -y), (0, d)), ((x, -y), (-w, 0)), ((x, y), (0, -d))]
    skirting = SurfaceSpec("plain", wall.color2, wall.color2, 1.0, 0.6)
    pieces = [
        rectangle((-x, -y, 0), (w, 0, 0), (0, d, 0), floor),
        rectangle((-x, y, h), (w, 0, 0), (0, -d, 0), CEILING),
    ]
    for number, (corner, along) in enumerate(sides):
        holes = [hole for hole in background.openings if hole.wall == number]
        pieces += _wall(corner, along, h, holes, wall, skirting)
    return pieces


def _wall(
    corner: tuple[float, float],
    along: tuple[float, float],
    height: float,
    openings: Sequence[Opening],
    surface: SurfaceSpec,
    skirting: SurfaceSpec,
) -> list[Piece]:
    """A wall in pieces around its openings, with a skirting board.

    Args:
        corner: Its left end (x, y), m.
        along: From there to its right end, m; × up points into the room.
        height: m.
        openings: Its openings; they do not overlap.
        surface, skirting: Surfaces of wall and board.
    """
    length = math.hypot(*along)
    ahead = np.array([*along, 0.0]) / length
    inwards = 0.012 * np.array([ahead[1], -ahead[0], 0.0])
    start = np.array([*corner, 0.0])
    pieces: list[Piece] = []

    def part(x0: float, x1: float, z0: float, z1: float, foot: bool) -> None:
        if x1 - x0 < 1e-3 or z1 - z0 < 1e-3:
            return
        at, across = start + x0 * ahead, (x1 - x0) * ahead
        pieces.append(rectangle(at + np.array((0, 0, z0)), across, (0, 0, z1 - z0), surface))
        if foot:
            pieces.append(rectangle(at + inwards, across, (0, 0, SKIRTING), skirting))

    done = 0.0
    for hole in sorted(openings, key=lambda opening: opening.x):
        middle = length / 2 + hole.x
        left, right = max(middle - hole.width / 2, done), min(middle + hole.width / 2, length)
        part(done, left, 0.0, height, True)
        part(left, right, 0.0, hole.low, hole.low > SKIRTING)
        part(left, right, min(hole.low + hole.height, height), height, False)
        done = right
    part(done, length, 0.0, height, True)
    return pieces


@dataclass(frozen=True)
class BackgroundKind:
    """A row of KINDS: the way a kind of background is staged.

    Attributes:
        transparent: The scene is rendered without it; the image gets it afterwards.
        pieces: The meshes around the people.
    """

    transparent: bool
    pieces: Callable[[BackgroundSpec], list[Piece]]


# backgrounds.BACKGROUND_KINDS names them; a test fails when the two differ.
KINDS: dict[str, BackgroundKind] = {
    "hdri": BackgroundKind(False, _ground),
    "photo": BackgroundKind(True, _no_pieces),
    "plain": BackgroundKind(True, _no_pieces),
    "room": BackgroundKind(False, _room),
    "place": BackgroundKind(False, _place),
}


def catches_shadows(background: BackgroundSpec, light: LightSpec) -> bool:
    """Whether an invisible ground takes the shadows, where there is no other. SURREAL's light has
    no rays and so no shadows.
    """
    return not backdrop_pieces(background) and light.kind != "spherical_harmonics"


def catcher_frame(
    persons: Sequence[PersonSpec], props: Sequence[PropSpec], light: LightSpec
) -> tuple[Vec3, Vec3]:
    """Location and scale of a square that holds all things and their shadows. Rays that hit it cost
    time, others do not.
    """
    places = [person.body.translation for person in persons] + [prop.location for prop in props]
    if not places:
        return (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    sun = light.kind == "sun_sky" or light.sun_strength > 0
    reach = 2.5 / math.tan(math.radians(max(light.sun_elevation, 10.0))) if sun else 0.0
    margin = 3.0 + reach + max((abs(extent) for prop in props for extent in prop.size), default=0.0)
    low = [min(p[i] for p in places) - margin for i in (0, 1)]
    high = [max(p[i] for p in places) + margin for i in (0, 1)]
    center = ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, 0.0)
    return center, (high[0] - low[0], high[1] - low[1], 1.0)


def shadow_catcher(collection: bpy.types.Collection) -> bpy.types.Object:
    """Make a unit square on the ground that only shows shadows; `catcher_frame` has its place."""
    catcher = mesh_object(collection, "PII catcher", [material_of("PII catcher", _catcher_surface)])
    write_mesh(catcher.data, assemble([rectangle((-0.5, -0.5, 0), (1, 0, 0), (0, 1, 0), GREY)]))
    catcher.is_shadow_catcher = True
    return catcher


def catcher_color(background: BackgroundSpec) -> tuple[float, float, float, float]:
    """Colour of the light that the catcher sends up, as its object's colour."""
    match = background.photo_match
    return (*(match.ground if match is not None else PALE), 1.0)


def _catcher_surface(n: Nodes) -> None:
    """A rough surface of the colour of its object."""
    surface = n.node("ShaderNodeBsdfDiffuse")
    n.put(n.node("ShaderNodeObjectInfo").outputs["Color"], surface.inputs["Color"])
    n.put(surface.outputs[0], n.node("ShaderNodeOutputMaterial").inputs["Surface"])
