"""Hashes of the files that a run reads from outside: what is moved or renamed stays the same.

A hundred thousand photos are read once: the hash of each is stored by its inode, size and time of
change, so that the stored hashes contain no file names.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from pii_seg.data.files import list_files
from pii_seg.data.hashes import sha256_of
from pii_seg.data.image_io import IMAGE_ENDINGS
from pii_seg.data.sources import Listed, open_sources
from pii_seg.errors import DataError

# A file changed this recently may change again without a new time of change: file systems count in
# steps of up to two seconds.
SETTLED_NS = 2_000_000_000

Identity = tuple[int, int, int]  # inode, size in bytes, time of change in ns


class ContentHashes:
    """SHA-256 of files, in hexadecimal.

    Args:
        memory: File that stores the hashes from run to run. Damaged lines are skipped, and their
            files are read again. None stores nothing.
    """

    def __init__(self, memory: Path | None = None) -> None:
        self.memory = memory
        self._known: dict[Identity, str] = {}
        if memory is not None and memory.exists():
            with memory.open(encoding="utf-8", errors="replace") as file:
                for line in file:
                    self._remember(line)

    def of_file(self, path: Path) -> str:
        """Hash of the content of a file. Raises OSError."""
        identity = identity_of(path)
        if identity not in self._known:
            digest = sha256_of(path)
            # It changed while it was read, or just before: this hash must not be stored.
            if identity_of(path) != identity or time.time_ns() - identity[2] < SETTLED_NS:
                return digest
            self._known[identity] = digest
            self._append(identity, digest)
        return self._known[identity]

    def of_folder(self, folder: Path, *, exclude: Sequence[Path] = ()) -> str:
        """Hash of the contents and names of all files in a folder and its subfolders.

        Names count because a mask belongs to the image of the same name. Hidden files, and the path
        of the folder itself, do not count; folders of `exclude` are left out. Raises OSError.
        """
        return hash_of(self.contents(folder, exclude=exclude))

    def of_data(self, path: Path, *, exclude: Sequence[Path] = ()) -> str:
        """Hash of a folder, or of a file with annotations and the images that it names.

        Raises OSError.
        """
        return hash_of(self.contents(path, exclude=exclude))

    def contents(self, path: Path, *, exclude: Sequence[Path] = ()) -> list[tuple[str, str]]:
        """(name, hash) of each file of a data set, in order. Raises OSError, DataError."""
        if not path.exists():
            raise DataError(f"{path}: does not exist")
        if path.is_dir():
            files = list_files(path, exclude=exclude).files
            return [(file.relative_to(path).as_posix(), self.of_file(file)) for file in files]
        files = images_named_in(path)
        return [("", self.of_file(path)), *((file.name, self.of_file(file)) for file in files)]

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
        if self.memory is None:
            return
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


def hash_of(contents: Iterable[tuple[str, str]]) -> str:
    """Hash of names and hashes of files."""
    whole = hashlib.sha256()
    for name, digest in contents:
        whole.update(json.dumps([name, digest]).encode() + b"\n")
    return whole.hexdigest()


def images_named_in(path: Path) -> tuple[Path, ...]:
    """The images that a file with annotations names, in order; none if it is no such file."""
    try:
        sources = open_sources(path, strict=False)
    except DataError:
        return ()
    return tuple(
        image for source in sources if isinstance(source, Listed) for image in source.paths()
    )


CONTENT = "sha256:"  # before a hash that stands for the path of its file or folder
MASK_FOLDERS = frozenset(
    {
        "masks",
        "ignore",
        "instances",
        "heads",
        "alpha",
        "parts",
        "SegmentationClass",
        "SegmentationObject",
    }
)
SKETCH = 512  # images; of a larger data set, every n-th is recognised
SKETCH_DIGITS = 8  # of a hash: too few to prove that a certain image was there


def sketch_of(contents: Iterable[tuple[str, str]], *, most: int | None = SKETCH) -> list[str]:
    """A sample of a data set's images, as the beginnings of their smallest hashes.

    The sketch of a part has most of its images in the sketch of the whole (Broder, "On the
    resemblance and containment of documents", 1997).
    """
    found = {
        digest[:SKETCH_DIGITS]
        for name, digest in contents
        if Path(name).suffix.lower() in IMAGE_ENDINGS
        and not MASK_FOLDERS.intersection(Path(name).parts[:-1])
    }
    return sorted(found)[:most]


def identity_of(path: Path) -> Identity:
    """Inode, size and time of change of a file."""
    status = os.stat(path)  # noqa: PTH116  # of a link's target, which is what is read
    return status.st_ino, status.st_size, status.st_mtime_ns
