"""The fields of a kind of garment, and of the person whose garment is chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from .palette import Color

Range = tuple[float, float]


def draw(rng: np.random.Generator, limits: Range) -> float:
    """Draw a number within `limits`; nothing is drawn where they are equal."""
    return float(limits[0] if limits[0] == limits[1] else rng.uniform(*limits))


LAYERS = (
    "socks",
    "bottom",
    "top",
    "outer",
    "shoes",
    "hat",
)  # from the skin outwards; shoes cover trousers

PATTERNS = ("plain", "stripes", "checks", "dots", "print", "floral", "melange")

NEVER = 99.0


@dataclass(frozen=True)
class Wearer:
    """The person whose garment is chosen; the weights of the kinds depend on the attributes.

    Attributes:
        age: Years.
        male: 0 female .. 1 male.
        warm: 0 winter .. 1 high summer.
        chosen: The kinds that the person wears already, by name; tops are chosen first, then
            bottoms.
    """

    age: float
    male: float
    warm: float
    chosen: Mapping[str, Kind] = field(default_factory=dict)

    @property
    def cold(self) -> float:
        return 1 - self.warm

    @property
    def woman(self) -> float:
        return (1 - self.male) * float(self.age > 2)

    @property
    def skirted(self) -> bool:
        """Whether a skirt or a dress is worn; a coat is no skirt."""
        return any(kind.skirt and kind.layer != "outer" for kind in self.chosen.values())

    @property
    def bare_legs(self) -> bool:
        return any(kind.bare_legs for kind in self.chosen.values())

    def wears(self, *names: str) -> bool:
        """Whether one of these kinds is worn."""
        return any(name in self.chosen for name in names)


@dataclass(frozen=True)
class Kind:
    """All that the garments of one kind have in common.

    Attributes:
        layer: One of LAYERS.
        weight: How often a person wears it, relative to the other kinds of the layer.
        hem: Level of the lower edge. Of shoes: the height of the shaft, rm; of hats: how far up
            from the usual line they sit, head units.
        waist: Level of the upper edge; of socks: where they end.
        sleeve: End of the sleeve on the arm, 0 shoulder .. 1 wrist.
        neck: Distance from the neckline, rm.
        opening: Half the width of an open front, rm; negative when closed.
        depth: Depth of the V, rm; negative when there is none.
        slope: Slope of the sides of the V.
        thickness: Thickness of the cloth, rm.
        slack: How far the loosest of its kind stands off the body, rm.
        drape: Share of the way across the hollows below chest and thighs that it hangs.
        folds: How easily the cloth folds; 1 as a cotton shirt.
        trims: What is sewn on, names of trims.TRIMS; style "mesh" only.
        mesh_only: Whether it is drawn for style "mesh" alone, so that it moves no other draw.
        shape: Name of a cut of `shapes.SHAPES` that its edges alone do not describe.
        flare: rm that trousers are wider at the ankle than at the thigh.
        bell: rm that sleeves are wider at their end.
        quilt: rm that padding stands out between its seams.
        whole: Whether it covers the legs as well, so that no bottom is worn.
        set_with: The kind of bottom that belongs to it, of the same cloth.
        skirt: Whether it spans the gap between the legs.
        bare_legs: Whether it leaves the legs to socks, tights or nothing.
        roughness: Roughness of the cloth.
        patterns: Patterns of the cloth, with weights.
        colors: Its usual colours; empty: those of any cloth.
        dark: Share that has the colours of trousers in place of the usual ones.
        childish: Whether half of the children's have the colours of any cloth.
        quiet: Whether stripes and checks have little contrast, as in suiting.
        upright_stripes: Whether stripes always run along the body.
        melange: Share of light threads in melange.
        tuck: Of a top: share that is tucked in; None: as the bottom has it.
        tuck_in: Of a bottom: share of the tops that are tucked into it.
        rolls_up: Whether sleeves are sometimes pushed up.
        brim: Whether a hat has a peak in front.
        sole: Colour of the sole of shoes.
    """

    layer: str
    weight: Callable[[Wearer], float]
    hem: Range
    waist: Range = (NEVER, NEVER)
    sleeve: Range = (-NEVER, -NEVER)
    neck: Range = (-NEVER, -NEVER)
    opening: Range = (-NEVER, -NEVER)
    depth: Range = (-NEVER, -NEVER)
    slope: float = 0.5
    thickness: float = 0.003
    slack: float = 0.0
    drape: float = 0.0
    folds: float = 1.0
    trims: tuple[str, ...] = ()
    mesh_only: bool = False
    shape: str = ""
    flare: float = 0.0
    bell: float = 0.0
    quilt: float = 0.0
    whole: bool = False
    set_with: str = ""
    skirt: bool = False
    bare_legs: bool = False
    roughness: Range = (0.75, 0.95)
    patterns: tuple[tuple[str, float], ...] = (("plain", 1.0),)
    colors: tuple[str, ...] = ()
    dark: float = 0.0
    childish: bool = False
    quiet: bool = False
    upright_stripes: bool = False
    melange: float = 0.2
    tuck: float | None = None
    tuck_in: float = 0.1
    rolls_up: bool = False
    brim: bool = False
    sole: Color = (0.0, 0.0, 0.0)
