"""Repaints each person of pseudo-labelled photos, and filters the results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blender_addon.dataset import iter_lines
from diffusion_synth.repaint.crops import Box, CropSettings, is_too_large, is_too_small
from diffusion_synth.repaint.dataset_reader import Dataset
from diffusion_synth.repaint.filtering import FilterSettings, Segment
from diffusion_synth.repaint.paint_request import SizedPainter
from diffusion_synth.repaint.repaint_dataset import baseline_loss, repaint_dataset
from diffusion_synth.repaint.repaint_image import Repainter
from pii_seg.config import Folders
from pii_seg.data.reliability import PSEUDO_KEY
from pii_seg.errors import ConfigError
from pii_seg.inference.parallel import worker_threads

MARGIN = 0.4  # of a person's box, added on each side; the default of diffusion_synth.run


@dataclass(frozen=True)
class Painting:
    """A painter and its identity.

    Attributes:
        painter: Repaints a crop whose sides are multiples of `multiple`, in px.
        described: Everything that decides its output, as plain data.
    """

    painter: SizedPainter
    described: dict[str, Any]
    multiple: int


def by_generator(model: str, steps: int, guidance: float, device: str) -> Painting:
    """Load the generator `model`, as diffusion_synth.run accepts it; empty: the bundled one.

    Raises:
        ConfigError: The model cannot be loaded.
    """
    # Imported here: diffusers takes seconds to import, and warping does not need it.
    from diffusion_synth.errors import CheckpointError
    from diffusion_synth.pipeline.loading import bundled_model, load_pipeline, model_identity
    from diffusion_synth.repaint.painters import PipelinePainter

    try:
        model = model or str(bundled_model())
        pipeline = load_pipeline(model, device=device)
    except CheckpointError as error:
        raise ConfigError(
            f"--generator: {error}; or use --repaint warp or --repaint none"
        ) from None
    options = {"mode": "blend", "num_inference_steps": steps, "guidance_scale": guidance}
    painter = PipelinePainter(pipeline, options)
    return Painting(
        painter, {"model": model_identity(pipeline.name_or_path), **options}, pipeline.size_multiple
    )


def by_warping(renders: Folders) -> Painting:
    """Paint with the persons in these datasets, warped into shape.

    `described` does not identify the datasets; the caller must.
    """
    from diffusion_synth.repaint.painters import WarpPainter
    from diffusion_synth.repaint.warping import DonorBank, iter_donors

    donors = (donor for folder in renders for donor in iter_donors(Dataset(Path(folder))))
    return Painting(WarpPainter(DonorBank(donors)), {"repaint": "warp"}, 1)


@dataclass(frozen=True)
class RepaintSettings:
    """Everything that decides the repainted dataset, apart from its inputs.

    Attributes:
        painter: Identity of the painter, as plain data (`Painting.described`).
        most: Number of photos that are repainted at most.
        largest: Persons whose longer side exceeds this, in px, are not repainted; None: no limit.
        iou_relative: Least IoU with the mask after repainting, as a fraction of the IoU before.
        seed: Seed of the painter's random numbers.
    """

    painter: dict[str, Any]
    most: int
    largest: int | None
    iou_relative: float
    seed: int


@dataclass(frozen=True)
class RepaintResult:
    """Result of repainting.

    Attributes:
        images: Number of repainted images that passed the filter.
        given: Number of photos that were repainted.
        why: Reason why no image is left; empty when there are some.
    """

    images: int
    given: int
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        whole: dict[str, Any] = {"pictures": self.images, "given": self.given}
        return {**whole, "why": self.why} if self.why else whole

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RepaintResult:
        return cls(data["pictures"], data["given"], data.get("why", ""))


def repaint_photos(
    pseudo: Path,
    output: Path,
    painting: Painting,
    segment: Segment,
    settings: RepaintSettings,
    *,
    segmenter: str,
    device: str,
    on_progress: Callable[[int], None] = lambda done: None,
) -> RepaintResult:
    """Repaint the most reliable photos of a pseudo-labelled dataset, or resume a begun one.

    Args:
        pseudo: The pseudo-labelled dataset.
        output: Folder of the new dataset.
        painting: Painter of the persons.
        segment: Segments the repainted images, to verify that each person is still found.
        settings: Number of photos, limits and seed.
        segmenter: Identity of `segment`, such as a fingerprint.
        device: Device of `segment`.
        on_progress: Receives the number of photos done so far.

    Returns:
        The number of images, and the reason when there are none.
    """
    most, largest = settings.most, settings.largest
    crops = CropSettings(MARGIN, painting.painter.size, painting.multiple, largest=largest)
    chosen = choose_photos(pseudo, most, crops)
    if not chosen:
        upper = " px or more" if largest is None else f" to {largest} px (--loop.repaint_largest)"
        return RepaintResult(0, 0, f"no photo has a labelled person of {crops.smallest}{upper}")
    source = Dataset(pseudo).only(chosen)
    filters = FilterSettings(iou_relative=settings.iou_relative)
    with worker_threads(device):
        baseline = baseline_loss(segment, source)
    repainter = Repainter(
        painting.painter,
        crops,
        filters,
        segment,
        baseline,
        description=painting.described,
        segmenter=segmenter,
    )
    tally = repaint_dataset(
        source,
        output,
        repainter,
        seed=settings.seed,
        report=lambda done, *_: on_progress(done),
    )
    images = sum(1 for _ in iter_lines(output))
    why = (
        f"the filter (--loop.iou_relative) rejected all of {len(source)} photos: {tally.summary()}"
    )
    return RepaintResult(images, len(source), "" if images else why)


def choose_photos(pseudo: Path, most: int, crops: CropSettings) -> set[int]:
    """Indices of the `most` most reliable photos that show a person of a size that is repainted."""

    def fits(person: Mapping[str, Any]) -> bool:
        left, top, width, height = person["bbox"]
        box = Box(left, top, left + width, top + height)
        return not (is_too_small(box, crops) or is_too_large(box, crops))

    lines = [line for line in iter_lines(pseudo) if any(map(fits, line["persons"]))]

    def rank(line: Mapping[str, Any]) -> tuple[float, int]:
        numbers = line[PSEUDO_KEY]
        value = numbers["confident"] if numbers["reliability"] is None else numbers["reliability"]
        return -value, line["index"]

    return {line["index"] for line in sorted(lines, key=rank)[:most]}
