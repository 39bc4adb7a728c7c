"""Train a person segmenter on rendered pairs, photos with masks, or both.

  PROG --synthetic renders --output run
  PROG --synthetic renders --labelled photos --validation test --minutes 60 --output run
  PROG --synthetic renders --backgrounds empty_rooms --negatives empty_rooms --output run
  PROG --synthetic renders --labelled photos --start-from run/best.ckpt --output finer
  PROG --synthetic renders --output run --resume

A folder is a rendered dataset, images/ + masks/, a COCO .json file or a Pascal-VOC-like folder.
Options that name folders may be given several times. All inputs are checked before the training
starts. With --unlabelled, photos without masks are used too: see self-train.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w
from jsonargparse import ArgumentParser

from pii_seg.command_line import (
    DONE,
    INTERRUPTED,
    program_name,
    quiet_libraries,
    run_command,
)
from pii_seg.config import TrainConfig, to_plain_data
from pii_seg.errors import ConfigError, InputError
from pii_seg.selftrain.config import LoopConfig
from pii_seg.training.slurm import requeued_on_signal
from pii_seg.training_options import read_arguments, training_parser

if TYPE_CHECKING:
    from pii_seg.training.fit import FitResult

MEMORY_REMEDY = "use a smaller --data.batch-size, --data.size or --machine.memory-mb"
EPILOG = """\
RUN/best.ckpt is the checkpoint for evaluate and predict. Ctrl-C stops after the current step, and
--resume continues from there. --print-config prints every value as a file for --config.
Exit codes: 0 success, 1 runtime failure, 2 invalid input (nothing started), 130 interrupted.
"""


def parser(*, everything: bool = False) -> ArgumentParser:
    """Create the parser; its help shows all options with `everything`."""
    description = (__doc__ or "").replace("PROG", program_name("train"))
    usage = "(--synthetic DIR | --labelled DIR) --output RUN [options]"
    return training_parser("train", description, usage, EPILOG, everything=everything)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return run_command(
        lambda: work(parser(everything="--help-all" in given), given),
        wrong=(ConfigError,),
        failed=(ValueError, RuntimeError, ImportError),
        interrupted="error: interrupted at once; --resume continues from the last validation",
        memory_remedy=MEMORY_REMEDY,
    )


def work(p: ArgumentParser, given: Sequence[str], *, self_training: bool = False) -> int:
    """Parse the arguments, and train. Returns the exit code.

    Args:
        p: The parser of `train` or `self-train`.
        given: The arguments.
        self_training: Whether --unlabelled is required.
    """
    if "--help-all" in given:
        p.print_help()
        return DONE
    try:
        config, options = read_arguments(p, given)
    except SystemExit as end:  # --help has printed the help
        return int(end.code or 0)
    except (ValueError, TypeError) as error:
        hint = "" if "--help" in str(error) else "  (--help explains the options)"
        raise InputError(f"{error}{hint}") from None
    if options.print_config:
        whole = config.resolved() if isinstance(config, LoopConfig) else to_plain_data(config)
        print(tomli_w.dumps(whole), end="")
        return DONE
    with requeued_on_signal():
        if isinstance(config, LoopConfig):
            return run_self_training(config, options)
        if self_training:
            raise InputError("--unlabelled is missing; give the folder of the photos without masks")
        return run_training(config, options)


def run_training(config: TrainConfig, options: Any) -> int:
    """Train once. Returns the exit code."""
    # Imported here, so that --help and a wrong option need not wait for Lightning.
    from pii_seg.training.fit import fit
    from pii_seg.training.machine import is_first_process

    quiet_libraries()
    result = fit(config, options.output, resume=options.resume, overwrite=options.overwrite)
    if is_first_process():
        print(summary(result))
    return INTERRUPTED if result.ended == "interrupted" else DONE


def run_self_training(config: LoopConfig, options: Any) -> int:
    """Run the stages of self-training that are not done. Returns the exit code."""
    import torch

    from pii_seg.selftrain.loop import self_train
    from pii_seg.selftrain.stages import Stopped
    from pii_seg.training.machine import device_of

    quiet_libraries()
    root: Path = options.output
    if root.exists() and not root.is_dir():
        raise InputError(f"--output {root}: is a file; expected a folder")

    log = partial(print, file=sys.stderr, flush=True)
    if config.training.machine.threads:
        torch.set_num_threads(config.training.machine.threads)
    device = device_of(config.training.machine)
    try:
        stages = {"begin_at": options.begin_at, "stop_after": options.stop_after}
        outcome = self_train(config, root, **stages, device=device, log=log)
    except Stopped as stopped:
        log(str(stopped))
        return DONE
    print(f"{outcome.best}: {outcome.chosen}; {outcome.report}")
    return DONE


def summary(result: FitResult) -> str:
    """Describe a finished training in one line."""
    ends = {"interrupted": "interrupted; --resume continues", "early": "stopped early"}
    end, best = ends.get(result.ended, "finished"), "no validation yet"
    if result.best.exists():
        best = f"{result.best}: person IoU {result.iou:.3f} on validation"
    return f"{best}; {end} after {result.steps} steps, {result.seconds:.0f} s"


if __name__ == "__main__":
    sys.exit(main())
