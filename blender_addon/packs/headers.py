"""Author and licence of assets: in the head of their files, and in LICENCE files beside them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from .text_files import PackError, read_bytes

_COMMENT = re.compile(
    r"(?:#|/)+\s*(author|licen[cs]e|copyright)\s*(?:[:=]|\(c\)\s*[\d, -]*|\s)\s*(.+)", re.I
)
_RELEASED = re.compile(r"\bCC-?0\b", re.I)
_FILE = re.compile(r"(licen[cs]e|copying|copyright|readme|attribution)", re.I)
_TITLE = re.compile(r"#+\s*([\w.\- ]+?)/?\s*:\s*(.+)")  # NAME: licence
_MOST = 4 << 20  # bytes of a licence file that are read
_HEAD = 500  # characters of it that name its licence

# In this order: a licence's own text names others.
_KNOWN = (
    (r"agpl|affero", "AGPL-3.0"),
    (r"\b(l?gpl|general public)", "GPL"),
    (r"by[ -]?nc|non-?commercial", "CC-BY-NC"),
    (r"by[ -]?nd|no-?deriv", "CC-BY-ND"),
    (r"cc[ -]?by[ -]?sa|share-?alike", "CC-BY-SA"),
    (r"cc[ -]?by|creative commons attribution|licenses/by/", "CC-BY"),
    (r"cc[ -]?0|public domain|creative commons zero|publicdomain/zero", "CC0-1.0"),
    (r"\bmit\b", "MIT"),
)
_VERSIONED = ("CC-BY", "CC-BY-SA", "CC-BY-NC", "CC-BY-ND")


class Header:
    """Collects what the comments and keys of a file say of its author and licence."""

    def __init__(self) -> None:
        self._found: dict[str, str] = {}

    def comment(self, text: str) -> None:
        """Take a line of comment."""
        found = _COMMENT.match(text)
        if found:
            self.key(found[1], found[2])
        elif _RELEASED.search(text):
            self.key("license", "CC0")

    def key(self, key: str, value: str) -> None:
        """Take a key and its value; the first one counts."""
        name = key.lower().replace("licence", "license")
        self._found.setdefault(name, value.strip().rstrip(".")[:200])

    @property
    def author(self) -> str:
        return self._found.get("author") or self._found.get("copyright", "")

    @property
    def licence(self) -> str:
        return self._found.get("license", "")


def known_licence(text: str) -> str:
    """A short name in the form of SPDX, such as CC0-1.0; the text itself when it is not known."""
    return _recognised(text) or " ".join(text.split())[:80]


def _recognised(text: str) -> str:
    for pattern, name in _KNOWN:
        if re.search(pattern, text, re.I):
            version = re.search(r"\b([234]\.[05])\b", text)
            return f"{name}-{version[1]}" if name in _VERSIONED and version else name
    return ""


@lru_cache(maxsize=64)
def _tables(text: str) -> tuple[dict[str, tuple[str, str]], ...]:
    """(licence, author) by name in lower case: in the rows of tables, and in titles."""
    rows: dict[str, tuple[str, str]] = {}
    titles: dict[str, tuple[str, str]] = {}
    for line in text.splitlines():
        title = _TITLE.match(line)
        if title and _recognised(title[2]):
            titles.setdefault(title[1].lower(), (_recognised(title[2]), ""))
        cells = [cell.strip() for cell in re.split(r"[|\t]", line.strip().strip("|"))]
        for cell, author in zip(cells[1:], [*cells[2:], ""], strict=False):
            if _recognised(cell):
                rows.setdefault(cells[0].lower(), (_recognised(cell), author))
                break
    return rows, titles


class LicenceFiles:
    """Looks up the licence files in the folders above an item, each read once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read: dict[Path, list[tuple[Path, str]]] = {}

    def licence_of(self, path: Path, names: Sequence[str]) -> tuple[str, str, Path | None]:
        """Find (licence, author, the file that says so); '' and None where nothing does.

        A row of a table that begins with one of the item's names counts first, then a title such
        as "## NAME/: CC0", then the whole text of the nearest file.

        Args:
            path: A file of the item.
            names: What the item is called.
        """
        wanted = {name.lower() for name in names if name}
        folders = [path.parent, *path.parent.parents]
        at = folders.index(self._root) if self._root in folders else 0
        texts = [found for folder in folders[: at + 1] for found in self._texts(folder)]
        for file, text in texts:
            for table in _tables(text):
                found = next((table[name] for name in sorted(wanted) if name in table), None)
                if found:
                    return *found, file
        for file, text in texts:
            # A licence's own text names others further down.
            licence = _recognised(file.name) or _recognised(text[:_HEAD])
            if licence:
                return licence, "", file
        return "", "", None

    def _texts(self, folder: Path) -> list[tuple[Path, str]]:
        if folder not in self._read:
            found = []
            try:
                names = sorted(p.name for p in folder.iterdir())
            except OSError:
                names = []
            for name in names:
                if _FILE.match(name) and Path(name).suffix.lower() in ("", ".txt", ".md", ".cc0"):
                    try:
                        content = read_bytes(folder / name, _MOST)
                    except PackError:
                        continue
                    found.append((folder / name, content.decode("utf-8", "replace")))
            self._read[folder] = found
        return self._read[folder]
