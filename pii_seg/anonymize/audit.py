"""The audit of a run: what was done to each file, and which outputs a person should check.

    audit.json    for programs: model, settings, totals, a record a file, failures, files to check
    audit.html    the same to read; opens without a network, shows no image

Both hold no path of the machine. With --rename nothing in them tells what an input was called. They
are deleted when a run begins and written when it ends, so that they never describe another state of
the folder; meanwhile the journal is the list.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from blender_addon.dataset import write_atomically
from pii_seg.anonymize.batch import Outcome
from pii_seg.anonymize.done_key import differences
from pii_seg.anonymize.inputs import Skipped
from pii_seg.anonymize.instance_files import paths_of
from pii_seg.anonymize.journal import Journal, Record
from pii_seg.anonymize.review import reasons, risk
from pii_seg.data.files import printable
from pii_seg.errors import InputError
from pii_seg.evaluation import report

FORMAT, VERSION = "pii_seg audit", 2
TITLE = "Anonymised files"
MOST_ROWS = 500
"""Rows of a table in audit.html; a browser cannot show a million."""

NOT_CHECKED = "its input was not given to this run, or not reached"


def require_own(path: Path) -> None:
    """Check that an audit can be written to `path`, and replaces nothing but an older one.

    Raises:
        InputError: The name is not that of an audit, or a file there is none.
    """
    if path.suffix != ".json":
        raise InputError(f"--audit {printable(path)}: must end in .json, such as audit.json")
    page = path.with_suffix(".html")
    for file, mark in ((path, json.dumps(FORMAT)), (page, f"<title>{TITLE}</title>")):
        if file.is_dir():
            raise InputError(f"{printable(file)}: is a folder; choose another --audit")
        if file.exists():
            with file.open("rb") as opened:
                start = opened.read(1000)
            if mark.encode() not in start:
                raise InputError(
                    f"{printable(file)}: is not an audit of this program and would be replaced; "
                    "choose another --audit or --output"
                )


def withdraw_audit(path: Path) -> None:
    """Delete audit.json at `path`, and audit.html beside it."""
    path.with_suffix(".html").unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def audit_of(
    journal: Journal,
    outcome: Outcome,
    present: Sequence[str],
    others: Sequence[Skipped],
    *,
    renamed: bool,
    complete: bool,
) -> dict[str, Any]:
    """Build the content of audit.json.

    Args:
        journal: The records; those without an output are left out.
        outcome: What this run did.
        present: All files in the output folder.
        others: Entries of the inputs, and masks, that were left out.
        renamed: Name no input.
        complete: Whether the run came to its end.
    """
    there = set(present)
    records = [record for record in journal.records.values() if record["output"] in there]
    records.sort(key=lambda record: record["output"])
    current = [record for record in records if journal.is_current(record)]
    made = {path for record in records for path in (record["output"], *paths_of(record))}
    review = [
        {"output": record["output"], "risk": round(risk(record), 4), "reasons": reasons(record)}
        for record in records
        if reasons(record)
    ]
    review.sort(key=lambda entry: -entry["risk"])
    earlier = [
        {"output": record["output"], "why": why}
        for record in records
        if (why := _why_earlier(journal, record, outcome)) is not None
    ]
    unknown = [name for name in present if name not in made]
    audit = {
        "format": FORMAT,
        "version": VERSION,
        "complete": complete,
        **(journal.run or {}),
        "totals": {
            "files": len(current),
            "failed": len(outcome.failed),
            "left_alone": len(others),
            "earlier": len(earlier),
            "not_of_this_run": len(unknown),
            "frames": sum(record["frames"] for record in current),
            "frames_not_searched": sum(
                (record.get("not_searched") or {}).get("skipped", 0) for record in current
            ),
            "persons": sum(record["persons"] for record in current),
            "with_persons": sum(record["persons"] > 0 for record in current),
            "found_by_second_look": sum(
                (record["doubts"] or {}).get("left", 0) > 0 for record in current
            ),
            "heads_completed": sum(record.get("heads", 0) for record in current),
            "also": _count_also(current),
            "needs_review": len(review),
        },
        "needs_review": review,
        "failed": [{"file": name, "why": why} for name, why in outcome.failed],
        "left_alone": _by_reason(others, named=not renamed),
        "earlier": earlier,
        "not_of_this_run": unknown,
        "files": current,
    }
    return _printable(audit)


def _count_also(records: Sequence[Record]) -> dict[str, dict[str, int]]:
    """Add up the finds of each further detector."""
    totals: dict[str, dict[str, int]] = {}
    for record in records:
        for name, finds in record.get("also", {}).items():
            total = totals.setdefault(name, dict.fromkeys(finds, 0))
            for key, count in finds.items():
                total[key] += count
    return totals


def _why_earlier(journal: Journal, record: Record, outcome: Outcome) -> str | None:
    """Say why an output in the folder was neither made nor checked by this run."""
    if not journal.is_current(record):
        old = journal.runs[record["run_number"]]["run"]
        changed = ", ".join(differences(old, journal.run or {}))
        return f"made with other settings ({changed or 'before --force'})"
    return None if record["name"] in outcome.current else NOT_CHECKED


def _by_reason(others: Iterable[Skipped], *, named: bool) -> list[dict[str, Any]]:
    """Count the entries that were left out by their reasons, and name them."""
    names: dict[str, list[str]] = {}
    for entry in others:
        names.setdefault(entry.reason, []).append(entry.name)
    return [
        {"why": why, "count": len(found), "files": found if named else []}
        for why, found in sorted(names.items())
    ]


def _printable(value: Any) -> Any:
    """Escape in all texts what not every reader of JSON and HTML takes."""
    if isinstance(value, str):
        return value if value.isascii() and value.isprintable() else printable(value)
    if isinstance(value, Mapping):
        return {key: _printable(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(entry) for entry in value]
    return value


def write_audit(path: Path, audit: Mapping[str, Any]) -> None:
    """Write audit.json to `path`, and audit.html beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(audit, indent=1, allow_nan=False).encode() + b"\n")
    write_atomically(path.with_suffix(".html"), page(audit).encode())


def page(audit: Mapping[str, Any]) -> str:
    """Render audit.html from the content of audit.json."""
    totals = audit["totals"]
    sections = [report.facts_section("Summary", _facts(audit))]
    if audit["failed"]:
        failures = [f"{entry['file']}: {entry['why']}" for entry in audit["failed"]]
        sections.append(report.faults_section(failures, title="Failed"))
    if audit["needs_review"]:
        sections.append(_review_section(audit["needs_review"]))
    if audit["left_alone"]:
        sections.append(_left_alone_section(audit["left_alone"]))
    if audit["earlier"]:
        rows = [[entry["output"], entry["why"]] for entry in audit["earlier"][:MOST_ROWS]]
        legend = "In the folder, and neither made nor checked by this run." + _cut(audit["earlier"])
        sections.append(
            report.table_section("Of earlier runs", ["Output", "Reason"], rows, legend=legend)
        )
    if unknown := audit["not_of_this_run"]:
        legend = "In the folder, and not listed by any run." + _cut(unknown)
        rows = [[name] for name in unknown[:MOST_ROWS]]
        sections.append(report.table_section("Other files", ["File"], rows, legend=legend))
    if audit["files"]:
        sections.append(_files_section(audit["files"]))
    return report.render(
        TITLE,
        sections,
        subtitle=f"{totals['files']} files, {totals['persons']} persons removed",
    )


def _left_alone_section(left_alone: Sequence[Mapping[str, Any]]) -> report.Section:
    rows = []
    for entry in left_alone:
        names = ", ".join(entry["files"][:MOST_ROWS])
        more = ", ..." if len(entry["files"]) > MOST_ROWS else ""
        rows.append([entry["why"], str(entry["count"]), names + more])
    legend = "Entries of the given folders that were not anonymised."
    return report.table_section("Left out", ["Reason", "Number", "Names"], rows, legend=legend)


def _review_section(review: Sequence[Mapping[str, Any]]) -> report.Section:
    rows = [
        [entry["output"], f"{entry['risk']:.2f}", "; ".join(entry["reasons"])]
        for entry in review[:MOST_ROWS]
    ]
    legend = (
        "Check these outputs before you publish them, highest risk first. Risk 1: a second pass "
        "over the output still finds a person. Below 1: the highest probability that was not "
        "redacted, as a fraction of the threshold." + _cut(review)
    )
    return report.table_section("To check", ["Output", "Risk", "Reason"], rows, legend=legend)


def _files_section(records: Sequence[Record]) -> report.Section:
    rows = [
        [
            record["output"],
            str(record["persons"]),
            f"{record['covered']:.1%}",
            str(record["frames"]),
            record["output_sha256"][:12],
        ]
        for record in records[:MOST_ROWS]
    ]
    header = ["Output", "Persons", "Redacted", "Frames", "SHA-256"]
    return report.table_section("Files", header, rows, legend=_cut(records))


def _cut(entries: Sequence[Any]) -> str:
    return (
        f" The first {MOST_ROWS} of {len(entries)}; audit.json lists all."
        if len(entries) > MOST_ROWS
        else ""
    )


def _facts(audit: Mapping[str, Any]) -> dict[str, str]:
    totals, settings, model = audit["totals"], audit["settings"], audit["model"]
    facts = {
        "Run": "complete" if audit["complete"] else "interrupted; the same command resumes it",
        "Files": f"{totals['files']} done, {totals['failed']} failed",
        "Persons": f"{totals['persons']} in {totals['with_persons']} files",
        "To check": str(totals["needs_review"]),
        "Style": settings["style"],
        "Margin": f"{settings['dilate']:.0%} of each person's size",
    }
    if heads := totals.get("heads_completed"):
        facts["Heads"] = f"{heads} completed, of bodies that were found without"
    for name, finds in totals.get("also", {}).items():
        facts[f"Detector {name}"] = f"{finds['found']} finds, {finds['missed']} missed otherwise"
    if model is not None:
        facts["Model"] = model["sha256"][:16]
        if engine := model.get("engine"):
            facts["Computed by"] = f"{engine['backend']}, {engine['precision']}"
        facts["Threshold"] = f"{model['threshold']:.3f} (from {model['threshold_from']})"
        facts["Promise"] = (
            model["promise"] or "none: the threshold was not chosen on calibration data"
        )
    if skipped := totals["frames_not_searched"]:
        facts["Not searched"] = f"{skipped} of {totals['frames']} frames; no promise covers them"
    if settings["second_look"]:
        found = totals["found_by_second_look"]
        facts["Second pass"] = f"finds persons in {found} outputs"
    return facts
