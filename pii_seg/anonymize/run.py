"""Anonymise a list of files into a folder, and write the audit of it."""

from __future__ import annotations

import itertools
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.anonymize.audit import audit_of, require_own, withdraw_audit, write_audit
from pii_seg.anonymize.batch import Batch, Outcome, end_of_run, locked, locked_folder
from pii_seg.anonymize.done_key import run_identity
from pii_seg.anonymize.file_redaction import Options
from pii_seg.anonymize.inputs import InputFiles
from pii_seg.anonymize.journal import Journal
from pii_seg.anonymize.summary import with_exceptions
from pii_seg.anonymize.user_masks import MaskFolder
from pii_seg.data.files import list_files, printable
from pii_seg.data.mask_reading import MaskOptions
from pii_seg.data.progress import OnImage, no_progress

AUDIT = "audit.json"
UNNAMED = "an entry of the inputs"


def anonymize_files(
    inputs: InputFiles,
    output: Path,
    anonymizer: Anonymizer,
    options: Options,
    *,
    masks: Path | None = None,
    mask_options: MaskOptions | None = None,
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
        mask_options: How these masks are read; by default that is recognised for each.
        audit_path: Where audit.json is written, with audit.html and the journal beside it; in the
            output folder by default. An earlier audit is deleted first, and the new one is written
            also if the run is interrupted.
        workers: Number of files at a time.
        on_image: Called after each file with the name of the task, files done, and all files.

    Returns:
        The outcome, and the content of audit.json.

    Raises:
        InputError: The folders cannot be used, or an earlier run had other settings.
        OSError: The output folder cannot be written.
    """
    mask_folder = MaskFolder(masks, inputs.files, mask_options) if masks is not None else None
    path = audit_path or output / AUDIT
    require_own(path)
    outcome = Outcome()
    done = itertools.count(1)

    def count_file() -> None:
        on_image("anonymise", next(done), len(inputs.files))

    def write(journal: Journal, *, complete: bool) -> dict[str, Any]:
        others = [entry for entry in inputs.others if not entry.fault]
        others += mask_folder.left_out() if mask_folder is not None and complete else []
        audit = audit_of(
            journal,
            outcome,
            _outputs(output, path),
            others,
            renamed=options.renamed,
            complete=complete,
        )
        write_audit(path, audit)
        return audit

    outcome.failed += [
        (UNNAMED if options.renamed else entry.name, entry.reason)
        for entry in inputs.others
        if entry.fault
    ]
    try:
        with ExitStack() as stack:
            stack.enter_context(locked_folder(output))
            if audit_path is not None:
                lock = path.with_name(f".{path.stem}.lock")
                stack.enter_context(locked(lock, f"--audit {printable(path)}"))
            journal = Journal(path.with_suffix(".jsonl"), repair=options.force)
            _begin(journal, anonymizer, options, mask_folder)
            batch = Batch(anonymizer, output, journal, options, masks=mask_folder)
            withdraw_audit(path)
            try:
                batch.run(inputs.files, outcome, workers=workers, on_file=count_file)
                journal.finish()
            except BaseException:
                with suppress(OSError):
                    write(journal, complete=False)
                raise
            return outcome, write(journal, complete=True)
    except OSError as error:
        raise end_of_run(error, output) or error from None


def _begin(
    journal: Journal, anonymizer: Anonymizer, options: Options, masks: MaskFolder | None
) -> None:
    """Begin a run in the journal, or resume the latest one, with its seed if none was given."""

    def identity() -> dict[str, Any]:
        own_masks = {"own_masks": masks.settings if masks is not None else None}
        settings = {**anonymizer.settings, **options.settings, **own_masks}
        return run_identity(with_exceptions(anonymizer.model, options), settings)

    drawn = anonymizer.seed
    seed = (journal.run or {"settings": {}})["settings"].get("seed")
    if anonymizer.seed_is_fresh and isinstance(seed, int) and seed >= 0:
        anonymizer.seed = seed
        if options.force and not journal.would_resume(identity(), force=True):
            anonymizer.seed = drawn
    journal.begin(identity(), force=options.force)


def _outputs(output: Path, audit: Path) -> list[str]:
    """List the files of the output folder by their paths below it, without the audit's own."""
    own = {audit.with_suffix(ending) for ending in (".json", ".html", ".jsonl")}
    files = list_files(output).files
    return [path.relative_to(output).as_posix() for path in files if path not in own]
