"""Draws of the background: a panorama's ground, a room, a photo, or a place with its things."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ..draws import pick
from ..recipes.recipe import Recipe
from . import surfaces
from .assets import Assets
from .people import Stream
from .photos.backdrop import adapted_to, sample_photo
from .placement import Crowd
from .places.catalogue import PLACES
from .places.site import Site
from .spec import BackgroundSpec, PropSpec, Vec3


def sample_background_kind(recipe: Recipe, rng: np.random.Generator) -> str:
    """Draw the kind of background, the first draw of its stream: much depends on it."""
    return pick(rng, recipe.background.kinds) if recipe.background.enabled else "plain"


def sample_place_kind(recipe: Recipe, rng: np.random.Generator) -> str:
    """Draw the kind of place, one of PLACES."""
    return pick(rng, recipe.scenery.places)


def adapted(recipe: Recipe, place: str, photo: BackgroundSpec | None = None) -> Recipe:
    """The recipe for a background: a place or a photo changes what it needs."""
    if photo is not None:
        return adapted_to(recipe, photo)
    return PLACES[place].adapt(recipe) if place else recipe


def sample_backdrop(
    recipe: Recipe, assets: Assets, kind: str, stream: Stream, rng: np.random.Generator
) -> BackgroundSpec | None:
    """Draw the photo that a background of this kind shows, before the camera that has to fit it;
    None for other kinds.
    """
    if kind != "photo":
        return None
    # Surfaces are drawn from this stream first, whatever the kind, so that photos stay the same.
    surfaces.sample_ground(rng, indoors=False)
    surfaces.sample_wall(rng)
    surfaces.sample_color(rng)
    return sample_photo(recipe, assets, stream, rng)


def sample_place(
    recipe: Recipe, place: str, crowd: Crowd, stream: Stream
) -> tuple[BackgroundSpec, tuple[PropSpec, ...]]:
    """Build a place around the people.

    Returns:
        (the background, the things of the place). They take ground of the crowd.
    """
    rng = stream("place_layout")
    site = Site(recipe, crowd, rng, density=recipe.scenery.density.sample(stream("density")))
    built = PLACES[place].build(site)
    crowd.things = built.props
    return dataclasses.replace(built.background, place=place), built.props


def sample_background(
    recipe: Recipe,
    kind: str,
    crowd: Crowd,
    props: Sequence[PropSpec],
    rng: np.random.Generator,
) -> BackgroundSpec:
    """Draw the surroundings, unless they are a place or a photo.

    Args:
        recipe: What may vary.
        kind: The kind that `rng` has just drawn.
        crowd: The placed people; a room holds them.
        props: The things; a room holds them.
        rng: Generator of the background.
    """
    indoors = kind == "room"
    ground, wall = surfaces.sample_ground(rng, indoors=indoors), surfaces.sample_wall(rng)
    color = surfaces.sample_color(rng)
    if not recipe.background.enabled:
        return BackgroundSpec("plain", color=(0.4, 0.4, 0.4))
    if kind == "plain":
        return BackgroundSpec(kind, color=color)
    size = _room_size(crowd, props, rng) if indoors else (0.0, 0.0, 0.0)
    return BackgroundSpec(kind, ground=ground, wall=wall, room_size=size)


def _room_size(crowd: Crowd, props: Sequence[PropSpec], rng: np.random.Generator) -> Vec3:
    """Size of a room about the origin that holds camera, people and things, with some space to
    spare.
    """
    points = [np.array(crowd.camera.location[:2])]
    points += [person.joints[:, :2] for person in crowd.people]
    points += [
        np.array(p.location[:2]) + s * max(map(abs, p.size[:2])) * 0.75
        for p in props
        for s in (-1, 1)
    ]
    half = np.abs(np.vstack(points)).max(axis=0) + 0.4 + rng.uniform(0, 2.5, 2)
    top = max(
        [2.3, crowd.camera.location[2] + 0.3, *(p.location[2] + p.size[2] + 0.1 for p in props)]
    )
    return (float(2 * half[0]), float(2 * half[1]), float(top + rng.uniform(0, 1.2)))
