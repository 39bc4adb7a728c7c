"""The finished files of a run, so that the next run resumes: one line of JSON for each file.

    audit.jsonl    first line: {"settings": …}, all that decides the outputs; then one record a file

A record is on disk before its output gets its name. So a run that is killed between the two leaves
a record without an output, which is made again, and never an output without a record.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pii_seg.errors import InputError

Record = dict[str, Any]


class Journal:
    """The records of one output folder, by (SHA-256 of the input, name of the input).

    The caller must hold the lock of the folder.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any], *, restart: bool = False) -> None:
        """Open the journal at `path`, or begin it.

        Args:
            path: audit.jsonl.
            settings: All that decides the outputs, JSON-able.
            restart: Delete the journal of an earlier run.

        Raises:
            InputError: It was written with other settings, or is damaged otherwise than by a kill.
        """
        self.path = path
        self.records: dict[tuple[str, str], Record] = {}
        # Tuples become lists, as they are when read.
        header = {"settings": json.loads(json.dumps(settings))}
        if restart:
            path.unlink(missing_ok=True)
        lines = self._read_whole_lines()
        if not lines:
            self._append(header)
            return
        if lines[0] != header:
            raise InputError(
                f"{path}: belongs to a run with other settings{_difference(lines[0], header)}; "
                "choose another --output, or redo everything with --force"
            )
        for record in lines[1:]:
            self._remember(record)

    def add(self, record: Record) -> None:
        """Append `record`; it is on disk when this returns.

        Args:
            record: Holds at least input_sha256, name, output and output_sha256.
        """
        self._append(record)
        self._remember(record)

    def _remember(self, record: Record) -> None:
        self.records[record["input_sha256"], record["name"]] = record

    def _append(self, line: Mapping[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(json.dumps(line, separators=(",", ":"), allow_nan=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _read_whole_lines(self) -> list[Record]:
        """Read all lines; one that a kill left without its end is cut off the file."""
        if not self.path.exists():
            return []
        lines, end = [], 0
        with self.path.open("rb+") as file:
            for number, raw in enumerate(file, start=1):
                if not raw.endswith(b"\n"):
                    file.truncate(end)
                    break
                end += len(raw)
                lines.append(self._parse(number, raw))
        return lines

    def _parse(self, number: int, raw: bytes) -> Record:
        required = (
            {"settings"} if number == 1 else {"input_sha256", "name", "output", "output_sha256"}
        )
        try:
            line = json.loads(raw)
            if not required <= line.keys():
                raise ValueError(f"{', '.join(sorted(required - line.keys()))} missing")
        except (ValueError, AttributeError) as error:
            raise InputError(
                f"{self.path}: line {number} is damaged ({error}); choose another --output, or "
                "redo everything with --force"
            ) from None
        return line


def _difference(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    old, new = there["settings"], wanted["settings"]
    if not isinstance(old, Mapping):
        return ""
    changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
    return f" ({', '.join(changed)})"
