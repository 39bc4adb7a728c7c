"""Placement of the people, and aim of the camera. Pure numpy.

No two people share ground (ground_grid.py). The lowest point of each is where the pose has it: on
the ground, except in a jump or on a bicycle. The camera is aimed at the first person.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..bodies.model import BodyModel
from ..bodies.rotations import about_z, matrix_to_axis_angle, rodrigues
from ..recipes.recipe import Recipe
from .assets import Assets
from .camera import middle_aside, project
from .ground_grid import CELL, Cells, Footprint, box_cells, cells_of, sorted_unique
from .group_members import Member
from .groups import sample_group
from .people import Array, Stream, UnplacedPerson, sample_person
from .spec import BodySpec, CameraSpec, MotionSpec, PersonSpec, PropSpec, Vec3, vec3

PLACEMENT_ATTEMPTS = 12
AIM_AT_PEOPLE_AFTER = 0.6  # share of the attempts
# The aim of a camera that a photo fixes; recipes cannot ask for it.
FIXED_AIM = "photo"


@dataclass(frozen=True, eq=False)
class PlacedPerson:
    """A person with a place.

    Attributes:
        spec: The person.
        joints: (J, 3) m in the world.
        cells: The ground that the person and its props take.
        props: Things that the pose needs.
    """

    spec: PersonSpec
    joints: Array
    cells: Cells
    props: tuple[PropSpec, ...]


@dataclass(eq=False)
class Crowd:
    """The placed people, the camera, and the occupied ground.

    Attributes:
        camera: Placed and aimed as far as there are people.
        reach: Distance from the camera at which the first person was drawn, m.
        occupied: The ground that is taken.
        people: The placed people.
        things: The things of a place, which take ground too; places.site keeps off them.
    """

    camera: CameraSpec
    reach: float
    occupied: Footprint
    people: list[PlacedPerson] = field(default_factory=list)
    things: tuple[PropSpec, ...] = ()

    @property
    def heading(self) -> Array:
        """Unit vector (2,) on the ground, away from the camera."""
        return heading(self.camera.yaw)

    @property
    def across(self) -> Array:
        """Unit vector (2,) on the ground, to the right of the image."""
        x, y = self.heading
        return np.array([y, -x])

    @property
    def props(self) -> tuple[PropSpec, ...]:
        """The props that the poses need: seats, bicycles, bags."""
        return tuple(prop for person in self.people for prop in person.props)


def heading(yaw: float) -> Array:
    """Unit vector (2,) on the ground along the view of a camera with this yaw (degrees)."""
    return np.array([-np.sin(np.radians(yaw)), np.cos(np.radians(yaw))])


def place_people(
    recipe: Recipe, assets: Assets, camera: CameraSpec, stream: Stream, *, nobody: bool = False
) -> Crowd:
    """Draw the people and place them in view of the camera, apart from each other.

    A person or a group is left out if no place is found, except the first.

    Args:
        recipe: What may vary.
        assets: What is drawn from.
        camera: The camera as it is drawn.
        stream: The streams of the scene.
        nobody: Leave all people out. The camera stands where it would before them.

    Returns:
        The people, with the camera placed and aimed.
    """
    count, reach = sample_extent(recipe, stream("people"))
    count = 0 if nobody else count
    camera = moved_back(camera, np.zeros(2), reach)
    crowd = Crowd(camera, reach, free_ground(recipe, camera))
    number = 0
    while number < count:
        members = sample_group(recipe, assets, stream, number, count - number)
        if not members:
            members = [Member(sample_person(recipe, assets, stream, number))]
        _admit(recipe, crowd, members, stream("place", number))
        number += len(members)
    if not crowd.people:
        crowd.camera = aimed_without_people(recipe, camera)
    return crowd


def sample_extent(recipe: Recipe, rng: np.random.Generator) -> tuple[int, float]:
    """Draw the number of people, and the distance (m) of the first from the camera."""
    return recipe.people.count.sample_int(rng), _distance(recipe, rng)


@dataclass(frozen=True)
class PlacementAttempt:
    """One attempt to place a person.

    Attributes:
        late: 0 for the first attempt, growing towards 1.
        distance: Distance from the camera, m.
        lateral: Place across the frame, in halves of the frame to the right.
        facing: Degrees by which the person is turned away from the camera.
    """

    late: float
    distance: float
    lateral: float
    facing: float


def sample_attempts(recipe: Recipe, rng: np.random.Generator) -> Iterator[PlacementAttempt]:
    """Draw the attempts for one person; each is less extreme than the one before."""
    for attempt in range(PLACEMENT_ATTEMPTS):
        late = attempt / PLACEMENT_ATTEMPTS
        distance = _distance(recipe, rng)
        # The later the attempt, the nearer to the middle of the frame, where more of a person fits.
        lateral = recipe.people.lateral.sample(rng) * (1 - late)
        yield PlacementAttempt(late, distance, lateral, recipe.people.facing.sample(rng))


def _admit(
    recipe: Recipe, crowd: Crowd, members: Sequence[Member], rng: np.random.Generator
) -> None:
    """Find a place for one more person or group. The camera is aimed at the first."""
    first = not crowd.people
    best: tuple[float, list[PlacedPerson], CameraSpec] | None = None
    for place in sample_attempts(recipe, rng):
        distance = stretched(crowd.reach, place) if first else place.distance
        people = _stand(members, crowd.camera, distance, place.lateral, place.facing)
        if any(crowd.occupied.hits(person.cells) for person in people):
            continue
        joints = np.concatenate([person.joints for person in people])
        camera = aimed(recipe, crowd.camera, joints, place.late) if first else crowd.camera
        shown = min(share_in_frame(person.joints, camera, recipe) for person in people)
        if best is None or shown > best[0]:
            best = (shown, people, camera)
        if shown >= recipe.people.in_frame:
            break
    if best is None or (best[0] < recipe.people.in_frame and not first):
        return
    _, people, crowd.camera = best
    for person in people:
        crowd.occupied.add(person.cells)
        crowd.people.append(_numbered(person, len(crowd.people) + 1))


def _numbered(person: PlacedPerson, id_: int) -> PlacedPerson:
    props = tuple(dataclasses.replace(prop, owner=id_) for prop in person.props)
    return dataclasses.replace(person, spec=dataclasses.replace(person.spec, id=id_), props=props)


def _distance(recipe: Recipe, rng: np.random.Generator) -> float:
    distance = recipe.camera.distance
    return distance.sample(rng) if recipe.camera.enabled else distance.middle


def stretched(reach: float, place: PlacementAttempt) -> float:
    """Distance (m) at which the first person is tried; it grows, since bicycles need more room."""
    return reach * (1 + place.late)


def moved_back(camera: CameraSpec, place: Array, distance: float, aside: float = 0.0) -> CameraSpec:
    """The camera `distance` (m) before `place` (2,), seen `aside` degrees right of the middle."""
    x, y = place - distance * heading(camera.yaw - aside)
    return dataclasses.replace(camera, location=(float(x), float(y), camera.location[2]))


def aimed(recipe: Recipe, camera: CameraSpec, joints: Array, late: float = 0.0) -> CameraSpec:
    """The camera with its drawn pitch, relative to the middle of a person or to the horizon.

    A drawn tilt may lose the person: with `late` attempts the tilt is reduced, and the horizon
    given up (for a person lying close to the camera).

    Args:
        recipe: What may vary.
        camera: The placed camera; its pitch is relative to the aim.
        joints: (J, 3) m of the person.
        late: See PlacementAttempt.
    """
    if recipe.camera.aim == FIXED_AIM:
        return camera
    level = recipe.camera.aim == "horizon" and late < AIM_AT_PEOPLE_AFTER
    middle = (joints.min(axis=0) + joints.max(axis=0)) / 2
    return _aimed(camera, None if level else middle, tilt=1.0 - late)


def aimed_without_people(recipe: Recipe, camera: CameraSpec) -> CameraSpec:
    """Aim the camera without people, with its drawn pitch: above the origin, or level."""
    if recipe.camera.aim == FIXED_AIM:
        return camera
    return _aimed(camera, None if recipe.camera.aim == "horizon" else np.array([0.0, 0.0, 0.8]))


def _aimed(camera: CameraSpec, target: Array | None, tilt: float = 1.0) -> CameraSpec:
    """The camera with `tilt` times its drawn pitch, relative to `target` (3,) m; None is the
    horizon.
    """
    pitch = tilt * camera.pitch
    if target is not None:
        away = target - np.asarray(camera.location)
        pitch += float(np.degrees(np.arctan2(away[2], np.hypot(away[0], away[1]))))
    return dataclasses.replace(camera, pitch=float(np.clip(pitch, -89, 89)))


def share_in_frame(joints: Array, camera: CameraSpec, recipe: Recipe) -> float:
    """Share of joints (J, 3) m inside the frame."""
    width, height = recipe.render.width, recipe.render.height
    pixels, depth = project(joints, camera, width, height)
    inside = (depth > 0.1) & (pixels >= 0).all(axis=1) & (pixels <= (width, height)).all(axis=1)
    return float(inside.mean())


def free_ground(recipe: Recipe, camera: CameraSpec) -> Footprint:
    """Ground that is free, except for the place of the camera."""
    # Half a cell more: that much a turned body's sparse points may misplace its edge.
    ground = Footprint(margin=recipe.people.spacing + CELL / 2)
    ground.add(camera_cells(camera))
    return ground


def camera_cells(camera: CameraSpec) -> Cells:
    """The cells that stay free around the camera."""
    return box_cells(camera.location[:2], (0.4, 0.4), 0.0)


def with_props(cells: Cells, props: Iterable[PropSpec]) -> Cells:
    """These cells and those of the props."""
    below = [box_cells(prop.location[:2], prop.size[:2], prop.rotation[2]) for prop in props]
    return sorted_unique(np.concatenate([cells, *below]))


def _stand(
    members: Sequence[Member], camera: CameraSpec, distance: float, lateral: float, facing: float
) -> list[PlacedPerson]:
    """Place a group at `distance` from the camera, `lateral` halves of the frame to the right,
    turned by `facing` degrees away from the camera.
    """
    aside = middle_aside(camera) + lateral * camera.fov / 2
    place = np.asarray(camera.location[:2]) + distance * heading(camera.yaw - aside)
    # At yaw 0 the camera looks along +Y, and a person at rest faces -Y: into the camera.
    turn = camera.yaw - aside + facing
    around = about_z(np.radians(turn))[:2, :2]
    return [stand(m.drawn, place + around @ m.place, turn + m.turn) for m in members]


def stand(drawn: UnplacedPerson, place: Array, degrees: float) -> PlacedPerson:
    """Place a person: turn it about Z, then move it from the origin.

    Args:
        drawn: The person.
        place: (2,) m.
        degrees: The turn.
    """
    x, y = place
    turn = about_z(np.radians(degrees))
    shift = np.array([x, y, 0.0])

    def moved(points: Array) -> Array:
        return points @ turn.T + shift

    body = drawn.spec.body
    # Turning the root turns the body about its pelvis J0, not about the origin: t' = R(J0 + t) -
    # J0.
    root = matrix_to_axis_angle(turn @ rodrigues(body.pose[0]))
    translation = moved(drawn.pelvis + body.translation) - drawn.pelvis
    motion = drawn.spec.motion
    if motion is not None and drawn.step is not None:
        later_root = matrix_to_axis_angle(turn @ rodrigues(motion.pose[0]))
        motion = MotionSpec(
            (vec3(later_root), *motion.pose[1:]),
            vec3(translation + turn @ drawn.step),
            motion.seconds,
        )
    spec = dataclasses.replace(
        drawn.spec,
        body=dataclasses.replace(
            body, pose=(vec3(root), *body.pose[1:]), translation=vec3(translation)
        ),
        motion=motion,
    )
    props = tuple(
        dataclasses.replace(
            p, location=vec3(moved(np.array(p.location))), rotation=_turned(p.rotation, turn)
        )
        for p in drawn.props
    )
    cells = with_props(cells_of(drawn.ground @ turn[:2, :2].T + shift[:2]), props)
    return PlacedPerson(spec, moved(drawn.joints), cells, props)


def _turned(euler: Vec3, turn: Array) -> Vec3:
    """XYZ Euler angles (degrees) after a turn about Z, which only adds to the last angle: Blender's
    XYZ order applies Z last.
    """
    return (euler[0], euler[1], float(euler[2] + np.degrees(np.arctan2(turn[1, 0], turn[0, 0]))))


def facing(root: NDArray[np.floating] | Vec3) -> float:
    """Direction in which a body with this root orientation (axis-angle) faces: degrees about Z from
    world -Y. For a lying body, the direction before it fell forwards or backwards.
    """
    R = rodrigues(root)
    upright = abs(R[2, 2]) < 0.8
    x, y, _ = R[:, 2] if upright else -np.sign(R[2, 2]) * R[:, 1]
    return float(np.degrees(np.arctan2(x, -y)))


def stand_like(drawn: UnplacedPerson, pelvis: Array, direction: float) -> PlacedPerson:
    """Place a person with its pelvis above `pelvis` (2,) m, facing `direction` (degrees, see
    `facing`).
    """
    degrees = direction - facing(drawn.spec.body.pose[0])
    return stand(drawn, pelvis - about_z(np.radians(degrees))[:2, :2] @ drawn.pelvis[:2], degrees)


def place_of(body: BodySpec, model: BodyModel) -> Array:
    """(2,) m: the place at which `stand` put a body, as far as its facing shows the turn."""
    pelvis = model.rest_joints(body.betas)[0]
    turn = about_z(np.radians(facing(body.pose[0])))
    return (pelvis + body.translation - turn @ pelvis)[:2]
