from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from blender_addon.scene.spec import BackgroundSpec, CameraSpec, LampSpec, LightSpec, Opening

ROOM = BackgroundSpec(
    "place",
    place="kitchen",
    room_size=(4.0, 4.0, 2.6),
    openings=(Opening(0, 0.0, 0.5, 2.0, 1.5),),
    lamps=(LampSpec((0.0, 0.0, 2.5), (0, 0, -1), (1.0, 1.0), 20.0, seen=False),),
    outside=4.0,
)
AHEAD = CameraSpec((0.0, -1.5, 1.3), 0.0, 0.0, 0.0, 80.0)
CITY = LightSpec("hdri", hdri="builtin:city")


def test_a_window_shows_the_panorama_and_lets_no_light_in(shoot: Any, scene: Any) -> None:
    def image(outside: float) -> np.ndarray:
        background = dataclasses.replace(ROOM, outside=outside)
        spec = scene(
            width=48, height=48, samples=16, camera=AHEAD, light=CITY, background=background
        )
        return np.asarray(shoot(spec)["image"][..., :3])

    bright, dark = image(4.0), image(0.0)
    window, wall = (slice(20, 28), slice(18, 30)), (slice(20, 28), slice(0, 6))
    assert dark[window].mean() < 0.05
    assert bright[window].mean() > 0.2
    np.testing.assert_allclose(bright[wall].mean(), dark[wall].mean(), rtol=0.1)


def test_a_room_leaves_the_world_of_the_next_image_alone(shoot: Any, scene: Any) -> None:
    outdoors = scene(width=16, height=16, samples=8, light=CITY)
    before = shoot(outdoors)["image"]
    shoot(scene(width=16, height=16, samples=8, camera=AHEAD, light=CITY, background=ROOM))

    np.testing.assert_array_equal(shoot(outdoors)["image"], before)
