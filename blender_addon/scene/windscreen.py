"""Bonnet, dashboard and windscreen before a dash-cam. Pure numpy."""

from __future__ import annotations

import numpy as np

from ..recipes.recipe import Recipe
from .colour import hsv
from .people import Stream
from .placement import Crowd
from .spec import PropSpec, SurfaceSpec, vec3

# m ahead of the camera: from here on people may stand.
LENGTH = 2.4
_HALF_WIDTH = 1.1
_PLASTIC = SurfaceSpec("noise", (0.02, 0.02, 0.022), (0.03, 0.03, 0.03), 60.0, 0.6)


def sample_car_front(recipe: Recipe, crowd: Crowd, stream: Stream) -> tuple[PropSpec, ...]:
    """Draw the front of the camera's car for a share of the images; () for the others."""
    share = recipe.scenery.windscreen
    if share <= 0 or stream("windscreen").random() >= share:
        return ()
    return car_front(crowd, stream("car_front"))


def car_front(crowd: Crowd, rng: np.random.Generator) -> tuple[PropSpec, ...]:
    """The front of the camera's car; () where a person stands in it.

    Args:
        crowd: People and camera.
        rng: Generator of the car.
    """
    camera = crowd.camera
    eye, ahead, across = np.array(camera.location[:2]), crowd.heading, crowd.across
    for person in crowd.people:
        away = person.joints[:, :2] - eye
        near = (away @ ahead > -0.5) & (away @ ahead < LENGTH + 0.3)
        if (near & (np.abs(away @ across) < _HALF_WIDTH)).any():
            return ()
    level = float(camera.location[2])
    aside = float(rng.uniform(-0.35, 0.35))
    paint = hsv(rng.uniform(0, 1), rng.choice([0.0, 0.1, 0.8]), rng.choice([0.05, 0.3, 0.6, 0.9]))
    body = SurfaceSpec("plain", paint, paint, 1.0, float(rng.uniform(0.1, 0.35)))
    drop = float(rng.uniform(0.3, 0.5))
    turn = camera.yaw + 180.0  # their fronts, -Y, are away from the camera

    def part(
        shape: str, distance: float, size: tuple[float, float, float], low: float,
        surface: SurfaceSpec,
    ) -> PropSpec:  # fmt: skip
        x, y = eye + distance * ahead + aside * across
        place = (float(x), float(y), max(low, 0.02))
        return PropSpec(shape, place, (0.0, 0.0, float(turn)), vec3(size), surface,
                        variant=int(rng.integers(8)))  # fmt: skip

    return (
        part("bonnet", 1.65, (1.6, 1.2, 0.35), level - drop - 0.35, body),
        part("dashboard", 0.62, (1.5, 0.5, 0.16), level - drop + float(rng.uniform(-0.06, 0.02)),
             _PLASTIC),
        part("windscreen", 0.5, (1.5, 0.9, 0.75), level - drop + 0.05, _PLASTIC),
    )  # fmt: skip
