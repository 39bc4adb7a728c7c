"""`python -m pii_seg.train`: the command line of a training."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonargparse
import tomli_w

from pii_seg.command_line import DONE, INTERRUPTED, PlainHelp, run_command
from pii_seg.config import (
    AUGMENTATION_FACTORS,
    DATA_ROLES,
    SIZES,
    AugmentationConfig,
    BudgetConfig,
    DataConfig,
    MachineConfig,
    ModelConfig,
    OptimiserConfig,
    TrainConfig,
    check_removed_online,
    to_plain_data,
)
from pii_seg.errors import ConfigError, InputError
from pii_seg.selftrain.config import LoopConfig
from pii_seg.selftrain.gate import GateSettings
from pii_seg.selftrain.pseudo_labels import PseudoLabelSettings

if TYPE_CHECKING:
    from pii_seg.training.fit import FitResult

PROG = "python -m pii_seg.train"

DESCRIPTION = f"""\
Train a person segmenter on rendered pairs, labelled photographs, or both.

  {PROG} --synthetic renders --output run
  {PROG} --synthetic renders --labelled photos --validation test --minutes 60 --output run
  {PROG} --synthetic renders --backgrounds empty_rooms --negatives empty_rooms --output run
  {PROG} --synthetic renders --labelled photos --start_from run/best.ckpt --output finer
  {PROG} --synthetic renders --output run --resume

With --unlabelled it teaches itself (docs/self_training.md): a teacher labels the photographs, diffusion repaints the
persons in them, and a student learns from all of it; RUN/report/report.html says what each step was worth.

  {PROG} --unlabelled photos --synthetic renders --output run
  {PROG} --unlabelled photos --recipe street --count 2000 --rounds 2 --output run
  {PROG} --unlabelled photos --synthetic renders --output run --stop-after pseudo-1

A folder is a rendered dataset, images/ + masks/, a COCO .json file or a Pascal-VOC-like folder. Options that name
folders may be given several times. Everything is checked before training begins.
"""
EPILOG = """\
RUN/best.ckpt is what pii_seg.evaluate and pii_seg.predict take. Ctrl-C ends after the running step, and --resume goes
on from there. --print_config shows every value that may be changed, as a file for --config.
Exit codes: 0 done, 1 failed on the way, 2 nothing was started (wrong option, data or folder), 130 interrupted.
"""
LOOP_FOLDERS = {
    "unlabelled": "photographs without masks, to teach itself from",
    "test": "photographs with masks for the report alone: nothing is learnt from or chosen by them",
    "test_negatives": "the same that show nobody",
}
LOOP_SHORT = ("recipe", "count", "rounds", "teacher", "repaint", "generator")
SHORT = {
    "steps": (int, "N", "how long: steps of the optimiser"),
    "minutes": (float, "M", "how long: wall-clock time; it wins over steps when above 0"),
    "seed": (int, "S", "another seed, another course"),
}


def parser() -> jsonargparse.ArgumentParser:
    """The command line. Its names with a dot are those of `TrainConfig`, and of a --config file."""
    jsonargparse.set_parsing_settings(docstring_parse_attribute_docstrings=True)
    p = jsonargparse.ArgumentParser(
        prog=PROG,
        usage=f"{PROG} (--synthetic DIR | --labelled DIR) --output RUN [options]",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=PlainHelp,
        parser_mode="toml",
        exit_on_error=False,
        print_config=None,
    )
    p.add_argument(
        "--config", action="config", help="a TOML file with values for the options below"
    )
    p.add_argument(
        "--output",
        type=Path | None,
        metavar="RUN",
        help="the run's folder; made when it is not there",
    )
    p.add_argument(
        "--resume", action="store_true", help="go on with the run in --output, if there is one"
    )
    p.add_argument("--overwrite", action="store_true", help="delete the run in --output first")
    p.add_argument(
        "--size",
        choices=tuple(SIZES),
        help="of the model (default: small); --model.* changes it further",
    )
    p.add_argument(
        "--start_from", type=str, default="", metavar="CKPT",
        help="begin with the weights of another training, such as one on renders alone",
    )  # fmt: skip
    p.add_argument(
        "--print_config", action="store_true", help="print the whole configuration as TOML, and end"
    )
    p.add_argument(
        "--without", type=str, nargs="+", action="extend", default=[], metavar="FACTOR",
        help=f"leave out augmentations: {', '.join(AUGMENTATION_FACTORS)}",
    )  # fmt: skip
    for name, what in DATA_ROLES.items():
        p.add_argument(
            f"--data.{name}", f"--{name}", type=str, nargs="+", default=[], metavar="DIR", help=what
        )
    for name, what in LOOP_FOLDERS.items():
        p.add_argument(
            f"--loop.{name}", f"--{name}", type=str, nargs="+", default=[], metavar="DIR", help=what
        )
    p.add_argument(
        "--from",
        dest="begin_at",
        type=str,
        metavar="STAGE",
        help="self-training: take what lies before it as it is",
    )
    p.add_argument(
        "--stop-after",
        dest="stop_after",
        type=str,
        metavar="STAGE",
        help="self-training: end when it is done",
    )
    for name, (kind, metavar, what) in SHORT.items():
        default = getattr(BudgetConfig(), name)
        p.add_argument(
            f"--budget.{name}", f"--{name}", type=kind, default=default, metavar=metavar, help=what
        )
    p.add_class_arguments(DataConfig, "data", skip=set(DATA_ROLES))
    p.add_class_arguments(ModelConfig, "model")
    p.add_class_arguments(AugmentationConfig, "augmentation")
    p.add_class_arguments(OptimiserConfig, "optimiser")
    # Configuration files of earlier versions have this section.
    p.add_argument("--online", type=dict, default={}, help=jsonargparse.SUPPRESS)
    p.add_class_arguments(BudgetConfig, "budget", skip=set(SHORT))
    p.add_class_arguments(MachineConfig, "machine")
    own = {"training", "labels", "gate", *LOOP_FOLDERS}
    p.add_class_arguments(LoopConfig, "loop", skip=own)
    p.add_class_arguments(PseudoLabelSettings, "labels")
    p.add_class_arguments(GateSettings, "gate")
    return p


def read_arguments(arguments: Sequence[str]) -> tuple[TrainConfig | LoopConfig, Any]:
    """(the configuration, the remaining options: output, resume, overwrite, …). Raises what makes no sense.

    It is a LoopConfig when there are unlabelled photographs.
    """
    early, rest = _early([_long(argument) for argument in arguments])
    p = parser()
    p.set_defaults(
        {f"model.{name}": value for name, value in dataclasses.asdict(SIZES[early.size]).items()}
    )
    options = p.parse_args(rest)
    check_removed_online(vars(options), "--config")
    if options.output is None and not options.print_config:
        raise InputError("--output is missing: the folder for the run")
    data: dict[str, Any] = {
        key: tuple(getattr(early, key) or value) if key in DATA_ROLES else value
        for key, value in vars(options.data).items()
    }
    augmentation = AugmentationConfig(**vars(options.augmentation)).without(*options.without)
    config = TrainConfig(
        data=DataConfig(**data),
        start_from=options.start_from,
        model=ModelConfig(**vars(options.model)),
        augmentation=augmentation,
        optimiser=OptimiserConfig(**vars(options.optimiser)),
        budget=BudgetConfig(**vars(options.budget)),
        machine=MachineConfig(**vars(options.machine)),
    )
    loop = {
        key: getattr(early, key) or value if key in LOOP_FOLDERS else value
        for key, value in vars(options.loop).items()
    }
    if not loop["unlabelled"]:
        if options.begin_at or options.stop_after:
            raise InputError(
                "--from and --stop-after choose stages of self-training: give --unlabelled"
            )
        return config, options
    if options.resume or options.overwrite:
        raise InputError(
            "self-training goes on by itself; delete a stage's folder to have it made again"
        )
    loop = {key: tuple(value) if isinstance(value, list) else value for key, value in loop.items()}
    labels, gate = PseudoLabelSettings(**vars(options.labels)), GateSettings(**vars(options.gate))
    return LoopConfig(config, **loop, labels=labels, gate=gate), options


def _long(argument: str) -> str:
    """Self-training's short names: jsonargparse has none for the fields of a class."""
    name, equals, value = argument.partition("=")
    return (
        f"--loop.{name[2:]}{equals}{value}"
        if name[2:] in LOOP_SHORT and name[:2] == "--"
        else argument
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code; an error is one line on standard error."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    _quieten()

    def work() -> int:
        try:
            config, options = read_arguments(arguments)
        except SystemExit as leave:  # --help has spoken
            return int(leave.code or 0)
        except (ValueError, TypeError, jsonargparse.ArgumentError, argparse.ArgumentError) as error:
            raise InputError(f"{error}  (--help explains)") from None
        if options.print_config:
            whole = config.resolved() if isinstance(config, LoopConfig) else to_plain_data(config)
            print(tomli_w.dumps(whole), end="")
            return DONE
        if isinstance(config, LoopConfig):
            return self_training(config, options)
        # Here, because Lightning takes seconds to import: --help and a mistyped option need not wait for it.
        from pii_seg.training.fit import fit, is_first_process

        _quieten_libraries()
        result = fit(config, options.output, resume=options.resume, overwrite=options.overwrite)
        if is_first_process():
            print(summary(result))
        return INTERRUPTED if result.ended == "interrupted" else DONE

    return run_command(
        work,
        wrong=(ConfigError,),
        failed=(ValueError, RuntimeError, ImportError),
        interrupted="error: interrupted at once; --resume goes on from the last validation",
    )


def self_training(config: LoopConfig, options: Any) -> int:
    """The stages that are due. Returns the exit code."""
    from pii_seg.selftrain.loop import self_train
    from pii_seg.selftrain.stages import Stopped

    _quieten_libraries()
    root: Path = options.output
    if root.exists() and not root.is_dir():
        raise InputError(f"{root}: is a file; --output must be a folder")

    def log(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    if config.training.machine.threads:
        import torch

        torch.set_num_threads(config.training.machine.threads)
    try:
        outcome = self_train(
            config, root, begin_at=options.begin_at, stop_after=options.stop_after,
            device=device_of(config.training.machine.device), log=log,
        )  # fmt: skip
    except Stopped as stopped:
        log(str(stopped))
        return DONE
    print(f"{outcome.best}: {outcome.chosen}; {outcome.report}")
    return DONE


def device_of(name: str) -> str:
    """For inference, of the name that Lightning has for an accelerator."""
    import torch

    if name in ("auto", "gpu", "cuda"):
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name


def summary(result: FitResult) -> str:
    """What a user wants to know at the end."""
    how = {"interrupted": "interrupted; --resume goes on", "early": "ended early: no more progress"}
    said = how.get(result.ended, "finished")
    best = (
        f"{result.best}: person IoU {result.iou:.3f} on validation"
        if result.best.exists()
        else "nothing validated yet"
    )
    return f"{best}; {said} after {result.steps} steps, {result.seconds:.0f} s"


def _early(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """What jsonargparse must not be left alone with, and the other arguments.

    --size sets the defaults of other options and so must be known before them. --config must be a file: what is none
    jsonargparse takes for the configuration itself, and its complaint would puzzle. Of a list that is given twice it
    keeps the second where the list's own name has a dot, as the folders' have; users mean both.
    """
    early = argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False)
    for section, names in (("data", DATA_ROLES), ("loop", LOOP_FOLDERS)):
        for name in names:
            early.add_argument(
                f"--{name}", f"--{section}.{name}", dest=name, action="extend", nargs="+"
            )
    _, rest = early.parse_known_args(list(arguments))
    early.add_argument("--size", choices=tuple(SIZES), default="small")
    early.add_argument("--config", type=Path)
    found, _ = early.parse_known_args(list(arguments))
    if found.config is not None and not found.config.is_file():
        raise InputError(f"{found.config}: no such file; --config takes a TOML file")
    return found, rest


_HANDLER = "pii_seg command line"


def _quieten() -> None:
    """Leave the terminal to what users care about."""
    ours = logging.getLogger("pii_seg")
    ours.setLevel(logging.INFO)
    # A handler of our own: the root logger may belong to whoever called, and have one already.
    for handler in [handler for handler in ours.handlers if handler.name == _HANDLER]:
        ours.removeHandler(handler)
    handler = logging.StreamHandler(sys.stderr)
    handler.name = _HANDLER
    ours.addHandler(handler)
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")


def _quieten_libraries() -> None:
    """They speak of accelerators that are not there. Once they are imported, which is when Lightning sets its level."""
    for name in ("pytorch_lightning", "lightning_fabric", "timm", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.ERROR)


if __name__ == "__main__":
    sys.exit(main())
