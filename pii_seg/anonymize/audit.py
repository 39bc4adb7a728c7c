"""The audit of a run: what was done to each file, and which outputs a person should check.

    audit.json    for programs: model, settings, totals, a record a file, failures, files to check
    audit.html    the same to read; opens without a network, shows no image

Both name outputs only. With --rename nothing in them tells what an input was called.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from blender_addon.dataset import write_atomically
from pii_seg.anonymize.journal import Record
from pii_seg.anonymize.review import reasons, risk
from pii_seg.evaluation import report

FORMAT, VERSION = "pii_seg audit", 1
MOST_ROWS = 500
"""Rows of a table in audit.html; a browser cannot show a million."""


def audit_of(
    run: Mapping[str, Any],
    records: Sequence[Record],
    failed: Sequence[tuple[str, str]],
    *,
    others: int,
) -> dict[str, Any]:
    """Build the content of audit.json.

    Args:
        run: The keys "model" and "settings", see `run.anonymize_files`.
        records: One for each finished file.
        failed: (file name, reason) of the others.
        others: Number of files that are neither images nor videos.
    """
    ordered = sorted(records, key=lambda record: record["output"])
    review = [
        {"output": record["output"], "risk": round(risk(record), 4), "reasons": reasons(record)}
        for record in ordered
        if reasons(record)
    ]
    review.sort(key=lambda entry: -entry["risk"])
    return {
        "format": FORMAT,
        "version": VERSION,
        **run,
        "totals": {
            "files": len(ordered),
            "failed": len(failed),
            "left_alone": others,
            "frames": sum(record["frames"] for record in ordered),
            "persons": sum(record["persons"] for record in ordered),
            "with_persons": sum(record["persons"] > 0 for record in ordered),
            "found_by_second_look": sum(
                (record["doubts"] or {}).get("left", 0) > 0 for record in ordered
            ),
            "needs_review": len(review),
        },
        "needs_review": review,
        "failed": [{"file": name, "why": why} for name, why in failed],
        "files": ordered,
    }


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
    if audit["files"]:
        sections.append(_files_section(audit["files"]))
    return report.render(
        "Anonymised files",
        sections,
        subtitle=f"{totals['files']} files, {totals['persons']} persons removed",
    )


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
        "Files": f"{totals['files']} done, {totals['failed']} failed",
        "Persons": f"{totals['persons']} in {totals['with_persons']} files",
        "To check": str(totals["needs_review"]),
        "Style": settings["style"],
        "Margin": f"{settings['dilate']:.0%} of each person's size",
    }
    if model is not None:
        facts["Model"] = model["sha256"][:16]
        facts["Threshold"] = f"{model['threshold']:.3f} (from {model['threshold_from']})"
        facts["Promise"] = (
            model["promise"] or "none: the threshold was not chosen on calibration data"
        )
    if settings["second_look"]:
        found = totals["found_by_second_look"]
        facts["Second pass"] = f"finds persons in {found} outputs"
    return facts
