"""Persons of datasets as generators learn from them: crops of one size, masks, and words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import cv2
import numpy as np

from diffusion_synth.prompts.from_annotation import words_of_person, words_of_scene
from diffusion_synth.prompts.grammar import Grammar, Prompt
from diffusion_synth.repaint.crops import CropSettings, bounding_box, cut, is_too_small
from diffusion_synth.repaint.dataset_reader import Dataset, Picture

MARGINS = (0.25, 0.5)  # every person is cut twice: `run` cuts with whatever margin its user likes


class BankError(ValueError):
    """There is nobody to learn from."""


@dataclass(frozen=True)
class Person:
    """image: uint8 (size, size, 3); mask: bool (size, size); words: slot → what the annotation says of them."""

    image: np.ndarray
    mask: np.ndarray
    words: Mapping[str, str]


@dataclass(frozen=True)
class Place:
    """Where a crop comes from. person: id in the picture's mask."""

    dataset: Dataset
    picture: int
    person: int
    margin: float
    words: Mapping[str, str]

    def cut_from(self, picture: Picture, size: int) -> Person:
        crop = cut(
            picture.image, picture.mask == self.person, CropSettings(self.margin, size, size)
        )
        return Person(crop.image, crop.mask, self.words)


@dataclass(frozen=True)
class UncutPersons(Sequence[Person]):
    """Persons who are read and cut out whenever they are asked for: 1 MB each at 512 px would fill a memory."""

    places: tuple[Place, ...]
    size: int

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, which: int) -> Person: ...
    @overload
    def __getitem__(self, which: slice) -> UncutPersons: ...
    def __getitem__(self, which: int | slice) -> Person | UncutPersons:
        if isinstance(which, slice):
            return UncutPersons(self.places[which], self.size)
        place = self.places[which]
        return place.cut_from(place.dataset.picture(place.picture), self.size)


@dataclass(frozen=True)
class CropBank:
    """Persons to draw from."""

    persons: Sequence[Person]

    @classmethod
    def of(
        cls, datasets: Sequence[Dataset], size: int, *, smallest: int = 32, held: bool = True
    ) -> CropBank:
        """All persons with a side of `smallest` px and more. Raises BankError when there are none.

        Every picture is read once, so that a damaged one is found now. held: crops stay in memory (48 KB at 128 px).
        """
        found = (pair for dataset in datasets for pair in _found_in(dataset, size, smallest))
        persons: Sequence[Person] = (
            tuple(person for _, person in found)
            if held
            else UncutPersons(tuple(place for place, _ in found), size)
        )
        if not persons:
            raise BankError(f"no person of {smallest} px and more to learn from")
        return cls(persons)

    def __len__(self) -> int:
        return len(self.persons)

    def draw(
        self, rng: np.random.Generator, grammar: Grammar
    ) -> tuple[np.ndarray, np.ndarray, Prompt]:
        """(image, mask, prompt) of a person, mirrored half of the time, in words drawn about what is known.

        The light on all of it is another each time, so that the person's is learnt from the surroundings'.
        """
        person = self.persons[int(rng.integers(len(self.persons)))]
        image, mask = person.image, person.mask
        if rng.random() < 0.5:
            image, mask = image[:, ::-1], mask[:, ::-1]
        image = cv2.LUT(np.ascontiguousarray(image), another_light(rng))
        return image, mask, grammar.draw([int(rng.integers(1 << 31))], person.words)


def another_light(rng: np.random.Generator) -> np.ndarray:
    """A table uint8 (1, 256, 3) from the values of a picture to those under another light: exposure, gamma, tint."""
    gamma = np.exp(rng.uniform(-0.35, 0.35))
    gain = np.exp(rng.uniform(-0.25, 0.15)) * np.exp(rng.uniform(-0.06, 0.06, 3))
    values = (np.arange(256) / 255)[:, None] ** gamma * gain
    return (values * 255).round().clip(0, 255).astype(np.uint8)[None]


def _found_in(dataset: Dataset, size: int, smallest: int) -> Iterator[tuple[Place, Person]]:
    for number in range(len(dataset)):
        picture = dataset.picture(number)
        scene = words_of_scene(picture.line)
        for annotated in picture.persons:
            mask = picture.mask == annotated["id"]
            settings = CropSettings(size=size, multiple=size, smallest=smallest)
            if not mask.any() or is_too_small(bounding_box(mask), settings):
                continue
            words = scene | words_of_person(annotated)
            for margin in MARGINS:
                place = Place(dataset, number, int(annotated["id"]), margin, words)
                person = place.cut_from(picture, size)
                if person.mask.any():
                    yield place, person
