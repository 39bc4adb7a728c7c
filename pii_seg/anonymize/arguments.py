"""The options of `python -m pii_seg.anonymize`, in the groups of its help, most used first."""

from __future__ import annotations

from argparse import SUPPRESS
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jsonargparse import ArgumentParser, Namespace

from pii_seg.anonymize.promises import AUTO
from pii_seg.anonymize.redaction import STYLES, Style
from pii_seg.anonymize.track_names import read_track
from pii_seg.errors import InputError
from pii_seg.inference.backends.option import add_backend_argument
from pii_seg.models.bundled import DEFAULT

if TYPE_CHECKING:
    from pii_seg.anonymize.file_redaction import Options
    from pii_seg.anonymize.inputs import InputFiles


def add_arguments(parser: ArgumentParser) -> None:
    """Add all options to `parser`."""
    add_main_arguments(parser)
    add_detection_arguments(parser)
    add_output_arguments(parser)
    add_run_arguments(parser)


def check_arguments(arguments: Namespace) -> None:
    """Complete the checkpoint; raise InputError for options that are wrong or do not fit."""
    arguments.checkpoint = chosen_checkpoint(arguments)
    for name, value, least in (("jobs", arguments.jobs, 1), ("hold", arguments.hold, 0)):
        if value is not None and value < least:
            raise InputError(f"--{name} {value}: must be at least {least}")
    if arguments.verify and (arguments.checkpoint is None or not arguments.second_look):
        raise InputError(
            "--verify searches the outputs: give --checkpoint, and leave out --no-second-pass"
        )


def chosen_checkpoint(arguments: Namespace) -> Path | None:
    """Return what finds persons: the given checkpoint, or the bundled one if nothing else does."""
    if arguments.checkpoint is None and arguments.masks is None and not arguments.include:
        return Path(DEFAULT)
    return arguments.checkpoint


def options_of(arguments: Namespace, *, workers: int) -> Options:
    """Return the options of searching and writing, for `workers` threads that search videos."""
    from pii_seg.anonymize.file_redaction import Options

    return Options(
        renamed=arguments.rename is not None,
        force=arguments.force,
        keep=frozenset(arguments.keep_metadata),
        keep_audio=arguments.keep_audio,
        second_pass=arguments.second_look,
        hold=arguments.hold,
        every=arguments.every,
        keep_tracks=tuple(map(read_track, arguments.keep)),
        write_masks=arguments.write_masks,
        write_json=arguments.write_json,
        workers=workers,
    )


def describe_styles(styles: Mapping[str, Style]) -> str:
    """List the styles as the help of --style does."""
    return "; ".join(f"{name} {style.help}" for name, style in styles.items())


def add_main_arguments(parser: ArgumentParser) -> None:
    """Add what nearly every run needs: inputs, output, who is found and what replaces them."""
    main = parser.add_argument_group("main options")
    main.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="Anonymise these images and videos, folders of them, or glob patterns.",
    )
    main.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help="Write the anonymised files to this folder; it is created if needed.",
    )
    main.add_argument(
        "--checkpoint",
        type=Path,
        metavar="CKPT",
        help="Find persons with this checkpoint, RUN/best.ckpt of a training, or with a bundled "
        f"segmenter by its name (default: {DEFAULT}; none with --masks or --include).",
    )
    main.add_argument(
        "--style",
        choices=sorted(STYLES),
        default="solid",
        help=f"Replace persons in this style: {describe_styles(STYLES)}. docs/anonymise.md "
        "compares them.",
    )
    main.add_argument(
        "--dry-run",
        dest="dry_run",
        action="store_true",
        help="List what would be done, and write nothing (default: off).",
    )


def parse_margin(text: str) -> float | Literal["auto"]:
    """Read a number or 'auto'; the library rejects numbers outside 0..1."""
    return AUTO if text == AUTO else float(text)


def add_threshold_arguments(parser: ArgumentParser) -> Any:
    """Add what turns probabilities into the redacted area, for the command and for the page.

    Returns:
        The group of these options, to which others can be added.
    """
    group = parser.add_argument_group("what is redacted")
    group.add_argument(
        "--recall",
        type=float,
        help="Choose the threshold so that at most 1 - RECALL of the person pixels are missed; "
        "needs a checkpoint from python -m pii_seg.calibrate (default: no promise).",
    )
    group.add_argument(
        "--person-recall",
        dest="person_recall",
        type=float,
        metavar="RECALL",
        help="Choose the threshold, or with --dilate auto the margin, so that at most 1 - RECALL "
        "of the persons of an image, on average over images, are uncovered; needs a checkpoint "
        "calibrated on images whose masks tell persons apart (default: no promise).",
    )
    group.add_argument(
        "--uncovered",
        type=float,
        metavar="SHARE",
        help="Count a person as uncovered for --person-recall from more than this share of the "
        "person's pixels on (default: 0.1).",
    )
    group.add_argument(
        "--threshold",
        type=float,
        help="Redact pixels from this probability on (default: the checkpoint's own).",
    )
    group.add_argument(
        "--dilate",
        type=parse_margin,
        default=0.05,
        help="Add a margin around each person, as a fraction of the person's size; auto: the "
        "smallest that keeps --person-recall at the threshold, which then stays as it is.",
    )
    group.add_argument(
        "--no-complete-heads",
        dest="complete_heads",
        action="store_false",
        help="Do not redact the heads of bodies that are found without one (default: redact them, "
        "where the body has its head and the model has some evidence).",
    )
    group.add_argument(
        "--also",
        nargs="+",
        metavar="NAME",
        help="Redact what these detectors find too: those of installed packages by their names, "
        "functions as MODULE:FUNCTION, or none (default: faces, if a package has that).",
    )
    return group


def add_detection_arguments(parser: ArgumentParser) -> None:
    """Add what decides which pixels are redacted."""
    find = add_threshold_arguments(parser)
    find.add_argument(
        "--masks",
        type=Path,
        metavar="DIR",
        help="Redact the pixels that are not 0, or not transparent, in your own masks, laid out "
        "like the inputs (NAME.png), in addition to those of --checkpoint if it is given (default: "
        "none).",
    )
    find.add_argument(
        "--include",
        nargs="+",
        default=[],
        metavar="X,Y,W,H",
        help="Always redact these regions, as fractions of the image (default: none).",
    )
    find.add_argument(
        "--exclude",
        nargs="+",
        default=[],
        metavar="X,Y,W,H",
        help="Never redact these regions, even if they show a person; no promise covers them "
        "(default: none).",
    )
    find.add_argument(
        "--hold",
        type=int,
        default=2,
        metavar="FRAMES",
        help="Hold the masks of a video for this many frames before and after, along the motion of "
        "each person.",
    )
    find.add_argument(
        "--every",
        type=int,
        choices=[1, 2, 3],
        default=1,
        help="Search persons in every K-th frame of a video, at cuts, and where persons come or "
        "go; masks of the frames between follow the persons' motion, and no promise covers them.",
    )

    find.add_argument(
        "--keep",
        nargs="+",
        default=[],
        metavar="TRACK",
        help="Keep these persons of a video visible; audit.json of a run without it lists the "
        "tracks. One video only; a track ends where it is not clear who goes on (default: none).",
    )


def check_keep(arguments: Namespace, inputs: InputFiles) -> None:
    """Check that --keep is given for one video alone.

    Raises:
        InputError: It is not, or is no track.
    """
    from pii_seg.data.file_kinds import kind_of_file

    for text in arguments.keep:
        read_track(text)
    kinds = [kind_of_file(file.path) or file.kind for file in inputs.files[:2]]
    if arguments.keep and kinds != ["video"]:
        raise InputError("--keep: tracks are of one video; give that alone as the input")


def add_output_arguments(parser: ArgumentParser) -> None:
    """Add what decides how outputs are written."""
    out = parser.add_argument_group("outputs")
    out.add_argument(
        "--rename",
        choices=["hash"],
        help="Name the outputs by the SHA-256 of their inputs, in one folder (default: the names "
        "and folders of the inputs).",
    )
    out.add_argument(
        "--keep-metadata",
        dest="keep_metadata",
        nargs="+",
        choices=["icc", "date"],
        default=[],
        help="Keep the colour profile, the capture date, or both; other metadata is never kept "
        "(default: none).",
    )
    out.add_argument(
        "--keep-audio",
        dest="keep_audio",
        action="store_true",
        help="Keep the sound of videos (default: off).",
    )
    out.add_argument(
        "--write-masks",
        dest="write_masks",
        action="store_true",
        help="Write what was redacted as masks too, a number for each connected piece: "
        "instances/NAME.png in the output folder (default: off).",
    )
    out.add_argument(
        "--write-json",
        dest="write_json",
        action="store_true",
        help="Write box, area, score and origin of each piece too: instances/NAME.json (default: "
        "off).",
    )
    out.add_argument(
        "--audit",
        type=Path,
        metavar="JSON",
        help="Write the audit to this file, and .html and .jsonl beside it; it replaces only an "
        "older audit (default: audit.json in the output folder).",
    )
    out.add_argument(
        "--force",
        action="store_true",
        help="Redo everything, also with other settings, and replace files that exist; if it is "
        "interrupted, the same command resumes it (default: skip what is done).",
    )


def add_run_arguments(parser: ArgumentParser) -> None:
    """Add what decides how a run is carried out."""
    run = parser.add_argument_group("run")
    run.add_argument("--device", default="cpu", help="Run the models on cpu, cuda, cuda:1 or mps.")
    add_backend_argument(run)
    run.add_argument(
        "--jobs", type=int, help="Work on this many files at a time (default: one per core)."
    )
    run.add_argument(
        "--no-second-pass",
        dest="second_look",
        action="store_false",
        help="Do not search the outputs for persons that were missed; saves a third to half of the "
        "time (default: search).",
    )
    run.add_argument(
        "--verify",
        action="store_true",
        help="End with exit code 1, and list the outputs, if the search of the outputs still finds "
        "a person (default: only list them in the audit).",
    )
    run.add_argument(  # the old spelling
        "--no-second-look", dest="second_look", action="store_false", help=SUPPRESS
    )
    run.add_argument(
        "--generator",
        metavar="MODEL",
        help="Paint with this model in style synthesise: a folder or a name on the model hub, as "
        "python -m diffusion_synth.run takes it (default: the bundled generator).",
    )
    run.add_argument(
        "--seed",
        type=int,
        help="Seed the random numbers of inpaint and synthesise (default: a fresh seed, which a "
        "resumed run keeps).",
    )
