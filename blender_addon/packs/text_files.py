"""Text files of packs, which come from anywhere: size, lines and numbers are checked."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

import numpy as np

Array = np.ndarray
Line = tuple[int, list[str]]  # its number, counted from 1, and its words

MAX_BYTES = 64 << 20
MAX_LINES = 2_000_000
MAX_LINE = 1 << 20  # characters
LARGEST = 1e6  # of any number; more is damage


class PackError(ValueError):
    """A file of a pack cannot be used; the message names it, the line and the remedy."""

    def __init__(self, path: Path, line: int | None, fault: str) -> None:
        where = f"{path}" if line is None else f"{path}:{line}"
        super().__init__(f"{where}: {fault}")


def read_lines(path: Path) -> list[Line]:
    """Read the lines of a file that are not empty, split into words.

    Args:
        path: UTF-8 with or without a byte order mark, or Latin-1; any line ends.

    Raises:
        PackError: It is no text file, or too large.
    """
    text = _text(path)
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        raise PackError(path, None, f"{len(lines)} lines, expected at most {MAX_LINES}")
    longest = max(range(len(lines)), key=lambda i: len(lines[i]))
    if len(lines[longest]) > MAX_LINE:
        raise PackError(path, longest + 1, f"a line of {len(lines[longest])} characters")
    split = ((number, line.split()) for number, line in enumerate(lines, start=1))
    return [(number, words) for number, words in split if words]


def _text(path: Path) -> str:
    content = read_bytes(path, MAX_BYTES)
    if b"\0" in content:
        raise PackError(path, None, "not a text file; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_bytes(path: Path, limit: int) -> bytes:
    """Read a regular file of at most `limit` bytes.

    Raises:
        PackError: It is missing, is no regular file, cannot be read, or is larger.
    """
    try:
        # A pipe without a writer would be waited for.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise PackError(path, None, "not a regular file")
            if status.st_size > limit:
                raise PackError(path, None, f"larger than {limit >> 20} MB")
            return file.read(limit)
    except (OSError, ValueError) as error:
        if isinstance(error, PackError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise PackError(path, None, f"cannot be read: {reason}") from None


_BINARY = getattr(os, "O_BINARY", 0)


def numbers(
    path: Path,
    lines: Sequence[int],
    words: Sequence[Sequence[str]],
    width: int,
    largest: float = LARGEST,
) -> Array:
    """Convert rows of words to (N, width) float64 numbers.

    Args:
        path: The file, for errors.
        lines: (N,) the number of the line of each row.
        words: N rows of at least `width` words; further words are left out.
        width: Numbers of a row.
        largest: Of any number.

    Raises:
        PackError: A row is too short, or a word is no finite number of a sane size.
    """
    if not words:
        return np.zeros((0, width))
    try:
        out = np.array([row[:width] for row in words], dtype=np.float64)
        if out.shape == (len(words), width):
            fine = np.abs(out) <= largest  # also false for NaN
            bad = None if fine.all() else int(np.argmin(fine.all(axis=1)))
        else:
            bad = _first_bad(words, width)
    except ValueError:
        bad = _first_bad(words, width)
    if bad is None:
        return out
    shown = " ".join(words[bad][:width])[:80]
    raise PackError(
        path,
        lines[bad],
        f"expected {width} finite {'number' if width == 1 else 'numbers'} up to {largest:g}, got "
        f"{shown!r}; export the file again",
    )


def _first_bad(words: Sequence[Sequence[str]], width: int) -> int:
    for i, row in enumerate(words):
        try:
            if len(row) < width or not all(np.isfinite([float(word) for word in row[:width]])):
                return i
        except ValueError:
            return i
    return len(words) - 1


def integers(path: Path, lines: Sequence[int], words: Sequence[Sequence[str]], width: int) -> Array:
    """Convert rows of words to (N, width) int64. Raises PackError as `numbers` does."""
    out = numbers(path, lines, words, width)
    whole = np.round(out)
    if not np.array_equal(out, whole):
        bad = int(np.argmin((out == whole).all(axis=1)))
        raise PackError(
            path,
            lines[bad],
            f"expected whole numbers, got {' '.join(words[bad][:width])[:80]!r}; export the file "
            "again",
        )
    return whole.astype(np.int64)
