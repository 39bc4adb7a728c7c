from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from blender_addon.scene.camera import project
from blender_addon.scene.spec import CameraSpec, SceneSpec


@pytest.mark.parametrize("seed", range(8))
def test_blender_projects_points_where_numpy_does(
    bpy: Any, stage: Any, scene: Callable[..., SceneSpec], seed: int
) -> None:
    from bpy_extras.object_utils import world_to_camera_view
    from mathutils import Vector

    rng = np.random.default_rng(seed)
    camera = CameraSpec(
        location=tuple(rng.uniform(-5, 5, 3)),
        yaw=rng.uniform(-360, 360),
        pitch=rng.uniform(-80, 80),
        roll=rng.uniform(-180, 180),
        fov=rng.uniform(10, 120),
        axis=tuple(rng.uniform(-0.4, 0.4, 2)),
    )
    width, height = (96, 64) if seed % 2 else (64, 96)
    points = rng.uniform(-10, 10, (50, 3))
    stage.camera.apply(camera, width, height)
    stage.scene.view_layers[0].update()

    seen = np.array(
        [world_to_camera_view(stage.scene, stage.camera.object, Vector(p)) for p in points]
    )
    pixels, depth = project(points, camera, width, height)

    ahead = depth > 0.1
    assert ahead.any()
    np.testing.assert_allclose(seen[:, 2], depth, atol=1e-4)
    expected = np.column_stack([pixels[:, 0] / width, 1 - pixels[:, 1] / height])
    np.testing.assert_allclose(seen[ahead, :2], expected[ahead], rtol=1e-4, atol=1e-3)


def test_lens_settings_do_not_stay_for_the_next_image(stage: Any) -> None:
    stage.camera.apply(
        CameraSpec((0, 0, 1), 0, 0, 0, 50, f_stop=2.0, focus_distance=3.0, shutter=0.02), 64, 64
    )
    assert stage.camera.data.dof.use_dof and stage.scene.render.use_motion_blur
    assert stage.camera.data.dof.focus_distance == pytest.approx(3.0)

    stage.camera.apply(CameraSpec((0, 0, 1), 0, 0, 0, 50), 64, 64)
    assert not stage.camera.data.dof.use_dof and not stage.scene.render.use_motion_blur


def test_an_impossible_field_of_view_is_an_error(stage: Any) -> None:
    with pytest.raises(ValueError, match=r"fov.*180"):
        stage.camera.apply(CameraSpec((0, 0, 1), 0, 0, 0, 180.0), 64, 64)
