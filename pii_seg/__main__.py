"""The `pii-seg` command: starts one of the commands of this package.

pii-seg COMMAND …    is    python -m pii_seg.COMMAND …
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Sequence

COMMANDS = {
    "train": ("pii_seg.train", "Train a person segmenter on rendered pairs and labelled photos."),
    "self-train": ("pii_seg.self_train", "Train a segmenter on photos without masks."),
    "evaluate": ("pii_seg.evaluate", "Measure a checkpoint and write a report."),
    "predict": ("pii_seg.predict", "Write a mask for every image."),
    "calibrate": ("pii_seg.calibrate", "Calibrate a checkpoint, so that it can promise a recall."),
    "export-model": ("pii_seg.export_model", "Export a checkpoint to onnx, openvino, torchscript."),
    "anonymize": ("pii_seg.anonymize.__main__", "Remove every person from images and videos."),
    "app": ("pii_seg.app.__main__", "Open a local web page to anonymise images by hand."),
    "build-model": ("pii_seg.build_model", "Build a segmenter to ship from a recipe."),
    "export-coco": ("pii_seg.export_coco", "Export a dataset to one COCO file."),
}
"""Command → (module with `main`, what it does)."""


def usage() -> str:
    """The text of `pii-seg --help`."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {what}" for name, (_, what) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: pii-seg COMMAND [options]",
            "",
            "Train a person segmenter, find the persons in images, and anonymise them.",
            "",
            *lines,
            "",
            "`pii-seg COMMAND --help` explains the options of a command.",
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the first argument names, and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage(), file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    name, *rest = arguments
    if name not in COMMANDS:
        near = difflib.get_close_matches(name.replace("_", "-"), COMMANDS, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        print(
            f"error: {name!r} is not a command; {hint}(pii-seg --help lists them)", file=sys.stderr
        )
        return 2
    # Imported here, so that the list of commands is shown at once.
    return importlib.import_module(COMMANDS[name][0]).main(rest)


if __name__ == "__main__":
    sys.exit(main())
