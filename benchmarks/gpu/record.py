"""The JSON file of one part: its figures and checks, written again with each one that it gets."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 1
RUNNING, DONE, FAILED, TIMED_OUT, NOT_RUN = "running", "done", "failed", "timed out", "not run"
STATES = (RUNNING, DONE, FAILED, TIMED_OUT, NOT_RUN)


@dataclass
class Record:
    """The file PART.json.

    Attributes:
        part: Name of the part.
        status: One of STATES.
        reason: Why it is not done, one line.
        device: The device as it names itself.
        tiny: Whether sizes are those of a test, whose figures mean nothing.
        started: When it began, UTC.
        seconds: Time it took, with imports.
        limit_seconds: Time it was given.
        settings: Numbers and names that its figures depend on.
        figures: Measured values: {"name", "value", "unit"}.
        checks: What must hold: {"name", "passed", "value", "limit"}.
        files: Files and folders that it made, relative to the output folder.
    """

    part: str
    status: str = RUNNING
    reason: str = ""
    device: str = ""
    tiny: bool = False
    started: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    seconds: float = 0.0
    limit_seconds: float = 0.0
    settings: dict[str, Any] = field(default_factory=dict)
    figures: list[dict[str, Any]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    schema_version: int = SCHEMA_VERSION

    @property
    def succeeded(self) -> bool:
        """Whether the part is done and all its checks hold."""
        return self.status == DONE and all(check["passed"] for check in self.checks)

    def save(self, folder: Path) -> None:
        """Write PART.json, whole or not at all."""
        path = path_of(folder, self.part)
        temporary = path.with_suffix(".tmp")
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(path)

    @classmethod
    def load(cls, folder: Path, part: str) -> Record:
        """Read PART.json.

        Raises:
            OSError: There is none.
            ValueError: It is not of the schema.
        """
        path = path_of(folder, part)
        values = json.loads(path.read_text(encoding="utf-8"))
        if faults := list(faults_of(values)):
            raise ValueError(f"{path}: {faults[0]}")
        return cls(**values)


def path_of(folder: Path, part: str) -> Path:
    """Return where the record of a part is."""
    return folder / f"{part}.json"


ENTRIES = {
    "figures": {"name": str, "value": float, "unit": str},
    "checks": {"name": str, "passed": bool, "value": float, "limit": float},
}


def faults_of(values: Any) -> Iterator[str]:
    """List how a record, as JSON has it, breaks the schema."""
    like = asdict(Record(""))
    if not isinstance(values, dict) or values.keys() != like.keys():
        yield f"expected the keys {sorted(like)}, got {sorted(values) if values else values!r}"
        return
    for key, example in like.items():
        if not is_like(values[key], type(example)):
            yield f"{key}: expected {type(example).__name__}, got {values[key]!r}"
    if values["schema_version"] != SCHEMA_VERSION:
        yield f"schema_version: expected {SCHEMA_VERSION}, got {values['schema_version']!r}"
    if values["status"] not in STATES:
        yield f"status: expected one of {', '.join(STATES)}, got {values['status']!r}"
    if (values["reason"] == "") != (values["status"] in (RUNNING, DONE)):
        yield f"reason: expected one exactly where the part did not end well: {values['reason']!r}"
    for key, kinds in ENTRIES.items():
        for entry in values[key] if isinstance(values[key], list) else ():
            if not isinstance(entry, dict) or entry.keys() != kinds.keys():
                yield f"{key}: expected entries of {', '.join(kinds)}, got {entry!r}"
            elif not all(is_like(entry[name], kind) for name, kind in kinds.items()):
                yield f"{key}: a value is of the wrong type: {entry!r}"
    if isinstance(values["files"], list):
        for name in values["files"]:
            if not isinstance(name, str) or Path(name).is_absolute() or ".." in Path(name).parts:
                yield f"files: expected paths below the output folder, got {name!r}"


def is_like(value: Any, kind: type) -> bool:
    """Return whether a value of JSON is of a type; numbers are finite, and bool is no number."""
    if kind is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and math.isfinite(value)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
