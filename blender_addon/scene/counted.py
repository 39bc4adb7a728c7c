"""Statues, dummies and drawn people as things that masks count beside persons. Pure numpy."""

from __future__ import annotations

from dataclasses import dataclass

from ..props.drawn_images import shows_person
from ..props.figures import FIGURES
from ..props.toys import TOYS
from .spec import PropSpec, SceneSpec

_LIKE_NOBODY = {"punch_bag", "balloons", "hydrant", "cutout", "passer"}
STATUES = frozenset({*FIGURES, *TOYS} - _LIKE_NOBODY)
"""Shapes that count as statues."""


@dataclass(frozen=True)
class Counted:
    """A thing that has an id of its own in the masks.

    Attributes:
        id: Its id, above those of the persons.
        kind: "statue", or "image" for the drawn people of an image.
        prop: The thing.
    """

    id: int
    kind: str
    prop: PropSpec


def counted_things(spec: SceneSpec) -> list[Counted]:
    """The things of a scene that its masks count, in order of their ids."""
    last = max((person.id for person in spec.persons), default=0)
    found: list[Counted] = []
    for prop in spec.props:
        if "statues" in spec.counted and prop.shape in STATUES:
            found.append(Counted(last + len(found) + 1, "statue", prop))
        drawn = prop.surface.image.startswith("drawn:")
        if "images" in spec.counted and drawn and shows_person(prop.surface.image):
            found.append(Counted(last + len(found) + 1, "image", prop))
    return found
