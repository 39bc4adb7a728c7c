"""The finished files of an output folder, so that the next run resumes: one line of JSON for each.

    {"run": …, "number": 1, "forced": false}   a run with other settings begins, or one with --force
    {"output": …, "key": …, …}                 a file is done
    {"withdrawn": "a.jpg"}                     the output of the input a.jpg was deleted
    {"finished": 1}                            run 1 came to its end

A record is on disk before its output gets its name, and an output is deleted before its record is.
So a run that is killed in between leaves a record without an output, which is made again, and never
an output without a record.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from blender_addon.dataset import write_atomically
from pii_seg.anonymize.done_key import differences
from pii_seg.anonymize.inputs import same_name
from pii_seg.anonymize.instance_files import check_entry
from pii_seg.data.files import printable
from pii_seg.errors import InputError

Record = dict[str, Any]

LONGEST_LINE = 1 << 24  # bytes; a record with a thousand persons takes 100 kB

FIELDS: dict[str, tuple[type, ...]] = {
    "input_sha256": (str,),
    "name": (str,),
    "key": (str,),
    "output": (str,),
    "output_sha256": (str,),
    "persons": (int,),
    "frames": (int,),
    "covered": (int, float),
    "doubts": (dict, type(None)),
    "threshold": (int, float, type(None)),
    "notes": (list,),
}
"""The fields that every record has, and their types in JSON."""


class Journal:
    """The records of one output folder, by the name of the input.

    The caller must hold the lock of the folder. `begin` must be called before a record is added.
    """

    def __init__(self, path: Path, *, repair: bool = False) -> None:
        """Open the journal at `path`; it need not exist.

        Args:
            path: audit.jsonl.
            repair: Drop damaged lines after the first instead of raising.

        Raises:
            InputError: It is no journal, or is damaged otherwise than by a kill.
        """
        self.path = path
        self.records: dict[str, Record] = {}
        self.runs: dict[int, dict[str, Any]] = {}
        self.number = 0
        self._names: dict[str, str] = {}  # of inputs, by `same_name` of their outputs
        self._finished: set[int] = set()
        self._damaged = False
        for number, raw in enumerate(self._read_whole_lines(), start=1):
            try:
                self._take(_parse(raw), first=number == 1)
            except ValueError as error:
                if number == 1:
                    raise InputError(
                        f"{printable(path)}: is no journal of a run ({error}); move it, or choose "
                        "another --output or --audit"
                    ) from None
                if not repair:
                    raise InputError(
                        f"{printable(path)}: line {number} is damaged ({error}); choose another "
                        "--output, or redo everything with --force"
                    ) from None
                self._damaged = True

    @property
    def run(self) -> dict[str, Any] | None:
        """The identity of the latest run, see `done_key.run_identity`."""
        return self.runs[self.number]["run"] if self.number else None

    def would_resume(self, run: Mapping[str, Any], *, force: bool) -> bool:
        """Return whether `begin` would continue the latest run.

        A finished run is begun anew with `force`; one that was interrupted is resumed, so that the
        same command comes to its end.
        """
        if not self.number or self.run != run:
            return False
        forced = self.runs[self.number]["forced"] and self.number not in self._finished
        return forced or not force

    def begin(self, run: Mapping[str, Any], *, force: bool) -> None:
        """Continue the latest run, or begin another one.

        Args:
            run: See `done_key.run_identity`.
            force: Begin another run although there are records, even with other settings. The
                records of earlier runs stay until their outputs are replaced.

        Raises:
            InputError: The latest run had other settings, and `force` is not set.
        """
        if self.would_resume(run, force=force) and not self._damaged:
            return
        if self.number and not force:
            changed = ", ".join(differences(self.run or {}, run))
            raise InputError(
                f"{printable(self.path)}: belongs to a run with other settings ({changed}); "
                "choose another --output, or redo everything with --force"
            )
        self.number += 1
        self.runs[self.number] = {"run": dict(run), "number": self.number, "forced": force}
        self._rewrite()

    def add(self, record: Record) -> None:
        """Append `record`; it is on disk when this returns.

        Args:
            record: Holds at least FIELDS.
        """
        record = {**record, "run_number": self.number}
        self._append(record)
        self._remember(record)

    def withdraw(self, name: str) -> None:
        """Drop the record of the input `name`, whose output was deleted."""
        self._append({"withdrawn": name})
        self._forget(name)

    def finish(self) -> None:
        """Note that the latest run came to its end."""
        if self.number not in self._finished:
            self._append({"finished": self.number})
            self._finished.add(self.number)

    def is_current(self, record: Record) -> bool:
        """Return whether `record` is of the latest run."""
        return record["run_number"] == self.number

    def name_of(self, output: str) -> str | None:
        """Return the name of the input that `output` was made from; None if it is not known."""
        return self._names.get(same_name(output))

    def _remember(self, record: Record) -> None:
        self._forget(record["name"])
        if (other := self.name_of(record["output"])) is not None:
            self._forget(other)
        self.records[record["name"]] = record
        self._names[same_name(record["output"])] = record["name"]

    def _forget(self, name: str) -> None:
        if (record := self.records.pop(name, None)) is not None:
            self._names.pop(same_name(record["output"]), None)

    def _take(self, line: Record, *, first: bool) -> None:
        """Apply one line of the file. Raises ValueError."""
        if "run" in line:
            _check_run(line)
            self.number = line["number"]
            self.runs[self.number] = line
        elif first:
            raise ValueError("not the beginning of a journal")
        elif "withdrawn" in line:
            self._forget(_text(line["withdrawn"]))
        elif "finished" in line:
            self._finished.add(_number(line["finished"]))
        else:
            _check_record(line)
            if line["run_number"] not in self.runs:
                raise ValueError(f"run {line['run_number']} is not known")
            self._remember(line)

    def _rewrite(self) -> None:
        """Write what still counts: the runs of the records, the records, and the latest run."""
        used = {record["run_number"] for record in self.records.values()} | {self.number}
        self.runs = {number: run for number, run in self.runs.items() if number in used}
        lines = [run for number, run in self.runs.items() if number != self.number]
        lines += [*self.records.values(), self.runs[self.number]]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path, b"".join(map(_line, lines)))
        self._damaged = False

    def _append(self, line: Mapping[str, Any]) -> None:
        content = _line(line)
        with self.path.open("ab", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            try:
                while content:
                    content = content[file.write(content) :]
                os.fsync(file.fileno())
            except BaseException:
                # Half a line of a full disk would damage the line that is appended next.
                file.truncate(end)
                raise

    def _read_whole_lines(self) -> Iterator[bytes]:
        """Yield all lines; one that a kill left without its end is cut off the file."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            end = 0
            while raw := file.readline(LONGEST_LINE):
                if not raw.endswith(b"\n"):
                    if len(raw) == LONGEST_LINE:
                        raise InputError(f"{printable(self.path)}: is no journal of a run; move it")
                    break
                end += len(raw)
                yield raw
            else:
                return
        os.truncate(self.path, end)


def _line(line: Mapping[str, Any]) -> bytes:
    return json.dumps(line, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _parse(raw: bytes) -> Record:
    """Parse a line. Raises ValueError, whatever the bytes are."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no number")

    try:
        line = json.loads(raw, parse_constant=refuse)
    except RecursionError:
        raise ValueError("too deeply nested") from None
    except UnicodeDecodeError:
        raise ValueError("no text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON at column {error.colno}") from None
    if not isinstance(line, dict):
        raise ValueError("no record")
    return line


def _check_run(line: Record) -> None:
    run = line["run"]
    if not isinstance(run, dict) or not isinstance(run.get("settings"), dict):
        raise ValueError("the run has no settings")
    if not isinstance(line.get("forced"), bool):
        raise ValueError("forced is missing")
    _number(line.get("number"))


def _check_record(line: Record) -> None:
    """Check a record as far as this program relies on it. Raises ValueError."""
    for name, kinds in FIELDS.items():
        if name not in line:
            raise ValueError(f"{name} is missing")
        if not isinstance(line[name], kinds) or isinstance(line[name], bool):
            raise ValueError(f"{name} is of another kind")
    _number(line.get("run_number"))
    for name in ("persons", "frames"):
        _number(line[name])
    numbers = [line["covered"], line["threshold"]]
    if (doubts := line["doubts"]) is not None:
        numbers += [doubts.get(name, "") for name in ("highest", "doubtful", "left")]
    for value in numbers:
        if value is not None and (
            not isinstance(value, int | float) or isinstance(value, bool) or not _is_finite(value)
        ):
            raise ValueError("a number is missing")
    if doubts is not None and not (line["threshold"] or 0) > 0:
        raise ValueError("threshold is missing")
    if not all(isinstance(note, str) for note in line["notes"]):
        raise ValueError("notes is of another kind")
    if not is_below(_text(line["output"])):
        raise ValueError("output is not a path below the output folder")
    check_entry(line.get("instances"))
    if not is_below(_text(line["name"])) and line.get("instances") is not None:
        raise ValueError("name is not a path below the output folder")


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 53:
        raise ValueError("a number is missing")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("a name is missing")
    os.fsencode(value)  # ValueError: a lone half of a character
    return value


def is_below(name: str) -> bool:
    """Return whether `name` is a relative path that leads nowhere but below its folder."""
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    return (
        not posix.is_absolute()
        and not windows.anchor
        and bool(posix.parts)
        and ".." not in posix.parts
        and (os.name != "nt" or ".." not in windows.parts)
    )
