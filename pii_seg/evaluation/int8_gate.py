"""Accepts an export in 8 bits if it finds as many person pixels as its checkpoint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pii_seg.data.sources import MaskOptions, Source
from pii_seg.errors import CheckpointError
from pii_seg.evaluation.counting import snap, threshold_index
from pii_seg.evaluation.measure import evaluate_images, open_data
from pii_seg.evaluation.metrics import Totals
from pii_seg.inference.backends import TORCH
from pii_seg.inference.loading import LoadedSegmenter, load_segmenter
from pii_seg.inference.parallel import worker_threads
from pii_seg.inference.settings import InferenceSettings
from pii_seg.inference.tiling import predict_logits

MOST_LOST = 0.003  # of the person pixels
MOST_FALSE = 0.003  # more of the background


@dataclass(frozen=True)
class GateResult:
    """Pixel recall and false area, each 0..1, of a checkpoint and of its export."""

    recall: tuple[float, float]
    false_area: tuple[float, float]

    @property
    def passed(self) -> bool:
        lost = self.recall[0] - self.recall[1]
        more = self.false_area[1] - self.false_area[0]
        return lost <= MOST_LOST and more <= MOST_FALSE

    def __str__(self) -> str:
        recall, false = self.recall, self.false_area
        return (
            f"pixel recall {recall[0]:.2%} -> {recall[1]:.2%}, "
            f"false area {false[0]:.3%} -> {false[1]:.3%}"
        )


def compare_on(
    checkpoint: Path,
    export: Path,
    data: Sequence[Path],
    *,
    masks: MaskOptions | None = None,
) -> GateResult:
    """Measure a checkpoint in torch and its export, at the checkpoint's threshold.

    Args:
        checkpoint: RUN/best.ckpt of a training.
        export: The folder of its export.
        data: Folders of images with masks.
        masks: How masks are read.

    Raises:
        DataError: The data cannot be used, or show no person.
    """
    sources = open_data(data, [], masks=masks)
    eager = load_segmenter(checkpoint, backend=TORCH, bound=False)
    small = load_segmenter(export, bound=False)
    at = snap(eager.threshold)
    before, after = (counts_of(model, sources, at) for model in (eager, small))
    return GateResult(
        (recall_of(before), recall_of(after)), (false_area_of(before), false_area_of(after))
    )


def require_passed(result: GateResult) -> None:
    """Raise CheckpointError when an export loses more than is accepted."""
    if not result.passed:
        raise CheckpointError(
            f"--int8: 8 bits change too much: {result}; accepted are {MOST_LOST:.1%} less recall "
            f"and {MOST_FALSE:.1%} more false area. Nothing was written: give --int8 more images "
            "like yours, or export in float32"
        )


def counts_of(model: LoadedSegmenter, sources: Sequence[Source], threshold: float) -> Totals:
    """Count the images of all sources."""
    totals, settings = Totals(threshold), InferenceSettings()

    def predict(image: np.ndarray) -> np.ndarray:
        return predict_logits(model.segmenter, image, settings) / model.temperature

    with worker_threads("cpu") as workers:
        for source in sources:
            for result in evaluate_images(
                predict, source, threshold=threshold, boundary=False, faults=[], workers=workers
            ):
                totals.add(result.count)
    return totals


def recall_of(totals: Totals) -> float:
    """Share of person pixels that are found; nan without a person."""
    at = threshold_index(totals.threshold)
    whole = int(totals.person.sum())
    return int(totals.person[at:].sum()) / whole if whole else math.nan


def false_area_of(totals: Totals) -> float:
    """Share of background that is taken for a person; 0 without any."""
    at = threshold_index(totals.threshold)
    return int(totals.background[at:].sum()) / max(1, int(totals.background.sum()))
