"""Export a dataset to one COCO instances file with RLE masks.

python -m pii_seg.export_coco DATASET [--output FILE.json]
"""

from __future__ import annotations

import sys
from pathlib import Path

from jsonargparse import ArgumentParser

from blender_addon.dataset import DatasetError
from pii_seg.command_line import DONE, make_parser, parse, progress_bar, run_command


def parser() -> ArgumentParser:
    p = make_parser("export_coco", __doc__, "DATASET [--output FILE.json]")
    p.add_argument(
        "dataset",
        type=Path,
        metavar="DATASET",
        help="Read this folder with dataset.json and metadata.jsonl.",
    )
    p.add_argument(
        "--output",
        type=Path,
        metavar="FILE.json",
        help="Write this file (default: DATASET/coco.json).",
    )
    return p


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""

    def work() -> int:
        from pii_seg.data.coco_export import export_coco

        arguments = parse(parser(), argv)
        output = arguments.output or arguments.dataset / "coco.json"
        with progress_bar() as on_image:
            exported = export_coco(arguments.dataset, output, on_image=on_image)
        hidden = f"; {exported.hidden} hidden persons left out" if exported.hidden else ""
        print(f"{output}: {exported.images} images, {exported.annotations} persons{hidden}")
        return DONE

    return run_command(work, wrong=(DatasetError, OSError))


if __name__ == "__main__":
    sys.exit(main())
