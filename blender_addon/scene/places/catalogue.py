"""All places: a new one is a row here and a module beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...recipes.recipe import Recipe
from .bar import adapt_bar, build_bar
from .beach import build_beach
from .car_interior import adapt_car_interior, build_car_interior
from .classroom import adapt_classroom, adapt_gym, build_classroom, build_gym
from .corridor import adapt_corridor, build_corridor
from .kitchen import adapt_kitchen, build_kitchen
from .lift import adapt_lift, build_lift
from .living_room import adapt_living_room, build_living_room
from .office import adapt_office, build_office
from .outdoor import adapt_beach, adapt_open, adapt_street
from .park import build_garden, build_park
from .shop import adapt_shop, build_shop
from .site import Place, Site
from .square import build_square
from .station import build_station
from .street import build_street
from .workshop import adapt_workshop, build_workshop


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
    "beach": PlaceKind(indoors=False, build=build_beach, adapt=adapt_beach),
    "street": PlaceKind(indoors=False, build=build_street, adapt=adapt_street),
    "living_room": PlaceKind(True, build_living_room, adapt_living_room),
    "kitchen": PlaceKind(True, build_kitchen, adapt_kitchen),
    "office": PlaceKind(True, build_office, adapt_office),
    "shop": PlaceKind(True, build_shop, adapt_shop),
    "bar": PlaceKind(True, build_bar, adapt_bar),
    "corridor": PlaceKind(True, build_corridor, adapt_corridor),
    "lift": PlaceKind(True, build_lift, adapt_lift),
    "classroom": PlaceKind(True, build_classroom, adapt_classroom),
    "gym": PlaceKind(True, build_gym, adapt_gym),
    "workshop": PlaceKind(True, build_workshop, adapt_workshop),
    "car_interior": PlaceKind(False, build_car_interior, adapt_car_interior),
}
