"""All places: a new one is a row here and a module beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...recipes.recipe import Recipe
from .site import Place, Site
from .square import build_square


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
    "square": PlaceKind(indoors=False, build=build_square),
}
