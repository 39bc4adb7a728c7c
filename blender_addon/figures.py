"""A PersonSpec as a dressed, posed mesh: the one place where body, outfit and pose come together. Pure numpy."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .bodies.model import BodyModel, Posed
from .spec import BodySpec, PersonSpec
from .wardrobe.chart import REFERENCE_HEIGHT, body_chart
from .wardrobe.outfit import Outfit
from .wardrobe.shell import outfit_offsets

Chart = dict[str, NDArray[np.float32]]

_REMEMBERED = 64  # posed bodies kept: sampler, stage and annotation ask for the same ones


class Figures:
    """Poses persons of the given body models, with their clothes' thickness on."""

    def __init__(self, bodies: Mapping[str, BodyModel]) -> None:
        self.bodies = bodies
        self._charts: dict[str, Chart] = {}
        self._recent: OrderedDict[tuple[BodySpec, Outfit], Posed] = OrderedDict()

    def pose(self, person: PersonSpec) -> Posed:
        """Vertices, joints and bone transforms of a person in the world, m. Raises KeyError for an unknown model."""
        return self.pose_body(person.body, person.outfit)

    def pose_later(self, person: PersonSpec) -> Posed:
        """The same, `person.motion.seconds` later. Raises ValueError when the person has no motion."""
        if person.motion is None:
            raise ValueError(f"person {person.id} has no motion")
        body = person.body
        later = BodySpec(body.model, body.betas, person.motion.pose, person.motion.translation)
        return self.pose_body(later, person.outfit)

    def pose_body(self, body: BodySpec, outfit: Outfit) -> Posed:
        """Vertices, joints and bone transforms of a dressed body in the world, m."""
        key = (body, outfit)
        if key in self._recent:
            self._recent.move_to_end(key)
            return self._recent[key]
        model = self.bodies[body.model]
        clothes = self._clothes(body, outfit)
        posed = model.pose(body.betas, np.array(body.pose), body.translation, clothes)
        self._recent[key] = posed
        if len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)
        return posed

    def chart(self, model_name: str) -> Chart:
        """The coordinates on which this model's clothes are cut; about a second at the first call for a model."""
        if model_name not in self._charts:
            self._charts[model_name] = body_chart(self.bodies[model_name])
        return self._charts[model_name]

    def _clothes(self, body: BodySpec, outfit: Outfit) -> NDArray[np.float32]:
        """(V, 3) m: how far the outfit stands off the body at rest, cut to the body's size."""
        shaped, _ = self.bodies[body.model].shape_blend(body.betas)
        height = float(np.ptp(shaped[:, 1]))
        return outfit_offsets(self.chart(body.model), outfit, height / REFERENCE_HEIGHT)
