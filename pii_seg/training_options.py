"""The options of `train` and `self-train`. Imported by these commands only."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jsonargparse

from pii_seg.augmentation_config import AUGMENTATION_FACTORS
from pii_seg.command_line import make_parser, parse, with_hyphens
from pii_seg.config import (
    DATA_ROLES,
    GIVEN_ROLES,
    SIZES,
    AugmentationConfig,
    BudgetConfig,
    DataConfig,
    MachineConfig,
    ModelConfig,
    OptimiserConfig,
    TrainConfig,
)
from pii_seg.config_history import check_removed_online
from pii_seg.config_options import add_config_options, merge_repeated
from pii_seg.errors import InputError
from pii_seg.selftrain.config import LoopConfig
from pii_seg.selftrain.gate import GateSettings
from pii_seg.selftrain.pseudo_labels import PseudoLabelSettings

# Fields that also have an option without their section.
SHORT = {
    "data": (*DATA_ROLES, "mask_code", "person_class"),
    "budget": ("steps", "minutes", "seed"),
    "loop": (
        "unlabelled",
        "test",
        "test_negatives",
        "recipe",
        "count",
        "rounds",
        "teacher",
        "repaint",
        "generator",
    ),
}
# Fields whose options are shown without --help-all.
COMMON = {
    "data": ("size", "batch_size", "held_out"),
    "model": ("encoder", "decoder", "weights"),
    "optimiser": ("learning_rate",),
    "budget": ("steps", "minutes", "validate_every", "patience", "seed"),
    "machine": ("device", "precision", "workers"),
}
SHOWN = {
    "train": {
        **COMMON,
        "data": (*DATA_ROLES, "mask_code", "person_class", *COMMON["data"]),
        "loop": ("unlabelled",),
    },
    "self_train": {
        "data": (*GIVEN_ROLES, "mask_code", "person_class"),
        "budget": ("steps", "minutes", "seed"),
        "machine": ("device", "workers"),
        "loop": (*SHORT["loop"], "repaint_most", "scales", "examples"),
    },
}
SECTIONS: tuple[tuple[str, type], ...] = (
    ("data", DataConfig),
    ("loop", LoopConfig),
    ("budget", BudgetConfig),
    ("model", ModelConfig),
    ("machine", MachineConfig),
    ("optimiser", OptimiserConfig),
    ("augmentation", AugmentationConfig),
    ("labels", PseudoLabelSettings),
    ("gate", GateSettings),
)
TITLES = {"loop": "self-training", "labels": "pseudo-labels", "gate": "quality gate"}
NESTED = ("training", "labels", "gate")  # of LoopConfig: sections of their own


def training_parser(
    command: str, description: str, usage: str, epilog: str, *, everything: bool
) -> jsonargparse.ArgumentParser:
    """Create the parser of `train` or `self_train`; both accept the same options.

    Args:
        command: "train" or "self_train", which decides the options that the help shows.
        description: Text above the options.
        usage: The arguments as the first line of the help shows them.
        epilog: Text below the options.
        everything: Show all options in the help.
    """
    p = make_parser(command, description, usage, epilog=epilog, print_config=None)
    _add_run_options(p, command, everything=everything)
    # Configuration files of earlier versions have this section.
    p.add_argument("--online", type=dict, default={}, help=argparse.SUPPRESS)
    for section, config in SECTIONS:
        shown = SHOWN[command].get(section, ())
        add_config_options(
            p.add_argument_group(TITLES.get(section, section)),
            config,
            section,
            is_shown=_is_shown(shown, everything),
            short=SHORT.get(section, ()),
            skip=NESTED if section == "loop" else (),
            default_text="that of --size" if section == "model" else "",
        )
    return p


def _is_shown(fields: Sequence[str], everything: bool) -> Callable[[str], bool]:
    return lambda field: everything or field in fields


def _add_run_options(p: jsonargparse.ArgumentParser, command: str, *, everything: bool) -> None:
    """Add the options that are no field of a configuration."""

    def add(name: str, text: str, *, shown_by: str = "", **details: Any) -> None:
        shown = everything or shown_by in ("", command)
        p.add_argument(name, help=text if shown else argparse.SUPPRESS, **details)

    _add_training_options(add)
    _add_stage_options(add)
    add("--print-config", "Print the whole configuration as TOML and exit.", action="store_true")
    add("--help-all", "Show the help of all options and exit.", action="store_true")


def _add_training_options(add: Callable[..., None]) -> None:
    add("--output", "Write the run to this folder.", type=Path | None, metavar="RUN")
    add(
        "--size",
        "Use the model of this size; --model.* options change it further.",
        choices=tuple(SIZES),
        default="small",
    )
    add(
        "--resume",
        "Resume the run in --output; start one if there is none.",
        shown_by="train",
        action="store_true",
    )
    add(
        "--overwrite",
        "Delete the run in --output first.",
        shown_by="train",
        action="store_true",
    )
    add(
        "--start-from",
        "Start from the weights of this checkpoint, such as one trained on renders alone "
        "(default: none).",
        shown_by="train",
        type=str,
        default="",
        metavar="CKPT",
    )
    add(
        "--without",
        f"Leave out these augmentations: {', '.join(AUGMENTATION_FACTORS)} (default: none).",
        shown_by="train",
        type=str,
        nargs="+",
        action="extend",
        default=[],
        metavar="FACTOR",
    )


def _add_stage_options(add: Callable[..., None]) -> None:
    add(
        "--from",
        "Start self-training at this stage and keep earlier ones as they are (default: the first "
        "one that is not done).",
        shown_by="self_train",
        dest="begin_at",
        type=str,
        metavar="STAGE",
    )
    add(
        "--stop-after",
        "Stop self-training after this stage (default: run all stages).",
        shown_by="self_train",
        type=str,
        metavar="STAGE",
    )


def read_arguments(
    parser: jsonargparse.ArgumentParser, arguments: Sequence[str]
) -> tuple[TrainConfig | LoopConfig, Any]:
    """Parse the arguments and make the configuration.

    Returns:
        A LoopConfig when there are unlabelled photos, else a TrainConfig; and all options.

    Raises:
        InputError, ConfigError: The arguments are wrong, or exclude each other.
    """
    options = parse(parser, merge_repeated(parser, with_hyphens(arguments)))
    for section, _ in SECTIONS:
        if not isinstance(getattr(options, section), jsonargparse.Namespace):
            raise InputError(f"{section} is a value; expected a table, [{section}]")
    check_removed_online(vars(options), "--config")
    if options.output is None and not options.print_config:
        raise InputError("--output is missing; give the folder for the run")
    model = {name: value for name, value in vars(options.model).items() if value is not None}
    config = TrainConfig(
        data=DataConfig(**_tuples(options.data)),
        start_from=options.start_from,
        model=dataclasses.replace(SIZES[options.size], **model),
        augmentation=AugmentationConfig(**vars(options.augmentation)).without(*options.without),
        optimiser=OptimiserConfig(**vars(options.optimiser)),
        budget=BudgetConfig(**vars(options.budget)),
        machine=MachineConfig(**vars(options.machine)),
    )
    if not options.loop.unlabelled:
        if options.begin_at or options.stop_after:
            raise InputError(
                "--from and --stop-after choose stages of self-training; give --unlabelled too"
            )
        return config, options
    if options.resume or options.overwrite:
        raise InputError(
            "self-training always resumes; delete the folder of a stage to run it again"
        )
    labels, gate = PseudoLabelSettings(**vars(options.labels)), GateSettings(**vars(options.gate))
    return LoopConfig(config, **_tuples(options.loop), labels=labels, gate=gate), options


def _tuples(section: jsonargparse.Namespace) -> dict[str, Any]:
    """The values of a section, with tuples for lists as the dataclasses have them."""
    values = vars(section).items()
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values}
