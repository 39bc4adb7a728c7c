"""The default body's file holds what its README promises."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import blender_addon

PATH = Path(blender_addon.__file__).parent / "bodies" / "data" / "default_body.npz"
SMPL_PARENTS = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21]
SMPL_NAMES = [
    "pelvis",
    "left_hip",
    "right_hip",
    "spine1",
    "left_knee",
    "right_knee",
    "spine2",
    "left_ankle",
    "right_ankle",
    "spine3",
    "left_foot",
    "right_foot",
    "neck",
    "left_collar",
    "right_collar",
    "head",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hand",
    "right_hand",
]
MIRROR = np.array([-1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def body() -> dict[str, np.ndarray]:
    with np.load(PATH, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


@pytest.fixture(scope="module")
def joints(body: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return dict(
        zip(body["joint_names"].tolist(), body["J_regressor"] @ body["v_template"], strict=True)
    )


def shaped(body: dict[str, np.ndarray], person: int) -> np.ndarray:
    return body["v_template"] + body["shapedirs"] @ body["shape_samples"][person].astype(np.float32)


def winding_numbers(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Compute how often a closed surface goes round each point: 1 inside, 0 outside (Van Oosterom
    and Strackee's formula).
    """
    numbers = []
    for point in points:
        a, b, c = np.moveaxis(triangles - point, 1, 0)
        la, lb, lc = (np.linalg.norm(x, axis=1) for x in (a, b, c))
        volume = np.einsum("ij,ij->i", a, np.cross(b, c))
        ab, bc, ca = ((x * y).sum(1) for x, y in ((a, b), (b, c), (c, a)))
        numbers.append(
            2 * np.arctan2(volume, la * lb * lc + ab * lc + bc * la + ca * lb).sum() / (4 * np.pi)
        )
    return np.array(numbers)


def test_file_is_small() -> None:
    assert PATH.stat().st_size <= 6e6


def test_arrays_have_smpl_layout(body: dict[str, np.ndarray]) -> None:
    vertices, triangles, directions = (
        len(body["v_template"]),
        len(body["f"]),
        body["shapedirs"].shape[2],
    )
    people, points = len(body["shape_samples"]), len(body["vt"])
    shapes = {key: body[key].shape for key in body}
    assert shapes["v_template"] == (vertices, 3)
    assert shapes["f"] == shapes["ft"] == (triangles, 3)
    assert shapes["shapedirs"] == (vertices, 3, directions)
    assert shapes["J_regressor"] == (24, vertices)
    assert shapes["weights"] == (vertices, 24)
    assert shapes["vt"] == (points, 2)
    assert shapes["part_labels"] == shapes["face_regions"] == (vertices,)
    assert shapes["shape_samples"] == (people, directions)
    assert shapes["shape_age"] == shapes["shape_gender"] == shapes["shape_height"] == (people,)
    assert directions >= 10
    assert people >= 1000


def test_numbers_are_finite(body: dict[str, np.ndarray]) -> None:
    for key, array in body.items():
        if array.dtype.kind == "f":
            assert np.isfinite(array).all(), key


def test_kinematic_tree_is_smpls(body: dict[str, np.ndarray]) -> None:
    assert body["kintree_table"].tolist() == [SMPL_PARENTS, list(range(24))]
    assert body["joint_names"].tolist() == SMPL_NAMES


def test_indices_stay_within_their_tables(body: dict[str, np.ndarray]) -> None:
    for faces, table in (("f", "v_template"), ("ft", "vt")):
        assert sorted(set(body[faces].ravel().tolist())) == list(range(len(body[table]))), (
            "all used, none beyond"
        )
    assert body["face_regions"].max() < len(body["region_names"])


def test_surface_is_closed_and_faces_point_outwards(body: dict[str, np.ndarray]) -> None:
    faces, corners = body["f"].astype(np.int64), body["v_template"][body["f"]].astype(np.float64)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    directed = edges[:, 0] * len(body["v_template"]) + edges[:, 1]
    backwards = edges[:, 1] * len(body["v_template"]) + edges[:, 0]
    assert len(np.unique(directed)) == len(directed), "two neighbours are wound differently"
    assert np.array_equal(np.sort(directed), np.sort(backwards)), "there is a hole"
    volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    assert 0.04 < volume < 0.1  # m³


def test_rest_pose_is_smpls_t_pose(joints: dict[str, np.ndarray]) -> None:
    for side, sign in (("left", 1.0), ("right", -1.0)):
        shoulder = joints[f"{side}_shoulder"]
        for name, at_least in (("elbow", 0.2), ("wrist", 0.4), ("hand", 0.5)):
            offset = joints[f"{side}_{name}"] - shoulder
            assert sign * offset[0] > at_least
            assert np.abs(offset[1:]).max() < 0.03
        hip, knee, ankle, toes = (
            joints[f"{side}_{name}"] for name in ("hip", "knee", "ankle", "foot")
        )
        assert np.abs((ankle - hip)[0]) < 0.05
        assert hip[1] > knee[1] + 0.3 > ankle[1] + 0.6
        assert toes[2] > ankle[2] + 0.08, "it faces +Z"


def test_left_mirrors_right(body: dict[str, np.ndarray], joints: dict[str, np.ndarray]) -> None:
    for name in SMPL_NAMES:
        twin = name.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right")
        np.testing.assert_allclose(joints[name] * MIRROR, joints[twin], atol=1e-4)

    def in_order(points: np.ndarray) -> np.ndarray:
        return points[np.lexsort(np.round(points, 3).T)]

    np.testing.assert_allclose(
        in_order(body["v_template"] * MIRROR), in_order(body["v_template"]), atol=2e-3
    )


def test_feet_are_level(body: dict[str, np.ndarray], joints: dict[str, np.ndarray]) -> None:
    for person in (None, 0, 1, 2):
        vertices = body["v_template"] if person is None else shaped(body, person)
        soles = [vertices[np.sign(vertices[:, 0]) == side, 1].min() for side in (1, -1)]
        assert abs(soles[0] - soles[1]) < 1e-3
        toes = vertices[body["part_labels"] == SMPL_NAMES.index("left_foot"), 1].min()
        heel = vertices[body["part_labels"] == SMPL_NAMES.index("left_ankle"), 1].min()
        assert abs(toes - heel) < 0.015, "the sole is flat"


def test_face_looks_forward(body: dict[str, np.ndarray], joints: dict[str, np.ndarray]) -> None:
    names = body["region_names"].tolist()
    for side, sign in (("left", 1.0), ("right", -1.0)):
        eye = body["v_template"][body["face_regions"] == names.index(f"eye_{side}")].mean(axis=0)
        assert 0.02 < sign * eye[0] < 0.05
        assert eye[1] > joints["head"][1]
        assert eye[2] > joints["head"][2] + 0.03


def test_weights_are_sparse_and_sum_to_one(body: dict[str, np.ndarray]) -> None:
    assert body["weights"].min() >= 0
    np.testing.assert_allclose(body["weights"].sum(axis=1), 1, atol=1e-6)
    assert (body["weights"] > 0).sum(axis=1).max() <= 4


def test_joints_are_averages_of_skin(body: dict[str, np.ndarray]) -> None:
    assert body["J_regressor"].min() >= 0
    np.testing.assert_allclose(body["J_regressor"].sum(axis=1), 1, atol=1e-6)
    assert 20 < (body["J_regressor"] > 0).sum(axis=1).mean() < 400


@pytest.mark.parametrize("which", ["mean", "youngest", "oldest", "tallest", "shortest"])
def test_joints_lie_inside_the_body(body: dict[str, np.ndarray], which: str) -> None:
    age, height = body["shape_age"], body["shape_height"]
    people = {
        "youngest": age.argmin(),
        "oldest": age.argmax(),
        "tallest": height.argmax(),
        "shortest": height.argmin(),
    }
    vertices = body["v_template"] if which == "mean" else shaped(body, people[which])
    inside = winding_numbers(body["J_regressor"] @ vertices, vertices[body["f"]])
    assert [name for name, number in zip(SMPL_NAMES, inside, strict=True) if number < 0.5] == []


def test_part_labels_are_all_there_and_symmetric(body: dict[str, np.ndarray]) -> None:
    counts = dict(zip(SMPL_NAMES, np.bincount(body["part_labels"], minlength=24), strict=True))
    assert len(counts) == body["part_labels"].max() + 1 == 24
    assert min(counts.values()) >= 20
    for name in SMPL_NAMES:
        if name.startswith("left_"):
            assert abs(int(counts[name]) - int(counts["right_" + name[5:]])) <= 2, name
            assert (
                body["v_template"][body["part_labels"] == SMPL_NAMES.index(name), 0].min() > -0.03
            ), name


def test_uvs_lie_in_the_unit_square_and_have_area(body: dict[str, np.ndarray]) -> None:
    assert body["vt"].min() >= 0
    assert body["vt"].max() <= 1
    a, b, c = np.moveaxis(body["vt"][body["ft"]].astype(np.float64), 1, 0)
    area = np.cross(np.pad(b - a, ((0, 0), (0, 1))), np.pad(c - a, ((0, 0), (0, 1))))[:, 2]
    assert np.abs(area).sum() / 2 > 0.5, "much of the texture is used"
    assert (area < 0).mean() < 0.02, "hardly a triangle is mirrored"


def test_each_vertex_of_the_uv_map_belongs_to_one_vertex(body: dict[str, np.ndarray]) -> None:
    owner = np.full(len(body["vt"]), -1)
    owner[body["ft"].ravel()] = body["f"].ravel()
    assert np.array_equal(owner[body["ft"]], body["f"])


def test_betas_have_unit_variance(body: dict[str, np.ndarray]) -> None:
    betas = body["shape_samples"].astype(np.float64)
    np.testing.assert_allclose(betas.mean(axis=0), 0, atol=0.01)
    np.testing.assert_allclose(betas.std(axis=0), 1, atol=0.01)


def test_heights_of_the_samples_suit_their_ages(body: dict[str, np.ndarray]) -> None:
    age, height, female = body["shape_age"], body["shape_height"], body["shape_gender"] == "f"
    assert 3 <= age.min() < 4 < 85 < age.max() <= 90
    assert 0.4 < female.mean() < 0.6
    expected = [(3, 5, 0.90, 1.20), (5, 9, 1.00, 1.50), (9, 14, 1.20, 1.90), (18, 91, 1.30, 2.10)]
    for youngest, oldest, shortest, tallest in expected:
        heights = height[(age >= youngest) & (age < oldest)]
        assert len(heights) > 30
        assert shortest < heights.min()
        assert heights.max() < tallest
    grown = age >= 18
    assert height[grown & female].mean() == pytest.approx(1.62, abs=0.04)
    assert height[grown & ~female].mean() == pytest.approx(1.76, abs=0.04)


def test_stored_heights_are_those_of_the_shaped_bodies(body: dict[str, np.ndarray]) -> None:
    for person in range(0, len(body["shape_height"]), 211):
        assert np.ptp(shaped(body, person)[:, 1]) == pytest.approx(
            body["shape_height"][person], abs=1e-3
        )


def test_pelvis_stays_where_it_is_whatever_the_shape(body: dict[str, np.ndarray]) -> None:
    for person in range(0, len(body["shape_height"]), 211):
        pelvis = body["J_regressor"][0] @ shaped(body, person)
        np.testing.assert_allclose(pelvis, [0, -0.22, 0], atol=5e-3)


def test_file_says_where_it_comes_from_and_that_it_is_free(body: dict[str, np.ndarray]) -> None:
    assert str(body["licence"]) == "CC0-1.0"
    assert "MakeHuman" in str(body["origin"])


POSED = """
import numpy as np
from blender_addon.bodies.library import default_body

posed = default_body().pose(np.linspace(-2, 2, 20), np.linspace(-1, 1, 72).reshape(24, 3))
print(posed.vertices.tobytes().hex()[:20000:7], posed.joints.tobytes().hex())
"""


def test_numpy_s_threads_do_not_count() -> None:
    """A worker of --jobs has fewer than a process that is alone, and must render the same image."""
    bodies = {
        subprocess.run(
            [sys.executable, "-c", POSED],
            env=os.environ | {"OPENBLAS_NUM_THREADS": threads, "MKL_NUM_THREADS": threads},
            cwd=Path(blender_addon.__file__).parents[1],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2", "4")
    }
    assert len(bodies) == 1
    assert len(bodies.pop()) > 1000
