"""From the folders a user names to the data of a training: opened, checked, held out, weighted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blender_addon.dataset import iter_lines
from pii_seg.config import DATA_ROLES, AugmentationConfig, DataConfig, Folders
from pii_seg.data.datamodule import Feeding, Mixed, SegmentationDataModule
from pii_seg.data.sources import Fault, PersonFree, Sample, Source, open_sources
from pii_seg.data.sources.base import Progress
from pii_seg.data.sources.dataset_contract import open_contract
from pii_seg.errors import DataError
from pii_seg.selftrain.pseudo_labels import most_reliable

_HELD_OUT = 0x4E1D  # keeps the draw of what is held out apart from all others


class Part(Source):
    """Some pictures of another source, by number."""

    def __init__(self, whole: Source, items: Sequence[int]) -> None:
        self._whole, self._items = whole, [int(item) for item in items]
        self.name, self.photo_only, self.faults = whole.name, whole.photo_only, whole.faults

    def __len__(self) -> int:
        return len(self._items)

    def load(self, i: int) -> Sample:
        return self._whole.load(self._items[i])

    def check(self, *, workers: int = 4, progress: Progress | None = None) -> list[Fault]:
        """The whole was checked before it was divided; checking it again would shift its numbers."""
        return []


@dataclass(frozen=True)
class Opened:
    """The sources of a DataConfig, checked. `held_out` says that validation was split off the training data."""

    synthetic: tuple[Source, ...]
    labelled: tuple[Source, ...]
    validation: tuple[Source, ...]
    negatives: tuple[Source, ...]
    backgrounds: tuple[Source, ...]
    pseudo: tuple[Source, ...]
    repainted: tuple[Source, ...]
    held_out: bool
    faults: tuple[Fault, ...]

    def counts(self) -> dict[str, int]:
        """Pictures by kind."""
        return {role: sum(map(len, getattr(self, role))) for role in DATA_ROLES}


def open_data(config: DataConfig, *, seed: int, progress: Progress | None = None) -> Opened:
    """Open and check everything, before an hour is spent. Raises DataError that names what is wrong."""
    if not (config.synthetic or config.labelled):
        raise DataError("nothing to learn from: give --synthetic, --labelled, or both")
    faults: list[Fault] = []

    def checked(sources: Iterable[Source]) -> tuple[Source, ...]:
        found = tuple(sources)
        for source in found:
            source.check(progress=progress)
            faults.extend(source.faults)
        return found

    def opened(folders: Folders, *, needs_masks: bool) -> tuple[Source, ...]:
        found: list[Source] = []
        for folder in folders:
            for source in open_sources(Path(folder), strict=config.strict):
                if needs_masks and source.photo_only:
                    raise DataError(f"{folder}: photographs without masks; masks are needed here")
                found.append(source)
        return checked(found)

    synthetic = opened(config.synthetic, needs_masks=True)
    labelled = opened(config.labelled, needs_masks=True)
    validation = opened(config.validation, needs_masks=True)
    negatives = tuple(PersonFree(source) for source in opened(config.negatives, needs_masks=False))
    backgrounds = tuple(
        PersonFree(source) for source in opened(config.backgrounds, needs_masks=False)
    )
    pseudo = checked(reliable_part(Path(folder), config) for folder in config.pseudo)
    repainted = opened(config.repainted, needs_masks=True)
    held_out = not validation
    if held_out:
        source_of_truth = labelled or synthetic
        learnt, validation = zip(
            *(divided(source, config.held_out, seed) for source in source_of_truth), strict=True
        )
        synthetic, labelled = (synthetic, learnt) if labelled else (learnt, ())
    parts = tuple(
        thinned(source, count) for source, count in _shares(validation, config.validation_limit)
    )
    return Opened(
        synthetic,
        labelled,
        parts,
        negatives,
        backgrounds,
        pseudo,
        repainted,
        held_out,
        tuple(faults),
    )


def reliable_part(folder: Path, config: DataConfig) -> Source:
    """Pseudo-labels, of which `pseudo_share` is learnt from. Raises DataError."""
    if config.pseudo_share == 1:
        return open_contract(folder, strict=config.strict)
    try:
        only = set(most_reliable(iter_lines(folder), config.pseudo_share))
    except (KeyError, ValueError) as error:
        raise DataError(
            f"{folder}: no reliability can be read ({error}); use --data.pseudo_share 1"
        ) from None
    return open_contract(folder, strict=config.strict, only=only)


def divided(source: Source, share: float, seed: int) -> tuple[Part, Part]:
    """(the rest, `share` of the pictures), drawn by `seed`. Raises DataError when there are fewer than two."""
    if len(source) < 2:
        raise DataError(
            f"{source.name}: one picture cannot both teach and measure; give more, or --validation"
        )
    order = np.random.default_rng([seed, _HELD_OUT]).permutation(len(source))
    count = min(len(source) - 1, max(1, round(share * len(source))))
    return Part(source, sorted(order[count:])), Part(source, sorted(order[:count]))


def thinned(source: Source, count: int) -> Source:
    """At most `count` pictures, evenly spread over the source."""
    if len(source) <= count:
        return source
    return Part(source, [math.floor(i * len(source) / count) for i in range(count)])


def _shares(sources: Sequence[Source], limit: int) -> list[tuple[Source, int]]:
    """How many pictures of each source may be looked at, in proportion to their sizes and at least one."""
    total = sum(map(len, sources))
    return [(source, max(1, round(limit * len(source) / total))) for source in sources]


def assemble(
    opened: Opened,
    config: DataConfig,
    augmentation: AugmentationConfig,
    *,
    epoch_size: int,
    seed: int,
    workers: int,
    memory_mb: int,
) -> SegmentationDataModule:
    """The mixture: within a kind, each source has a share in proportion to its size. Raises DataError."""
    mixture = [
        *_weighted(opened.synthetic, config.synthetic_weight),
        *_weighted(opened.labelled, config.labelled_weight),
        *_weighted(opened.negatives, config.negatives_weight, paste=0.0),
        *_weighted(opened.backgrounds, config.backgrounds_weight, paste=config.paste),
        *_weighted(opened.pseudo, config.pseudo_weight),
        *_weighted(opened.repainted, config.repainted_weight * _share_repainted(opened)),
    ]
    pastes = augmentation.paste > 0 or any(mixed.weight and mixed.paste for mixed in mixture)
    return SegmentationDataModule(
        mixture,
        opened.validation,
        persons=(opened.synthetic or opened.labelled) if pastes else (),
        augmentation=augmentation,
        feeding=Feeding(
            size=config.size,
            batch_size=config.batch_size,
            epoch_size=epoch_size,
            workers=workers,
            memory_mb=memory_mb,
            seed=seed,
        ),
        check=False,
        strict=config.strict,
    )


def _share_repainted(opened: Opened) -> float:
    """Of the pseudo-labelled photographs, at most 1: 23 repainted ones once filled an eighth of the views."""
    counts = opened.counts()
    return min(1.0, counts["repainted"] / counts["pseudo"]) if counts["pseudo"] else 1.0


def _weighted(
    sources: Sequence[Source], weight: float, *, paste: float | None = None
) -> list[Mixed]:
    total = sum(map(len, sources))
    return [Mixed(source, weight * len(source) / total, paste) for source in sources]
