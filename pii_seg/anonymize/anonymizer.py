"""From a picture to the same picture without its persons.

    from pii_seg.anonymize import Anonymizer
    anonymizer = Anonymizer("RUN/best.ckpt", style="solid")
    safe = anonymizer.redact(image)              # a numpy array or a PIL image; the same comes back

Two steps, so that somebody may correct the mask between them:

    found = anonymizer.find(image)               # uint8 (H, W, 3) → Found, with the mask
    safe = anonymizer.replace(image, found.mask | brushed)
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image, ImageOps

from pii_seg.anonymize.redaction import STYLES, Painter, redact
from pii_seg.anonymize.regions import Person, Region, dilate, persons, with_regions
from pii_seg.evaluation.conformal import read_promise
from pii_seg.inference.settings import InferenceSettings
from pii_seg.inference.tiling import predict_probability
from pii_seg.models.checkpoint import checkpoint_sha256, load_checkpoint

ImageT = TypeVar("ImageT", np.ndarray, Image.Image)


@dataclass(frozen=True)
class Found:
    """Where the persons of a picture are.

    mask         bool (H, W): what is to be redacted, margin and regions included
    persons      each connected find
    probability  float32 (H, W), calibrated; None where no segmenter looked
    """

    mask: np.ndarray
    persons: tuple[Person, ...]
    probability: np.ndarray | None


class Anonymizer:
    """Finds persons with a checkpoint, or takes masks that it is given, and replaces them.

    checkpoint   of a training; None: only masks of one's own and `include` count
    style        one of STYLES, see `redaction`
    recall       promise that at most 1 − recall of the person pixels are missed, see `conformal`; else `threshold`
                 on the probability, else the checkpoint's own
    dilate       margin around each person, as a share of the person's size
    include      regions always redacted; exclude: never, whoever stands there
    inference    what the segmenter is shown
    paint        for synthesise, see `redaction.Painter`
    seed         of what styles invent; None: fresh at every start

    Safe to be called from several threads. Raises CheckpointError, CalibrationError, ValueError.
    """

    def __init__(
        self,
        checkpoint: Path | str | None,
        *,
        style: str = "solid",
        recall: float | None = None,
        threshold: float | None = None,
        dilate: float = 0.05,
        include: Sequence[Region] = (),
        exclude: Sequence[Region] = (),
        inference: InferenceSettings | None = None,
        device: str = "cpu",
        paint: Painter | None = None,
        seed: int | None = None,
    ) -> None:
        if style not in STYLES:
            raise ValueError(f"style {style!r} is not one of {', '.join(STYLES)}")
        if style == "synthesise" and paint is None:
            raise ValueError("style synthesise needs a painter")
        if not 0 <= dilate <= 1:
            raise ValueError(f"dilate {dilate}: is a share of a person's size, from 0 to 1")
        self.style, self.dilate, self.device, self.paint = style, dilate, device, paint
        self.include, self.exclude = tuple(include), tuple(exclude)
        self.inference = inference or InferenceSettings(tiles="auto")
        self.seed = secrets.randbits(64) if seed is None else seed
        self.detector = None
        if checkpoint is not None:
            self.detector = Detector(
                Path(checkpoint), self.inference, recall=recall, threshold=threshold, device=device
            )
        elif recall is not None or threshold is not None:
            raise ValueError("a recall or a threshold needs a checkpoint")

    @property
    def settings(self) -> dict[str, Any]:
        """What decides which pixels are replaced, and by what, as plain values."""
        return {
            "style": self.style,
            "dilate": self.dilate,
            "include": [region.corners for region in self.include],
            "exclude": [region.corners for region in self.exclude],
        }

    @property
    def model(self) -> dict[str, Any] | None:
        """What finds the persons, and what is promised of it; None without a checkpoint."""
        return None if self.detector is None else self.detector.plain(excluded=bool(self.exclude))

    def find(self, image: np.ndarray, own: np.ndarray | None = None) -> Found:
        """Where the persons of `image`, uint8 (H, W, 3), are; with those of `own`, bool (H, W)."""
        mask = np.zeros(image.shape[:2], bool) if own is None else own
        probability = None
        if self.detector is not None:
            probability = self.detector.probability(image)
            mask = mask | (probability >= self.detector.threshold)
        whole = with_regions(dilate(mask, self.dilate), self.include, self.exclude)
        return Found(whole, persons(mask, probability), probability)

    def replace(
        self,
        pixels: np.ndarray,
        mask: np.ndarray,
        alpha: np.ndarray | None = None,
        *,
        style: str | None = None,
        stream: int = 0,
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Copies of `pixels` (H, W, C), uint8 or uint16, and `alpha` (H, W), with everything under `mask` replaced.

        stream: another number, other noise; the same gives the same.
        """
        rng = np.random.default_rng([self.seed, stream])
        return redact(pixels, mask, style or self.style, alpha=alpha, paint=self.paint, rng=rng)

    def redact(self, image: ImageT) -> ImageT:
        """A copy of `image` without its persons: uint8 (H, W, 3), or a PIL image, which comes back upright, 8-bit RGB,
        without its metadata.
        """
        if isinstance(image, Image.Image):
            upright = ImageOps.exif_transpose(image).convert("RGB")
            return Image.fromarray(self.redact(np.asarray(upright)))
        return self.replace(image, self.find(image).mask)[0]


class Detector:
    """A checkpoint with the threshold to be used: kept apart from what is done with its finds.

    Raises CheckpointError; CalibrationError when a promise is wanted that the checkpoint cannot make.
    """

    def __init__(
        self,
        path: Path,
        inference: InferenceSettings,
        *,
        recall: float | None,
        threshold: float | None,
        device: str,
    ) -> None:
        if recall is not None and threshold is not None:
            raise ValueError(
                "a recall and a threshold exclude each other: the one is chosen for the other"
            )
        if threshold is not None and not 0 < threshold < 1:
            raise ValueError(f"the threshold must lie between 0 and 1, not at {threshold}")
        kept = load_checkpoint(path)
        self.sha256 = checkpoint_sha256(path)
        self.promise: str | None = None
        if recall is not None:
            promise = read_promise(kept.calibration)
            promise.require_inference(asdict(inference))
            threshold = promise.threshold(recall, kept.temperature)
            self.promise, self.chosen_by = (
                promise.statement(recall),
                f"a promised recall of {recall:g}",
            )
        else:
            self.chosen_by = "the checkpoint" if threshold is None else "hand"
        self.threshold = kept.threshold if threshold is None else threshold
        self._temperature, self._inference, self._device = kept.temperature, inference, device
        self._segmenter = kept.segmenter(device)

    def probability(self, image: np.ndarray) -> np.ndarray:
        """float32 (H, W), calibrated, of `image`, uint8 (H, W, 3)."""
        return predict_probability(
            self._segmenter,
            image,
            self._inference,
            temperature=self._temperature,
            device=self._device,
        )

    def plain(self, *, excluded: bool) -> dict[str, Any]:
        promise = self.promise
        if promise is not None and excluded:
            promise += " Regions that were excluded by hand are not covered."
        return {
            "sha256": self.sha256,
            "threshold": self.threshold,
            "threshold_from": self.chosen_by,
            "promise": promise,
            "inference": asdict(self._inference),
        }
