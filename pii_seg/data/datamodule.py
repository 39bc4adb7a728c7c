"""Loaders for training and validation: sources mixed by weight, augmented by the workers.

Which image comes when, and how it is augmented, follows from (seed, epoch, place) alone. So it does
not depend on the number of workers or processes, and a run that is resumed continues as if it had
not stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from pii_seg.augmentation_config import AugmentationConfig
from pii_seg.data.augmentation import augment
from pii_seg.data.copy_paste import CutOutBank
from pii_seg.data.pixel_weights import HeadsMarked, PixelWeights, pixel_weights
from pii_seg.data.random_streams import Streams
from pii_seg.data.resize import Shrunk, letterbox
from pii_seg.data.sampler import Draw, EpochSampler
from pii_seg.data.sources import HEAD, PERSON, Sample, Source, keep_in_memory
from pii_seg.data.sources.base import Progress
from pii_seg.errors import DataError

log = logging.getLogger(__name__)

_REDRAW = 0x9ED0  # separates the random stream of redrawing from all others
REDRAWS = 20  # unreadable images in a row until the data is given up


@dataclass(frozen=True)
class WeightedSource:
    """One source of the mixture.

    Attributes:
        source: Its images.
        weight: Its share of an epoch, relative to the other weights.
        paste: Probability that people are pasted onto its images; None: the augmentation's.
        zoom: Factor by which its images are enlarged before the scale jitter.
        distractors: Whether distractors are pasted onto its images; without people, or they would
            hide them.
    """

    source: Source
    weight: float = 1.0
    paste: float | None = None
    zoom: float = 1.0
    distractors: bool = False

    def __post_init__(self) -> None:
        name = self.source.name
        if not 0 <= self.weight < float("inf"):
            raise DataError(f"{name}: its weight is {self.weight}; it must not be negative")
        if self.paste is not None and not 0 <= self.paste <= 1:
            raise DataError(f"{name}: paste is {self.paste}; it is a probability, 0..1")
        if not 0 < self.zoom < float("inf"):
            raise DataError(f"{name}: zoom is {self.zoom}; it must be positive")


@dataclass(frozen=True)
class LoaderConfig:
    """Sizes of views, batches and epochs.

    Attributes:
        size: Side of the training views in px.
        batch_size: Training views per batch and process.
        epoch_size: Training views per epoch over all processes; 0: as many as there are images.
        workers: Loading processes.
        memory_mb: Decoded images to keep in memory, in MB.
        longest: Longer side in px to which larger training images are shrunk first; 0: never.
        validation_size: Side in px into which validation images are fitted; 0: each keeps its own
            size, one per batch.
        seed: Seed of order and augmentation.
    """

    size: int = 256
    batch_size: int = 8
    epoch_size: int = 0
    workers: int = 1
    memory_mb: int = 0
    longest: int = 1024
    validation_size: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"size": 8, "batch_size": 1, "epoch_size": 0, "workers": 0, "seed": 0}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least {value}")
        for name in ("memory_mb", "longest", "validation_size"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must not be negative")


@dataclass(frozen=True)
class View(Sample):
    """A sample to train on.

    Attributes:
        weight: float32 (H, W), weight of each pixel in the loss; None: all have the same.
    """

    weight: np.ndarray | None = None


class TrainingViews(Dataset[View]):
    """Augmented views, addressed by a Draw."""

    def __init__(
        self,
        mixture: Sequence[WeightedSource],
        size: int,
        augmentation: AugmentationConfig,
        persons: CutOutBank | None,
        *,
        seed: int,
        distractors: CutOutBank | None = None,
        strict: bool = False,
        weights: PixelWeights | None = None,
    ) -> None:
        self._weights = weights
        self._mixture, self._size, self._augmentation = list(mixture), size, augmentation
        self._persons, self._seed, self._strict = persons, seed, strict
        self._distractors = distractors
        self._reported: set[str] = set()

    def __getitem__(self, draw: Draw) -> View:
        entry = self._mixture[draw.entry]
        entropy = (self._seed, draw.epoch, draw.place)
        sample = self._load(entry.source, draw.item, np.random.default_rng([*entropy, _REDRAW]))
        view = augment(
            sample,
            self._size,
            self._augmentation,
            Streams(entropy),
            persons=self._persons,
            distractors=self._distractors if entry.distractors else None,
            paste=entry.paste,
            zoom=entry.zoom,
        )
        weight, target = None, view.target
        if self._weights is not None:
            weight = pixel_weights(target, self._weights)
            target = np.where(target == HEAD, np.uint8(PERSON), target)
        return View(f"{entry.source.name}/{view.name}", view.image, target, weight=weight)

    def _load(self, source: Source, item: int, rng: np.random.Generator) -> Sample:
        """Load the item or, if it cannot be read, another of its source.

        Raises:
            DataError: The item cannot be read and `strict` is set, or none of many can be read.
        """
        for _ in range(REDRAWS):
            try:
                return source.load(item)
            except DataError as error:
                if self._strict:
                    raise
                if str(error) not in self._reported:
                    self._reported.add(str(error))
                    log.warning("left out: %s", error)
            item = int(rng.integers(len(source)))
        raise DataError(
            f"{source.name}: {REDRAWS} images in a row cannot be used; check the source"
        )


class WholeImages(Dataset[Sample]):
    """The images of a source in order, at their own size or fitted into a square."""

    def __init__(self, source: Source, size: int = 0) -> None:
        self._source, self._size = source, size

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, i: int) -> Sample:
        sample = self._source.load(i)
        return letterbox(sample, self._size) if self._size else sample


def collate(samples: Sequence[Sample]) -> dict[str, Any]:
    """Stack samples of one size into a batch.

    The images are channels-last in memory, as they were decoded: nothing is copied, and networks
    run fastest on that layout.

    Returns:
        "image": uint8 (B, 3, H, W); "target": uint8 (B, H, W) of {0, 1, 255}; "name": list of B;
        "instances": list of B int32 (H, W) or None; "weight": float32 (B, H, W), of views whose
        pixels have weights.
    """
    image = torch.from_numpy(np.stack([sample.image for sample in samples])).permute(0, 3, 1, 2)
    target = torch.from_numpy(np.stack([sample.target for sample in samples]))
    instances = [
        None if sample.instances is None else torch.from_numpy(sample.instances.astype(np.int32))
        for sample in samples
    ]
    batch = {
        "image": image,
        "target": target,
        "name": [sample.name for sample in samples],
        "instances": instances,
    }
    weights = [sample.weight for sample in samples if isinstance(sample, View)]
    given = [weight for weight in weights if weight is not None]
    if given:
        batch["weight"] = torch.from_numpy(np.stack(given))
    return batch


class SegmentationDataModule(pl.LightningDataModule):
    """WeightedSource sources for training, whole images for validation.

    Args:
        train: Sources and their weights.
        validation: Sources with a loader each, in this order; their batches also hold instances.
        persons: Sources of the people that are pasted; their masks must have instances. Needed if
            any source or the augmentation pastes.
        distractors: Sources of the things that are pasted; their masks must have instances.
        augmentation: Augmentation of the training views.
        weights: Weights of the views' pixels in the loss; None: all have the same.
        loading: Sizes of views, batches and epochs.
        check: Open every file first, so that nothing fails after an hour.
        strict: An image that cannot be used is an error instead of being left out.
        progress: Called with (done, total) during the check of each source.

    Attributes:
        skip: Training views of the first epoch that this process leaves out: those that a resumed
            run has used already.
    """

    def __init__(
        self,
        train: Sequence[WeightedSource],
        validation: Sequence[Source] = (),
        *,
        persons: Sequence[Source] = (),
        distractors: Sequence[Source] = (),
        augmentation: AugmentationConfig | None = None,
        weights: PixelWeights | None = None,
        loading: LoaderConfig | None = None,
        check: bool = True,
        strict: bool = False,
        progress: Progress | None = None,
    ) -> None:
        super().__init__()
        self.mixture = list(train)
        self.validation = list(validation)
        self.persons = list(persons)
        self.distractors = list(distractors)
        self.augmentation = augmentation or AugmentationConfig()
        self.weights = weights
        self.loading = loading or LoaderConfig()
        self.check, self.strict, self.progress = check, strict, progress
        self._ready = False
        self.skip = 0
        pastes = [m.source.name for m in self.mixture if m.weight and (m.paste or 0) > 0]
        if not self.persons and (pastes or self.augmentation.paste > 0):
            raise DataError("no source of persons is given, but people are to be pasted")

    @property
    def validation_names(self) -> list[str]:
        """Names of the validation loaders, in order."""
        return [source.name for source in self.validation]

    def setup(self, stage: str | None = None) -> None:
        """Check the files and fill the memory, once.

        Raises:
            DataError: A source cannot be used.
        """
        if self._ready:
            return
        everything = [
            *(m.source for m in self.mixture),
            *self.validation,
            *self.persons,
            *self.distractors,
        ]
        if self.check:
            for source in {id(source): source for source in everything}.values():
                for fault in source.check(progress=self.progress):
                    log.warning("left out: %s", fault)
        self._wrap_training_sources()
        self._ready = True

    def _wrap_training_sources(self) -> None:
        """Shrink sources and keep them in memory, each once, even if it is used twice.

        Sources of what is pasted come first, as each piece opens an image.
        """
        sources = [*self.persons, *self.distractors, *(m.source for m in self.mixture)]
        wrapped = {id(source): source for source in sources}
        if self.weights is not None and self.weights.head != 1:
            wrapped = {key: HeadsMarked(source) for key, source in wrapped.items()}
        if self.loading.longest:
            wrapped = {key: Shrunk(source, self.loading.longest) for key, source in wrapped.items()}
        if self.loading.memory_mb:
            held = keep_in_memory(list(wrapped.values()), self.loading.memory_mb << 20)
            wrapped = dict(zip(wrapped, held, strict=True))
        self.persons = [wrapped[id(source)] for source in self.persons]
        self.distractors = [wrapped[id(source)] for source in self.distractors]
        self.mixture = [replace(m, source=wrapped[id(m.source)]) for m in self.mixture]

    def train_dataloader(self) -> DataLoader:
        sizes = [len(m.source) for m in self.mixture]
        rank, world = self._rank_and_world()
        sampler = EpochSampler(
            sizes,
            [m.weight for m in self.mixture],
            self.loading.epoch_size or sum(sizes),
            seed=self.loading.seed,
            rank=rank,
            world=world,
        )
        sampler.skip = self.skip
        views = TrainingViews(
            self.mixture,
            self.loading.size,
            self.augmentation,
            CutOutBank(self.persons) if self.persons else None,
            seed=self.loading.seed,
            distractors=CutOutBank(self.distractors) if self.distractors else None,
            strict=self.strict,
            weights=self.weights,
        )
        return self._loader(views, self.loading.batch_size, sampler=sampler, drop_last=True)

    def val_dataloader(self) -> list[DataLoader]:
        """One loader per validation source. Several processes share its images."""
        size = self.loading.validation_size
        batch_size = self.loading.batch_size if size else 1
        rank, world = self._rank_and_world()
        loaders = []
        for source in self.validation:
            images: Dataset[Sample] = WholeImages(source, size)
            sampler: DistributedSampler[Sample] | None = None
            if world > 1:
                sampler = DistributedSampler(images, world, rank, shuffle=False)
            loaders.append(self._loader(images, batch_size, sampler=sampler))
        return loaders

    def _rank_and_world(self) -> tuple[int, int]:
        """Return the number of this process and of all processes."""
        if self.trainer is None:
            return 0, 1
        return self.trainer.global_rank, self.trainer.world_size

    def _loader(self, images: Dataset[Sample], batch_size: int, **options: Any) -> DataLoader:
        workers = self.loading.workers
        return DataLoader(
            images,
            batch_size=batch_size,
            num_workers=workers,
            persistent_workers=workers > 0,
            prefetch_factor=4 if workers else None,
            pin_memory=torch.cuda.is_available(),
            collate_fn=collate,
            worker_init_fn=_limit_worker_threads,
            # The loader draws a base seed for its workers, which nothing here uses. From this
            # generator, because drawing from torch's global one would change its state.
            generator=torch.Generator().manual_seed(self.loading.seed),
            **options,
        )


def _limit_worker_threads(_: int) -> None:
    """Switch OpenCV's threads off: they compete with the network's, and may hang after a fork."""
    cv2.setNumThreads(0)
