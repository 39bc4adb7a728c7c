"""What lies in the files that a run reads from outside, as hashes. Standard library only.

A hundred thousand photographs are read once: the hash of each is remembered by its inode, size and time of change, so
that what is remembered names nobody's files.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

from pii_seg.data.files import files_below

# A file changed so lately may change again without its time of change showing it: file systems count in steps of up to
# two seconds.
SETTLED_NS = 2_000_000_000

Identity = tuple[int, int, int]  # inode, size in bytes, time of change in ns


class ContentHashes:
    """SHA-256 of files, in hexadecimal, remembered in the file `memory` from run to run.

    Whatever of the memory is damaged is forgotten, and read again from the files.
    """

    def __init__(self, memory: Path) -> None:
        self.memory = memory
        self._known: dict[Identity, str] = {}
        if memory.exists():
            with memory.open(encoding="utf-8", errors="replace") as file:
                for line in file:
                    self._remember(line)

    def of_file(self, path: Path) -> str:
        """Raises OSError."""
        identity = identity_of(path)
        if identity not in self._known:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            # Changed while it was read, or about to: true for now, but nothing to rely on later.
            if identity_of(path) != identity or time.time_ns() - identity[2] < SETTLED_NS:
                return digest
            self._known[identity] = digest
            self._append(identity, digest)
        return self._known[identity]

    def of_folder(self, folder: Path) -> str:
        """Of all files below `folder`, hidden ones excepted, and of their names: a mask belongs to a picture by name.

        Where the folder itself lies, and what it is called, does not count. Raises OSError.
        """
        whole = hashlib.sha256()
        for path in files_below(folder):
            name = path.relative_to(folder).as_posix()
            whole.update(json.dumps([name, self.of_file(path)]).encode() + b"\n")
        return whole.hexdigest()

    def of_photographs(self, paths: Iterable[Path]) -> str:
        """Of what the photographs show, whatever they are called and however often each is there. Raises OSError."""
        return hashlib.sha256("\n".join(sorted(set(map(self.of_file, paths)))).encode()).hexdigest()

    def in_order(self, paths: Iterable[Path]) -> list[Path]:
        """The photographs in an order that their contents alone decide, each content once. Raises OSError.

        So a number given to each tells nothing of its name or date, and stays when files are renamed.
        """
        by_content: dict[str, Path] = {}
        for path in sorted(paths):
            by_content.setdefault(self.of_file(path), path)
        return [by_content[digest] for digest in sorted(by_content)]

    def _append(self, identity: Identity, digest: str) -> None:
        # Not flushed to the disk each time: what a crash takes is read again. The line break comes first, so that the
        # half line of a killed run spoils no other.
        self.memory.parent.mkdir(parents=True, exist_ok=True)
        with self.memory.open("a", encoding="utf-8") as file:
            file.write("\n" + json.dumps([*identity, digest]))

    def _remember(self, line: str) -> None:
        try:
            inode, size, changed, digest = json.loads(line)
            if len(bytes.fromhex(digest)) == hashlib.sha256().digest_size:
                self._known[int(inode), int(size), int(changed)] = digest
        except (ValueError, TypeError):
            return


def identity_of(path: Path) -> Identity:
    status = os.stat(path)  # noqa: PTH116  # a link's target is what is read
    return status.st_ino, status.st_size, status.st_mtime_ns
