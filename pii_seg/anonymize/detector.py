"""Find persons with a trained checkpoint, at the threshold that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pii_seg.errors import InputError
from pii_seg.evaluation.conformal import read_promise
from pii_seg.inference.loading import load_segmenter
from pii_seg.inference.settings import InferenceSettings
from pii_seg.inference.tiling import Segmenter, predict_probability
from pii_seg.inference.together import predict_together

ACCELERATOR_BATCH = 4
"""Frames that a GPU searches together. On a CPU batches are slower (measured: 1.4 and 1.7 times, of
four frames of 512 × 288 px and the networks tiny and small): they do not fit into its caches."""


class Detector:
    """A segmenter with a threshold, and the recall that is promised for it.

    Attributes:
        threshold: Probability from which on a pixel is person.
        promise: The statement about the recall; None if no recall was asked for.
        chosen_by: Where the threshold comes from, for the audit.
        sha256: Hash of the checkpoint file, hex.
        engine: Back end, precision and preprocessing that compute the probabilities.
        batch: Number of images that are searched together fastest.
    """

    def __init__(
        self,
        path: Path,
        inference: InferenceSettings,
        *,
        recall: float | None = None,
        threshold: float | None = None,
        device: str = "cpu",
        backend: str | None = None,
        threads: int = 1,
    ) -> None:
        """Load a checkpoint.

        Args:
            path: A checkpoint of a training, such as RUN/best.ckpt, or a folder of `pii-seg
                export-model`.
            inference: How images are presented to the segmenter.
            recall: Promise that at most 1 - recall of the person pixels are missed; the threshold
                follows from the calibration in the checkpoint (`evaluation.conformal`).
            threshold: Probability from which on a pixel is person; the checkpoint's own by default.
            device: "cpu", "cuda", "cuda:1", "mps", …
            backend: The program that computes; see `inference.loading.load_segmenter`.
            threads: Number of threads that work on one image.

        Raises:
            CheckpointError: `path` is no checkpoint.
            CalibrationError: The checkpoint cannot promise this recall.
            InputError: A value is out of range, or both recall and threshold are given.
        """
        if recall is not None and threshold is not None:
            raise InputError(
                "recall and threshold exclude each other: a recall chooses the threshold; give one"
            )
        if threshold is not None and not 0 < threshold < 1:
            raise InputError(f"threshold {threshold}: must be between 0 and 1")
        checkpoint = load_segmenter(path, backend=backend, device=device, threads=threads)
        self.sha256, self.engine = checkpoint.sha256, checkpoint.engine
        self.promise: str | None = None
        if recall is not None:
            promise = read_promise(checkpoint.calibration)
            promise.require_inference(asdict(inference))
            threshold = promise.threshold(recall, checkpoint.promise_temperature)
            self.promise = promise.statement(recall)
            self.chosen_by = f"a promised recall of {recall:g}"
        else:
            self.chosen_by = "the checkpoint" if threshold is None else "hand"
        self.threshold = checkpoint.threshold if threshold is None else threshold
        self._temperature, self._inference = checkpoint.temperature, inference
        self.batch = 1 if device == "cpu" else ACCELERATOR_BATCH
        self._segmenter = checkpoint.segmenter

    def probability(self, image: np.ndarray) -> np.ndarray:
        """Predict the calibrated probability of a person, float32 (H, W), for uint8 (H, W, 3)."""
        return predict_probability(
            self._segmenter, image, self._inference, temperature=self._temperature
        )

    def probabilities(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Predict as `probability` does, for images of one size, in batches of their tiles."""

        def predict(segmenter: Segmenter, image: np.ndarray) -> np.ndarray:
            return predict_probability(
                segmenter, image, self._inference, temperature=self._temperature
            )

        return predict_together(self._segmenter, predict, images)

    def as_record(self, *, excluded: bool) -> dict[str, Any]:
        """Describe the detector as audit.json holds it.

        Args:
            excluded: The user excludes regions, which no promise covers.
        """
        promise = self.promise
        if promise is not None and excluded:
            promise += " Regions that were excluded by hand are not covered."
        return {
            "sha256": self.sha256,
            "engine": dict(self.engine),
            "threshold": self.threshold,
            "threshold_from": self.chosen_by,
            "promise": promise,
            "inference": asdict(self._inference),
        }
