"""Renders of Cycles through `engine` agree with those of an independent ray-caster."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from blender_addon.render import compat, engine, part_labels
from blender_addon.render.devices import Device
from blender_addon.render.passes import TABLE, Pass
from blender_addon.render.silhouette import silhouette_area, visibility

DOUBT = 0.15  # coverage so near to a half that 64 samples and 64 rays may differ


def shoot(
    world: Any, cpu: Device, persons: Any, passes: Any = ("instances",), **settings: Any
) -> dict[Any, np.ndarray]:
    settings = {"width": 64, "height": 48, "samples": 64, "seed": 3, "threads": 2, **settings}
    engine.configure(world.scene, device=cpu, passes=passes, **settings)
    return engine.render(world.scene, persons, passes).arrays


def crowd(world: Any) -> list[list[str]]:
    """Three persons, one of them in two pieces, one behind another, all touching or hidden by
    things.
    """
    world.add_ball("body", (-0.9, 4, 0), 0.8)
    world.add_box("hat", (-0.9, 4, 1.0), (0.9, 0.9, 0.5))
    world.add_box("behind", (-0.2, 5, 0.2), (1.2, 1.0, 2.5))
    world.add_ball("right", (1.3, 3.5, -0.3), 0.7)
    world.add_box("pole", (0.9, 2.2, 0), (0.1, 0.1, 4))
    world.add_box("ground", (0, 4, -1.2), (8, 6, 0.1))
    return [["body", "hat"], ["behind"], ["right"]]


@dataclass
class Picture:
    arrays: dict[Any, np.ndarray]
    cast: Any


@pytest.fixture(scope="module")
def picture(bpy: Any, cpu: Device, new_world: Any) -> Picture:
    """All passes of `crowd`, whose persons write their parts, and what a ray-cast of it says."""
    with new_world(bpy) as world:
        persons = crowd(world)
        material = bpy.data.materials.new("skin")
        compat.use_nodes(material)
        part_labels.add_part_outputs(material)
        for mesh in world.meshes[:4]:
            mesh.data.materials.append(material)
        arrays = shoot(world, cpu, persons, list(Pass))
        bpy.data.materials.remove(material)
        return Picture(arrays, world.cast())


def test_instance_mask_equals_a_ray_cast(picture: Picture) -> None:
    mask, cast = picture.arrays[Pass.INSTANCES], picture.cast
    shares = np.stack([cast.share(1) + cast.share(2), cast.share(3), cast.share(4)], axis=-1)
    total, ranked = shares.sum(-1), np.sort(shares, axis=-1)
    expected = np.where(total >= 0.5, shares.argmax(-1) + 1, 0)
    in_doubt = (abs(total - 0.5) <= DOUBT) | (
        (total > 0.5) & (ranked[..., -1] - ranked[..., -2] <= DOUBT)
    )
    assert set(np.unique(mask)) == {0, 1, 2, 3}
    assert in_doubt.mean() < 0.06
    assert np.array_equal(mask[~in_doubt], expected[~in_doubt])


def test_alpha_is_the_coverage_of_all_persons(picture: Picture) -> None:
    alpha = picture.arrays[Pass.ALPHA] / 255
    expected = sum(picture.cast.share(k) for k in (1, 2, 3, 4))
    assert abs(alpha - expected).max() < DOUBT
    assert abs(alpha - expected).mean() < 0.004


def test_parts_never_blend_and_equal_a_ray_cast(picture: Picture) -> None:
    found, mask, cast = picture.arrays[Pass.PARTS], picture.arrays[Pass.INSTANCES], picture.cast
    labels = np.where((cast.object >= 1) & (cast.object <= 4), cast.part, 0)
    shares = np.stack([(labels == k).mean(-1) for k in range(1, 25)], axis=-1)
    ranked = np.sort(shares, axis=-1)
    clear = (mask > 0) & (ranked[..., -1] - ranked[..., -2] > DOUBT)
    assert clear.sum() > 300
    assert np.array_equal(found[clear], shares.argmax(-1)[clear] + 1)
    assert np.array_equal(found > 0, mask > 0)
    # No label that no ray of the pixel or its neighbourhood met.
    present = shares > 0
    around = np.pad(present, ((1, 1), (1, 1), (0, 0)))
    around = sum(around[1 + i : 49 + i, 1 + j : 65 + j] for i in (-1, 0, 1) for j in (-1, 0, 1)) > 0
    rows, columns = np.nonzero(found)
    assert around[rows, columns, found[rows, columns] - 1].all()


def test_parts_can_be_added_to_a_scene_that_was_rendered_without(
    world: Any, cpu: Device, bpy: Any
) -> None:
    ball = world.add_ball("one", (0, 4, 0), 1.0)
    material = bpy.data.materials.new("skin")
    compat.use_nodes(material)
    for _ in range(2):
        part_labels.add_part_outputs(material)
    assert len([node for node in material.node_tree.nodes if node.type == "GROUP"]) == 1
    ball.data.materials.append(material)
    shoot(world, cpu, [["one"]], ["instances"], samples=1)
    arrays = shoot(world, cpu, [["one"]], ["instances", "parts"], samples=1)
    bpy.data.materials.remove(material)
    assert (arrays[Pass.PARTS] > 0).sum() == (arrays[Pass.INSTANCES] > 0).sum() > 0


def test_depth_is_planar_and_lies_within_the_pixel(picture: Picture) -> None:
    depth, cast = picture.arrays[Pass.DEPTH], picture.cast
    one_thing = (cast.object == cast.object[..., :1]).all(-1) & (cast.object[..., 0] > 0)
    with np.errstate(invalid="ignore"):  # inf - inf where nothing is
        low, spread = cast.depth.min(-1), np.ptp(cast.depth, axis=-1)
    margin = 0.002 + 0.3 * spread  # the 64 rays end 1/16 px before the pixel's edge
    assert one_thing.sum() > 800
    assert (depth >= low - margin)[one_thing].all()
    assert (depth <= low + spread + margin)[one_thing].all()
    assert np.isinf(depth[np.isinf(cast.depth).all(-1)]).all()
    assert np.isinf(depth).any()


def test_normals_are_unit_vectors_in_opencv_axes(picture: Picture) -> None:
    normals, cast = picture.arrays[Pass.NORMALS].astype(float), picture.cast
    # The outermost rays are 1/16 px from the pixel's edge, so a sample may hit what only the next
    # pixel's rays hit.
    steps = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    around = np.concatenate([np.roll(cast.normal, step, axis=(0, 1)) for step in steps], axis=2)
    flat = (abs(around - cast.normal[..., :1, :]) < 1e-4).all((-1, -2)) & (cast.object[..., 0] > 0)
    assert flat.sum() > 300
    assert abs(normals - cast.normal[..., 0, :])[flat].max() < 2e-3
    assert (
        normals[flat][:, 2] < 0.6
    ).all()  # visible surfaces face the camera, but for grazing perspective
    nothing = (cast.object == 0).all(-1)
    assert nothing.any()
    assert (normals[nothing] == 0).all()


def test_visibility_is_the_share_that_the_occluder_leaves(world: Any, cpu: Device) -> None:
    world.add_ball("hidden", (-0.4, 4, 0.3), 0.9)
    world.add_ball("free", (1.4, 4, -0.2), 0.6)
    world.add_box("wall", (-0.7, 3.0, 0), (0.8, 0.1, 3))
    mask = shoot(world, cpu, [["hidden"], ["free"]])[Pass.INSTANCES]
    found = [
        visibility(int((mask == k).sum()), _silhouette(world, world.meshes[k - 1], 64, 48))
        for k in (1, 2)
    ]
    in_front = world.cast().share(1).sum()
    del world.meshes[2:]
    hidden_by_nothing = world.cast().share(1).sum()
    assert found[0] == pytest.approx(in_front / hidden_by_nothing, abs=0.03)
    assert 0.3 < found[0] < 0.8
    assert found[1] > 0.98


def _silhouette(world: Any, item: Any, width: int, height: int) -> float:
    item.data.calc_loop_triangles()
    faces = np.array([triangle.vertices for triangle in item.data.loop_triangles])
    points = (
        np.array([vertex.co for vertex in item.data.vertices])
        @ np.array(world.scene.camera.matrix_basis)[:3, :3]
    )
    f = 0.5 * width / np.tan(world.scene.camera.data.angle_x / 2)
    depth = -points[:, 2]
    pixels = np.stack([points[:, 0], -points[:, 1]], -1) / depth[:, None] * f + (
        width / 2,
        height / 2,
    )
    return silhouette_area(pixels, depth, faces, width, height)[0]


def test_bytes_repeat_and_do_not_depend_on_the_frames_before(world: Any, cpu: Device) -> None:
    persons = crowd(world)
    everything = list(Pass)
    first = shoot(world, cpu, persons, everything, samples=4)
    again = shoot(world, cpu, persons, everything, samples=4)
    ball = world.scene.objects["body"]
    ball.location.x += 0.75
    other = shoot(world, cpu, persons, everything, samples=4, seed=9, width=40)
    shoot(world, cpu, persons, ["instances"], samples=2)
    ball.location.x -= 0.75
    later = shoot(world, cpu, persons, everything, samples=4)
    for name in everything:
        assert first[name].tobytes() == again[name].tobytes() == later[name].tobytes(), name
    assert other[Pass.INSTANCES].shape == (48, 40)


def test_denoising_changes_the_colour_alone_and_repeats(world: Any, cpu: Device) -> None:
    persons = crowd(world)
    noisy = shoot(world, cpu, persons, list(Pass), samples=2)
    clean = [
        shoot(world, cpu, persons, list(Pass), samples=2, denoise=True, threads=threads)
        for threads in (1, 2, 2)
    ]
    for name in Pass:
        assert clean[0][name].tobytes() == clean[1][name].tobytes() == clean[2][name].tobytes()
        assert (clean[0][name].tobytes() == noisy[name].tobytes()) == (name != Pass.IMAGE)
    assert (clean[0][Pass.IMAGE][..., 3] == noisy[Pass.IMAGE][..., 3]).all()
    exact = shoot(world, cpu, persons, ["image"], samples=256, seed=4)[Pass.IMAGE]
    error = [np.square(one[Pass.IMAGE] - exact).mean() for one in (noisy, clean[0])]
    assert error[1] < 0.7 * error[0]


def test_a_film_without_world_is_transparent_there(world: Any, cpu: Device) -> None:
    world.add_ball("one", (0, 4, 0), 1.0)
    opaque = shoot(world, cpu, [["one"]], ["image"], samples=2)[Pass.IMAGE]
    clear = shoot(world, cpu, [["one"]], ["image"], samples=2, film_transparent=True)[Pass.IMAGE]
    assert opaque.dtype == np.float32
    assert opaque[..., 3].min() == 1.0
    assert clear[0, 0].tolist() == [0, 0, 0, 0]
    assert clear[24, 32, 3] == 1.0
    assert clear[24, 32, :3].min() > 0


def test_arrays_match_the_table(picture: Picture) -> None:
    for name, row in TABLE.items():
        array = picture.arrays[name]
        assert array.dtype.name in row.array
        assert row.array.startswith("(H, W)" if array.ndim == 2 else f"(H, W, {array.shape[2]})")


def test_the_time_inside_blender_is_most_of_the_frame(world: Any, cpu: Device) -> None:
    engine.configure(world.scene, width=64, height=64, samples=1, device=cpu)
    assert 0 < engine.render(world.scene, []).seconds < 60


def test_a_pass_that_was_not_configured_is_named(world: Any, cpu: Device) -> None:
    engine.configure(world.scene, width=32, height=32, samples=1, device=cpu, passes=["image"])
    with pytest.raises(KeyError, match="Depth"):
        engine.render(world.scene, [], ["depth"])


def test_an_unknown_pass_is_refused(world: Any, cpu: Device) -> None:
    with pytest.raises(ValueError, match="flow"):
        engine.configure(world.scene, width=32, height=32, samples=1, device=cpu, passes=["flow"])


def test_a_scene_without_camera_is_an_error_that_says_so(world: Any, cpu: Device) -> None:
    engine.configure(world.scene, width=32, height=32, samples=1, device=cpu)
    world.scene.camera = None
    with pytest.raises(RuntimeError, match="camera"):
        engine.render(world.scene, [])


RENDER_TWICE = """
import sys
from blender_addon.render import compat, devices, engine
bpy = compat.import_bpy()
device = devices.pick_device("auto")
scene = bpy.context.scene
engine.configure(scene, width=32, height=32, samples=1, device=device)
for i in range(2):
    engine.render(scene, [["Cube"]])
print("own words")
"""


def test_a_batch_prints_its_own_words_only() -> None:
    done = subprocess.run(
        [sys.executable, "-c", RENDER_TWICE],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "own words\n"
    assert "NumPy" not in done.stderr
    assert done.stderr.count("\n") == (1 if "no GPU" in done.stderr else 0)
