"""Measure everything that a GPU is for, in one run of at most ten minutes.

    python -m benchmarks.gpu --renders RENDERS --output RESULTS
    python -m benchmarks.gpu --output RESULTS --only attention pipeline-sdxl
    python -m benchmarks.gpu --output RESULTS --skip generator segmenter --budget 300
    python -m benchmarks.gpu --output TEST --renders RENDERS --device cpu --tiny   # a test

Every part runs in a process of its own with a limit of time, and writes RESULTS/PART.json with each
figure that it gets, and RESULTS/PART.log. A part that fails does not stop the others. What a part
does not use of its time goes to those after it. At the end a table is printed and written to
RESULTS/summary.md.

Exit codes: 0 all parts ran and all checks hold, 1 a part did not, 2 invalid options, 130
interrupted.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gpu.report import show
from benchmarks.gpu.runner import (
    PARTS,
    chosen_parts,
    ended_by_sigterm,
    fixed_seconds,
    run_all,
    run_part,
)

LEAST_SECONDS = 1.0  # for every part whose length is not given


def parser() -> argparse.ArgumentParser:
    """Create the parser."""
    listing = "\n".join(f"  {name:14} {part.about}" for name, part in PARTS.items())
    p = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=f"{__doc__}\nParts:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("--output", type=Path, required=True, help="Write to this folder (required).")
    p.add_argument(
        "--renders", type=Path, nargs="+", default=[], metavar="DATASET",
        help="Train generator and segmenter on these datasets; without any they do not run.",
    )  # fmt: skip
    p.add_argument(
        "--only", nargs="+", choices=PARTS, default=[], metavar="PART",
        help="Run these parts alone (default: all).",
    )  # fmt: skip
    p.add_argument(
        "--skip", nargs="+", choices=PARTS, default=[], metavar="PART",
        help="Skip these parts (default: none).",
    )  # fmt: skip
    p.add_argument(
        "--budget", type=float, default=570, metavar="SECONDS",
        help="Take at most this time in all (default: 570).",
    )  # fmt: skip
    for name in ("generator", "segmenter"):
        p.add_argument(
            f"--{name}-minutes", type=float, metavar="MINUTES",
            help=f"Train the {name} for this time (default: its share of the budget).",
        )  # fmt: skip
    p.add_argument("--device", default="cuda", help="Use this device of torch (default: cuda).")
    p.add_argument(
        "--tiny", action="store_true",
        help="Use tiny sizes, to test the program: the figures mean nothing (default: off).",
    )  # fmt: skip
    p.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)  # in the part's own process
    p.add_argument("--seconds", type=float, help=argparse.SUPPRESS)
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    p = parser()
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = p.parse_args(given)
    options.arguments = given
    if options.part:
        return run_part(options.part, options.seconds, options)
    names = chosen_parts(options.only, options.skip)
    if not names:
        p.error("no part is left; give other names to --only and --skip")
    for folder in options.renders:
        if not (folder / "metadata.jsonl").is_file():
            p.error(f"--renders {folder}: expected a dataset with metadata.jsonl")
    for name in ("generator_minutes", "segmenter_minutes"):
        minutes = getattr(options, name)
        if minutes is not None and not 0 < minutes < math.inf:
            p.error(f"--{name.replace('_', '-')} must be above 0, got {minutes:g}")
    fixed = [fixed_seconds(name, options) for name in names]
    if options.budget < (least := sum(fixed) + LEAST_SECONDS * fixed.count(0)):
        p.error(f"--budget {options.budget:g}: these parts take at least {least:.0f} s")
    options.output.mkdir(parents=True, exist_ok=True)
    try:
        with ended_by_sigterm():
            records = run_all(names, options)
    except KeyboardInterrupt:
        print(f"interrupted; {options.output} has what was measured", file=sys.stderr)
        return 130
    show(records, options.output)
    return 0 if all(record.succeeded for record in records) else 1


if __name__ == "__main__":
    sys.exit(main())
