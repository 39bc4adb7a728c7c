"""Repainting of one image: every person is cut out, painted, pasted back and verified.

Every person is painted into a crop of the original image, so persons do not depend on each other,
and those of several variants are painted together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from diffusion_synth.prompts.grammar import Prompt
from diffusion_synth.repaint.crops import (
    Crop,
    CropSettings,
    bounding_box,
    cut,
    is_too_large,
    is_too_small,
    paste_back,
)
from diffusion_synth.repaint.dataset_reader import Sample
from diffusion_synth.repaint.filtering import (
    ACCEPTED,
    FLAT,
    ClassLoss,
    FilterSettings,
    Segment,
    is_flat,
    judge,
    outline_band,
    overlap,
)
from diffusion_synth.repaint.paint_request import Painter, PaintRequest
from diffusion_synth.repaint.painters import PipelinePainter, WarpPainter

if TYPE_CHECKING:
    from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline

TOO_SMALL, TOO_LARGE, HIDDEN = "too small", "too large", "hidden"


@dataclass(frozen=True)
class PersonResult:
    """A person after repainting.

    Attributes:
        person: Id in the mask.
        prompt: The prompts.
        seed: The seed of the noise.
        reason: ACCEPTED, or why the person was rejected or skipped.
        iou: IoU of the segmenter's person with the mask; None without a segmenter.
        iou_before: The same on the original image, where the filter needs it.
    """

    person: int
    prompt: Prompt
    seed: int
    reason: str
    iou: float | None = None
    iou_before: float | None = None


@dataclass(frozen=True)
class RepaintResult:
    """One variant of an image.

    Attributes:
        image: uint8 (H, W, 3), with the accepted persons.
        painted: uint8 (H, W, 3), with all painted persons.
        ignore: bool (H, W), pixels without a known label.
        persons: One for each annotated person, in the order of the line.
    """

    image: np.ndarray
    painted: np.ndarray
    ignore: np.ndarray
    persons: tuple[PersonResult, ...]

    @property
    def accepted(self) -> int:
        """Number of accepted persons."""
        return sum(person.reason == ACCEPTED for person in self.persons)

    @property
    def reason(self) -> str:
        """Reason of the first person where none is accepted; 'no persons' where there is none."""
        return self.persons[0].reason if self.persons else "no persons"


@dataclass(frozen=True)
class Repainter:
    """Repaints the persons of images and keeps those that pass a filter.

        repainter = Repainter.from_pipeline(load_pipeline())
        (result,) = repainter.repaint(sample, lambda *_: prompt, lambda *_: 0, variants=[0])

    Attributes:
        painter: Paints crops.
        crops: How persons are cut out.
        filter: Which painted persons are accepted.
        segment: The segmenter that verifies painted persons; None accepts all.
        baseline: The segmenter's mean losses on images with true masks; None ignores no pixel for
            its loss.
        batch_size: Crops to paint at once.
        description: All that decides what the painter paints, as plain data for dataset.json.
        segmenter: Name of the segmenter for dataset.json.
    """

    painter: Painter
    crops: CropSettings
    filter: FilterSettings = field(default_factory=FilterSettings)
    segment: Segment | None = None
    baseline: ClassLoss | None = None
    batch_size: int = 4
    description: Mapping[str, Any] = field(default_factory=dict)
    segmenter: str = ""

    @property
    def rejects_flat(self) -> bool:
        """Whether persons of one flat colour are rejected: those of a model, not of renders."""
        return not isinstance(self.painter, WarpPainter)

    @classmethod
    def from_pipeline(
        cls,
        pipeline: ShapeGuidedPipeline,
        *,
        crops: CropSettings | None = None,
        filter: FilterSettings | None = None,
        segment: Segment | None = None,
        segmenter: str = "",
        batch_size: int = 4,
        **options: Any,
    ) -> Repainter:
        """Make a repainter whose painter is a pipeline.

        Args:
            pipeline: A result of `load_pipeline`.
            crops: How persons are cut out; None for the pipeline's own size.
            filter: Which painted persons are accepted; None for the defaults.
            segment: Segmenter that verifies painted persons: uint8 (H, W, 3) → probability of
                "person", float (H, W). None accepts all.
            segmenter: Name of the segmenter for dataset.json.
            batch_size: Crops to paint at once.
            **options: Options of the pipeline's call, such as num_inference_steps.
        """
        from diffusion_synth.pipeline.loading import model_identity  # here: it imports diffusers

        painter = PipelinePainter(pipeline, options)
        if crops is None:
            crops = CropSettings(size=painter.size, multiple=pipeline.size_multiple)
        return cls(
            painter,
            crops,
            filter or FilterSettings(),
            segment,
            batch_size=batch_size,
            description={"model": model_identity(pipeline.name_or_path or "unnamed"), **options},
            segmenter=segmenter,
        )

    def repaint(
        self,
        sample: Sample,
        prompts: Callable[[int, int], Prompt],
        seeds: Callable[[int, int], int],
        variants: Sequence[int],
    ) -> list[RepaintResult]:
        """Repaint an image once for each of `variants`.

        Args:
            sample: The image, its mask and persons.
            prompts: (person's id, variant) → prompt.
            seeds: (person's id, variant) → seed of the noise.
            variants: Numbers of the variants.

        Returns:
            One result for each variant.
        """
        masks = {int(person["id"]): sample.mask == person["id"] for person in sample.persons}
        skipped = {
            person: reason for person, mask in masks.items() if (reason := self._unfit(mask))
        }
        crops = {
            person: cut(sample.image, mask, self.crops)
            for person, mask in masks.items()
            if person not in skipped
        }
        requests = {
            (person, variant): PaintRequest(
                crop, prompts(person, variant), seeds(person, variant), sample.scene
            )
            for variant in variants
            for person, crop in crops.items()
        }
        before = self._iou_before(sample, masks, crops)
        paintings = dict(zip(requests, self._paint(list(requests.values())), strict=True))
        results = []
        for variant in variants:
            image, flat = sample.image, {}
            for person, crop in crops.items():
                painting = paintings[person, variant]
                if self.rejects_flat and is_flat(painting, crop.mask):
                    flat[person] = FLAT
                else:
                    image = paste_back(image, masks[person], crop, painting)
            of_variant = {person: requests[person, variant] for person in crops}
            results.append(self._verify(sample, image, masks, skipped | flat, of_variant, before))
        return results

    def _unfit(self, mask: np.ndarray) -> str | None:
        """Return why a person is not repainted; None when they are."""
        if not mask.any():
            return HIDDEN
        box = bounding_box(mask)
        if is_too_small(box, self.crops):
            return TOO_SMALL
        return TOO_LARGE if is_too_large(box, self.crops) else None

    def _iou_before(
        self, sample: Sample, masks: dict[int, np.ndarray], crops: dict[int, Crop]
    ) -> dict[int, float]:
        """Return the IoU of every person in the original image; empty if the filter needs none."""
        if self.segment is None or self.filter.iou_relative is None or not crops:
            return {}
        probability = self.segment(sample.image)
        return {
            person: overlap(
                probability,
                masks[person],
                self.filter.threshold,
                relevant_pixels(sample, masks[person], crop),
            )
            for person, crop in crops.items()
        }

    def _paint(self, requests: Sequence[PaintRequest]) -> list[np.ndarray]:
        """Paint in batches of crops of one size. Returns them in the order of `requests`."""
        sizes = [request.crop.mask.shape for request in requests]
        by_size = sorted(range(len(requests)), key=lambda place: (sizes[place], place))
        painted: dict[int, np.ndarray] = {}
        first = 0
        while first < len(by_size):
            batch = [
                place
                for place in by_size[first : first + self.batch_size]
                if sizes[place] == sizes[by_size[first]]
            ]
            painted |= zip(batch, self.painter([requests[place] for place in batch]), strict=True)
            first += len(batch)
        return [painted[place] for place in range(len(requests))]

    def _verify(
        self,
        sample: Sample,
        painted: np.ndarray,
        masks: dict[int, np.ndarray],
        skipped: dict[int, str],
        requests: dict[int, PaintRequest],
        before: dict[int, float],
    ) -> RepaintResult:
        """Put rejected persons back, and collect the pixels to ignore of accepted ones."""
        probability = None if self.segment is None else self.segment(painted)
        ignore = np.zeros(sample.mask.shape, bool)
        image = painted
        persons = []
        for person, mask in masks.items():
            if person in skipped:
                persons.append(PersonResult(person, Prompt("", ""), 0, skipped[person]))
                continue
            request = requests[person]
            if probability is None:
                ignore |= outline_band(mask, self.filter.band)
                persons.append(PersonResult(person, request.prompt, request.seed, ACCEPTED))
                continue
            where = relevant_pixels(sample, mask, request.crop)
            iou_before = before.get(person)
            verdict = judge(
                probability, mask, self.filter,
                where=where, baseline=self.baseline, before=iou_before,
            )  # fmt: skip
            if verdict.accepted:
                ignore |= verdict.ignore & where
            else:
                image = np.where(mask[..., None], sample.image, image)
            persons.append(
                PersonResult(
                    person, request.prompt, request.seed, verdict.reason, verdict.iou, iou_before
                )
            )
        return RepaintResult(image, painted, ignore, tuple(persons))


def relevant_pixels(sample: Sample, mask: np.ndarray, crop: Crop) -> np.ndarray:
    """Return the pixels that count for one person: of their crop, without other persons.

    Args:
        sample: The image.
        mask: bool (H, W), the person.
        crop: Their crop.

    Returns:
        bool (H, W).
    """
    where = np.zeros_like(mask)
    where[crop.box.slices] = True
    return where & (mask | (sample.mask == 0))
