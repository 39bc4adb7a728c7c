"""Who wears an item of a pack, and when: from the words of its name and tags."""

from __future__ import annotations

import re
from functools import lru_cache

from ..packs.pack import PackItem

_FEMININE = (
    *("blouse", "bra", "bikini", "tube", "spaghetti", "halter", "heels", "pumps", "gown"),
    *("lingerie", "crop", "leotard", "tunic", "dress", "skirt", "stiletto"),
)
_UNUSUAL = (
    *("swimsuit", "bikini", "lingerie", "underwear", "bra", "corset", "armor", "armour", "toga"),
    *("costume", "pirate", "medieval", "fantasy", "naked", "nude", "fetish", "spacesuit", "robe"),
    *("helmet", "crown", "wings", "tail", "horns", "weapon", "sword", "cape", "cloak", "mask"),
)
_FORMAL = ("elegant", "formal", "tuxedo", "business")
_WORK = ("work", "worksuit", "overall", "overalls", "uniform")
_OVER = ("coat", "jacket", "blazer", "cardigan", "parka", "anorak")
_DARK_SKIN = ("african", "dark", "darkskinned", "black")
_LIGHT_SKIN = ("caucasian", "asian", "light", "lightskinned", "white", "pale", "european")
_AGES = {"young": (0, 42), "middleage": (36, 66), "old": (58, 200), "child": (0, 12)}
_NO_SKIN = ("toon", "special", "suit", "zombie", "alien", "vampire", "robot", "elf", "orc")


@lru_cache(maxsize=4096)
def words_of(item: PackItem) -> frozenset[str]:
    """The words of an item's name and tags, in lower case; "WinterBoots_01" has two."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", " ".join((item.name, *item.tags)))
    return frozenset(re.findall(r"[a-z]+", apart.lower()))


def has(item: PackItem, *words: str) -> bool:
    """Whether one of these words is among the item's, by itself or at the end of one of them."""
    return any(word.endswith(words) for word in words_of(item))


def suits(item: PackItem, age: float, male: float) -> float:
    """Rate how well clothes, shoes or hats suit a person, 0..1.

    Args:
        item: The item.
        age: Years.
        male: 0 female .. 1 male.
    """
    if has(item, *_UNUSUAL):
        return 0.0
    feminine = item.gender == "female" or (item.gender != "male" and has(item, *_FEMININE))
    weight = 1 - male if feminine else male if item.gender == "male" else 1.0
    if is_formal(item):
        weight *= 0.8 if age >= 14 else 0.0
    if male > 0.5 and has(item, "short", "shortjeans"):
        weight *= 0.2  # what is called so is shorter than men's shorts
    if has(item, *_WORK):
        weight *= 0.5 if 17 < age < 67 else 0.0
    return float(weight)


def is_formal(item: PackItem) -> bool:
    """Whether it is worn at weddings and in offices."""
    return has(item, *_FORMAL)


def is_over(item: PackItem) -> bool:
    """Whether it is a coat or a jacket, worn in the cold over trousers."""
    return has(item, *_OVER)


def bares_legs(item: PackItem) -> bool:
    """Whether it leaves shins bare: a skirt, a short dress, shorts."""
    return "skirt" in item.regions or ("legs" in item.regions and has(item, "shorts", "short"))


def bares_arms(item: PackItem) -> bool:
    """Whether it is a top without sleeves."""
    return "top" in item.layers and "arms" not in item.regions


def suits_skin(item: PackItem, age: float, male: float, tone: int) -> float:
    """Rate how well the image of a skin suits a person, 0..1.

    Args:
        item: The skin.
        age: Years.
        male: 0 female .. 1 male.
        tone: Step of the Monk scale.
    """
    if has(item, *_NO_SKIN):
        return 0.0
    words = words_of(item)
    if not words.isdisjoint(_DARK_SKIN) and tone < 7:
        return 0.0
    if not words.isdisjoint(_LIGHT_SKIN) and tone > 7:
        return 0.0
    ages = [limits for word, limits in _AGES.items() if word in words]
    if ages and not any(low <= age < high for low, high in ages):
        return 0.0
    return {"female": 1 - male, "male": male}.get(item.gender, 1.0)
