"""Names of texture files: the map, the set that it belongs to, the material."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

# Names that ambientCG, Poly Haven, cgbookcase and others give their maps.
_MAPS = {
    "color": "color col colour albedo alb diff diffuse basecolor base",
    "normal": "normal nor nrm norm normalgl normals",
    "normal_dx": "normaldx",
    "roughness": "roughness rough rgh",
    "packed": "arm orm",
    "other": "ao ambientocclusion occlusion occ disp displacement height bump metal metalness "
    "metallic opacity alpha mask spec specular gloss glossiness emission emissive ht preview "
    "thumb thumbnail idmap translucency",
}
_MAP_OF = {word: kind for kind, words in _MAPS.items() for word in words.split()}
_FORMAT = re.compile(
    r"\d{1,2}k|(128|256|512|1024|2048|4096|8192)(px)?|jpe?g|png|tiff?|exr|var\d+|\dx\d"
)
_WIDTH = re.compile(r"(?<![a-z0-9])(\d+(?:[.,]\d+)?)\s?(cm|m)(?![a-z0-9])", re.I)


@dataclass(frozen=True)
class MaterialKind:
    """A kind of material.

    Attributes:
        name: Such as "brick".
        uses: Of USES.
        width: Usual real width of an image of it, m.
    """

    name: str
    uses: tuple[str, ...]
    width: float


USES = (
    "road", "pavement", "soil", "grass", "floor", "wall", "facade", "ceiling", "roof", "wood",
    "fabric", "metal", "plastic", "board", "stone",
)  # fmt: skip
_KINDS: tuple[tuple[str, float, str, str], ...] = (
    # name, m, uses, words
    ("asphalt", 2.5, "road", "asphalt road tarmac street"),
    ("paving", 2.0, "pavement",
     "paving pavement pavingstones cobble cobblestone sidewalk pavers"),
    ("grass", 2.0, "grass", "grass moss lawn meadow clover"),
    ("soil", 2.0, "soil",
     "ground soil dirt mud sand gravel forest leaves scattered needles chips snow pebbles "
     "path"),
    ("brick", 1.6, "facade wall", "brick bricks brickwall masonry"),
    ("concrete", 2.5, "facade wall floor pavement", "concrete cement"),
    ("plaster", 2.0, "wall facade", "plaster paint painted stucco clay wall render"),
    ("wallpaper", 1.0, "wall", "wallpaper"),
    ("ceiling", 1.2, "ceiling", "ceiling"),
    ("tiles", 1.2, "floor wall", "tiles tile terrazzo ceramic terracotta porcelain mosaic"),
    ("marble", 1.5, "floor stone", "marble granite onyx travertine"),
    ("stone", 2.0, "stone facade", "rock rocks stone cliff"),
    ("floorboards", 1.8, "floor", "parquet laminate floorboards herringbone woodfloor floor"),
    ("planks", 1.8, "floor facade wood", "planks plank siding logs deck"),
    ("wood", 1.0, "wood",
     "wood bamboo plywood chipboard veneer oak pine walnut rosewood hull timber mdf"),
    ("bark", 0.8, "", "bark"),
    ("carpet", 1.0, "floor fabric", "carpet rug tatami"),
    ("leather", 0.5, "fabric", "leather"),
    ("fabric", 0.5, "fabric", "fabric cloth wool linen cotton denim felt sails knit velvet jute"),
    ("metal", 1.0, "metal",
     "metal steel iron rust rusty copper aluminium diamondplate corrugated sheet"),
    ("roof", 2.0, "roof", "roof roofing thatched shingles slate"),
    ("plastic", 0.5, "plastic", "plastic rubber vinyl"),
    ("board", 0.8, "board", "cork paper cardboard"),
)  # fmt: skip
_KIND_OF = {
    word: MaterialKind(name, tuple(uses.split()), width)
    for name, width, uses, words in _KINDS
    for word in words.split()
}
_UNKNOWN = MaterialKind("other", (), 1.0)


@dataclass(frozen=True)
class TextureName:
    """A name taken apart.

    Attributes:
        base: Name of the set, in lower case; "" where the file is called after its map alone.
        map: "color", "normal", "normal_dx", "roughness", "packed" or "other"; "" without a word
            for one: the image is a plain tile of colours.
        width: m, that the name gives; 0 for none.
    """

    base: str
    map: str
    width: float = 0.0


def split_name(stem: str) -> TextureName:
    """Take the name of a file without its ending apart."""
    found = _WIDTH.search(stem)
    width = 0.0
    if found:
        value = float(found[1].replace(",", "."))
        width = value / 100 if found[2].lower() == "cm" else value
        width = width if 0.02 <= width <= 50 else 0.0
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", stem)
    apart = re.sub(r"(?i)base[_ ]color", "basecolor", apart)
    apart = re.sub(r"(?i)ambient[_ ]occlusion", "ambientocclusion", apart)
    tokens = [t for t in re.split(r"[_\-. ]+", apart) if t]
    if tokens and tokens[0] == "T" and len(tokens) > 1:  # Unreal's prefix
        tokens = tokens[1:]
    low = [t.lower() for t in tokens]
    kept = [t for t in low if not _FORMAT.fullmatch(t)]
    kind = ""
    while kept and (kept[-1] in _MAP_OF or (kept[-1] in ("gl", "dx", "ogl") and len(kept) > 1)):
        word = kept.pop()
        if word in ("gl", "ogl", "dx"):
            if not (kept and _MAP_OF.get(kept[-1]) == "normal"):
                kept.append(word)
                break
            kept.pop()
            kind = "normal_dx" if word == "dx" else "normal"
        else:  # of albedo and height in one, the first counts
            kind = _MAP_OF[word]
    return TextureName("_".join(kept), kind, width)


def material_kind(*names: str) -> MaterialKind:
    """The kind of material of a set, by its name or by those of the folders above, nearest first.

    Of several words of a name the last one that is known counts: a brick wall is a wall, unless
    an earlier one is more exact.
    """
    for name in names:
        apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
        words = re.findall(r"[a-z]+", apart)
        joined = [a + b for a, b in pairwise(words)]
        for word in (*joined, *_exact(words), *reversed(words)):
            kind = _KIND_OF.get(word) or _KIND_OF.get(word.removesuffix("s"))
            if kind is not None:
                return kind
    return _UNKNOWN


def _exact(words: list[str]) -> list[str]:
    """Words before such as "wall", "floor" and "ground", which say less."""
    vague = ("wall", "floor", "ground", "painted", "paint", "street", "sheet", "path", "stone")
    return [word for word in words if word not in vague]
