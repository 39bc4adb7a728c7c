"""Stages of a run on disk. Each runs once, and again only when its inputs or settings have changed.

    runner = StageRunner(run, ("renders", "teacher", "pseudo-1"), stop_after="teacher")
    renders = runner.run("renders", settings={"recipe": recipe, "count": 2000}, work=render)
    teacher = runner.run("teacher", settings=plain(config), inputs={"renders": renders}, work=train)

    RUN/teacher/              files that the stage's work writes
    RUN/teacher/.stage.json   name, settings, inputs and time spent so far; written first
    RUN/teacher/stage.json    the same, and the result; written last: the stage is done

A stage is identified by its fingerprint: the hash of its name, its settings and the fingerprints of
its inputs.

- Done with the same fingerprint: the stage is skipped.
- Begun with the same fingerprint: its work is called with the folder as it is, and resumes there.
- Begun or done with another fingerprint: the folder is emptied, whatever it contains, and the work
  runs again. Only a folder with a marker of this very stage is emptied, and nothing beyond it is
  touched.

A run may be killed at any moment: the next one finds a state from which these rules are correct.

A fingerprint does not contain the program's version (a stage may put it among its settings), files
edited by hand, or chance. To run a stage again although nothing has changed, delete its folder;
stages that read it run again only if the hash of its output is among their inputs too. This module
needs nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from blender_addon.dataset import write_atomically
from pii_seg.errors import InputError

DONE, BEGUN = "stage.json", ".stage.json"
FORMAT = "pii_seg stage 1"
EMPTIED = ""  # in place of the fingerprint of a folder that is being emptied

_NAME = re.compile(r"[a-z][a-z0-9_-]*")

Work = Callable[[Path], Mapping[str, Any]]
"""Writes the files of a stage into the given folder, and returns its result as plain data."""


class Stopped(Exception):  # noqa: N818  # not an error: the user asked for it
    """Raised when the stage of `stop_after` is done."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(f"stopped after {stage.name}")
        self.stage = stage


@dataclass(frozen=True)
class Stage:
    """A stage that is done.

    Attributes:
        result: What its work returned, as read back from stage.json.
        seconds: Time of its work, summed over all runs that had a part in it.
        fresh: Whether it was done in this run.
    """

    name: str
    folder: Path
    fingerprint: str
    result: Mapping[str, Any]
    seconds: float
    fresh: bool


@dataclass(frozen=True)
class Marker:
    """Content of .stage.json and stage.json."""

    stage: str
    fingerprint: str = EMPTIED
    settings: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    result: Mapping[str, Any] = field(default_factory=dict)


class StageRunner:
    """Runs the stages of the run in the folder `root`.

    Args:
        root: Folder of the run.
        names: Names of all stages, in order.
        begin_at: Stages before this one are kept as they are, even if their settings have changed.
        stop_after: When this stage is done, `run` raises Stopped.
        log: Receives one line of text for each stage.

    Raises:
        InputError: `begin_at` or `stop_after` is not in `names`, or they contradict each other.
        ValueError: A name is no name of a stage, or occurs twice.
    """

    def __init__(
        self,
        root: Path,
        names: Sequence[str],
        *,
        begin_at: str | None = None,
        stop_after: str | None = None,
        log: Callable[[str], None] = lambda line: None,
    ) -> None:
        if wrong := [name for name in names if not _NAME.fullmatch(name)]:
            raise ValueError(f"{wrong[0]!r} cannot name a stage; use a to z, digits, - and _")
        if len(set(names)) < len(names):
            raise ValueError(f"two stages have the same name: {', '.join(names)}")
        for option, name in (("--from", begin_at), ("--stop-after", stop_after)):
            if name is not None and name not in names:
                raise InputError(f"{option} {name}: no such stage; this run has {', '.join(names)}")
        self._places = {name: place for place, name in enumerate(names)}
        self._first = 0 if begin_at is None else self._places[begin_at]
        if stop_after is not None and self._places[stop_after] < self._first:
            raise InputError(f"--stop-after {stop_after}: comes before --from {begin_at}")
        self.root = root
        self.stop_after = stop_after
        self.log = log

    def run(
        self,
        name: str,
        *,
        settings: Mapping[str, Any],
        inputs: Mapping[str, Stage | str] | None = None,
        work: Work,
    ) -> Stage:
        """Do the stage `name`, unless it is done already. Errors of `work` are passed on.

        Args:
            name: One of the names given to the constructor.
            settings: Everything that decides the result, as plain data.
            inputs: Stages that it reads, and hashes of files from outside the run
                (content_hash.py), by their role.
            work: Writes the stage's files and returns its result.

        Returns:
            The stage, with its result.

        Raises:
            InputError: The folder contains something else, or a stage before `begin_at` is not
                done.
            Stopped: This is the stage of `stop_after`, and it is done.
            TypeError: Settings or result are not plain data.
        """
        place, folder = self._places[name], self.root / name
        wanted = marker_of(name, settings, inputs or {})
        done = read_marker(folder / DONE, name)
        if place < self._first:
            if done is None:
                raise InputError(
                    f"{folder}: this stage is not done, so the run cannot start after it; "
                    f"give --from {name}, or leave --from out"
                )
            same = done.fingerprint == wanted.fingerprint
            self.log(f"{name}: kept as it is" + ("" if same else f"; {changes(done, wanted)}"))
            stage = stage_of(folder, done, fresh=False)
        elif done is not None and done.fingerprint == wanted.fingerprint:
            self.log(f"{name}: already done")
            stage = stage_of(folder, done, fresh=False)
        else:
            begun = self._prepare(folder, wanted, done)
            stage = stage_of(folder, carry_out(folder, begun, work), fresh=True)
        if name == self.stop_after:
            raise Stopped(stage)
        return stage

    def _prepare(self, folder: Path, wanted: Marker, done: Marker | None) -> Marker:
        """Create or empty the folder, unless its work can resume. Returns the new .stage.json."""
        begun = read_marker(folder / BEGUN, wanted.stage)
        before = done or begun
        if done is None and begun is not None and begun.fingerprint == wanted.fingerprint:
            self.log(f"{wanted.stage}: resuming")
            return begun
        if before is None:
            refuse_occupied_folder(folder)
            self.log(f"{wanted.stage}: starting")
        else:
            self.log(f"{wanted.stage}: re-running: {changes(before, wanted)}")
            empty(folder, wanted.stage)
        folder.mkdir(parents=True, exist_ok=True)
        write_marker(folder / BEGUN, wanted)
        return wanted


def marker_of(name: str, settings: Mapping[str, Any], inputs: Mapping[str, Stage | str]) -> Marker:
    """The marker of a stage. Raises TypeError for settings that are not plain data."""
    settings = plain(settings, "settings")
    hashes = {
        role: given.fingerprint if isinstance(given, Stage) else given
        for role, given in inputs.items()
    }
    fingerprint = fingerprint_of({"stage": name, "settings": settings, "inputs": hashes})
    return Marker(name, fingerprint, settings, hashes)


def fingerprint_of(data: Any) -> str:
    """SHA-256 of plain data, hexadecimal. It ignores the order of keys; 1, 1.0 and True differ."""
    canonical = json.dumps(
        plain(data, "data"), sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def plain(value: Any, where: str) -> Any:
    """Copy `value` into types that JSON returns unchanged: dict, list (from tuples too), str,
    numbers, None.

    Raises:
        TypeError: It contains anything else; the message names the place, such as
            settings.model.width.
    """
    if isinstance(value, Mapping):
        if strange := [key for key in value if not isinstance(key, str)]:
            raise TypeError(f"{where} has the key {strange[0]!r}; keys must be strings")
        return {key: plain(entry, f"{where}.{key}") for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry, f"{where}[{place}]") for place, entry in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise TypeError(f"{where} is {value}, which JSON cannot represent; use None")
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(
        f"{where} is a {type(value).__name__}; expected plain data: dict, list, str, number or None"
    )


def changes(before: Marker, now: Marker) -> str:
    """The difference between two markers of a stage, in words."""
    if before.fingerprint == EMPTIED:
        return "an earlier run was stopped while it emptied the folder"
    names = [
        *differences(before.settings, now.settings, "settings"),
        *differences(before.inputs, now.inputs, "inputs"),
    ]
    return f"{', '.join(names)} changed" if names else "made by a different version"


def differences(before: Any, now: Any, where: str) -> list[str]:
    """Dotted names of the entries that differ between two pieces of plain data, in order."""
    if not (isinstance(before, Mapping) and isinstance(now, Mapping)):
        return [] if fingerprint_of(before) == fingerprint_of(now) else [where]
    absent = object()
    found = []
    for key in sorted({*before, *now}):
        old, new = before.get(key, absent), now.get(key, absent)
        name = f"{where}.{key}"
        found += [name] if absent in (old, new) else differences(old, new, name)
    return found


def carry_out(folder: Path, begun: Marker, work: Work) -> Marker:
    """Do the work, then write stage.json. Returns its content."""
    start = time.monotonic()

    def so_far(**more: Any) -> Marker:
        return replace(begun, seconds=round(begun.seconds + time.monotonic() - start, 3), **more)

    try:
        result = plain(work(folder), "result")
    except BaseException:
        with contextlib.suppress(OSError):  # an error here would hide the first one
            write_marker(folder / BEGUN, so_far())
        raise
    done = so_far(result=result)
    write_marker(folder / DONE, done)
    return done


def stage_of(folder: Path, done: Marker, *, fresh: bool) -> Stage:
    return Stage(done.stage, folder, done.fingerprint, done.result, done.seconds, fresh)


def refuse_occupied_folder(folder: Path) -> None:
    """Raise InputError unless the folder of a stage without a marker is absent or empty."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(
            f"{folder}: expected a folder, got a file; move it away, or choose another --output"
        )
    if strangers := sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")):
        raise InputError(
            f"{folder}: contains {strangers[0]!r} but no {DONE} of this program; move it away, or "
            "choose another --output"
        )


def empty(folder: Path, stage: str) -> None:
    """Delete everything in a stage's folder except its marker. Raises InputError for a link."""
    if folder.is_symlink():
        raise InputError(
            f"{folder}: is a link to a stage with other settings, which is not emptied; remove the "
            "link"
        )
    write_marker(folder / BEGUN, Marker(stage))  # from here on nothing can be resumed
    (folder / DONE).unlink(missing_ok=True)
    for path in folder.iterdir():
        if path.name == BEGUN:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def write_marker(path: Path, marker: Marker) -> None:
    content = {"format": FORMAT, **asdict(marker)}
    write_atomically(path, json.dumps(content, indent=2, allow_nan=False).encode() + b"\n")


def read_marker(path: Path, stage: str) -> Marker | None:
    """Read the marker of `stage`. Returns None where it is absent, damaged, or of another stage."""
    try:
        content = json.loads(path.read_bytes())
        if content.pop("format") != FORMAT or content["stage"] != stage:
            return None
        marker = Marker(**content)
        whole = isinstance(marker.fingerprint, str) and isinstance(marker.seconds, float | int)
        parts = (marker.settings, marker.inputs, marker.result)
        return marker if whole and all(isinstance(part, dict) for part in parts) else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
