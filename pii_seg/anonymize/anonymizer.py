"""Anonymise one image: find the persons, replace them.

    from pii_seg import Anonymizer
    anonymizer = Anonymizer.load("RUN/best.ckpt", style="solid")
    redacted = anonymizer.redact("street.jpg")       # a path, uint8 (H, W, 3), or a PIL image

In two steps, to correct the mask between them:

    found = anonymizer.find(image)                   # uint8 (H, W, 3) -> Detection
    redacted, _ = anonymizer.replace(image, found.mask | painted_by_hand)
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from pii_seg.anonymize.detection import Area, Detection
from pii_seg.anonymize.image_reader import decode_file
from pii_seg.anonymize.models import identify_generator, load_detector, load_painter
from pii_seg.anonymize.person_detector import BatchDetector, PersonDetector, probabilities_of
from pii_seg.anonymize.plugins import PluginDetector, load_plugins
from pii_seg.anonymize.promises import AUTO, Wanted
from pii_seg.anonymize.redaction import STYLES, Painter, redact
from pii_seg.anonymize.regions import Region
from pii_seg.anonymize.review import (
    ReviewSignals,
    away_from,
    first_pass_signals,
    second_pass_signals,
)
from pii_seg.data.decoding import frame_of
from pii_seg.data.frames import Frame
from pii_seg.data.shown import shown_range
from pii_seg.errors import InputError, MediaError
from pii_seg.inference.cores import usable_cores
from pii_seg.inference.recommended import settings_for
from pii_seg.inference.settings import InferenceSettings

DEFAULT_DILATE = 0.05
"""Margin around each person, as a fraction of the person's size."""


class Anonymizer:
    """Finds persons and replaces them. Methods may be called from several threads.

    Attributes:
        seed: Seed of what inpaint and synthesise invent.
        seed_is_fresh: Whether `seed` was drawn because none was given.
        generator: Hash of the painter's model, which decides outputs; None without one.
    """

    def __init__(
        self,
        detector: PersonDetector | None,
        *,
        style: str = "solid",
        dilate: float = DEFAULT_DILATE,
        include: Sequence[Region] = (),
        exclude: Sequence[Region] = (),
        complete_heads: bool = True,
        also: Sequence[PluginDetector] = (),
        paint: Painter | None = None,
        seed: int | None = None,
    ) -> None:
        """Combine a detector with a style; `load` does both from a checkpoint.

        Args:
            detector: Finds persons; None: only given masks and `include` are redacted.
            style: A key of `redaction.STYLES`.
            dilate: Margin around each person, as a fraction of the person's size, 0..1.
            include: Regions that are always redacted.
            exclude: Regions that are never redacted, even if they show a person.
            complete_heads: Redact the heads of bodies that are found without one, see `heads`.
            also: Further detectors, whose finds are redacted too.
            paint: Painter for the style synthesise.
            seed: Seed of what inpaint and synthesise invent; None: a fresh one.

        Raises:
            InputError: A value is out of range, or the painter is missing.
        """
        if style not in STYLES:
            raise InputError(f"style {style!r} is unknown; choose one of {', '.join(STYLES)}")
        if STYLES[style].needs_painter and paint is None:
            raise InputError(f"style {style} needs a painter; give one, or choose another style")
        if not 0 <= dilate <= 1:
            raise InputError(f"dilate {dilate}: must be a fraction of a person's size, 0 to 1")
        if seed is not None and seed < 0:
            raise InputError(f"seed {seed}: must be 0 or more")
        self.detector = detector
        self.style, self.dilate, self.paint = style, dilate, paint
        self.include, self.exclude = tuple(include), tuple(exclude)
        self.complete_heads, self.also = complete_heads, tuple(also)
        self.seed = secrets.randbits(64) if seed is None else seed
        self.seed_is_fresh = seed is None
        self.generator: str | None = None

    @classmethod
    def load(
        cls,
        checkpoint: Path | str | None,
        *,
        device: str = "cpu",
        style: str = "solid",
        recall: float | None = None,
        person_recall: float | None = None,
        uncovered: float | None = None,
        threshold: float | None = None,
        dilate: float | Literal["auto"] = DEFAULT_DILATE,
        include: Sequence[Region] = (),
        exclude: Sequence[Region] = (),
        complete_heads: bool = True,
        also: Sequence[str] | None = None,
        inference: InferenceSettings | None = None,
        generator: str | None = None,
        seed: int | None = None,
        backend: str | None = None,
        threads: int | None = None,
    ) -> Anonymizer:
        """Load an anonymizer as `python -m pii_seg.anonymize` does, with the same defaults.

        Args:
            checkpoint: A checkpoint of a training, such as RUN/best.ckpt; None: only given masks
                and `include` are redacted.
            device: Where the segmenter runs: "cpu", "cuda", "cuda:1", "mps", …
            style: A key of `redaction.STYLES`: solid, inpaint, synthesise, mosaic, blur.
            recall: Promise that at most 1 - recall of the person pixels are missed; needs a
                checkpoint that `python -m pii_seg.calibrate` has written.
            person_recall: Promise that on average over images at most 1 - person_recall of the
                persons of an image have more than `uncovered` of their pixels outside the mask;
                needs a checkpoint calibrated on images that tell persons apart.
            uncovered: See `person_recall`, 0..1; None: a tenth.
            threshold: Probability from which on a pixel is person; the checkpoint's own by default.
            dilate: Margin around each person, as a fraction of the person's size, 0..1; "auto": the
                smallest calibrated one that keeps the promise of `person_recall` at the threshold.
            include: Regions that are always redacted.
            exclude: Regions that are never redacted, even if they show a person.
            complete_heads: Redact the heads of bodies that are found without one, see `heads`.
            also: Names of further detectors, see `plugins.load_plugins`.
            inference: How images are presented to the segmenter; by default as it states itself,
                otherwise in as many tiles as keep an image's own resolution.
            generator: Model of the style synthesise, as `diffusion_synth.run` takes it; the bundled
                one by default.
            seed: Seed of what inpaint and synthesise invent; None: a fresh one.
            backend: The program that finds persons; see `inference.loading.load_segmenter`.
            threads: Number of threads that work on one image; by default all usable cores. With 1,
                several threads may find persons in as many images at the same time.

        Raises:
            InputError: A value is out of range, or two exclude each other.
            CheckpointError: `checkpoint` is none.
            CalibrationError: The checkpoint cannot promise this.
        """
        needs_painter = style in STYLES and STYLES[style].needs_painter
        if generator is not None and not needs_painter:
            raise InputError(f"a generator is for style synthesise, not for {style}; leave it out")
        paint = load_painter(generator, device) if needs_painter else None
        anonymizer = cls(  # first: it checks the cheap arguments
            None,
            style=style,
            dilate=DEFAULT_DILATE if dilate == AUTO else dilate,
            include=include,
            exclude=exclude,
            complete_heads=complete_heads,
            also=load_plugins(also),
            paint=paint,
            seed=seed,
        )
        anonymizer.generator = identify_generator(generator) if needs_painter else None
        wanted = Wanted(recall, person_recall, uncovered, threshold, dilate == AUTO)
        if checkpoint is not None:
            anonymizer.detector = detector = load_detector(
                Path(checkpoint),
                inference or settings_for(checkpoint, tiles="auto"),
                wanted=wanted,
                device=device,
                backend=backend,
                threads=threads or usable_cores(),
            )
            if detector.margin is not None:
                anonymizer.dilate = detector.margin
        elif wanted.needs_checkpoint:
            raise InputError("a recall or a threshold needs a checkpoint; give one")
        return anonymizer

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides which pixels are replaced, and by what, as audit.json holds it."""
        return {
            "style": self.style,
            "dilate": self.dilate,
            "include": [region.corners for region in self.include],
            "exclude": [region.corners for region in self.exclude],
            "complete_heads": self.complete_heads and self.detector is not None,
            **({"also": {each.name: each.identity for each in self.also}} if self.also else {}),
            "generator": self.generator,
            "seed": self.seed if STYLES[self.style].draws else None,
        }

    @property
    def model(self) -> dict[str, Any] | None:
        """The detector and its promise, as audit.json holds them; None without a detector."""
        if self.detector is None:
            return None
        return self.detector.as_record(excluded=bool(self.exclude))

    @property
    def threshold(self) -> float | None:
        """Probability from which on a pixel is person; None without a detector."""
        return None if self.detector is None else self.detector.threshold

    def find(self, image: np.ndarray, user_mask: np.ndarray | None = None) -> Detection:
        """Find the persons of an image.

        Args:
            image: uint8 (H, W, 3), RGB.
            user_mask: bool (H, W), redacted too.
        """
        return self.find_each([image], user_mask)[0]

    @property
    def batch(self) -> int:
        """Number of images that `find_each` and `review_each` take together best."""
        return self.detector.batch if isinstance(self.detector, BatchDetector) else 1

    def find_each(
        self, images: Sequence[np.ndarray], user_mask: np.ndarray | None = None
    ) -> list[Detection]:
        """Find the persons of several images of one size, together where the detector can.

        Args:
            images: uint8 (H, W, 3), RGB.
            user_mask: bool (H, W), redacted too in each.
        """
        if self.detector is None:
            return [self._detection(image, None, user_mask) for image in images]
        found = zip(images, probabilities_of(self.detector, images), strict=True)
        return [self._detection(image, each, user_mask) for image, each in found]

    def _detection(
        self,
        image: np.ndarray,
        probability: np.ndarray | None,
        user_mask: np.ndarray | None,
    ) -> Detection:
        area = Area(self.dilate, self.include, self.exclude, self.complete_heads, self.also)
        return area.detection(image, probability, self.threshold, user_mask)

    def replace(
        self,
        pixels: np.ndarray,
        mask: np.ndarray,
        alpha: np.ndarray | None = None,
        *,
        style: str | None = None,
        stream: int = 0,
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Replace everything under a mask.

        Args:
            pixels: uint8 or uint16 (H, W, C), C = 1 or 3; not changed.
            mask: bool (H, W).
            alpha: (H, W) of the dtype of `pixels`.
            style: Instead of the anonymizer's own.
            stream: Number of the random stream; equal numbers give equal noise.

        Returns:
            New pixels and alpha.
        """
        rng = np.random.default_rng([self.seed, stream])
        return redact(pixels, mask, style or self.style, alpha=alpha, paint=self.paint, rng=rng)

    def replace_frame(
        self, frame: Frame, mask: np.ndarray, *, style: str | None = None, stream: int = 0
    ) -> Frame:
        """Replace everything under `mask`, bool (H, W), in a frame; see `replace`."""
        pixels, alpha = self.replace(frame.pixels, mask, frame.alpha, style=style, stream=stream)
        if pixels.dtype == np.uint16 and mask.any() and not mask.all():
            # Within the numbers of the surroundings, or black would hide them from a viewer that
            # stretches contrasts. The person's own numbers do not count.
            shown = shown_range(frame.pixels[~mask])
            low, high = np.uint16(max(0, shown.low)), np.uint16(min(65535, shown.high))
            pixels[mask] = pixels[mask].clip(low, high)
        return replace(frame, pixels=pixels, alpha=alpha)

    def redact(self, image: np.ndarray | Image.Image | Path | str) -> np.ndarray:
        """Remove the persons of one image.

        Args:
            image: uint8 (H, W, 3), RGB; a PIL image; or the path of a still. PIL images and files
                are turned upright as their EXIF orientation asks.

        Returns:
            A new uint8 (H, W, 3). For a file: the pixels that the command writes, before they are
            encoded.

        Raises:
            InputError: An array of another shape or dtype.
            MediaError: The file cannot be decoded in full, or holds more than one frame.
        """
        frame = _read_frame(image)
        return self.replace_frame(frame, self.find(frame.to_rgb8()).mask).to_rgb8()

    def searches_again(self, found: Detection, *, second_pass: bool) -> bool:
        """Return whether `review` searches the output.

        Where nothing was redacted the output is the input, and so would be the probability.
        """
        return second_pass and self.detector is not None and bool(found.mask.any())

    def review(
        self, found: Detection, redacted: np.ndarray, *, second_pass: bool
    ) -> ReviewSignals | None:
        """Measure whether a redacted image may still show a person.

        Args:
            found: The result of the first pass, over the input.
            redacted: The output, uint8 (H, W, 3).
            second_pass: Search the output too, unless nothing was redacted.

        Returns:
            None without a detector.
        """
        return self.review_each([found], [redacted], second_pass=second_pass)[0]

    def review_each(
        self, found: Sequence[Detection], redacted: Sequence[np.ndarray], *, second_pass: bool
    ) -> list[ReviewSignals | None]:
        """Review several images of one size, see `review`, together where the detector can."""
        if self.detector is None:
            return [None] * len(found)
        threshold = self.detector.threshold
        signals: list[ReviewSignals | None] = []
        second: list[np.ndarray | None] = [each.probability for each in found]
        again = [
            number
            for number, each in enumerate(found)
            if each.probability is not None and self.searches_again(each, second_pass=second_pass)
        ]
        outputs = probabilities_of(self.detector, [redacted[number] for number in again])
        for number, probability in zip(again, outputs, strict=True):
            second[number] = probability
        for each, after in zip(found, second, strict=True):
            if each.probability is None or after is None:
                signals.append(None)
                continue
            away = away_from(each.mask)
            signal = first_pass_signals(each.probability, away, threshold)
            if second_pass:
                signal = signal.worst(second_pass_signals(after, away, threshold))
            signals.append(signal)
        return signals


def _read_frame(image: np.ndarray | Image.Image | Path | str) -> Frame:
    """Convert the argument of `Anonymizer.redact` to a frame."""
    if isinstance(image, str | os.PathLike):
        try:
            frames = decode_file(Path(image).read_bytes()).frames
        except MediaError as error:
            raise MediaError(f"{image}: {error}") from None
        if len(frames) > 1:
            raise MediaError(f"{image}: has {len(frames)} frames; use python -m pii_seg.anonymize")
        return frames[0]
    if isinstance(image, Image.Image):
        return frame_of(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InputError(
            f"expected an image of shape (H, W, 3), uint8, got {image.dtype} {image.shape}"
        )
    return Frame(image)
