"""Words of prompts from a render's annotation of persons and scenes.

An annotation is a line of the dataset contract (docs/dataset.md). Slots that it does not fill are
drawn from the grammar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

COLOURS: dict[str, tuple[float, float, float]] = {  # sRGB, 0..1
    "black": (0.06, 0.06, 0.07),
    "grey": (0.45, 0.45, 0.46),
    "white": (0.93, 0.93, 0.92),
    "red": (0.70, 0.10, 0.12),
    "pink": (0.90, 0.55, 0.65),
    "orange": (0.90, 0.45, 0.12),
    "yellow": (0.90, 0.78, 0.25),
    "green": (0.15, 0.45, 0.22),
    "olive": (0.40, 0.40, 0.22),
    "blue": (0.15, 0.30, 0.65),
    "light blue": (0.55, 0.72, 0.88),
    "navy": (0.10, 0.13, 0.27),
    "purple": (0.42, 0.20, 0.50),
    "brown": (0.38, 0.24, 0.15),
    "beige": (0.80, 0.71, 0.56),
}
HAIR_COLOURS: dict[str, tuple[float, float, float]] = {
    "black": (0.08, 0.07, 0.06),
    "brown": (0.28, 0.19, 0.13),
    "blond": (0.68, 0.56, 0.37),
    "red": (0.48, 0.23, 0.11),
    "grey": (0.55, 0.53, 0.51),
    "white": (0.84, 0.83, 0.80),
}
HAIR = {
    "bald": "a bald head",
    "ring": "a bald crown with {} hair",
    "receding": "receding {} hair",
    "buzz": "very short {} hair",
    "short": "short {} hair",
    "full": "thick {} hair",
    "bob": "a {} bob",
    "long": "long {} hair",
    "bun": "a {} bun",
    "ponytail": "a {} ponytail",
    "crew": "a {} crew cut",
    "side part": "short {} hair with a side parting",
    "slicked back": "slicked back {} hair",
    "quiff": "a {} quiff",
    "textured fringe": "short {} hair with a fringe",
    "shaggy": "shaggy {} hair",
    "curly short": "short curly {} hair",
    "afro short": "a short {} afro",
    "afro": "a {} afro",
    "twists": "{} twists",
    "box braids": "{} box braids",
    "cornrows": "{} cornrows",
    "pixie": "a {} pixie cut",
    "bob with bangs": "a {} bob with bangs",
    "curly bob": "a curly {} bob",
    "lob": "shoulder-length {} hair",
    "long wavy": "long wavy {} hair",
    "long curly": "long curly {} hair",
    "long with bangs": "long {} hair with bangs",
    "very long": "very long {} hair",
    "half up": "half up {} hair",
    "top knot": "a {} top knot",
    "high ponytail": "a high {} ponytail",
    "braid": "a {} braid",
    "pigtails": "{} pigtails",
    "mohawk": "a {} mohawk",
    "perm": "short permed {} hair",
    "set back": "{} hair combed back",
}
# The first part of a pose's name in the renderer's library, and its words.
POSES = {
    "stand": "standing",
    "walk": "walking",
    "run": "running",
    "jog": "jogging",
    "wave": "waving",
    "sit": "sitting",
    "lie": "lying",
    "kneel": "kneeling",
    "crouch": "crouching",
    "bend": "bending down",
    "cycle": "on a bicycle",
    "carry": "carrying something",
    "push": "pushing something",
    "pull": "pulling something",
    "reach": "reaching out",
    "phone": "on the phone",
    "talk": "talking",
    "drink": "drinking",
    "play": "playing ball",
}
LIGHTS = {
    "night": "at night",
    "sunset": "at sunset",
    "sunrise": "at sunrise",
    "forest": "in the shade",
    "courtyard": "in daylight",
    "city": "in daylight",
    "interior": "in lamplight",
    "studio": "in soft studio light",
}
PLACES = {"room": "in a room", "hdri": "in the open", "photo": "in a photograph of a place"}

_UNSEEN = ("socks", "tights")  # below other clothes, or hard to tell from skin


def person_words(person: Mapping[str, Any]) -> dict[str, str]:
    """Return the words of an annotated person.

    Args:
        person: An entry of a line's `persons`.

    Returns:
        Slot → words, for those of pose, clothes and hair that the annotation has.
    """
    words: dict[str, str] = {}
    pose = str(person.get("pose_name", "")).split("_")[0]
    if pose in POSES:
        words["pose"] = POSES[pose]
    wardrobe = _table(person.get("wardrobe"))
    listed = wardrobe.get("garments")
    garments = [
        garment
        for garment in map(_table, listed if isinstance(listed, list) else ())
        if isinstance(garment.get("kind"), str) and garment["kind"] not in ("", *_UNSEEN)
    ]
    if garments:
        # Outermost first, as people name clothes; the annotation lists them from the skin outwards.
        words["clothes"] = join_phrases([garment_phrase(garment) for garment in reversed(garments)])
    hair = _table(wardrobe.get("hair"))
    if (style := str(hair.get("style"))) in HAIR and _is_colour(hair.get("color")):
        words["hair"] = HAIR[style].format(nearest_colour(hair["color"], HAIR_COLOURS))
    return words


def scene_words(line: Mapping[str, Any]) -> dict[str, str]:
    """Return the words of an annotated image.

    Args:
        line: A line of the dataset's index.

    Returns:
        Slot → words, for those of light and place that the annotation has.
    """
    words: dict[str, str] = {}
    light = _table(line.get("light"))
    name = str(light.get("hdri", "")).removeprefix("builtin:")
    if name in LIGHTS:
        words["light"] = LIGHTS[name]
    elif light.get("kind") == "sun_sky":
        words["light"] = "in sunlight"
    if (place := str(_table(line.get("background")).get("kind"))) in PLACES:
        words["place"] = PLACES[place]
    return words


def garment_phrase(garment: Mapping[str, Any]) -> str:
    """Return a garment with colour, pattern and article: 'a red striped shirt', 'blue jeans'."""
    fabric = _table(garment.get("fabric"))
    patterns = {"stripes": "striped", "checks": "checked", "dots": "dotted", "floral": "floral"}
    described = (
        [nearest_colour(fabric["color"], COLOURS)] if _is_colour(fabric.get("color")) else []
    )
    if (pattern := str(fabric.get("pattern"))) in patterns:
        described.append(patterns[pattern])
    name = " ".join([*described, str(garment["kind"])])
    # Trousers and boots are plural and have no article; a dress has one.
    if name.endswith("s") and not name.endswith("ss"):
        return name
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def join_phrases(things: Sequence[str]) -> str:
    """Join phrases: 'a', 'a and b', 'a, b and c'."""
    return things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}"


def nearest_colour(linear: Sequence[float], names: Mapping[str, Sequence[float]]) -> str:
    """Return the name of the colour that is nearest to a given one.

    Args:
        linear: A colour of an annotation: linear Rec. 709, 0..1.
        names: Name → colour in sRGB, 0..1.
    """
    wanted = [_to_srgb(min(1.0, max(0.0, float(value)))) for value in linear]

    def distance(name: str) -> float:
        # Channels are weighted as eyes weight them, in T. Riemersma's approximation "redmean".
        red = (wanted[0] + names[name][0]) / 2
        weights = (2 + red, 4.0, 3 - red)
        return sum(w * (a - b) ** 2 for w, a, b in zip(weights, wanted, names[name], strict=True))

    return min(names, key=distance)


def _to_srgb(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def _table(value: Any) -> Mapping[str, Any]:
    """Return a value of JSON if it is an object, else an empty one: annotations come from files."""
    return value if isinstance(value, Mapping) else {}


def _is_colour(value: Any) -> bool:
    """Return whether a value of JSON is three finite numbers."""
    return (
        isinstance(value, list | tuple)
        and len(value) == 3
        and all(isinstance(part, int | float) and abs(part) < 1e6 for part in value)
    )
