"""The people of a scene before they are placed: body, clothes, pose and props. Pure numpy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..bodies.pose_library import Pose
from ..bodies.pose_props import ground_clearance, place_props
from ..bodies.rotations import about_z, matrix_to_axis_angle, rodrigues
from ..recipes.recipe import Recipe
from ..wardrobe.fabric_sampling import with_cloth
from ..wardrobe.garment_kind import PATTERNS
from ..wardrobe.hair_styles import with_mesh_hair
from ..wardrobe.item_sampling import (
    at_rest,
    sample_items,
    wearer_of,
    with_things_apart,
    without_accessories,
)
from ..wardrobe.mesh_sampling import matched, with_mesh_garments
from ..wardrobe.outfit import Outfit, plain_outfit
from ..wardrobe.pack_sampling import dress_from_packs
from ..wardrobe.sampling import sample_outfit
from ..wardrobe.skin_detail import with_skin_detail
from . import surfaces
from .acting import Acting, acting, as_posed
from .assets import Assets
from .ground_grid import CELL, cells_of, centers
from .physique import sample_physique
from .spec import BodySpec, MotionSpec, PersonSpec, PropSpec, Vec3, vec3

Array = NDArray[np.float64]
Stream = Callable[..., np.random.Generator]  # (factor, part) -> the generator of that factor

# Ground speed (m/s) that a pose suggests, for motion blur.
SPEEDS = {"walking": 1.4, "running": 3.2, "cycling": 4.0}
# Categories of poses in which the back may touch a seat or a bed.
SEATED = ("sitting", "lying")
# Long against any shutter, short against a step.
MOTION_SECONDS = 0.05
# A body model is Y-up and faces +Z; this takes it to the world's Z-up, facing -Y.
MODEL_TO_WORLD = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True, eq=False)
class UnplacedPerson:
    """A person at the origin, facing world -Y.

    Attributes:
        spec: The person.
        pelvis: (3,) pelvis of the shaped body at rest, in the model's own axes, m.
        joints: (J, 3) m.
        ground: (N, 2) sparse points above the ground that the person takes, m.
        props: Things that the pose needs.
        step: (3,) m walked during the motion; None without motion.
    """

    spec: PersonSpec
    pelvis: Array
    joints: Array
    ground: Array
    props: tuple[PropSpec, ...]
    step: Array | None


def sample_person(
    recipe: Recipe,
    assets: Assets,
    stream: Stream,
    number: int,
    poses: Sequence[Pose] = (),
    holding: Mapping[str, str] | None = None,
) -> UnplacedPerson:
    """Draw person `number` of a scene, counted from 0.

    Args:
        recipe: What may vary.
        assets: What is drawn from.
        stream: The generators of the scene.
        number: Number of the person.
        poses: Poses to draw from; empty for all that the recipe has.
        holding: Kinds of hands, see `acting`.
    """
    model, betas, age, gender, stoop = sample_body(recipe, assets, stream, number)
    outfit = sample_clothes(recipe, assets, stream, number, model, age, gender)
    poses = poses or companion_poses(recipe, assets, stream, number, age)
    act = acting(recipe, stream("face", number), stream("fingers", number), holding, stoop)
    rng = stream("pose", number)
    return draw_pose(recipe, assets, number + 1, model, betas, outfit, rng, act, poses)


# Years from which, and up to which, people are met with a thing.
_AGES = {
    "stick": (45, 200),
    "rollator": (60, 200),
    "scooter": (4, 45),
    "skateboard": (8, 40),
    "trolley": (12, 200),
    "crutch": (8, 200),
    "racket": (6, 75),
}


def companion_poses(
    recipe: Recipe, assets: Assets, stream: Stream, number: int, age: float | None
) -> tuple[Pose, ...]:
    """Poses with a companion (a wheelchair, a dog) that suit an age; () for a person without one.

    Args:
        recipe: What may vary.
        assets: What is drawn from.
        stream: The generators of the scene.
        number: Number of the person.
        age: Years; None where unknown.
    """
    p = recipe.poses
    if not p.enabled or p.companions <= 0 or not assets.companions:
        return ()
    if stream("companion", number).random() >= p.companions * posed_share(recipe, assets):
        return ()
    age = 35.0 if age is None else age

    def suits(pose: Pose) -> bool:
        spans = (_AGES.get(prop.partition("@")[0], (0, 200)) for prop in pose.props)
        return all(low <= age <= high for low, high in spans)

    return tuple(pose for pose in assets.companions if suits(pose))


def posed_share(recipe: Recipe, assets: Assets) -> float:
    """Share of the people who pose as the library does; the others come from motions, alone and
    without things.
    """
    return 1 - recipe.poses.motion_share if assets.motions else 1.0


def draw_pose(
    recipe: Recipe,
    assets: Assets,
    id_: int,
    model_name: str,
    betas: tuple[float, ...],
    outfit: Outfit,
    rng: np.random.Generator,
    act: Acting = as_posed,
    poses: Sequence[Pose] = (),
) -> UnplacedPerson:
    """Draw a pose for a body in its clothes, with the props that the pose needs.

    Args:
        recipe: What may vary.
        assets: The poses and bodies to draw from.
        id_: Id of the person, from 1.
        model_name: The body model.
        betas: The shape.
        outfit: The clothes.
        rng: Generator of the pose.
        act: What gives the person face and fingers.
        poses: Poses to draw from; empty for all that the recipe has.
    """
    pose, joints, later, step, seconds = _sample_pose(recipe, assets, model_name, rng, poses)
    outfit = worn_in(pose.category, outfit)
    # Posed once at the origin to find how high it must be lifted; a rigid motion places it later.
    model = assets.bodies[model_name]
    joints, expression = act(model, betas, pose, joints)
    body = BodySpec(model_name, betas, _rows(joints), (0.0, 0.0, 0.0), expression)
    posed = assets.poser.pose_body(body, outfit)
    up = np.array(
        [0.0, 0.0, ground_clearance(pose, posed.joints[:24]) - float(posed.vertices[:, 2].min())]
    )
    vertices, transforms = posed.vertices + up.astype(np.float32), posed.transforms.copy()
    transforms[:, :3, 3] += up
    placements = place_props(pose, posed.joints[:24] + up, transforms[:24], vertices, rng)
    props = tuple(
        PropSpec(
            p.shape,
            vec3(p.location),
            vec3(p.rotation),
            vec3(p.size),
            surfaces.sample_surface(p.shape, rng),
            owner=id_,
        )
        for p in placements
    )
    motion = None if later is None else MotionSpec(_rows(later), (0.0, 0.0, 0.0), seconds)
    spec = PersonSpec(
        id_, dataclasses.replace(body, translation=vec3(up)), outfit, pose.name, motion
    )
    pelvis = model.rest_joints(betas)[0]
    return UnplacedPerson(spec, pelvis, posed.joints + up, _sparse(vertices), props, step)


def worn_in(category: str, outfit: Outfit) -> Outfit:
    """The part of an outfit that a person wears in a pose of this category."""
    return at_rest(outfit) if category in SEATED else outfit


def _sparse(vertices: NDArray[np.floating]) -> Array:
    """Points half a cell apart: dense enough to find the cells that the turned body covers."""
    return centers(cells_of(vertices, CELL / 2), CELL / 2)


def sample_body(
    recipe: Recipe, assets: Assets, stream: Stream, number: int, keep: str = ""
) -> tuple[str, tuple[float, ...], float | None, float | None, float]:
    """Draw the body of person `number`, usual or not.

    Returns:
        What `sample_shape` returns, and the degrees by which the person stoops.
    """
    name, betas, age, gender = sample_shape(recipe, assets, stream("body", number), keep)
    if not recipe.bodies.enabled or recipe.bodies.unusual <= 0:
        return name, betas, age, gender, 0.0
    model, rng = assets.bodies[name], stream("physique", number)
    physique = sample_physique(recipe, model, betas, age, gender, rng)
    return name, physique.betas, age, gender, physique.stoop


def sample_shape(
    recipe: Recipe, assets: Assets, rng: np.random.Generator, keep: str = ""
) -> tuple[str, tuple[float, ...], float | None, float | None]:
    """Draw a body shape.

    Args:
        recipe: What may vary.
        assets: The bodies to draw from.
        rng: Generator of the shape.
        keep: The body model to use; empty to draw one.

    Returns:
        (model, betas, age in years, gender 0 female .. 1 male); the last two are None where
        unknown.
    """
    b = recipe.bodies
    model_name = b.models[int(rng.integers(len(b.models)))] if b.enabled else b.models[0]
    model_name = keep or model_name
    model = assets.bodies[model_name]
    if not b.enabled:
        return model_name, (0.0,) * min(10, model.num_betas), None, None
    samples = model.shape_samples
    if samples is None:
        betas = tuple(round(b.betas.sample(rng), 4) for _ in range(min(10, model.num_betas)))
        return model_name, betas, None, {"female": 0.0, "male": 1.0}.get(model.gender)
    age, male = b.ages.sample(rng), rng.random() >= b.female
    same = np.flatnonzero((samples.gender >= 0.5) == male)
    nearest = same[np.argsort(np.abs(samples.age[same] - age), kind="stable")[:24]]
    chosen = int(nearest[rng.integers(len(nearest))])
    noise = rng.normal(0.0, b.shape_noise, model.num_betas)
    betas = tuple(round(float(v), 4) for v in samples.betas[chosen] + noise)
    return model_name, betas, float(samples.age[chosen]), float(samples.gender[chosen])


def sample_clothes(
    recipe: Recipe,
    assets: Assets,
    stream: Stream,
    number: int,
    model_name: str,
    age: float | None,
    gender: float | None,
) -> Outfit:
    """Draw an outfit of the recipe. What a switch of [wardrobe] turns off moves no other draw.

    Args:
        recipe: What may vary.
        assets: The files to draw from.
        stream: Generators by factor.
        number: Number of the person in the scene, from 0.
        model_name: The body model.
        age: Years; None where unknown.
        gender: 0 female .. 1 male; None where unknown.
    """
    w = recipe.wardrobe
    if not w.enabled:
        return plain_outfit()
    rng = stream("outfit", number)
    textures = assets.textures if assets.bodies[model_name].uv is not None else ()
    textures = textures if rng.random() < w.texture_share else ()
    low, high = w.skin_tones.bounds
    outfit = sample_outfit(
        rng,
        age=age,
        gender=gender,
        garments=w.garments,
        patterns=w.patterns,
        tones=(round(low), round(high)),
        loose=w.loose,
        textures=textures,
    )
    if outfit.texture or w.style == "painted":
        return outfit  # a UV texture shows the clothes on the body itself
    outfit = dataclasses.replace(
        outfit, style=w.style, locks=w.hair, drape=w.drape, skin_detail=w.skin_detail
    )
    outfit = with_mesh_garments(
        stream("garments", number),
        outfit,
        age,
        gender,
        garments=w.garments,
        patterns=tuple(p for p in w.patterns if p in PATTERNS),
        loose=w.loose,
    )
    outfit = with_skin_detail(matched(with_cloth(outfit, w.patterns)), age, gender)
    if w.hair:
        outfit = with_mesh_hair(stream("hair", number), outfit, age, gender)
    wearer = wearer_of(outfit, age, gender)
    outfit = sample_items(stream("items", number), outfit, wearer)
    outfit = outfit if w.accessories else without_accessories(outfit)
    outfit = outfit if w.carried else with_things_apart(outfit)
    outfit = dress_from_packs(
        stream("packs", number),
        outfit,
        wearer,
        assets.pack_wardrobe,
        share=w.pack_share if assets.packs else 0.0,
        hair=w.hair,
        accessories=w.accessories,
    )
    # The images of skins are laid out as the default body is.
    return outfit if model_name == "default" else dataclasses.replace(outfit, skin_image="")


def _sample_pose(
    recipe: Recipe,
    assets: Assets,
    model_name: str,
    rng: np.random.Generator,
    poses: Sequence[Pose] = (),
) -> tuple[Pose, Array, Array | None, Array | None, float]:
    """(pose, joints (J, 3) facing world -Y, joints a moment later, step (3,) m towards them, that
    moment in s); the last three are None where a pose suggests no motion.
    """
    p = recipe.poses
    from_motion = bool(assets.motions) and p.enabled and not poses
    from_motion = from_motion and rng.random() < p.motion_share
    if from_motion:
        motion = assets.sample_motion(rng)
        frame = int(rng.integers(len(motion.poses)))
        after = min(frame + 1, len(motion.poses) - 1)
        joints, later = (assets.fit_pose(motion.poses[i], model_name) for i in (frame, after))
        unturn = heading_removed(joints[0])
        step = unturn @ (motion.translations[after] - motion.translations[frame])
        for pose_ in (joints, later):
            pose_[0] = matrix_to_axis_angle(unturn @ rodrigues(pose_[0]))
        joints = joints + rng.uniform(-p.noise, p.noise, joints.shape)
        pose = Pose(name=motion.name, category="motion", support="ground", joints=joints)
        if motion.fps is None:
            return pose, joints, None, None, 0.0
        return pose, joints, later, step, 1.0 / motion.fps

    choice = poses or fitting_poses(recipe, assets)
    pose = choice[int(rng.integers(len(choice)))] if p.enabled else assets.neutral_pose
    if p.enabled:
        pose = pose.mirrored() if rng.random() < 0.5 else pose
        pose = pose.varied(rng, p.variation)
    joints = assets.fit_pose(pose.joints, model_name)
    if p.enabled:
        joints = joints + rng.uniform(-p.noise, p.noise, joints.shape)
    joints[0] = matrix_to_axis_angle(MODEL_TO_WORLD @ rodrigues(joints[0]))
    speed = SPEEDS.get(pose.category, 0.0)
    later = joints + rng.normal(0.0, 0.04, joints.shape) * (np.arange(len(joints)) > 0)[:, None]
    return pose, joints, later, np.array([0.0, -speed * MOTION_SECONDS, 0.0]), MOTION_SECONDS


def fitting_poses(recipe: Recipe, assets: Assets) -> Sequence[Pose]:
    """The poses of the recipe's categories: a place may leave fewer than were loaded."""
    wanted = recipe.poses.categories
    fitting = [pose for pose in assets.poses if not wanted or pose.category in wanted]
    return fitting or assets.poses


def heading_removed(root: Array) -> Array:
    """The rotation (3, 3) about Z after which a body with this root (axis-angle) faces -Y."""
    front = rodrigues(root)[:, 2]
    return about_z(-np.pi / 2 - np.arctan2(front[1], front[0]))


def _rows(values: NDArray[np.floating]) -> tuple[Vec3, ...]:
    return tuple(vec3(row) for row in values)
