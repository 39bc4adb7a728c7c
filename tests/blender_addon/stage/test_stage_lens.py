"""Images of lenses that distort, against the places where OpenCV projects what they show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from blender_addon.render import engine
from blender_addon.render.lens_warp import LensWarp
from blender_addon.render.silhouette import raster
from blender_addon.scene.camera import extrinsics, intrinsics
from blender_addon.scene.rendered_view import rendered_view
from blender_addon.scene.spec import BackgroundSpec, CameraSpec, LightSpec, SceneSpec

WIDTH, HEIGHT = 96, 72
FLAT = LightSpec("spherical_harmonics", coefficients=(1.0, *(0.0,) * 8))
PHONE = {"fov": 62.0, "distortion": "brown_conrady", "coefficients": (-0.12, 0.04, 2e-3, -3e-3)}
ACTION = {"fov": 104.0, "distortion": "brown_conrady", "coefficients": (-0.24, 0.07, 0, 0, -0.008)}
FISHEYE = {"fov": 130.0, "distortion": "fisheye", "coefficients": (-0.02, 0.01, -0.004, 0.0)}
LENSES = {"phone": PHONE, "action": ACTION, "fisheye": FISHEYE}


def camera(lens: dict[str, Any], **changes: Any) -> CameraSpec:
    values = {"location": (0.0, -3.0, 1.4), "yaw": 3.0, "pitch": -8.0, "roll": 5.0, **lens}
    return CameraSpec(**(values | changes))


def by_opencv(points: np.ndarray, camera: CameraSpec, width: int, height: int) -> np.ndarray:
    """Pixels (N, 2) of world points, centres of pixels at +0.5."""
    R, t = extrinsics(camera)
    K, k = intrinsics(camera, width, height), np.array(camera.coefficients, dtype=float)
    rotation, t = cv2.Rodrigues(R)[0], t.reshape(3, 1)
    points = np.asarray(points, dtype=float).reshape(-1, 1, 3)
    if camera.distortion == "fisheye":
        return cv2.fisheye.projectPoints(points, rotation, t, K, k)[0].reshape(-1, 2)
    return cv2.projectPoints(points, rotation, t, K, k)[0].reshape(-1, 2)


def undistorted(pixels: np.ndarray, camera: CameraSpec, width: int, height: int) -> np.ndarray:
    """x/z and y/z (N, 2) of pixels, by OpenCV."""
    K, k = intrinsics(camera, width, height), np.array(camera.coefficients, dtype=float)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 200, 1e-12)
    points = np.asarray(pixels, dtype=float).reshape(-1, 1, 2)
    if camera.distortion == "fisheye":
        return cv2.fisheye.undistortPoints(points, K, k, criteria=stop).reshape(-1, 2)
    return cv2.undistortPoints(points, K, k, criteria=stop).reshape(-1, 2)


Snap = Callable[..., dict[Any, np.ndarray]]


@pytest.fixture(scope="module")
def snap(stage: Any, cpu: Any) -> Snap:
    """Render what is on the stage with the camera of a spec, as the renderer does."""

    def snap(
        spec: SceneSpec, names: list[list[str]], passes: tuple[str, ...] = ("image", "instances")
    ) -> dict[Any, np.ndarray]:
        view = rendered_view(spec.camera, spec.width, spec.height, spec.samples)
        engine.configure(
            stage.scene,
            width=view.width if view else spec.width,
            height=view.height if view else spec.height,
            samples=view.samples(spec.samples) if view else spec.samples,
            device=cpu,
            passes=passes,
            bounces=1,
            seed=3,
            film_transparent=stage.film_transparent(spec),
            threads=2,
        )
        warp = LensWarp(view, spec.camera, spec.width, spec.height) if view else None
        return engine.render(stage.scene, names, passes, warp).arrays

    return snap


@pytest.fixture
def balls(bpy: Any, stage: Any) -> Iterator[Callable[[np.ndarray, float], list[list[str]]]]:
    """Put small balls on the stage; they are gone after the test."""
    made: list[Any] = []

    def add(places: np.ndarray, radius: float) -> list[list[str]]:
        mesh = bpy.data.meshes.new("ball")
        theta, phi = np.meshgrid(np.linspace(0.01, np.pi - 0.01, 13), np.arange(24) * np.pi / 12)
        round_ = np.stack(
            [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], -1
        )
        i = np.arange(24 * 13).reshape(24, 13)
        j = np.roll(i, -1, axis=0)
        faces = np.stack([i[:, :-1], i[:, 1:], j[:, 1:], j[:, :-1]], -1).reshape(-1, 4)
        mesh.from_pydata((round_.reshape(-1, 3) * radius).tolist(), [], faces.tolist())
        for number, place in enumerate(places):
            made.append(bpy.data.objects.new(f"ball {number}", mesh))
            made[-1].location = place
            stage.scene.collection.objects.link(made[-1])
        return [[item.name] for item in made]

    yield add
    bpy.data.batch_remove([*made, *{item.data for item in made}])


@pytest.mark.parametrize("lens", LENSES)
def test_points_are_rendered_where_opencv_puts_them(
    lens: str, stage: Any, scene: Any, snap: Snap, balls: Any
) -> None:
    spec = scene(
        width=WIDTH,
        height=HEIGHT,
        samples=64,
        light=FLAT,
        background=BackgroundSpec("plain"),
        camera=camera(LENSES[lens]),
    )
    targets = np.stack(np.meshgrid([9.0, 30.0, 48.0, 70.0, 88.0], [8.0, 36.0, 64.0]), -1)
    targets = targets.reshape(-1, 2)
    depth = np.linspace(2.0, 5.0, len(targets))
    ideal = undistorted(targets, spec.camera, WIDTH, HEIGHT)
    R, t = extrinsics(spec.camera)
    places = (np.column_stack([ideal, np.ones(len(ideal))]) * depth[:, None] - t) @ R
    stage.apply(spec)
    radius = {"phone": 0.06, "action": 0.09, "fisheye": 0.14}[lens]
    names = balls(places, radius)
    frame = snap(spec, names, ("image", "instances", "depth", "normals"))

    np.testing.assert_allclose(by_opencv(places, spec.camera, WIDTH, HEIGHT), targets, atol=1e-3)
    y, x = np.mgrid[0.5:HEIGHT, 0.5:WIDTH]
    met = 0
    for number, (target, z) in enumerate(zip(targets, depth, strict=True), start=1):
        near = np.hypot(x - target[0], y - target[1]) < 8
        share = np.where(near, frame["image"][..., 3], 0.0)
        seen = np.array([(share * x).sum(), (share * y).sum()]) / share.sum()
        np.testing.assert_allclose(seen, target, atol=0.15)
        row, column = target[::-1].astype(int)
        # Depth is that of one sample, which may miss a ball of a few pixels.
        if frame["instances"][row, column] == number and np.isfinite(frame["depth"][row, column]):
            met += 1
            assert frame["depth"][row, column] == pytest.approx(z, abs=1.02 * radius)
            facing = frame["normals"][row, column].astype(float)
            assert facing @ np.append(ideal[number - 1], 1.0) < 0
    assert met >= 8


def mesh_of(stage: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """World vertices (V, 3) and triangles (T, 3) of an object, as Cycles gets them."""
    layer = stage.scene.view_layers[0]
    layer.update()
    item = stage.scene.objects[name].evaluated_get(layer.depsgraph)
    mesh = item.to_mesh()
    mesh.calc_loop_triangles()
    vertices = np.empty(3 * len(mesh.vertices), dtype=np.float32)
    mesh.vertices.foreach_get("co", vertices)
    triangles = np.empty(3 * len(mesh.loop_triangles), dtype=np.int32)
    mesh.loop_triangles.foreach_get("vertices", triangles)
    matrix = np.array(item.matrix_world)
    item.to_mesh_clear()
    return vertices.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3], triangles.reshape(-1, 3)


@pytest.mark.parametrize("lens", LENSES)
def test_masks_are_the_shapes_that_opencv_projects(
    lens: str, stage: Any, scene: Any, person: Any, snap: Snap
) -> None:
    nearer = {"phone": -0.5, "action": -1.4, "fisheye": -1.8}[lens]
    spec = scene(
        width=400,
        height=300,
        samples=32,
        light=FLAT,
        background=BackgroundSpec("plain"),
        camera=camera(LENSES[lens]),
        persons=(person(1, -0.1, nearer), person(2, 0.9, nearer + 1.5)),
    )
    stage.apply(spec)
    names = stage.person_names(spec)
    bent = snap(spec, [[names[1]], [names[2]]])

    fine, behind = 8, np.zeros((300, 400), dtype=bool)
    for number, least in ((1, 0.995), (2, 0.98)):
        vertices, triangles = mesh_of(stage, names[number])
        corners = by_opencv(vertices, spec.camera, 400, 300)[triangles.T] * fine
        inside = raster(corners[..., 0], corners[..., 1], 400 * fine, 300 * fine)
        expected = inside.reshape(300, fine, 400, fine).mean(axis=(1, 3)) >= 0.5
        expected &= ~behind
        behind |= expected
        found = bent["instances"] == number
        overlap = (expected & found).sum() / (expected | found).sum()
        assert expected.sum() > 1000 and overlap >= least


@pytest.mark.parametrize("lens", LENSES)
def test_parts_lie_where_opencv_projects_the_joints(
    lens: str, stage: Any, scene: Any, person: Any, body: Any, snap: Snap
) -> None:
    who = person(1, -0.1, {"phone": -0.5, "action": -1.4, "fisheye": -1.8}[lens])
    spec = scene(
        width=160,
        height=200,  # upright
        samples=16,
        light=FLAT,
        background=BackgroundSpec("plain"),
        camera=camera(LENSES[lens]),
        persons=(who,),
    )
    stage.apply(spec)
    names = stage.person_names(spec)
    bent = snap(spec, [[names[1]]], ("image", "instances", "parts"))

    posed = body.pose(who.body.betas, np.array(who.body.pose), who.body.translation)
    met = 0
    for label, start, end in ((16, 15, 15), (19, 18, 20), (20, 19, 21), (2, 1, 4), (6, 5, 8)):
        middle = (posed.joints[start] + posed.joints[end]) / 2
        column, row = by_opencv(middle[None], spec.camera, 160, 200)[0].astype(int)
        if 0 <= column < 160:
            met += 1
            assert bent["parts"][row, column] == label
    assert met >= 3 and (bent["parts"][bent["instances"] > 0] > 0).mean() > 0.99


def test_an_unsteady_hand_blurs_about_the_place_at_mid_exposure(
    bpy: Any, stage: Any, scene: Any, snap: Snap, balls: Any
) -> None:
    actions = len(bpy.data.actions)
    y, x = np.mgrid[0.5:HEIGHT, 0.5:WIDTH]
    R, t = extrinsics(camera(PHONE))
    places = (np.array([[0.0, 0.0, 3.0]]) - t) @ R
    names = balls(places, 0.08)

    def blob(lens: dict[str, Any], **changes: Any) -> tuple[np.ndarray, np.ndarray]:
        spec = scene(
            width=WIDTH,
            height=HEIGHT,
            samples=256,
            light=FLAT,
            background=BackgroundSpec("plain"),
            camera=camera(lens, **changes),
        )
        stage.apply(spec)
        share = snap(spec, names, ("image",))["image"][..., 3].astype(float)
        middle = np.array([(share * x).sum(), (share * y).sum()]) / share.sum()
        spread = np.array(
            [(share * (x - middle[0]) ** 2).sum(), (share * (y - middle[1]) ** 2).sum()]
        )
        return middle, np.sqrt(spread / share.sum())

    for lens in ({"fov": 62.0}, PHONE, FISHEYE):
        still, narrow = blob(lens)
        shaken, wide = blob(lens, shutter=0.05, shake=(120.0, 0.0, 0.0))  # 6 degrees to the left
        focal = intrinsics(camera(lens), WIDTH, HEIGHT)[0, 0]
        way = np.radians(6.0) * focal
        np.testing.assert_allclose(shaken, still, atol=0.15)
        # The camera moves evenly: a bar has 1/12 of its squared length as variance.
        assert np.sqrt(wide[0] ** 2 - narrow[0] ** 2) == pytest.approx(way / np.sqrt(12), rel=0.1)
        assert wide[1] == pytest.approx(narrow[1], abs=0.15)
        up = blob(lens, shutter=0.05, shake=(0.0, 120.0, 0.0))[1]
        assert np.sqrt(up[1] ** 2 - narrow[1] ** 2) == pytest.approx(way / np.sqrt(12), rel=0.1)
        again, sharp = blob(lens)
        np.testing.assert_array_equal(again, still)
        np.testing.assert_array_equal(sharp, narrow)
    assert len(bpy.data.actions) == actions


def test_depth_of_field_is_that_of_the_lens_and_not_of_the_larger_view(
    stage: Any, scene: Any, snap: Snap, balls: Any
) -> None:
    R, t = extrinsics(camera(PHONE))
    names = balls((np.array([[0.0, 0.0, 2.0]]) - t) @ R, 0.01)

    def blurred(**lens: Any) -> float:
        spec = scene(
            width=WIDTH,
            height=HEIGHT,
            samples=256,
            light=FLAT,
            background=BackgroundSpec("plain"),
            camera=camera({"fov": 62.0, **lens}, f_stop=0.3, focus_distance=6.0),
        )
        stage.apply(spec)
        share = snap(spec, names, ("image",))["image"][..., 3]
        return float(np.sqrt((share > 0.02 * share.max()).sum() / np.pi))

    straight = blurred()
    assert straight > 2.0
    for lens in (PHONE | {"coefficients": (-0.01, 0.0, 0.0, 0.0)}, FISHEYE | {"fov": 62.0}):
        assert blurred(**lens) == pytest.approx(straight, rel=0.15)
