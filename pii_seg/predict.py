"""Find the persons in images: a mask for each image, on request overlays and probabilities.

    python -m pii_seg.predict --checkpoint RUN/best.ckpt INPUT... --output DIR [options]

INPUT are image files, or folders of them (with their sub-folders). The output mirrors them:

    DIR/masks/NAME.png            255 person, 0 background; size of the image, EXIF rotation applied
    DIR/overlays/NAME.jpg         --overlay: the image with the persons tinted
    DIR/probabilities/NAME.png    --probability: 0..255 for 0..1, calibrated
    DIR/predict.json              checkpoint and settings, so that no run mixes two of them

A run that was stopped is resumed. Images that cannot be read are listed at the end (exit code 1);
the others are predicted all the same. The images themselves are only read.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser

from pii_seg.command_line import (
    DONE,
    FAILED,
    add_checkpoint_argument,
    add_device_argument,
    add_inference_arguments,
    add_threshold_argument,
    inference_settings,
    make_parser,
    parse,
    progress_bar,
    run_command,
)
from pii_seg.inference.backends.option import add_backend_argument

if TYPE_CHECKING:
    from pii_seg.inference.predict import Probability


def from_checkpoint(path: str | Path, *, device: str = "cpu") -> Probability:
    """Load a checkpoint for `diffusion_synth.run --segmenter`; see `inference.predict`."""
    from pii_seg.inference.predict import from_checkpoint as load

    return load(path, device=device)


def parser() -> ArgumentParser:
    p = make_parser("predict", __doc__, "--checkpoint CKPT INPUT... --output DIR [options]")
    p.add_argument(
        "inputs",
        type=Path,
        nargs="+",
        metavar="INPUT",
        help="Predict these image files, or folders of them.",
    )
    add_checkpoint_argument(p)
    p.add_argument("--output", type=Path, required=True, help="Write the masks to this folder.")
    p.add_argument(
        "--overlay", action="store_true", help="Also write the images with the persons tinted."
    )
    p.add_argument(
        "--probability", action="store_true", help="Also write the calibrated probabilities."
    )
    p.add_argument("--overwrite", action="store_true", help="Predict again what exists.")
    add_threshold_argument(p)
    add_device_argument(p)
    add_backend_argument(p)
    add_inference_arguments(p)
    return p


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""

    def work() -> int:
        arguments = parse(parser(), argv)
        from pii_seg.inference.predict import predict_files  # loads torch, which --help need not

        with progress_bar() as on_image:
            predicted = predict_files(
                arguments.checkpoint,
                arguments.inputs,
                arguments.output,
                inference_settings(arguments),
                threshold=arguments.threshold,
                overlay=arguments.overlay,
                with_probability=arguments.probability,
                overwrite=arguments.overwrite,
                device=arguments.device,
                backend=arguments.backend,
                on_image=on_image,
            )
        skipped = f", {predicted.skipped} skipped (they exist)" if predicted.skipped else ""
        print(f"{arguments.output}: {predicted.done} images predicted{skipped}")
        if predicted.failed:
            failures = f"{len(predicted.failed)} failed:"
            print(failures, *predicted.failed, sep="\n  ", file=sys.stderr)
        return FAILED if predicted.failed else DONE

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
