"""Things that are taken for people and are none: figures, posters, animals, empty clothes.

They stand on free ground after the place is built, or hang on the walls of a room. Pure numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..draws import pick
from ..props import drawn_images
from ..recipes.recipe import Recipe
from . import surfaces
from .people import Stream
from .placement import Crowd
from .places.site import Array, Site
from .room_walls import facing_turn, frame_of, half_extents, inside, on_wall, roomy
from .spec import BackgroundSpec, Color, PropSpec, SurfaceSpec, Vec3

VARIANTS = 12  # of each shape: its details and its size, so that built shapes are used again
_TRIES = 8
_PASSERS = 0.15  # share of images with such things in which somebody unseen casts a shadow
_CLEAR = 0.05  # m between a thing and the wall of a room


@dataclass(frozen=True)
class NegativeKind:
    """A row of KINDS.

    Attributes:
        size: Largest extents, m.
        smallest: Scale of the smallest one.
        weight: How often it is drawn.
        look: A key of LOOKS, or 'image:KIND' for what shows a drawn image.
        indoors, outdoors: Where it may be.
    """

    size: Vec3
    smallest: float
    weight: float
    look: str
    indoors: bool = True
    outdoors: bool = True


# What stands on the ground.
KINDS: dict[str, NegativeKind] = {
    "mannequin": NegativeKind((1.1, 1.0, 1.95), 0.9, 5, "plastic"),
    "statue": NegativeKind((1.4, 1.4, 2.9), 0.6, 5, "stone"),
    "bust": NegativeKind((0.8, 0.8, 1.1), 0.6, 1, "stone"),
    "tailor_dummy": NegativeKind((0.8, 0.8, 1.6), 0.9, 2, "cloth", outdoors=False),
    "scarecrow": NegativeKind((2.1, 1.2, 2.1), 0.8, 1.5, "cloth", indoors=False),
    "snowman": NegativeKind((1.8, 1.2, 1.8), 0.6, 0.7, "snow", indoors=False),
    "gnome": NegativeKind((0.6, 0.6, 0.9), 0.4, 1, "toy", indoors=False),
    "teddy": NegativeKind((0.9, 0.9, 1.0), 0.4, 1.5, "cloth"),
    "doll": NegativeKind((0.6, 0.6, 0.9), 0.5, 1, "toy", outdoors=False),
    "robot": NegativeKind((1.0, 1.0, 1.5), 0.4, 1, "toy"),
    "cutout": NegativeKind((0.85, 0.6, 1.9), 0.9, 2, "image:poster"),
    "punch_bag": NegativeKind((0.7, 0.7, 1.8), 0.9, 1, "toy", outdoors=False),
    "balloons": NegativeKind((1.0, 1.0, 2.1), 0.8, 1, "toy"),
    "hydrant": NegativeKind((0.5, 0.5, 0.95), 0.8, 1, "toy", indoors=False),
    "standing_dog": NegativeKind((0.6, 1.2, 0.8), 0.5, 3, "fur"),
    "sitting_dog": NegativeKind((0.6, 0.9, 0.9), 0.5, 2, "fur"),
    "cat": NegativeKind((0.3, 0.8, 0.5), 0.7, 1.5, "fur"),
    "horse": NegativeKind((0.9, 2.8, 2.4), 0.85, 1, "fur", indoors=False),
    "cow": NegativeKind((0.9, 2.9, 1.8), 0.85, 1.2, "hide", indoors=False),
    "sheep": NegativeKind((0.7, 1.5, 1.1), 0.85, 1, "wool", indoors=False),
    "bird": NegativeKind((0.3, 0.5, 0.4), 0.7, 1, "fur", indoors=False),
    "clothes_rack": NegativeKind((1.9, 0.8, 1.75), 0.9, 3, "cloth", outdoors=False),
    "coat_stand": NegativeKind((0.9, 0.9, 1.9), 0.95, 3, "cloth", outdoors=False),
    "laundry": NegativeKind((4.0, 0.7, 2.0), 0.8, 1.5, "cloth", indoors=False),
    "heap_of_clothes": NegativeKind((1.3, 1.3, 0.4), 0.8, 1.5, "cloth"),
    "clothes_on_chair": NegativeKind((0.75, 0.9, 1.05), 0.95, 2, "cloth"),
    "billboard": NegativeKind((1.6, 0.3, 2.6), 0.7, 2, "image:poster", indoors=False),
    "a_board": NegativeKind((0.7, 0.7, 1.15), 0.85, 2, "image:poster"),
    "poster_column": NegativeKind((1.3, 1.3, 3.2), 0.9, 1.5, "image:poster", indoors=False),
    "screen_on_stand": NegativeKind((1.3, 0.6, 1.7), 0.8, 1.5, "image:screen", outdoors=False),
}

# What hangs on walls: width, and the image that it shows.
_ON_WALLS: dict[str, tuple[tuple[float, float], str]] = {
    "poster": ((0.45, 1.1), "poster"),
    "framed_picture": ((0.3, 0.7), "portrait"),
    "screen": ((0.7, 1.5), "screen"),
}


def sample_standing(
    recipe: Recipe, crowd: Crowd, stream: Stream, *, indoors: bool, room: BackgroundSpec | None
) -> tuple[PropSpec, ...]:
    """Draw things that stand on free ground, in the frame.

    Args:
        recipe: What may vary.
        crowd: The people and the ground; the things take more of it.
        stream: The streams of the scene.
        indoors: Whether it is a room.
        room: The room that things must stay in; None for open ground, or a room that grows.
    """
    rng = stream("negatives")
    if rng.random() >= recipe.scenery.negatives or not roomy(room):
        return ()
    site = Site(recipe, crowd, rng)
    fitting = {n: k for n, k in KINDS.items() if (k.indoors if indoors else k.outdoors)}
    weights = {name: kind.weight for name, kind in fitting.items()}
    for _ in range(recipe.scenery.negative_count.sample_int(rng)):
        name = pick(rng, weights)
        variant = int(rng.integers(VARIANTS))
        size, look = size_of(name, variant), sample_look(KINDS[name].look, rng)
        for _ in range(_TRIES):
            where = _in_view(site)
            if room is not None and not inside(room, where, 0.5 * float(np.hypot(*size[:2]))):
                continue
            # Mostly seen from the front, as things are set up to be seen.
            turn = crowd.camera.yaw + float(rng.normal(0, 60))
            if site.put(name, where, size, turn, look, variant=variant):
                break
    if room is None and rng.random() < _PASSERS:
        _put_passer(site)
    return tuple(site.props)


def _put_passer(site: Site) -> None:
    """Put a figure beside the frame, whose shadow may fall into it."""
    rng = site.rng
    across = float(rng.choice([-1, 1])) * site.across
    ahead = site.reach * float(rng.uniform(0.5, 1.2))
    spread = ahead * float(np.tan(np.radians(min(site.crowd.camera.fov, 120.0) / 2)))
    where = site.eye + ahead * site.ahead + (spread + float(rng.uniform(0.8, 1.6))) * across
    size, variant = (1.0, 1.0, 1.75), int(rng.integers(VARIANTS))
    turn = float(rng.uniform(0, 360))
    site.put("passer", where, size, turn, sample_look("plastic", rng), variant=variant)


def size_of(name: str, variant: int) -> Vec3:
    """The extents of a variant of one of KINDS, m."""
    kind = KINDS[name]
    scale = np.random.default_rng([variant, 77]).uniform(kind.smallest, 1.0)
    x, y, z = (round(float(scale * extent), 3) for extent in kind.size)
    return (x, y, z)


def _in_view(site: Site) -> Array:
    """A place (2,) m that the camera sees, mostly beside and behind the people."""
    rng, camera = site.rng, site.crowd.camera
    ahead = site.reach * float(rng.uniform(0.6, 2.2))
    half_width = float(np.tan(np.radians(min(camera.fov, 120.0) / 2)))
    place: Array = site.eye + ahead * site.ahead
    return place + site.across * ahead * half_width * float(rng.uniform(-1, 1))


def sample_hung(
    recipe: Recipe, crowd: Crowd, stream: Stream, room: BackgroundSpec
) -> tuple[PropSpec, ...]:
    """Draw posters, portraits and screens for those walls of a room that the camera sees."""
    rng = stream("hung")
    if rng.random() >= recipe.scenery.negatives or not roomy(room):
        return ()
    site = Site(recipe, crowd, rng)
    for _ in range(int(rng.integers(1, 5))):
        shape = str(rng.choice(list(_ON_WALLS), p=[0.5, 0.25, 0.25]))
        widths, image = _ON_WALLS[shape]
        width = float(rng.uniform(*widths))
        size = (width, 0.04, width / drawn_images.aspect(image))
        spread = min(crowd.camera.fov, 120.0) / 2
        hit = _seen_wall(site, room, crowd.camera.yaw + float(rng.uniform(-spread, spread)))
        top = room.room_size[2] - size[2] - 0.1
        if hit is None or top < 0.5:
            continue
        place, inwards = hit
        height = float(min(max(rng.normal(1.6, 0.15) - size[2] / 2, 0.5), top))
        surface = sample_look(f"image:{image}", rng)
        where = place + inwards * (_CLEAR - 0.02)
        if all(_apart(prop, where, width) for prop in site.props):
            turn = facing_turn(inwards)
            site.put(shape, where, size, turn, surface, height=height, check=False)
    return tuple(site.props)


def _apart(prop: PropSpec, where: Array, width: float) -> bool:
    return float(np.hypot(*(where - prop.location[:2]))) > 0.6 * (width + prop.size[0])


def _seen_wall(site: Site, room: BackgroundSpec, yaw: float) -> tuple[Array, Array] | None:
    """The place (2,) where a view from the camera meets a wall, and the wall's direction into the
    room (2,); None for a camera outside.
    """
    if not inside(room, site.eye):
        return None
    eye, half = frame_of(room).local(site.eye), half_extents(room)
    angle = np.radians(yaw - room.room_turn)
    ray = np.array([-np.sin(angle), np.cos(angle)])
    with np.errstate(divide="ignore"):
        steps = (np.sign(ray) * half - eye) / ray
    axis = int(np.argmin(np.where(ray == 0, np.inf, steps)))
    return on_wall(room, eye + ray * steps[axis], axis, float(np.sign(ray[axis])), edge=0.6)


def sample_look(look: str, rng: np.random.Generator) -> SurfaceSpec:
    """Draw the surface of one of KINDS by its `look`."""
    if look.startswith("image:"):
        image = drawn_images.sample_image(look.removeprefix("image:"), rng)
        frame = surfaces.sample_color(rng)
        return SurfaceSpec("plain", (0.9, 0.9, 0.9), frame, 1.0, 0.4, image=image)
    return LOOKS[look](rng)


def _stone(rng: np.random.Generator) -> SurfaceSpec:
    """Stone, plaster, bronze or wood."""
    kind, tone = rng.random(), float(rng.uniform(0.3, 0.85))
    if kind < 0.3:
        color = [(0.15, 0.09, 0.04), (0.06, 0.12, 0.1), (0.25, 0.17, 0.06)][int(rng.integers(3))]
        return SurfaceSpec("noise", color, _scaled(color, 0.5), 5.0, 0.4, metallic=0.8)
    if kind < 0.4:
        return SurfaceSpec("wood", (0.3, 0.17, 0.08), (0.2, 0.1, 0.05), 3.0, 0.6)
    color = (tone, tone * float(rng.uniform(0.9, 1)), tone * float(rng.uniform(0.8, 1)))
    return SurfaceSpec("noise", color, _scaled(color, float(rng.uniform(0.7, 0.95))), 6.0, 0.8)


def _plastic(rng: np.random.Generator) -> SurfaceSpec:
    """The cloth of a dummy, and its skin: white, black, beige, grey or like skin."""
    skins: list[Color] = [(0.8, 0.8, 0.78), (0.02, 0.02, 0.02), (0.6, 0.42, 0.3)]
    skins += [(0.4, 0.4, 0.4), (0.45, 0.24, 0.15), (0.75, 0.68, 0.55)]
    cloth = replace(_cloth(rng), color2=skins[int(rng.integers(len(skins)))])
    if cloth.pattern in ("plain", "noise"):
        return replace(cloth, pattern="plain", roughness=0.45)
    return cloth


def _cloth(rng: np.random.Generator) -> SurfaceSpec:
    pattern = str(rng.choice(["plain", "plain", "noise", "stripes", "checks"]))
    color, second = surfaces.sample_color(rng), surfaces.sample_color(rng)
    return SurfaceSpec(pattern, color, second, float(rng.uniform(4, 14)), 0.85)


def _toy(rng: np.random.Generator) -> SurfaceSpec:
    color, second = surfaces.sample_color(rng), surfaces.sample_color(rng)
    return SurfaceSpec("plain", color, second, 1.0, float(rng.uniform(0.2, 0.7)))


def _fur(rng: np.random.Generator) -> SurfaceSpec:
    furs = ((0.25, 0.13, 0.05), (0.03, 0.025, 0.02), (0.7, 0.62, 0.5), (0.12, 0.06, 0.025))
    color = furs[int(rng.integers(len(furs)))]
    second = furs[int(rng.integers(len(furs)))] if rng.random() < 0.5 else _scaled(color, 0.7)
    return SurfaceSpec("noise", color, second, float(rng.uniform(2, 7)), 0.9)


def _hide(rng: np.random.Generator) -> SurfaceSpec:
    """Large patches of white on black or brown."""
    dark = (0.02, 0.018, 0.015) if rng.random() < 0.6 else (0.2, 0.08, 0.03)
    return SurfaceSpec("noise", dark, (0.75, 0.72, 0.68), float(rng.uniform(1.2, 2.2)), 0.9)


def _wool(rng: np.random.Generator) -> SurfaceSpec:
    return SurfaceSpec("noise", (0.75, 0.7, 0.6), (0.5, 0.45, 0.38), 20.0, 1.0)


def _snow(rng: np.random.Generator) -> SurfaceSpec:
    return SurfaceSpec("noise", (0.85, 0.87, 0.9), (0.75, 0.78, 0.83), 9.0, 0.6)


def _scaled(color: Sequence[float], by: float) -> Color:
    r, g, b = (by * c for c in color)
    return (r, g, b)


LOOKS = {
    "stone": _stone,
    "plastic": _plastic,
    "cloth": _cloth,
    "toy": _toy,
    "fur": _fur,
    "hide": _hide,
    "wool": _wool,
    "snow": _snow,
}
