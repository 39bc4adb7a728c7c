"""Train a person segmenter on photos without masks.

  PROG --unlabelled photos --synthetic renders --output run
  PROG --unlabelled photos --recipe street --count 2000 --rounds 2 --output run
  PROG --unlabelled photos --synthetic renders --output run --stop-after pseudo-1

A teacher is trained on rendered pairs and labels the photos; diffusion repaints the persons in
copies of them; a student is trained on all of it. RUN/report/report.html shows the effect of each
step (docs/self_training.md). The same command resumes a run that was stopped.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from jsonargparse import ArgumentParser

from pii_seg.command_line import program_name, run_command
from pii_seg.errors import ConfigError
from pii_seg.train import MEMORY_REMEDY, work
from pii_seg.training_options import training_parser

EPILOG = """\
RUN/best.ckpt is the last model that passed the quality gate. Options of the trainings (--help-all)
are those of `train`. --print-config prints every value as a file for --config.
Exit codes: 0 success, 1 runtime failure, 2 invalid input (nothing started), 130 interrupted.
"""


def parser(*, everything: bool = False) -> ArgumentParser:
    """Create the parser; its help shows all options with `everything`."""
    description = (__doc__ or "").replace("PROG", program_name("self_train"))
    usage = "--unlabelled DIR (--synthetic DIR | --recipe NAME) --output RUN [options]"
    return training_parser("self_train", description, usage, EPILOG, everything=everything)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return run_command(
        lambda: work(parser(everything="--help-all" in given), given, self_training=True),
        wrong=(ConfigError,),
        failed=(ValueError, RuntimeError, ImportError),
        interrupted="error: interrupted at once; the same command resumes",
        memory_remedy=MEMORY_REMEDY,
    )


if __name__ == "__main__":
    sys.exit(main())
