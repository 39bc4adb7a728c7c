"""Pseudo-labelled photographs with other persons: who paints them, which of them, and what is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blender_addon.dataset import iter_lines
from diffusion_synth.prompts.grammar import DEFAULT, read_grammar
from diffusion_synth.repaint.crops import Box, CropSettings, is_too_large, is_too_small
from diffusion_synth.repaint.dataset_reader import Dataset
from diffusion_synth.repaint.filtering import FilterSettings, Segment
from diffusion_synth.repaint.repaint_dataset import Job, donors_of, produce, usual_loss
from diffusion_synth.repaint.repaint_image import Repainter, SizedPainter
from pii_seg.config import Folders
from pii_seg.errors import ConfigError
from pii_seg.inference.parallel import worker_threads
from pii_seg.selftrain.pseudo_labels import NUMBERS

MARGIN = 0.4  # about a person, as diffusion_synth.run has it


@dataclass(frozen=True)
class Painting:
    """painter: of crops whose sides divide by `multiple`. described: all that decides what it paints, as plain data."""

    painter: SizedPainter
    described: dict[str, Any]
    multiple: int


def by_generator(model: str, steps: int, guidance: float, device: str) -> Painting:
    """model: as diffusion_synth.run takes it; empty: the one that comes along. Raises ConfigError."""
    # Here, because diffusers takes seconds to import, and warping does without.
    from diffusion_synth.pipeline.loading import (
        ModelError,
        default_model,
        identity_of,
        load_pipeline,
    )
    from diffusion_synth.repaint.painters import PipelinePainter

    try:
        model = model or str(default_model())
        pipeline = load_pipeline(model, device=device)
    except ModelError as error:
        raise ConfigError(f"--generator: {error}; or give --repaint warp, or none") from None
    how = {"mode": "blend", "num_inference_steps": steps, "guidance_scale": guidance}
    painter = PipelinePainter(pipeline, how)
    return Painting(painter, {"model": identity_of(model), **how}, pipeline.size_multiple)


def by_warping(renders: Folders) -> Painting:
    """Of the persons in these datasets. What they are decides too, and is for the caller to say."""
    from diffusion_synth.repaint.painters import WarpPainter
    from diffusion_synth.repaint.warping import DonorBank

    donors = (donor for folder in renders for donor in donors_of(Dataset(Path(folder))))
    return Painting(WarpPainter(DonorBank(donors)), {"repaint": "warp"}, 1)


def repaint_photographs(
    pseudo: Path,
    output: Path,
    painting: Painting,
    segment: Segment,
    *,
    segmenter: str,
    most: int,
    largest: int | None,
    iou_relative: float,
    seed: int,
    device: str,
    report: Callable[[int], None] = lambda done: None,
) -> dict[str, Any]:
    """Repaint at most `most` photographs of the dataset `pseudo` into `output`, or go on there.

    segment: looks at them again; segmenter: what names it. Returns how many `pictures` were kept of how many `given`,
    and where none was, `why`. largest: longer side, px, of persons that are repainted; None: any.
    """
    crops = CropSettings(MARGIN, painting.painter.size, painting.multiple, largest=largest)
    chosen = painted_first(pseudo, most, crops)
    if not chosen:
        upper = " px and more" if largest is None else f" to {largest} px (--loop.repaint_largest)"
        why = f"no photograph has a labelled person of {crops.smallest}{upper}"
        return {"pictures": 0, "given": 0, "why": why}
    source = Dataset(pseudo).only(chosen)
    filters = FilterSettings(iou_relative=iou_relative)
    job = Job(1, seed, painting.described, crops, filters, segmenter, DEFAULT.name)
    with worker_threads(device):
        usual = usual_loss(segment, source)
    repainter = Repainter(painting.painter, crops, filters, segment, usual)
    tally = produce(
        source, output, job, repainter, read_grammar(DEFAULT), report=lambda done, *_: report(done)
    )
    pictures = sum(1 for _ in iter_lines(output))
    result: dict[str, Any] = {"pictures": pictures, "given": len(source)}
    if not pictures:
        result["why"] = (
            f"the filter (--loop.iou_relative) left nothing of {len(source)}: {tally.words()}"
        )
    return result


def painted_first(pseudo: Path, most: int, crops: CropSettings) -> set[int]:
    """The indices of at most `most` pictures with somebody of a size that is repainted, the most reliable ones."""

    def fits(person: Mapping[str, Any]) -> bool:
        left, top, width, height = person["bbox"]
        box = Box(left, top, left + width, top + height)
        return not (is_too_small(box, crops) or is_too_large(box, crops))

    lines = [line for line in iter_lines(pseudo) if any(map(fits, line["persons"]))]

    def rank(line: Mapping[str, Any]) -> tuple[float, int]:
        numbers = line[NUMBERS]
        value = numbers["confident"] if numbers["reliability"] is None else numbers["reliability"]
        return -value, line["index"]

    return {line["index"] for line in sorted(lines, key=rank)[:most]}
