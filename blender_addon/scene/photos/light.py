"""Light for people in a photo, and the exposure that fits them to it. Pure numpy."""

from __future__ import annotations

import math

import numpy as np

from ...recipes.recipe import Recipe
from ..spec import CameraSpec, LightSpec
from .files import SideCar
from .look import PhotoLook
from .spec import Color

# Panoramas of rooms; the names of files may say it, too.
_INDOORS = ("interior", "studio", "indoor", "room", "hall", "office", "shop")

_SUNNY_SKY = 0.12  # blue minus red, display values, from which a sky is that of a sunny day
_SUNNY_GROUND = 2.4  # stops between light and shade on the ground
_OVERCAST_SUN = 0.03  # irradiance over the sky's: just no shadow with an edge
_SIDE = 0.35  # stops between left and right from which light comes from a side

# What a mean pixel, and a bright one, of a usual photo reflects.
_MIDDLE_ALBEDO, _BRIGHT_ALBEDO = 0.19, 0.55
_GROUND_ALBEDO = 0.28
_SKY_ON_WALLS = 0.5  # light of an even sky on a wall, over that on level ground
_BOUNCE = 0.1  # light that the ground sends on to a wall, over its own
_WHITE = (0.12, 1.4)  # limits of a sunlit white surface's linear value
_DARKEST = 0.05  # most haze


def weather_of(look: PhotoLook, side_car: SideCar) -> str:
    """Guess what lights a photo: "sun", "overcast" or "indoors"."""
    if side_car.light:
        return side_car.light
    if look.sky_end <= 0.0:
        return "indoors"
    return "sun" if look.sky_blue > _SUNNY_SKY or look.contrast > _SUNNY_GROUND else "overcast"


def sample_photo_light(
    recipe: Recipe,
    hdris: tuple[str, ...],
    look: PhotoLook,
    side_car: SideCar,
    camera: CameraSpec,
    rng: np.random.Generator,
    *,
    flip: bool,
) -> LightSpec:
    """Draw light as a photo seems to have it; its colour is left to the exposure.

    Args:
        recipe: What may vary.
        hdris: Panoramas to draw from, for photos of rooms.
        look: The photo.
        side_car: What the user says about it.
        camera: Its camera; the sun is placed relative to it.
        rng: Generator of this light.
        flip: Whether left and right of the photo are exchanged.
    """
    weather = weather_of(look, side_car)
    elevation = recipe.light.sun_elevation.sample(rng)
    # Left is counter-clockwise. Most photos are taken with the sun in the back or at a side.
    left = look.sideways > 0
    aside = rng.normal(90.0 if left else -90.0, 35.0)
    back = rng.normal(180.0, 65.0)
    around = aside if abs(look.sideways) > _SIDE else back
    around = around if side_car.sun_azimuth is None else side_car.sun_azimuth
    elevation = elevation if side_car.sun_elevation is None else side_car.sun_elevation
    rotation, chosen = float(rng.uniform(0, 360)), rng.random()
    if weather == "indoors":
        rooms = [h for h in hdris if any(word in h.lower() for word in _INDOORS)] or list(hdris)
        return LightSpec("hdri", hdri=rooms[int(chosen * len(rooms))], hdri_rotation=rotation)
    sun = _OVERCAST_SUN
    if weather == "sun":
        # On level ground the sun adds sin(elevation); shadows keep the light of the sky.
        ratio = 2.0 ** float(np.clip(look.contrast, 1.3, 3.0))
        sun = float(np.clip((ratio - 1.0) / max(math.sin(math.radians(elevation)), 0.3), 1.2, 6.0))
    return LightSpec(
        "sun_sky",
        sun_elevation=elevation if weather == "sun" else max(elevation, 55.0),
        sun_azimuth=float((camera.yaw + (-around if flip else around)) % 360.0),
        sun_strength=sun,
        sun_angle=0.6 if weather == "sun" else 12.0,
        turbidity=2.5 if weather == "sun" else 9.0,
    )


def exposure_of(look: PhotoLook, light: LightSpec, camera: CameraSpec) -> Color:
    """Factors of the rendered light that let people be as bright as the photo around them.

    The light of the scene is known: an even sky that gives 1 on level ground, and the sun. What the
    photo reflects is guessed from its mean and its bright pixels.

    Args:
        look: The photo.
        light: The light that people are rendered in.
        camera: The camera; walls that face it are what is seen.
    """
    level, wall = _irradiance(light, camera)
    mean = look.middle / (_MIDDLE_ALBEDO * (0.5 * level + 0.5 * wall))
    bright = look.bright / (_BRIGHT_ALBEDO * max(level, wall))
    gain = math.sqrt(max(mean, 1e-3) * max(bright, 1e-3))
    low, high = (limit / max(level, wall) for limit in _WHITE)
    gain = float(np.clip(gain, low, high))
    r, g, b = (round(gain * tint, 5) for tint in look.light)
    return (r, g, b)


def haze_of(look: PhotoLook) -> Color:
    """Linear colour of what is black in a photo."""
    r, g, b = (min(value, _DARKEST) for value in look.black)
    return (r, g, b)


def ground_of(look: PhotoLook) -> Color:
    """Colour that the ground of a photo reflects, its brightness being that of usual grounds."""
    color = np.maximum(np.array(look.ground), 1e-4)
    color = color / color.mean() / np.array(look.light)
    color = np.clip(_GROUND_ALBEDO * color / color.mean(), 0.05, 0.7)
    r, g, b = (round(float(value), 4) for value in color)
    return (r, g, b)


def _irradiance(light: LightSpec, camera: CameraSpec) -> tuple[float, float]:
    """Light on level ground, and on a wall that the camera sees, over that of the world alone."""
    level, wall = 1.0, _SKY_ON_WALLS
    strength = light.sun_strength if light.kind != "spherical_harmonics" else 0.0
    if strength > 0:
        elevation = math.radians(light.sun_elevation)
        behind = math.radians(light.sun_azimuth - camera.yaw - 180.0)
        # Mean over the visible half of an upright cylinder: π/4 with the sun in the back.
        seen = math.pi / 4 * ((1 + math.cos(behind)) / 2) ** 1.5
        level += strength * math.sin(elevation)
        wall += strength * math.cos(elevation) * seen
    wall += _BOUNCE * level
    return light.strength * level, light.strength * wall
