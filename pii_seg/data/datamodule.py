"""What training and validation are fed with: sources mixed by weight, augmented by the workers.

Which picture comes when, and how it is augmented, follows from (seed, epoch, place) alone. So it does not depend on
the number of workers or processes, and a run that is resumed at an epoch's start goes on as if it had not stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.distributed import DistributedSampler

from pii_seg.config import AugmentationConfig
from pii_seg.data.augmentation import Streams, augment
from pii_seg.data.copy_paste import PersonBank
from pii_seg.data.resize import Shrunk, letterbox
from pii_seg.data.sources import Sample, Source, keep_in_memory
from pii_seg.data.sources.base import Progress
from pii_seg.errors import DataError

log = logging.getLogger(__name__)

_PLAN, _REDRAW = (
    0x91A7,
    0x9ED0,
)  # keep the streams of the plan and of redrawing apart from each other
REDRAWS = 20  # unreadable pictures in a row until the data is given up


@dataclass(frozen=True)
class Mixed:
    """One source in the mixture.

    weight   its share of an epoch, against those of the others
    paste    how often persons are pasted onto its pictures; None: as the augmentation says
    zoom     enlarges its pictures before the scale jitter
    """

    source: Source
    weight: float = 1.0
    paste: float | None = None
    zoom: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.weight < float("inf"):
            raise DataError(
                f"{self.source.name}: its weight is {self.weight}; it must not be negative"
            )
        if self.paste is not None and not 0 <= self.paste <= 1:
            raise DataError(f"{self.source.name}: paste is {self.paste}; it is a probability, 0..1")
        if not 0 < self.zoom < float("inf"):
            raise DataError(f"{self.source.name}: zoom is {self.zoom}; it must be positive")


@dataclass(frozen=True)
class Feeding:
    """How pictures become batches.

    size           px, the side of training views
    batch_size     training views in a batch, in each process
    epoch_size     training views in an epoch, over all processes; 0: as many as there are pictures
    workers        loading processes
    memory_mb      MB of decoded pictures to keep in RAM
    longest        px, to which larger training pictures are made smaller, before all else; 0: never
    validation_size  px, the side into which validation pictures are fitted; 0: each at its own size, one a batch
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
        for name, least in (
            ("size", 8),
            ("batch_size", 1),
            ("epoch_size", 0),
            ("workers", 0),
            ("seed", 0),
        ):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least {least}")
        for name in ("memory_mb", "longest", "validation_size"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must not be negative")


class Draw(NamedTuple):
    """One place in an epoch: picture `item` of source number `entry`."""

    epoch: int
    place: int
    entry: int
    item: int


def plan_epoch(
    sizes: Sequence[int], weights: Sequence[float], count: int, *, seed: int, epoch: int
) -> np.ndarray:
    """(count, 2) int64: source and picture at each place of an epoch.

    Each source has its exact share of `count` (largest remainders); its pictures come in a random order, none again
    before all of them have come.
    """
    rng = np.random.default_rng([seed, epoch, _PLAN])
    shares = np.asarray(weights, np.float64) * (np.asarray(sizes) > 0)
    if shares.sum() <= 0:
        raise DataError("no source with pictures has a weight above 0")
    exact = shares / shares.sum() * count
    quotas = np.floor(exact).astype(np.int64)
    # Which source gets a place left over is drawn, so that over the epochs each gets its share to the digit.
    left = count - int(quotas.sum())
    if left:
        rest = (exact - quotas).clip(0)
        quotas += _systematic(rest / rest.sum() * left, rng)
    parts = []
    for entry, (quota, size) in enumerate(zip(quotas, sizes, strict=True)):
        passes = -(-int(quota) // size) if quota else 0
        items = np.concatenate(
            [rng.permutation(size) for _ in range(passes)] or [np.zeros(0, np.int64)]
        )
        parts.append(np.stack([np.full(quota, entry, np.int64), items[:quota]], axis=1))
    return rng.permutation(np.concatenate(parts))


def _systematic(expected: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Whole numbers with these expectations (each < 1 or a little more) and the same sum: systematic sampling."""
    ends = np.floor(np.cumsum(expected) + rng.random() + 1e-9)
    return np.diff(ends, prepend=0.0).astype(np.int64)


class EpochSampler(DistributedSampler):
    """The places of an epoch that belong to this process, in order. Lightning calls `set_epoch`.

    A DistributedSampler by name, so that Lightning leaves it alone: it shares the places out itself.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        weights: Sequence[float],
        count: int,
        *,
        seed: int,
        rank: int,
        world: int,
    ) -> None:
        self.sizes, self.weights, self.count, self.seed = list(sizes), list(weights), count, seed
        self.rank, self.world, self.epoch = rank, world, 0
        self.skip = (
            0  # of this process's places in the next epoch: what a resumed run has already seen
        )

    def __len__(self) -> int:
        return self.count // self.world

    def __iter__(self) -> Iterator[Draw]:
        plan = plan_epoch(self.sizes, self.weights, self.count, seed=self.seed, epoch=self.epoch)
        first, self.skip = self.rank + self.skip * self.world, 0
        for place in range(first, len(self) * self.world, self.world):
            yield Draw(self.epoch, place, int(plan[place, 0]), int(plan[place, 1]))


class TrainingViews(Dataset[Sample]):
    """Augmented views, addressed by a Draw."""

    def __init__(
        self,
        mixture: Sequence[Mixed],
        size: int,
        how: AugmentationConfig,
        persons: PersonBank | None,
        *,
        seed: int,
        strict: bool = False,
    ) -> None:
        self._mixture, self._size, self._how, self._persons = list(mixture), size, how, persons
        self._seed, self._strict = seed, strict
        self._named: set[str] = set()

    def __getitem__(self, draw: Draw) -> Sample:
        mixed = self._mixture[draw.entry]
        entropy = (self._seed, draw.epoch, draw.place)
        sample = self._load(mixed.source, draw.item, np.random.default_rng([*entropy, _REDRAW]))
        view = augment(
            sample,
            self._size,
            self._how,
            Streams(entropy),
            persons=self._persons,
            paste=mixed.paste,
            zoom=mixed.zoom,
        )
        return Sample(f"{mixed.source.name}/{view.name}", view.image, view.target)

    def _load(self, source: Source, item: int, rng: np.random.Generator) -> Sample:
        """The item; if it cannot be read, another of its source. Raises DataError when strict, or when none can."""
        for _ in range(REDRAWS):
            try:
                return source.load(item)
            except DataError as error:
                if self._strict:
                    raise
                if str(error) not in self._named:
                    self._named.add(str(error))
                    log.warning("left out: %s", error)
            item = int(rng.integers(len(source)))
        raise DataError(
            f"{source.name}: {REDRAWS} pictures in a row cannot be used; check the source"
        )


class WholePictures(Dataset[Sample]):
    """The pictures of a source in order, at their own size or fitted into a square."""

    def __init__(self, source: Source, size: int = 0) -> None:
        self._source, self._size = source, size

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, i: int) -> Sample:
        sample = self._source.load(i)
        return letterbox(sample, self._size) if self._size else sample


def collate(samples: Sequence[Sample]) -> dict[str, Any]:
    """{"image": uint8 (B, 3, H, W), "target": uint8 (B, H, W), "name": list, "instances": list of int32 (H, W) or None}

    The images are channels-last in memory, as they were decoded: nothing is moved, and that is what networks run
    fastest on.
    """
    image = torch.from_numpy(np.stack([sample.image for sample in samples])).permute(0, 3, 1, 2)
    target = torch.from_numpy(np.stack([sample.target for sample in samples]))
    instances = [
        None if sample.instances is None else torch.from_numpy(sample.instances.astype(np.int32))
        for sample in samples
    ]
    return {
        "image": image,
        "target": target,
        "name": [sample.name for sample in samples],
        "instances": instances,
    }


class SegmentationDataModule(pl.LightningDataModule):
    """Mixed sources for training, whole pictures for validation.

    train         sources and their weights
    validation    a loader each, in this order; batches also hold instances
    persons       where pasted persons come from: sources whose masks tell persons apart. Needed if anything pastes
    check         open every file first, so that nothing fails after an hour
    strict        a picture that cannot be used is an error rather than left out
    progress      called with (done, total) during each source's check
    """

    def __init__(
        self,
        train: Sequence[Mixed],
        validation: Sequence[Source] = (),
        *,
        persons: Sequence[Source] = (),
        augmentation: AugmentationConfig | None = None,
        feeding: Feeding | None = None,
        check: bool = True,
        strict: bool = False,
        progress: Progress | None = None,
    ) -> None:
        super().__init__()
        self.mixture = list(train)
        self.validation = list(validation)
        self.persons = list(persons)
        self.augmentation = augmentation or AugmentationConfig()
        self.feeding = feeding or Feeding()
        self.check, self.strict, self.progress = check, strict, progress
        self._ready = False
        self.skip = 0  # training views of the first epoch, in each process, that a resumed run has already seen
        pastes = [m.source.name for m in self.mixture if m.weight and (m.paste or 0) > 0]
        if not self.persons and (pastes or self.augmentation.paste > 0):
            raise DataError("persons shall be pasted, but no source of persons is given")

    @property
    def validation_names(self) -> list[str]:
        """Of the validation loaders, in order."""
        return [source.name for source in self.validation]

    def setup(self, stage: str | None = None) -> None:
        """Check the files and fill the memory, once. Raises DataError."""
        if self._ready:
            return
        everything = [*(m.source for m in self.mixture), *self.validation, *self.persons]
        if self.check:
            for source in {id(source): source for source in everything}.values():
                for fault in source.check(progress=self.progress):
                    log.warning("left out: %s", fault)
        self._wrap_training_sources()
        self._ready = True

    def _wrap_training_sources(self) -> None:
        """Shrink and keep in memory: persons first, as each pasted one opens a picture; a source used twice, once."""
        sources = [*self.persons, *(m.source for m in self.mixture)]
        wrapped = {id(source): source for source in sources}
        if self.feeding.longest:
            wrapped = {key: Shrunk(source, self.feeding.longest) for key, source in wrapped.items()}
        if self.feeding.memory_mb:
            kept = keep_in_memory(list(wrapped.values()), self.feeding.memory_mb << 20)
            wrapped = dict(zip(wrapped, kept, strict=True))
        self.persons = [wrapped[id(source)] for source in self.persons]
        self.mixture = [replace(m, source=wrapped[id(m.source)]) for m in self.mixture]

    def train_dataloader(self) -> DataLoader:
        sizes = [len(m.source) for m in self.mixture]
        world, rank = (
            (self.trainer.world_size, self.trainer.global_rank)
            if self.trainer is not None
            else (1, 0)
        )
        sampler = EpochSampler(
            sizes,
            [m.weight for m in self.mixture],
            self.feeding.epoch_size or sum(sizes),
            seed=self.feeding.seed,
            rank=rank,
            world=world,
        )
        sampler.skip = self.skip
        views = TrainingViews(
            self.mixture,
            self.feeding.size,
            self.augmentation,
            PersonBank(self.persons) if self.persons else None,
            seed=self.feeding.seed,
            strict=self.strict,
        )
        return self._loader(views, self.feeding.batch_size, sampler=sampler, drop_last=True)

    def val_dataloader(self) -> list[DataLoader]:
        size = self.feeding.validation_size
        batch_size = self.feeding.batch_size if size else 1
        return [self._loader(WholePictures(source, size), batch_size) for source in self.validation]

    def _loader(self, pictures: Dataset[Sample], batch_size: int, **how: Any) -> DataLoader:
        workers = self.feeding.workers
        return DataLoader(
            pictures,
            batch_size=batch_size,
            num_workers=workers,
            persistent_workers=workers > 0,
            prefetch_factor=4 if workers else None,
            pin_memory=torch.cuda.is_available(),
            collate_fn=collate,
            worker_init_fn=_quiet_worker,
            # The base seed that workers get is drawn from this generator rather than from torch's global one, which
            # a loader would otherwise move on. Nothing here uses it.
            generator=torch.Generator().manual_seed(self.feeding.seed),
            **how,
        )


def _quiet_worker(_: int) -> None:
    """A worker is one thread: OpenCV's own would fight with the network's, and may hang after a fork."""
    cv2.setNumThreads(0)
