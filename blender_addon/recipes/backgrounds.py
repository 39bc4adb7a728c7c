"""The recipe's section of backgrounds, photos above all."""

from __future__ import annotations

from dataclasses import dataclass

from .distributions import Distribution
from .fields import paths, switch, vary, weights

BACKGROUND_KINDS = ("hdri", "photo", "plain", "room", "place")


@dataclass(frozen=True)
class Background:
    enabled: bool = switch(True, "Draw backgrounds; off: plain grey")
    kinds: dict[str, float] = weights(
        {"hdri": 4, "room": 3, "plain": 1},
        "Weights of the kinds of background",
        BACKGROUND_KINDS,
    )
    photos: tuple[str, ...] = paths(
        "Photos without people, or folders of them; the kind 'photo' needs them"
    )
    photo_zoom: Distribution = vary([1.0, 1.6], "Zoom into a photo: 1 shows all of it", 1, 10)
    photo_camera: bool = switch(
        True, "Let the camera follow the photo's horizon and focal length; off: [camera], level"
    )
    photo_focal: Distribution | None = vary(
        None, "Focal length of the photos, mm as of a 35 mm film", 4, 3000, example=[24, 50]
    )
    photo_horizon: Distribution | None = vary(
        None, "Horizon of the photos: 0 upper edge, 1 lower edge", -3, 4, example=0.5
    )
    photo_height: Distribution = vary(
        {"normal": [1.5, 0.15], "min": 0.5, "max": 3.0},
        "Height of the photos' camera above the ground, m",
        0.05,
        500,
    )
    photo_light: bool = switch(
        True, "Guess sun, overcast sky or room from the photo; off: the light is that of [light]"
    )
    photo_exposure: bool = switch(
        True, "Match exposure, white balance and black level of people to the photo"
    )
    photo_grain: bool = switch(
        True, "Match noise, blur and compression of people to the photo; off: all is clean"
    )
    photo_front: bool = switch(True, "Let masks beside the photos (NAME.front.png) cover people")
