"""The options of `python -m blender_addon.batch`, and the run they ask for."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from ..recipes.recipe import Recipe
from ..recipes.toml_io import load_preset, load_recipe, parse_recipe, preset_names
from ..render.devices import pick_device
from ..render.interrupt import InterruptFlag, terminated_as_interrupted, when_input_ends
from . import progress
from .exit_codes import ERROR_PREFIX, INTERRUPTED, SUCCESS
from .failures import RESUME, UsageError, explain
from .shard import Shard

PROG = "python -m blender_addon.batch"

DESCRIPTION = """\
Render people who never existed, with exact masks, into a dataset.

  %(prog)s --preset street --output renders --count 1000
  %(prog)s my_recipe.toml --output renders --count 1000 --resolution 512x512 --samples 64
  %(prog)s --preset everyday --photos backgrounds/ --output renders --jobs 4

The same command resumes a run that was stopped or killed; a larger --count extends it.
Image i depends on the recipe, the seed and i alone, so shards may run anywhere, in any order.
"""
EPILOG = """\
`--preset NAME --print-recipe` shows every key of a recipe with its meaning; a recipe file needs
only the keys that differ from its `base`.
Exit codes: 0 success, 1 runtime failure, 2 invalid input (nothing written), 130 interrupted.
"""


def parser(prog: str = PROG) -> argparse.ArgumentParser:
    """The parser of the batch command; `prog` is what the user typed to start it."""
    p = argparse.ArgumentParser(
        prog=prog,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # `--job 4` must not pass for --jobs: workers get the command line without it, and would
        # start workers again.
        allow_abbrev=False,
    )
    _add_dataset_options(p.add_argument_group("dataset"))
    _add_recipe_options(p.add_argument_group("changes to the recipe"))
    _add_machine_options(p.add_argument_group("processes and devices"))
    _add_other_options(p.add_argument_group("other"))
    return p


def _add_dataset_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "recipe",
        nargs="?",
        type=Path,
        metavar="RECIPE",
        help="Recipe file (TOML) to render from; give this or --preset.",
    )
    group.add_argument(
        "--preset",
        metavar="NAME",
        help=f"Bundled recipe to render from: {', '.join(preset_names())} (default: none).",
    )
    group.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="Folder of the dataset; it is made when it does not exist (required to render).",
    )
    group.add_argument(
        "--count",
        type=_positive,
        default=24,
        metavar="N",
        help="Number of images to render, counting all shards (default: 24).",
    )
    group.add_argument(
        "--seed",
        type=_whole,
        default=0,
        metavar="S",
        help="Seed of all draws; another seed gives other images (default: 0).",
    )
    group.add_argument(
        "--overwrite",
        action="store_true",
        help="Delete the dataset in --output first (default: resume it).",
    )


def _add_recipe_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--resolution",
        type=_resolution,
        metavar="WxH",
        help="Size of the images to render, px (default: the recipe's).",
    )
    group.add_argument(
        "--samples",
        type=_positive,
        metavar="N",
        help="Number of Cycles samples to take per pixel (default: the recipe's).",
    )
    group.add_argument(
        "--photos",
        type=Path,
        action="append",
        metavar="DIR",
        help="Use these photos without people as backgrounds, a file or a folder; may be repeated "
        "(default: the recipe's backgrounds).",
    )


def _add_machine_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--device",
        default="auto",
        metavar="NAME",
        help="Device that Cycles renders on: optix, cuda, hip, oneapi, metal or cpu; auto takes "
        "the first of them that is available (default: auto).",
    )
    group.add_argument(
        "--jobs",
        type=_positive,
        default=1,
        metavar="N",
        help="Number of processes that render at the same time (default: 1).",
    )
    group.add_argument(
        "--threads",
        type=_whole,
        default=0,
        metavar="N",
        help="CPU threads per process; 0 uses all (default: 0).",
    )
    group.add_argument(
        "--shard",
        type=_shard,
        default=Shard(),
        metavar="I/N",
        help="Render only part I of N of the dataset, I from 1 to N (default: 1/1).",
    )
    # Given by `--jobs` to the processes that it starts: it holds the lock of the run for them.
    group.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)


def _add_other_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--dry-run",
        action="store_true",
        help="Print the scene specs as JSON lines and render nothing (default: render).",
    )
    group.add_argument(
        "--print-recipe",
        action="store_true",
        help="Print the whole recipe as TOML and render nothing (default: render).",
    )
    group.add_argument(
        "--progress",
        choices=progress.STYLES,
        default="auto",
        help="Style of the progress reports; auto draws a bar on a terminal and writes plain "
        "lines elsewhere (default: auto).",
    )
    group.add_argument(
        "--stop-on-eof",
        action="store_true",
        help="End after the current image when standard input ends; for programs that start this "
        "one (default: ignore standard input).",
    )


def main(argv: Sequence[str] | None = None, *, prog: str = PROG) -> int:
    """Run the command line. Errors are one line on standard error.

    Args:
        argv: The arguments; None takes those of this process.
        prog: What the user typed to start the program.

    Returns:
        One of exit_codes.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        options = parser(prog).parse_args(arguments)
    except SystemExit as leave:
        # argparse has printed its message; inside Blender an exit would skip Blender's clean-up.
        return int(leave.code or 0)
    try:
        with terminated_as_interrupted():
            return _run(options, arguments)
    except KeyboardInterrupt:
        print(f"stopped; {RESUME}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `--dry-run | head`: the reader has seen enough
        with contextlib.suppress(OSError, ValueError):  # what is left must not fail again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INTERRUPTED
    except Exception as error:  # whatever it is, the user reads one line
        rendering = None if options.dry_run or options.print_recipe else options.output
        text, code = explain(error, rendering)
        print(f"{ERROR_PREFIX}{text}", file=sys.stderr)
        return code


def _run(options: argparse.Namespace, arguments: list[str]) -> int:
    recipe = _recipe(options)
    if options.print_recipe:
        _print_utf8(recipe.to_toml(comments=True))
        return SUCCESS
    if options.dry_run:
        return _dry_run(recipe, options)
    if options.output is None:
        raise UsageError("--output DIR is missing: name the folder of the dataset")
    if options.overwrite and (options.shard.of > 1):
        raise UsageError(
            "--overwrite would delete what the other shards rendered; delete the folder by hand"
        )
    if options.jobs > 1:
        return _run_jobs(recipe, options, arguments)
    return _run_here(recipe, options)


def _run_here(recipe: Recipe, options: argparse.Namespace) -> int:
    from .generate import generate

    input_ended = threading.Event()
    if options.stop_on_eof:
        when_input_ends(input_ended.set)
    with InterruptFlag() as interrupted:
        result = generate(
            recipe,
            options.output,
            count=options.count,
            seed=options.seed,
            shard=options.shard,
            device=options.device,
            threads=options.threads,
            overwrite=options.overwrite,
            report=progress.reporter(options.progress),
            stop=lambda: interrupted.is_set() or input_ended.is_set(),
            lock=not options.worker,
        )
    if result.interrupted:
        print(f"stopped at {result.progress}; {RESUME}", file=sys.stderr)
        return INTERRUPTED
    return SUCCESS


def _run_jobs(recipe: Recipe, options: argparse.Namespace, arguments: list[str]) -> int:
    from ..render.compat import import_bpy
    from ..scene.assets import load_assets
    from .generate import opened_dataset
    from .workers import run_workers

    import_bpy()
    pick_device(options.device)  # before --overwrite deletes anything
    passed_on = _without(
        arguments,
        flags=("--overwrite", "--stop-on-eof"),
        with_value=("--jobs", "--shard", "--progress", "--threads"),
    )
    # Opened here once, so that a wrong folder is reported once, --overwrite happens once, and files
    # are read once; the lock is held until the last worker has ended.
    with opened_dataset(
        recipe,
        load_assets(recipe),
        options.output,
        seed=options.seed,
        count=options.count,
        shard=options.shard,
        overwrite=options.overwrite,
    ) as writer:
        writer.remove_leftovers(options.shard.indices(options.count))
        code = run_workers(
            passed_on,
            options.shard.split(options.jobs),
            progress.reporter(options.progress),
            stop_on_eof=options.stop_on_eof,
        )
    if code == INTERRUPTED:
        print(f"stopped; {RESUME}", file=sys.stderr)
    return code


def _print_utf8(text: str) -> None:
    """Print a recipe as recipes are read, whatever the terminal's encoding is."""
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        print(text, end="")
        return
    sys.stdout.flush()
    buffer.write(text.encode())
    buffer.flush()


def _recipe(options: argparse.Namespace) -> Recipe:
    """The recipe with the changes that the options make to it."""
    if (options.recipe is None) == (options.preset is None):
        raise UsageError(
            f"give a recipe file or --preset ({', '.join(preset_names())}), and not both"
        )
    recipe = load_recipe(options.recipe) if options.recipe else load_preset(options.preset)
    changes = {}
    if options.resolution:
        changes["width"], changes["height"] = options.resolution
    if options.samples:
        changes["samples"] = options.samples
    recipe = recipe.with_render(**changes)
    if options.photos:
        photos = {"kinds": {"photo": 1}, "photos": [str(path) for path in options.photos]}
        recipe = parse_recipe(
            {"background": photos},
            name=recipe.name,
            folder=Path.cwd(),
            where="--photos",
            base=recipe,
        )
    return recipe


def _dry_run(recipe: Recipe, options: argparse.Namespace) -> int:
    from ..scene.assets import load_assets
    from ..scene.sampling import sample_scene

    reader = None
    if recipe.background.kinds.get("photo") and recipe.background.enabled:
        # Scenes follow their photos, which only Blender reads.
        from ..render.compat import import_bpy
        from ..render.photos import PHOTOS

        import_bpy()
        reader = PHOTOS
    assets = load_assets(recipe, reader)
    for index in options.shard.indices(options.count):
        print(json.dumps(sample_scene(recipe, assets, options.seed, index).to_json()))
    return SUCCESS


def _without(arguments: list[str], *, flags: Sequence[str], with_value: Sequence[str]) -> list[str]:
    """The arguments without these options, in both spellings (--jobs 4, --jobs=4)."""
    kept: list[str] = []
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in with_value:
            skip = True
        elif argument not in flags and not argument.startswith(
            tuple(f"{name}=" for name in with_value)
        ):
            kept.append(argument)
    return kept


def _positive(text: str) -> int:
    value = _whole(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {text}")
    return value


def _whole(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from None
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected 0 or more, got {text}")
    return value


def _resolution(text: str) -> tuple[int, int]:
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected WIDTHxHEIGHT such as 256x256, got {text!r}"
        ) from None
    return width, height


def _shard(text: str) -> Shard:
    try:
        number, of = (int(part) for part in text.split("/"))
        return Shard(number, of)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected I/N with 1 ≤ I ≤ N such as 1/4, got {text!r}"
        ) from None
