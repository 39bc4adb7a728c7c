"""The audit of a run: what was done to each file, with what, and which outputs somebody should look at.

    audit.json    for programs: model, settings, totals, a record a file, failures, the list for review
    audit.html    the same to read; opens without a network, shows no picture

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
"""Of a table in audit.html; a browser is no place for a million."""


def audit_of(
    run: Mapping[str, Any],
    records: Sequence[Record],
    failed: Sequence[tuple[str, str]],
    *,
    others: int,
) -> dict[str, Any]:
    """The content of audit.json. `run`: model, settings, promise; `others`: files that are no pictures or films."""
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
    """audit.json at `path`, and the page beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(audit, indent=1, allow_nan=False).encode() + b"\n")
    write_atomically(path.with_suffix(".html"), page(audit).encode())


def page(audit: Mapping[str, Any]) -> str:
    totals = audit["totals"]
    sections = [report.facts_section("What was done", _facts(audit))]
    if audit["failed"]:
        sections.append(
            report.faults_section(
                [f"{e['file']}: {e['why']}" for e in audit["failed"]], title="Failed"
            )
        )
    review = audit["needs_review"]
    if review:
        rows = [
            [e["output"], f"{e['risk']:.2f}", "; ".join(e["reasons"])] for e in review[:MOST_ROWS]
        ]
        legend = (
            "The riskiest first. Risk 1: a second look at the output still finds a person. Below 1: how near to the "
            "threshold what was left in came." + _cut(review)
        )
        sections.append(
            report.table_section("To look at", ["Output", "Risk", "Why"], rows, legend=legend)
        )
    rows = [
        [
            r["output"],
            str(r["persons"]),
            f"{r['covered']:.1%}",
            str(r["frames"]),
            r["output_sha256"][:12],
        ]
        for r in audit["files"][:MOST_ROWS]
    ]
    if rows:
        sections.append(
            report.table_section(
                "Files",
                ["Output", "Persons", "Redacted", "Frames", "SHA-256"],
                rows,
                legend=_cut(audit["files"]),
            )
        )
    return report.render(
        "Anonymised",
        sections,
        subtitle=f"{totals['files']} files, {totals['persons']} persons removed",
    )


def _cut(entries: Sequence[Any]) -> str:
    return (
        f" The first {MOST_ROWS} of {len(entries)}; audit.json has all."
        if len(entries) > MOST_ROWS
        else ""
    )


def _facts(audit: Mapping[str, Any]) -> dict[str, str]:
    totals, settings, model = audit["totals"], audit["settings"], audit["model"]
    facts = {
        "Files": f"{totals['files']} done, {totals['failed']} failed",
        "Persons": f"{totals['persons']} in {totals['with_persons']} files",
        "To look at": str(totals["needs_review"]),
        "Replaced by": settings["style"],
        "Margin": f"{settings['dilate']:.0%} of each person's size",
    }
    if model is not None:
        facts["Model"] = model["sha256"][:16]
        facts["Threshold"] = f"{model['threshold']:.3f} (from {model['threshold_from']})"
        facts["Promise"] = (
            model["promise"] or "none: the threshold was not chosen on calibration data"
        )
    if settings["second_look"]:
        facts["Second look"] = f"finds persons in {totals['found_by_second_look']} outputs"
    return facts
