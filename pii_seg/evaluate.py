"""Measure a checkpoint: scores, worst cases and a report.

    python -m pii_seg.evaluate --checkpoint RUN/best.ckpt --data DIR [--data DIR …] --output DIR

Prints a table and writes to the output folder: metrics.json, pictures.csv (one line per image), the
figures as PNG, and report.html, which holds them all and opens without a network.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser

from pii_seg.command_line import (
    DONE,
    add_checkpoint_argument,
    add_device_argument,
    add_inference_arguments,
    add_mask_arguments,
    add_threshold_argument,
    inference_settings,
    make_parser,
    mask_options,
    parse,
    progress_bar,
    run_command,
)
from pii_seg.inference.backends.option import add_backend_argument

if TYPE_CHECKING:
    from rich.table import Table

    from pii_seg.evaluation.measure import Evaluation


def parser() -> ArgumentParser:
    p = make_parser("evaluate", __doc__, "--checkpoint CKPT --data DIR... --output DIR [options]")
    add_checkpoint_argument(p)
    p.add_argument(
        "--data",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        help="Measure on these images with masks: a dataset, images/ + masks/, COCO JSON, Pascal "
        "VOC; or a folder of several.",
    )
    p.add_argument(
        "--negatives",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        help="Measure on these images without people; every detection counts as a false positive.",
    )
    p.add_argument("--output", type=Path, required=True, help="Write the results to this folder.")
    add_threshold_argument(p)
    p.add_argument(
        "--recall",
        type=float,
        help="Choose the threshold that finds this share, such as 0.95 (default: keep the "
        "threshold).",
    )
    p.add_argument(
        "--recall-of",
        choices=["pixels", "persons"],
        default="pixels",
        help="Count --recall in this unit.",
    )
    p.add_argument(
        "--calibrate",
        type=Path,
        help="Fit the temperature (and the threshold of --recall) on these images with masks, "
        "which must not be among --data, and write the checkpoint to OUTPUT/calibrated.ckpt "
        "(default: none).",
    )
    p.add_argument(
        "--examples",
        type=int,
        default=12,
        help="Show this many worst cases of each kind; with 0, the output holds no image.",
    )
    p.add_argument("--strict", action="store_true", help="Fail on an image that cannot be read.")
    add_mask_arguments(p)
    add_device_argument(p)
    add_backend_argument(p)
    add_inference_arguments(p)
    return p


def score_table(evaluations: Sequence[Evaluation]) -> Table:
    """Make the table for the terminal: one column per data set."""
    from rich.table import Table

    from pii_seg.evaluation.score_rows import score_column, table_of

    table = Table(title=f"at threshold {evaluations[0].totals.threshold:.3f}", title_justify="left")
    table.add_column("")
    for evaluation in evaluations:
        table.add_column(evaluation.name, justify="right")
    for row, values in table_of({e.name: score_column(e) for e in evaluations}):
        table.add_row(row.label, *values)
    return table


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""

    def work() -> int:
        arguments = parse(parser(), argv)
        from rich.console import Console

        from pii_seg.evaluation.evaluate import evaluate  # loads torch, which --help need not

        with progress_bar() as on_image:
            evaluations = evaluate(
                arguments.checkpoint,
                arguments.output,
                arguments.data,
                arguments.negatives,
                inference_settings(arguments),
                threshold=arguments.threshold,
                recall=arguments.recall,
                recall_of=arguments.recall_of,
                calibrate=arguments.calibrate,
                examples=arguments.examples,
                strict=arguments.strict,
                masks=mask_options(arguments),
                device=arguments.device,
                backend=arguments.backend,
                on_image=on_image,
            )
        Console().print(score_table(evaluations))
        print(arguments.output / "report.html")
        for note in (note for evaluation in evaluations for note in evaluation.notes):
            print(note, file=sys.stderr)
        faults = [fault for evaluation in evaluations for fault in evaluation.faults]
        if faults:
            print(f"{len(faults)} images were left out:", *faults, sep="\n  ", file=sys.stderr)
        return DONE

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
