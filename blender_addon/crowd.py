"""The people of one scene: who they are, how they hold themselves, where they stand. Pure numpy.

Nobody stands in anybody else (footprint.py), everybody's lowest point is where the pose wants it (the ground, but for
a jump or a bicycle), and the first person is what the camera is aimed at.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from . import scenery
from .assets import Assets
from .bodies.pose_props import ground_clearance, place_props
from .bodies.poses import Pose
from .bodies.rotations import matrix_to_axis_angle, rodrigues
from .camera import project
from .footprint import CELL, Cells, Footprint, box_cells, cells_of, centers
from .recipe import Recipe
from .spec import BodySpec, CameraSpec, MotionSpec, PersonSpec, PropSpec, Vec3
from .wardrobe.outfit import Outfit, plain_outfit, sample_outfit

Array = NDArray[np.float64]
Stream = Callable[..., np.random.Generator]  # (factor, part) -> the generator of that factor

PLACEMENT_TRIES = 12
AIM_AT_PEOPLE_AFTER = 0.6  # of the tries
# Ground speed (m/s) that a pose suggests: what motion blur shows.
SPEEDS = {"walking": 1.4, "running": 3.2, "cycling": 4.0}
# Long against any shutter, short against a step.
MOTION_SECONDS = 0.05
# A body model is Y-up and faces +Z; this takes it to the world's Z-up, facing -Y.
STAND = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True, eq=False)
class Figure:
    """A placed person. joints (J, 3) m in the world; cells: the ground it takes, its things' included."""

    spec: PersonSpec
    joints: Array
    cells: Cells
    props: tuple[PropSpec, ...]


@dataclass(eq=False)
class Crowd:
    """The placed people, the camera that looks at them, and the ground that is taken."""

    camera: CameraSpec
    reach: float  # m from the camera to where the first person was meant to stand
    occupied: Footprint
    figures: list[Figure] = field(default_factory=list)

    @property
    def heading(self) -> Array:
        """Unit vector (2,) on the ground, away from the camera."""
        return heading(self.camera.yaw)

    @property
    def props(self) -> tuple[PropSpec, ...]:
        """What the people's poses need: seats, bicycles, bags."""
        return tuple(prop for figure in self.figures for prop in figure.props)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A person before it has a place: at the origin, facing world -Y."""

    spec: PersonSpec
    pelvis: Array  # (3,) of the shaped body at rest, in the model's own axes
    joints: Array  # (J, 3)
    ground: Array  # (N, 2) a sparse set of points that its ground is below
    props: tuple[PropSpec, ...]
    step: Array | None  # (3,) m walked in the motion's seconds


def heading(yaw: float) -> Array:
    """Unit vector (2,) on the ground that a camera of this yaw (degrees) looks along."""
    return np.array([-np.sin(np.radians(yaw)), np.cos(np.radians(yaw))])


def gather(recipe: Recipe, assets: Assets, camera: CameraSpec, stream: Stream) -> Crowd:
    """Draw the people and put them where the camera sees them and nobody walks through another.

    The camera comes back placed and aimed. A person for whom no place is found is left out, but for the first.
    """
    rng = stream("people")
    count = recipe.people.count.sample_int(rng)
    reach = _distance(recipe, rng)
    x, y = -reach * heading(camera.yaw)
    camera = dataclasses.replace(camera, location=(float(x), float(y), camera.location[2]))
    # Half a cell more: that much a turned body's sparse points may misplace its edge.
    crowd = Crowd(camera, reach, Footprint(margin=recipe.people.spacing + CELL / 2))
    crowd.occupied.add(box_cells((float(x), float(y)), (0.4, 0.4), 0.0))  # nobody stands in the camera
    for number in range(count):
        drawn = _draw_person(recipe, assets, stream, number)
        _admit(recipe, crowd, drawn, stream("place", number))
    if not crowd.figures:
        crowd.camera = _aimed(camera, None if recipe.camera.aim == "horizon" else np.array([0.0, 0.0, 0.8]))
    return crowd


def _admit(recipe: Recipe, crowd: Crowd, drawn: _Drawn, rng: np.random.Generator) -> None:
    """Find a place for one more person, the first of whom the camera is aimed at."""
    first = not crowd.figures
    best: tuple[float, Figure, CameraSpec] | None = None
    for attempt in range(PLACEMENT_TRIES):
        late = attempt / PLACEMENT_TRIES
        distance = _distance(recipe, rng)
        if first:
            # A bicycle may need more room than there is before the camera.
            distance = crowd.reach * (1 + late)
        # The later the attempt, the nearer to the middle of the frame, where more of a person fits.
        lateral = recipe.people.lateral.sample(rng) * (1 - late)
        facing = recipe.people.facing.sample(rng)
        figure = _stand(drawn, crowd.camera, distance, lateral, facing)
        if crowd.occupied.hits(figure.cells):
            continue
        camera = crowd.camera
        if first:
            # A drawn tilt may lose the person altogether: it is given up little by little, and the aim at the
            # horizon with it (somebody lying at the photographer's feet).
            level = recipe.camera.aim == "horizon" and late < AIM_AT_PEOPLE_AFTER
            middle = (figure.joints.min(axis=0) + figure.joints.max(axis=0)) / 2
            camera = _aimed(camera, None if level else middle, tilt=1.0 - late)
        shown = _share_in_frame(figure, camera, recipe)
        if best is None or shown > best[0]:
            best = (shown, figure, camera)
        if shown >= recipe.people.in_frame:
            break
    if best is None or (best[0] < recipe.people.in_frame and not first):
        return
    _, figure, crowd.camera = best
    crowd.occupied.add(figure.cells)
    spec = dataclasses.replace(figure.spec, id=len(crowd.figures) + 1)
    crowd.figures.append(dataclasses.replace(figure, spec=spec))


def _distance(recipe: Recipe, rng: np.random.Generator) -> float:
    distance = recipe.camera.distance
    return distance.sample(rng) if recipe.camera.enabled else distance.middle


def _aimed(camera: CameraSpec, target: Array | None, tilt: float = 1.0) -> CameraSpec:
    """The camera with `tilt` times its drawn pitch, counted from `target` (3,) m, or from the horizon when None."""
    pitch = tilt * camera.pitch
    if target is not None:
        away = target - np.asarray(camera.location)
        pitch += float(np.degrees(np.arctan2(away[2], np.hypot(away[0], away[1]))))
    return dataclasses.replace(camera, pitch=float(np.clip(pitch, -89, 89)))


def _share_in_frame(figure: Figure, camera: CameraSpec, recipe: Recipe) -> float:
    width, height = recipe.render.width, recipe.render.height
    pixels, depth = project(figure.joints, camera, width, height)
    inside = (depth > 0.1) & (pixels >= 0).all(axis=1) & (pixels <= (width, height)).all(axis=1)
    return float(inside.mean())


# --- one person -------------------------------------------------------------------------------------------------


def _draw_person(recipe: Recipe, assets: Assets, stream: Stream, number: int) -> _Drawn:
    model_name, betas, age, gender = _sample_shape(recipe, assets, stream("body", number))
    outfit = _sample_outfit(recipe, assets, stream("outfit", number), age, gender)
    rng = stream("pose", number)
    pose, joints, later, step, seconds = _sample_pose(recipe, assets, model_name, rng)
    model = assets.bodies[model_name]
    # Once at the origin to learn how high it must be lifted; a rigid motion takes it from there.
    body = BodySpec(model_name, betas, _rows(joints), (0.0, 0.0, 0.0))
    posed = assets.figures.pose_body(body, outfit)
    up = np.array([0.0, 0.0, ground_clearance(pose, posed.joints[:24]) - float(posed.vertices[:, 2].min())])
    vertices, transforms = posed.vertices + up.astype(np.float32), posed.transforms.copy()
    transforms[:, :3, 3] += up
    placements = place_props(pose, posed.joints[:24] + up, transforms[:24], vertices, rng)
    props = tuple(
        PropSpec(
            p.shape, _vec(p.location), _vec(p.rotation), _vec(p.size), scenery.sample_surface(p.shape, rng)
        )
        for p in placements
    )
    motion = None if later is None else MotionSpec(_rows(later), (0.0, 0.0, 0.0), seconds)
    spec = PersonSpec(number + 1, dataclasses.replace(body, translation=_vec(up)), outfit, pose.name, motion)
    # Points half a cell apart are dense enough to know which cells the turned body covers.
    sparse = centers(cells_of(vertices, CELL / 2), CELL / 2)
    pelvis = model.rest_joints(betas)[0]
    return _Drawn(spec, pelvis, posed.joints + up, sparse, props, step)


def _stand(drawn: _Drawn, camera: CameraSpec, distance: float, lateral: float, facing: float) -> Figure:
    """Put a person `distance` from the camera, `lateral` of half the frame to the right, turned by `facing` from
    looking at the camera."""
    aside = lateral * camera.fov / 2
    x, y = np.asarray(camera.location[:2]) + distance * heading(camera.yaw - aside)
    # At yaw 0 the camera looks along +Y, and a person at rest faces -Y: into the camera.
    degrees = camera.yaw - aside + facing
    turn = _about_z(np.radians(degrees))
    shift = np.array([x, y, 0.0])

    def moved(points: Array) -> Array:
        return points @ turn.T + shift

    body = drawn.spec.body
    # Turning the root turns the body about its pelvis J0, not about the origin: t' = R(J0 + t) - J0.
    root = matrix_to_axis_angle(turn @ rodrigues(body.pose[0]))
    translation = moved(drawn.pelvis + body.translation) - drawn.pelvis
    motion = drawn.spec.motion
    if motion is not None and drawn.step is not None:
        later_root = matrix_to_axis_angle(turn @ rodrigues(motion.pose[0]))
        motion = MotionSpec(
            (_vec(later_root), *motion.pose[1:]), _vec(translation + turn @ drawn.step), motion.seconds
        )
    spec = dataclasses.replace(
        drawn.spec,
        body=dataclasses.replace(body, pose=(_vec(root), *body.pose[1:]), translation=_vec(translation)),
        motion=motion,
    )
    props = tuple(
        dataclasses.replace(p, location=_vec(moved(np.array(p.location))), rotation=_turned(p.rotation, turn))
        for p in drawn.props
    )
    cells = cells_of(drawn.ground @ turn[:2, :2].T + shift[:2])
    for prop in props:
        cells = np.union1d(cells, box_cells(prop.location[:2], prop.size[:2], prop.rotation[2]))
    return Figure(spec, moved(drawn.joints), cells, props)


def _sample_shape(
    recipe: Recipe, assets: Assets, rng: np.random.Generator
) -> tuple[str, tuple[float, ...], float | None, float | None]:
    """(model, betas, age in years or None, gender 0 female .. 1 male or None)."""
    b = recipe.bodies
    model_name = b.models[int(rng.integers(len(b.models)))] if b.enabled else b.models[0]
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


def _sample_outfit(
    recipe: Recipe, assets: Assets, rng: np.random.Generator, age: float | None, gender: float | None
) -> Outfit:
    w = recipe.wardrobe
    if not w.enabled:
        return plain_outfit()
    textures = assets.textures if rng.random() < w.texture_share else ()
    low, high = w.skin_tones.bounds
    return sample_outfit(
        rng,
        age=age,
        gender=gender,
        garments=w.garments,
        patterns=w.patterns,
        tones=(round(low), round(high)),
        loose=w.loose,
        textures=textures,
    )


def _sample_pose(
    recipe: Recipe, assets: Assets, model_name: str, rng: np.random.Generator
) -> tuple[Pose, Array, Array | None, Array | None, float]:
    """(what the pose is and needs, joints (J, 3) facing world -Y, the joints a moment later, the step (3,) m that
    leads there, that moment in s); the last three None where a pose suggests no movement."""
    p = recipe.poses
    from_motion = bool(assets.motions) and p.enabled and rng.random() < p.motion_share
    if from_motion:
        motion = assets.sample_motion(rng)
        frame = int(rng.integers(len(motion.poses)))
        after = min(frame + 1, len(motion.poses) - 1)
        joints, later = (assets.fit_pose(motion.poses[i], model_name) for i in (frame, after))
        unturn = _heading_removed(joints[0])
        step = unturn @ (motion.translations[after] - motion.translations[frame])
        for pose_ in (joints, later):
            pose_[0] = matrix_to_axis_angle(unturn @ rodrigues(pose_[0]))
        joints = joints + rng.uniform(-p.noise, p.noise, joints.shape)
        pose = Pose(name=motion.name, category="motion", support="ground", joints=joints)
        return pose, joints, later, step, 1.0 / motion.fps

    pose = assets.poses[int(rng.integers(len(assets.poses)))] if p.enabled else assets.neutral_pose
    if p.enabled:
        pose = pose.mirrored() if rng.random() < 0.5 else pose
        pose = pose.varied(rng, p.variation)
    joints = assets.fit_pose(pose.joints, model_name)
    if p.enabled:
        joints = joints + rng.uniform(-p.noise, p.noise, joints.shape)
    joints[0] = matrix_to_axis_angle(STAND @ rodrigues(joints[0]))
    speed = SPEEDS.get(pose.category, 0.0)
    later = joints + rng.normal(0.0, 0.04, joints.shape) * (np.arange(len(joints)) > 0)[:, None]
    return pose, joints, later, np.array([0.0, -speed * MOTION_SECONDS, 0.0]), MOTION_SECONDS


def _heading_removed(root: Array) -> Array:
    """The turn about Z after which a body with this root orientation (axis-angle) faces -Y."""
    front = rodrigues(root)[:, 2]
    return _about_z(-np.pi / 2 - np.arctan2(front[1], front[0]))


def _about_z(angle: float) -> Array:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _turned(euler: Vec3, turn: Array) -> Vec3:
    """XYZ Euler angles (degrees) after a turn about Z: Blender's XYZ order applies Z last, so it only adds up."""
    return (euler[0], euler[1], float(euler[2] + np.degrees(np.arctan2(turn[1, 0], turn[0, 0]))))


def _vec(values: NDArray[np.floating] | Vec3) -> Vec3:
    x, y, z = (float(v) for v in values)
    return (x, y, z)


def _rows(values: NDArray[np.floating]) -> tuple[Vec3, ...]:
    return tuple(_vec(row) for row in values)
