"""The outfit of one person, from skin to hat, as plain data; `sampling` draws plausible ones.

Colours are linear Rec. 709, 0..1. Lengths are reference metres (rm): metres on a body scaled to 1.7
m.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import palette
from .garment_kind import NEVER
from .garments import KINDS
from .palette import Color


@dataclass(frozen=True)
class Fabric:
    """The cloth of a garment.

    Attributes:
        pattern: One of garment_kind.PATTERNS.
        color, color2, color3: Ground and figures of the pattern.
        scale: Length of one repeat, rm.
        angle: Turn of the pattern, degrees (0: stripes run around the body).
        roughness: Roughness of the surface.
        weave: Contrast of the threads, 0..1.
        cloth: One of fabric_weaves.WEAVES, in style "mesh"; empty for what suits the pattern.
        figure: One of fabric_figures.FIGURES, in style "mesh"; empty for what suits the pattern.
        repeat: Side of the figure's tile, rm; 0 for what suits `scale`.
        folds: Depth of folds and creases; 1 is usual.
    """

    pattern: str = "plain"
    color: Color = (0.2, 0.2, 0.2)
    color2: Color = (0.8, 0.8, 0.8)
    color3: Color = (0.4, 0.1, 0.1)
    scale: float = 0.06
    angle: float = 0.0
    roughness: float = 0.85
    weave: float = 0.2
    cloth: str = ""
    figure: str = ""
    repeat: float = 0.0
    folds: float = 1.0


@dataclass(frozen=True)
class Garment:
    """A garment.

    Attributes:
        kind: One of garments.KINDS; see garment_kind.Kind for the edges.
        looseness: Share of the kind's slack, 0..1.
    """

    kind: str
    fabric: Fabric = Fabric()
    hem: float = 0.0
    waist: float = NEVER
    sleeve: float = NEVER
    neck: float = -NEVER
    opening: float = -NEVER
    depth: float = -NEVER
    slope: float = 0.5
    looseness: float = 0.5

    @property
    def layer(self) -> str:
        """One of garment_kind.LAYERS. Raises KeyError for an unknown kind."""
        return KINDS[self.kind].layer


@dataclass(frozen=True)
class Item:
    """A thing that is worn besides the garments: glasses, a bag, a hat, a garment of a pack.

    Attributes:
        kind: One of items.BUILDERS.
        source: What the kind needs to know of where it comes from, such as a file; empty for none.
        variant: Which of its forms, 0..1.
        colors: Linear colours of its regions, the main one first.
        apart: Whether it does not count as the person in masks.
    """

    kind: str
    source: str = ""
    variant: float = 0.5
    colors: tuple[Color, ...] = ()
    apart: bool = False


@dataclass(frozen=True)
class Hair:
    """The hair.

    Attributes:
        style: One of hair.HAIR_STYLES.
        recede, top: Head units.
        fall: Level.
        volume: rm.
        density: Share of the skin that it hides.
    """

    style: str = "short"
    color: Color = (0.02, 0.015, 0.01)
    recede: float = 0.0
    top: float = NEVER
    fall: float = NEVER
    volume: float = 0.012
    density: float = 1.0


@dataclass(frozen=True)
class Face:
    """The face.

    Attributes:
        beard: Density of facial hair, 0 none .. 1 full.
        lipstick: Share of paint in the lips' colour.
    """

    brows: Color = (0.02, 0.015, 0.01)
    lips: Color = (0.35, 0.12, 0.1)
    eyes: Color = (0.1, 0.05, 0.02)
    beard: float = 0.0
    lipstick: float = 0.0


@dataclass(frozen=True)
class Complexion:
    """Marks of the skin besides its colour, in style "mesh"; every share is 0 for none.

    Attributes:
        blush: Redness of cheeks, nose, ears, knuckles, knees and elbows.
        mottling: Contrast of the blotches of the skin.
        freckles: Share of freckles and moles that show.
        wrinkles: Depth of the lines of the face.
        shadow: Darkness of hollows and under the eyes.
        stubble: Darkness of a beard that was shaved off.
        shine: How much forehead and nose shine.
        pores: Depth of pores.
        tattoo: A tile of skin_tiles.SKIN_TILES that begins with "ink"; empty for none.
        tattoo_arm: Place of its middle on the arms, 0 shoulder .. 1 wrist.
        gaze: Turn of the eyes to the person's left and upwards, in radii of the eyeball.
    """

    blush: float = 0.0
    mottling: float = 0.0
    freckles: float = 0.0
    wrinkles: float = 0.0
    shadow: float = 0.0
    stubble: float = 0.0
    shine: float = 0.0
    pores: float = 0.0
    tattoo: str = ""
    tattoo_arm: float = 0.3
    gaze: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Outfit:
    """The outfit of a person.

    Attributes:
        tone: Step of the Monk skin tone scale, 1 (lightest) .. 10; 0 when `skin` is none of them.
        skin: Its colour.
        garments: At most one of each layer.
        style: "mesh" has garments as geometry of their own, "painted" paints them on the body.
        items: What else is worn, in style "mesh" only.
        complexion: Details of the skin, in style "mesh" only.
        texture: File of a UV texture that replaces all paint; empty for none.
        seed: 0..1, shifts noise, so that folds differ between people.
        locks: Whether hair grows in locks, in style "mesh"; else it is a shell over the scalp.
        drape: Whether skirts and loose cloth hang, in style "mesh"; else they keep their cut.
        skin_image: File with the surface of the skin, in style "mesh", that takes the colour of
            `skin`; empty for none.
        skin_detail: Whether skin has pores, blush and marks, in style "mesh".
    """

    tone: int = 5
    skin: Color = (0.5, 0.3, 0.2)
    hair: Hair = Hair()
    face: Face = Face()
    garments: tuple[Garment, ...] = ()
    texture: str = ""
    seed: float = 0.0
    style: str = "painted"
    items: tuple[Item, ...] = ()
    locks: bool = True
    drape: bool = True
    skin_image: str = ""
    skin_detail: bool = True
    complexion: Complexion = Complexion()

    def worn(self, layer: str) -> Garment | None:
        """The garment of that layer, or None."""
        return next((g for g in reversed(self.garments) if g.layer == layer), None)


def plain_outfit() -> Outfit:
    """The outfit when clothes do not vary: a light grey suit from neck to wrists and ankles, brown
    hair.
    """
    grey = Fabric(color=(0.4, 0.4, 0.4), weave=0.0)
    top = Garment("long-sleeved top", grey, hem=0.05, sleeve=1.0, neck=0.0, looseness=0.0)
    bottom = Garment("leggings", grey, hem=-1.95, waist=0.15, looseness=0.0)
    hair = Hair(color=palette.HAIR["dark brown"], volume=0.0)
    return Outfit(
        tone=5, skin=palette.reflectance(palette.MONK[4]), hair=hair, garments=(bottom, top)
    )
