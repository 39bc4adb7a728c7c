"""The role of a model, from its name and category, and how large such things are."""

from __future__ import annotations

import re
from dataclasses import dataclass

ROLES = (
    "seat", "table", "shelf", "bed", "lamp", "plant", "tree", "rock", "vehicle", "cycle", "boat",
    "street", "fence", "appliance", "screen", "decoration", "carpet", "tableware", "food", "tool",
    "toy", "container", "bag", "animal", "figure", "clothes", "building",
)  # fmt: skip
# They are no people, and a detector takes them for some.
HARD_NEGATIVES = ("animal", "figure", "clothes", "bag")


@dataclass(frozen=True)
class Kind:
    """A kind of thing.

    Attributes:
        role: One of ROLES; "person" for what is refused.
        size: (smallest, largest) plausible length of its longest side, m.
        indoors, outdoors: Where it stands.
    """

    role: str
    size: tuple[float, float]
    indoors: bool = True
    outdoors: bool = True


_IN, _OUT, _BOTH = (True, False), (False, True), (True, True)
# role, smallest and largest m, (indoors, outdoors), names. The last name of a title that is listed
# counts: a desk lamp is a lamp.
_TABLE: tuple[tuple[str, float, float, tuple[bool, bool], str], ...] = (
    ("person", 1.0, 2.2, _BOTH,
     "person people human man woman boy girl lady guy male female pedestrian soldier avatar "
     "character baby adult worker player businessman businesswoman zombie knight"),
    ("seat", 0.55, 1.4, _IN, "chair armchair seat recliner rocker"),
    ("seat", 1.1, 3.4, _IN, "sofa couch futon banquette settee loveseat"),
    ("seat", 0.3, 1.3, _IN, "stool barstool puff pouf ottoman"),
    ("seat", 0.7, 2.4, _BOTH, "deckchair lounge"),
    ("seat", 0.8, 3.2, _BOTH, "bench"),
    ("table", 0.4, 3.2, _IN, "table desk counter workbench island nightstand lectern trestle"),
    ("shelf", 0.2, 4.0, _IN,
     "bookcase bookshelf shelf shelves cabinet cupboard wardrobe dresser drawers drawer "
     "sideboard closet rack safe commode locker buffet vanity stand"),
    ("bed", 0.9, 3.5, _IN, "bed mattress crib bunk cot"),
    ("bed", 1.0, 4.0, _OUT, "hammock"),
    ("lamp", 0.06, 2.4, _IN,
     "lamp light lantern chandelier flashlight spotlight candlestick sconce uplight "
     "lampshade"),
    ("plant", 0.08, 4.0, _BOTH,
     "plant flower flowers bush fern bonsai cactus shrub ivy houseplant succulent grass reed "
     "bamboo"),
    ("plant", 0.3, 12.0, _OUT, "hedge"),
    ("tree", 1.5, 25.0, _OUT, "tree palm birch pine willow oak spruce fir maple"),
    ("rock", 0.05, 5.0, _OUT, "rock stone boulder stump log logs pebble"),
    ("vehicle", 3.0, 5.8, _OUT,
     "car van suv sedan taxi beetle scenic peugeot chevrolet vehicle jeep pickup automobile "
     "hatchback coupe roadster"),
    ("vehicle", 2.3, 4.0, _OUT, "smart"),
    ("vehicle", 2.5, 20.0, _OUT,
     "truck bus lorry tractor train tram ambulance wagon lift forklift excavator trailer "
     "caravan"),
    ("cycle", 1.1, 2.6, _OUT,
     "motorbike motorcycle scooter bicycle bike moped yamaha"),
    ("cycle", 0.4, 1.4, _OUT, "tricycle buggy"),
    ("cycle", 0.6, 1.6, _BOTH, "stroller pram pushchair wheelchair"),
    ("boat", 1.8, 25.0, _OUT, "boat rowboat ship canoe kayak sailboat"),
    ("street", 0.1, 3.5, _OUT,
     "hydrant trashcan mailbox bollard cone parasol barrier barricade letterbox cctv busstop "
     "meter sign signpost roadsign fountain kiosk pump"),
    ("street", 1.5, 12.0, _OUT,
     "streetlight streetlamp lamppost traffic trafficlight pylon flagpole billboard pole"),
    ("street", 0.2, 1.6, _BOTH, "bin dustbin garbage trash wastebasket"),
    ("fence", 0.5, 6.0, _OUT, "fence railing gate handrail guardrail balustrade"),
    ("appliance", 0.2, 2.4, _IN,
     "fridge refrigerator oven stove cooker washer dishwasher dryer radiator heater "
     "conditioner conditioning hood furnace fireplace cooler freezer sink boiler vacuum"),
    ("appliance", 0.03, 1.2, _IN,
     "microwave kettle toaster blender mixer phone telephone camera projector printer "
     "scanner stereo amplifier player intercom speaker speakers keyboard mouse router radio "
     "fan scale detector remote control joystick playstation console base calculator"),
    ("screen", 0.1, 2.6, _IN, "tv television monitor screen computer imac laptop display tablet"),
    ("carpet", 0.4, 8.0, _IN, "carpet rug doormat mat tatami"),
    ("decoration", 0.03, 2.5, _IN,
     "vase clock frame picture painting mirror candle cushion pillow curtain curtains blind "
     "aquarium book books newspaper magazine globe ornament piano guitar violin drum poster "
     "letters tray board whiteboard cage easel screen_divider"),
    ("tableware", 0.03, 0.8, _IN,
     "plate cup mug glass bowl bottle jug teapot tea pan saucepan knife fork spoon dish "
     "cutlery shaker tray jar wineglass utensils teacup servers"),
    ("food", 0.02, 0.8, _IN,
     "bread apple banana orange cake fruit pizza burger egg cheese meat vegetable tomato "
     "carrot pear"),
    ("tool", 0.02, 3.0, _BOTH,
     "hammer drill screwdriver shovel ladder pliers grinder scissors keys key saw wrench "
     "wheelbarrow broom mop rake umbrella hanger coathanger pen penbox ashtray hashtray reel "
     "extinguisher spray pencil axe"),
    ("toy", 0.03, 6.0, _BOTH,
     "ball basketball football skateboard swing seesaw trampoline goal net slide game dart "
     "flipper toy cube bat racket hut dollhouse sandpit playground horse_rocking treadmill "
     "dumbbell surfboard"),
    ("container", 0.1, 1.6, _BOTH,
     "box crate barrel chest basket pallet pot bucket carton planter cardboard jerrycan "
     "trunk"),
    ("bag", 0.15, 1.0, _BOTH, "bag handbag backpack suitcase briefcase purse rucksack luggage"),
    ("animal", 0.05, 3.2, _BOTH,
     "cat dog horse deer chicken bulldog rabbit cow pig sheep bird duck fish bear fox wolf "
     "lion tiger elephant goat mouse_animal pigeon crow stag alpaca bull donkey husky shiba "
     "frog turtle monkey"),
    ("figure", 0.05, 4.0, _BOTH,
     "doll teddy statue mannequin snowman bust sculpture scarecrow robot puppet figurine "
     "skeleton dummy gnome buddha punching torso"),
    ("clothes", 0.05, 2.0, _IN,
     "suit dress jacket trousers skirt short shorts shirt clothes sneakers shoes shoe boot "
     "bootie slippers mocassin socket sock hat cap helmet glove coat scarf towel jeans "
     "sweater"),
    ("building", 0.2, 60.0, _OUT,
     "column door window stairs stair house shed chimney pool hut_garden barnum tent bridge "
     "street road sidewalk crossing slot rails arrow wall roof porch jacuzzi staircase tower "
     "garage greenhouse mezzanine building skyscraper"),
)  # fmt: skip
_BY_WORD = {
    word: Kind(role, (low, high), *place)
    for role, low, high, place, words in _TABLE
    for word in words.split()
}
_BY_CATEGORY = {
    "vehicle": Kind("vehicle", (0.5, 20.0), False, True),
    "light": Kind("lamp", (0.06, 3.0), True, False),
    "exterior": Kind("street", (0.05, 20.0), False, True),
    "outdoor": Kind("street", (0.05, 20.0), False, True),
    "nature": Kind("plant", (0.05, 20.0), False, True),
    "animal": Kind("animal", (0.05, 3.2)),
    "character": Kind("person", (0.3, 2.5)),
    "people": Kind("person", (0.3, 2.5)),
    "door": Kind("building", (0.3, 5.0)),
    "stair": Kind("building", (0.3, 8.0)),
}
_ELSE = Kind("decoration", (0.02, 6.0), True, False)
_CUT = re.compile(r"\b(with|of|for|on|in|and|by|from)\b.*")
_PAIRS = {
    "street light": "streetlight", "street lamp": "streetlamp", "lamp post": "lamppost",
    "deck chair": "deckchair", "rocking horse": "toy", "punching ball": "punching",
    "teddy bear": "teddy", "dog house": "container", "doll house": "dollhouse",
    "clothes horse": "rack", "clothes hanger": "hanger", "clothes rack": "clothes",
    "towel rack": "towel", "traffic light": "trafficlight", "park light": "streetlight",
    "outdoor lamp": "streetlamp", "stone lantern": "fountain", "garden hut": "shed",
    "child hut": "dollhouse", "shopping cart": "stroller", "pool lounge": "deckchair",
    "beach chair": "deckchair", "wood bank": "bench", "little bank": "bench",
    "flower pot": "plant", "potted plant": "plant", "tree stump": "stump",
    "swimming pool": "pool", "wood toy": "doll", "oil servers": "servers",
    "power pole": "pole", "fire hydrant": "hydrant", "chopping board": "tray",
    "diving board": "pool", "surveillance camera": "cctv", "smoke detector": "detector",
    "table tennis": "bat", "bean bag": "pouf", "punching bag": "punching",
}  # fmt: skip


def kind_of_model(name: str, category: str = "") -> Kind:
    """The kind of a model.

    Args:
        name: Its title or the name of its file.
        category: As a catalogue says; "" without one.
    """
    found = _BY_WORD.get(thing_of(name))
    by_category = _of_category(category)
    if by_category is not None and by_category.role == "person":
        # A category of characters holds animals and statues, too; all else in it is a person.
        return found if found and found.role in HARD_NEGATIVES else by_category
    return found or by_category or _ELSE


def thing_of(name: str) -> str:
    """The word of a title that tells what the thing is, the last one that is known; "" for none."""
    return next((word for word in reversed(words_of(name)) if word in _BY_WORD), "")


def words_of(name: str) -> list[str]:
    """Lower-case words of a title or file name; pairs such as "deck chair" are one."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    text = " ".join(re.findall(r"[a-z]+", apart.lower()))
    text = _CUT.sub("", text) or text
    for pair, one in _PAIRS.items():
        text = re.sub(rf"\b{pair}\b", one, text)
    return [w if w in _BY_WORD else w.removesuffix("s") for w in text.split()]


def _of_category(category: str) -> Kind | None:
    text = category.lower()
    return next((kind for word, kind in _BY_CATEGORY.items() if word in text), None)
