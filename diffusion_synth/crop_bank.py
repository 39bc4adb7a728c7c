"""Persons of datasets as the embedded generator learns from them: crops of one size, masks, and words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from diffusion_synth.crops import CropSettings, bounding_box, cut, is_too_small
from diffusion_synth.prompts import Grammar, Prompt
from diffusion_synth.reading import Dataset
from diffusion_synth.words import words_of_person, words_of_scene

MARGINS = (0.25, 0.5)  # every person is cut twice: `run` cuts with whatever margin its user likes


class BankError(ValueError):
    """There is nobody to learn from."""


@dataclass(frozen=True)
class Person:
    """image: uint8 (size, size, 3); mask: bool (size, size); words: slot → what the annotation says of them."""

    image: np.ndarray
    mask: np.ndarray
    words: dict[str, str]


@dataclass(frozen=True)
class CropBank:
    """Persons, held in memory: 12 KB each at 64 px."""

    persons: tuple[Person, ...]

    @classmethod
    def of(cls, datasets: Sequence[Dataset], size: int, *, smallest: int = 32) -> CropBank:
        """All persons with a side of `smallest` px and more. Raises BankError when there are none."""
        persons = tuple(person for dataset in datasets for person in _persons_of(dataset, size, smallest))
        if not persons:
            raise BankError(f"no person of {smallest} px and more to learn from")
        return cls(persons)

    def __len__(self) -> int:
        return len(self.persons)

    def draw(self, rng: np.random.Generator, grammar: Grammar) -> tuple[np.ndarray, np.ndarray, Prompt]:
        """(image, mask, prompt) of a person, mirrored half of the time, in words drawn about what is known."""
        person = self.persons[int(rng.integers(len(self.persons)))]
        image, mask = person.image, person.mask
        if rng.random() < 0.5:
            image, mask = image[:, ::-1], mask[:, ::-1]
        return image, mask, grammar.draw([int(rng.integers(1 << 31))], person.words)


def _persons_of(dataset: Dataset, size: int, smallest: int) -> Iterator[Person]:
    for place in range(len(dataset)):
        picture = dataset.picture(place)
        scene = words_of_scene(picture.line)
        for annotated in picture.persons:
            mask = picture.mask == annotated["id"]
            settings = CropSettings(size=size, multiple=size, smallest=smallest)
            if not mask.any() or is_too_small(bounding_box(mask), settings):
                continue
            words = scene | words_of_person(annotated)
            for margin in MARGINS:
                crop = cut(picture.image, mask, CropSettings(margin, size, size, smallest))
                if crop.mask.any():
                    yield Person(crop.image, crop.mask, words)
