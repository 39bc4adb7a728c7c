"""Repaint the persons of a dataset inside their exact shape, and write the result as a dataset of the same kind.

    python -m diffusion_synth.run --data RENDERS --model MODEL --output REPAINTED
    python -m diffusion_synth.run --data RENDERS --warp DONORS --output CONTROL      # the baseline without a model

DATA is any dataset of this project: renders, or photographs with masks that a segmenter gave them. Every picture is
repainted --variants times; what the segmenter (--segmenter) does not find again in its mask is left out. The same
command continues a run that was stopped; --shard I/N divides it over machines.

    OUTPUT/images, masks, metadata.jsonl    as in docs/dataset.md; each line says what was painted from what, and how
    OUTPUT/ignore/                          white: not to be learnt from (outlines, and where the segmenter doubts)
    OUTPUT/left_out.jsonl                   pictures in which nobody passed, and why
    OUTPUT/contact_sheet.png                before, after, mask
    OUTPUT/rejected.png                     what this run painted and did not keep

Exit codes: 0 done, 1 failed on the way, 2 wrong input (nothing was begun), 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from blender_addon.dataset import DatasetError
from diffusion_synth.command_line import (
    DONE,
    FAILED,
    INTERRUPTED,
    WRONG_INPUT,
    InputError,
    complain,
    device_of,
    parse,
)
from diffusion_synth.pipeline.attention_schedules import SCHEDULES
from diffusion_synth.prompts.grammar import DEFAULT, Grammar, read_grammar
from diffusion_synth.repaint.crops import CropSettings
from diffusion_synth.repaint.dataset_reader import Dataset
from diffusion_synth.repaint.filtering import FilterSettings, Segment
from diffusion_synth.repaint.repaint_dataset import Job, Tally, donors_of, produce, usual_loss
from diffusion_synth.repaint.repaint_image import Repainter, SizedPainter

NOTHING_SAID = Grammar({"": 1}, {"": 1})  # the warp baseline listens to no prompt


def load_segmenter(described: str) -> Segment:
    """The callable that PACKAGE.MODULE:FUNCTION=ARGUMENT makes. Raises InputError."""
    place, _, argument = described.partition("=")
    module, _, function = place.partition(":")
    if not (module and function and argument):
        raise InputError(
            f"--segmenter {described}: must be PACKAGE.MODULE:FUNCTION=ARGUMENT, such as "
            "pii_seg.predict:from_checkpoint=RUN/best.ckpt"
        )
    try:
        make = getattr(importlib.import_module(module), function)
        segment = make(argument)
    except (ImportError, AttributeError, ValueError, OSError) as error:
        raise InputError(f"--segmenter {described}: {error}") from None
    if not callable(segment):
        raise InputError(
            f"--segmenter {described}: gives a {type(segment).__name__}, which cannot be called"
        )
    return segment


def make_painter(options: argparse.Namespace) -> tuple[SizedPainter, dict[str, Any], int]:
    """(painter, what it is in words, by how much the sides of its crops must divide)."""
    if options.warp is not None:
        if options.lora is not None:
            raise InputError("--lora belongs to a --model; --warp has none")
        from diffusion_synth.repaint.painters import WarpPainter
        from diffusion_synth.repaint.warping import DonorBank

        bank = DonorBank(donors_of(Dataset(options.warp)), smallest=options.donor_size)
        return WarpPainter(bank), {"warp": options.warp.resolve().name, "donors": len(bank)}, 1
    # Here, because diffusers takes seconds to import: --help and a mistyped option need not wait for it.
    import torch

    from diffusion_synth.pipeline.loading import (
        default_model,
        identity_of,
        load_lora,
        load_pipeline,
    )
    from diffusion_synth.repaint.painters import PipelinePainter

    kind = torch.bfloat16 if options.precision == "bf16" else torch.float32
    model = options.model or default_model()
    pipeline = load_pipeline(model, device=device_of(options.device), dtype=kind)
    how = {
        "mode": options.mode,
        "num_inference_steps": options.steps,
        "guidance_scale": pipeline.usual_guidance if options.guidance is None else options.guidance,
        "self_attention": options.self_attention,
    }
    described = {"model": identity_of(model), "precision": options.precision, **how}
    if options.lora is not None:
        load_lora(pipeline, options.lora)
        described["lora"] = identity_of(options.lora)
    return PipelinePainter(pipeline, how), described, pipeline.size_multiple


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="python -m diffusion_synth.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        exit_on_error=False,
    )
    p.add_argument(
        "--data", type=Path, required=True, metavar="DATASET", help="whose persons are repainted"
    )
    p.add_argument("--output", type=Path, required=True, metavar="DATASET", help="made if need be")
    who = p.add_mutually_exclusive_group()
    who.add_argument(
        "--model",
        metavar="FOLDER|NAME",
        help="a folder of diffusers, or a hub's name; default: the small one that comes along",
    )
    who.add_argument(
        "--warp",
        type=Path,
        metavar="RENDERS",
        help="no model: the best-fitting person of these renders",
    )
    p.add_argument(
        "--lora",
        type=Path,
        metavar="FOLDER",
        help="with --model: what diffusion_synth.train made for it",
    )
    p.add_argument(
        "--donor_size",
        type=int,
        default=48,
        metavar="PX",
        help="with --warp: smaller persons are not taken (48)",
    )
    p.add_argument(
        "--prompts",
        type=Path,
        default=DEFAULT,
        metavar="TOML",
        help="the grammar of what is painted",
    )
    p.add_argument(
        "--variants", type=int, default=1, metavar="N", help="of every picture (default 1)"
    )
    p.add_argument("--seed", type=int, default=0, help="another seed, other persons")
    p.add_argument(
        "--mode",
        choices=("blend", "invert"),
        default="blend",
        help="blend (default): from fresh noise; invert: from the picture's own inverted latents, the paper's way, "
        "which may keep what it shows of a person",
    )
    p.add_argument("--steps", type=int, default=25, metavar="N", help="of sampling (default 25)")
    p.add_argument(
        "--guidance",
        type=float,
        metavar="W",
        help="towards the prompt (default: 4.5; the generator that comes along: 2)",
    )
    p.add_argument(
        "--self_attention",
        choices=tuple(SCHEDULES),
        default="linear",
        help="how strict (default linear)",
    )
    p.add_argument(
        "--size",
        type=int,
        metavar="PX",
        help="of the crops painted (default: the model's own, or 512)",
    )
    p.add_argument(
        "--margin",
        type=float,
        default=0.4,
        help="about a person, of their longer side (default .4)",
    )
    p.add_argument(
        "--smallest", type=int, default=24, metavar="PX", help="smaller persons stay (default 24)"
    )
    p.add_argument(
        "--largest",
        type=int,
        metavar="PX",
        help="larger persons stay, of whom a small model makes blotches (default: nobody)",
    )
    p.add_argument(
        "--segmenter",
        metavar="M:F=X",
        help="looks again, such as pii_seg.predict:from_checkpoint=RUN/best.ckpt",
    )
    p.add_argument(
        "--min_iou", type=float, default=0.85, help="of the second look with the mask (default .85)"
    )
    p.add_argument(
        "--iou_relative",
        type=float,
        metavar="SHARE",
        help="for a weak segmenter: this share of the IoU that it reaches before repainting will do, though never "
        "less than .5 (default: --min_iou for everybody)",
    )
    p.add_argument(
        "--band", type=int, default=2, metavar="PX", help="beside outlines, ignored (default 2)"
    )
    p.add_argument(
        "--batch_size", type=int, default=4, metavar="N", help="crops painted at once (default 4)"
    )
    p.add_argument("--shard", type=parse_shard, default=(1, 1), metavar="I/N", help="part I of N")
    p.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    p.add_argument("--precision", choices=("float32", "bf16"), default="float32")
    p.add_argument("--overwrite", action="store_true", help="delete the dataset in --output first")
    return p


def parse_shard(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N with 1 ≤ I ≤ N")
    return int(part), int(parts)


class Report:
    """A line on standard error now and then; on a terminal it is rewritten."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.first: int | None = None
        self.last = 0.0

    def __call__(self, done: int, total: int, tally: Tally) -> None:
        now = time.monotonic()
        self.first = done if self.first is None else self.first
        terminal = sys.stderr.isatty()
        if now - self.last < (0.2 if terminal else 10) and done < total:
            return
        self.last = now
        rate = (done - self.first) / max(1e-9, now - self.begun)
        left = f"  {(total - done) / rate:.0f} s left" if rate and done < total else ""
        line = f"{done}/{total}  {rate:.2f} pictures/s{left}  {tally.words()}"
        print(
            f"\r{line}\x1b[K" if terminal else line,
            end="" if terminal else "\n",
            file=sys.stderr,
            flush=True,
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code; an error is one line on standard error."""
    try:
        options = parse(parser(), argv)
        if options.variants < 1 or options.batch_size < 1 or options.steps < 1:
            raise InputError("--variants, --batch_size and --steps must be at least 1")
        source = Dataset(options.data)
        if options.output.resolve() == options.data.resolve():
            raise InputError(
                "--output is --data; the repainted pictures need a folder of their own"
            )
        grammar = NOTHING_SAID if options.warp else read_grammar(options.prompts)
        filters = FilterSettings(options.min_iou, options.iou_relative, band=options.band)
        size = 1 if options.size is None else options.size
        limits = {"smallest": options.smallest, "largest": options.largest}
        CropSettings(margin=options.margin, size=size, multiple=1, **limits)
        segment = None if options.segmenter is None else load_segmenter(options.segmenter)
        painter, described, multiple = make_painter(options)
        crops = CropSettings(options.margin, options.size or painter.size, multiple, **limits)
        usual = None if segment is None else usual_loss(segment, source)
    except ValueError as error:  # every error of ours is one
        return complain(error, WRONG_INPUT)
    if segment is None:
        print("no --segmenter: whatever is painted is kept", file=sys.stderr)
    job = Job(
        options.variants,
        options.seed,
        described,
        crops,
        filters,
        options.segmenter or "",
        options.prompts.name,
    )
    repainter = Repainter(painter, crops, filters, segment, usual, options.batch_size)
    try:
        tally = produce(
            source, options.output, job, repainter, grammar,
            shard=options.shard, overwrite=options.overwrite, report=Report(),
        )  # fmt: skip
    except DatasetError as error:
        return complain(error, WRONG_INPUT)
    except (OSError, ValueError, RuntimeError, ArithmeticError) as error:
        return complain(error, FAILED)
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on", file=sys.stderr)
        return INTERRUPTED
    print(f"{options.output}: {tally.words()}")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
