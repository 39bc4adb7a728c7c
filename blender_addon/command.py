"""The command `pii-synth`: renders datasets and prepares what they are made from.

    pii-synth batch --preset street --output renders --count 1000
    pii-synth contact-sheet renders
    pii-synth convert-body SMPL_FEMALE.pkl --output smpl_female.npz

Each is imported when it is asked for, so that --help needs neither Blender nor numpy.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

PROG = "pii-synth"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one of COMMANDS; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in COMMANDS:
        name = arguments[0]
        return COMMANDS[name][1](arguments[1:], f"{PROG} {name}")
    width = max(map(len, COMMANDS))
    parser = argparse.ArgumentParser(
        prog=PROG,
        description="Render people who never existed, with exact masks.\n\ncommands:\n"
        + "\n".join(f"  {name:<{width}}  {doc}" for name, (doc, _) in COMMANDS.items()),
        epilog=f"`{PROG} COMMAND --help` explains the options of a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "command",
        metavar="COMMAND",
        choices=tuple(COMMANDS),
        help="One of the commands above to run.",
    )
    try:
        parser.parse_args(arguments[:1])
    except SystemExit as leave:
        return int(leave.code or 0)
    return 0


def _batch(arguments: list[str], prog: str) -> int:
    from .datagen.command_line import main as batch

    return batch(arguments, prog=prog)


def _contact_sheet(arguments: list[str], prog: str) -> int:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Put the first pairs of a dataset on one PNG, beside its dataset.json.",
        epilog="Exit codes: 0 success, 2 invalid input (nothing written).",
    )
    parser.add_argument(
        "dataset", type=Path, metavar="DATASET", help="Folder of the dataset to show."
    )
    parser.add_argument(
        "--count", type=int, default=24, metavar="N", help="Number of pairs to show (default: 24)."
    )
    try:
        options = parser.parse_args(arguments)
    except SystemExit as leave:
        return int(leave.code or 0)

    from .datagen.exit_codes import ERROR_PREFIX, INVALID_INPUT, SUCCESS
    from .datagen.generate import write_contact_sheet
    from .dataset import read_info
    from .render.compat import import_bpy

    try:
        read_info(options.dataset)
        import_bpy()  # decodes JPEG
        print(write_contact_sheet(options.dataset, options.count))
    except (OSError, ValueError, ImportError) as error:
        print(f"{ERROR_PREFIX}{error}", file=sys.stderr)
        return INVALID_INPUT
    return SUCCESS


def _convert_body(arguments: list[str], prog: str) -> int:
    from .bodies.convert import main as convert

    return convert(arguments, prog=prog)


COMMANDS: dict[str, tuple[str, Callable[[list[str], str], int]]] = {
    "batch": ("Render a dataset from a recipe.", _batch),
    "contact-sheet": ("Put the first pairs of a dataset on one image.", _contact_sheet),
    "convert-body": ("Turn a SMPL, SMPL-H or SMPL-X file into one checked .npz.", _convert_body),
}


if __name__ == "__main__":
    sys.exit(main())
