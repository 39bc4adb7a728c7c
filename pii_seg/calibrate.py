"""Calibrate a checkpoint on images with masks, so that it can promise a recall.

    python -m pii_seg.calibrate --checkpoint RUN/best.ckpt --data DIR [--output RUN/calibrated.ckpt]

Writes the checkpoint again with two additions: a temperature, which calibrates the probabilities
and leaves the masks as they are, and the promise of `pii_seg.evaluation.conformal`, from which the
threshold of any --recall follows later without the images. Where the masks tell persons apart
(renders, COCO, instances/ beside masks/), a promise per person is added: any --person-recall, and
the margin of --dilate auto, follow from it. Prints the cost of each recall. A promise holds for
images like those in DIR, predicted with the same settings: give the same --size, --tiles, --scales,
--flip and --merge here and later. It is bound to the back end too: the one that calibrates is the
one that must predict.

The --recall of `pii_seg.evaluate` is a measurement on given images, not a promise about others.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser

from pii_seg.command_line import (
    DONE,
    add_checkpoint_argument,
    add_device_argument,
    add_inference_arguments,
    add_mask_arguments,
    inference_settings,
    make_parser,
    mask_options,
    parse,
    progress_bar,
    run_command,
)
from pii_seg.inference.backends.option import add_backend_argument

if TYPE_CHECKING:
    from pii_seg.evaluation.risk_bounds import Confidence


def parse_confidence(text: str) -> Confidence:
    """Read a number or 'expectation'; the library rejects numbers outside 0..1."""
    return "expectation" if text == "expectation" else float(text)


def parser() -> ArgumentParser:
    p = make_parser("calibrate", __doc__, "--checkpoint CKPT --data DIR... [options]")
    add_checkpoint_argument(p)
    p.add_argument(
        "--data",
        type=Path,
        nargs="+",
        required=True,
        help="Calibrate on these images with masks, like yours and unknown to the training: a "
        "dataset, images/ + masks/, COCO JSON, Pascal VOC; or a folder of several, used together.",
    )
    p.add_argument(
        "--output",
        type=Path,
        help="Write the calibrated checkpoint to this file (default: calibrated.ckpt beside the "
        "other).",
    )
    p.add_argument(
        "--confidence",
        type=parse_confidence,
        default=0.95,
        help="Promise with this probability, over the draw of the calibration images; "
        "'expectation' promises on average over such draws, which is weaker and needs fewer "
        "images.",
    )
    add_device_argument(p)
    add_backend_argument(p)
    p.add_argument("--strict", action="store_true", help="Fail on an image that cannot be read.")
    add_mask_arguments(p)
    add_inference_arguments(p, tiles="auto")  # as pii_seg.anonymize, which uses the promise
    return p


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""

    def work() -> int:
        arguments = parse(parser(), argv)
        from rich.console import Console

        from pii_seg.evaluation.calibrate import calibrate  # loads torch, which --help need not
        from pii_seg.evaluation.promise_tables import RECALLS, person_table, promise_table

        with progress_bar() as on_image:
            result = calibrate(
                arguments.checkpoint,
                arguments.data,
                arguments.output,
                inference_settings(arguments, tiles="auto"),
                confidence=arguments.confidence,
                strict=arguments.strict,
                masks=mask_options(arguments),
                device=arguments.device,
                backend=arguments.backend,
                on_image=on_image,
            )
        temperature, persons = result.temperature, result.persons
        Console().print(promise_table(result.promise, temperature))
        if reached := [recall for recall in RECALLS if recall <= result.promise.best_recall]:
            print(result.promise.statement(reached[-1]))
        if persons is not None:
            at = {"temperature": temperature, "threshold": result.threshold}
            Console().print(person_table(persons, result.promise, **at))
        for note in result.notes:
            print(note, file=sys.stderr)
        for caution in result.cautions:
            print(f"warning: {caution}", file=sys.stderr)
        print(result.output)
        return DONE

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
