"""Repaint the persons of a dataset inside their exact shape; write a dataset of the same form.

    diffusion-synth run --data RENDERS --output REPAINTED [--model MODEL]
    diffusion-synth run --data RENDERS --output BASELINE --warp DONORS     # without a model

DATA is any dataset of this project: renders, or photos with masks from a segmenter; or a folder
with images and masks of the same names, whose persons are found in the masks. Every image is
repainted --variants times. Persons that the segmenter (--segmenter) does not find again in their
mask are rejected. The same command resumes a run that was interrupted; --shard I/N divides it over
machines.

    OUTPUT/images, masks, metadata.jsonl    as in docs/dataset.md; each line records its prompts
    OUTPUT/ignore/                          white: pixels that training ignores
    OUTPUT/left_out.jsonl                   images without an accepted person, with the reason
    OUTPUT/contact_sheet.png                before, after, mask
    OUTPUT/rejected.png                     examples that this run painted and rejected
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING

from diffusion_synth.command_line import (
    DONE,
    checked_input,
    command,
    find_device,
    load_segmenter,
    make_parser,
    parse,
    progress,
    require,
    segmenter_identity,
    terminated_as_interrupted,
)
from diffusion_synth.command_options import RUN_OPTIONS
from diffusion_synth.errors import InputError
from diffusion_synth.prompts.grammar import EMPTY_GRAMMAR, Grammar, read_grammar

if TYPE_CHECKING:
    from diffusion_synth.repaint.dataset_reader import Dataset
    from diffusion_synth.repaint.painters import LoadedPainter
    from diffusion_synth.repaint.repaint_image import Repainter


REQUIRED = "--data DATASET --output DATASET"


def parser() -> argparse.ArgumentParser:
    return make_parser("diffusion-synth run", REQUIRED, __doc__, RUN_OPTIONS)


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit code; an error is one line on standard error."""
    with checked_input():
        options = parse(parser(), argv)
        source, repainter, grammar = prepare(options)
    if repainter.segment is None:
        print("no --segmenter: every painted person is accepted", file=sys.stderr)
    from diffusion_synth.repaint.repaint_dataset import repaint_dataset

    with terminated_as_interrupted(), progress("images") as report:
        tally = repaint_dataset(
            source, options.output, repainter, grammar,
            variants=options.variants, seed=options.seed,
            shard=options.shard, overwrite=options.overwrite,
            report=lambda done, total, tally: report(done, total, tally.summary()),
        )  # fmt: skip
    for note in sorted(source.notes):
        print(f"note: {note}", file=sys.stderr)
    print(f"{options.output}: {tally.summary()}")
    return DONE


def prepare(options: argparse.Namespace) -> tuple[Dataset, Repainter, Grammar]:
    """Check all options and load what they name, before anything is written."""
    # Here, since OpenCV takes a moment to import: --help and a mistyped option need not wait.
    from diffusion_synth.repaint.crops import CropSettings
    from diffusion_synth.repaint.dataset_reader import Dataset
    from diffusion_synth.repaint.filtering import FilterSettings
    from diffusion_synth.repaint.repaint_dataset import baseline_loss
    from diffusion_synth.repaint.repaint_image import Repainter

    require(options, "data", "output")
    if options.variants < 1 or options.batch_size < 1 or options.steps < 1:
        raise InputError("--variants, --batch-size and --steps must be at least 1")
    if not all(isfinite(number) for number in (options.guidance or 0, options.lora_scale)):
        raise InputError("--guidance and --lora-scale must be finite numbers")
    source = Dataset(options.data)
    if options.output.resolve() == options.data.resolve():
        raise InputError("--output must be another folder than --data, got the same")
    if options.warp is None:
        grammar = read_grammar(options.prompts)
    else:
        grammar = replace(EMPTY_GRAMMAR, name=str(options.prompts))
    filters = FilterSettings(options.min_iou, options.iou_relative, band=options.band)
    limits = {"smallest": options.smallest, "largest": options.largest}
    CropSettings(margin=options.margin, size=options.size or 1, multiple=1, **limits)
    segment = None if options.segmenter is None else load_segmenter(options.segmenter)
    loaded = load_painter(options)
    size = options.size or loaded.painter.size
    return (
        source,
        Repainter(
            loaded.painter,
            CropSettings(options.margin, size, loaded.multiple, **limits),
            filters,
            segment,
            None if segment is None else baseline_loss(segment, source),
            options.batch_size,
            loaded.description,
            segmenter_identity(options.segmenter or ""),
        ),
        grammar,
    )


def load_painter(options: argparse.Namespace) -> LoadedPainter:
    """Load the model, or the donors of the warp baseline."""
    from diffusion_synth.repaint.painters import load_pipeline_painter, load_warp_painter

    if options.warp is not None:
        if options.lora is not None or options.model is not None:
            raise InputError(
                "--model and --lora cannot be combined with --warp, which has no model"
            )
        return load_warp_painter(options.warp, smallest_donor=options.donor_size)
    return load_pipeline_painter(
        options.model, lora=options.lora, lora_scale=options.lora_scale,
        device=find_device(options.device), precision=options.precision, mode=options.mode,
        steps=options.steps,
        guidance=options.guidance, self_attention=options.self_attention,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
