"""The segmenter as a Python object: load it once, predict images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pii_seg.data.decoding import frame_of
from pii_seg.data.image_io import read_image
from pii_seg.errors import DataError, InputError, MediaError
from pii_seg.inference.cores import usable_cores
from pii_seg.inference.loading import LoadedSegmenter, load_segmenter
from pii_seg.inference.recommended import settings_for
from pii_seg.inference.settings import InferenceSettings
from pii_seg.inference.tiling import predict_probability


@dataclass(frozen=True)
class Prediction:
    """The persons in one image.

    Attributes:
        mask: bool (H, W), true where the probability reaches the threshold.
        probability: float32 (H, W), calibrated probability of a person, 0..1.
    """

    mask: np.ndarray
    probability: np.ndarray


class PersonSegmenter:
    """Finds persons in images.

        segmenter = PersonSegmenter.load("small")        # a bundled one; or "run/best.ckpt"
        mask = segmenter.predict("street.jpg").mask      # bool (H, W)

    `predict` may be called from several threads.
    """

    def __init__(
        self,
        loaded: LoadedSegmenter,
        path: Path,
        *,
        settings: InferenceSettings | None = None,
        threshold: float | None = None,
    ) -> None:
        """Create a segmenter of one that is loaded; `load` does both.

        Args:
            loaded: The segmenter in a back end.
            path: The checkpoint or export that it was loaded from.
            settings: Size, tiles and scales; `InferenceSettings()` by default.
            threshold: Probability, 0..1, from which a pixel counts as person; by default the
                checkpoint's own.

        Raises:
            InputError: The threshold is out of range.
        """
        threshold = loaded.threshold if threshold is None else threshold
        if not 0 < threshold < 1:
            raise InputError(f"threshold {threshold}: expected a number between 0 and 1")
        self.loaded = loaded
        self.path = path
        self.settings = settings or InferenceSettings()
        self.threshold = threshold

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        device: str = "cpu",
        settings: InferenceSettings | None = None,
        threshold: float | None = None,
        backend: str | None = None,
        threads: int | None = None,
    ) -> PersonSegmenter:
        """Load a trained segmenter.

        Args:
            path: A bundled segmenter by its name, "small"; RUN/best.ckpt of a training; a folder
                that `save_pretrained` wrote, or one of `pii-seg export-model`.
            device: "cpu", "cuda", "mps", …
            settings: Size, tiles and scales; by default the segmenter's own, otherwise
                `InferenceSettings()`.
            threshold: Probability, 0..1, from which a pixel counts as person; by default the
                checkpoint's own.
            backend: The program that computes: "torch", "openvino", "onnxruntime", or "auto", the
                fastest that is installed; by default the environment variable PII_SEG_BACKEND, or
                "auto".
            threads: Number of threads that work on one image; by default all usable cores. With 1,
                several threads may predict as many images at the same time.

        Raises:
            CheckpointError: The checkpoint cannot be used.
            CalibrationError: It is calibrated for another back end.
            InputError: The threshold is out of range, or the back end is not installed.
        """
        loaded = load_segmenter(
            path, backend=backend, device=device, threads=threads or usable_cores()
        )
        return cls(loaded, Path(path), settings=settings or settings_for(path), threshold=threshold)

    from_pretrained = load

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the segmenter as a folder to share: config.json, model.safetensors, a model card.

        Args:
            folder: It is created if needed; a segmenter that is there is replaced.

        Raises:
            CheckpointError: The folder holds something else, or this is an export, which holds no
                weights that could be trained.
        """
        from pii_seg.models.checkpoint import load_checkpoint, save_pretrained  # imports torch

        save_pretrained(Path(folder), load_checkpoint(self.path))

    def predict(self, image: np.ndarray | Image.Image | str | Path) -> Prediction:
        """Find the persons in one image.

        Args:
            image: uint8 (H, W, 3) RGB, a PIL image, or the path of an image file. The EXIF rotation
                of the latter two is applied.

        Returns:
            The mask and the probability, of the image's own size.

        Raises:
            DataError: The file or the PIL image cannot be read.
            ValueError: The array has another shape or type.
        """
        probability = predict_probability(
            self.loaded.segmenter,
            _pixels(image),
            self.settings,
            temperature=self.loaded.temperature,
        )
        return Prediction(probability >= self.threshold, probability)


def _pixels(image: np.ndarray | Image.Image | str | Path) -> np.ndarray:
    if isinstance(image, np.ndarray):
        return np.ascontiguousarray(image)
    if isinstance(image, Image.Image):
        try:
            return frame_of(image).to_rgb8()
        except MediaError as error:
            raise DataError(f"the image {error}") from None
    return read_image(Path(image))
