"""The files below a folder, and what is there but cannot or must not be used.

Nothing that is in the folder is passed over in silence: each entry is a file of the list, or is
left out with a reason that the caller reports.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Identity = tuple[int, int]  # device and inode of a folder


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry of a folder that is not used.

    Attributes:
        path: Where it is.
        reason: Why, such as "hidden file".
        fault: Whether it was meant to be read and cannot be, such as a folder without access.
    """

    path: Path
    reason: str
    fault: bool = False


@dataclass(frozen=True)
class FileList:
    """The result of `list_files`.

    Attributes:
        files: The files, sorted by the parts of their paths.
        names: Their paths below the folder, with "/" between the parts.
        left_out: All other entries, sorted likewise. A folder that is not searched is one entry.
    """

    files: tuple[Path, ...]
    names: tuple[str, ...]
    left_out: tuple[LeftOut, ...]


def list_files(folder: Path, *, exclude: Sequence[Path] = (), mark: str | None = None) -> FileList:
    """List all files below `folder`. The cost is linear in their number.

    Links are followed, and each folder and each linked file is listed once: a link that leads to
    what is listed already, or back to a folder above it, is left out. So are hidden files and
    folders, and what neither a file nor a folder.

    Args:
        folder: Searched with its sub-folders, whatever its own name is.
        exclude: Folders that are not searched and not named, such as the output folder.
        mark: Sub-folders that hold a file of this name are outputs of an earlier run; they are left
            out.
    """
    excluded = {identity for path in exclude if (identity := _identity(path)) is not None}
    walk = _Walk(os.fspath(folder), excluded, mark)
    walk.search()
    names = sorted(walk.files, key=_parts)
    return FileList(
        tuple(folder / name for name in names),
        tuple(names) if os.sep == "/" else tuple(name.replace(os.sep, "/") for name in names),
        tuple(
            LeftOut(folder / name, *why)
            for name, why in sorted(walk.left_out.items(), key=lambda entry: _parts(entry[0]))
        ),
    )


def printable(path: str | os.PathLike[str]) -> str:
    r"""Write a path for people: bytes that are no UTF-8, and control characters, as \x.. and \u...

    Any terminal, page and JSON file can hold the result.
    """
    try:
        text = os.fsencode(path).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # halves of characters, which no file name has
        text = os.fspath(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def describe_left_out(left_out: Iterable[tuple[str, str]], *, named: bool = True) -> str:
    """Say what was left out and why, in one line of bounded length; empty if nothing was.

    Args:
        left_out: (name, reason) of each entry.
        named: Name the first entries of each reason; otherwise they are only counted.
    """
    names: dict[str, list[str]] = {}
    for name, reason in left_out:
        names.setdefault(reason, []).append(name)
    parts = []
    for reason, found in sorted(names.items(), key=lambda item: -len(item[1])):
        first = ", ".join(map(printable, found[:NAMED]))
        more = ", ..." if len(found) > NAMED else ""
        parts.append(f"{len(found)} {reason}{f' ({first}{more})' if named else ''}")
    return "; ".join(parts)


NAMED = 3
"""Names of each reason that one line holds."""

# Reasons stand behind a name or a number: "a.txt: not an image", "3 hidden files".
_HIDDEN_FOLDER = "hidden folder"
_HIDDEN_FILE = "hidden file"
_APPLE_DOUBLE = "macOS metadata of another file"


def _parts(name: str) -> list[str]:
    return name.split(os.sep)  # noqa: PTH206  # of a Path it takes ten times as long


def _identity(path: str | Path) -> Identity | None:
    try:
        status = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__


@dataclass
class _Walk:
    """One search. Names are relative to `root`; links are followed after all real folders."""

    root: str
    exclude: set[Identity]
    mark: str | None
    files: list[str] = field(default_factory=list)
    left_out: dict[str, tuple[str, bool]] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)
    seen: set[Identity] = field(default_factory=set)

    def search(self) -> None:
        above = self._folders_above()
        if (own := _identity(self.root)) is not None:
            self.seen.add(own)
        self._search_folder("")
        to_files: list[str] = []
        while self.links:
            links, self.links = sorted(self.links, key=_parts), []
            for name in links:
                self._follow(name, above, to_files)
        self._add_linked_files(to_files)

    def _search_folder(self, start: str) -> None:
        waiting = [start]
        while waiting:
            name = waiting.pop()
            # Not a generator: an open folder each level would run out of file descriptors.
            try:
                with os.scandir(os.path.join(self.root, name)) as entries:  # noqa: PTH118
                    found = list(entries)
            except OSError as error:
                self._leave_out(name, f"folder that cannot be opened ({_why(error)})", True)
                continue
            if name and self.mark and any(entry.name == self.mark for entry in found):
                self._leave_out(name, "folder of outputs of an earlier run")
                continue
            waiting += self._sort(name, found)

    def _sort(self, folder: str, entries: list[os.DirEntry[str]]) -> Iterator[str]:
        """Take the entries of a folder; yield its sub-folders that must be searched."""
        for entry in entries:
            name = os.path.join(folder, entry.name) if folder else entry.name  # noqa: PTH118
            try:
                is_link, is_folder = entry.is_symlink(), entry.is_dir(follow_symlinks=False)
                is_file = entry.is_file(follow_symlinks=False)
            except OSError as error:
                self._leave_out(name, f"cannot be read ({_why(error)})", True)
                continue
            if entry.name.startswith("."):
                double = entry.name.startswith("._")
                why = _HIDDEN_FOLDER if is_folder else _APPLE_DOUBLE if double else _HIDDEN_FILE
                self._leave_out(name, why)
            elif is_link:
                self.links.append(name)
            elif is_folder:
                if self._is_new(name):
                    yield name
            elif is_file:
                self.files.append(name)
            else:
                self._leave_out(name, "neither a file nor a folder")

    def _is_new(self, name: str) -> bool:
        """Whether a folder must be searched; remembers it."""
        identity = _identity(os.path.join(self.root, name))  # noqa: PTH118
        if identity is None:  # gone since, or without access: opening it says why
            return True
        if identity in self.exclude:
            return False
        if identity in self.seen:
            self._leave_out(name, "link to a folder that is listed already")
            return False
        self.seen.add(identity)
        return True

    def _follow(self, name: str, above: set[Identity], to_files: list[str]) -> None:
        path = os.path.join(self.root, name)  # noqa: PTH118
        try:
            status = os.stat(path)  # noqa: PTH116
        except FileNotFoundError:
            return self._leave_out(name, "link to a file that does not exist", True)
        except OSError as error:
            return self._leave_out(name, f"link that cannot be followed ({_why(error)})", True)
        if stat.S_ISREG(status.st_mode):
            to_files.append(name)
        elif not stat.S_ISDIR(status.st_mode):
            self._leave_out(name, "neither a file nor a folder")
        elif (status.st_dev, status.st_ino) in above:
            self._leave_out(name, "link to a folder above it")
        elif self._is_new(name):
            self._search_folder(name)
        return None

    def _add_linked_files(self, names: list[str]) -> None:
        if not names:
            return
        real = {self._real_path(name) for name in self.files}
        for name in names:
            target = self._real_path(name)
            if target in real:
                self._leave_out(name, "link to a file that is listed already")
            else:
                real.add(target)
                self.files.append(name)

    def _real_path(self, name: str) -> str:
        return os.path.realpath(os.path.join(self.root, name))  # noqa: PTH118

    def _folders_above(self) -> set[Identity]:
        real = Path(os.path.realpath(self.root))
        return {found for folder in real.parents if (found := _identity(folder)) is not None}

    def _leave_out(self, name: str, reason: str, fault: bool = False) -> None:
        self.left_out[name] = (reason, fault)
