"""Stages of a run on disk, each done once, and again only when what it is made from has changed. Standard library only.

    runner = StageRunner(run, ("renders", "teacher", "pseudo-1"), stop_after="teacher")
    renders = runner.run("renders", settings={"recipe": recipe, "count": 2000}, work=render)
    teacher = runner.run("teacher", settings=plain(config), inputs={"renders": renders}, work=train)

    RUN/teacher/              what the stage's work leaves there
    RUN/teacher/.stage.json   that the folder is a stage's, what for, and how long it has taken; written first
    RUN/teacher/stage.json    the same and its result; written last: where it is, the stage is done

A stage is known by its fingerprint: the hash of its name, its settings and the fingerprints of what it reads.

- Done under the same fingerprint: it is skipped.
- Begun under the same: its work is called with the folder as it lies, to go on.
- Begun or done under another: the folder is emptied, whatever lies in it, and the work begins again. Only a folder with
  a marker of this very stage is emptied, and nothing beyond it is touched.

A run may be killed at any moment: the next one finds a state from which this is right.

What a fingerprint does not see: the program's version (put it among the settings if it shall count), files changed by
hand, and chance. Whoever wants a stage again although nothing changed deletes its folder; the stages that read it are
done again only if the hash of what came out is among their inputs too.
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

DONE, BEGUN = "stage.json", ".stage.json"
FORMAT = "pii_seg stage 1"
EMPTIED = ""  # no fingerprint: of a folder whose content is void

_NAME = re.compile(r"[a-z][a-z0-9_-]*")

Work = Callable[[Path], Mapping[str, Any]]
"""Given the stage's folder, leaves the stage's files there and returns the result: plain data."""


class StageError(ValueError):
    """The run's folder or the choice of stages does not allow it; the message says what to do."""


class Stopped(Exception):  # noqa: N818  # not an error: what was asked for
    """The stage was done after which the run was to stop."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(f"stopped after {stage.name}")
        self.stage = stage


@dataclass(frozen=True)
class Stage:
    """A stage that is done. seconds: of work, over all runs that had a part in it. fresh: in this run."""

    name: str
    folder: Path
    fingerprint: str
    result: Mapping[str, Any]
    seconds: float
    fresh: bool


@dataclass(frozen=True)
class Marker:
    """What a marker file says of the folder that it lies in."""

    stage: str
    fingerprint: str = EMPTIED
    settings: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    result: Mapping[str, Any] = field(default_factory=dict)


class StageRunner:
    """Runs the stages `names` of the run in the folder `root`, which are given in order.

    begin_at: stages before this one are taken as they lie, even if they are of other settings by now.
    stop_after: when this one is done, `run` raises Stopped. say: is told in a line what becomes of each stage.
    Raises StageError for a name that is none of them.
    """

    def __init__(
        self,
        root: Path,
        names: Sequence[str],
        *,
        begin_at: str | None = None,
        stop_after: str | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        if wrong := [name for name in names if not _NAME.fullmatch(name)]:
            raise ValueError(f"{wrong[0]!r} is no name of a stage: a to z, digits, - and _")
        if len(set(names)) < len(names):
            raise ValueError(f"two stages have one name: {', '.join(names)}")
        for option, name in (("--from", begin_at), ("--stop-after", stop_after)):
            if name is not None and name not in names:
                raise StageError(f"{option} {name}: no such stage; this run has {', '.join(names)}")
        self._places = {name: place for place, name in enumerate(names)}
        self._first = 0 if begin_at is None else self._places[begin_at]
        if stop_after is not None and self._places[stop_after] < self._first:
            raise StageError(f"--stop-after {stop_after}: comes before --from {begin_at}")
        self.root = root
        self.stop_after = stop_after
        self.say = say

    def run(
        self,
        name: str,
        *,
        settings: Mapping[str, Any],
        inputs: Mapping[str, Stage | str] | None = None,
        work: Work,
    ) -> Stage:
        """The stage, done: by `work` if need be.

        settings: all that decides the outcome, as plain data. inputs: by the part they play, the stages that it reads,
        and hashes of what it reads from outside (see `contents`). What the work raises is passed on.
        Raises StageError when the folder holds something else, Stopped, and TypeError for data that is not plain.
        """
        place, folder = self._places[name], self.root / name
        wanted = marker_of(name, settings, inputs or {})
        done = read_marker(folder / DONE, name)
        if place < self._first:
            if done is None:
                raise StageError(
                    f"{folder}: is not done, so the run cannot begin after it; begin at {name}"
                )
            taken = done.fingerprint == wanted.fingerprint
            self.say(
                f"{name}: taken as it is" + ("" if taken else f", although {changes(done, wanted)}")
            )
            stage = stage_of(folder, done, fresh=False)
        elif done is not None and done.fingerprint == wanted.fingerprint:
            self.say(f"{name}: done already")
            stage = stage_of(folder, done, fresh=False)
        else:
            begun = self._prepare(folder, wanted, done)
            stage = stage_of(folder, carry_out(folder, begun, work), fresh=True)
        if name == self.stop_after:
            raise Stopped(stage)
        return stage

    def _prepare(self, folder: Path, wanted: Marker, done: Marker | None) -> Marker:
        """Make or empty the folder, unless the work in it can go on. Returns what .stage.json says then."""
        begun = read_marker(folder / BEGUN, wanted.stage)
        before = done or begun
        if done is None and begun is not None and begun.fingerprint == wanted.fingerprint:
            self.say(f"{wanted.stage}: goes on where it was")
            return begun
        if before is None:
            refuse_what_is_not_ours(folder)
            self.say(f"{wanted.stage}: begins")
        else:
            self.say(f"{wanted.stage}: begins again, since {changes(before, wanted)}")
            empty(folder, wanted.stage)
        folder.mkdir(parents=True, exist_ok=True)
        write_marker(folder / BEGUN, wanted)
        return wanted


def marker_of(name: str, settings: Mapping[str, Any], inputs: Mapping[str, Stage | str]) -> Marker:
    """The marker, fingerprint and all, of a stage made from these. Raises TypeError for settings that are not plain."""
    told = plain(settings, "settings")
    read = {
        part: given.fingerprint if isinstance(given, Stage) else given
        for part, given in inputs.items()
    }
    return Marker(
        name, fingerprint_of({"stage": name, "settings": told, "inputs": read}), told, read
    )


def fingerprint_of(data: Any) -> str:
    """SHA-256 of plain data, in hexadecimal. The order of a dict's keys does not count; 1, 1.0 and True differ."""
    canonical = json.dumps(
        plain(data, "data"), sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def plain(value: Any, where: str) -> Any:
    """A copy of `value` in what JSON gives back unchanged: dicts, lists (of tuples too), words, numbers, None.

    Raises TypeError that names the place, such as settings.model.width, of anything else.
    """
    if isinstance(value, Mapping):
        if strange := [key for key in value if not isinstance(key, str)]:
            raise TypeError(f"{where} has the key {strange[0]!r}; keys must be words")
        return {key: plain(entry, f"{where}.{key}") for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry, f"{where}[{place}]") for place, entry in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise TypeError(f"{where} is {value}, which JSON has no number for; use None")
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(
        f"{where} is of {type(value).__name__}; plain data was due: dicts, lists, words, numbers"
    )


def changes(before: Marker, now: Marker) -> str:
    """What differs between two of a stage's markers, in words."""
    if before.fingerprint == EMPTIED:
        return "it was being emptied"
    names = [
        *differences(before.settings, now.settings, "settings"),
        *differences(before.inputs, now.inputs, "inputs"),
    ]
    return f"{', '.join(names)} changed" if names else "it was made otherwise"


def differences(before: Any, now: Any, where: str) -> list[str]:
    """Dotted names of what differs between two pieces of plain data, in order."""
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
    """Do the work and say so in stage.json, the last that is written. Returns what it says."""
    start = time.monotonic()

    def so_far(**more: Any) -> Marker:
        return replace(begun, seconds=round(begun.seconds + time.monotonic() - start, 3), **more)

    try:
        result = plain(work(folder), "result")
    except BaseException:
        with contextlib.suppress(OSError):  # the time is not worth hiding what went wrong
            write_marker(folder / BEGUN, so_far())
        raise
    done = so_far(result=result)
    write_marker(folder / DONE, done)
    return done


def stage_of(folder: Path, done: Marker, *, fresh: bool) -> Stage:
    return Stage(done.stage, folder, done.fingerprint, done.result, done.seconds, fresh)


def refuse_what_is_not_ours(folder: Path) -> None:
    """Raises StageError where a stage without a marker cannot begin: a file, or a folder with something in it."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise StageError(f"{folder}: is a file; move it away, or choose another folder for the run")
    if strangers := sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")):
        raise StageError(
            f"{folder}: holds {strangers[0]!r} and no {DONE} of this program; move it away, or choose another folder "
            "for the run"
        )


def empty(folder: Path, stage: str) -> None:
    """Delete all in a stage's folder but the marker that says whose it is. Raises StageError for a link to a folder."""
    if folder.is_symlink():
        raise StageError(
            f"{folder}: is a link to a stage of other settings; nothing is deleted beyond it. Remove it"
        )
    write_marker(folder / BEGUN, Marker(stage))  # from here on there is nothing to go on with
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
    """None where there is no marker of this stage, or it is damaged: that proves nothing."""
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
