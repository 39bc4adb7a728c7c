"""Anonymise many files, each completely or not at all.

A file is read, redacted and written under a temporary name, searched again, noted in the journal,
and only then gets its name. So the output folder never holds a raw or partial file under a final
name, whatever stops the run. What is to be replaced is deleted first, so that a file that fails has
no output, not even an older one. A file that fails is listed and the others are processed.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from blender_addon.dataset import OutputBusyError, output_lock
from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.anonymize.done_key import done_key
from pii_seg.anonymize.failures import end_of_run, reason_of, system_reason
from pii_seg.anonymize.file_redaction import FileRedactor, Options, StoppedError
from pii_seg.anonymize.inputs import LOCK, InputFile, output_name, same_name
from pii_seg.anonymize.instance_files import (
    FOLDER,
    InstanceWriter,
    are_as_recorded,
    paths_of,
    remove_empty_folders,
)
from pii_seg.anonymize.journal import Journal, Record
from pii_seg.anonymize.user_masks import MaskFolder, UserMask
from pii_seg.data.file_kinds import kind_of_file
from pii_seg.data.files import printable
from pii_seg.data.hashes import sha256_of
from pii_seg.errors import InputError, MediaError
from pii_seg.inference.parallel import map_in_order

TEMPORARY = ".anonymize-"
"""Beginning of the names of unfinished outputs. They hold redacted pixels only."""

HASH_DIGITS = 20  # of a renamed file: 80 bits, so that two files of a run never share a name
KEPT = "its output of an earlier run is kept"


@dataclass
class Outcome:
    """Result of a run.

    Attributes:
        done: Number of files that were anonymised.
        skipped: Number of files that an earlier run had done.
        failed: (file name, reason) of the others.
        current: Names of the inputs whose outputs were made or checked by this run.
    """

    done: int = 0
    skipped: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    current: set[str] = field(default_factory=set)


@contextmanager
def locked_folder(output: Path) -> Iterator[None]:
    """Create `output`, lock it against a second run, and delete what a killed run left.

    Raises:
        InputError: It is a file, cannot be written, or another run holds it.
    """
    if output.exists() and not output.is_dir():
        raise InputError(f"--output {printable(output)}: is a file; give a folder")
    with locked(output / LOCK, f"--output {printable(output)}"):
        for path in output.glob(f"{TEMPORARY}*"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        yield


@contextmanager
def locked(path: Path, option: str) -> Iterator[None]:
    """Hold the lock file `path`; `option` begins the message of an error.

    Raises:
        InputError: Another run holds it, or its folder cannot be written.
    """
    lock = output_lock(path)
    try:
        lock.__enter__()
    except OutputBusyError:
        raise InputError(
            f"{option}: another run is writing there; wait for it, or choose another place"
        ) from None
    except OSError as error:
        why = system_reason(error)
        raise InputError(f"{option}: cannot be written ({why}); choose another place") from None
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


class Batch:
    """Anonymises files into a folder that the caller has locked (`locked_folder`)."""

    def __init__(
        self,
        anonymizer: Anonymizer,
        output: Path,
        journal: Journal,
        options: Options,
        *,
        masks: MaskFolder | None = None,
    ) -> None:
        """Prepare a run.

        Args:
            anonymizer: Finds and replaces persons.
            output: The folder for the outputs.
            journal: Its records decide which files are skipped; the run has begun in it.
            options: Options for searching and writing the outputs.
            masks: Finds masks that the user made.
        """
        self.output = output
        self.journal = journal
        self.options = options
        self.masks = masks
        self._stopping = threading.Event()
        self._redactor = FileRedactor(anonymizer, options, self._stopping)
        self._pool = ThreadPoolExecutor(options.workers)  # starts no thread before a video
        self._writing = threading.RLock()
        self._names: dict[str, threading.Lock] = {}
        self._inputs: set[str] = set()
        self._claims: dict[str, str] = {}
        self._keys: dict[str, str] = {}

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
            OSError: The output folder cannot be written; the message is for the user.
        """
        self._inputs = {same_name(file.name) for file in files}
        results = map_in_order(
            lambda file: self.anonymize(file, outcome),
            files,
            workers=workers,
            stopping=self._stopping,
        )
        with self._pool, closing(results):  # no thread works on when this returns
            for file, result in results:
                try:
                    if result.result():
                        outcome.done += 1
                    else:
                        outcome.skipped += 1
                except Exception as error:
                    if (end := end_of_run(error, self.output)) is not None:
                        raise end from None
                    # Any other error concerns this file only: the others go on.
                    outcome.failed.append((self._public_name(file), reason_of(error, file.path)))
                on_file()

    def anonymize(self, file: InputFile, outcome: Outcome) -> bool:
        """Anonymise one file.

        Args:
            file: The input.
            outcome: Its `current` gets the file's name.

        Returns:
            False if its output exists already.

        Raises:
            MediaError: The file cannot be handled in full.
            OSError: It cannot be read, or the output not written.
            StoppedError: The run was interrupted.
        """
        if self._stopping.is_set():
            raise StoppedError
        started = time.monotonic()
        try:
            digest = sha256_of(file.path)
        except OSError as error:
            # An older output may well be of this input, which nobody can tell now.
            kept = f"; {KEPT}" if file.name in self.journal.records else ""
            raise MediaError(f"cannot be read ({system_reason(error)}){kept}") from None
        name = digest[:HASH_DIGITS] if self.options.renamed else file.name
        # With --rename, copies of one file share a name.
        with self._names.setdefault(name, threading.Lock()):
            try:
                mask = self.masks.find(file) if self.masks is not None else None
                key = self._key(name, digest, mask)
                if self._is_done(name, key):
                    outcome.current.add(name)
                    return False
                self._withdraw(name)
                self._anonymize(file, name, digest, mask, key, started)
            except BaseException:
                self._withdraw(name)
                raise
            outcome.current.add(name)
            return True

    def _anonymize(
        self,
        file: InputFile,
        name: str,
        digest: str,
        mask: UserMask | None,
        key: str,
        started: float,
    ) -> None:
        unfinished = self.output / f"{TEMPORARY}{os.getpid()}-{threading.get_ident()}"
        instances = self._instance_writer(unfinished, name)
        try:
            record = {
                "input_sha256": digest,
                "mask_sha256": mask.sha256 if mask is not None else None,
                "key": key,
                "name": name,
                **self._redact(file, name, digest, mask, unfinished, instances),
            }
            if instances is not None:
                record["instances"] = instances.finish()
            if mask is not None:
                record["notes"] += mask.notes
            # The key must be of the bytes that were read: a file may change meanwhile.
            if sha256_of(file.path) != digest or (
                mask is not None and sha256_of(mask.path) != mask.sha256
            ):
                raise MediaError("changed while it was read; run the same command again")
            seconds = round(time.monotonic() - started, 3)
            record |= {"output_sha256": sha256_of(unfinished), "seconds": seconds}
            self._publish(unfinished, record, instances)
        finally:
            unfinished.unlink(missing_ok=True)
            if instances is not None:
                instances.discard()

    def _instance_writer(self, unfinished: Path, name: str) -> InstanceWriter | None:
        masks, as_json = self.options.write_masks, self.options.write_json
        if not masks and not as_json:
            return None
        folder = unfinished.with_name(f"{unfinished.name}-{FOLDER}")
        return InstanceWriter(folder, name, masks=masks, as_json=as_json)

    def _redact(
        self,
        file: InputFile,
        name: str,
        digest: str,
        mask: UserMask | None,
        unfinished: Path,
        instances: InstanceWriter | None,
    ) -> Record:
        def name_output(suffix: str) -> str:
            return self._output(file, name, suffix)

        how = (unfinished, name_output, mask, instances)
        if (kind_of_file(file.path) or file.kind) == "video":
            from pii_seg.anonymize.video_redaction import VideoRedactor  # PyAV takes time

            given = (self._redactor.anonymizer, self.options, self._stopping, self._pool)
            return VideoRedactor(*given).redact(file.path, *how, digest=digest)
        return self._redactor.image(file.path.read_bytes(), *how)

    def _key(self, name: str, digest: str, mask: UserMask | None) -> str:
        key = done_key(
            self.journal.run or {},
            name=name,
            input_sha256=digest,
            mask_sha256=mask.sha256 if mask is not None else None,
        )
        with self._writing:
            if self._keys.setdefault(name, key) != key:
                raise MediaError(
                    "has the same content as another input, but another mask; give both the same, "
                    "or leave out --rename"
                )
        return key

    def _output(self, file: InputFile, name: str, suffix: str) -> str:
        """Choose the output's name below the folder.

        Raises:
            MediaError: Another file has this name.
        """
        if self.options.renamed:
            output = name + suffix
        else:
            output = output_name(file, suffix)
            # A JPEG called photo.webp does not take the name of its neighbour photo.webp.jpg.
            while output != file.name and same_name(output) in self._inputs:
                output += suffix
        self._claim(output, name)
        return output

    def _claim(self, output: str, name: str) -> None:
        """Reserve the path of an output for an input."""
        with self._writing:
            if (owner := self._claims.setdefault(same_name(output), name)) != name:
                raise MediaError(
                    f"would get the same output file as {printable(owner)}; use --rename hash"
                )
            self._make_room(output, name)

    def _make_room(self, output: str, name: str) -> None:
        """Delete an output of an earlier run that has the name of this one."""
        owner = self.journal.name_of(output)
        if owner is not None and owner != name:
            if self.journal.is_current(self.journal.records[owner]):
                raise MediaError(
                    "would replace the output of another input; choose another --output, or redo "
                    "everything with --force"
                )
            self._withdraw(owner)
        elif owner is None and not self.options.force and _exists(self.output / output):
            raise MediaError(
                "has an output already that is not of this run; choose another --output, or use "
                "--force"
            )

    def _is_done(self, name: str, key: str) -> bool:
        record = self.journal.records.get(name)
        if record is None or record["key"] != key or not self.journal.is_current(record):
            return False
        output = self._target(record["output"])
        if not output.is_file() or sha256_of(output) != record["output_sha256"]:
            return False
        return are_as_recorded(record, self.output)

    def _target(self, output: str) -> Path:
        """Return the path of an output.

        Raises:
            MediaError: A link in the output folder leads out of it, so that other files would be
                replaced.
        """
        target = self.output / output
        if not target.parent.resolve().is_relative_to(self.output.resolve()):
            raise MediaError("has an output folder that is a link to elsewhere; remove the link")
        return target

    def _withdraw(self, name: str) -> None:
        """Delete the output of an input, if it has one: see `journal`."""
        with self._writing:
            record = self.journal.records.get(name)
            if record is not None:
                self._target(record["output"]).unlink(missing_ok=True)
                for path in map(self._target, paths_of(record)):
                    path.unlink(missing_ok=True)
                    remove_empty_folders(path, self.output)
                self.journal.withdraw(name)

    def _publish(self, unfinished: Path, record: Record, instances: InstanceWriter | None) -> None:
        """Add the record to the journal, then rename the output: see `journal`."""
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        target = self._target(record["output"])
        target.parent.mkdir(parents=True, exist_ok=True)
        more = [] if instances is None else list(instances.files(record["instances"]))
        with self._writing:
            for _, path in more:
                self._claim(path, record["name"])
            self.journal.add(record)
            for source, path in more:
                self._target(path).parent.mkdir(parents=True, exist_ok=True)
                source.replace(self._target(path))
            unfinished.replace(target)

    def _public_name(self, file: InputFile) -> str:
        """Name a file in a list that others may read: with --rename its hash."""
        if not self.options.renamed:
            return file.name
        try:
            return f"the file of SHA-256 {sha256_of(file.path)}"
        except OSError:
            return "a file that cannot be read"


def _exists(path: Path) -> bool:
    return path.exists() or path.is_symlink()
