"""Random models in each published layout, at full size, posed by us and by the smplx package: equal
within 1e-5 m.
"""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.bodies.convert import smplx_module, smplx_pose
from blender_addon.bodies.formats import read_arrays, read_model

pytest.importorskip("smplx", reason="NOT TESTED: smplx is not installed; run make test-smplx")
pytestmark = pytest.mark.smplx

SMPL, SMPLX = 6890, 10475  # vertices


@pytest.mark.parametrize(
    ("family", "vertices", "directions", "layout", "split"),
    [
        ("smpl", SMPL, 10, "pkl", (10, 0)),  # basicmodel_…_v1.0.0.pkl
        ("smpl", 300, 300, "pkl", (300, 0)),  # basicmodel_…_v1.1.0.pkl
        ("smpl", SMPL, 10, "npz", (10, 0)),
        ("smplh", 300, 10, "pkl", (10, 0)),  # SMPLH_FEMALE.pkl
        ("smplh", SMPL, 16, "npz", (16, 0)),  # AMASS's male/model.npz
        ("smplx", SMPLX, 20, "npz", (10, 10)),  # v1.0
        ("smplx", 300, 400, "npz", (300, 100)),  # v1.1
        ("smplx", 300, 10, "npz", (10, 0)),
        ("smplx", 300, 20, "pkl", (10, 10)),
    ],
)
def test_vertices_and_joints_equal_the_smplx_packages(
    model_files, random_arrays, rng, family, vertices, directions, layout, split
):
    arrays = random_arrays(family, rng, vertices, directions, np.float32)
    path = model_files.pkl(arrays) if layout == "pkl" else model_files.npz(arrays)
    model = read_model(path)
    assert (model.num_betas, model.num_expression) == split
    module = smplx_module(family, read_arrays(path))
    for _ in range(2):
        # The package uses no more than 10 of SMPL's and SMPL-H's directions when there are fewer
        # than 300.
        betas = rng.normal(size=module.num_betas)
        expression = rng.normal(size=module.num_expression_coeffs)
        pose, translation = rng.normal(size=(model.num_joints, 3)), rng.normal(size=3)
        expected_vertices, expected_joints = smplx_pose(
            module, betas, pose, translation, expression
        )
        posed = model.pose(betas, pose, translation, expression=expression)
        np.testing.assert_allclose(posed.vertices, expected_vertices, atol=1e-5, rtol=0)
        np.testing.assert_allclose(posed.joints, expected_joints, atol=1e-5, rtol=0)
