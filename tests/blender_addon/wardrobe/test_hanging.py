"""Hanging cloth comes to rest on what it lies on: outside of it, its threads as long as before."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.bodies.mesh import vertex_normals
from blender_addon.wardrobe.contact import Contact, grid_normals, thinned
from blender_addon.wardrobe.dressed import MATERIALS, Wearable
from blender_addon.wardrobe.hanging import _laid_along, resampled, settled, threads_of
from blender_addon.wardrobe.outfit import Garment, Hair, Outfit

UP = np.array([0.0, 0.0, 1.0])


def pillar(radius: float = 0.1, leaning: float = 0.0) -> Contact:
    """A round pillar, 1 m high, under the origin; its foot is `leaning` m further in x."""
    z, angle = np.meshgrid(np.linspace(-1, 0, 40), np.arange(24) * np.pi / 12, indexing="ij")
    out = np.stack([np.cos(angle), np.sin(angle), 0 * z]).reshape(3, -1)
    points = radius * out + np.stack([-leaning * z, 0 * z, z]).reshape(3, -1)
    return Contact(points.astype(np.float32), out.astype(np.float32), UP)


def tube(radius: float = 0.16, rows: int = 10, columns: int = 24, ahead: float = 0.0) -> np.ndarray:
    z, angle = np.meshgrid(
        np.linspace(0, -0.5, rows), np.arange(columns) * 2 * np.pi / columns, indexing="ij"
    )
    return np.stack([radius * np.cos(angle) - ahead * z, radius * np.sin(angle), z])


def test_points_are_pushed_out_and_stay_above_the_ground():
    contact = Contact(pillar().points, pillar().normals, UP, floor=-0.8)
    p = np.array([[0.08, 0.3, 0.02], [0, 0, 0.07], [-0.5, -0.9, -0.3]])
    out = contact.pushed(p, contact.nearest(p), np.full(3, 0.01))
    assert np.hypot(out[0, [0, 2]], out[1, [0, 2]]) == pytest.approx(0.11, abs=2e-3)
    assert out[:, 1] == pytest.approx([0.3, 0.0, -0.8])


def test_points_in_contact_slide_less():
    contact = pillar()
    p, before = np.array([[0.1], [0.03], [-0.5]]), np.array([[0.1], [0.0], [-0.5]])
    near, gap = contact.nearest(p), np.full(1, 0.01)
    free, held = contact.pushed(p, near, gap), contact.pushed(p, near, gap, before)
    assert abs(held[1, 0]) < 0.5 * abs(free[1, 0])


def test_one_vertex_stands_for_each_cell():
    position = np.random.default_rng(0).random((500, 3))
    chosen = thinned(position, np.arange(100, 500), 0.25)
    cells = np.floor(position / 0.25)
    assert len(np.unique(cells[chosen], axis=0)) == len(chosen)
    assert len(chosen) == len(np.unique(cells[100:], axis=0))
    assert chosen.min() >= 100


@pytest.mark.parametrize("closed", [True, False])
def test_cloth_comes_to_rest_outside_of_a_leaning_pillar(closed):
    rest, contact = tube(0.13), pillar(leaning=0.3)
    start = tube(0.14, ahead=0.3)
    threads = threads_of(rest, closed)
    p, near = settled(start, threads, contact, np.ones(24))
    assert near.shape == p.shape[1:]
    assert np.array_equal(p[:, 0], start[:, 0])
    middle = -0.3 * p[2]
    assert np.hypot(p[0] - middle, p[1])[3:].min() > 0.101
    down = np.sqrt((np.diff(p, axis=1) ** 2).sum(axis=0))
    assert (down / threads.down).max() < 1.5
    again, _ = settled(start, threads, contact, np.ones(24))
    assert np.array_equal(p, again)


def test_columns_slide_until_their_threads_have_their_length():
    p = tube(rows=6)
    p[2] *= np.linspace(0.5, 2.0, 24)  # some columns are too short, others too long
    length = np.full((5, 24), 0.1)
    laid = _laid_along(p, length)
    assert np.sqrt((np.diff(laid, axis=1) ** 2).sum(axis=0)) == pytest.approx(length, abs=1e-6)
    assert laid[:, 0] == pytest.approx(p[:, 0])


@pytest.mark.parametrize("closed", [True, False])
def test_samples_at_the_points_of_a_grid_are_the_points(closed):
    grid = tube()
    assert resampled(grid, np.arange(10.0), np.arange(24.0), closed) == pytest.approx(grid)
    between = resampled(grid, np.arange(10.0), np.arange(24) + 0.5, True)
    assert np.hypot(between[0], between[1]) == pytest.approx(0.16, abs=2e-4)


def test_normals_of_a_grid_face_outwards():
    for order in (1, -1):
        grid = tube()[:, :, ::order]
        normal = grid_normals(grid, True, grid.mean(axis=2, keepdims=True))
        assert ((normal * grid)[:2].sum(axis=0) > 0.15).all()


POSES = {
    "stride": {"left_hip": -0.7, "right_hip": 0.7, "right_knee": 0.6},
    "seat": {"left_hip": -1.5, "right_hip": -1.5, "left_knee": 1.5, "right_knee": 1.5},
    "climb": {"left_hip": -1.3, "left_knee": 1.3},
}


@pytest.mark.parametrize("pose_name", POSES)
def test_a_skirt_lies_on_the_thighs_in_one_piece(body, chart, pose_name):
    garment = Garment("skirt", hem=-1.1, waist=0.2, looseness=0.6)
    outfit = Outfit(hair=Hair("bald", volume=0.0), garments=(garment,), style="mesh")
    wearable = Wearable(body, chart, [0.0], outfit)
    pose = np.zeros((body.num_joints, 3))
    pose[0] = [np.pi / 2, 0, 0]
    for joint, angle in POSES[pose_name].items():
        pose[body.joint_names.index(joint), 0] = angle
    dressed = wearable.posed(pose, (0, 0, 0))
    of_skirt = dressed.material == MATERIALS.index("bottom")
    hangs = dressed.faces[of_skirt & (dressed.chart["level"][dressed.faces] < -0.15).all(axis=1)]
    corner = dressed.vertices[hangs]
    edges = np.linalg.norm(corner - np.roll(corner, 1, axis=1), axis=-1)
    assert len(hangs) > 1000
    assert edges.max() < 0.12
    # Where cloth touches a thigh, it lies on the outer side of the skin.
    skin = body.pose([0.0], pose).vertices
    outer = chart["normal"][:, 0] * np.sign(chart["position"][:, 0]) > -0.2
    thigh = (np.abs(chart["level"] + 0.38) < 0.18) & (chart["arm"] < 0) & outer
    points, normals = skin[thigh][::3], vertex_normals(skin, body.faces)[thigh][::3]
    way = dressed.vertices[np.unique(hangs)] - points[:, None]
    distance = np.linalg.norm(way, axis=-1)
    nearest = np.take_along_axis(way, distance.argmin(axis=1)[:, None, None], 1)[:, 0]
    height = (nearest * normals).sum(axis=1)
    touches = distance.min(axis=1) < 0.03
    assert touches.sum() > 15
    assert np.mean(height[touches] < -0.004) < 0.06
