"""Redraw one factor of a scene and leave the others as they are, drawn or moved by hand. Pure
numpy.

Each factor draws from the same streams as in `sampling.sample_scene`, so the factor of draw (seed,
index) is that of image `index`: redrawn with the numbers of the scene, it comes back. (Person k
draws as the k-th person does. Where the sampler found no place for an earlier person, which happens
in crowded close-ups, later ones have moved up by one.)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from ..bodies.model import Posed
from ..bodies.pose_library import Pose
from ..bodies.posed_body import GROWN_UP_LEG, leg_length
from ..bodies.rotations import about_z
from ..recipes.recipe import Recipe
from ..wardrobe.outfit import Outfit
from . import people, placement, sampling, surroundings
from .acting import acting
from .assets import Assets
from .camera import middle_aside
from .camera_sampling import sample_camera, sample_lens
from .ground_grid import cells_of, sorted_unique
from .groups import member_of, sample_group
from .people import Stream
from .photos.backdrop import matched_to_photo, seen_by
from .placement import Crowd, PlacedPerson
from .sensor_sampling import sample_sensor
from .spec import BodySpec, CameraSpec, PersonSpec, PropSpec, SceneSpec, Vec3

Array = NDArray[np.float64]

FACTORS = ("pose", "shape", "clothes", "camera", "light", "background")
PERSON_FACTORS = ("pose", "shape", "clothes")

# Held in the hand, and of the same size for all.
_HANDY = ("phone", "cup", "book", "umbrella")
_SAME_SHAPE = 1e-3  # standard deviations: betas that Blender kept in 32 bits


def resample(
    spec: SceneSpec,
    factor: str,
    recipe: Recipe,
    assets: Assets,
    seed: int,
    index: int,
    persons: Collection[int] | None = None,
) -> SceneSpec:
    """Redraw one factor of a scene as draw (seed, index) of the recipe has it.

    `pose` keeps place and facing, puts the lowest point on the ground, and brings the props that
    the pose needs in place of the person's own. `shape` keeps the body model and fits the props to
    it. `camera` is aimed at the first person from the drawn distance, and brings its sensor.
    `light` suits the present kind of background. `background` brings the surroundings and things on
    free ground; light and camera stay. People are not moved apart.

    Args:
        spec: The scene.
        factor: One of FACTORS.
        recipe: What may vary.
        assets: What is drawn from.
        seed, index: The draw.
        persons: Ids of the people whose pose, shape or clothes are redrawn; None for all.

    Raises:
        ValueError: An unknown factor, or a motion file that cannot be read; the message names it.
        KeyError: `assets` lack a body model of the scene.
    """
    if factor not in FACTORS:
        raise ValueError(f"factor {factor!r}: expected one of {', '.join(FACTORS)}")
    stream = sampling.streams(recipe, seed, index)
    if factor in PERSON_FACTORS:
        recipe = surroundings.adapted(recipe, spec.background.place)  # which people suit a place
        return _with_persons(spec, _PERSON[factor], recipe, assets, stream, persons)
    return _SCENE[factor](spec, recipe, assets, stream)


# --- one person after another ---------------------------------------------------------------------


Own = tuple[PropSpec, ...]
PersonFactor = Callable[[PersonSpec, Own, Recipe, Assets, Stream], tuple[PersonSpec, Own]]


def _with_persons(
    spec: SceneSpec,
    redraw: PersonFactor,
    recipe: Recipe,
    assets: Assets,
    stream: Stream,
    wanted: Collection[int] | None,
) -> SceneSpec:
    persons: list[PersonSpec] = []
    props: list[PropSpec] = []
    for person in spec.persons:
        own = tuple(prop for prop in spec.props if prop.owner == person.id)
        if wanted is None or person.id in wanted:
            person, own = redraw(person, own, recipe, assets, stream)
        persons.append(person)
        props += own
    ids = {person.id for person in persons}
    things = [prop for prop in spec.props if prop.owner not in ids]
    return dataclasses.replace(spec, persons=tuple(persons), props=(*props, *things))


def _pose(
    person: PersonSpec, own: Own, recipe: Recipe, assets: Assets, stream: Stream
) -> tuple[PersonSpec, Own]:
    body, rng = person.body, stream("pose", person.id - 1)
    member = member_of(recipe, assets, stream, person.id - 1)
    if member is not None and _same(member.drawn.spec, person):
        spec, own = _stood_like(member.drawn, person)
        return dataclasses.replace(spec, outfit=person.outfit), own
    _, _, age, _, stoop = people.sample_body(recipe, assets, stream, person.id - 1, body.model)
    poses = people.companion_poses(recipe, assets, stream, person.id - 1, age)
    face_rng, hands_rng = stream("face", person.id - 1), stream("fingers", person.id - 1)
    act = acting(recipe, face_rng, hands_rng, stoop=stoop)
    drawn = people.draw_pose(
        recipe, assets, person.id, body.model, body.betas, person.outfit, rng, act, poses
    )
    return _stood_like(drawn, person)


def _same(one: PersonSpec, other: PersonSpec) -> bool:
    """Whether two have the same body, so that hands find what they found before."""
    bodies = one.body, other.body
    return bodies[0].model == bodies[1].model and _alike(bodies[0].betas, bodies[1].betas)


def _stood_like(drawn: people.UnplacedPerson, person: PersonSpec) -> tuple[PersonSpec, Own]:
    """A drawn person in another one's place, with that one's id."""
    body = person.body
    pelvis = drawn.pelvis + body.translation
    placed = placement.stand_like(drawn, pelvis[:2], placement.facing(body.pose[0]))
    props = tuple(dataclasses.replace(prop, owner=person.id) for prop in placed.props)
    return dataclasses.replace(placed.spec, id=person.id), props


def _shape(
    person: PersonSpec, own: Own, recipe: Recipe, assets: Assets, stream: Stream
) -> tuple[PersonSpec, Own]:
    body = person.body
    betas = people.sample_body(recipe, assets, stream, person.id - 1, body.model)[1]
    before = assets.poser.pose(person)
    shaped = _refitted(person, dataclasses.replace(body, betas=betas), person.outfit, assets)
    after = assets.poser.pose(shaped)
    return shaped, tuple(_fitted(prop, before, after) for prop in own)


def _clothes(
    person: PersonSpec, own: Own, recipe: Recipe, assets: Assets, stream: Stream
) -> tuple[PersonSpec, Own]:
    age, gender = _age_and_gender(person, recipe, assets, stream)
    outfit = people.sample_clothes(
        recipe, assets, stream, person.id - 1, person.body.model, age, gender
    )
    pose = _known(person.pose_name, assets)
    outfit = people.worn_in(pose.category if pose is not None else "", outfit)
    return _refitted(person, person.body, outfit, assets), own


def _age_and_gender(
    person: PersonSpec, recipe: Recipe, assets: Assets, stream: Stream
) -> tuple[float | None, float | None]:
    """Age and gender of this draw's shape if the body has it, else of the most similar shape."""
    body = person.body
    _, betas, age, gender, _ = people.sample_body(recipe, assets, stream, person.id - 1, body.model)
    known = assets.bodies[body.model].shape_samples
    if known is None or _alike(betas, body.betas):
        return age, gender
    own = np.zeros(known.betas.shape[1])
    own[: len(body.betas)] = body.betas
    nearest = int(np.argmin(((known.betas - own) ** 2).sum(axis=1)))
    return float(known.age[nearest]), float(known.gender[nearest])


def _alike(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return len(a) == len(b) and np.allclose(a, b, rtol=0.0, atol=_SAME_SHAPE)


def _refitted(person: PersonSpec, body: BodySpec, outfit: Outfit, assets: Assets) -> PersonSpec:
    """The person with another shape and outfit in the same pose and place, its lowest point at the
    same height; a jump is scaled to the legs.
    """
    model = assets.bodies[body.model]
    before = assets.poser.pose(person)
    pelvis, pelvis_before = (model.rest_joints(b.betas)[0] for b in (body, person.body))
    # translation is added to the pelvis's place in the model: what a new shape moves there is taken
    # off.
    shift = pelvis_before - pelvis
    trial = dataclasses.replace(body, translation=_plus(person.body.translation, shift))
    after = assets.poser.pose_body(trial, outfit)
    legs = leg_length(after.joints[:24]) - leg_length(before.joints[:24])
    pose = _known(person.pose_name, assets)
    lift = pose.lift if pose is not None else 0.0  # m of its lowest point, for a grown-up
    height = float(before.vertices[:, 2].min()) + lift * legs / GROWN_UP_LEG
    shift[2] += height - float(after.vertices[:, 2].min())
    motion = person.motion and dataclasses.replace(
        person.motion, translation=_plus(person.motion.translation, shift)
    )
    body = dataclasses.replace(body, translation=_plus(person.body.translation, shift))
    return dataclasses.replace(person, body=body, outfit=outfit, motion=motion)


def _known(pose_name: str, assets: Assets) -> Pose | None:
    """A pose of the library by its name; None for a motion or a pose set by hand."""
    poses = (*assets.poses, *assets.companions)
    return next((pose for pose in poses if pose.name == pose_name), None)


def _fitted(prop: PropSpec, before: Posed, after: Posed) -> PropSpec:
    """A person's prop after a change of shape: scaled with the legs, on the ground below the pelvis
    or with the joint that it was nearest to.
    """
    scale = leg_length(after.joints[:24]) / leg_length(before.joints[:24])
    location = np.array(prop.location)
    middle = location + np.array([0.0, 0.0, abs(prop.size[2]) / 2])
    standing = location[2] < 0.05
    nearest = 0 if standing else int(np.argmin(((before.joints[:24] - middle) ** 2).sum(axis=1)))
    origin, moved = (placed.joints[nearest].astype(np.float64) for placed in (before, after))
    if standing:
        origin[2] = moved[2] = 0.0
    x, y, z = (float(v) for v in moved + scale * (location - origin))
    a, b, c = prop.size if prop.shape in _HANDY else (scale * extent for extent in prop.size)
    return dataclasses.replace(prop, location=(x, y, z), size=(a, b, c))


def _plus(a: Vec3, b: Array) -> Vec3:
    x, y, z = (float(v) for v in np.asarray(a) + b)
    return (x, y, z)


# --- what is around them --------------------------------------------------------------------------


def _camera(spec: SceneSpec, recipe: Recipe, assets: Assets, stream: Stream) -> SceneSpec:
    photo = spec.background if spec.background.kind == "photo" else None
    recipe = surroundings.adapted(recipe, spec.background.place, photo)
    camera = sample_camera(recipe, stream)
    if photo is not None:
        camera = seen_by(camera, photo, (spec.width, spec.height))
    count, reach = placement.sample_extent(recipe, stream("people"))
    there = _crowd(spec, recipe, assets, camera, reach)
    if there.people:
        group = sample_group(recipe, assets, stream, 0, count)
        offset = group[0].place if group else np.zeros(2)
        there.camera = _view(
            there, recipe, assets, spec.props, stream("place", 0), max(1, len(group)), offset
        )
    else:
        there.camera = placement.aimed_without_people(
            recipe, placement.moved_back(camera, np.zeros(2), reach)
        )
    drawn = dataclasses.replace(
        spec,
        camera=sample_lens(recipe, there, stream),
        sensor=sample_sensor(recipe, stream),
    )
    return matched_to_photo(drawn, recipe, assets, stream, light=False)


def _view(
    there: Crowd,
    recipe: Recipe,
    assets: Assets,
    props: Collection[PropSpec],
    rng: np.random.Generator,
    size: int,
    offset: Array,
) -> CameraSpec:
    """The drawn camera before the first group, as the sampler puts a group before the camera.

    The best attempt wins: on free ground if there is any, and with enough of each of its people in
    the frame.

    Args:
        there: The people, and the camera as it is drawn.
        recipe: What may vary.
        assets: The bodies.
        props: The things of the scene.
        rng: Generator of the first place.
        size: Number of people in the first group.
        offset: (2,) m, the place of the first of them in the group.
    """
    group = there.people[:size]
    body = group[0].spec.body
    joints = np.concatenate([placed.joints for placed in group])
    place = placement.place_of(body, assets.bodies[body.model])
    taken = sorted_unique(
        np.concatenate([placement.with_props(placed.cells, props) for placed in there.people])
    )
    best: tuple[tuple[bool, float], CameraSpec] | None = None
    for attempt in placement.sample_attempts(recipe, rng):
        aside = middle_aside(there.camera) + attempt.lateral * there.camera.fov / 2
        turn = about_z(np.radians(there.camera.yaw - aside + attempt.facing))[:2, :2]
        camera = placement.moved_back(
            there.camera, place - turn @ offset, placement.stretched(there.reach, attempt), aside
        )
        camera = placement.aimed(recipe, camera, joints, attempt.late)
        free = not np.isin(placement.camera_cells(camera), taken, assume_unique=True).any()
        shown = min(placement.share_in_frame(placed.joints, camera, recipe) for placed in group)
        if best is None or (free, shown) > best[0]:
            best = ((free, shown), camera)
        if free and shown >= recipe.people.in_frame:
            break
    assert best is not None  # there is always a first try
    return best[1]


def _light(spec: SceneSpec, recipe: Recipe, assets: Assets, stream: Stream) -> SceneSpec:
    indoors, there = spec.background.indoors, sampling.light_assets(assets, spec.background)
    light = sampling.sample_light(recipe, there, stream("light"), indoors=indoors)
    drawn = dataclasses.replace(spec, light=light)
    return matched_to_photo(drawn, recipe, assets, stream)


def _background(spec: SceneSpec, recipe: Recipe, assets: Assets, stream: Stream) -> SceneSpec:
    rng = stream("background")
    kind = surroundings.sample_background_kind(recipe, rng)
    place = surroundings.sample_place_kind(recipe, stream("place_kind")) if kind == "place" else ""
    photo = surroundings.sample_backdrop(recipe, assets, kind, stream, rng)
    recipe = surroundings.adapted(recipe, place, photo)
    camera = dataclasses.replace(spec.camera, axis=(0.0, 0.0))
    if photo is not None:  # the place of the camera stays; the photo decides on the rest
        camera = seen_by(camera, photo, (spec.width, spec.height))
    there = _crowd(spec, recipe, assets, camera, _reach(spec, assets))
    background, things = sampling.sample_surroundings(
        recipe, assets, photo or kind, place, there, stream, rng
    )
    props = (*(prop for prop in spec.props if prop.owner), *things)
    drawn = dataclasses.replace(spec, background=background, props=props, camera=camera)
    return matched_to_photo(drawn, recipe, assets, stream)


def _reach(spec: SceneSpec, assets: Assets) -> float:
    """Distance (m) from the camera to the first person, or to the origin without people."""
    target = np.zeros(2)
    if spec.persons:
        body = spec.persons[0].body
        target = placement.place_of(body, assets.bodies[body.model])
    return float(np.hypot(*(target - spec.camera.location[:2])))


def _crowd(
    spec: SceneSpec, recipe: Recipe, assets: Assets, camera: CameraSpec, reach: float
) -> Crowd:
    """The people of a scene, and the ground that they, their props and the camera take."""
    there = Crowd(camera, reach, placement.free_ground(recipe, camera))
    for person in spec.persons:
        posed = assets.poser.pose(person)
        own = tuple(prop for prop in spec.props if prop.owner == person.id)
        placed = PlacedPerson(
            person,
            posed.joints.astype(np.float64),
            placement.with_props(cells_of(posed.vertices), own),
            own,
        )
        there.occupied.add(placed.cells)
        there.people.append(placed)
    return there


_PERSON: Mapping[str, PersonFactor] = {"pose": _pose, "shape": _shape, "clothes": _clothes}
_SCENE: Mapping[str, Callable[[SceneSpec, Recipe, Assets, Stream], SceneSpec]] = {
    "camera": _camera,
    "light": _light,
    "background": _background,
}
