"""The classes of a label map that are persons: by number, colour or name (--person-class)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pii_seg.data.mask_io import MaskImage
from pii_seg.data.target_values import IGNORE, PERSON
from pii_seg.errors import DataError, InputError

PERSON_NAME = "person"
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Label:
    """One class of a label map."""

    number: int
    name: str
    colour: Colour | None = None


@dataclass(frozen=True)
class PersonClasses:
    """The classes that are persons.

    Attributes:
        numbers: Ranges of numbers, ends included.
        colours: RGB.
        names: Names as they were given, for those who read the message.
        known: All colours of the label map; none: any other colour is background.
    """

    numbers: tuple[tuple[int, int], ...] = ()
    colours: tuple[Colour, ...] = ()
    names: tuple[str, ...] = ()
    known: frozenset[Colour] = frozenset()

    @classmethod
    def parse(cls, given: Sequence[str], labels: Sequence[Label] = ()) -> PersonClasses:
        """Parse values of --person-class.

        Args:
            given: "15", "24000-24999", "#c08080", "192,128,128", or a name among `labels`.
            labels: The classes of the label map, if one is there.

        Raises:
            InputError: A value is none of these.
        """
        numbers: list[tuple[int, int]] = []
        colours: list[Colour] = []
        names: list[str] = []
        for text in given:
            if (span := parse_span(text)) is not None:
                numbers.append(span)
            elif (colour := parse_colour(text)) is not None:
                colours.append(colour)
            elif found := [label for label in labels if same_name(label.name, text)]:
                names.append(text)
                numbers += [(label.number, label.number) for label in found]
                colours += [label.colour for label in found if label.colour is not None]
            else:
                known = ", ".join(label.name for label in labels[:20])
                raise InputError(
                    f"--person-class {text}: expected a number (15), a range (24000-24999), a "
                    "colour (#c08080)"
                    + (f", or one of {known}" if labels else "; no list of names is here")
                )
        known_colours = frozenset(label.colour for label in labels if label.colour is not None)
        return cls(tuple(numbers), tuple(colours), tuple(names), known_colours)

    def __str__(self) -> str:
        spans = [str(low) if low == high else f"{low}-{high}" for low, high in self.numbers]
        colours = list(map(colour_text, self.colours))
        return ", ".join([*self.names, *spans, *colours])

    def decode(self, mask: MaskImage) -> tuple[np.ndarray, np.ndarray | None]:
        """Decode a mask into target uint8 {0, 1, 255} and instances uint16 or None, both (H, W).

        A range of numbers holds a number for each person; 255 is ignore in 8 bit, if it is no
        person.

        Raises:
            DataError: The mask holds no numbers or colours that can be compared.
        """
        if mask.lossy:
            raise DataError(
                f"{mask.path}: is compressed with loss, which changes the numbers and colours of "
                "classes; export it as PNG"
            )
        if self.colours and (mask.numbers is None or not self.numbers or self._is_drawn(mask)):
            return self._decode_colours(mask), None
        if mask.numbers is None:
            raise DataError(
                f"{mask.path}: is a colour image without numbers; give the colour of persons, "
                "such as --person-class '#c08080'"
            )
        found = np.zeros(mask.shape, bool)
        for low, high in self.numbers:
            found |= (mask.numbers >= low) & (mask.numbers <= high)
        target = found.astype(np.uint8) * PERSON
        if mask.numbers.dtype == np.uint8:
            target[(mask.numbers == IGNORE) & ~found] = IGNORE
        if all(low == high for low, high in self.numbers):
            return target, None
        return target, np.where(found, mask.numbers, 0).astype(np.uint16)

    def _is_drawn(self, mask: MaskImage) -> bool:
        """Return whether a palette has the colours of the label map, which tell more than indices.

        Programs may reorder a palette, but keep what it shows.
        """
        return mask.colours is not None and bool(self.known) and not self._strange(mask).any()

    def _strange(self, mask: MaskImage) -> np.ndarray:
        shown = np.zeros(mask.shape, bool)
        for colour in self.known:
            shown |= _equals(mask, colour)
        return ~shown

    def _decode_colours(self, mask: MaskImage) -> np.ndarray:
        if self.known and (strange := self._strange(mask)).any():
            shown = mask.shown[strange][0]
            text = colour_text(np.broadcast_to(shown, 3).tolist())
            raise DataError(
                f"{mask.path}: holds the colour {text}, which its label map does not name; add "
                "it there, or give the colours of persons with --person-class"
            )
        found = np.zeros(mask.shape, bool)
        for colour in self.colours:
            found |= _equals(mask, colour)
        return found.astype(np.uint8) * PERSON


def colour_text(colour: Sequence[int]) -> str:
    """Write a colour as #c08080."""
    red, green, blue = colour
    return f"#{red:02x}{green:02x}{blue:02x}"


def same_name(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def parse_colour(text: str) -> Colour | None:
    """Parse "#c08080" or "192,128,128"; None if it is neither."""
    if re.fullmatch(r"#[0-9a-fA-F]{6}", text.strip()):
        value = int(text.strip()[1:], 16)
        return value >> 16, value >> 8 & 255, value & 255
    parts = text.split(",")
    if len(parts) != 3 or not all(re.fullmatch(r"\s*[0-9]{1,3}\s*", part) for part in parts):
        return None
    red, green, blue = map(int, parts)
    return (red, green, blue) if max(red, green, blue) <= 255 else None


def parse_span(text: Any) -> tuple[int, int] | None:
    """Parse "15" or "24000-24999"; None if it is neither."""
    match = re.fullmatch(r"\s*([0-9]{1,5})\s*(?:-\s*([0-9]{1,5})\s*)?", str(text))
    if match is None:
        return None
    low, high = int(match[1]), int(match[2] or match[1])
    return (low, high) if low <= high <= 65535 else None


def _equals(mask: MaskImage, colour: Colour) -> np.ndarray:
    """Return bool (H, W): pixels that are shown in a colour."""
    if mask.shown.ndim == 3:
        return (mask.shown == np.array(colour, np.uint8)).all(axis=2)
    if len(set(colour)) > 1:
        return np.zeros(mask.shape, bool)
    return mask.shown == colour[0]
