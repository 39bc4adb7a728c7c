"""The dressed and posed mesh of a PersonSpec, from body, outfit and pose. Pure numpy."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..bodies.model import BodyModel, Posed
from ..bodies.rotations import rodrigues
from ..wardrobe.chart import body_chart
from ..wardrobe.dressed import Dressed, Wearable
from ..wardrobe.outfit import Outfit
from ..wardrobe.shell import outfit_offsets
from .spec import BodySpec, PersonSpec

Chart = dict[str, NDArray[np.float32]]

# Posed bodies in the cache: sampler, stage and annotation pose the same ones.
_CACHED = 64
_WEARABLES = 16  # the same of persons whose garments are meshes, which take more memory
_UNTURNED = (0.0, 0.0, 0.0)


T = TypeVar("T")


class _Recent(Generic[T]):
    """The latest values by key; the one that was not asked for the longest goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of `key`, made now if it is not there."""
        if key not in self._values:
            self._values[key] = make()
            if len(self._values) > self._most:
                self._values.popitem(last=False)
        self._values.move_to_end(key)
        return self._values[key]


class BodyPoser:
    """Poses persons of the given body models, with the thickness of their clothes."""

    def __init__(self, bodies: Mapping[str, BodyModel]) -> None:
        self.bodies = bodies
        self._posed: _Recent[Posed] = _Recent(_CACHED)
        self._wearables: _Recent[Wearable] = _Recent(_WEARABLES)
        self._dressed: _Recent[Dressed] = _Recent(_WEARABLES)

    def pose(self, person: PersonSpec) -> Posed:
        """Pose a person.

        Returns:
            Vertices, joints and bone transforms in the world, m.

        Raises:
            KeyError: The person's body model is unknown.
        """
        return self.pose_body(person.body, person.outfit)

    def pose_later(self, person: PersonSpec) -> Posed:
        """Pose a person as it is `person.motion.seconds` later.

        Raises:
            ValueError: The person has no motion.
        """
        if person.motion is None:
            raise ValueError(f"person {person.id} has no motion")
        motion = person.motion
        later = dataclasses.replace(person.body, pose=motion.pose, translation=motion.translation)
        return self.pose_body(later, person.outfit)

    def pose_body(self, body: BodySpec, outfit: Outfit) -> Posed:
        """Pose a dressed body. Returns vertices, joints and bone transforms in the world, m."""
        return self._posed.get((body, outfit), lambda: self._placed(body, outfit))

    def surface(self, person: PersonSpec) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Vertices (N, 3), m in the world, and faces (F, 3) of what counts as a person."""
        if person.outfit.style == "mesh":
            dressed = self.dressed(person)
            own = np.delete(dressed.faces, dressed.apart, axis=0) if len(dressed.apart) else None
            return dressed.vertices, dressed.faces if own is None else own
        return self.pose(person).vertices, self.bodies[person.body.model].faces

    def dressed(self, person: PersonSpec, *, later: bool = False) -> Dressed:
        """Pose a person whose garments are meshes.

        Args:
            person: The person.
            later: Pose it as it is `person.motion.seconds` later.

        Returns:
            The mesh of skin and clothes in the world, m.
        """
        body = person.body
        here = person.motion if later and person.motion is not None else body
        key = (body.model, body.betas, body.expression, person.outfit)
        return self._dressed.get(
            (*key, here.pose, here.translation),
            lambda: self._wearables.get(
                key,
                lambda: Wearable(
                    self.bodies[body.model],
                    self.chart(body.model),
                    body.betas,
                    person.outfit,
                    body.expression,
                ),
            ).posed(np.array(here.pose), here.translation),
        )

    def _placed(self, body: BodySpec, outfit: Outfit) -> Posed:
        """Move a skinned body to its place. Skinning depends on the pose and not on the place: the
        sampler tries many places, and a body that is only turned and moved is the same body
        moved rigidly about its pelvis.
        """
        here = dataclasses.replace(body, pose=(_UNTURNED, *body.pose[1:]), translation=_UNTURNED)
        posed = self._posed.get((here, outfit, "unplaced"), lambda: self._skinned(here, outfit))
        R, pelvis = rodrigues(body.pose[0]), posed.transforms[0, :3, 3]
        shift = pelvis - R @ pelvis + np.asarray(body.translation)
        transforms = posed.transforms.copy()
        transforms[:, :3] = R @ transforms[:, :3]
        transforms[:, :3, 3] += shift
        vertices = posed.vertices @ R.T.astype(np.float32) + shift.astype(np.float32)
        return Posed(vertices, transforms[:, :3, 3].astype(np.float32), transforms)

    def _skinned(self, body: BodySpec, outfit: Outfit) -> Posed:
        clothes = self.clothes(body, outfit)
        return self.bodies[body.model].pose(
            body.betas, np.array(body.pose), body.translation, clothes, body.expression
        )

    def chart(self, model_name: str) -> Chart:
        """The body chart of a model, on which clothes are cut; takes about a second at the first
        call.
        """
        return _chart_of(self.bodies[model_name])

    def clothes(self, body: BodySpec, outfit: Outfit) -> NDArray[np.float32]:
        """(V, 3) m: distance of the outfit from the body at rest, cut to the body's size."""
        shaped, _ = self.bodies[body.model].shape_blend(body.betas)
        return outfit_offsets(self.chart(body.model), outfit, shaped)


@lru_cache(maxsize=8)
def _chart_of(model: BodyModel) -> Chart:
    return body_chart(model)
