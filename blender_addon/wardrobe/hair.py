"""The styles of hair, and draws of hair and face."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import palette
from .garment_kind import NEVER, Range, draw
from .outfit import Face, Hair
from .palette import Color

Weight = Callable[[float], float]


def _never(loss: float) -> float:
    return 0.0


@dataclass(frozen=True)
class HairStyle:
    """All that hair of one style has in common.

    Attributes:
        man, woman: How often a man or a woman has it, relative to the other styles; a function of
            `loss`, 0 before any hair is lost with age .. 1.
        recede: How far the hairline lies above the usual one in front, head units.
        top: Height above which the head is bald, head units.
        fall: Level down to which hair hangs.
        volume: Thickness of the hair over the scalp, rm.
        density: Share of the skin that it hides.
        bun: Whether it is tied at the back.
        ribbons: Number of locks, of those styles that are more than a shell over the scalp.
        length: Length of a lock, rm; long hair reaches down to its fall instead.
        width: Half the width of a lock, rm.
        lift: How far locks stand off at the root, 0 flat .. 1 upright.
        weight: How far they bend down, 0 stiff .. 1 limp.
        curl: Width of curls or waves, as a share of a step along the lock.
        curls: Number of turns along a lock.
        messy: How much the locks differ in direction.
        parting: Place of the parting, -1 right ear .. 1 left ear; None when there is none.
        towards: What hair is combed towards, in radii of the skull from its middle; zeros: away
            from the crown.
        tied: Whether all of it is drawn there.
        fringe: Share of the full length that hair has over the forehead.
    """

    man: Weight
    woman: Weight
    recede: Range = (-0.06, 0.06)
    top: float = NEVER
    fall: Range = (NEVER, NEVER)
    volume: Range = (0.008, 0.016)
    density: float = 1.0
    bun: bool = False
    ribbons: int = 0
    length: float = 0.05
    width: float = 0.004
    lift: float = 0.3
    weight: float = 0.3
    curl: float = 0.0
    curls: float = 1.0
    messy: float = 0.15
    parting: float | None = None
    towards: tuple[float, float, float] = (0.0, 0.0, 0.0)
    tied: bool = False
    fringe: float = 0.35


# One row is one style. The order is part of every draw: a new one goes to the end.
HAIR_STYLES: dict[str, HairStyle] = {
    "bald": HairStyle(
        lambda loss: 0.3 + 1.2 * loss, lambda loss: 0.03, top=-NEVER, volume=(0.0, 0.0)
    ),
    "buzz": HairStyle(lambda loss: 1.2, lambda loss: 0.1, volume=(0.002, 0.003), density=0.7),
    "short": HairStyle(
        lambda loss: 4.0,
        lambda loss: 1.0,
        volume=(0.010, 0.020),
        ribbons=700,
        length=0.045,
        parting=0.45,
        towards=(0.3, 0.7, 1.0),
    ),
    "full": HairStyle(
        lambda loss: 1.6,
        lambda loss: 0.8,
        volume=(0.022, 0.036),
        ribbons=800,
        length=0.075,
        lift=0.6,
        curl=0.5,
        curls=1.5,
        messy=0.3,
    ),
    "receding": HairStyle(
        lambda loss: 2.2 * loss,
        lambda loss: 0.05 * loss,
        recede=(0.22, 0.5),
        volume=(0.005, 0.012),
        ribbons=450,
        length=0.03,
    ),
    "ring": HairStyle(lambda loss: 1.6 * loss**2, _never, top=0.28, volume=(0.006, 0.012)),
    "bob": HairStyle(
        lambda loss: 0.3,
        lambda loss: 2.0,
        fall=(0.98, 1.08),
        volume=(0.016, 0.028),
        ribbons=700,
        width=0.005,
        lift=0.2,
        weight=1.0,
        messy=0.08,
        parting=0.3,
    ),
    "long": HairStyle(
        lambda loss: 0.35,
        lambda loss: 3.2,
        fall=(0.62, 0.92),
        volume=(0.014, 0.026),
        ribbons=800,
        width=0.006,
        lift=0.2,
        weight=1.0,
        curl=0.15,
        curls=2.0,
        messy=0.08,
        parting=0.0,
    ),
    "bun": HairStyle(
        lambda loss: 0.1,
        lambda loss: 1.4,
        volume=(0.006, 0.012),
        bun=True,
        ribbons=500,
        length=0.1,
        lift=0.0,
        weight=0.0,
        messy=0.05,
        towards=(0.0, 0.3, -1.0),
        tied=True,
    ),
    "ponytail": HairStyle(
        lambda loss: 0.08,
        lambda loss: 1.4,
        recede=(-0.04, 0.04),
        volume=(0.006, 0.012),
        bun=True,
    ),
}
_INFANT = {"buzz": 1.0, "bald": 0.5, "short": 1.0}  # until the second birthday


def sample_hair(rng: np.random.Generator, age: float, male: float, tone: int) -> Hair:
    """Draw hair.

    Args:
        rng: Generator of hair and face.
        age: Years; men lose hair with age.
        male: 0 female .. 1 male.
        tone: Step of the Monk skin tone scale; fair hair comes with fair skin.
    """
    loss = np.clip((age - 28) / 45, 0, 1)
    styles = (
        _INFANT
        if age < 2
        else {
            name: male * style.man(loss) + (1 - male) * style.woman(loss)
            for name, style in HAIR_STYLES.items()
        }
    )
    names, weights = tuple(styles), np.array(list(styles.values()))
    name = names[rng.choice(len(names), p=weights / weights.sum())]
    style = HAIR_STYLES[name]
    return Hair(
        style=name,
        color=_hair_color(rng, age, tone),
        recede=draw(rng, style.recede),
        top=style.top,
        fall=draw(rng, style.fall),
        volume=draw(rng, style.volume),
        density=style.density,
    )


def _hair_color(rng: np.random.Generator, age: float, tone: int) -> Color:
    fair = np.clip((6.5 - tone) / 4, 0, 1)  # blond and red hair come with fair skin
    weights = {
        "black": 4.0 - 2.5 * fair,
        "dark brown": 3.0,
        "brown": 0.5 + 2.0 * fair,
        "light brown": 0.1 + 1.4 * fair,
        "blond": 0.03 + 1.2 * fair,
        "light blond": 0.01 + 0.5 * fair,
        "red": 0.02 + 0.3 * fair,
        "dyed": 0.12 if 12 < age < 70 else 0.0,
    }
    names, p = tuple(weights), np.array(tuple(weights.values()))
    color = palette.vary(rng, palette.HAIR[names[rng.choice(len(names), p=p / p.sum())]], 0.15)
    # Half of the hair is grey at 50 for many; some dye it.
    grey = float(np.clip((age - rng.normal(52, 9)) / 16, 0, 1)) * float(rng.random() < 0.8)
    return palette.blend(color, palette.HAIR["white" if age > 72 else "grey"], grey)


def sample_face(rng: np.random.Generator, age: float, male: float, skin: Color, hair: Hair) -> Face:
    """Draw a face that goes with this skin and hair; arguments as for `sample_hair`."""
    flush = (min(skin[0] * 0.95 + 0.02, 0.9), skin[1] * 0.62, skin[2] * 0.62)
    lipstick = (
        float(rng.random() < 0.3 * (1 - male)) * float(age > 15) * float(rng.uniform(0.4, 1.0))
    )
    paint = palette.pick(rng, ("#a3202f", "#b5485a", "#7d2a35", "#c46a6a"))
    beard = (
        float(rng.random() < 0.45) * float(rng.choice([0.2, 0.45, 0.9]))
        if male > 0.5 and age > 19
        else 0.0
    )
    return Face(
        brows=palette.blend(hair.color, (0.01, 0.008, 0.006), 0.3),
        lips=palette.blend(flush, paint, lipstick),
        eyes=palette.EYES[_eye_index(rng, skin)],
        beard=beard,
        lipstick=lipstick,
    )


def _eye_index(rng: np.random.Generator, skin: Color) -> int:
    light = float(np.clip((skin[0] - 0.35) / 0.4, 0, 1))
    p = np.array([3.0, 2.5, 1.0 * light, 0.8 * light, 1.2 * light, 0.8 * light]) + 1e-3
    return int(rng.choice(len(p), p=p / p.sum()))
