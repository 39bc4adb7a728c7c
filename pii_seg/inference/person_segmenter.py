"""The segmenter as a Python object: load it once, predict images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pii_seg.data.decoding import frame_of
from pii_seg.data.image_io import read_image
from pii_seg.errors import DataError, InputError, MediaError
from pii_seg.inference.backends.torch_backend import eager_segmenter
from pii_seg.inference.settings import InferenceSettings
from pii_seg.inference.tiling import predict_probability
from pii_seg.models.checkpoint import Checkpoint, load_checkpoint, save_pretrained


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

        segmenter = PersonSegmenter.load("run/best.ckpt")
        mask = segmenter.predict("street.jpg").mask      # bool (H, W)

    `predict` may be called from several threads.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        device: str = "cpu",
        settings: InferenceSettings | None = None,
        threshold: float | None = None,
    ) -> None:
        """Create a segmenter from a checkpoint in memory; `load` reads one from disk.

        Args:
            checkpoint: The trained weights.
            device: "cpu", "cuda", "mps", …
            settings: Size, tiles and scales; `InferenceSettings()` by default.
            threshold: Probability, 0..1, from which a pixel counts as person; by default the
                checkpoint's own.

        Raises:
            InputError: The threshold is out of range.
        """
        threshold = checkpoint.threshold if threshold is None else threshold
        if not 0 < threshold < 1:
            raise InputError(f"threshold {threshold}: expected a number between 0 and 1")
        self.checkpoint = checkpoint
        self.device = device
        self.settings = settings or InferenceSettings()
        self.threshold = threshold
        self._segmenter = eager_segmenter(checkpoint, device)

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        device: str = "cpu",
        settings: InferenceSettings | None = None,
        threshold: float | None = None,
    ) -> PersonSegmenter:
        """Load a trained segmenter.

        Args:
            path: RUN/best.ckpt of a training, or a folder that `save_pretrained` wrote.
            device: "cpu", "cuda", "mps", …
            settings: Size, tiles and scales; `InferenceSettings()` by default.
            threshold: Probability, 0..1, from which a pixel counts as person; by default the
                checkpoint's own.

        Raises:
            CheckpointError: The checkpoint cannot be used.
            InputError: The threshold is out of range.
        """
        checkpoint = load_checkpoint(Path(path))
        return cls(checkpoint, device=device, settings=settings, threshold=threshold)

    from_pretrained = load

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the segmenter as a folder to share: config.json, model.safetensors, a model card.

        Args:
            folder: It is created if needed; a segmenter that is there is replaced.

        Raises:
            CheckpointError: The folder holds something else.
        """
        save_pretrained(Path(folder), self.checkpoint)

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
            self._segmenter,
            _pixels(image),
            self.settings,
            temperature=self.checkpoint.temperature,
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
