"""Find the files that a recipe names, and check them before the first image is rendered.

A folder may hold anything: side-cars of other systems, links, files that were cut short. Each file
is checked by its header alone, so that 100,000 of them take seconds. What cannot be used is left
out and named; a file that the recipe names itself is refused.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from ..bodies.motion import UnclearAxisError, Up
from ..bodies.motion_check import NoMotionError, check_motion
from ..recipes.fields import RecipeError
from .image_headers import ImageHeaderError, read_header
from .photos.files import PhotoFileError, check_front, is_beside, read_side_car

IMAGE_ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".bmp")
PANORAMA_ENDINGS = (".exr", ".hdr")
MOTION_ENDINGS = (".npz",)

_NAMED = 3  # files named for each reason
_NOT_READ = 256 << 20  # bytes of motion files after which only headers are read
_HIDDEN_FOLDERS = ("__MACOSX",)  # macOS' side-cars in an unpacked .zip

Check = Callable[[Path], None]


class _UnusableError(Exception):
    """A file cannot be used; the message is the reason."""


@dataclass
class _Found:
    """The files of one item of a recipe.

    Attributes:
        files: Those that can be used.
        left_out: The others, by reason.
        folders: (device, inode) of the folders that were entered.
        links: Links to folders, which are followed last.
    """

    files: list[Path] = field(default_factory=list)
    left_out: dict[str, list[Path]] = field(default_factory=dict)
    folders: set[tuple[int, int]] = field(default_factory=set)
    links: list[Path] = field(default_factory=list)

    def leave_out(self, path: Path, reason: str) -> None:
        self.left_out.setdefault(reason, []).append(path)


class AssetFiles:
    """Lists the files of recipe keys, and collects what was left out.

    Attributes:
        notes: One sentence for each folder with files that were left out.
    """

    def __init__(self, motions_up: Up = "auto") -> None:
        self.notes: list[str] = []
        self._up = motions_up
        self._left_to_read = _NOT_READ
        self._untimed = 0

    def images(self, items: Sequence[str], key: str) -> tuple[str, ...]:
        """List textures. Arguments and errors are those of `listed`."""
        return self.listed(items, IMAGE_ENDINGS, key, _check_image)

    def photos(self, items: Sequence[str], key: str, *, fronts: bool) -> tuple[str, ...]:
        """List photos, and check the files beside them. Errors are those of `listed`, too.

        Args:
            items: Paths of files and folders.
            key: The recipe key that names them.
            fronts: Whether masks of what stands in front are used, and so checked.

        Raises:
            RecipeError: A file beside a photo cannot be used: nothing else says what it should.
        """
        found = self.listed(items, IMAGE_ENDINGS, key, _check_image, skip=is_beside)
        for photo in map(Path, found):
            try:
                read_side_car(photo)
                if fronts:
                    check_front(photo)
            except (PhotoFileError, OSError) as error:
                raise RecipeError(f"{key}: {error}") from None
        return found

    def panoramas(self, items: Sequence[str], key: str) -> tuple[str, ...]:
        """List panoramas. Arguments and errors are those of `listed`."""
        return self.listed(items, PANORAMA_ENDINGS, key, _check_image)

    def motions(self, items: Sequence[str], key: str) -> tuple[str, ...]:
        """List motion files. Arguments and errors are those of `listed`."""
        self._untimed = 0
        found = self.listed(items, MOTION_ENDINGS, key, self._check_motion)
        if self._untimed:
            self.notes.append(
                f"{key}: {_count(self._untimed, 'motion')} without a frame rate: "
                "people from them are rendered without motion blur"
            )
        return found

    def listed(
        self,
        items: Sequence[str],
        endings: tuple[str, ...],
        key: str,
        check: Check,
        skip: Callable[[Path], bool] = lambda path: False,
    ) -> tuple[str, ...]:
        """List the files among `items` and below its folders, sorted within each item.

        Links are followed; a folder that is reached twice is listed once.

        Args:
            items: Paths of files and folders.
            endings: Endings of the files to list, in lower case.
            key: The recipe key that names the items, for errors and notes.
            check: Raises an exception for a file that cannot be used.
            skip: Whether a file in a folder is to be passed over without a word.

        Raises:
            RecipeError: An item is missing, is a file that cannot be used, or contributes no file.
        """
        files: list[str] = []
        for item in items:
            path = Path(item)
            found = _Found()
            if path.is_dir():
                _enter(path, found)
                while found.links:  # after all that is really there
                    _enter(found.links.pop(0), found)
            elif path.exists() or path.is_symlink():
                found.files.append(path)
            else:
                raise RecipeError(f"{key}: {shown(path)}: no such file or folder")
            found.files, candidates = [], sorted(found.files, key=_order)
            if candidates != [path]:
                candidates = [file for file in candidates if not skip(file)]
            for file in candidates:
                try:
                    if file.suffix.lower() not in endings:
                        raise _UnusableError("of another ending")
                    _check_name(file)
                    check(file)
                    found.files.append(file)
                except _UnusableError as error:
                    found.leave_out(file, str(error))
                except OSError as error:
                    found.leave_out(file, f"cannot be opened ({error.strerror or error})")
            reasons = _summary(path, found.left_out)
            if not found.files:
                wanted = f"no file that ends in {', '.join(endings)}"
                raise RecipeError(f"{key}: {shown(path)}: {reasons or wanted}")
            if reasons:
                left_out = sum(map(len, found.left_out.values()))
                self.notes.append(
                    f"{key}: {shown(path)}: {_count(len(found.files), 'file')}; "
                    f"{left_out} left out: {reasons}"
                )
            files += map(str, found.files)
        return tuple(files)

    def _check_motion(self, path: Path) -> None:
        status = path.stat()
        if status.st_size == 0:
            raise _UnusableError("empty")
        numbers = self._left_to_read > 0
        self._left_to_read -= status.st_size
        fault, timed = _motion_fault(path, self._up, numbers, status.st_mtime_ns, status.st_size)
        if fault:
            raise _UnusableError(fault)
        self._untimed += not timed


def _order(path: Path) -> list[str]:
    """The key by which paths compare, made once for each: 100,000 paths are sorted in a second."""
    return [os.path.normcase(part) for part in path.parts]


def shown(path: Path | str) -> str:
    """A path in a message: bytes that are no UTF-8 are written as escapes."""
    return os.fspath(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _enter(folder: Path, found: _Found) -> None:
    """Collect the files below a folder; links to folders are put aside."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            status = here.stat()
            if (status.st_dev, status.st_ino) in found.folders:
                found.leave_out(here, "a folder that is listed already")
                continue
            found.folders.add((status.st_dev, status.st_ino))
            with os.scandir(here) as entries:
                for entry in entries:
                    _sort_in(entry, waiting, found)
        except OSError as error:
            found.leave_out(here, f"a folder that cannot be opened ({error.strerror or error})")


def _sort_in(entry: os.DirEntry[str], waiting: list[Path], found: _Found) -> None:
    path = Path(entry.path)
    if entry.name.startswith(".") or entry.name in _HIDDEN_FOLDERS:
        found.leave_out(path, "hidden")
        return
    try:
        status = entry.stat()
    except OSError as error:
        reason = "a link to nothing" if entry.is_symlink() else "cannot be opened"
        found.leave_out(path, f"{reason} ({error.strerror or error})")
        return
    if stat.S_ISDIR(status.st_mode):
        (found.links if entry.is_symlink() else waiting).append(path)
    elif stat.S_ISREG(status.st_mode):
        found.files.append(path)
    else:
        found.leave_out(path, "no regular file")


def _check_name(path: Path) -> None:
    """Names go into metadata.jsonl, which is UTF-8."""
    try:
        os.fspath(path).encode("utf-8")
    except UnicodeEncodeError:
        raise _UnusableError("named in other letters than UTF-8; rename a copy") from None


def _check_image(path: Path) -> None:
    fault = image_fault(path)
    if fault:
        raise _UnusableError(fault)


def image_fault(path: Path) -> str:
    """The reason for which an image cannot be used, by its header; '' where there is none.

    Raises:
        OSError: The file cannot be opened.
    """
    status = path.stat()
    return _image_fault(path, status.st_mtime_ns, status.st_size)


# Blender's sidebar asks at every draw: a file is checked again only when it has changed.


@lru_cache(maxsize=1 << 17)
def _image_fault(path: Path, time: int, size: int) -> str:
    try:
        read_header(path)
    except ImageHeaderError as error:
        return str(error)
    return ""


@lru_cache(maxsize=1 << 16)
def _motion_fault(path: Path, up: Up, numbers: bool, time: int, size: int) -> tuple[str, bool]:
    try:
        return "", check_motion(path, up, numbers=numbers)
    except NoMotionError as error:
        return str(error), False
    except UnclearAxisError:
        return axis_advice(), False


def axis_advice() -> str:
    """The remedy for a motion whose vertical axis is unclear, in words of a recipe."""
    return (
        "of unclear vertical axis, since the person lies or hangs: set poses.motions_up to "
        '"z" (AMASS, SURREAL) or "y" (BEDLAM)'
    )


def _summary(folder: Path, left_out: dict[str, list[Path]]) -> str:
    """Reasons with the number of their files, and the names of some."""
    if list(left_out) and all(paths == [folder] for paths in left_out.values()):
        return "; ".join(left_out)
    parts = []
    for reason, paths in sorted(left_out.items()):
        names = [
            shown(path.relative_to(folder) if path.is_relative_to(folder) else path)
            for path in sorted(paths)[:_NAMED]
        ]
        more = ", …" if len(paths) > _NAMED else ""
        parts.append(f"{len(paths)} {reason} ({', '.join(names)}{more})")
    return "; ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
