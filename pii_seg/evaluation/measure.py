"""Measuring a segmenter on sources of pictures: several pictures at a time, one after the other into the sums."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pii_seg.command_line import ahead
from pii_seg.data.sources import PersonFree, Sample, Source, open_sources
from pii_seg.errors import DataError, InputError
from pii_seg.evaluation.examples import Examples
from pii_seg.evaluation.metrics import PictureCount, Scores, Totals, count_picture
from pii_seg.inference.tiling import InferenceSettings, forward_pixels

PredictLogits = Callable[[np.ndarray], np.ndarray]
"""From a photograph, uint8 (H, W, 3), to logits, float32 (H, W)."""


@dataclass(frozen=True)
class Evaluation:
    """What was measured on one data set. `seconds`: wall clock, reading and counting included."""

    name: str
    totals: Totals
    examples: Examples
    seconds: float
    pixels: int  # of the photographs
    forward_pixels: int  # that passed through the segmenter
    faults: tuple[str, ...]  # what could not be read, by name

    @property
    def scores(self) -> Scores:
        return self.totals.scores()

    @property
    def pictures_per_second(self) -> float:
        return self.totals.pictures / self.seconds if self.seconds > 0 else math.nan


@dataclass(frozen=True)
class Gathered:
    """One picture of a data set, measured."""

    sample: Sample
    logits: np.ndarray
    count: PictureCount
    seconds: float  # in the segmenter


def refuse_without_masks(source: Source) -> None:
    """Raises DataError where nothing says who is a person."""
    if source.photo_only:
        raise DataError(
            f"{source.name}: has no masks; give it as --negatives if its pictures show nobody"
        )


def open_data(
    data: Sequence[Path], negatives: Sequence[Path], *, strict: bool = False
) -> list[Source]:
    """All sources of the folders in `data` (one, or several below it), then the person-free ones of `negatives`.

    Raises InputError when two would have one name in the table, DataError for what cannot be opened.
    """
    sources = [source for path in data for source in open_sources(path, strict=strict)]
    for source in sources:
        refuse_without_masks(source)
    sources += [
        PersonFree(source) for path in negatives for source in open_sources(path, strict=strict)
    ]
    names = [source.name for source in sources]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(
            f"two data sets are called {twice[0]!r}; rename a folder, so that the table can tell"
        )
    return sources


def gather(
    predict: PredictLogits,
    source: Source,
    *,
    threshold: float,
    boundary: bool,
    faults: list[str],
    workers: int,
) -> Iterator[Gathered]:
    """Measure the pictures of `source`, in order, `workers` at a time. What cannot be read is added to `faults`.

    Raises DataError where nothing says who is a person, or when no picture could be read.
    """
    refuse_without_masks(source)

    def measure(index: int) -> Gathered:
        sample = source.load(index)
        start = time.perf_counter()
        logits = predict(sample.image)
        seconds = time.perf_counter() - start
        count = count_picture(
            logits, sample.target, sample.instances, threshold=threshold, boundary=boundary
        )
        return Gathered(sample, logits, count, seconds)

    measured = 0
    for _, gathered in ahead(measure, range(len(source)), workers=workers):
        try:
            yield gathered.result()
            measured += 1
        except DataError as error:
            faults.append(str(error))
    if not measured:
        raise DataError(f"{source.name}: no picture could be read; the first: {faults[0]}")


def gather_totals(predict: PredictLogits, source: Source, *, workers: int = 1) -> Totals:
    """The sums that calibration needs, over one source."""
    totals = Totals()
    for gathered in gather(
        predict, source, threshold=0.5, boundary=False, faults=[], workers=workers
    ):
        totals.add(gathered.count)
    return totals


def evaluate_source(
    predict: PredictLogits,
    source: Source,
    settings: InferenceSettings,
    *,
    threshold: float = 0.5,
    examples: int = 12,
    workers: int = 1,
    on_picture: Callable[[Gathered], None] = lambda gathered: None,
) -> Evaluation:
    """Measure `predict` on `source`, `workers` pictures at a time; `on_picture` sees each picture once, in order."""
    totals, worst = Totals(threshold), Examples.keep(examples)
    pixels, forward, start = 0, 0, time.perf_counter()
    faults = [str(fault) for fault in source.faults]
    for gathered in gather(
        predict, source, threshold=totals.threshold, boundary=True, faults=faults, workers=workers
    ):
        totals.add(gathered.count)
        worst.offer(gathered.sample, gathered.logits, gathered.count, totals.threshold)
        height, width = gathered.sample.target.shape
        pixels += height * width
        forward += forward_pixels(height, width, settings)
        on_picture(gathered)
    seconds = time.perf_counter() - start
    return Evaluation(source.name, totals, worst, seconds, pixels, forward, tuple(faults))
