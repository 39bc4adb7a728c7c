"""The table of things that a person wears besides garments, and the functions that build them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from . import palette
from .bags import BAGS
from .garment_kind import Wearer
from .glasses import earrings, face_mask, glasses, headphones, sunglasses
from .hats import HATS
from .head_coverings import VEILS, covering, scarf, turban
from .outfit import Item
from .pack_parts import PACK_KINDS, pack_parts
from .part_layers import settled
from .shoe_forms import FORMS as SHOES
from .shoes import shoes
from .teeth import TEETH, teeth
from .worn_part import Fitting, WornPart

Builder = Callable[[Fitting, Item], Sequence[WornPart]]


@dataclass(frozen=True)
class ItemKind:
    """The wearers of an item, and its colours.

    Attributes:
        slot: Where it is worn; a person wears at most one item of each slot.
        weight: How often a person wears it, relative to the other items of the slot.
        colors: For each of its regions, the main one first, sRGB codes to choose from; an empty
            choice is any colour of cloth.
        carried: Whether it is a thing that is carried and not worn.
        upright: Whether it suits persons that stand or walk only.
    """

    slot: str
    weight: Callable[[Wearer], float]
    colors: tuple[tuple[str, ...], ...] = ((),)
    carried: bool = False
    upright: bool = False


# The weight of nothing in a slot, relative to the slot's items. Shoes stand for the garment of the
# layer "shoes", so that whoever wears one of those may wear one of these.
SLOTS: Mapping[str, Callable[[Wearer], float]] = {
    "shoes": lambda w: 0.0,
    "glasses": lambda w: 7.0 - 0.04 * min(w.age, 80),
    "mask": lambda w: 40.0,
    "ears": lambda w: 12.0,
    "head": lambda w: 20.0,
    "neck": lambda w: 2.0 + 12 * w.warm,
    "bag": lambda w: 7.0 if w.age > 12 else 12.0,
    "hand": lambda w: 14.0 if w.age > 12 else 60.0,
    "wrist": lambda w: 3.0,
}

_LEATHER, _SNEAKER = palette.LEATHER, palette.SNEAKER
_SOLES = ("#ecebe6", "#dcd8cc", "#151515", "#8a8a88", "#c9b38a")
_DARK_SOLES = ("#121110", "#1d1814", "#2a1f17")
_BAGS = ("#16203a", "#6e1f26", "#40432f", "#85878a", "#2c2e33")
_BARE = ("socks", "tights")  # nobody wears these in sandals

ITEM_KINDS: Mapping[str, ItemKind] = {
    "sneaker": ItemKind(
        "shoes", lambda w: 0.05 + 6 * w.wears("sneakers"), (_SNEAKER, _SNEAKER, _SOLES)
    ),
    "high-top": ItemKind("shoes", lambda w: 0.9 * w.wears("sneakers"), (_SNEAKER, _SOLES, _SOLES)),
    "leather shoe": ItemKind(
        "shoes",
        lambda w: 3.0 * w.wears("shoes") * (0.3 + w.male),
        (_LEATHER, _LEATHER, _DARK_SOLES),
    ),
    "loafer": ItemKind(
        "shoes", lambda w: 1.0 * w.wears("shoes"), (_LEATHER, _LEATHER, _DARK_SOLES)
    ),
    "boot": ItemKind("shoes", lambda w: 3.0 * w.wears("boots"), (_LEATHER, _LEATHER, _DARK_SOLES)),
    "tall boot": ItemKind(
        "shoes",
        lambda w: 2.0 * w.wears("boots") * w.woman * (w.age > 12),
        (_LEATHER, _LEATHER, _DARK_SOLES),
    ),
    "rubber boot": ItemKind(
        "shoes",
        lambda w: 0.25 * w.wears("boots") * (5 if w.age < 9 else 1),
        (("#1f3a2a", "#16203a", "#e3b62f", "#b3262e", "#111312"), (), _DARK_SOLES),
    ),
    "pump": ItemKind(
        "shoes",
        lambda w: 2.2 * w.wears("shoes") * w.woman * (w.age > 17) * (w.age < 75),
        ((*_LEATHER, "#6e1f26", "#c79f80", "#b3262e"), (), _DARK_SOLES),
    ),
    "ballet flat": ItemKind(
        "shoes",
        lambda w: 2.0 * w.wears("shoes") * w.woman,
        ((*_LEATHER, "#c79f80", "#1f2f55", "#e7e0d0"), (), _DARK_SOLES),
    ),
    "slipper": ItemKind("shoes", lambda w: 0.04, ((), (), _SOLES)),
    "sandal": ItemKind(
        "shoes",
        lambda w: 2.5 * w.warm**2 * (not w.wears("boots", *_BARE)),
        (_LEATHER, (), ("#2a2018", "#6b4c30", "#151515")),
    ),
    "flip-flop": ItemKind(
        "shoes",
        lambda w: 1.2 * w.warm**2 * (not w.wears("boots", *_BARE)),
        ((), (), (*_SNEAKER, "#d9722b")),
    ),
    "glasses": ItemKind(
        "glasses",
        lambda w: 0.4 if w.age < 16 else 1.0 + 0.03 * w.age,
        (("#0d0d0f", "#0d0d0f", "#2a1a10", "#5d3a22", "#3b3b3d", "#8a7a5a", "#1f2f55", "#6e1f26"),),
    ),
    "sunglasses": ItemKind(
        "glasses",
        lambda w: 1.4 * w.warm * (w.age > 10),
        (
            ("#0d0d0f", "#0d0d0f", "#2a1a10", "#8a7a5a", "#ececea"),
            ("#08080a", "#0c0a08", "#101418", "#1a120c"),
        ),
    ),
    "face mask": ItemKind(
        "mask", lambda w: 0.8 * (w.age > 5), (("#9fc4dc", "#9fc4dc", "#f0efec", "#101114"),)
    ),
    "headphones": ItemKind(
        "ears",
        lambda w: 0.5 * (10 < w.age < 60),
        (("#0d0d0f", "#141416", "#d8d2c4", "#ececea", "#24416e"), ("#0d0d0f", "#3a2417")),
    ),
    "earrings": ItemKind(
        "ears", lambda w: 4.0 * w.woman * (w.age > 10), (("#c9a24a", "#b9bbbd", "#d8c08a"),)
    ),
    "cap": ItemKind("head", lambda w: 2.0 * (1.3 - w.woman), ((), ())),
    "beanie": ItemKind("head", lambda w: 5.0 * w.cold),
    "fedora": ItemKind(
        "head",
        lambda w: 0.5 * (w.age > 16),
        (("#3a3128", "#1b1d23", "#6b5c45", "#2c2e33"), _DARK_SOLES),
    ),
    "sun hat": ItemKind(
        "head", lambda w: 1.2 * w.warm * (0.2 + w.woman), (("#c9ab73", "#b79d77", "#e7e0d0"), ())
    ),
    "bucket hat": ItemKind("head", lambda w: 0.6 * w.warm * (3 if w.age < 8 else 1)),
    "hard hat": ItemKind(
        "head", lambda w: 0.35 * (17 < w.age < 68), (("#e3b62f", "#f0efec", "#ff6a1f", "#2d5fd0"),)
    ),
    "bicycle helmet": ItemKind(
        "head", lambda w: 0.8 * (w.age > 3), (("#f0efec", "#101114", "#b3262e", "#2d5fd0"), ())
    ),
    "kippah": ItemKind("head", lambda w: 0.25 * w.male * (w.age > 3), ((), ())),
    "hijab": ItemKind("head", lambda w: 2.2 * w.woman * (w.age > 11)),
    "niqab": ItemKind(
        "head", lambda w: 0.2 * w.woman * (w.age > 15), (("#101114", "#16203a", "#2c2e33"),)
    ),
    "headscarf": ItemKind("head", lambda w: 0.25 * w.woman * (1 + 3 * (w.age > 60))),
    "turban": ItemKind(
        "head",
        lambda w: 0.5 * w.male * (w.age > 15),
        (("#a9561e", "#16203a", "#101114", "#f0efec", "#6e1f26", "#d9722b"),),
    ),
    "scarf": ItemKind("neck", lambda w: 2.5 * w.cold),
    "backpack": ItemKind(
        "bag", lambda w: 2.5 * (1.2 if w.age < 35 else 0.6), ((), _DARK_SOLES), True, True
    ),
    "shoulder bag": ItemKind("bag", lambda w: 2.0 * (w.age > 12), ((*_LEATHER, *_BAGS), ()), True),
    "handbag": ItemKind(
        "hand", lambda w: 1.6 * w.woman * (w.age > 16), ((*_LEATHER, *_BAGS), _LEATHER), True, True
    ),
    "tote": ItemKind(
        "hand", lambda w: 0.8 * (w.age > 12), (("#d8d2c4", "#101114", *_BAGS),), True, True
    ),
    "shopping bag": ItemKind(
        "hand",
        lambda w: 1.0 * (w.age > 10),
        (("#b79d77", "#f0efec", "#b9bbbd", *_BAGS), ("#6b5c45",)),
        True,
        True,
    ),
    "suitcase": ItemKind(
        "hand", lambda w: 0.5 * (w.age > 18), ((*_LEATHER, *_BAGS), _LEATHER), True, True
    ),
    "umbrella": ItemKind("hand", lambda w: 0.3 * (w.age > 14), ((), _LEATHER), True, True),
    "phone": ItemKind("hand", lambda w: 0.8 * (w.age > 11), (("#141416", "#d8d2c4"),), True),
    "cup": ItemKind(
        "hand", lambda w: 0.5 * (w.age > 14), (("#ecebe6", "#3a2417"), ("#1a1614", "#ecebe6")), True
    ),
    "watch": ItemKind(
        "wrist", lambda w: 1.0 * (w.age > 14), (("#b9bbbd", "#c9a24a", "#101114"), _LEATHER)
    ),
}

# Kind of an item -> what builds it.
BUILDERS: Mapping[str, Builder] = {
    **dict.fromkeys(SHOES, shoes),
    "glasses": glasses,
    "sunglasses": sunglasses,
    "face mask": face_mask,
    "headphones": headphones,
    "earrings": earrings,
    **HATS,
    **dict.fromkeys(VEILS, covering),
    "turban": turban,
    "scarf": scarf,
    **dict.fromkeys(PACK_KINDS, pack_parts),
    **BAGS,
    TEETH: teeth,
}


def parts_of(fitting: Fitting, items: Sequence[Item]) -> list[WornPart]:
    """Build all items of an outfit.

    Args:
        fitting: The person's body at rest.
        items: The outfit's items.

    Raises:
        KeyError: No builder has the kind of an item.
    """
    parts = [
        replace(part, apart=True) if item.apart else part
        for item in items
        for part in BUILDERS[item.kind](fitting, item)
    ]
    return settled(fitting, parts)
