"""The people of one scene: who they are, how they hold themselves, where they stand. Pure numpy.

Nobody stands in anybody else (ground_grid.py), everybody's lowest point is where the pose wants it (the ground, but for
a jump or a bicycle), and the first person is what the camera is aimed at.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..bodies.model import BodyModel
from ..bodies.pose_library import Pose
from ..bodies.pose_props import ground_clearance, place_props
from ..bodies.rotations import matrix_to_axis_angle, rodrigues
from ..recipes.recipe import Recipe
from ..wardrobe.outfit import Outfit, plain_outfit
from ..wardrobe.sampling import sample_outfit
from . import surfaces
from .assets import Assets
from .camera import project
from .ground_grid import CELL, Cells, Footprint, box_cells, cells_of, centers
from .spec import BodySpec, CameraSpec, MotionSpec, PersonSpec, PropSpec, Vec3

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
class Drawn:
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
    count, reach = sample_extent(recipe, stream("people"))
    camera = moved_back(camera, np.zeros(2), reach)
    crowd = Crowd(camera, reach, free_ground(recipe, camera))
    for number in range(count):
        drawn = _draw_person(recipe, assets, stream, number)
        _admit(recipe, crowd, drawn, stream("place", number))
    if not crowd.figures:
        crowd.camera = aimed_at_nobody(recipe, camera)
    return crowd


def sample_extent(recipe: Recipe, rng: np.random.Generator) -> tuple[int, float]:
    """How many people there are, and how far (m) from the camera the first of them was meant to stand."""
    return recipe.people.count.sample_int(rng), _distance(recipe, rng)


def moved_back(camera: CameraSpec, place: Array, distance: float, aside: float = 0.0) -> CameraSpec:
    """The camera `distance` (m) before `place` (2,), which it sees `aside` degrees right of its middle."""
    x, y = place - distance * heading(camera.yaw - aside)
    return dataclasses.replace(camera, location=(float(x), float(y), camera.location[2]))


def free_ground(recipe: Recipe, camera: CameraSpec) -> Footprint:
    """Ground on which nothing stands yet but the camera."""
    # Half a cell more: that much a turned body's sparse points may misplace its edge.
    ground = Footprint(margin=recipe.people.spacing + CELL / 2)
    ground.add(camera_cells(camera))
    return ground


def camera_cells(camera: CameraSpec) -> Cells:
    """The ground on which nobody stands, so as not to stand in the camera."""
    return box_cells(camera.location[:2], (0.4, 0.4), 0.0)


@dataclass(frozen=True)
class Try:
    """One attempt to find a place before the camera. `late` grows from 0 towards 1, with every attempt."""

    late: float
    distance: float  # m
    lateral: float  # of half the frame, to the right
    facing: float  # degrees away from the camera


def sample_tries(recipe: Recipe, rng: np.random.Generator) -> Iterator[Try]:
    """The attempts for one person; each is less extreme than the one before."""
    for attempt in range(PLACEMENT_TRIES):
        late = attempt / PLACEMENT_TRIES
        distance = _distance(recipe, rng)
        # The later the attempt, the nearer to the middle of the frame, where more of a person fits.
        lateral = recipe.people.lateral.sample(rng) * (1 - late)
        yield Try(late, distance, lateral, recipe.people.facing.sample(rng))


def _admit(recipe: Recipe, crowd: Crowd, drawn: Drawn, rng: np.random.Generator) -> None:
    """Find a place for one more person, the first of whom the camera is aimed at."""
    first = not crowd.figures
    best: tuple[float, Figure, CameraSpec] | None = None
    for place in sample_tries(recipe, rng):
        distance = stretched(crowd.reach, place) if first else place.distance
        figure = _stand(drawn, crowd.camera, distance, place.lateral, place.facing)
        if crowd.occupied.hits(figure.cells):
            continue
        camera = aimed(recipe, crowd.camera, figure.joints, place.late) if first else crowd.camera
        shown = share_in_frame(figure.joints, camera, recipe)
        if best is None or shown > best[0]:
            best = (shown, figure, camera)
        if shown >= recipe.people.in_frame:
            break
    if best is None or (best[0] < recipe.people.in_frame and not first):
        return
    _, figure, crowd.camera = best
    crowd.occupied.add(figure.cells)
    crowd.figures.append(_numbered(figure, len(crowd.figures) + 1))


def _numbered(figure: Figure, id_: int) -> Figure:
    props = tuple(dataclasses.replace(prop, owner=id_) for prop in figure.props)
    return dataclasses.replace(figure, spec=dataclasses.replace(figure.spec, id=id_), props=props)


def _distance(recipe: Recipe, rng: np.random.Generator) -> float:
    distance = recipe.camera.distance
    return distance.sample(rng) if recipe.camera.enabled else distance.middle


def stretched(reach: float, place: Try) -> float:
    """How far (m) from the camera the first person is put: a bicycle may need more room than there is before it."""
    return reach * (1 + place.late)


def aimed(recipe: Recipe, camera: CameraSpec, joints: Array, late: float = 0.0) -> CameraSpec:
    """The camera with its drawn pitch counted from the middle of a person, joints (J, 3) m, or from the horizon.

    A drawn tilt may lose the person altogether: `late` in the tries it is given up little by little, and the aim at the
    horizon with it (somebody lying at the photographer's feet).
    """
    level = recipe.camera.aim == "horizon" and late < AIM_AT_PEOPLE_AFTER
    middle = (joints.min(axis=0) + joints.max(axis=0)) / 2
    return _aimed(camera, None if level else middle, tilt=1.0 - late)


def aimed_at_nobody(recipe: Recipe, camera: CameraSpec) -> CameraSpec:
    """The same where there is no person: over the origin somebody might stand."""
    return _aimed(camera, None if recipe.camera.aim == "horizon" else np.array([0.0, 0.0, 0.8]))


def _aimed(camera: CameraSpec, target: Array | None, tilt: float = 1.0) -> CameraSpec:
    """The camera with `tilt` times its drawn pitch, counted from `target` (3,) m, or from the horizon when None."""
    pitch = tilt * camera.pitch
    if target is not None:
        away = target - np.asarray(camera.location)
        pitch += float(np.degrees(np.arctan2(away[2], np.hypot(away[0], away[1]))))
    return dataclasses.replace(camera, pitch=float(np.clip(pitch, -89, 89)))


def share_in_frame(joints: Array, camera: CameraSpec, recipe: Recipe) -> float:
    """Which share of joints (J, 3) m is inside the frame."""
    width, height = recipe.render.width, recipe.render.height
    pixels, depth = project(joints, camera, width, height)
    inside = (depth > 0.1) & (pixels >= 0).all(axis=1) & (pixels <= (width, height)).all(axis=1)
    return float(inside.mean())


# --- one person -------------------------------------------------------------------------------------------------


def _draw_person(recipe: Recipe, assets: Assets, stream: Stream, number: int) -> Drawn:
    model, betas, age, gender = sample_shape(recipe, assets, stream("body", number))
    outfit = sample_clothes(recipe, stream("outfit", number), assets.textures, age, gender)
    return draw_pose(recipe, assets, number + 1, model, betas, outfit, stream("pose", number))


def draw_pose(
    recipe: Recipe,
    assets: Assets,
    id_: int,
    model_name: str,
    betas: tuple[float, ...],
    outfit: Outfit,
    rng: np.random.Generator,
) -> Drawn:
    """Person `id_`, of this shape and in these clothes, in a pose of the recipe, with the things that it needs."""
    pose, joints, later, step, seconds = _sample_pose(recipe, assets, model_name, rng)
    # Once at the origin to learn how high it must be lifted; a rigid motion takes it from there.
    body = BodySpec(model_name, betas, _rows(joints), (0.0, 0.0, 0.0))
    posed = assets.figures.pose_body(body, outfit)
    up = np.array(
        [0.0, 0.0, ground_clearance(pose, posed.joints[:24]) - float(posed.vertices[:, 2].min())]
    )
    vertices, transforms = posed.vertices + up.astype(np.float32), posed.transforms.copy()
    transforms[:, :3, 3] += up
    placements = place_props(pose, posed.joints[:24] + up, transforms[:24], vertices, rng)
    props = tuple(
        PropSpec(
            p.shape,
            _vec(p.location),
            _vec(p.rotation),
            _vec(p.size),
            surfaces.sample_surface(p.shape, rng),
            owner=id_,
        )
        for p in placements
    )
    motion = None if later is None else MotionSpec(_rows(later), (0.0, 0.0, 0.0), seconds)
    spec = PersonSpec(
        id_, dataclasses.replace(body, translation=_vec(up)), outfit, pose.name, motion
    )
    pelvis = assets.bodies[model_name].rest_joints(betas)[0]
    return Drawn(spec, pelvis, posed.joints + up, _sparse(vertices), props, step)


def _sparse(vertices: NDArray[np.floating]) -> Array:
    """Points half a cell apart: dense enough to know which cells the turned body covers."""
    return centers(cells_of(vertices, CELL / 2), CELL / 2)


def _stand(
    drawn: Drawn, camera: CameraSpec, distance: float, lateral: float, facing: float
) -> Figure:
    """Put a person `distance` from the camera, `lateral` of half the frame to the right, turned by `facing` from
    looking at the camera."""
    aside = lateral * camera.fov / 2
    place = np.asarray(camera.location[:2]) + distance * heading(camera.yaw - aside)
    # At yaw 0 the camera looks along +Y, and a person at rest faces -Y: into the camera.
    return stand(drawn, place, camera.yaw - aside + facing)


def stand(drawn: Drawn, place: Array, degrees: float) -> Figure:
    """Turn a drawn person by `degrees` about Z, then take it from the origin to `place` (2,) m."""
    x, y = place
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
            (_vec(later_root), *motion.pose[1:]),
            _vec(translation + turn @ drawn.step),
            motion.seconds,
        )
    spec = dataclasses.replace(
        drawn.spec,
        body=dataclasses.replace(
            body, pose=(_vec(root), *body.pose[1:]), translation=_vec(translation)
        ),
        motion=motion,
    )
    props = tuple(
        dataclasses.replace(
            p, location=_vec(moved(np.array(p.location))), rotation=_turned(p.rotation, turn)
        )
        for p in drawn.props
    )
    cells = with_props(cells_of(drawn.ground @ turn[:2, :2].T + shift[:2]), props)
    return Figure(spec, moved(drawn.joints), cells, props)


def facing(root: NDArray[np.floating] | Vec3) -> float:
    """Where a body with this root orientation (axis-angle) faces: degrees about Z from world -Y. For one that lies it
    is where it faced before it fell, forwards or backwards."""
    R = rodrigues(root)
    upright = abs(R[2, 2]) < 0.8
    x, y, _ = R[:, 2] if upright else -np.sign(R[2, 2]) * R[:, 1]
    return float(np.degrees(np.arctan2(x, -y)))


def stand_like(drawn: Drawn, pelvis: Array, direction: float) -> Figure:
    """Put a drawn person where its pelvis is above `pelvis` (2,) m and it faces `direction` (degrees, see `facing`)."""
    degrees = direction - facing(drawn.spec.body.pose[0])
    return stand(drawn, pelvis - _about_z(np.radians(degrees))[:2, :2] @ drawn.pelvis[:2], degrees)


def place_of(body: BodySpec, model: BodyModel) -> Array:
    """(2,) m: where a body was put by `stand`, as far as its facing tells by how much it was turned."""
    pelvis = model.rest_joints(body.betas)[0]
    turn = _about_z(np.radians(facing(body.pose[0])))
    return (pelvis + body.translation - turn @ pelvis)[:2]


def with_props(cells: Cells, props: Iterable[PropSpec]) -> Cells:
    """These cells and those of things."""
    for prop in props:
        cells = np.union1d(cells, box_cells(prop.location[:2], prop.size[:2], prop.rotation[2]))
    return cells


def sample_shape(
    recipe: Recipe, assets: Assets, rng: np.random.Generator, keep: str = ""
) -> tuple[str, tuple[float, ...], float | None, float | None]:
    """(model, betas, age in years or None, gender 0 female .. 1 male or None). `keep`: the model that it must be."""
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
    rng: np.random.Generator,
    textures: Sequence[str],
    age: float | None,
    gender: float | None,
) -> Outfit:
    """Clothes of the recipe for somebody of this age (years) and gender (0 female .. 1 male), None where unknown."""
    w = recipe.wardrobe
    if not w.enabled:
        return plain_outfit()
    textures = textures if rng.random() < w.texture_share else ()
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
        unturn = heading_removed(joints[0])
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


def heading_removed(root: Array) -> Array:
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
