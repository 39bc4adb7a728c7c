"""All places: a new one is a row here and a module beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...recipes.recipe import Recipe
from .beach import build_beach
from .outdoor import adapt_open, adapt_street
from .park import build_garden, build_park
from .site import Place, Site
from .square import build_square
from .station import build_station
from .street import build_street


def _as_it_is(recipe: Recipe) -> Recipe:
    return recipe


@dataclass(frozen=True)
class PlaceKind:
    """A row of PLACES.

    Attributes:
        indoors: Whether it is a room, which lamps light.
        build: Puts things around the people.
        adapt: The recipe from which its people and camera are drawn: who sits in a bar is seen
            from near by.
    """

    indoors: bool
    build: Callable[[Site], Place]
    adapt: Callable[[Recipe], Recipe] = _as_it_is


# recipe.PLACE_WEIGHTS names them; a test fails when the two differ.
PLACES: dict[str, PlaceKind] = {
    "square": PlaceKind(indoors=False, build=build_square, adapt=adapt_open),
    "park": PlaceKind(indoors=False, build=build_park, adapt=adapt_open),
    "garden": PlaceKind(indoors=False, build=build_garden, adapt=adapt_open),
    "station": PlaceKind(indoors=False, build=build_station, adapt=adapt_street),
    "beach": PlaceKind(indoors=False, build=build_beach, adapt=adapt_open),
    "street": PlaceKind(indoors=False, build=build_street, adapt=adapt_street),
}
