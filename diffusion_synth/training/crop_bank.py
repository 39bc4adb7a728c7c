"""Persons of datasets to train on: crops of one size, masks, and words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import cv2
import numpy as np

from diffusion_synth.errors import DataError
from diffusion_synth.prompts.from_annotation import person_words, scene_words
from diffusion_synth.prompts.grammar import Grammar, Prompt
from diffusion_synth.repaint.crops import CropSettings, bounding_box, cut, is_too_small
from diffusion_synth.repaint.dataset_reader import Dataset, Sample

MARGINS = (0.25, 0.5)  # every person is cut twice, since `run --margin` may have any value


@dataclass(frozen=True)
class PersonCrop:
    """A person to train on.

    Attributes:
        image: uint8 (size, size, 3).
        mask: bool (size, size).
        words: Slot → words of the annotation.
    """

    image: np.ndarray
    mask: np.ndarray
    words: Mapping[str, str]


@dataclass(frozen=True)
class CropSource:
    """Where a crop comes from.

    Attributes:
        dataset: The dataset.
        position: The line of the image.
        person: Id in the image's mask.
        margin: Room around the person.
        words: Slot → words of the annotation.
    """

    dataset: Dataset
    position: int
    person: int
    margin: float
    words: Mapping[str, str]

    def cut_from(self, sample: Sample, size: int) -> PersonCrop:
        """Cut the person out of their image."""
        crop = cut(sample.image, sample.mask == self.person, CropSettings(self.margin, size, size))
        return PersonCrop(crop.image, crop.mask, self.words)


@dataclass(frozen=True)
class LazyCrops(Sequence[PersonCrop]):
    """Crops that are read and cut on access: at 512 px each takes 1 MB of memory."""

    sources: tuple[CropSource, ...]
    size: int

    def __len__(self) -> int:
        return len(self.sources)

    @overload
    def __getitem__(self, which: int) -> PersonCrop: ...
    @overload
    def __getitem__(self, which: slice) -> LazyCrops: ...
    def __getitem__(self, which: int | slice) -> PersonCrop | LazyCrops:
        if isinstance(which, slice):
            return LazyCrops(self.sources[which], self.size)
        source = self.sources[which]
        return source.cut_from(source.dataset.sample(source.position), self.size)


@dataclass(frozen=True)
class CropBank:
    """Persons to draw from."""

    persons: Sequence[PersonCrop]

    @classmethod
    def from_datasets(
        cls,
        datasets: Sequence[Dataset],
        size: int,
        *,
        smallest: int = 32,
        in_memory: bool = True,
    ) -> CropBank:
        """Collect all persons who are large enough.

        Every image is read once, so that a damaged one is found at once.

        Args:
            datasets: Where the persons are.
            size: Side of the crops, px.
            smallest: Least longer side of a person's box, px.
            in_memory: Hold all crops in memory (48 KB each at 128 px) rather than read them anew.

        Raises:
            DataError: There are none.
        """
        found = (pair for dataset in datasets for pair in _persons_of(dataset, size, smallest))
        persons: Sequence[PersonCrop] = (
            tuple(person for _, person in found)
            if in_memory
            else LazyCrops(tuple(source for source, _ in found), size)
        )
        if not persons:
            raise DataError(f"no person of {smallest} px and more to train on; give more renders")
        return cls(persons)

    def __len__(self) -> int:
        return len(self.persons)

    def draw(
        self, rng: np.random.Generator, grammar: Grammar
    ) -> tuple[np.ndarray, np.ndarray, Prompt]:
        """Draw a person, mirrored half of the time, with a prompt from the annotation's words.

        The lighting of the whole crop changes each time, so that a model has to take the person's
        light from the surroundings.

        Returns:
            (image uint8 (size, size, 3), mask bool (size, size), prompt).
        """
        person = self.persons[int(rng.integers(len(self.persons)))]
        image, mask = person.image, person.mask
        if rng.random() < 0.5:
            image, mask = image[:, ::-1], mask[:, ::-1]
        image = cv2.LUT(np.ascontiguousarray(image), random_lighting(rng))
        return image, mask, grammar.draw([int(rng.integers(1 << 31))], person.words)


def random_lighting(rng: np.random.Generator) -> np.ndarray:
    """Draw a lookup table of pixel values, uint8 (1, 256, 3): exposure, gamma and tint."""
    gamma = np.exp(rng.uniform(-0.35, 0.35))
    gain = np.exp(rng.uniform(-0.25, 0.15)) * np.exp(rng.uniform(-0.06, 0.06, 3))
    values = (np.arange(256) / 255)[:, None] ** gamma * gain
    return (values * 255).round().clip(0, 255).astype(np.uint8)[None]


def _persons_of(
    dataset: Dataset, size: int, smallest: int
) -> Iterator[tuple[CropSource, PersonCrop]]:
    for position in range(len(dataset)):
        sample = dataset.sample(position)
        scene = scene_words(sample.line)
        for annotated in sample.persons:
            mask = sample.mask == annotated["id"]
            settings = CropSettings(size=size, multiple=size, smallest=smallest)
            if not mask.any() or is_too_small(bounding_box(mask), settings):
                continue
            words = scene | person_words(annotated)
            for margin in MARGINS:
                source = CropSource(dataset, position, int(annotated["id"]), margin, words)
                person = source.cut_from(sample, size)
                if person.mask.any():
                    yield source, person
