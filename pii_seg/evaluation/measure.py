"""Run a segmenter on data sources and add up its counts, several images at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pii_seg.data.sources import (
    MaskOptions,
    PersonFree,
    Sample,
    Source,
    notes_of,
    open_sources,
)
from pii_seg.errors import DataError, InputError
from pii_seg.evaluation.counting import ImageCount, count_image
from pii_seg.evaluation.examples import Examples
from pii_seg.evaluation.metrics import Scores, Totals
from pii_seg.inference.parallel import map_in_order
from pii_seg.inference.settings import InferenceSettings
from pii_seg.inference.tiling import forward_pixels

PredictLogits = Callable[[np.ndarray], np.ndarray]
"""From an image, uint8 (H, W, 3) RGB, to logits, float32 (H, W)."""


@dataclass(frozen=True)
class Evaluation:
    """The measurements on one data set.

    Attributes:
        name: Name of the data set.
        totals: The counts.
        examples: The worst cases.
        seconds: Wall-clock time, including reading and counting.
        pixels: Number of pixels of the images.
        forward_pixels: Number of pixels that passed through the segmenter.
        faults: A message for each image that could not be read.
        notes: How the masks were read, and what is unusual about them.
    """

    name: str
    totals: Totals
    examples: Examples
    seconds: float
    pixels: int
    forward_pixels: int
    faults: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def scores(self) -> Scores:
        return self.totals.scores()

    @property
    def pictures_per_second(self) -> float:
        return self.totals.pictures / self.seconds if self.seconds > 0 else math.nan


@dataclass(frozen=True)
class ImageResult:
    """One image of a data set, predicted and counted. `seconds`: time in the segmenter."""

    sample: Sample
    logits: np.ndarray
    count: ImageCount
    seconds: float


def require_masks(source: Source) -> None:
    """Raise DataError for a source without masks."""
    if source.photo_only:
        raise DataError(
            f"{source.name}: has no masks; give it as --negatives if its images show no person"
        )


def refuse_inside(option: str, output: Path, data: Sequence[Path | str]) -> None:
    """Raise InputError when an output would lie among the data that it is made from."""
    for path in map(Path, data):
        if output.resolve().is_relative_to(path.resolve()):
            raise InputError(f"{option} {output}: lies in the data {path}; choose another place")


def open_data(
    data: Sequence[Path | str],
    negatives: Sequence[Path | str],
    *,
    strict: bool = False,
    masks: MaskOptions | None = None,
) -> list[Source]:
    """Open data sets with masks, then images without persons.

    Args:
        data: Folders with masks, each one data set or several side by side.
        negatives: Folders of images without persons.
        strict: Raise for an image that cannot be used, rather than leaving it out.
        masks: How masks are read, and which classes are persons; by default that is recognised.

    Returns:
        The sources, in this order.

    Raises:
        InputError: Two sources have the same name.
        DataError: A folder cannot be opened, or has no masks.
    """
    sources = [
        source for path in data for source in open_sources(Path(path), strict=strict, masks=masks)
    ]
    for source in sources:
        require_masks(source)
    sources += [
        PersonFree(source)
        for path in negatives
        for source in open_sources(Path(path), strict=strict, masks=masks)
    ]
    names = [source.name for source in sources]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(
            f"two data sets are called {twice[0]!r}; rename a folder, so that their rows differ"
        )
    return sources


def evaluate_images(
    predict: PredictLogits,
    source: Source,
    *,
    threshold: float,
    boundary: bool,
    faults: list[str],
    workers: int,
) -> Iterator[ImageResult]:
    """Predict and count the images of `source`, in order.

    Args:
        predict: Called from `workers` threads.
        source: Images with masks.
        threshold: Probability at which the boundary IoU is counted.
        boundary: Count the boundary IoU.
        faults: Receives a message for each image that cannot be read.
        workers: Number of images to predict at the same time.

    Yields:
        One result per image that can be read.

    Raises:
        DataError: The source has no masks, or no image can be read.
    """
    require_masks(source)

    def evaluate_image(index: int) -> ImageResult:
        sample = source.load(index)
        start = time.perf_counter()
        logits = predict(sample.image)
        seconds = time.perf_counter() - start
        count = count_image(
            logits, sample.target, sample.instances, heads=source.heads(index, sample.image),
            threshold=threshold, boundary=boundary,
        )  # fmt: skip
        return ImageResult(sample, logits, count, seconds)

    evaluated = 0
    for _, future in map_in_order(evaluate_image, range(len(source)), workers=workers):
        try:
            yield future.result()
            evaluated += 1
        except DataError as error:
            faults.append(str(error))
    if not evaluated:
        raise DataError(f"{source.name}: no image could be read; the first: {faults[0]}")


def sum_counts(predict: PredictLogits, source: Source, *, workers: int = 1) -> Totals:
    """Add up the counts that a calibration needs, over one source."""
    totals = Totals()
    for result in evaluate_images(
        predict, source, threshold=0.5, boundary=False, faults=[], workers=workers
    ):
        totals.add(result.count)
    return totals


def evaluate_source(
    predict: PredictLogits,
    source: Source,
    settings: InferenceSettings,
    *,
    threshold: float = 0.5,
    examples: int = 12,
    workers: int = 1,
    on_result: Callable[[ImageResult], None] = lambda result: None,
) -> Evaluation:
    """Measure a segmenter on one source.

    Args:
        predict: From an image to calibrated logits; called from `workers` threads.
        source: Images with masks.
        settings: The settings that `predict` uses, for the cost.
        threshold: Probability, 0..1, from which a pixel counts as person.
        examples: The most worst cases of each kind to keep.
        workers: Number of images to predict at the same time.
        on_result: Called with each result, in order.

    Returns:
        The measurements; images that cannot be read are listed in `faults`.

    Raises:
        DataError: The source has no masks, or no image can be read.
    """
    totals, worst = Totals(threshold), Examples.keep(examples)
    pixels, forward, start = 0, 0, time.perf_counter()
    faults = [str(fault) for fault in source.faults]
    for result in evaluate_images(
        predict, source, threshold=totals.threshold, boundary=True, faults=faults, workers=workers
    ):
        totals.add(result.count)
        worst.offer(result.sample, result.logits, result.count, totals.threshold)
        height, width = result.sample.target.shape
        pixels += height * width
        forward += forward_pixels(height, width, settings)
        on_result(result)
    seconds = time.perf_counter() - start
    return Evaluation(
        source.name, totals, worst, seconds, pixels, forward, tuple(faults), notes_of(source)
    )
