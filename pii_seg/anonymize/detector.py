"""Find persons with a trained checkpoint, at the threshold that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pii_seg.anonymize.promises import Wanted, choose
from pii_seg.inference.loading import load_segmenter
from pii_seg.inference.settings import InferenceSettings
from pii_seg.inference.tiling import Segmenter, predict_probability
from pii_seg.inference.together import predict_together

ACCELERATOR_BATCH = 4
"""Frames that a GPU searches together. On a CPU batches are slower (measured: 1.4 and 1.7 times, of
four frames of 512 × 288 px and the networks tiny and small): they do not fit into its caches."""


class Detector:
    """A segmenter with a threshold, and what is promised for it.

    Attributes:
        threshold: Probability from which on a pixel is person.
        margin: The margin that keeps the promise, a fraction of a person's size; None if none was
            asked for.
        promise: The statements; None if no promise was asked for.
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
        wanted: Wanted | None = None,
        device: str = "cpu",
        backend: str | None = None,
        threads: int = 1,
    ) -> None:
        """Load a checkpoint.

        Args:
            path: A checkpoint of a training, such as RUN/best.ckpt, or a folder of `pii-seg
                export-model`.
            inference: How images are presented to the segmenter.
            wanted: The promises to keep, by the calibration in the checkpoint; by default none, at
                the checkpoint's own threshold.
            device: "cpu", "cuda", "cuda:1", "mps", …
            backend: The program that computes; see `inference.loading.load_segmenter`.
            threads: Number of threads that work on one image.

        Raises:
            CheckpointError: `path` is no checkpoint.
            CalibrationError: The checkpoint cannot promise this.
        """
        checkpoint = load_segmenter(path, backend=backend, device=device, threads=threads)
        self.sha256, self.engine = checkpoint.sha256, checkpoint.engine
        choice = choose(
            checkpoint.calibration,
            wanted or Wanted(),
            inference,
            threshold=checkpoint.threshold,
            temperature=checkpoint.promise_temperature,
        )
        self.threshold, self.margin = choice.threshold, choice.margin
        self.promise, self.chosen_by = choice.promise, choice.chosen_by
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
