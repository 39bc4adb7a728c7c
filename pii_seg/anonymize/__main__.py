"""Remove every person from images and videos, irreversibly, and write an audit.

    python -m pii_seg.anonymize photos --output safe
    python -m pii_seg.anonymize photos --output safe --checkpoint RUN/best.ckpt
    python -m pii_seg.anonymize photos --output safe --checkpoint RUN/calibrated.ckpt --recall 0.99
    python -m pii_seg.anonymize photos --output safe --masks my_masks --style inpaint
    python -m pii_seg.anonymize photos --output safe --dry-run

The inputs are only read. Outputs hold no pixel from within a person's outline and no metadata. A
file that cannot be handled in full is listed and has no output. The same command resumes a run that
was stopped.

    DIR/audit.json, audit.html    what was done, and which outputs to check before publication

Exit codes: 0 success, 1 a file failed or --verify found a person, 2 invalid input (nothing
written), 130 interrupted.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from jsonargparse import ArgumentParser, Namespace

from pii_seg.anonymize.arguments import add_arguments, check_arguments, check_keep, options_of
from pii_seg.anonymize.redaction import warning_of
from pii_seg.anonymize.regions import read_region
from pii_seg.command_line import (
    DONE,
    FAILED,
    add_inference_arguments,
    add_mask_arguments,
    inference_settings,
    make_parser,
    mask_options,
    parse,
    progress_bar,
    run_command,
)

# Modules that import torch, which takes seconds, are imported after the options are parsed.
if TYPE_CHECKING:
    from pii_seg.anonymize.anonymizer import Anonymizer
    from pii_seg.anonymize.batch import Outcome
    from pii_seg.anonymize.inputs import InputFiles


def parser() -> ArgumentParser:
    p = make_parser("anonymize", __doc__, "INPUT... --output DIR [options]")
    add_arguments(p)
    add_mask_arguments(p)
    add_inference_arguments(p, tiles="auto")
    return p


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_command(
        lambda: _anonymize(parse(parser(), argv)),
        interrupted="interrupted; run the same command to resume",
    )


def _anonymize(arguments: Namespace) -> int:
    from pii_seg.anonymize.inputs import collect_inputs

    check_arguments(arguments)
    renamed = arguments.rename is not None
    places = (arguments.inputs, arguments.output)
    inputs = collect_inputs(*places, renamed=renamed, masks=arguments.masks)
    check_keep(arguments, inputs)
    anonymizer = _load(arguments)
    if arguments.dry_run:
        from pii_seg.anonymize.summary import describe_plan

        options = options_of(arguments, workers=1)
        print(*describe_plan(inputs, arguments.output, anonymizer, options), sep="\n")
        return DONE
    return _report(arguments, *_run(arguments, inputs, anonymizer))


def _load(arguments: Namespace) -> Anonymizer:
    from pii_seg.anonymize.anonymizer import Anonymizer

    anonymizer = Anonymizer.load(
        arguments.checkpoint,
        device=arguments.device,
        style=arguments.style,
        recall=arguments.recall,
        person_recall=arguments.person_recall,
        uncovered=arguments.uncovered,
        threshold=arguments.threshold,
        dilate=arguments.dilate,
        include=[read_region(text) for text in arguments.include],
        exclude=[read_region(text) for text in arguments.exclude],
        complete_heads=arguments.complete_heads,
        also=arguments.also,
        inference=inference_settings(arguments, tiles="auto"),
        generator=arguments.generator,
        seed=arguments.seed,
        backend=arguments.backend,
        threads=1,  # one image a core
    )
    if (warning := warning_of(arguments.style)) and not arguments.dry_run:
        print(f"warning: {warning}", file=sys.stderr)
    return anonymizer


def _run(
    arguments: Namespace, inputs: InputFiles, anonymizer: Anonymizer
) -> tuple[Outcome, dict[str, Any]]:
    from pii_seg.anonymize.run import anonymize_files
    from pii_seg.inference.parallel import worker_threads

    with worker_threads(arguments.device) as cores, progress_bar() as on_image:
        return anonymize_files(
            inputs,
            arguments.output,
            anonymizer,
            options_of(arguments, workers=cores),
            masks=arguments.masks,
            mask_options=mask_options(arguments),
            audit_path=arguments.audit,
            workers=arguments.jobs or cores,
            on_image=on_image,
        )


def _report(arguments: Namespace, outcome: Outcome, audit: dict[str, Any]) -> int:
    """Print the summary and return the exit code."""
    from pii_seg.anonymize.summary import describe_faults, describe_outcome

    more: dict[str, Any] = {"output": arguments.output, "renamed": arguments.rename is not None}
    more["audit_path"] = arguments.audit or arguments.output / "audit.json"
    print(*describe_outcome(outcome, audit, **more), sep="\n")
    faults = describe_faults(outcome, audit, output=arguments.output, verify=arguments.verify)
    if faults:
        print(*faults, sep="\n", file=sys.stderr)
    return FAILED if faults else DONE


if __name__ == "__main__":
    sys.exit(main())
