"""Hashes of the files that a run reads from outside. It needs only the standard library.

A hundred thousand photos are read once: the hash of each is stored by its inode, size and time of
change, so that the stored hashes contain no file names.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

from pii_seg.data.files import list_files

# A file changed this recently may change again without a new time of change: file systems count in
# steps of up to two seconds.
SETTLED_NS = 2_000_000_000

Identity = tuple[int, int, int]  # inode, size in bytes, time of change in ns


class ContentHashes:
    """SHA-256 of files, in hexadecimal.

    Args:
        memory: File that stores the hashes from run to run. Damaged lines are skipped, and their
            files are read again.
    """

    def __init__(self, memory: Path) -> None:
        self.memory = memory
        self._known: dict[Identity, str] = {}
        if memory.exists():
            with memory.open(encoding="utf-8", errors="replace") as file:
                for line in file:
                    self._remember(line)

    def of_file(self, path: Path) -> str:
        """Hash of the content of a file. Raises OSError."""
        identity = identity_of(path)
        if identity not in self._known:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            # It changed while it was read, or just before: this hash must not be stored.
            if identity_of(path) != identity or time.time_ns() - identity[2] < SETTLED_NS:
                return digest
            self._known[identity] = digest
            self._append(identity, digest)
        return self._known[identity]

    def of_folder(self, folder: Path) -> str:
        """Hash of the contents and names of all files in a folder and its subfolders.

        Names count because a mask belongs to the image of the same name. Hidden files, and the path
        of the folder itself, do not count. Raises OSError.
        """
        whole = hashlib.sha256()
        for path in list_files(folder).files:
            name = path.relative_to(folder).as_posix()
            whole.update(json.dumps([name, self.of_file(path)]).encode() + b"\n")
        return whole.hexdigest()

    def of_photos(self, paths: Iterable[Path]) -> str:
        """Hash of the contents of photos; it ignores names and copies. Raises OSError."""
        return hashlib.sha256("\n".join(sorted(set(map(self.of_file, paths)))).encode()).hexdigest()

    def in_order(self, paths: Iterable[Path]) -> list[Path]:
        """Sort photos by their contents, and drop copies. Raises OSError.

        The number of a photo then reveals neither its name nor its date, and does not change when
        files are renamed.
        """
        by_content: dict[str, Path] = {}
        for path in sorted(paths):
            by_content.setdefault(self.of_file(path), path)
        return [by_content[digest] for digest in sorted(by_content)]

    def _append(self, identity: Identity, digest: str) -> None:
        """Store a hash on disk."""
        # No fsync: hashes lost in a crash are computed again. The line break comes first, so that
        # the half line of a killed run damages no other.
        self.memory.parent.mkdir(parents=True, exist_ok=True)
        with self.memory.open("a", encoding="utf-8") as file:
            file.write("\n" + json.dumps([*identity, digest]))

    def _remember(self, line: str) -> None:
        """Read one stored hash."""
        try:
            inode, size, changed, digest = json.loads(line)
            if len(bytes.fromhex(digest)) == hashlib.sha256().digest_size:
                self._known[int(inode), int(size), int(changed)] = digest
        except (ValueError, TypeError):
            return


def identity_of(path: Path) -> Identity:
    """Inode, size and time of change of a file."""
    status = os.stat(path)  # noqa: PTH116  # of a link's target, which is what is read
    return status.st_ino, status.st_size, status.st_mtime_ns
