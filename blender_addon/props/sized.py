"""Shapes that are built to their size: a wall of 12 m has more windows than one of 6 m.

A builder gets the extents (x, y, z) in metres, all positive, and a generator for its details. It
gives a solid in the frame that PropSpec asks for: origin on the ground under the centre, Z up, the
front towards -Y, within the extents. No bpy here.
"""

from __future__ import annotations

from .animals import ANIMALS
from .boards import BOARDS
from .building import BUILDING
from .car_cabin import CABIN
from .cars import CARS
from .empty_clothes import CLOTHES
from .facades import FACADES
from .figures import FIGURES
from .fittings import FITTINGS
from .frames import FRAMES
from .gardens import GARDENS
from .kitchen import KITCHEN
from .lamps import LAMPS
from .market import MARKET
from .mirrors import MIRRORS
from .primitives import Builder
from .roads import ROADS
from .seats import SEATS
from .shelves import SHELVES
from .street_furniture import STREET_FURNITURE
from .tables import TABLES
from .toys import TOYS
from .trees import TREES

SIZED: dict[str, Builder] = {
    **FRAMES,
    **BOARDS,
    **MIRRORS,
    **FIGURES,
    **TOYS,
    **ANIMALS,
    **CLOTHES,
    **FACADES,
    **ROADS,
    **STREET_FURNITURE,
    **MARKET,
    **GARDENS,
    **TREES,
    **CARS,
    **SEATS,
    **SHELVES,
    **TABLES,
    **FITTINGS,
    **LAMPS,
    **KITCHEN,
    **BUILDING,
    **CABIN,
}
