"""The table at the end of a run, printed and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.gpu.record import Record

SUMMARY = "summary.md"


def rows_of(record: Record) -> list[tuple[str, str, str]]:
    """Return (part, what, value) of all figures and checks, and first of how the part ended."""
    ended = record.status + (f": {record.reason}" if record.reason else "")
    rows = [(record.part, f"{ended}; {record.device or 'no device'}", f"{record.seconds:.0f} s")]
    rows += [
        ("", figure["name"], f"{figure['value']:.4g} {figure['unit']}".rstrip())
        for figure in record.figures
    ]
    rows += [
        (
            "",
            f"check {'passed' if check['passed'] else 'FAILED'}: {check['name']}",
            f"{check['value']:.2g} (limit {check['limit']:g})",
        )
        for check in record.checks
    ]
    return rows + [("", "kept", name) for name in record.files]


def show(records: Sequence[Record], folder: Path) -> None:
    """Print the table, and write it to summary.md."""
    rows = [row for record in records for row in rows_of(record)]
    table = Table(title="GPU benchmarks", title_justify="left")
    for head in ("part", "measured", "value"):
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(width=110).print(table)
    lines = ["| Part | Measured | Value |", "|---|---|---|"]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    (folder / SUMMARY).write_text("\n".join(lines) + "\n", encoding="utf-8")
