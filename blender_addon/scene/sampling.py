"""Draw scenes: (recipe, assets, seed, index) → SceneSpec. Pure numpy, milliseconds per scene.

Each factor draws from a stream of its own, keyed by the recipe's name, seed, index and factor: two
presets of one seed share no draw, a change in the clothes does not move the cameras, and index i is
the same in whatever order scenes are drawn.

Layout of a scene: the origin is the drawn place of the first person; the camera is `distance` away
and aimed at it; people stand in the wedge that the camera sees, on the ground at z = 0.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence

import numpy as np

from ..draws import pick
from ..recipes.recipe import Recipe
from . import objects, surfaces
from .assets import Assets
from .camera_sampling import sample_camera, sample_lens
from .ground_grid import box_cells
from .mirrors import sample_mirror
from .negatives import sample_hung, sample_standing
from .pack_furniture import furnished
from .people import Stream
from .photos.backdrop import matched_to_photo, seen_by
from .placement import Crowd, place_people
from .sensor_sampling import sample_sensor
from .spec import COUNTED, BackgroundSpec, LightSpec, PropSpec, SceneSpec
from .surroundings import (
    adapted,
    sample_backdrop,
    sample_background,
    sample_background_kind,
    sample_place,
    sample_place_kind,
)
from .windscreen import sample_car_front

# Enters every stream. Another number draws other scenes: raise it with any change to what a recipe
# draws, so that no dataset is resumed with scenes of two kinds.
STREAMS_VERSION = 2
ROOM_PANORAMAS = ("builtin:studio", "builtin:interior")
# Panoramas that windows do not show by day.
NO_DAY = (*ROOM_PANORAMAS, "builtin:night")
OCCLUDER_TRIES = 8
# An occluder takes at most this share of the frame's width, so that people remain visible.
OCCLUDER_WIDTH = 0.4


def sample_scene(recipe: Recipe, assets: Assets, seed: int, index: int) -> SceneSpec:
    """Draw scene `index` of a recipe. The result depends on the arguments alone.

    Raises:
        ValueError: A motion file cannot be read; the message names it.
    """
    stream = streams(recipe, seed, index)
    background_rng = stream("background")
    kind = sample_background_kind(recipe, background_rng)
    place = sample_place_kind(recipe, stream("place_kind")) if kind == "place" else ""
    photo = sample_backdrop(recipe, assets, kind, stream, background_rng)
    recipe = adapted(recipe, place, photo)
    nobody = stream("empty").random() < recipe.scenery.empty
    camera = sample_camera(recipe, stream)
    if photo is not None:
        camera = seen_by(camera, photo, (recipe.render.width, recipe.render.height))
    crowd = place_people(recipe, assets, camera, stream, nobody=nobody)
    background, things = sample_surroundings(
        recipe, assets, photo or kind, place, crowd, stream, background_rng
    )
    spec = SceneSpec(
        seed=seed,
        index=index,
        width=recipe.render.width,
        height=recipe.render.height,
        samples=recipe.render.samples,
        bounces=recipe.render.bounces,
        denoise=recipe.render.denoise,
        clamp=recipe.render.clamp,
        passes=recipe.render.passes,
        camera=sample_lens(recipe, crowd, stream),
        light=sample_light(
            recipe, light_assets(assets, background), stream("light"), indoors=background.indoors
        ),
        background=background,
        sensor=sample_sensor(recipe, stream),
        persons=tuple(person.spec for person in crowd.people),
        props=(*crowd.props, *things),
        noise_seed=int(stream("noise").integers(1 << 31)),
        counted=tuple(name for name in COUNTED if getattr(recipe.scenery, f"count_{name}")),
    )
    return matched_to_photo(spec, recipe, assets, stream)


def streams(recipe: Recipe, seed: int, index: int) -> Stream:
    """Generators of draw `index`: one for each factor and part of it (the number of a person).

    Of the recipe only `stream_key` counts. A hash keeps all streams apart: numpy alone would take
    seeds above 32 bits for a smaller seed and an index.
    """

    def stream(factor: str, part: int = 0) -> np.random.Generator:
        key = json.dumps([STREAMS_VERSION, recipe.stream_key, seed, index, factor, part])
        digest = hashlib.sha256(key.encode()).digest()
        return np.random.default_rng(int.from_bytes(digest, "big"))

    return stream


def sample_surroundings(
    recipe: Recipe,
    assets: Assets,
    kind: str | BackgroundSpec,
    place: str,
    crowd: Crowd,
    stream: Stream,
    rng: np.random.Generator,
) -> tuple[BackgroundSpec, tuple[PropSpec, ...]]:
    """Draw the background and the things on free ground.

    Args:
        recipe: What may vary.
        assets: The packs to draw from.
        kind: The kind that `rng` has just drawn, or the background where it is known already.
        place: The kind of place; '' where `kind` is another.
        crowd: The placed people; things take its free ground.
        stream: The streams of the scene.
        rng: Generator of the background.
    """
    things: tuple[PropSpec, ...] = ()
    if place:
        background, things = sample_place(recipe, place, crowd, stream)
        room = background if background.indoors else None
        more = sample_things(recipe, crowd, stream("occluders"), indoors=background.indoors)
        more += sample_mirror(recipe, crowd, stream, room)
        more += sample_standing(recipe, crowd, stream, indoors=background.indoors, room=room)
    else:
        more = sample_things(recipe, crowd, stream("occluders"), indoors=kind == "room")
        if isinstance(kind, BackgroundSpec):
            background = kind
        else:
            more += sample_mirror(recipe, crowd, stream, None)
            more += sample_standing(recipe, crowd, stream, indoors=kind == "room", room=None)
            props = (*crowd.props, *more)
            background = sample_background(recipe, kind, crowd, props, rng)
    if background.indoors:
        more += sample_hung(recipe, crowd, stream, background)
    background, things = furnished(
        recipe, assets, background, (*things, *more), stream("place_packs")
    )
    outdoors = background.kind in ("hdri", "place") and not background.indoors
    return background, (*things, *(sample_car_front(recipe, crowd, stream) if outdoors else ()))


def sample_things(
    recipe: Recipe, crowd: Crowd, rng: np.random.Generator, *, indoors: bool
) -> list[PropSpec]:
    """Draw occluders before the people, and clutter beside and behind them, on free ground."""
    o = recipe.occluders
    if not o.enabled:
        return []
    shapes = objects.allowed_shapes(o.shapes, indoors=indoors)
    things: list[PropSpec] = []
    if not shapes:
        return things
    for in_front, count in ((True, o.count.sample_int(rng)), (False, o.clutter.sample_int(rng))):
        for _ in range(count):
            thing = _place_thing(recipe, crowd, shapes, rng, in_front)
            if thing is not None:
                things.append(thing)
    return things


def _place_thing(
    recipe: Recipe, crowd: Crowd, shapes: Sequence[str], rng: np.random.Generator, in_front: bool
) -> PropSpec | None:
    """A thing on free ground, which it occupies; None when no place is found."""
    shape = str(rng.choice(list(shapes)))
    size = objects.sample_size(shape, rng)
    surface = surfaces.sample_surface(shape, rng)
    camera = crowd.camera
    eye = np.array(camera.location[:2])
    heading = crowd.heading
    across = crowd.across
    half_width = np.tan(np.radians(camera.fov / 2))
    for _ in range(OCCLUDER_TRIES):
        turn = float(rng.uniform(0, 360))
        if in_front and crowd.people:
            target = crowd.people[int(rng.integers(len(crowd.people)))].joints[0, :2]
            place = eye + (target - eye) * rng.uniform(0.3, 0.9) + across * rng.normal(0, 0.5)
        else:
            ahead = crowd.reach * rng.uniform(0.5, 2.5)
            place = eye + heading * ahead + across * ahead * half_width * rng.uniform(-1.1, 1.1)
        ahead = float((place - eye) @ heading)
        # Seen from the side a car is as wide as it is long.
        width = max(size[0], size[1])
        limit = OCCLUDER_WIDTH if ahead < 1.2 * crowd.reach else 1.0
        if ahead < 0.4 + width / 2 or width / (2 * ahead * half_width) > limit:
            continue
        cells = box_cells((place[0], place[1]), (size[0], size[1]), turn)
        if crowd.occupied.hits(cells):
            continue
        crowd.occupied.add(cells)
        return PropSpec(
            shape, (float(place[0]), float(place[1]), 0.0), (0.0, 0.0, turn), size, surface
        )
    return None


def light_assets(assets: Assets, background: BackgroundSpec) -> Assets:
    """The assets without panoramas of rooms: their ceilings would be the sky outdoors. By day
    windows do not show the night either. Where a recipe names no other panoramas, it gets those
    that it names: what a user asks for comes before what looks right.
    """
    if background.kind != "place" or (background.indoors and background.outside <= 0.5):
        return assets
    unfit = NO_DAY if background.indoors else ROOM_PANORAMAS
    outdoors = tuple(hdri for hdri in assets.hdris if hdri not in unfit)
    return dataclasses.replace(assets, hdris=outdoors) if outdoors else assets


def sample_light(
    recipe: Recipe, assets: Assets, rng: np.random.Generator, *, indoors: bool
) -> LightSpec:
    """Draw the light; indoors there is no sky.

    Args:
        recipe: What may vary.
        assets: The panoramas to draw from.
        rng: Generator of the light.
        indoors: Whether walls keep the light of the world out.
    """
    light = recipe.light
    if not light.enabled:
        return LightSpec("hdri", hdri="builtin:studio")
    kind = pick(rng, light.kinds)
    color = surfaces.warm_white(light.warmth.sample(rng))
    elevation, azimuth = light.sun_elevation.sample(rng), float(rng.uniform(0, 360))
    strength, angle = light.sun_strength.sample(rng), light.sun_angle.sample(rng)
    hdri = assets.hdris[int(rng.integers(len(assets.hdris)))]
    rotation = float(rng.uniform(0, 360))
    sunny = rng.random() < light.sun_share
    turbidity = float(rng.uniform(1.5, 6.0))
    # SURREAL: c_i = .7 U(-1, 1), but c_0 = .5 + .9 U(0, 1) and c_1 = -.7 U(0, 1).
    c = 0.7 * (2 * rng.random(9) - 1)
    c[0], c[1] = 0.5 + 0.9 * rng.random(), -0.7 * rng.random()
    if kind == "spherical_harmonics":
        return LightSpec(kind, coefficients=tuple(float(v) for v in c))
    if kind == "sun_sky" and not indoors:
        return LightSpec(
            kind,
            sun_elevation=elevation,
            sun_azimuth=azimuth,
            sun_strength=strength,
            sun_angle=angle,
            turbidity=turbidity,
            color=color,
        )
    # A room has no sky: a panorama stands in for its lamps and windows.
    return LightSpec(
        "hdri",
        hdri=hdri,
        hdri_rotation=rotation,
        sun_elevation=elevation,
        sun_azimuth=azimuth,
        sun_strength=strength if sunny else 0.0,
        sun_angle=angle,
        color=color,
    )
