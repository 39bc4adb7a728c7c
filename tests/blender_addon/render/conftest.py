"""A small Blender scene of its own for each test, and a ray-caster that says what an image of it
must show.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from blender_addon.render import compat, devices

RAYS = 8  # by 8 in each pixel


@pytest.fixture(scope="session")
def bpy() -> Any:
    return compat.import_bpy()


@pytest.fixture(scope="session")
def cpu(bpy: Any) -> devices.Device:
    return devices.pick_device("cpu")


@dataclass
class Cast:
    """The hits of RAYS × RAYS rays of each pixel, (H, W, RAYS²): object (0 none, k the k-th mesh
    added), part, distance along the camera's z (m, inf), normal (…, 3) in OpenCV camera axes.
    """

    object: np.ndarray
    part: np.ndarray
    depth: np.ndarray
    normal: np.ndarray

    def share(self, number: int) -> np.ndarray:
        return (self.object == number).mean(axis=-1)


@dataclass
class World:
    """A scene with a wide-angle camera at the origin that looks along +Y (turned a little), lit
    from everywhere.
    """

    scene: Any
    meshes: list[Any] = field(default_factory=list)

    def add_box(
        self, name: str, center: tuple[float, float, float], size: tuple[float, float, float]
    ) -> Any:
        corners = np.array(
            [[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)]
        )
        turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
        faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
        return self.add_mesh(name, corners * size @ turn.T + center, faces)

    def add_ball(
        self, name: str, center: tuple[float, float, float], radius: float, rings: int = 12
    ) -> Any:
        theta, phi = np.meshgrid(
            np.linspace(0.02, np.pi - 0.02, rings), np.arange(2 * rings) * np.pi / rings
        )
        points = np.stack(
            [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], -1
        )
        index = np.arange(points.shape[0] * rings).reshape(-1, rings)
        following = np.roll(index, -1, axis=0)
        faces = np.stack(
            [index[:, :-1], index[:, 1:], following[:, 1:], following[:, :-1]], -1
        ).reshape(-1, 4)
        faces_closed = [
            *map(tuple, faces.tolist()),
            tuple(index[::-1, 0].tolist()),
            tuple(index[:, -1].tolist()),
        ]
        return self.add_mesh(name, points.reshape(-1, 3) * radius + center, faces_closed)

    def add_mesh(self, name: str, points: np.ndarray, faces: list[tuple[int, ...]]) -> Any:
        import bpy

        mesh = bpy.data.meshes.new(name)
        mesh.from_pydata(points.tolist(), [], faces)
        part = mesh.attributes.new("part", "INT", "FACE")
        part.data.foreach_set("value", np.arange(len(mesh.polygons), dtype=np.int32) % 24 + 1)
        made = bpy.data.objects.new(name, mesh)
        self.scene.collection.objects.link(made)
        self.meshes.append(made)
        return made

    def cast(self) -> Cast:
        """Ray-cast the current image with mathutils' BVH, which shares no code with Cycles."""
        from mathutils import Vector
        from mathutils.bvhtree import BVHTree

        render = self.scene.render
        W, H = render.resolution_x, render.resolution_y
        matrix = np.array(self.scene.camera.matrix_basis)
        rotation, origin = matrix[:3, :3], Vector(matrix[:3, 3])
        x, y = ((np.arange(n * RAYS) + 0.5) / RAYS for n in (W, H))
        f = 0.5 * W / np.tan(self.scene.camera.data.angle_x / 2)
        directions = np.stack(
            np.broadcast_arrays((x - W / 2) / f, -(y[:, None] - H / 2) / f, -1.0), -1
        )
        length = np.linalg.norm(directions, axis=-1)
        points, faces, owner, part = [], [], [], []
        for number, item in enumerate(self.meshes, start=1):
            start = len(points)
            points += [item.matrix_basis @ v.co for v in item.data.vertices]
            faces += [[start + i for i in polygon.vertices] for polygon in item.data.polygons]
            owner += [number] * len(item.data.polygons)
            part += [p.value for p in item.data.attributes["part"].data]
        tree = BVHTree.FromPolygons(points, faces)
        hits = [
            tree.ray_cast(origin, d)
            for d in map(Vector, (directions @ rotation.T).reshape(-1, 3).tolist())
        ]
        face = np.array([-1 if hit[2] is None else hit[2] for hit in hits])
        distance = np.array(
            [np.inf if hit[3] is None else hit[3] for hit in hits]
        ) / length.reshape(-1)
        normal = (
            np.array([(0, 0, 0) if hit[1] is None else hit[1] for hit in hits])
            @ rotation
            * [1, -1, -1]
        )
        normal *= -np.sign(
            (normal * (directions.reshape(-1, 3) * [1, -1, -1])).sum(-1, keepdims=True)
        )

        def per_pixel(values: np.ndarray) -> np.ndarray:
            tail = values.shape[1:]
            tiles = values.reshape(H, RAYS, W, RAYS, *tail).swapaxes(1, 2)
            return tiles.reshape(H, W, RAYS * RAYS, *tail)

        return Cast(
            per_pixel(np.array([*owner, 0])[face]),
            per_pixel(np.array([*part, 0])[face]),
            per_pixel(distance),
            per_pixel(normal),
        )


@contextlib.contextmanager
def _new_world(bpy: Any) -> Iterator[World]:
    scene = bpy.data.scenes.new("render test")
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.data.sensor_fit, camera.data.angle = "HORIZONTAL", np.radians(70)
    camera.rotation_euler = np.radians([84, 7, 4])
    scene.collection.objects.link(camera)
    scene.camera = camera
    light = bpy.data.worlds.new("light")
    compat.use_nodes(light)
    scene.world = light
    made = World(scene)
    yield made
    for item in (*made.meshes, camera):
        bpy.data.batch_remove([item, item.data])
    bpy.data.worlds.remove(light)
    bpy.data.scenes.remove(scene)


@pytest.fixture
def world(bpy: Any) -> Iterator[World]:
    with _new_world(bpy) as made:
        yield made


@pytest.fixture(scope="session")
def new_world() -> Callable[..., Any]:
    """For fixtures of a wider scope: `with new_world(bpy) as world:`."""
    return _new_world
