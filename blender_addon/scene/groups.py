"""People who belong together: they talk, walk in step, hold hands, hug, queue, sit on one bench, or
carry a child. Pure numpy.

A group is laid out about an origin of its own, as if its first person faced world -Y; `placement`
puts it into the scene as a whole. Hands that touch are brought together by `bodies.reach`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..bodies.pose_library import Pose
from ..bodies.pose_props import SEAT_LEVEL, seat_height
from ..draws import pick
from ..recipes.distributions import Distribution
from ..recipes.recipe import Recipe
from . import surfaces
from .assets import Assets
from .group_members import Member, Placed, half_width, lifted, turned_back
from .people import Stream, UnplacedPerson, posed_share, sample_person
from .spec import PropSpec, vec3

_SEATS = ("seat", "chair", "bench")
_ARMS_OUT = ("talk_handshake", "talk_point")  # which need more room than a circle has
_MATCH = 0.3  # m by which the heads of two may differ who hug
_CHILD, _ADULT = (3.0, 8.0), (22.0, 60.0)  # years of a child by the hand, and of who leads it
_CARRIED = (3.0, 5.0)  # years of a child on the arm
_FRONT, _BACK, _UP = (
    np.array([0.0, -1.0, 0.0]),
    np.array([0.0, 1.0, 0.0]),
    np.array([0.0, 0.0, 1.0]),
)


@dataclass(frozen=True)
class GroupKind:
    """One way in which people come together.

    Attributes:
        weight: How often.
        sizes: Smallest and largest number of people.
        lay_out: Draws the people and places them.
    """

    weight: float
    sizes: tuple[int, int]
    lay_out: Callable[[_Draw], list[Member]]


@dataclass(frozen=True)
class _Draw:
    """Holds all that a group is drawn from.

    Attributes:
        recipe, assets, stream: See `sample_group`.
        first: Number of the first person.
        count: Number of people.
        rng: Generator of the group.
    """

    recipe: Recipe
    assets: Assets
    stream: Stream
    first: int
    count: int
    rng: np.random.Generator

    def person(
        self,
        k: int,
        poses: Sequence[Pose],
        ages: tuple[float, float] | None = None,
        **holding: str,
    ) -> UnplacedPerson:
        """Draw the k-th person of the group."""
        recipe = self.recipe
        if ages is not None:
            bodies = dataclasses.replace(recipe.bodies, ages=Distribution("uniform", ages))
            recipe = dataclasses.replace(recipe, bodies=bodies)
        return sample_person(
            recipe, self.assets, self.stream, self.first + k, poses=poses, holding=holding
        )

    def poses(self, *categories: str, things: Sequence[str] | None = ()) -> tuple[Pose, ...]:
        """Poses of these categories whose props are all among `things`; None allows what is held
        in one hand.
        """
        return tuple(
            pose
            for pose in self.assets.poses
            if pose.category in categories
            and all(
                prop.endswith(("left_hand", "right_hand"))
                if things is None
                else prop.partition("@")[0] in things
                for prop in pose.props
            )
        )

    def free(self, *categories: str) -> tuple[Pose, ...]:
        """Poses with nothing in the hands, which rest on nothing."""
        return tuple(p for p in self.poses(*categories) if not p.contacts)


def sample_group(
    recipe: Recipe, assets: Assets, stream: Stream, number: int, most: int
) -> list[Member]:
    """Draw the group that begins with person `number`; [] when that person is alone.

    Args:
        recipe: What may vary.
        assets: What is drawn from.
        stream: The generators of the scene.
        number: Number of the first person.
        most: Number of people who are still to come.
    """
    share = recipe.people.groups * posed_share(recipe, assets)
    if share <= 0 or most < 2 or not recipe.poses.enabled:
        return []
    rng = stream("group", number)
    if rng.random() >= share:
        return []
    weights = {name: kind.weight for name, kind in KINDS.items() if kind.sizes[0] <= most}
    kind = KINDS[pick(rng, weights)]
    low, high = kind.sizes
    count = int(rng.integers(low, min(high, most) + 1))
    return kind.lay_out(_Draw(recipe, assets, stream, number, count, rng))


def member_of(recipe: Recipe, assets: Assets, stream: Stream, number: int) -> Member | None:
    """The person `number` as a member of a group; None for one who is drawn alone."""
    count = recipe.people.count.sample_int(stream("people"))
    first = 0
    while first <= number < count:
        members = sample_group(recipe, assets, stream, first, count - first)
        if members and number < first + len(members):
            return members[number - first]
        first += max(len(members), 1)
    return None


# --- side by side, face to face -------------------------------------------------------------------


def _talk(draw: _Draw) -> list[Member]:
    """Place the members in a circle, their faces inwards."""
    poses = draw.poses("talking", "standing", things=None)
    poses = tuple(pose for pose in poses if pose.name not in _ARMS_OUT)
    if not poses:
        return []
    apart = draw.rng.uniform(0.75, 1.2) if draw.count == 2 else draw.rng.uniform(0.9, 1.2)
    radius = apart / (2 * np.sin(np.pi / draw.count))
    members = []
    for k in range(draw.count):
        angle = 2 * np.pi * k / draw.count + draw.rng.normal(0, 0.12)
        place = radius * draw.rng.uniform(0.92, 1.12) * np.array([np.sin(angle), np.cos(angle)])
        # From (sin a, cos a) the middle lies towards -(sin a, cos a): -Y turned by -a.
        turn = -np.degrees(angle) + draw.rng.normal(0, 10)
        members.append(Member(draw.person(k, poses), place, float(turn)))
    return members


def _walk(draw: _Draw) -> list[Member]:
    """Side by side and in step: all in the same pose of the walk."""
    poses = draw.poses("walking")
    if not poses:
        return []
    pose = poses[int(draw.rng.integers(len(poses)))]
    people = [draw.person(k, (pose,)) for k in range(draw.count)]
    return _in_a_row(draw, people, (0.16, 0.4))


def _queue(draw: _Draw) -> list[Member]:
    """One behind the other."""
    poses = draw.poses("standing", "phoning", "talking", things=None)
    if not poses:
        return []
    members, back = [], 0.0
    for k in range(draw.count):
        place = np.array([draw.rng.normal(0, 0.07), back])
        turn = float(np.clip(draw.rng.normal(0, 14), -50, 50))
        members.append(Member(draw.person(k, poses), place, turn))
        back += float(draw.rng.uniform(0.58, 0.95))
    return members


def _hand_in_hand(draw: _Draw) -> list[Member]:
    poses = draw.free("walking", "standing")
    if not poses:
        return []
    pose = poses[int(draw.rng.integers(len(poses)))]
    sides = ("left", "right")
    people = [draw.person(k, (pose,), None, **{sides[k]: "grip"}) for k in range(2)]
    return _holding_hands(draw, people)


def _child_by_the_hand(draw: _Draw) -> list[Member]:
    poses, ages = draw.free("walking", "standing"), _ages(draw.recipe)
    if not poses or ages is None:
        return _hand_in_hand(draw)
    pose = poses[int(draw.rng.integers(len(poses)))]
    adult = draw.person(0, (pose,), ages[0], left="grip")
    child = draw.person(1, (pose,), ages[1], right="grip")
    return _holding_hands(draw, [adult, child])


def _hug(draw: _Draw) -> list[Member]:
    """Side by side, the arms around each other: over the shoulders and around the waist."""
    poses = draw.free("standing")
    if not poses:
        return []
    people = [
        draw.person(k, poses, None, **{side: "loose"}) for k, side in ((0, "left"), (1, "right"))
    ]
    members = _in_a_row(draw, people, (-0.05, 0.0), turns=6.0)
    first, second = (Placed(draw.assets, member) for member in members)
    if abs(first.height - second.height) > _MATCH:
        return _holding_hands(draw, people)
    taller, other = (first, second) if first.height >= second.height else (second, first)
    for holder, held, joint, across, down in (
        (taller, other, "spine3", 0.1, -0.1),
        (other, taller, "spine1", 0.1, 0.02),
    ):
        side = "left" if holder is first else "right"
        outwards = np.array([1.0 if holder is first else -1.0, 0.0, 0.0])
        target = held.joint(joint) + held.scale * (0.155 * _BACK + across * outwards - down * _UP)
        pole = 0.8 * _BACK - 0.5 * _UP + 0.1 * outwards
        holder.reach(side, target, pole, _FRONT)
    return [first.member, second.member]


def _bench(draw: _Draw) -> list[Member]:
    """Seat the members on one bench, whose height suits the longest legs."""
    poses = tuple(
        dataclasses.replace(pose, props=())
        for pose in draw.poses("sitting", things=_SEATS)
        if pose.support == "seat"
    )
    if not poses:
        return []
    people = [draw.person(k, poses) for k in range(draw.count)]
    members = _in_a_row(draw, people, (0.0, 0.14), turns=4.0, ahead=0.015)
    bodies = [draw.assets.poser.pose_body(p.spec.body, p.spec.outfit) for p in people]
    levels = [seat_height(body.joints[:24], body.vertices) for body in bodies]
    height = max(levels)
    rear = 0.1
    seated = []
    for member, level, body in zip(members, levels, bodies, strict=True):
        v = body.vertices - body.joints[0]
        trunk = (np.abs(v[:, 0]) < 0.15) & (v[:, 2] > 0.05) & (v[:, 2] < 0.35)
        rear = max(rear, float(v[trunk, 1].max(initial=0.1) + member.place[1]))
        seated.append(dataclasses.replace(member, drawn=lifted(member.drawn, height - level)))
    xs = [member.place[0] for member in members]
    width = max(xs) - min(xs) + draw.rng.uniform(0.7, 1.1)
    depth, back = 0.5, rear + 0.07
    bench = PropSpec(
        "bench",
        (float(np.mean([max(xs), min(xs)])), float(back - depth / 2), 0.0),
        (0.0, 0.0, 0.0),
        (float(width), depth, float(height / SEAT_LEVEL["bench"])),
        surfaces.sample_surface("bench", draw.rng),
        owner=1,
    )
    first = seated[0]
    moved = dataclasses.replace(
        bench, location=vec3(np.array(bench.location) - [*first.place, 0.0])
    )
    moved = turned_back(moved, first.turn)
    seated[0] = dataclasses.replace(
        first, drawn=dataclasses.replace(first.drawn, props=(*first.drawn.props, moved))
    )
    return seated


def _child_on_the_arm(draw: _Draw) -> list[Member]:
    """A small child sits on the left arm and hip of an adult, an arm around its neck."""
    poses, ages = draw.free("standing", "walking"), _ages(draw.recipe, _CARRIED)
    if not poses or ages is None or draw.assets.carried_pose is None:
        return _hand_in_hand(draw)
    adult = draw.person(0, poses, ages[0], left="loose")
    child = draw.person(1, (draw.assets.carried_pose,), ages[1], right="loose")
    carrier = Placed(draw.assets, Member(adult))
    hip, size = carrier.joint("left_hip"), carrier.scale
    hips = 0.5 * float(np.ptp(carrier.trunk(hip[2], 0.14 * size)[:, 0]))
    place = np.array([carrier.joint("pelvis")[0] + hips + 0.1, hip[1] - 0.05 * size])
    level = carrier.joint("spine1")[2] + 0.06 * size
    child = lifted(child, level - float(child.joints[0, 2]))
    rider = Placed(draw.assets, Member(child, place, -52.0 + float(draw.rng.normal(0, 6))))
    seat = rider.joint("pelvis") + np.array([0.05, -0.06, -0.1])
    carrier.reach("left", seat, np.array([0.5, 0.75, -0.5]), np.array([-0.4, 0.2, 0.9]))
    nape = carrier.joint("neck") + np.array([0.06, 0.075, 0.0]) * size
    rider.reach("right", nape, np.array([0.4, 0.6, -0.7]), np.array([-0.3, -0.8, -0.4]))
    return [carrier.member, rider.member]


KINDS: dict[str, GroupKind] = {
    "talk": GroupKind(5, (2, 4), _talk),
    "walk": GroupKind(4, (2, 3), _walk),
    "hand_in_hand": GroupKind(2, (2, 2), _hand_in_hand),
    "child_by_the_hand": GroupKind(2, (2, 2), _child_by_the_hand),
    "child_on_the_arm": GroupKind(1, (2, 2), _child_on_the_arm),
    "hug": GroupKind(2, (2, 2), _hug),
    "queue": GroupKind(2, (2, 4), _queue),
    "bench": GroupKind(2, (2, 3), _bench),
}


# --- the pieces -----------------------------------------------------------------------------------


def _ages(
    recipe: Recipe, child: tuple[float, float] = _CHILD
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Ages of an adult and of a child that the recipe allows; None without either."""
    low, high = recipe.bodies.ages.bounds
    adult = (max(_ADULT[0], low), min(_ADULT[1], high))
    young = (max(child[0], low), min(child[1], high))
    if not recipe.bodies.enabled or adult[0] > adult[1] or young[0] > young[1]:
        return None
    return adult, young


def _in_a_row(
    draw: _Draw,
    people: Sequence[UnplacedPerson],
    gaps: tuple[float, float],
    turns: float = 4.0,
    ahead: float = 0.05,
) -> list[Member]:
    """Side by side from the right to the left of the first, with gaps (m) between the shoulders."""
    halves = [half_width(draw.assets, person) for person in people]
    members, x = [], 0.0
    for k, person in enumerate(people):
        if k:
            x += halves[k - 1] + halves[k] + float(draw.rng.uniform(*gaps))
        place = np.array([x, float(draw.rng.normal(0, ahead))])
        turn = float(np.clip(draw.rng.normal(0, turns), -2 * turns, 2 * turns))
        members.append(Member(person, place, turn))
    middle = np.array([x / 2, 0.0])
    return [dataclasses.replace(m, place=m.place - middle) for m in members]


def _holding_hands(draw: _Draw, people: Sequence[UnplacedPerson]) -> list[Member]:
    """The left hand of the first in the right hand of the second."""
    members = _in_a_row(draw, people, (0.06, 0.2), turns=3.0, ahead=0.02)
    first, second = (Placed(draw.assets, member) for member in members)
    shoulders = first.joint("left_shoulder"), second.joint("right_shoulder")
    lengths = first.arm, second.arm
    meet = 0.5 * (shoulders[0] + shoulders[1])
    meet[1] += float(draw.rng.uniform(-0.12, 0.06))
    # As low as the shorter one reaches, or as the taller one's arm hangs.
    low = [
        s[2] - np.sqrt(max((0.95 * n) ** 2 - float(np.sum((meet - s)[:2] ** 2)), 0.0))
        for s, n in zip(shoulders, lengths, strict=True)
    ]
    meet[2] = max(low) + 0.01
    across = np.array([0.013, 0.0, 0.0])
    pole = np.array([0.0, 0.9, -0.3])
    first.reach("left", meet - across, pole, np.array([1.0, 0.25, 0.0]))
    second.reach("right", meet + across, pole, np.array([-1.0, -0.25, 0.0]))
    return [first.member, second.member]
