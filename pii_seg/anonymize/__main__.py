"""Remove every person from photographs and films, for good, and account for it.

    python -m pii_seg.anonymize INPUT... --output DIR --checkpoint RUN/best.ckpt
    python -m pii_seg.anonymize photos --output safe --checkpoint RUN/calibrated.ckpt --recall 0.99 --tiles auto
    python -m pii_seg.anonymize photos --output safe --masks my_masks --style inpaint
    python -m pii_seg.anonymize photos --output safe --checkpoint RUN/best.ckpt --dry-run

INPUT are pictures, films, folders of them (sub-folders too, mirrored in the output) or patterns. They are only read.
What comes out holds nothing that was within a person's outline, no metadata, and is whole or not there: a file that
cannot be handled in full is listed, has no output, and the exit code is 1. The same command again goes on where it
was stopped.

    DIR/audit.json, .html     what was done, and which outputs to look at before they are published

Exit codes: 0 done, 1 some file failed, 2 wrong input (nothing was begun), 130 interrupted.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser, Namespace

from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.anonymize.audit import audit_of, write_audit
from pii_seg.anonymize.batch import Batch, Options, Outcome, folder_of_our_own
from pii_seg.anonymize.inputs import Gathered, gather
from pii_seg.anonymize.journal import Journal
from pii_seg.anonymize.redaction import STYLES, WARNINGS, Painter
from pii_seg.anonymize.regions import RegionError, read_region
from pii_seg.anonymize.user_masks import MaskFolder
from pii_seg.command_line import (
    DONE,
    FAILED,
    PlainHelp,
    add_inference_arguments,
    inference_settings,
    parse,
    progress_bar,
    run_command,
)
from pii_seg.errors import CalibrationError, CheckpointError, InputError
from pii_seg.inference.parallel import worker_threads

AUDIT = "audit.json"


def parser() -> ArgumentParser:
    p = ArgumentParser(
        prog="python -m pii_seg.anonymize",
        usage="python -m pii_seg.anonymize INPUT... --output DIR (--checkpoint CKPT | --masks DIR) [options]",
        description=__doc__,
        formatter_class=PlainHelp,
        parser_mode="toml",
        exit_on_error=False,
    )
    p.add_argument(
        "inputs", nargs="+", metavar="INPUT", help="pictures, films, folders of them, patterns"
    )
    p.add_argument("--config", action="config", help="a TOML file with any of these arguments")
    p.add_argument(
        "--output", type=Path, required=True, help="folder for what comes out; made if need be"
    )

    find = p.add_argument_group("who is found")
    find.add_argument("--checkpoint", type=Path, help="RUN/best.ckpt of a training")
    find.add_argument(
        "--recall",
        type=float,
        help="promise that at most 1 - RECALL of the person pixels are missed; needs a checkpoint that "
        "python -m pii_seg.calibrate has calibrated",
    )
    find.add_argument(
        "--threshold",
        type=float,
        help="probability from which on a pixel is person, without a promise",
    )
    find.add_argument(
        "--masks",
        type=Path,
        help="folder with masks of your own, named and laid out as the inputs (NAME.png; not 0: redact); with a "
        "checkpoint too, both count",
    )
    find.add_argument(
        "--include",
        nargs="+",
        default=[],
        metavar="X,Y,W,H",
        help="areas that are always redacted, as shares of the picture",
    )
    find.add_argument(
        "--exclude",
        nargs="+",
        default=[],
        metavar="X,Y,W,H",
        help="areas that never are, whoever stands there; no promise covers them",
    )
    find.add_argument(
        "--dilate",
        type=float,
        default=0.05,
        help="margin around each person, as a share of the person's size",
    )
    find.add_argument(
        "--hold", type=int, default=2, help="films: frames before and after that a mask is held for"
    )
    find.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, mps")

    replace = p.add_argument_group("what replaces them")
    replace.add_argument(
        "--style",
        choices=sorted(STYLES),
        default="solid",
        help="solid: one colour. inpaint: made up from the surroundings. synthesise: another person, by diffusion. "
        "mosaic, blur: recognisable to who holds another picture of the scene; see docs/anonymise.md",
    )
    replace.add_argument(
        "--generator",
        help="of synthesise: a folder or a hub's name, as diffusion_synth.run takes it; default: the "
        "small one that comes along",
    )
    replace.add_argument(
        "--seed", type=int, help="of inpaint and synthesise; default: fresh at every run"
    )

    out = p.add_argument_group("what comes out")
    out.add_argument(
        "--rename",
        choices=["hash"],
        help="names that tell nothing: the input's SHA-256; folders are not mirrored",
    )
    out.add_argument(
        "--keep-metadata",
        dest="keep_metadata",
        nargs="+",
        choices=["icc", "date"],
        default=[],
        help="colour profile, capture date; nothing else is ever kept",
    )
    out.add_argument(
        "--keep-audio", dest="keep_audio", action="store_true", help="films keep their sound"
    )
    out.add_argument("--audit", type=Path, help=f"default: {AUDIT} in the output folder")
    out.add_argument(
        "--no-second-look",
        dest="second_look",
        action="store_false",
        help="do not search the outputs for persons that were left in; a third to half faster",
    )
    out.add_argument(
        "--force", action="store_true", help="do everything again, replacing what is there"
    )
    out.add_argument(
        "--dry-run", dest="dry_run", action="store_true", help="say what would be done, and end"
    )
    out.add_argument("--jobs", type=int, help="files at a time; default: one for each core")
    add_inference_arguments(p)
    p.set_defaults(tiles="auto")
    return p


def main(argv: list[str] | None = None) -> int:
    return run_command(
        lambda: _anonymize(parse(parser(), argv)),
        wrong=(RegionError,),
        interrupted="interrupted; the same command goes on from here",
    )


def _anonymize(arguments: Namespace) -> int:
    if arguments.jobs is not None and arguments.jobs < 1:
        raise InputError(f"--jobs {arguments.jobs}: must be at least 1")
    if arguments.hold < 0:
        raise InputError(f"--hold {arguments.hold}: must be at least 0")
    if arguments.checkpoint is None and arguments.masks is None and not arguments.include:
        raise InputError(
            "nothing says who is to be removed; give --checkpoint, --masks, or --include"
        )
    gathered = gather(arguments.inputs, arguments.output, renamed=arguments.rename is not None)
    anonymizer = _anonymizer(arguments)
    if arguments.dry_run:
        _rehearse(arguments, gathered, anonymizer)
        return DONE
    if arguments.style in WARNINGS:
        print(f"warning: {WARNINGS[arguments.style]}", file=sys.stderr)
    outcome, audit = _run(arguments, gathered, anonymizer)
    there = f", {outcome.skipped} were there already" if outcome.skipped else ""
    alone = f"; {len(gathered.others)} other files left alone" if gathered.others else ""
    print(f"{arguments.output}: {outcome.done} files anonymised{there}{alone}")
    if review := audit["totals"]["needs_review"]:
        print(
            f"{review} should be looked at before they are published: {audit_path(arguments).with_suffix('.html')}"
        )
    if outcome.failed:
        failures = [f"{name}: {why}" for name, why in outcome.failed]
        print(f"{len(failures)} failed and have no output:", *failures, sep="\n  ", file=sys.stderr)
    return FAILED if outcome.failed else DONE


def _anonymizer(arguments: Namespace) -> Anonymizer:
    try:
        return Anonymizer(
            arguments.checkpoint,
            style=arguments.style,
            recall=arguments.recall,
            threshold=arguments.threshold,
            dilate=arguments.dilate,
            include=[read_region(text) for text in arguments.include],
            exclude=[read_region(text) for text in arguments.exclude],
            inference=inference_settings(arguments),
            device=arguments.device,
            paint=_painter(arguments),
            seed=arguments.seed,
        )
    except (CheckpointError, CalibrationError):
        raise
    except ValueError as error:
        raise InputError(str(error)) from None


def _painter(arguments: Namespace) -> Painter | None:
    """Raises ValueError when the generator cannot be had."""
    if arguments.style != "synthesise":
        if arguments.generator is not None:
            raise InputError("--generator belongs to --style synthesise")
        return None
    # Here, because diffusers takes seconds to import.
    from pii_seg.anonymize.synthesis import painter_of

    return painter_of(arguments.generator, device=arguments.device)


def _rehearse(arguments: Namespace, gathered: Gathered, anonymizer: Anonymizer) -> None:
    """What would be done; nothing is read but the checkpoint, nothing written."""
    for item in gathered.items:
        print(f"{item.path} -> {arguments.output / ('<hash>' if arguments.rename else item.name)}")
    for path in gathered.others:
        print(f"{path}: left alone")
    model = anonymizer.model
    if model is not None:
        print(f"threshold {model['threshold']:.3g} (from {model['threshold_from']})")
        print(model["promise"] or "no recall is promised: --recall was not given")
    print(
        f"{len(gathered.items)} files would be anonymised by {arguments.style}; nothing was written"
    )


def _run(
    arguments: Namespace, gathered: Gathered, anonymizer: Anonymizer
) -> tuple[Outcome, dict[str, Any]]:
    """Everything, and the audit of it, which is written also when the run is interrupted."""
    options = Options(
        renamed=arguments.rename is not None,
        force=arguments.force,
        keep=frozenset(arguments.keep_metadata),
        keep_audio=arguments.keep_audio,
        second_look=arguments.second_look,
        hold=arguments.hold,
    )
    own_mask = MaskFolder(arguments.masks) if arguments.masks is not None else None
    path = audit_path(arguments)
    settings = {**anonymizer.settings, **options.settings, "own_masks": own_mask is not None}
    run = {"model": anonymizer.model, "settings": settings}
    outcome = Outcome()
    with (
        folder_of_our_own(arguments.output),
        worker_threads(arguments.device) as cores,
        progress_bar() as on_image,
    ):
        journal = Journal(path.with_suffix(".jsonl"), run, restart=arguments.force)
        batch = Batch(anonymizer, arguments.output, journal, options, own_mask=own_mask)
        done = itertools.count(1)
        try:
            batch.run(
                gathered.items,
                outcome,
                workers=arguments.jobs or cores,
                on_item=lambda: on_image("anonymise", next(done), len(gathered.items)),
            )
        finally:
            records = list(journal.records.values())
            audit = audit_of(run, records, outcome.failed, others=len(gathered.others))
            write_audit(path, audit)
    return outcome, audit


def audit_path(arguments: Namespace) -> Path:
    return arguments.audit or arguments.output / AUDIT


if __name__ == "__main__":
    sys.exit(main())
