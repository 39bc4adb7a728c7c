"""The data of a training, from the folders of a DataConfig: open, check, hold out, weight."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from blender_addon.dataset import iter_lines
from pii_seg.config import DATA_ROLES, AugmentationConfig, DataConfig, Folders
from pii_seg.data.datamodule import LoaderConfig, SegmentationDataModule, WeightedSource
from pii_seg.data.pixel_weights import PixelWeights
from pii_seg.data.reliability import most_reliable
from pii_seg.data.sources import (
    Fault,
    MaskOptions,
    PersonFree,
    Sample,
    Source,
    notes_of,
    open_sources,
)
from pii_seg.data.sources.base import Progress
from pii_seg.data.sources.dataset_contract import open_contract
from pii_seg.errors import DataError

_HELD_OUT = 0x4E1D  # separates the random stream of holding out from all others


class Subset(Source):
    """Some images of another source, by number."""

    def __init__(self, whole: Source, items: Sequence[int]) -> None:
        self._whole, self._items = whole, [int(item) for item in items]
        self.name, self.photo_only, self.faults = whole.name, whole.photo_only, whole.faults

    def __len__(self) -> int:
        return len(self._items)

    def load(self, i: int) -> Sample:
        return self._whole.load(self._items[i])

    def heads(self, i: int, image: np.ndarray) -> np.ndarray | None:
        return self._whole.heads(self._items[i], image)

    def check(self, *, workers: int = 4, progress: Progress | None = None) -> list[Fault]:
        """Do nothing: the whole was checked before; checking it again would shift its numbers."""
        return []


@dataclass(frozen=True)
class DataSources:
    """The sources of a DataConfig, checked, one field per role.

    Attributes:
        held_out: Whether validation was split off the training data.
        faults: Images that were left out.
        notes: How the masks of each source are read, and what is unusual about them.
    """

    synthetic: tuple[Source, ...]
    labelled: tuple[Source, ...]
    validation: tuple[Source, ...]
    negatives: tuple[Source, ...]
    backgrounds: tuple[Source, ...]
    distractors: tuple[Source, ...]
    pseudo: tuple[Source, ...]
    repainted: tuple[Source, ...]
    held_out: bool
    faults: tuple[Fault, ...]
    notes: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """Return the number of images of each role."""
        return {role: sum(map(len, getattr(self, role))) for role in DATA_ROLES}


def open_data(config: DataConfig, *, seed: int, progress: Progress | None = None) -> DataSources:
    """Open and check all data before a training begins.

    Args:
        config: The folders and how much of each to use.
        seed: Seed of the split, if validation is held out.
        progress: Called with (done, total) during the check of each source.

    Raises:
        DataError: Data is missing or cannot be used; the message names it.
    """
    if not (config.synthetic or config.labelled):
        raise DataError("no training data: give --synthetic, --labelled, or both")
    faults: list[Fault] = []
    notes: list[str] = []
    masks = MaskOptions(config.mask_code, tuple(config.person_class))

    def checked(sources: Iterable[Source]) -> tuple[Source, ...]:
        found = tuple(sources)
        for source in found:
            source.check(progress=progress)
            faults.extend(source.faults)
            notes.extend(notes_of(source))
        return found

    def opened(folders: Folders, *, needs_masks: bool = True) -> tuple[Source, ...]:
        found: list[Source] = []
        for folder in folders:
            for source in open_sources(Path(folder), strict=config.strict, masks=masks):
                if needs_masks and source.photo_only:
                    raise DataError(f"{folder}: photos without masks; masks are needed here")
                found.append(source)
        return checked(found)

    synthetic, labelled = opened(config.synthetic), opened(config.labelled)
    validation = opened(config.validation)
    negatives, backgrounds = (
        tuple(PersonFree(source) for source in opened(folders, needs_masks=False))
        for folders in (config.negatives, config.backgrounds)
    )
    distractors = opened(config.distractors)
    pseudo = checked(reliable_subset(Path(folder), config) for folder in config.pseudo)
    repainted = opened(config.repainted)
    held_out = not validation
    if held_out:
        training, validation = zip(
            *(split(source, config.held_out, seed) for source in labelled or synthetic),
            strict=True,
        )
        synthetic, labelled = (synthetic, training) if labelled else (training, ())
    limits = _share_limit(validation, config.validation_limit)
    return DataSources(
        synthetic=synthetic,
        labelled=labelled,
        validation=tuple(map(thin, validation, limits)),
        negatives=negatives,
        backgrounds=backgrounds,
        distractors=distractors,
        pseudo=pseudo,
        repainted=repainted,
        held_out=held_out,
        faults=tuple(faults),
        notes=tuple(notes),
    )


def reliable_subset(folder: Path, config: DataConfig) -> Source:
    """Open the `pseudo_share` of a pseudo-labelled dataset whose labels are most reliable.

    Raises:
        DataError: The dataset cannot be used, or its lines hold no reliability.
    """
    if config.pseudo_share == 1:
        return open_contract(folder, strict=config.strict)
    try:
        only = set(most_reliable(iter_lines(folder), config.pseudo_share))
    except (KeyError, ValueError) as error:
        raise DataError(
            f"{folder}: no reliability can be read ({error}); use --data.pseudo_share 1"
        ) from None
    return open_contract(folder, strict=config.strict, only=only)


def split(source: Source, share: float, seed: int) -> tuple[Subset, Subset]:
    """Split a source at random into the rest and `share` of its images.

    Raises:
        DataError: The source has fewer than two images.
    """
    if len(source) < 2:
        raise DataError(
            f"{source.name}: one image cannot be used to train and to validate; give more, or "
            "--validation"
        )
    order = np.random.default_rng([seed, _HELD_OUT]).permutation(len(source))
    count = min(len(source) - 1, max(1, round(share * len(source))))
    return Subset(source, sorted(order[count:])), Subset(source, sorted(order[:count]))


def thin(source: Source, count: int) -> Source:
    """Return at most `count` images, evenly spread over the source."""
    if len(source) <= count:
        return source
    return Subset(source, [math.floor(i * len(source) / count) for i in range(count)])


def _share_limit(sources: Sequence[Source], limit: int) -> list[int]:
    """Divide `limit` images among the sources by their sizes, at least one each."""
    total = sum(map(len, sources))
    return [max(1, round(limit * len(source) / total)) for source in sources]


def assemble(
    sources: DataSources,
    config: DataConfig,
    augmentation: AugmentationConfig,
    *,
    epoch_size: int,
    seed: int,
    workers: int,
    memory_mb: int,
    weights: PixelWeights | None = None,
) -> SegmentationDataModule:
    """Mix the sources by the weights of `config`.

    Within a role each source has a share in proportion to its size.

    Raises:
        DataError: People are to be pasted, but no source has any.
    """
    empty, onto = sources.negatives, sources.backgrounds
    mixture = [
        *_weighted(sources.synthetic, config.synthetic_weight),
        *_weighted(sources.labelled, config.labelled_weight),
        *_weighted(empty, config.negatives_weight, paste=0.0, distractors=True),
        *_weighted(onto, config.backgrounds_weight, paste=config.paste, distractors=True),
        *_weighted(sources.pseudo, config.pseudo_weight),
        *_weighted(sources.repainted, config.repainted_weight * _repainted_share(sources)),
    ]
    pastes = augmentation.paste > 0 or any(entry.weight and entry.paste for entry in mixture)
    return SegmentationDataModule(
        mixture,
        sources.validation,
        persons=(sources.synthetic or sources.labelled) if pastes else (),
        distractors=sources.distractors,
        augmentation=augmentation,
        weights=weights,
        loading=LoaderConfig(
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


def _repainted_share(sources: DataSources) -> float:
    """Return repainted ÷ pseudo-labelled photos, at most 1.

    Without it, 23 repainted photos once filled an eighth of the views.
    """
    counts = sources.counts()
    return min(1.0, counts["repainted"] / counts["pseudo"]) if counts["pseudo"] else 1.0


def _weighted(sources: Sequence[Source], weight: float, **pasted: Any) -> list[WeightedSource]:
    total = sum(map(len, sources))
    return [WeightedSource(source, weight * len(source) / total, **pasted) for source in sources]
