"""Measures the models of a run on the same images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from pii_seg.config import Folders
from pii_seg.data.sources import IGNORE, PERSON, Source, read_image
from pii_seg.errors import DataError
from pii_seg.evaluation.measure import ImageResult, evaluate_images, open_data
from pii_seg.evaluation.metrics import Totals
from pii_seg.inference.backends.torch_backend import eager_segmenter
from pii_seg.inference.parallel import worker_threads
from pii_seg.inference.settings import InferenceSettings
from pii_seg.inference.tiling import predict_logits
from pii_seg.models.checkpoint import Checkpoint, load_checkpoint
from pii_seg.selftrain.gate import HeldOut

Logits = Callable[[np.ndarray], np.ndarray]

ONE_SCALE = InferenceSettings()
"""All models are compared at one scale, whatever the scales at which a teacher labels."""


def open_tests(test: Folders, negatives: Folders) -> list[Source]:
    """Open labelled images and images without people. Raises DataError, InputError."""
    return open_data([Path(folder) for folder in test], [Path(folder) for folder in negatives])


def predictor(
    checkpoint: Checkpoint, device: str, settings: InferenceSettings = ONE_SCALE
) -> Logits:
    """Return a function from an image, uint8 (H, W, 3), to calibrated logits, float32 (H, W)."""
    segmenter = eager_segmenter(checkpoint, device)
    return lambda image: predict_logits(segmenter, image, settings) / checkpoint.temperature


def measured(
    path: Path,
    sources: Sequence[Source],
    device: str,
    *,
    threshold: float | None = None,
    settings: InferenceSettings = ONE_SCALE,
) -> Iterator[ImageResult]:
    """Measure a checkpoint on every image, in order, at its own threshold or the given one."""
    checkpoint = load_checkpoint(path)
    predict, at = predictor(checkpoint, device, settings), threshold or checkpoint.threshold
    with worker_threads(device) as workers:
        for source in sources:
            yield from evaluate_images(
                predict, source, threshold=at, boundary=False, faults=[], workers=workers
            )


def held_out_scores(checkpoint: Path, held_out: Sequence[Source], device: str) -> HeldOut:
    """Scores of a checkpoint on the held-out images. Raises DataError for an unreadable one."""
    return HeldOut.of(result.count for result in measured(checkpoint, held_out, device))


def totals_of(
    checkpoint: Path,
    sources: Sequence[Source],
    device: str,
    settings: InferenceSettings = ONE_SCALE,
) -> Totals:
    """Sum the counts of all images, at the threshold 0.5."""
    totals = Totals()
    for result in measured(
        checkpoint, sources, device, threshold=totals.threshold, settings=settings
    ):
        totals.add(result.count)
    return totals


def foreground_of(path: Path, photos: Sequence[Path], device: str) -> float:
    """Mean share of foreground that a checkpoint predicts in photos, 0..1; each photo counts alike.

    Raises:
        DataError: None of the photos can be read.
    """
    checkpoint = load_checkpoint(path)
    predict = predictor(checkpoint, device)
    bar = np.log(checkpoint.threshold / (1 - checkpoint.threshold))
    shares = []
    with worker_threads(device):
        for photo in photos:
            try:
                shares.append(float((predict(read_image(photo)) >= bar).mean()))
            except DataError:  # reported when the photos were labelled
                continue
    if not shares:
        raise DataError(f"none of {len(photos)} photos can be read")
    return float(np.mean(shares))


def true_foreground(sources: Sequence[Source]) -> float:
    """Share of labelled pixels that are person, 0..1, over all images together."""
    person = scored = 0
    for source in sources:
        for place in range(len(source)):
            target = source.load(place).target
            person += int((target == PERSON).sum())
            scored += int((target != IGNORE).sum())
    return person / max(1, scored)


def evenly_spaced(paths: Sequence[Path], most: int) -> list[Path]:
    """At most `most` of the paths, spread evenly."""
    count = min(most, len(paths))
    return [paths[i * len(paths) // count] for i in range(count)]
