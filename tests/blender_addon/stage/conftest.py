"""One stage for all tests of this folder: its promise is that nothing of an image stays for the
next.

It is gone with each module: other tests empty Blender, which leaves nobody's references alive.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from blender_addon.bodies.library import default_body
from blender_addon.bodies.model import BodyModel
from blender_addon.render import compat, devices, engine
from blender_addon.scene.sensor_spec import SensorSpec
from blender_addon.scene.spec import (
    BackgroundSpec,
    BodySpec,
    CameraSpec,
    LightSpec,
    PersonSpec,
    PropSpec,
    SceneSpec,
    SurfaceSpec,
)
from blender_addon.wardrobe.outfit import plain_outfit

GREY = SurfaceSpec("plain", (0.5, 0.5, 0.5), (0.2, 0.2, 0.2), 2.0, 0.8)


@pytest.fixture(scope="session")
def bpy() -> Any:
    return compat.import_bpy()


@pytest.fixture(scope="session")
def body(bpy: Any) -> BodyModel:
    return default_body()


@pytest.fixture(scope="module")
def stage(bpy: Any, body: BodyModel) -> Iterator[Any]:
    from blender_addon.stage.stage import Stage

    stage = Stage({"default": body})
    yield stage
    stage.remove()


@pytest.fixture(scope="module")
def cpu(bpy: Any) -> devices.Device:
    return devices.pick_device("cpu")


Shoot = Callable[..., dict[Any, np.ndarray]]


@pytest.fixture(scope="module")
def shoot(stage: Any, cpu: devices.Device) -> Shoot:
    """Render a spec on the stage: pass -> array."""

    def shoot(
        spec: SceneSpec, passes: tuple[str, ...] = ("image", "instances")
    ) -> dict[Any, np.ndarray]:
        stage.apply(spec)
        engine.configure(
            stage.scene,
            width=spec.width,
            height=spec.height,
            samples=spec.samples,
            device=cpu,
            passes=passes,
            bounces=spec.bounces,
            seed=7,
            film_transparent=stage.film_transparent(spec),
            threads=2,
        )
        names = stage.person_names(spec)
        return engine.render(stage.scene, [[names[i]] for i in sorted(names)], passes).arrays

    return shoot


@pytest.fixture(scope="module")
def person(body: BodyModel) -> Callable[..., PersonSpec]:
    """A person in T-pose at (x, y) on the ground, facing -Y."""
    upright = np.zeros((body.num_joints, 3))
    upright[0, 0] = np.pi / 2
    lowest = float(body.pose((), upright).vertices[:, 2].min())
    pose = tuple(tuple(float(v) for v in row) for row in upright)

    def person(
        number: int, x: float = 0.0, y: float = 0.0, betas: tuple[float, ...] = ()
    ) -> PersonSpec:
        return PersonSpec(
            number, BodySpec("default", betas, pose, (x, y, -lowest)), plain_outfit(), "t"
        )

    return person


@pytest.fixture(scope="module")
def scene() -> Callable[..., SceneSpec]:
    """A small scene; keyword arguments replace its parts."""
    plain = SceneSpec(
        seed=0,
        index=0,
        width=64,
        height=64,
        samples=1,
        camera=CameraSpec((0.0, -4.0, 1.2), 0.0, -5.0, 0.0, 55.0),
        light=LightSpec("sun_sky", sun_elevation=50.0, sun_azimuth=150.0),
        background=BackgroundSpec("hdri", ground=GREY),
        sensor=SensorSpec(),
        bounces=2,
    )

    def scene(**parts: Any) -> SceneSpec:
        return dataclasses.replace(plain, **parts)

    return scene


@pytest.fixture(scope="module")
def box() -> Callable[..., PropSpec]:
    def box(x: float = 0.0, y: float = 0.0, size: float = 1.0, pattern: str = "plain") -> PropSpec:
        surface = dataclasses.replace(GREY, pattern=pattern)
        return PropSpec("box", (x, y, 0.0), (0.0, 0.0, 20.0), (size, size, size), surface)

    return box
