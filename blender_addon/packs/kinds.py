"""The kind of a thing of a pack, from its folder, its tags and its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

# Kinds, with the folders that MakeHuman and MPFB keep them in.
FOLDERS = {
    "clothes": "clothes",
    "clothing": "clothes",
    "community": "clothes",
    "shoes": "shoes",
    "hats": "hat",
    "hat": "hat",
    "hair": "hair",
    "eyebrows": "eyebrows",
    "eyelashes": "eyelashes",
    "eyes": "eyes",
    "teeth": "teeth",
    "tongue": "tongue",
    "skins": "skin",
    "skin": "skin",
    "accessories": "accessory",
    "jewelry": "accessory",
}
KINDS = tuple(dict.fromkeys(FOLDERS.values()))

_WORDS = (
    ("shoes", "shoe shoes boot boots sandal sandals sneaker sneakers heels pumps slippers loafers"),
    (
        "hat",
        "hat hats cap helmet beret fedora headwear hood headscarf hijab bonnet beanie turban crown",
    ),
    (
        "accessory",
        "glasses sunglasses spectacles earring earrings necklace jewelry jewellery watch bracelet "
        "ring piercing monocle sword weapon",
    ),
    ("hair", "hair wig ponytail bob afro braid"),
    ("eyebrows", "eyebrow eyebrows"),
    ("eyelashes", "eyelash eyelashes"),
)
_FOLDERS_ABOVE = 5
_BY_WORD = {word: kind for kind, words in _WORDS for word in words.split()}


def kind_of(path: Path, tags: Sequence[str], name: str) -> str:
    """One of KINDS.

    Args:
        path: The item's .mhclo or .mhmat; the nearest of the folders above it that is known counts.
        tags: The item's.
        name: The item's.
    """
    folder = ""
    for part in path.absolute().parts[-2 : -2 - _FOLDERS_ABOVE : -1]:
        if part.lower() in FOLDERS:
            folder = FOLDERS[part.lower()]
            break
    if folder and folder != "clothes":
        return folder
    for text in (*tags, name, path.parent.name):
        for word in _split(text):
            kind = _BY_WORD.get(word)
            if kind and not (folder == "clothes" and kind in ("eyebrows", "eyelashes")):
                return kind
    return "clothes"


def _split(text: str) -> list[str]:
    """Lower-case words, also of names such as WinterBoots_01."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return re.findall(r"[a-z]+", apart.lower())


def gender_of(tags: Sequence[str], name: str) -> str:
    """'female', 'male', or '' for either."""
    words = [word for text in (*tags, name) for word in _split(text)]
    female = any(w in ("female", "woman", "women", "girl", "girls", "f") for w in words)
    male = any(w in ("male", "man", "men", "boy", "boys", "m") for w in words)
    return "" if female == male else ("female" if female else "male")
