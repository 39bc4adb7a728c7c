"""The body chart: coordinates of the default body, and of a body that knows less."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from blender_addon.bodies.mesh import loose_parts, smooth, vertex_normals
from blender_addon.bodies.model import BodyModel
from blender_addon.wardrobe.chart import REFERENCE_HEIGHT, body_chart

Chart = dict[str, np.ndarray]
Parts = dict[str, np.ndarray]


def test_every_coordinate_is_finite_float32(chart: Chart, body: BodyModel) -> None:
    for name, values in chart.items():
        assert values.dtype == np.float32, name
        assert np.isfinite(values).all(), name
        assert len(values) == (len(body.faces) if name == "cloth" else body.num_vertices), name


def test_arm_runs_from_shoulder_to_wrist(chart: Chart, part: Parts) -> None:
    for side in ("left", "right"):
        assert 0.0 <= np.median(chart["arm"][part[f"{side}_shoulder"]]) <= 0.5
        assert 0.5 <= np.median(chart["arm"][part[f"{side}_elbow"]]) <= 1.0
        assert chart["arm"][part[f"{side}_hand"]].min() > 0.95
    for name in ("head", "pelvis", "left_hip", "right_foot", "spine1"):
        assert chart["arm"][part[name]].max() < 0.0, name


def test_levels_order_the_body_from_sole_to_crown(chart: Chart, part: Parts) -> None:
    level = chart["level"]
    medians = [np.median(level[part[f"left_{name}"]]) for name in ("foot", "ankle", "knee", "hip")]
    assert medians == sorted(medians)
    assert level.min() == pytest.approx(-2.2) and level.max() == pytest.approx(2.0)
    assert chart["position"][:, 1].max() == pytest.approx(REFERENCE_HEIGHT, abs=1e-5)


def test_neck_is_negative_on_the_head_and_positive_on_chest_back_and_arms(
    chart: Chart, part: Parts
) -> None:
    assert chart["neck"][part["head"]].max() < -0.02
    for name in ("spine1", "spine2", "pelvis", "left_elbow", "right_hand", "left_foot"):
        assert chart["neck"][part[name]].min() > 0.02, name


def test_the_chart_is_symmetrical(chart: Chart, body: BodyModel) -> None:
    p = chart["position"]
    left = np.flatnonzero(p[:, 0] > 0.02)[::40]
    mirrored = p[left] * [-1, 1, 1]
    right = np.array([np.argmin(((p - q) ** 2).sum(axis=1)) for q in mirrored])
    close = np.linalg.norm(p[right] - mirrored, axis=1) < 2e-3
    assert close.mean() > 0.9  # the mesh itself is symmetrical
    for name in ("arm", "level", "neck", "scalp", "hat"):
        np.testing.assert_allclose(
            chart[name][left][close], chart[name][right][close], atol=0.05, err_msg=name
        )


def test_eyeballs_are_found_and_have_a_pupil_in_front(chart: Chart) -> None:
    white = chart["white"] > 0
    assert 50 < white.sum() < 1000
    pupils = white & (chart["iris"] < 0.2)
    assert (chart["position"][pupils, 0] > 0).any() and (chart["position"][pupils, 0] < 0).any()
    assert (chart["iris"][~white] >= 2.0).all()


def test_brows_lie_above_the_eyes_and_lips_below(chart: Chart) -> None:
    head = chart["head"]
    assert (head[chart["brow"] > 0, 1] > 0.1).all() and (chart["brow"] > 0).sum() > 10
    assert (head[chart["lip"] > 0, 1] < -0.4).all() and (chart["lip"] > 0).sum() > 10
    assert not ((chart["scalp"] > 0) & (chart["lip"] > 0)).any()


def test_cloth_is_not_torn_inside_a_face(chart: Chart, body: BodyModel) -> None:
    # The angle around a limb jumps somewhere. That must fall between faces: inside one, cloth is
    # about as long as the skin beneath.
    corners = chart["position"][body.faces]
    edge = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    level, arm = chart["level"][body.faces].mean(axis=1), chart["arm"][body.faces].mean(axis=1)
    for channel, where in (
        (0, (arm < -0.1) & (level > -1.9) & (level < 0.85)),
        (1, (arm > 0.1) & (arm < 0.95)),
    ):
        stretch = np.ptp(chart["cloth"][where][:, :, channel], axis=1) / edge[where]
        assert np.median(stretch) < 1.5
        assert (stretch > 6).mean() < 0.002  # a torn face is some twenty times too long


def test_a_body_without_eyeballs_has_its_eyes_on_the_face(body: BodyModel) -> None:
    loose = loose_parts(body.faces, body.num_vertices)
    largest = np.bincount(loose).argmax()
    faces = body.faces[loose[body.faces[:, 0]] == largest]
    blind = dataclasses.replace(body, faces=faces, uv=None)
    chart = body_chart(blind)
    white = chart["white"] > 0
    assert white.sum() > 4
    assert (np.abs(chart["head"][white, 1]) < 0.1).all()


def test_a_missing_joint_is_named(body: BodyModel) -> None:
    names = tuple("neckk" if name == "neck" else name for name in body.joint_names)
    stranger = dataclasses.replace(body, joint_names=names)
    with pytest.raises(ValueError, match="'neck'"):
        body_chart(stranger)


def _tetrahedra(count: int) -> tuple[np.ndarray, np.ndarray]:
    v = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=float)
    f = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    return np.concatenate([v + 3 * i for i in range(count)]), np.concatenate(
        [f + 4 * i for i in range(count)]
    )


def test_loose_parts_are_told_apart() -> None:
    _, faces = _tetrahedra(3)
    assert loose_parts(faces, 13).tolist() == [0] * 4 + [4] * 4 + [8] * 4 + [12]


def test_normals_point_outwards_and_a_lone_vertex_has_none() -> None:
    v, faces = _tetrahedra(1)
    v = np.concatenate([v, [[5.0, 5.0, 5.0]]])
    normals = vertex_normals(v, faces)
    outwards = np.einsum("vi,vi->v", normals[:4], v[:4] - v[:4].mean(axis=0))
    assert (outwards > 0).all()
    assert (normals[4] == 0).all()


def test_smoothing_draws_neighbours_together_and_leaves_a_lone_vertex() -> None:
    v, faces = _tetrahedra(1)
    v = np.concatenate([v, [[5.0, 5.0, 5.0]]])
    smoothed = smooth(v, faces, 10)
    assert np.ptp(smoothed[:4], axis=0).max() < 0.01
    np.testing.assert_allclose(smoothed[:4].mean(axis=0), v[:4].mean(axis=0))
    assert (smoothed[4] == 5.0).all()
