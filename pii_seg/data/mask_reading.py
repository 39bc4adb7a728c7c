"""Gives the pixels of masks a meaning: which of them are persons, which are to be ignored.

The meaning is one for a whole folder, because a single mask is ambiguous: {0, 255} may be a white
person, or background beside "ignore". It is recognised, or given with --mask-code and
--person-class; a folder whose masks have several meanings is refused.

    white     0 background, 255 person            masks hold 0 and 255 only
    classes   0 background, 1 person, 255 ignore  masks hold 0, 1 (and 255)
    ids       0 background, 255 ignore, others    masks hold further values, which count up from 1
              are a person each                   (in 16 bit, 255 and 65535 are persons too)
    soft      below half background, else person  JPEGs; mostly white masks with greys between
    nonzero   0 background, else person           masks hold one further value or colour
    alpha     transparent background, else person masks whose opaque part has one colour, cut-outs
    inverted  0 person, else background           only when it is given
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

import numpy as np

from pii_seg.data.mask_io import HALF, MaskImage
from pii_seg.data.person_classes import PersonClasses, colour_text
from pii_seg.data.target_values import IGNORE
from pii_seg.errors import DataError, InputError

UNUSUAL_SHARE = 0.5  # of an image: more is rarely a person
CUT_OUT_FROM = 256  # more colours than a label map has


class MaskCode(enum.Enum):
    """Meaning of the values in a folder's masks; see the table above."""

    WHITE = "white"
    CLASSES = "classes"
    IDS = "ids"
    SOFT = "soft"
    NONZERO = "nonzero"
    ALPHA = "alpha"
    INVERTED = "inverted"
    PERSONS = "persons"  # numbers or colours of --person-class


AUTO = "auto"
CODES = (AUTO, *(code.value for code in MaskCode if code is not MaskCode.PERSONS))
"""The values of --mask-code."""

MEANINGS = {
    MaskCode.WHITE: "0 is background, 255 person",
    MaskCode.CLASSES: "0 is background, 1 person, 255 ignored",
    MaskCode.IDS: "0 is background, 255 ignored in 8 bit, every other number a person",
    MaskCode.SOFT: "below half is background, above person",
    MaskCode.NONZERO: "0 is background, all else person",
    MaskCode.ALPHA: "transparent is background, opaque person",
    MaskCode.INVERTED: "black is person, all else background",
}


@dataclass(frozen=True)
class MaskOptions:
    """The reading of masks that the user asks for.

    Attributes:
        code: One of CODES; "auto" recognises it.
        person_class: Numbers, ranges, colours or names of the classes that are persons.
    """

    code: str = AUTO
    person_class: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise InputError(f"--mask-code {self.code}: expected one of {', '.join(CODES)}")
        if self.person_class and self.code not in (AUTO, "classes"):
            raise InputError(
                f"--mask-code {self.code} and --person-class exclude each other; give one"
            )

    def given(self) -> Reading | None:
        """Return the reading that the options determine, or None where it is to be recognised.

        Raises:
            InputError: A class is given by its name, which only a list of names gives a meaning.
        """
        if self.person_class:
            return Reading(
                MaskCode.PERSONS, given=True, persons=PersonClasses.parse(self.person_class)
            )
        return None if self.code == AUTO else Reading(MaskCode(self.code), given=True)


@dataclass(frozen=True)
class Reading:
    """The meaning of the masks of one folder.

    Attributes:
        code: See the module.
        given: Whether the user gave it: then nothing speaks against it.
        level: For a recognised "nonzero": the number, or the colour, of the persons.
        persons: For "persons": the classes.
    """

    code: MaskCode
    given: bool = False
    level: int | tuple[int, int, int] | None = None
    persons: PersonClasses | None = None

    def __str__(self) -> str:
        if self.persons is not None:
            return f"masks read as classes: {self.persons} is person"
        if self.level is not None:
            level = self.level if isinstance(self.level, int) else colour_text(self.level)
            return f"masks read as {self.code.value}: 0 is background, {level} person"
        return f"masks read as {self.code.value}: {MEANINGS[self.code]}"

    def decode(self, mask: MaskImage) -> tuple[np.ndarray, np.ndarray | None]:
        """Decode one mask into target uint8 {0, 1, 255} and instances uint16 or None, both (H, W).

        Raises:
            DataError: The mask holds something that the reading does not define.
        """
        if self.persons is not None:
            return self.persons.decode(mask)
        if self.code is MaskCode.ALPHA:
            return self._decode_alpha(mask), None
        if not self.given and shape_is_alpha(mask):
            raise DataError(
                f"{mask.path}: holds its shape in its transparency, others of the folder do not; "
                "give --mask-code alpha for a folder of such masks"
            )
        if not self.given:
            mask = plain(mask)
        if self.code is MaskCode.NONZERO:
            return self._decode_nonzero(mask), None
        numbers = mask.numbers
        if numbers is None:
            raise DataError(
                f"{mask.path}: is a colour image, which {self.code.value} masks are not; give the "
                "colour of persons, such as --person-class '#c08080'"
            )
        if self.code is MaskCode.INVERTED:
            top = 1 if numbers.max(initial=0) <= 1 else 255 if numbers.max() <= 255 else 65535
            return (numbers <= top // 2).astype(np.uint8), None
        if self.code is MaskCode.SOFT:
            return self._decode_soft(mask, numbers), None
        return decode_numbers(numbers, self.code, mask)

    def _decode_alpha(self, mask: MaskImage) -> np.ndarray:
        if mask.alpha is None and not self.given and not mask.filled.any():
            return np.zeros(mask.shape, np.uint8)  # black, in a file that cannot be transparent
        if mask.alpha is None or not (self.given or mask.transparent):
            raise DataError(
                f"{mask.path}: has no transparent pixels, but masks are read as alpha; if all of "
                "it is background, make it transparent"
            )
        return (mask.alpha >= HALF).astype(np.uint8)

    def _decode_nonzero(self, mask: MaskImage) -> np.ndarray:
        if self.level is not None and (mask.filled & ~self._is_level(mask)).any():
            raise DataError(
                f"{mask.path}: holds another number or colour than the folder's other masks "
                f"({self}); give --mask-code nonzero if all of them are persons, else "
                "--person-class"
            )
        return mask.filled.astype(np.uint8)

    def _is_level(self, mask: MaskImage) -> np.ndarray:
        """Return bool (H, W): pixels of the one number or colour that persons have."""
        if isinstance(self.level, int):
            return (
                np.zeros(mask.shape, bool) if mask.numbers is None else (mask.numbers == self.level)
            )
        shown = mask.shown if mask.shown.ndim == 3 else mask.shown[..., None]
        return (shown == np.asarray(self.level)).all(axis=2)

    def _decode_soft(self, mask: MaskImage, numbers: np.ndarray) -> np.ndarray:
        top = int(numbers.max(initial=0))
        half = HALF if numbers.dtype == np.uint8 else (HALF << 8)
        if 0 < top < half and not self.given:
            raise DataError(
                f"{mask.path}: is at most {top} bright, but masks are read as soft (from "
                f"{half} on person); write it like the others"
            )
        return (numbers >= half).astype(np.uint8)


def decode_numbers(
    numbers: np.ndarray, code: MaskCode, mask: MaskImage
) -> tuple[np.ndarray, np.ndarray | None]:
    """Decode numbers (H, W) of the codes "white", "classes" and "ids".

    Raises:
        DataError: There is a number that `code` does not define.
    """
    if code is MaskCode.IDS:
        ignored = numbers == IGNORE if numbers.dtype == np.uint8 else np.zeros(numbers.shape, bool)
        target = np.where(ignored, IGNORE, numbers > 0).astype(np.uint8)
        return target, np.where(ignored, 0, numbers).astype(np.uint16)
    if code is MaskCode.WHITE:
        target, strange = (numbers == 255).astype(np.uint8), (numbers != 0) & (numbers != 255)
    else:
        target, strange = numbers.astype(np.uint8), (numbers > 1) & (numbers != IGNORE)
    if strange.any():
        meaning = "0 and 255 = person" if code is MaskCode.WHITE else "0, 1 = person, 255 = ignore"
        raise DataError(
            f"{mask.path}: holds the value {int(numbers[strange][0])}, but the folder's masks are "
            f"{code.value} ({meaning}); write it like the others"
        )
    return target, None


def shape_is_alpha(mask: MaskImage) -> bool:
    """Return whether the transparency of a mask holds its shape, rather than its colours.

    What is opaque is all that a viewer shows: if it has a single colour, or those of a photo that
    was cut out, then the shape is where it is opaque.

    Raises:
        DataError: Both hold a shape, and the shapes differ.
    """
    if not mask.transparent:
        return False
    assert mask.alpha is not None
    opaque = mask.alpha > 0
    colours = distinct_colours(mask.shown, opaque)
    if opaque.all() and len(np.unique(mask.alpha)) == 1:
        return False  # an even veil over the whole image
    if len(colours) == 1 or len(colours) > CUT_OUT_FROM:
        return True
    filled = mask.shown > 0 if mask.shown.ndim == 2 else (mask.shown > 0).any(axis=2)
    if not opaque.any():
        if len(distinct_colours(mask.shown)) == 1:
            return True  # empty
    elif (filled == opaque).all() or (mask.indexed and (mask.filled == opaque).all()):
        return False  # they agree, and the numbers say more
    raise DataError(
        f"{mask.path}: shows different shapes in its transparency and its colours; give "
        "--mask-code alpha if opaque pixels are persons, nonzero if pixels not black are"
    )


def plain(mask: MaskImage) -> MaskImage:
    """Return a mask of numbers or of colours, without a palette.

    The indices of a palette are the numbers, and black is 0. Where the palette was reordered, as
    programs do that make files smaller, 0 and black are different pixels. A grey palette is grey.

    Raises:
        DataError: The indices and the colours of a palette show different shapes.
    """
    if not mask.indexed:
        return mask
    assert mask.colours is not None and mask.numbers is not None
    black = ~mask.colours.any(axis=2)
    if mask.alpha is not None:
        black |= mask.alpha == 0
    if ((mask.numbers == 0) != black).any():
        raise DataError(
            f"{mask.path}: has a palette whose entry 0 is not black, so that its numbers and its "
            "colours differ; give the persons' numbers (--person-class 1) or colours "
            "(--person-class '#ffffff')"
        )
    is_grey = bool((mask.colours == mask.colours[..., :1]).all())
    numbers = np.ascontiguousarray(mask.colours[..., 0]) if is_grey else mask.numbers
    return replace(mask, numbers=numbers, colours=None, indexed=False)


def redacted_pixels(mask: MaskImage, reading: Reading | None) -> np.ndarray:
    """Return the pixels, bool (H, W), that a user's mask marks for redaction.

    It marks all that may be a person: what is not 0 or black, what is not fully transparent, and
    what a given reading ignores.

    Args:
        mask: The mask, upright.
        reading: As the user gave it; None: recognised.

    Raises:
        DataError: The mask can be read in several ways, or not in the one that was given.
    """
    if reading is not None and reading.code is not MaskCode.ALPHA:
        return reading.decode(mask)[0] != 0
    if reading is not None or shape_is_alpha(mask):
        if mask.alpha is None:
            raise DataError(f"{mask.path}: has no transparency, but --mask-code alpha is given")
        return mask.alpha > 0
    mask = plain(mask)
    if mask.lossy and mask.shown.any() and mask.shown.max() < HALF:
        raise DataError(
            f"{mask.path}: is at most {mask.shown.max()} bright and compressed with loss, which "
            "does not keep small numbers; export it as PNG"
        )
    if mask.numbers is None and len(distinct_colours(mask.shown)) - (~mask.filled).any() != 1:
        raise DataError(
            f"{mask.path}: has several colours; give those of persons (--person-class '#c08080'), "
            "or --mask-code nonzero to redact all that is not black"
        )
    return mask.filled


def distinct_colours(shown: np.ndarray, where: np.ndarray | None = None) -> np.ndarray:
    """List the distinct colours of an image (H, W) or (H, W, 3), packed into one number each."""
    packed: np.ndarray = shown.astype(np.uint32)
    if packed.ndim == 3:
        packed = (packed[..., 0] << 16) | (packed[..., 1] << 8) | packed[..., 2]
    # np.unique hashes, which takes 70 times as long for the colours of a photo (numpy 2.4).
    ordered = np.sort(packed if where is None else packed[where], axis=None)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered
