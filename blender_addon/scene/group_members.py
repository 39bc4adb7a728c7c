"""The members of a group: where each stands, and arms that reach for another. Pure numpy."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np

from ..bodies.model import BodyModel
from ..bodies.posed_body import GROWN_UP_LEG, PALM, leg_length
from ..bodies.reach import reach, world_frames
from ..bodies.rotations import about_z
from .assets import Assets
from .people import Array, UnplacedPerson
from .spec import PropSpec, vec3

_ARM = ("collar", "shoulder", "elbow", "wrist")
_TRUNK = (0, 1, 2, 3, 6, 9)  # pelvis, thighs and spine, as indices into bodies.joints.PARTS


@dataclass(frozen=True, eq=False)
class Member:
    """A person in a group.

    Attributes:
        drawn: The person.
        place: (2,) m from the group's origin.
        turn: Degrees about Z from the group's front.
    """

    drawn: UnplacedPerson
    place: Array = field(default_factory=lambda: np.zeros(2))
    turn: float = 0.0


class Placed:
    """A member in the frame of its group, whose arms can reach."""

    def __init__(self, assets: Assets, member: Member) -> None:
        self._assets = assets
        self.member = member

    @property
    def _turn(self) -> Array:
        return about_z(np.radians(self.member.turn))

    @property
    def _model(self) -> BodyModel:
        return self._assets.bodies[self.member.drawn.spec.body.model]

    def joint(self, name: str) -> Array:
        """(3,) m in the group's frame."""
        at = self.member.drawn.joints[self._model.joint_names.index(name)]
        return self._turn @ at + [*self.member.place, 0.0]

    @property
    def scale(self) -> float:
        """Size relative to a grown-up, by the legs."""
        return leg_length(self.member.drawn.joints[:24]) / GROWN_UP_LEG

    @property
    def height(self) -> float:
        """Height of the head, m."""
        return float(self.joint("head")[2])

    @property
    def arm(self) -> float:
        """Length from the shoulder to the palm, m."""
        s, e, w = (self.joint(f"left_{name}") for name in ("shoulder", "elbow", "wrist"))
        return float(np.linalg.norm(e - s) + np.linalg.norm(w - e)) + PALM * self.scale

    def trunk(self, level: float, half: float) -> Array:
        """(n, 3) vertices of the trunk at a height, m, in the person's own frame."""
        body = self.member.drawn.spec.body
        posed = self._assets.poser.pose_body(body, self.member.drawn.spec.outfit)
        labels = self._model.part_labels
        near = np.abs(posed.vertices[:, 2] - level) < half
        if labels is not None:
            near &= np.isin(labels, _TRUNK)
        return posed.vertices[near]

    def reach(self, side: str, target: Array, pole: Array, palm: Array) -> None:
        """Bring a palm to a target in the group's frame; directions are in that frame too."""
        drawn = self.member.drawn
        back = self._turn.T
        body = drawn.spec.body
        target = back @ (target - [*self.member.place, 0.0])
        pose = reach(
            self._model,
            body.betas,
            np.array(body.pose),
            body.translation,
            side,
            target,
            back @ pole,
            back @ palm,
        )
        _, joints = world_frames(self._model, body.betas, pose, body.translation)
        rows = tuple(vec3(row) for row in pose)
        motion = drawn.spec.motion
        if motion is not None:  # the hand stays where it is held
            arm = [self._model.joint_names.index(f"{side}_{n}") for n in _ARM]
            later = [rows[k] if k in arm else row for k, row in enumerate(motion.pose)]
            motion = dataclasses.replace(motion, pose=tuple(later))
        spec = dataclasses.replace(
            drawn.spec, body=dataclasses.replace(body, pose=rows), motion=motion
        )
        self.member = dataclasses.replace(
            self.member, drawn=dataclasses.replace(drawn, spec=spec, joints=joints)
        )


def lifted(drawn: UnplacedPerson, by: float) -> UnplacedPerson:
    """A person `by` m higher."""
    up = np.array([0.0, 0.0, by])
    body = drawn.spec.body
    moved = dataclasses.replace(body, translation=vec3(np.array(body.translation) + up))
    return dataclasses.replace(
        drawn, spec=dataclasses.replace(drawn.spec, body=moved), joints=drawn.joints + up
    )


def turned_back(prop: PropSpec, turn: float) -> PropSpec:
    """A prop in the group's directions, in those of a member who is turned by `turn` degrees."""
    location = about_z(-np.radians(turn)) @ np.array(prop.location)
    return dataclasses.replace(prop, location=vec3(location), rotation=(0.0, 0.0, -turn))


def half_width(assets: Assets, person: UnplacedPerson) -> float:
    """Half of the width of the trunk, m: from the shoulders, or wider where the body is."""
    model = assets.bodies[person.spec.body.model]
    row = {name: k for k, name in enumerate(model.joint_names)}
    shoulders = person.joints[[row["left_shoulder"], row["right_shoulder"]]]
    hips = Placed(assets, Member(person)).trunk(person.joints[row["spine1"], 2], 0.1)
    wide = 0.5 * float(np.ptp(hips[:, 0])) if len(hips) else 0.0
    size = leg_length(person.joints[:24]) / GROWN_UP_LEG
    return max(0.5 * float(np.linalg.norm(np.ptp(shoulders, axis=0))) + 0.05 * size, wide)
