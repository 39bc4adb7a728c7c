"""Draws of what a person wears from packs: clothes, shoes, hats, hair, brows, lashes and skins.

A garment of a pack stands for the built-in garments of the layers that it covers; what it leaves
bare stays dressed by built-in ones, such as a pair of jeans beneath a pack's jacket.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..packs.pack import PackItem
from . import palette
from .garment_kind import LAYERS, Wearer
from .garments import KINDS
from .headwear import HEAD_LINES, VEILS
from .item_sampling import SHOES, slot_of
from .outfit import Garment, Item, Outfit
from .pack_words import bares_arms, bares_legs, has, is_formal, is_over, suits, suits_skin
from .palette import Color
from .sampling import sample_outfit

KIND, HAT = "pack", "pack hat"  # of items.BUILDERS
CLOTHES = "clothes"
_STREAMS = (
    *("person", "clothes", "shoes", "hat", "hair", "eyebrows", "eyelashes", "skin", "eyes"),
    "accessory",
)
_FULL = 0.55  # share of whole outfits among persons in clothes of packs, where there are both
_OUTER = 0.6  # share of those in the cold who wear a pack's coat, where there is one
_HATS = 0.06  # share of persons with a pack's hat
_GLASSES = 0.1
_HAIR = 0.6  # share of persons dressed from packs who have a pack's hair
_SKINS = 0.5
_SKIRTED = 0.6  # share of women in a pack's skirt or trousers who keep built-in shoes
_TUCKED = 0.13  # level of the hem of a built-in top under a pack's waistband
_BALD = 0.004  # rm of hair, below which a head is shaven
_RECOLOURED = 0.7  # share of clothes in other colours than those of their image
_YOUNGEST = 3.0  # years; clothes made for grown-ups do not suit infants
Weight = Callable[[PackItem], float]


@dataclass(frozen=True, eq=False)
class PackWardrobe:
    """The items of all packs by kind, in the order in which they are drawn.

    Attributes:
        kinds: Items by kind; garments that stand for no layer, such as sleeves, are left out.
    """

    kinds: Mapping[str, tuple[PackItem, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, items: Sequence[PackItem]) -> PackWardrobe:
        """Sort items; their order stays."""
        worn = [item for item in items if item.kind != CLOTHES or item.layers]
        kinds = dict.fromkeys(item.kind for item in worn)
        return cls({kind: tuple(item for item in worn if item.kind == kind) for kind in kinds})


def dress_from_packs(
    rng: np.random.Generator,
    outfit: Outfit,
    wearer: Wearer,
    wardrobe: PackWardrobe,
    *,
    share: float,
    hair: bool = True,
    accessories: bool = True,
) -> Outfit:
    """Draw whether a person is dressed from packs, and in what.

    Args:
        rng: Generator of the packs; each kind of item draws from a stream of its own.
        outfit: What the person wears without packs.
        wearer: The person.
        wardrobe: The packs.
        share: Share of persons who are dressed from packs.
        hair: Whether hair may come from packs.
        accessories: Whether hats and glasses may.
    """
    streams = dict(zip(_STREAMS, rng.spawn(len(_STREAMS)), strict=True))
    if streams["person"].random() >= share:
        return outfit
    draws = _Draws(wardrobe, wearer, streams)
    outfit = draws.clothes(outfit)
    outfit = draws.shoes(outfit)
    if accessories:
        outfit = draws.glasses(draws.hat(outfit))
    if hair:
        outfit = draws.hair(outfit)
    outfit = draws.face(outfit)
    return draws.skin(outfit)


class _Draws:
    def __init__(
        self, packs: PackWardrobe, wearer: Wearer, streams: dict[str, np.random.Generator]
    ) -> None:
        self.packs, self.wearer, self.streams = packs, wearer, streams
        self.veiled = False

    # -- clothes

    def clothes(self, outfit: Outfit) -> Outfit:
        """Replace garments by those of a pack: a whole outfit, or single parts."""
        whole, parts, outer, tint, fill = self.streams["clothes"].spawn(5)
        w = self.wearer
        self.veiled = any(item.kind in VEILS for item in outfit.items)
        full = self._garment(whole, lambda i: {"top", "bottom"} <= set(i.layers))
        top = self._garment(parts, lambda i: "bottom" not in i.layers and not is_over(i))
        bottom = self._garment(parts, lambda i: "top" not in i.layers)
        coat = self._garment(outer, lambda i: "bottom" not in i.layers and is_over(i))
        which, over = parts.random(), outer.random() < _OUTER and w.cold > 0.5
        if w.age < _YOUNGEST:
            return outfit
        if full and (not (top or bottom or coat) or whole.random() < _FULL):
            chosen = [full]
        else:
            upper = coat if over else None
            upper = upper or (top if which < 0.75 or bottom is None else None)
            lower = bottom if which > 0.4 or upper is None else None
            chosen = [item for item in (lower, upper) if item is not None]
        if not chosen:
            return outfit
        formal = any(map(is_formal, chosen))
        worn = tuple(_item(item, self._tints(tint, item, formal)) for item in chosen)
        covered = {layer for item in chosen for layer in item.layers}
        if any(map(bares_legs, chosen)) and outfit.worn("socks") is not None:
            covered.add("socks")  # with sneakers only, and those may cover them
        if any(map(bares_arms, chosen)):
            warm_items = tuple(i for i in outfit.items if slot_of(i) != "neck")
            outfit = dataclasses.replace(outfit, items=warm_items)  # no scarf over a tank top
        outfit = self._completed(outfit, worn, covered, fill)
        return _tucked(outfit) if "bottom" in covered and "top" not in covered else outfit

    def _completed(
        self, outfit: Outfit, worn: tuple[Item, ...], covered: set[str], rng: np.random.Generator
    ) -> Outfit:
        """The outfit with items of packs, and with built-in garments where they leave it bare."""
        top = outfit.worn("top")
        if "top" not in covered and top is not None and KINDS[top.kind].skirt:
            covered = {*covered, "dress"}  # trousers do not go with it
        garments = [
            g
            for g in outfit.garments
            if g.layer not in covered and not (g.layer == "top" and "dress" in covered)
        ]
        layers = {g.layer for g in garments} | covered
        garments += [
            self._builtin(rng, layer) for layer in ("bottom", "top") if layer not in layers
        ]
        garments.sort(key=lambda g: LAYERS.index(g.layer))
        return dataclasses.replace(outfit, garments=tuple(garments), items=(*outfit.items, *worn))

    def _builtin(self, rng: np.random.Generator, layer: str) -> Garment:
        """A plain garment for a layer that is bare."""
        w = self.wearer
        kinds = [name for name, kind in KINDS.items() if not kind.skirt]
        drawn = sample_outfit(rng, age=w.age, gender=w.male, warmth=w.warm, garments=kinds)
        garment = drawn.worn(layer)
        return garment or Garment({"bottom": "jeans", "top": "t-shirt"}[layer])

    def _garment(
        self, rng: np.random.Generator, fits: Callable[[PackItem], bool]
    ) -> PackItem | None:
        """One garment that fits, by how well it suits the wearer and the season."""
        w = self.wearer

        def weight(item: PackItem) -> float:
            bare = bares_legs(item) + bares_arms(item)
            # None of the bare ones in the cold, or under a veil.
            warm = 0.0 if self.veiled else min(max((w.warm - 0.2) * 2.0, 0.0), 1.0)
            season = warm**bare * (0.35 + w.cold) ** ("arms" in item.regions)
            return float(fits(item)) * suits(item, w.age, w.male) * float(season)

        return self._pick(rng, CLOTHES, weight)

    def _tints(self, rng: np.random.Generator, item: PackItem, formal: bool) -> tuple[Color, ...]:
        """Colours for the upper and the lower part of a garment; () for those of its image."""
        first, upper = rng.random(), palette.cloth(rng)
        dark = palette.pick(rng, palette.TROUSERS, 0.15)
        denim = palette.pick(rng, palette.DENIM, 0.15)
        chance = rng.random()
        if first >= _RECOLOURED:
            return ()
        if formal:
            return dark, dark
        if has(item, "jeans", "jean"):
            return denim, denim
        return upper, (denim if chance < 0.4 else dark)

    # -- feet, head

    def shoes(self, outfit: Outfit) -> Outfit:
        """Shoes of a pack in place of built-in ones; the barefoot stay so."""
        rng, w = self.streams["shoes"], self.wearer
        item = self._pick(rng, "shoes", self._suits)
        color = palette.pick(rng, palette.LEATHER, 0.15)
        plain = rng.random() >= _RECOLOURED
        # Most shoes of packs come with socks, which go with trousers.
        skirted = w.male < 0.5 and not any(g.layer == "bottom" for g in outfit.garments)
        if item is None or outfit.worn("shoes") is None or (skirted and rng.random() < _SKIRTED):
            return outfit
        garments = tuple(g for g in outfit.garments if g.layer not in ("shoes", *item.layers))
        others = tuple(i for i in outfit.items if slot_of(i) != SHOES)
        worn = _item(item, () if plain else (color,))
        return dataclasses.replace(outfit, garments=garments, items=(*others, worn))

    def hat(self, outfit: Outfit) -> Outfit:
        """A hat of a pack; it replaces a cap, and is worn over no other head covering."""
        rng = self.streams["hat"]
        item = self._pick(rng, "hat", self._suits)
        color, plain = palette.cloth(rng), rng.random() >= _RECOLOURED
        if item is None or rng.random() >= _HATS or _is_covered(outfit):
            return outfit
        garments = tuple(g for g in outfit.garments if g.layer != "hat")
        worn = _item(item, () if plain else (color,))
        return dataclasses.replace(outfit, garments=garments, items=(*outfit.items, worn))

    def glasses(self, outfit: Outfit) -> Outfit:
        """Glasses of a pack, for some of those who wear no built-in ones."""
        rng = self.streams["accessory"]
        item = self._pick(rng, "accessory", lambda i: float(has(i, "glasses", "spectacles")))
        color, plain = palette.pick(rng, palette.LEATHER, 0.15), rng.random() >= _RECOLOURED
        worn = any(slot_of(i) == "glasses" for i in outfit.items)
        if item is None or rng.random() >= _GLASSES or worn:
            return outfit
        more = _item(item, () if plain else (color,))
        return dataclasses.replace(outfit, items=(*outfit.items, more))

    def hair(self, outfit: Outfit) -> Outfit:
        """Hair of a pack in the outfit's colour; nobody who is bald or covered has any."""
        rng, w = self.streams["hair"], self.wearer

        def weight(item: PackItem) -> float:
            if has(item, "afro", "dread", "dreads"):
                return 1.0 if outfit.tone > 6 else 0.1
            return {"female": 1 - w.male, "male": w.male}.get(item.gender, 0.5)

        item = self._pick(rng, "hair", weight)
        covered = _is_covered(outfit) or outfit.worn("hat") is not None
        bald = outfit.hair.volume < _BALD or w.age < _YOUNGEST
        if item is None or covered or bald or rng.random() >= _HAIR:
            return outfit
        worn = _item(item, (outfit.hair.color,))
        return dataclasses.replace(outfit, items=(*outfit.items, worn))

    def face(self, outfit: Outfit) -> Outfit:
        """Brows in the outfit's colour, and lashes."""
        brows = self._pick(self.streams["eyebrows"], "eyebrows", lambda item: 1.0)
        lashes = self._pick(self.streams["eyelashes"], "eyelashes", lambda item: 1.0)
        items = list(outfit.items)
        items += [_item(brows, (outfit.face.brows,))] if brows else []
        items += [_item(lashes, ())] if lashes else []
        return dataclasses.replace(outfit, items=tuple(items))

    def skin(self, outfit: Outfit) -> Outfit:
        """A skin of about the person's age, gender and tone; its image takes the skin's colour."""
        rng, w = self.streams["skin"], self.wearer
        item = self._pick(rng, "skin", lambda i: suits_skin(i, w.age, w.male, outfit.tone))
        if item is None or item.image is None or rng.random() >= _SKINS:
            return outfit
        return dataclasses.replace(outfit, skin_image=str(item.image))

    # -- draws

    def _suits(self, item: PackItem) -> float:
        return suits(item, self.wearer.age, self.wearer.male)

    def _pick(self, rng: np.random.Generator, kind: str, weight: Weight) -> PackItem | None:
        """One item of a kind; one number is drawn, whatever there is to choose from."""
        at, items = float(rng.random()), self.packs.kinds.get(kind, ())
        weights = np.cumsum([weight(item) for item in items])
        if not len(weights) or weights[-1] <= 0:
            return None
        number = int(np.searchsorted(weights / weights[-1], at, side="right"))
        return items[min(number, len(items) - 1)]


def _is_covered(outfit: Outfit) -> bool:
    """Whether a head covering among the items leaves no room for another, or for a pack's hair."""
    return any(item.kind in HEAD_LINES for item in outfit.items)


def _tucked(outfit: Outfit) -> Outfit:
    """The outfit with its built-in top tucked in: a pack's waistband lies on the body."""
    garments = tuple(
        dataclasses.replace(g, hem=max(g.hem, _TUCKED)) if g.layer == "top" else g
        for g in outfit.garments
    )
    return dataclasses.replace(outfit, garments=garments)


def _item(item: PackItem, colors: tuple[Color, ...]) -> Item:
    kind = HAT if item.kind == "hat" else KIND
    return Item(kind, str(item.path), colors=colors)
