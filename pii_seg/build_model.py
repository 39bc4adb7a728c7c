"""Build a segmenter from a recipe: render, train, choose, calibrate, measure, write its card.

  PROG small.toml --output build
  PROG small.toml --output build --hours 3 --jobs 2
  PROG small.toml --output build --stop-after check

The recipe states what is rendered and how long is trained (docs/train.md). The same command resumes
a run that was stopped, by Ctrl-C, by --hours or by a failure. BUILD/model/segmenter is the result,
for --checkpoint.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pii_seg.build.recipe import BuildRecipe, recipe_of
from pii_seg.build.time_limit import ends_after
from pii_seg.command_line import (
    DONE,
    add_device_argument,
    log_to_stderr,
    make_parser,
    parse,
    program_name,
    quiet_libraries,
    run_command,
)
from pii_seg.config_file import parse_toml
from pii_seg.errors import ConfigError, InputError


def parser():  # type: ignore[no-untyped-def]
    """Create the parser."""
    p = make_parser(
        "build_model",
        (__doc__ or "").replace("PROG", program_name("build_model")),
        "RECIPE --output BUILD [options]",
    )
    p.add_argument(
        "recipe",
        type=Path,
        metavar="RECIPE",
        help="Read the recipe of the segmenter from this file (TOML).",
    )
    p.add_argument(
        "--output", type=Path, metavar="BUILD", required=True, help="Write the run to this folder."
    )
    p.add_argument(
        "--hours",
        type=float,
        default=0.0,
        metavar="H",
        help="Stop after this many hours, to be resumed by the same command; 0: when it is done.",
    )
    p.add_argument(
        "--stop-after", metavar="STAGE", help="Stop when this stage is done (default: run all)."
    )
    p.add_argument(
        "--jobs",
        type=int,
        default=1,
        metavar="N",
        help="Number of processes that render at the same time.",
    )
    p.add_argument(
        "--threads",
        type=int,
        default=0,
        metavar="N",
        help="Number of CPU threads of each process that renders; 0 uses all.",
    )
    add_device_argument(p)
    return p


def read_recipe(path: Path) -> BuildRecipe:
    """Read the recipe of a segmenter. Relative paths in it start at its folder.

    Raises:
        InputError: The file does not exist or is no TOML.
        ConfigError: A value is missing, unknown or out of range.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected the recipe of a segmenter (TOML)")
    try:
        return recipe_of(parse_toml(path.read_bytes()), path.parent)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""

    def work() -> int:
        options = parse(parser(), arguments)
        log_to_stderr()
        if options.hours < 0 or options.jobs < 1 or options.threads < 0:
            raise InputError("--hours and --threads must not be negative, --jobs at least 1")
        recipe = read_recipe(options.recipe)
        # Imported here, so that --help and a wrong recipe need not wait for Lightning.
        from pii_seg.build.engine import build_model
        from pii_seg.selftrain.stages import Stopped

        quiet_libraries()
        log = partial(print, file=sys.stderr, flush=True)
        with ends_after(options.hours) as over:
            try:
                built = build_model(
                    recipe,
                    options.output,
                    stop_after=options.stop_after,
                    render_options=["--jobs", str(options.jobs), "--threads", str(options.threads)],
                    device=options.device,
                    log=log,
                )
            except Stopped as stopped:
                log(str(stopped))
                return DONE
            except KeyboardInterrupt:
                if not over.is_set():
                    raise
                log(f"stopped after {options.hours:g} hours; the same command resumes")
                return DONE
        print(f"{built.folder}: {built.chosen}")
        return DONE

    return run_command(
        work,
        wrong=(ConfigError,),
        failed=(ValueError, RuntimeError, ImportError),
        interrupted="error: interrupted; the same command resumes",
    )


if __name__ == "__main__":
    sys.exit(main())
