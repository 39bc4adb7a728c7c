"""Anonymise many files, each completely or not at all.

An image is read, redacted and encoded in memory (a video: written under a temporary name), searched
again, noted in the journal, and only then gets its name. So the output folder never holds a raw or
partial file under a final name, whatever stops the run. A file that fails is listed and the others
are processed.
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

from pii_seg.anonymize.anonymizer import Anonymizer, Detection
from pii_seg.anonymize.image_reader import decode_file
from pii_seg.anonymize.image_writer import encode_file
from pii_seg.anonymize.images import Frame, ImageFile, Limits
from pii_seg.anonymize.inputs import InputFile, output_name
from pii_seg.anonymize.journal import Journal, Record
from pii_seg.anonymize.mask_persistence import hold_masks
from pii_seg.anonymize.review import ReviewSignals
from pii_seg.errors import InputError, MediaError
from pii_seg.inference.parallel import map_in_order

TEMPORARY = ".anonymize-"
"""Beginning of the names of unfinished outputs. They hold redacted pixels only."""

LOCK = ".anonymize.lock"
HASH_DIGITS = 20  # of a renamed file: 80 bits, so that two files of a run never share a name
DISK_FULL = (errno.ENOSPC, errno.EROFS, errno.EDQUOT)

UserMask = Callable[[InputFile, int, int], np.ndarray]
"""(file, height, width) -> bool (H, W), redacted too. Raises MediaError."""


@dataclass(frozen=True)
class Options:
    """Options for searching and writing the outputs.

    Attributes:
        renamed: Name outputs by the hash of their input.
        force: Replace files in the output folder that are not of this run.
        keep: Metadata that is kept, see `images.KEEPABLE`.
        keep_audio: Videos keep their sound.
        second_pass: Search the outputs for persons too.
        hold: Frames of a video before and after, for which a mask is held.
        limits: Reject larger images.
    """

    renamed: bool = False
    force: bool = False
    keep: frozenset[str] = frozenset()
    keep_audio: bool = False
    second_pass: bool = True
    hold: int = 2
    limits: Limits = field(default_factory=Limits)

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides the outputs' bytes and names, as audit.json holds it."""
        return {
            "renamed": self.renamed,
            "kept": sorted(self.keep),
            "keep_audio": self.keep_audio,
            "second_look": self.second_pass,
            "hold": self.hold,
        }


@dataclass
class Outcome:
    """Number of files that were done or skipped, and (file name, reason) of those that failed."""

    done: int = 0
    skipped: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class FrameTotals:
    """Summary of the frames of one file; the names are keys of audit.json.

    Attributes:
        frames: Number of frames.
        persons: The most in any frame.
        covered: The largest redacted fraction of any frame.
        doubts: The worst review signals; None without a detector.
    """

    frames: int = 0
    persons: int = 0
    covered: float = 0.0
    doubts: ReviewSignals | None = None

    def add(self, found: Detection, signals: ReviewSignals | None) -> None:
        """Count one more frame."""
        self.frames += 1
        self.persons = max(self.persons, len(found.persons))
        self.covered = max(self.covered, float(found.mask.mean()))
        if signals is not None:
            self.doubts = signals if self.doubts is None else self.doubts.worst(signals)

    def as_record(self) -> Record:
        """Return the values as audit.json holds them."""
        return {**asdict(self), "doubts": None if self.doubts is None else self.doubts.as_record()}


@contextmanager
def locked_folder(output: Path) -> Iterator[None]:
    """Create `output`, lock it against a second run, and delete what a killed run left.

    Raises:
        InputError: It is a file, or another run holds it.
    """
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
            f"--output {output}: another run is writing there; wait for it, or choose another "
            "folder"
        ) from None


class Batch:
    """Anonymises files into a folder that the caller has locked (`locked_folder`)."""

    def __init__(
        self,
        anonymizer: Anonymizer,
        output: Path,
        journal: Journal,
        options: Options,
        *,
        user_mask: UserMask | None = None,
    ) -> None:
        """Prepare a run.

        Args:
            anonymizer: Finds and replaces persons.
            output: The folder for the outputs.
            journal: Its records decide which files are skipped.
            options: Options for searching and writing the outputs.
            user_mask: Reads a mask that the user made for a file.
        """
        self.anonymizer = anonymizer
        self.output = output
        self.journal = journal
        self.options = options
        self.user_mask = user_mask
        self._ours = {record["output"] for record in journal.records.values()}
        self._writing = threading.Lock()

    def run(
        self,
        files: Sequence[InputFile],
        outcome: Outcome,
        *,
        workers: int,
        on_file: Callable[[], None] = lambda: None,
    ) -> None:
        """Anonymise all files.

        Args:
            files: The inputs.
            outcome: Updated after each file.
            workers: Number of files at a time.
            on_file: Called after each file.

        Raises:
            OSError: The output folder cannot be written.
        """
        for file, result in map_in_order(self.anonymize, files, workers=workers):
            try:
                if result.result():
                    outcome.done += 1
                else:
                    outcome.skipped += 1
            except Exception as error:
                if isinstance(error, OSError) and error.errno in DISK_FULL:
                    raise
                # Any other error concerns this file only: it has no output, the others go on.
                outcome.failed.append((self._public_name(file), _reason(error)))
            on_file()

    def anonymize(self, file: InputFile) -> bool:
        """Anonymise one file.

        Returns:
            False if its output exists already.

        Raises:
            MediaError: The file cannot be handled in full.
            OSError: It cannot be read, or the output not written.
        """
        started = time.monotonic()
        digest = sha256_of(file.path)
        name = digest[:HASH_DIGITS] if self.options.renamed else file.name
        if self._is_done(digest, name):
            return False
        unfinished = self.output / f"{TEMPORARY}{os.getpid()}-{threading.get_ident()}"
        try:
            if file.kind == "image":
                record = self._anonymize_image(file, name, unfinished)
            else:
                record = self._anonymize_video(file, name, unfinished)
            record = {"input_sha256": digest, "name": name, **record}
            record |= {
                "output_sha256": sha256_of(unfinished),
                "seconds": round(time.monotonic() - started, 3),
            }
            self._publish(unfinished, record)
        finally:
            unfinished.unlink(missing_ok=True)
        return True

    def _anonymize_image(self, file: InputFile, name: str, unfinished: Path) -> Record:
        image = self._decode(file.path.read_bytes())
        output = self._output(file, name, image.suffix)
        frames: list[Frame] = []
        finds: list[Detection] = []
        for frame in image.frames:
            found = self._find(file, frame.to_rgb8())
            frames.append(self.anonymizer.replace_frame(frame, found.mask, stream=len(frames)))
            finds.append(found)
        content = encode_file(replace(image, frames=tuple(frames)))
        del frames
        # The review decodes the bytes that will be on disk, as any viewer does.
        written = self._decode(content).frames
        if len(written) != len(finds):
            raise MediaError(
                f"has {len(finds)} frames, of which {len(written)} were written; convert it to "
                "another format"
            )
        totals = FrameTotals()
        for found, frame in zip(finds, written, strict=True):
            totals.add(found, self._review(found, frame.to_rgb8()))
        unfinished.write_bytes(content)
        height, width = finds[0].mask.shape
        boxes = [asdict(person) for person in finds[0].persons] if len(finds) == 1 else None
        return {
            "output": output,
            "height": height,
            "width": width,
            **totals.as_record(),
            "boxes": boxes,
            **self._facts(image.notes),
        }

    def _anonymize_video(self, file: InputFile, name: str, unfinished: Path) -> Record:
        # Here, because PyAV takes time to import, and images do not need it.
        from pii_seg.anonymize.containers import container_of
        from pii_seg.anonymize.video import rewrite_video

        output = self._output(file, name, container_of(file.path).suffix)
        totals = FrameTotals()

        def detected(
            frames: Iterator[np.ndarray],
        ) -> Iterator[tuple[tuple[np.ndarray, Detection], np.ndarray]]:
            for frame in frames:
                found = self._find(file, frame)
                yield (frame, found), found.mask

        def redacted(frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
            held = hold_masks(detected(frames), self.options.hold)
            for number, ((frame, found), mask) in enumerate(held):
                pixels, _ = self.anonymizer.replace(frame, mask, stream=number)
                found = replace(found, mask=mask)
                totals.add(found, self._review(found, pixels))
                yield pixels

        video = rewrite_video(file.path, unfinished, redacted, keep_audio=self.options.keep_audio)
        return {
            "output": output,
            "height": video.height,
            "width": video.width,
            "film_seconds": round(video.seconds, 3),
            **totals.as_record(),
            **self._facts(video.notes),
        }

    def _decode(self, content: bytes) -> ImageFile:
        return decode_file(content, keep=self.options.keep, limits=self.options.limits)

    def _find(self, file: InputFile, image: np.ndarray) -> Detection:
        mask = None if self.user_mask is None else self.user_mask(file, *image.shape[:2])
        return self.anonymizer.find(image, mask)

    def _review(self, found: Detection, redacted: np.ndarray) -> ReviewSignals | None:
        return self.anonymizer.review(found, redacted, second_pass=self.options.second_pass)

    def _facts(self, notes: Sequence[str]) -> Record:
        return {"threshold": self.anonymizer.threshold, "notes": list(notes)}

    def _output(self, file: InputFile, name: str, suffix: str) -> str:
        """Choose the output's name below the folder.

        Raises:
            MediaError: Another file has this name.
        """
        output = name + suffix if self.options.renamed else output_name(file, suffix)
        if output not in self._ours and not self.options.force and (self.output / output).exists():
            raise MediaError(
                "has an output already that is not of this run; choose another --output, or use "
                "--force"
            )
        return output

    def _is_done(self, digest: str, name: str) -> bool:
        record = self.journal.records.get((digest, name))
        if record is None:
            return False
        output = self.output / record["output"]
        return output.is_file() and sha256_of(output) == record["output_sha256"]

    def _publish(self, unfinished: Path, record: Record) -> None:
        """Add the record to the journal, then rename the output: see `journal`."""
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        target = self.output / record["output"]
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._writing:
            self.journal.add(record)
            self._ours.add(record["output"])
            unfinished.replace(target)

    def _public_name(self, file: InputFile) -> str:
        """Name a file in a list that others may read: with --rename its hash."""
        if not self.options.renamed:
            return file.name
        try:
            return f"the file of SHA-256 {sha256_of(file.path)}"
        except OSError:
            return "a file that cannot be read"


def _reason(error: Exception) -> str:
    """Describe an error in one line, without the path that operating systems put into theirs."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, MediaError):
        return str(error)
    if isinstance(error, MemoryError):
        return "needs more memory than there is; make it smaller, or give fewer --jobs"
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def sha256_of(path: Path) -> str:
    """Hash a file of any size, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
