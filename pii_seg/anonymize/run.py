"""Anonymise a list of files into a folder, and write the audit of it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.anonymize.audit import audit_of, write_audit
from pii_seg.anonymize.batch import Batch, Options, Outcome, locked_folder
from pii_seg.anonymize.inputs import InputFiles
from pii_seg.anonymize.journal import Journal
from pii_seg.anonymize.user_masks import MaskFolder
from pii_seg.data.progress import OnImage, no_progress

AUDIT = "audit.json"


def anonymize_files(
    inputs: InputFiles,
    output: Path,
    anonymizer: Anonymizer,
    options: Options,
    *,
    masks: Path | None = None,
    audit_path: Path | None = None,
    workers: int = 1,
    on_image: OnImage = no_progress,
) -> tuple[Outcome, dict[str, Any]]:
    """Anonymise files, skipping those that an earlier run with these settings has done.

    Args:
        inputs: The files, see `inputs.collect_inputs`.
        output: The folder for the outputs.
        anonymizer: Finds and replaces persons.
        options: Options for searching and writing the outputs.
        masks: Folder with masks that the user made, see `user_masks.MaskFolder`.
        audit_path: Where audit.json is written, with audit.html and the journal beside it; in the
            output folder by default. It is written also if the run is interrupted.
        workers: Number of files at a time.
        on_image: Called after each file with the name of the task, files done, and all files.

    Returns:
        The outcome, and the content of audit.json.

    Raises:
        InputError: The folders cannot be used, or an earlier run had other settings.
        OSError: The output folder cannot be written.
    """
    user_mask = MaskFolder(masks) if masks is not None else None
    path = audit_path or output / AUDIT
    settings = {**anonymizer.settings, **options.settings, "own_masks": user_mask is not None}
    run = {"model": anonymizer.model, "settings": settings}
    outcome = Outcome()
    done = itertools.count(1)

    def count_file() -> None:
        on_image("anonymise", next(done), len(inputs.files))

    with locked_folder(output):
        journal = Journal(path.with_suffix(".jsonl"), run, restart=options.force)
        batch = Batch(anonymizer, output, journal, options, user_mask=user_mask)
        try:
            batch.run(inputs.files, outcome, workers=workers, on_file=count_file)
        finally:
            records = list(journal.records.values())
            audit = audit_of(run, records, outcome.failed, others=len(inputs.others))
            write_audit(path, audit)
    return outcome, audit


def describe_plan(
    inputs: InputFiles, output: Path, anonymizer: Anonymizer, *, renamed: bool
) -> list[str]:
    """Say in lines what `anonymize_files` would do."""
    style = anonymizer.style
    lines = [
        f"{file.path} -> {output / ('<hash>' if renamed else file.name)}" for file in inputs.files
    ]
    lines += [f"{path}: not an image or video, ignored" for path in inputs.others]
    if model := anonymizer.model:
        lines += [
            f"threshold {model['threshold']:.3g} (from {model['threshold_from']})",
            model["promise"] or "no recall is promised; give --recall for a promise",
        ]
    count = len(inputs.files)
    return [*lines, f"{count} files would be anonymised with style {style}; nothing was written"]
