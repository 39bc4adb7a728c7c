"""Many files, each whole or not at all.

A file is read, redacted and encoded in memory (a film: written under a temporary name), looked at again, noted in the
journal, and only then gets its name. So at no time does the output folder hold a raw or a partial file, whatever stops
the run; what fails is listed and the others go on.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from pii_seg.anonymize.anonymizer import Anonymizer, Found
from pii_seg.anonymize.images import Frame, Limits, encode_picture, read_picture
from pii_seg.anonymize.inputs import Item, output_name
from pii_seg.anonymize.journal import Journal, Record
from pii_seg.anonymize.mask_persistence import hold
from pii_seg.anonymize.review import Doubts, doubts_after, doubts_before
from pii_seg.anonymize.video import container_of, rewrite
from pii_seg.errors import InputError, MediaError
from pii_seg.inference.parallel import map_in_order

TEMPORARY = ".anonymize-"
"""How the names of unfinished outputs begin. They hold redacted pixels only."""

LOCK = ".anonymize.lock"
HASH_DIGITS = 20  # of a renamed file: 80 bits, no two files of one run share them
FULL = (errno.ENOSPC, errno.EROFS, errno.EDQUOT)

OwnMask = Callable[[Item, int, int], np.ndarray]
"""(item, height, width) → bool (H, W), what its owner says is to be redacted. Raises MediaError."""


@dataclass(frozen=True)
class Options:
    """How files come out.

    renamed      called by the hash of their content
    force        files that are there, and not of this run, may be replaced
    keep         metadata that may stay, see `pictures`
    second_look  find persons in the output too
    hold         frames of a film before and after, that a mask is held for
    """

    renamed: bool = False
    force: bool = False
    keep: frozenset[str] = frozenset()
    keep_audio: bool = False
    second_look: bool = True
    hold: int = 2
    limits: Limits = field(default_factory=Limits)

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the outputs' bytes and names, as plain values."""
        return {
            "renamed": self.renamed,
            "kept": sorted(self.keep),
            "keep_audio": self.keep_audio,
            "second_look": self.second_look,
            "hold": self.hold,
        }


@dataclass
class Outcome:
    """What a run did. failed: (what the file is called, why)."""

    done: int = 0
    skipped: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Tally:
    """What is said of one file, gathered over its frames. persons, covered: the most in any of them."""

    frames: int = 0
    persons: int = 0
    covered: float = 0.0
    doubts: Doubts | None = None

    def add(self, found: Found, doubts: Doubts | None) -> None:
        self.frames += 1
        self.persons = max(self.persons, len(found.persons))
        self.covered = max(self.covered, float(found.mask.mean()))
        if doubts is not None:
            self.doubts = doubts if self.doubts is None else self.doubts.worst(doubts)

    def plain(self) -> Record:
        return {**asdict(self), "doubts": None if self.doubts is None else self.doubts.plain()}


@contextmanager
def folder_of_our_own(output: Path) -> Iterator[None]:
    """Holds `output` against a second run, and clears away what a killed one left. Raises InputError."""
    if output.exists() and not output.is_dir():
        raise InputError(f"--output {output}: is a file; give a folder")
    output.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(output / LOCK, timeout=0):
            for path in output.rglob(f"{TEMPORARY}*"):
                path.unlink(missing_ok=True)
            yield
    except Timeout:
        raise InputError(
            f"--output {output}: another run is writing there; wait for it, or choose another folder"
        ) from None


class Batch:
    """Anonymises files into a folder that it must hold alone (`folder_of_our_own`)."""

    def __init__(
        self,
        anonymizer: Anonymizer,
        output: Path,
        journal: Journal,
        options: Options,
        *,
        own_mask: OwnMask | None = None,
    ) -> None:
        self.anonymizer = anonymizer
        self.output = output
        self.journal = journal
        self.options = options
        self.own_mask = own_mask
        self._ours = {record["output"] for record in journal.records.values()}
        self._writing = threading.Lock()

    def run(
        self,
        items: Sequence[Item],
        outcome: Outcome,
        *,
        workers: int,
        on_item: Callable[[], None] = lambda: None,
    ) -> None:
        """Every item, `workers` at a time; `outcome` is kept up to date. Raises OSError when nothing can be written."""
        for item, made in map_in_order(self.anonymize, items, workers=workers):
            try:
                if made.result():
                    outcome.done += 1
                else:
                    outcome.skipped += 1
            except Exception as error:
                if isinstance(error, OSError) and error.errno in FULL:
                    raise
                # Whatever it was: it is this file's failure, the file has no output, and the others go on.
                outcome.failed.append((self._called(item), _why(error)))
            on_item()

    def anonymize(self, item: Item) -> bool:
        """One file; False when its output was there already. Raises MediaError, OSError, whatever a decoder raises."""
        started = time.monotonic()
        digest = sha256_of(item.path)
        name = digest[:HASH_DIGITS] if self.options.renamed else item.name
        if self._is_done(digest, name):
            return False
        unfinished = self.output / f"{TEMPORARY}{os.getpid()}-{threading.get_ident()}"
        work = self._picture if item.kind == "picture" else self._film
        try:
            record = {"input_sha256": digest, "name": name, **work(item, name, unfinished)}
            record |= {
                "output_sha256": sha256_of(unfinished),
                "seconds": round(time.monotonic() - started, 3),
            }
            self._publish(unfinished, record)
        finally:
            unfinished.unlink(missing_ok=True)
        return True

    def _picture(self, item: Item, name: str, unfinished: Path) -> Record:
        picture = read_picture(
            item.path.read_bytes(), keep=self.options.keep, limits=self.options.limits
        )
        output = self._output(item, name, picture.suffix)
        tally = Tally()
        frames: list[Frame] = []
        finds: list[Found] = []
        for frame in picture.frames:
            found = self._find(item, frame.shown())
            pixels, alpha = self.anonymizer.replace(
                frame.pixels, found.mask, frame.alpha, stream=len(frames)
            )
            frames.append(replace(frame, pixels=pixels, alpha=alpha))
            finds.append(found)
        content = encode_picture(replace(picture, frames=tuple(frames)))
        del frames
        # What is looked at is what will lie on the disk, decoded as anybody would.
        written = read_picture(content, keep=self.options.keep, limits=self.options.limits).frames
        if len(written) != len(finds):
            raise MediaError(
                f"{len(finds)} frames went in and {len(written)} came out; convert it to another format"
            )
        for found, after in zip(finds, written, strict=True):
            tally.add(found, self._doubts(found, after.shown()))
        unfinished.write_bytes(content)
        height, width = finds[0].mask.shape
        boxes = [asdict(person) for person in finds[0].persons] if len(finds) == 1 else None
        return {
            "output": output,
            "height": height,
            "width": width,
            **tally.plain(),
            "boxes": boxes,
            **self._said(picture.notes),
        }

    def _film(self, item: Item, name: str, unfinished: Path) -> Record:
        output = self._output(item, name, container_of(item.path).suffix)
        tally = Tally()

        def looked_at(
            frames: Iterator[np.ndarray],
        ) -> Iterator[tuple[tuple[np.ndarray, Found], np.ndarray]]:
            for frame in frames:
                found = self._find(item, frame)
                yield (frame, found), found.mask

        def transform(frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
            for number, ((frame, found), mask) in enumerate(
                hold(looked_at(frames), self.options.hold)
            ):
                redacted, _ = self.anonymizer.replace(frame, mask, stream=number)
                found = replace(found, mask=mask)
                tally.add(found, self._doubts(found, redacted))
                yield redacted

        film = rewrite(item.path, unfinished, transform, keep_audio=self.options.keep_audio)
        return {
            "output": output,
            "height": film.height,
            "width": film.width,
            "film_seconds": round(film.seconds, 3),
            **tally.plain(),
            **self._said(film.notes),
        }

    def _find(self, item: Item, shown: np.ndarray) -> Found:
        own = None if self.own_mask is None else self.own_mask(item, *shown.shape[:2])
        return self.anonymizer.find(shown, own)

    def _doubts(self, found: Found, after: np.ndarray) -> Doubts | None:
        """What the first look left, and what a second look finds in `after`, uint8 (H, W, 3)."""
        detector = self.anonymizer.detector
        if detector is None or found.probability is None:
            return None
        doubts = doubts_before(found.probability, found.mask, detector.threshold)
        if self.options.second_look:
            doubts = doubts.worst(
                doubts_after(detector.probability(after), found.mask, detector.threshold)
            )
        return doubts

    def _said(self, notes: Sequence[str]) -> Record:
        detector = self.anonymizer.detector
        return {"threshold": None if detector is None else detector.threshold, "notes": list(notes)}

    def _output(self, item: Item, name: str, suffix: str) -> str:
        """The output's name below the folder. Raises MediaError when something else is there."""
        output = name + suffix if self.options.renamed else output_name(item, suffix)
        if output not in self._ours and not self.options.force and (self.output / output).exists():
            raise MediaError(
                "its output is there already and not of this run; choose another --output, or --force"
            )
        return output

    def _is_done(self, digest: str, name: str) -> bool:
        record = self.journal.records.get((digest, name))
        if record is None:
            return False
        output = self.output / record["output"]
        return output.is_file() and sha256_of(output) == record["output_sha256"]

    def _publish(self, unfinished: Path, record: Record) -> None:
        """Note it, then give it its name: see `journal`."""
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        target = self.output / record["output"]
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._writing:
            self.journal.add(record)
            self._ours.add(record["output"])
            unfinished.replace(target)

    def _called(self, item: Item) -> str:
        """What a list that others may read calls it."""
        if not self.options.renamed:
            return item.name
        try:
            return f"the file of SHA-256 {sha256_of(item.path)}"
        except OSError:
            return "a file that cannot be read"


def _why(error: Exception) -> str:
    """In one line, without the file's path, which operating systems put into theirs."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, MediaError):
        return str(error)
    if isinstance(error, MemoryError):
        return "needs more memory than there is; make it smaller, or give fewer --jobs"
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def sha256_of(path: Path) -> str:
    """In hex, of a file of any size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
