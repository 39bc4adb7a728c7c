"""Says in lines for the terminal what a run did, or would do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.anonymize.batch import KEPT, Outcome
from pii_seg.anonymize.file_redaction import Options
from pii_seg.anonymize.inputs import InputFiles
from pii_seg.anonymize.review import still_shows_person
from pii_seg.data.files import describe_left_out, printable


def describe_outcome(
    outcome: Outcome,
    audit: Mapping[str, Any],
    *,
    output: Path,
    audit_path: Path,
    renamed: bool,
) -> list[str]:
    """Say what `anonymize_files` did; with `renamed` no input is named."""
    totals, page = audit["totals"], printable(audit_path.with_suffix(".html"))
    skipped = f", {outcome.skipped} skipped (done before)" if outcome.skipped else ""
    lines = [f"{printable(output)}: {outcome.done} files anonymised{skipped}"]
    left_out = [
        (name, entry["why"])
        for entry in audit["left_alone"]
        for name in entry["files"] or [""] * entry["count"]
    ]
    if left_out:
        lines.append(f"left out: {describe_left_out(left_out, named=not renamed)}")
    if totals["earlier"]:
        lines.append(f"{totals['earlier']} outputs in the folder are of earlier runs, see {page}")
    if totals["not_of_this_run"]:
        lines.append(f"{totals['not_of_this_run']} files in the folder are of no run, see {page}")
    lines += _describe_skipped(audit)
    if review := totals["needs_review"]:
        lines.append(f"{review} should be checked before they are published, see {page}")
    return lines


def describe_faults(
    outcome: Outcome, audit: Mapping[str, Any], *, output: Path, verify: bool
) -> list[str]:
    """Say why the exit code is not 0: files that failed and, to `verify`, persons that are left."""
    failed = describe_failures(outcome) if outcome.failed else []
    left = _describe_persons_left(audit, output) if verify else []
    return [line for part in (failed, left) for line in _indented(part)]


def _indented(lines: list[str]) -> list[str]:
    return [*lines[:1], *(f"  {line}" for line in lines[1:])]


def _describe_persons_left(audit: Mapping[str, Any], output: Path) -> list[str]:
    """List the outputs in which the second pass still finds a person, below a headline."""
    found = [record for record in audit["files"] if still_shows_person(record)]
    if not found:
        return []
    lines = [
        f"{printable(output / record['output'])}: {record['doubts']['left']:.2%} of the image"
        for record in found
    ]
    return [f"verify: {len(found)} outputs still show a person:", *lines]


def with_exceptions(model: dict[str, Any] | None, options: Options) -> dict[str, Any] | None:
    """Say in the promise of a model which frames and persons of videos it does not cover."""
    if model is None or not model.get("promise"):
        return model
    promise = model["promise"]
    if options.every > 1:
        promise += f" Frames of videos that --every {options.every} skips are not covered."
    if options.keep_tracks:
        promise += " Persons who are kept visible are not covered."
    return {**model, "promise": promise}


def _describe_skipped(audit: Mapping[str, Any]) -> list[str]:
    """Say how much of the persons the masks of frames cover that were not searched."""
    videos = [record["not_searched"] for record in audit["files"] if record.get("not_searched")]
    skipped, checked, persons, covered = (
        sum(video[key] for video in videos)
        for key in ("skipped", "checked", "person_pixels", "covered_pixels")
    )
    if not skipped:
        return []
    recall = f"cover {covered / persons:.2%} of" if persons else "were not measured on"
    return [
        f"{skipped} frames were not searched (--every): their masks {recall} the persons' pixels "
        f"in the {checked} that were checked; no promise covers them"
    ]


def describe_failures(outcome: Outcome) -> list[str]:
    """List the files that failed, below a headline."""
    failures = [f"{printable(name)}: {why}" for name, why in outcome.failed]
    none = "" if any(KEPT in why for _, why in outcome.failed) else " and have no output"
    return [f"{len(failures)} failed{none}:", *failures]


def describe_plan(
    inputs: InputFiles, output: Path, anonymizer: Anonymizer, options: Options
) -> list[str]:
    """Say in lines what `anonymize_files` would do."""
    style = anonymizer.style
    names = ["<hash>" if options.renamed else file.name for file in inputs.files]
    lines = [
        f"{printable(file.path)} -> {printable(output / name)}"
        for file, name in zip(inputs.files, names, strict=True)
    ]
    lines += [f"{printable(entry.name)}: left out ({entry.reason})" for entry in inputs.others]
    if model := with_exceptions(anonymizer.model, options):
        lines += [
            f"threshold {model['threshold']:.3g} (from {model['threshold_from']})",
            model["promise"]
            or "no recall is promised; give --recall or --person-recall for a promise",
        ]
    count = len(inputs.files)
    return [*lines, f"{count} files would be anonymised with style {style}; nothing was written"]
