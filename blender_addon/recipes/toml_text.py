"""Text of a recipe file: decoded, bounded and parsed. Nothing is built from a file that is too
large or too deep.
"""

from __future__ import annotations

import codecs
import re
import tomllib
from pathlib import Path
from typing import Any

from ..dataset import printable
from .fields import RecipeError

LARGEST = 1 << 20  # bytes; a whole recipe with all its comments has 8,000
DEEPEST = 16  # brackets within brackets, and parts of a dotted key

# Windows' PowerShell writes `--print-recipe > mine.toml` as UTF-16; Notepad adds a mark to UTF-8.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16's mark, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# Strings and comments, which hide brackets and dots, or one mark that counts. An open string ends
# with the text, so that no text is scanned twice.
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\"]|"(?!""))*+(?:"""|\Z)'
    r"|'''(?:[^']|'(?!''))*+(?:'''|\Z)"
    r'|"(?:\\.|[^\\"\n])*+"?'
    r"|'[^'\n]*+'?"
    r"|#[^\n]*"
    r"|[\[\]{}.,=\n]",
    re.DOTALL,
)
_YAML = re.compile(r"^(?:---\s*$|[\w-]+:(?:\s|$))", re.MULTILINE)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file of at most LARGEST bytes, with or without a byte order mark.

    Raises:
        RecipeError: The file cannot be read, is no TOML, too large or too deep; the message names
            it and the remedy.
    """
    where = printable(str(path))
    return parse_toml(_text(_content(path, where), where), where)


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """Parse TOML whose depth is checked first; `where` is what errors call it."""
    fault = _too_deep(text)
    if fault:
        raise RecipeError(f"{where}: {fault}; a recipe needs at most 3")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{where}: not valid TOML: {error}{_hint(text)}") from None


def _content(path: Path, where: str) -> bytes:
    try:
        if path.is_dir():
            raise RecipeError(f"{where}: is a folder; give the recipe file in it")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        raise RecipeError(f"{where}: cannot be read ({cause})") from None
    if len(content) > LARGEST:
        raise RecipeError(
            f"{where}: larger than {LARGEST >> 10} KiB, so this is no recipe (a recipe names "
            "folders of photos and motions, not each file)"
        )
    return content


def _text(content: bytes, where: str) -> str:
    encoding = "utf-8"
    for mark, of_mark in _MARKS:
        if content.startswith(mark):
            content, encoding = content[len(mark) :], of_mark
            break
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise RecipeError(
            f"{where}: line {line} is not {encoding.upper()} text; save the recipe as UTF-8"
        ) from None
    if "\0" in text:
        raise RecipeError(f"{where}: is no text file; give a recipe, a TOML file")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _too_deep(text: str) -> str:
    """The reason why a text is too deep to be parsed, or ''."""
    depth = parts = 0
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token == ".":
            parts += 1
            if parts >= DEEPEST:
                line = text.count("\n", 0, match.start()) + 1
                return f"line {line}: a key of more than {DEEPEST} parts"
        elif token in ("[", "{"):
            depth, parts = depth + 1, 0
            if depth > DEEPEST:
                line = text.count("\n", 0, match.start()) + 1
                return f"line {line}: more than {DEEPEST} brackets within each other"
        elif token in ("]", "}"):
            depth, parts = max(0, depth - 1), 0
        elif token in (",", "=", "\n"):
            parts = 0
    return ""


def _hint(text: str) -> str:
    """The language that a text without valid TOML is written in, where it is a usual other one."""
    if text.lstrip().startswith("{"):
        return "; this looks like JSON: write keys as `count = 3` below `[people]`"
    if _YAML.search(text):
        return "; this looks like YAML: write `[people]` for `people:` and `count = 3` for `count:`"
    return ""
