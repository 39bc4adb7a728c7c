"""The kinds of garment: one row has the wearers, the cut and the cloth of a kind.

Edges are ranges from which `sampling.sample_outfit` draws; see `chart` for levels and `coverage`
for the other edges. Slack and thickness are reference metres (rm), see `chart`.
"""

from __future__ import annotations

from collections.abc import Callable

from .garment_kind import Kind, Wearer
from .kinds_bottoms import BOTTOMS
from .kinds_ends import SHOES_AND_HATS
from .kinds_mesh_bottoms import MESH_BOTTOMS
from .kinds_mesh_outers import MESH_OUTERS
from .kinds_mesh_tops import MESH_TOPS
from .kinds_outers import OUTERS
from .kinds_tops import TOPS

# The weight of wearing nothing on a layer; the other layers are always worn, where there is a
# choice.
NOTHING: dict[str, Callable[[Wearer], float]] = {
    "socks": lambda w: 0.6 * w.warm if w.skirted else 0.15,
    "shoes": lambda w: 0.15 * w.bare_legs,
    "hat": lambda w: 8.0,
}

# Rows of a layer are in the order in which they are drawn from: a new one goes to the end of its
# layer, and even then it changes which of the others a seed gives, unless it is for style "mesh".
KINDS: dict[str, Kind] = {
    **TOPS,
    **MESH_TOPS,
    **OUTERS,
    **MESH_OUTERS,
    **BOTTOMS,
    **MESH_BOTTOMS,
    **SHOES_AND_HATS,
}


def kinds_of(style: str) -> tuple[str, ...]:
    """Names of the kinds that may be drawn for a style of outfits."""
    return tuple(name for name, kind in KINDS.items() if style == "mesh" or not kind.mesh_only)
