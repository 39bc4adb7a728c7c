"""Models of a run, measured on the same pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from pii_seg.config import Folders
from pii_seg.data.sources import IGNORE, PERSON, Source, read_image
from pii_seg.errors import DataError
from pii_seg.evaluation.measure import ImageResult, evaluate_images, open_data
from pii_seg.evaluation.metrics import Totals
from pii_seg.inference.parallel import worker_threads
from pii_seg.inference.tiling import InferenceSettings, predict_logits
from pii_seg.models.checkpoint import Checkpoint, load_checkpoint
from pii_seg.selftrain.gate import HeldOut

Logits = Callable[[np.ndarray], np.ndarray]

LOOK = InferenceSettings()
"""All models are compared by one whole look, however a teacher looks when it labels."""


def open_tests(test: Folders, negatives: Folders) -> list[Source]:
    """Raises DataError, InputError."""
    return open_data([Path(folder) for folder in test], [Path(folder) for folder in negatives])


def predictor(kept: Checkpoint, device: str) -> Logits:
    """Calibrated logits, float32 (H, W), of a picture, uint8 (H, W, 3)."""
    segmenter = kept.segmenter(device)
    return lambda image: predict_logits(segmenter, image, LOOK, device=device) / kept.temperature


def measured(
    checkpoint: Path, sources: Sequence[Source], device: str, *, threshold: float | None = None
) -> Iterator[ImageResult]:
    """Every picture of `sources`, in order, at the checkpoint's threshold or this one."""
    kept = load_checkpoint(checkpoint)
    predict, at = predictor(kept, device), threshold or kept.threshold
    with worker_threads(device) as workers:
        for source in sources:
            yield from evaluate_images(
                predict, source, threshold=at, boundary=False, faults=[], workers=workers
            )


def held_out_scores(checkpoint: Path, held_out: Sequence[Source], device: str) -> HeldOut:
    """Raises DataError."""
    return HeldOut.of(gathered.count for gathered in measured(checkpoint, held_out, device))


def totals_of(checkpoint: Path, sources: Sequence[Source], device: str) -> Totals:
    """The sums of all `sources`, at the threshold .5."""
    totals = Totals()
    for gathered in measured(checkpoint, sources, device, threshold=totals.threshold):
        totals.add(gathered.count)
    return totals


def foreground_of(checkpoint: Path, photographs: Sequence[Path], device: str) -> float:
    """Share of the photographs' pixels that are taken for persons, 0..1; each counts alike. Raises DataError."""
    kept = load_checkpoint(checkpoint)
    predict = predictor(kept, device)
    bar = np.log(kept.threshold / (1 - kept.threshold))
    shares = []
    with worker_threads(device):
        for path in photographs:
            try:
                shares.append(float((predict(read_image(path)) >= bar).mean()))
            except DataError:  # named when the photographs were labelled
                continue
    if not shares:
        raise DataError(f"none of {len(photographs)} photographs can be read")
    return float(np.mean(shares))


def true_foreground(sources: Sequence[Source]) -> float:
    """Share of the scored pixels that are persons', over all pictures."""
    person = scored = 0
    for source in sources:
        for place in range(len(source)):
            target = source.load(place).target
            person += int((target == PERSON).sum())
            scored += int((target != IGNORE).sum())
    return person / max(1, scored)
