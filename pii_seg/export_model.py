"""Export a checkpoint to a model that other programs run, and that this one runs faster.

    python -m pii_seg.export_model --checkpoint CKPT --to onnx --output DIR
    python -m pii_seg.export_model --checkpoint CKPT --to openvino --output DIR --int8 IMAGES

The model maps RGB tiles, uint8 (B, h, w, 3), to logits, float32 (B, h, w); it normalises, pads, and
divides by the temperature. Its probabilities are compared with those of the checkpoint: a
difference above 0.0001 is an error. With --int8 they differ more; --gate measures what that costs.

    DIR/segmenter.json                    threshold, calibration, hashes of the files
    DIR/model.onnx | model.xml, .bin | model.pt

Wherever a command takes --checkpoint, it takes DIR of onnx and openvino too. TorchScript is for
other programs.
"""

from __future__ import annotations

import re
import sys
from argparse import ArgumentTypeError
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from pii_seg.command_line import (
    DONE,
    add_checkpoint_argument,
    add_mask_arguments,
    make_parser,
    mask_options,
    parse,
    run_command,
)
from pii_seg.errors import InputError

FORMATS = ("onnx", "openvino", "torchscript")


def parse_shape(text: str) -> tuple[int, int, int]:
    """Read BATCHxHEIGHTxWIDTH."""
    if not re.fullmatch(r"\d{1,4}x\d{1,5}x\d{1,5}", text):
        raise ArgumentTypeError(f"{text!r}: expected BATCHxHEIGHTxWIDTH, such as 1x480x640")
    batch, height, width = map(int, text.split("x"))
    if not (batch and height and width):
        raise ArgumentTypeError(f"{text!r}: sides must be at least 1")
    return batch, height, width


def parser() -> ArgumentParser:
    p = make_parser("export_model", __doc__, "--checkpoint CKPT --to FORMAT --output DIR [options]")
    add_checkpoint_argument(p)
    p.add_argument("--to", choices=FORMATS, required=True, help="Export to this format.")
    p.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="Write the export to this folder."
    )
    p.add_argument(
        "--shape",
        type=parse_shape,
        metavar="BxHxW",
        help="Accept only tiles of this number and size, such as 1x480x640 (default: any).",
    )
    p.add_argument(
        "--int8",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="Compute in 8 bits, with the ranges that these images show; some 200 images like "
        "yours, without masks, are enough (default: float32).",
    )
    p.add_argument(
        "--gate",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="With --int8, accept the export only if on these images with masks it loses at most "
        "0.3% of the person pixels and gains at most 0.3% of false area (default: not measured).",
    )
    add_mask_arguments(p)
    return p


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""

    def work() -> int:
        arguments = parse(parser(), argv)
        if arguments.gate and not arguments.int8:
            raise InputError(
                "--gate: is for --int8; float32 is compared with the checkpoint anyway"
            )
        export(arguments)
        return DONE

    return run_command(work)


def export(arguments: Namespace) -> None:
    """Write the export that the arguments ask for, and say what it is."""
    from pii_seg.inference.engine import bound_engine
    from pii_seg.inference.export.write import write_export
    from pii_seg.models.checkpoint import load_checkpoint
    from pii_seg.models.checkpoint_hash import checkpoint_sha256

    checkpoint = load_checkpoint(arguments.checkpoint)
    sha256 = checkpoint_sha256(arguments.checkpoint)
    if arguments.int8:
        from pii_seg.inference.export.int8 import write_int8
        from pii_seg.inference.predict import find_images

        images = [image.path for image in find_images(arguments.int8)]
        written = write_int8(
            checkpoint,
            sha256,
            images,
            arguments.output,
            arguments.to,
            shape=arguments.shape,
            accept=lambda folder: _measure(arguments, folder),
        )
    else:
        written = write_export(
            checkpoint, sha256, arguments.output, arguments.to, shape=arguments.shape
        )
    print(f"{arguments.output}: {written.format}, {written.precision}")
    if (engine := bound_engine(checkpoint.calibration)) is not None:
        print(
            f"warning: the checkpoint is calibrated for {engine.get('backend')}, and the export is "
            "refused elsewhere; calibrate it: python -m pii_seg.calibrate --checkpoint "
            f"{arguments.output}",
            file=sys.stderr,
        )


def _measure(arguments: Namespace, folder: Path) -> None:
    """Measure an export in 8 bits. Raises CheckpointError if it loses too much."""
    if not arguments.gate:
        print("warning: 8 bits are not measured; give --gate images with masks", file=sys.stderr)
        return
    from pii_seg.evaluation.int8_gate import compare_on, require_passed

    result = compare_on(arguments.checkpoint, folder, arguments.gate, masks=mask_options(arguments))
    require_passed(result)
    print(result)


if __name__ == "__main__":
    sys.exit(main())
