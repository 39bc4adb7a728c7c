"""Things and surfaces of packs in the place of built-in ones.

Places are built of built-in things, whose ground is free and whose places make sense. Where the
packs of a recipe have such a thing, in a size that fits, it takes the built-in one's place; where
they have such a surface, it takes the pattern's. Draws of these have a stream of their own: the
rest of a scene is the same with and without packs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ..packs.scenery.prop_pack import PropItem, PropPack
from ..packs.scenery.texture_pack import TextureItem, TexturePack
from ..recipes.recipe import Recipe
from .assets import Assets
from .spec import BackgroundSpec, PropSpec, SurfaceSpec

Rng = np.random.Generator

# Built-in shape -> words that name such a thing (packs.scenery.kinds).
THINGS: dict[str, str] = {
    "chair": "chair", "dining_chair": "chair", "office_chair": "chair", "stool": "stool barstool",
    "bar_stool": "barstool stool", "bench": "bench", "couch": "sofa couch loveseat settee",
    "table": "table desk", "coffee_table": "table",
    "sideboard": "sideboard dresser buffet commode", "bookcase": "bookcase bookshelf shelves",
    "storage_shelf": "shelves shelf rack", "wardrobe": "wardrobe closet",
    "fridge": "fridge refrigerator", "radiator": "radiator", "rug": "rug carpet",
    "floor_lamp": "lamp", "plant": "plant houseplant bonsai flower",
    "house_plant": "plant houseplant bonsai", "bush": "bush shrub", "hedge": "hedge",
    "tree": "tree palm birch pine willow oak spruce fir maple",
    "car": "car sedan suv beetle scenic peugeot chevrolet smart hatchback coupe",
    "van": "van truck pickup", "bicycle": "bicycle bike", "bin": "bin dustbin trashcan",
    "sign": "sign", "lamp_post": "streetlight streetlamp lamppost", "bollard": "bollard",
    "hydrant": "hydrant", "fence": "fence railing", "suitcase": "suitcase",
    "clothes_rack": "clothes",
    "parked_car": "car sedan suv beetle scenic peugeot chevrolet hatchback smart coupe",
    "parked_van": "van truck pickup", "street_lamp": "streetlight streetlamp lamppost",
    "litter_bin": "bin dustbin trashcan", "park_bench": "bench", "cafe_chair": "chair",
    "deck_chair": "deckchair lounge", "post_box": "mailbox letterbox", "iron_bollard": "bollard",
    "railing": "railing fence", "shrub": "bush shrub", "leafy_tree": "tree maple oak birch",
    "spruce": "spruce pine fir", "palm": "palm", "road_sign": "sign roadsign",
    "fountain": "fountain", "parasol": "parasol umbrella", "swing": "swing", "slide": "slide",
    "teddy": "teddy", "doll": "doll", "statue": "statue", "snowman": "snowman", "gnome": "gnome",
    "horse": "horse", "cow": "cow", "sheep": "sheep", "standing_dog": "dog bulldog",
    "sitting_dog": "dog bulldog", "planter": "planter", "cone": "cone",
}  # fmt: skip
_GROUND = 1.3  # a model may be this much larger than the ground that the built-in thing has
_SMALLER = 0.35  # and this much smaller
_SHRUNK = 0.7  # a model is made smaller by this much at most, to fit
# On what built-in things stand: their tops carry others, so that only heights alike fit.
_CARRYING = ("table", "coffee_table", "sideboard")

# Pattern of a surface -> uses of textures (packs.scenery.texture_names) outdoors and indoors.
_GROUNDS = {
    "asphalt": (("road",), ("floor",)),
    "paving": (("pavement",), ("floor",)),
    "tiles": (("pavement",), ("floor",)),
    "bricks": (("pavement",), ("floor",)),
    "grass": (("grass", "soil"), ("floor",)),
    "noise": (("soil", "pavement"), ("floor",)),
    "wood": (("pavement",), ("floor",)),
    "plain": (("pavement", "road"), ("floor",)),
    "checks": (("pavement",), ("floor",)),
}
_KINDS_OF_WALLS = {
    "bricks": "brick",
    "wood": "planks",
    "tiles": "tiles",
    "plain": "plaster",
    "plaster": "plaster",
}
# Kinds of materials of things; those of `_FLAT` only where they are a piece of ground.
_MATERIALS = {
    "wood": ("wood",),
    "bricks": ("brick",),
    "plaster": ("plaster", "concrete"),
    "asphalt": ("asphalt",),
    "grass": ("grass",),
    "tiles": ("paving",),
    "paving": ("paving",),
}
_MOST_TEXTURES = 10  # on the things of a scene: maps of 2048 px take 16 MB each
_PAINTED = ("plaster", "concrete")  # they take the colour of the surface
_FLAT = ("asphalt", "grass", "tiles", "paving")


def furnished(
    recipe: Recipe,
    assets: Assets,
    background: BackgroundSpec,
    props: Sequence[PropSpec],
    rng: Rng,
) -> tuple[BackgroundSpec, tuple[PropSpec, ...]]:
    """A place with things and surfaces of packs.

    Args:
        recipe: How many of them.
        assets: The packs.
        background: Of the place.
        props: Of the place.
        rng: Generator of these draws.
    """
    if not len(assets.props) and not len(assets.surfaces):
        return background, tuple(props)
    indoors, scenery = background.indoors, recipe.scenery
    seeds = rng.integers(1 << 31, size=len(props) + 1)
    out = []
    covers: dict[SurfaceSpec, SurfaceSpec] = {}
    chosen: dict[tuple[object, ...], PropItem | None] = {}
    for prop, seed in zip(props, seeds[1:], strict=True):
        draw = np.random.default_rng(int(seed))
        stands = not (prop.owner or prop.source or prop.rotation[0] or prop.rotation[1])
        alike = (prop.shape, prop.size, stands)  # chairs around a table are alike
        if not stands:
            chosen[alike] = None
        elif alike not in chosen:
            wanted = draw.random() < scenery.prop_share
            chosen[alike] = _item_for(prop, assets.props, draw, indoors=indoors) if wanted else None
        item = chosen[alike]
        if item is not None:
            out.append(model_prop(item, prop))
        else:
            if prop.surface not in covers:  # the parts of a kerb are alike
                shown = {cover.image for cover in covers.values() if cover.image}
                share = scenery.texture_share if len(shown) < _MOST_TEXTURES else 0.0
                pack = assets.surfaces
                covers[prop.surface] = _cover(prop, pack, draw, share, indoors)
            out.append(dataclasses.replace(prop, surface=covers[prop.surface]))
    draw = np.random.default_rng(int(seeds[0]))
    ground = _ground(background.ground, assets.surfaces, draw, scenery.texture_share, indoors)
    wall = _wall(background.wall, assets.surfaces, draw, scenery.texture_share)
    return dataclasses.replace(background, ground=ground, wall=wall), tuple(out)


def model_prop(item: PropItem, place: PropSpec) -> PropSpec:
    """A model of a pack where a built-in thing is, in its own size; made smaller where it does not
    fit.
    """
    shrink = _shrink(item, place)
    x, y, z = (length * shrink for length in item.size)
    plain = SurfaceSpec("plain", (1.0, 1.0, 1.0), (1.0, 1.0, 1.0), 1.0, 0.5)
    return dataclasses.replace(place, size=(x, y, z), surface=plain, source=str(item.path))


def textured(surface: SurfaceSpec, item: TextureItem, tint: float = 0.0) -> SurfaceSpec:
    """A surface that shows a texture.

    Args:
        surface: Gives the finish, and the tint.
        item: The texture.
        tint: 0 shows it as it is, 1 in the hue of the surface's colour.
    """
    color = np.array(surface.color)
    hue = color / max(float(color.max()), 1e-6)
    r, g, b = (float(c) for c in 1.0 + tint * (hue - 1.0))
    return dataclasses.replace(
        surface,
        color=(r, g, b),
        color2=(r, g, b),
        scale=1.0 / item.width,
        image=str(item.path),
    )


def _item_for(prop: PropSpec, pack: PropPack, rng: Rng, *, indoors: bool) -> PropItem | None:
    """A model of the same thing that fits, every one equally likely; None without one."""
    fitting = [item for item in _things(pack, prop.shape, indoors) if _fits(item, prop)]
    return fitting[int(rng.integers(len(fitting)))] if fitting else None


@lru_cache(maxsize=256)
def _things(pack: PropPack, shape: str, indoors: bool) -> tuple[PropItem, ...]:
    words = THINGS.get(shape, "").split()
    # Street lamps, trees and cars are listed for outdoors; chairs stand before cafés, too.
    either = ("seat", "table", "plant")
    drawn = ("tree", "plant")  # without images of leaves they look like toys beside built-in ones
    return tuple(
        item
        for item in pack
        if item.thing in words
        and ((item.indoors if indoors else item.outdoors) or item.role in either)
        and (item.images or item.role not in drawn)
    )


def _shrink(item: PropItem, prop: PropSpec) -> float:
    over = max(
        a / (abs(b) * _GROUND) for a, b in zip(item.size[:2], prop.size[:2], strict=True)
    )  # fmt: skip
    return 1.0 if over <= 1.0 else 1.0 / over


def _fits(item: PropItem, prop: PropSpec) -> bool:
    shrink = _shrink(item, prop)
    if shrink < _SHRUNK:
        return False
    ratio = [a * shrink / abs(b) for a, b in zip(item.size, prop.size, strict=True)]
    if prop.shape in _CARRYING:
        return 0.97 <= ratio[2] <= 1.03 and min(ratio[:2]) > 0.9
    return min(ratio[:2]) > _SMALLER and 0.4 < ratio[2] < 1.6


def _cover(prop: PropSpec, pack: TexturePack, rng: Rng, share: float, indoors: bool) -> SurfaceSpec:
    """The surface of a built-in thing, in a texture of its material."""
    surface = prop.surface
    kinds = _MATERIALS.get(surface.pattern, ())
    if surface.pattern in _FLAT:
        flat = abs(prop.size[2]) < 0.3 and min(map(abs, prop.size[:2])) > 0.5
        kinds = () if not flat else ("tiles", "floorboards") if indoors else kinds
    if not kinds or surface.image or rng.random() >= share:
        return surface
    item = _drawn(_of_kind(pack, *kinds), rng)
    if item is not None and item.kind in _PAINTED:
        return textured(surface, item, 0.8)
    return textured(surface, item, 0.25) if item is not None else surface


def _ground(
    surface: SurfaceSpec | None, pack: TexturePack, rng: Rng, share: float, indoors: bool
) -> SurfaceSpec | None:
    if surface is None or surface.image or rng.random() >= share:
        return surface
    uses = _GROUNDS.get(surface.pattern)
    item = _drawn(_of_use(pack, *uses[indoors]), rng) if uses else None
    return textured(surface, item, 0.1) if item is not None else surface


def _wall(
    surface: SurfaceSpec | None, pack: TexturePack, rng: Rng, share: float
) -> SurfaceSpec | None:
    """A wall in a texture of its kind; plain paint mostly stays plain."""
    if surface is None or surface.image or rng.random() >= share:
        return surface
    kind = _KINDS_OF_WALLS.get(surface.pattern, "wallpaper")
    item = _drawn(_of_kind(pack, kind), rng)
    if item is None:
        return surface
    return textured(surface, item, 0.8 if kind in _PAINTED else 0.2)


@lru_cache(maxsize=256)
def _of_use(pack: TexturePack, *uses: str) -> tuple[TextureItem, ...]:
    return pack.of_use(*uses)


@lru_cache(maxsize=256)
def _of_kind(pack: TexturePack, *kinds: str) -> tuple[TextureItem, ...]:
    return tuple(item for item in pack if item.kind in kinds)


def _drawn(items: Sequence[TextureItem], rng: Rng) -> TextureItem | None:
    return items[int(rng.integers(len(items)))] if len(items) else None
