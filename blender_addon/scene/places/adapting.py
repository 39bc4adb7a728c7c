"""Changes of a recipe for a place: camera and people come as near as a room allows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ...recipes.distributions import Distribution
from ...recipes.recipe import Recipe

Range = tuple[float, float]


def within(drawn: Distribution, span: Range) -> Distribution:
    """A distribution that stays within a range: cut off where it overlaps, else the range."""
    low, high = drawn.bounds
    if low >= span[0] and high <= span[1]:
        return drawn
    if drawn.kind == "constant":
        return Distribution("constant", (min(max(low, span[0]), span[1]),))
    a, b = max(low, span[0]), min(high, span[1])
    if a > b:
        a, b = span if low > span[1] else (span[0], span[0])
    if drawn.kind == "normal":
        return dataclasses.replace(drawn, min=a, max=b)
    if drawn.kind == "choice":
        kept = [i for i, value in enumerate(drawn.values) if span[0] <= value <= span[1]]
        if kept:
            weights = tuple(drawn.weights[i] for i in kept) if drawn.weights else ()
            if not weights or sum(weights) > 0:
                return Distribution("choice", tuple(drawn.values[i] for i in kept), weights)
        return Distribution("constant", (a,))
    if a == b:
        return Distribution("constant", (a,))
    return Distribution(drawn.kind, (a, b))


def indoors(
    recipe: Recipe,
    *,
    distance: Range = (0.6, 6.0),
    height: Range = (0.5, 3.2),
    people: int = 8,
    poses: Sequence[str] = (),
) -> Recipe:
    """Give the recipe of a room: near people, no steep pitch, no loose things from the list.

    Args:
        recipe: What may vary.
        distance, height: Ranges of the camera, m.
        people: Largest number of people.
        poses: Categories that fit; those that the recipe names come first.
    """
    camera, crowd = recipe.camera, recipe.people
    camera = dataclasses.replace(
        camera,
        distance=within(camera.distance, distance),
        height=within(camera.height, height),
        pitch=within(camera.pitch, (-35.0, 35.0)),
    )
    low = crowd.count.bounds[0]
    count = within(crowd.count, (min(0.0, low), float(people)))
    fitting = tuple(p for p in recipe.poses.categories if p in poses) or tuple(poses)
    if not poses:
        fitting = recipe.poses.categories
    return dataclasses.replace(
        recipe,
        camera=camera,
        people=dataclasses.replace(crowd, count=count),
        poses=dataclasses.replace(recipe.poses, categories=fitting),
        occluders=dataclasses.replace(recipe.occluders, enabled=False),
    )


INDOOR_POSES = (
    *("standing", "walking", "sitting", "bending", "crouching", "reaching", "carrying"),
    *("phoning", "talking", "waving", "playing"),
)
