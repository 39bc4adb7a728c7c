# SPDX-License-Identifier: GPL-3.0-or-later OR Apache-2.0
"""The dataset contract: files on disk, and one JSON line per image. Standard library only.

    DATASET/dataset.json      its origin: schema version, recipe, seed, count, licences
    DATASET/metadata.jsonl    one line per image, sorted by index once the dataset is complete
    DATASET/ATTRIBUTION.md    authors of what the images show; only where there are any
    DATASET/left_out.jsonl    indices without an image, and why; only where a filter rejects some
    DATASET/images/000000.jpg, masks/000000.png, and one folder for each further pass

A line is appended only after its files are whole on disk, so a killed run never leaves half a pair,
and a resumed run neither repeats nor skips an index. Several processes may write one dataset:
appends are locked. docs/dataset.md describes every field.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .dataset_credits import ATTRIBUTION_NAME, KEYS, united, write_attribution
from .dataset_lines import (
    INFO_NAME,
    LEFT_OUT_NAME,
    LINES_NAME,
    SCHEMA_VERSION,
    done_indices,
    encode_line,
    indexed_lines,
    iter_left_out,
    iter_lines,
    printable,
    read_info,
    repeated,
    unicode_name,
)
from .output_files import (
    DatasetError,
    OutputBusyError,
    atomic_file,
    output_lock,
    waiting_lock,
    write_atomically,
)

__all__ = [
    "ATTRIBUTION_NAME",
    "INFO_NAME",
    "LEFT_OUT_NAME",
    "LINES_NAME",
    "SCHEMA_VERSION",
    "DatasetError",
    "DatasetWriter",
    "OutputBusyError",
    "PassFile",
    "atomic_file",
    "done_indices",
    "fingerprint",
    "iter_left_out",
    "iter_lines",
    "output_lock",
    "printable",
    "read_info",
    "refuse_foreign_folder",
    "unicode_name",
    "write_atomically",
]

LOCK_NAME = ".lock"
CONTACT_SHEET_NAME = "contact_sheet.png"


@dataclass(frozen=True)
class PassFile:
    """The place of the files of one pass.

    Attributes:
        key: Field of the metadata line that names the file. Hugging Face's imagefolder opens
            every `*_file_name` as an image, so a pass that is no image has another ending.
        folder, extension: Folder below the dataset's root, and ending of the file names.
        rendered: When Cycles renders it; "never" is a pass that labelling adds.
    """

    key: str
    folder: str
    extension: str
    rendered: Literal["always", "on request", "never"] = "on request"


# The one list of passes. Recipes, the renderer and the clean-up below derive theirs from it.
PASS_FILES = {
    "image": PassFile("file_name", "images", ".jpg", "always"),
    "instances": PassFile("mask_file_name", "masks", ".png", "always"),
    "alpha": PassFile("alpha_file_name", "alpha", ".png"),
    "parts": PassFile("parts_file_name", "parts", ".png"),
    "depth": PassFile("depth_file", "depth", ".npy"),
    "normals": PassFile("normals_file", "normals", ".npy"),
    "ignore": PassFile("ignore_file_name", "ignore", ".png", "never"),
}
PASS_FOLDERS = tuple(file.folder for file in PASS_FILES.values())
HEAD_PART = 16  # the value of heads, with hair and hats, in the images of the pass "parts"

_INDECISIVE = {"count", "fingerprint", "device", *KEYS}
_TAIL_STEP = 1 << 14  # bytes read at a time to find the end of the last line


def refuse_foreign_folder(root: Path) -> None:
    """Check that a dataset can be in `root`.

    Raises:
        DatasetError: `root` is a file, or a folder that holds something else.
    """
    if not root.exists():
        return
    if not root.is_dir():
        raise DatasetError(f"{root}: is a file; the output must be a folder")
    # Another process may be creating the dataset at this moment: its hidden files are not foreign,
    # and where its visible files are seen, dataset.json is seen too.
    foreign = sorted(p.name for p in root.iterdir() if not p.name.startswith("."))
    if foreign and not (root / INFO_NAME).exists():
        raise DatasetError(
            f"{root}: not empty and not a dataset (it holds {foreign[0]!r}); "
            "choose another output folder"
        )
    if foreign:
        read_info(root)


def fingerprint(info: Mapping[str, Any]) -> str:
    """Hash of all that decides the images of a dataset: all but `count`, since it may grow."""
    decisive = {key: value for key, value in info.items() if key not in _INDECISIVE}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def differences(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[list[str], str]:
    """Compare two contents of dataset.json that give other images.

    Returns:
        (the keys, sorted; a sentence part on the first values within them).
    """
    keys = sorted({*there, *wanted} - _INDECISIVE)
    changed = [key for key in keys if there.get(key) != wanted.get(key)]
    details = [text for key in changed for text in _changes(key, there.get(key), wanted.get(key))]
    more = f" and {len(details) - 3} more" if len(details) > 3 else ""
    return changed, ", ".join(details[:3]) + more


def _changes(key: str, there: Any, wanted: Any) -> list[str]:
    if isinstance(there, dict) and isinstance(wanted, dict):
        names = [name for name in {**there, **wanted} if there.get(name) != wanted.get(name)]
        return [
            t
            for name in names
            for t in _changes(f"{key}.{name}", there.get(name), wanted.get(name))
        ]
    was, now = ("missing" if value is None else json.dumps(value)[:40] for value in (there, wanted))
    return [f"{printable(key)[:60]} was {was} and is {now}"]


class DatasetWriter:
    """Writes a dataset; several may write the same one.

    Attributes:
        root: Folder of the dataset.
        info: The content of dataset.json.
        done: The indices that are complete or left out.
    """

    def __init__(self, root: Path, info: Mapping[str, Any], *, overwrite: bool = False) -> None:
        """Create the dataset at `root`, or resume it.

        Args:
            root: Folder of the dataset; it is made when it does not exist.
            info: The content of dataset.json; its `count` is the number of images to come.
            overwrite: Delete an existing dataset, and nothing but a dataset, first.

        Raises:
            DatasetError: `root` holds something else, or a dataset with another `info`; nothing is
                changed then.
        """
        self.root = root
        info = {"schema_version": SCHEMA_VERSION, **info}
        self.info = {**info, "fingerprint": fingerprint(info)}
        self.done: set[int] = set()
        # name -> (inode, bytes) that were read
        self._read_to = dict.fromkeys((LINES_NAME, LEFT_OUT_NAME), (-1, 0))
        refuse_foreign_folder(root)
        root.mkdir(parents=True, exist_ok=True)
        with self._locked():
            if overwrite:
                _delete_dataset(root)
            elif (root / INFO_NAME).exists():
                self._continue_dataset(read_info(root))
            self._write_info()
            if not (root / LINES_NAME).exists():
                write_atomically(root / LINES_NAME, b"")
            for name in (LINES_NAME, LEFT_OUT_NAME):
                self._mend_tail(root / name)
        self._catch_up(refuse_repeats=True)

    def add(self, line: Mapping[str, Any], files: Mapping[str, bytes]) -> bool:
        """Write the files of one image, then its line, unless another process has listed its index.

        Args:
            line: The metadata line; needs file_name, mask_file_name and index.
            files: Content by name relative to the root.

        Returns:
            Whether the line was written; False when the index is listed already.
        """
        encoded = encode_line(_index_first(line))
        with self._locked():
            self._catch_up()
        if line["index"] in self.done:
            return False
        token = f"-{os.getpid()}"
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(exist_ok=True)
            try:
                write_atomically(path, content, token=token)
            except FileNotFoundError:  # another run took the temporary file for a leftover
                write_atomically(path, content, token=token)
        return self._append(LINES_NAME, line["index"], encoded)

    def credit(self, licences: Mapping[str, str], credits: Mapping[str, Mapping[str, str]]) -> None:
        """Record works of others that images show; call it before their lines are added.

        Args:
            licences: Licence by name of the work.
            credits: `author` and `source` by name of the work.
        """
        new = {"licences": {**licences}, "credits": {**credits}}
        if united([self.info, new]) == united([self.info]):
            return
        with self._locked():
            # Another process may have recorded others.
            self.info = {**self.info, **united([read_info(self.root), self.info, new])}
            self._write_info()

    def leave_out(self, index: int, reason: str) -> bool:
        """Record that an index has no image: it counts as done, and no later run tries it again.

        Returns:
            Whether it was recorded; False when the index is listed already.
        """
        return self._append(LEFT_OUT_NAME, index, encode_line({"index": index, "reason": reason}))

    def _append(self, name: str, index: int, encoded: bytes) -> bool:
        path = self.root / name
        with self._locked():
            self._mend_tail(path)
            self._catch_up()
            if index in self.done:
                return False
            with path.open("ab") as file:
                file.write(encoded)
                file.flush()
                os.fsync(file.fileno())
        self.done.add(index)
        return True

    def _catch_up(self, *, refuse_repeats: bool = False) -> None:
        """Add to `done` what other processes have listed since the last call."""
        for name, (known, start) in self._read_to.items():
            path = self.root / name
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            # A file that was sorted meanwhile is another file.
            at = start if status.st_ino == known and status.st_size >= start else 0
            for index, raw in indexed_lines(path, at):
                if refuse_repeats and index in self.done:
                    raise repeated(path, index)
                self.done.add(index)
                at += len(raw)
            self._read_to[name] = (status.st_ino, at)

    def remove_leftovers(self, indices: Iterable[int]) -> None:
        """Delete temporary files that a killed run left for these indices, the share of this
        process.
        """
        mine = set(indices)
        for folder in PASS_FOLDERS:
            for path in (self.root / folder).glob(".*.tmp"):
                stem = path.name[1:].split(".", 1)[0]
                if stem.isdigit() and int(stem) in mine:
                    with contextlib.suppress(OSError):  # Windows: another run is writing it
                        path.unlink()

    def finish(self) -> bool:
        """Sort the lines once every index below `count` is complete or left out.

        Memory holds one offset per line, never the lines themselves.

        Returns:
            Whether the dataset is complete.

        Raises:
            DatasetError: An index is listed twice; the message names it, and nothing is changed.
        """
        path = self.root / LINES_NAME
        with self._locked():
            offsets: dict[int, tuple[int, int]] = {}
            position = 0
            for index, raw in indexed_lines(path):
                if index in offsets:
                    raise repeated(path, index)
                offsets[index] = (position, len(raw))
                position += len(raw)
            left_out = {index for index, _ in indexed_lines(self.root / LEFT_OUT_NAME)}
            if offsets.keys() & left_out:
                raise repeated(path, min(offsets.keys() & left_out))
            if not all(i in offsets or i in left_out for i in range(self.info["count"])):
                return False
            if list(offsets) != sorted(offsets):
                token = f"-{os.getpid()}"
                with path.open("rb") as source, atomic_file(path, token=token) as target:
                    for index in sorted(offsets):
                        start, length = offsets[index]
                        source.seek(start)
                        target.write(source.read(length))
            for path in self.root.glob(".*.tmp"):  # of killed runs: others write under this lock
                path.unlink(missing_ok=True)
        return True

    def _continue_dataset(self, there: Mapping[str, Any]) -> None:
        if fingerprint(there) != fingerprint(self.info):
            changed, details = differences(there, self.info)
            raise DatasetError(
                f"{self.root}: holds a dataset made with another {' and '.join(changed)}; "
                f"choose another output folder, or replace it with --overwrite ({details})"
            )
        # What was written stays: other datasets name this one by its fingerprint.
        kept = {key: there[key] for key in ("fingerprint", *KEYS) if key in there}
        count = max(self.info["count"], there.get("count", 0))
        self.info = {**self.info, **kept, "count": count}

    def _write_info(self) -> None:
        token = f"-{os.getpid()}"
        # The words come first: a killed run leaves no work in dataset.json that they do not name.
        write_attribution(self.root, self.info, token)
        path = self.root / INFO_NAME
        if path.exists() and read_info(self.root) == self.info:
            return
        content = json.dumps(self.info, indent=2).encode() + b"\n"
        write_atomically(path, content, token=token)

    def _mend_tail(self, path: Path) -> None:
        """Remove a last line that a kill cut short."""
        if not path.exists():
            return
        with path.open("rb+") as file:
            end = size = file.seek(0, os.SEEK_END)
            while end:
                start = max(0, end - _TAIL_STEP)
                file.seek(start)
                newline = file.read(end - start).rfind(b"\n")
                if newline >= 0:
                    end = start + newline + 1
                    break
                end = start
            if end < size:
                file.truncate(end)

    def _locked(self) -> contextlib.AbstractContextManager[None]:
        return waiting_lock(self.root / LOCK_NAME)


def _index_first(line: Mapping[str, Any]) -> dict[str, Any]:
    """Put names and index first, so that `done_indices` need not parse the rest of the line."""
    lead = ("file_name", "mask_file_name", "index")
    return {**{key: line[key] for key in lead}, **line}


def _delete_dataset(root: Path) -> None:
    """Delete the files of the contract below `root`; anything else in the folder stays."""
    if not root.exists():
        return
    (root / INFO_NAME).unlink(missing_ok=True)
    for name in (LINES_NAME, LEFT_OUT_NAME, CONTACT_SHEET_NAME, ATTRIBUTION_NAME):
        (root / name).unlink(missing_ok=True)
    for folder in PASS_FOLDERS:
        shutil.rmtree(root / folder, ignore_errors=True)
