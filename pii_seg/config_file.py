"""Reads the file of --config, before its values become options. Imported by commands only."""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import tomli_w

from pii_seg.errors import InputError

MAX_BYTES = 1 << 20  # of a configuration; a whole one has 4 KB
MAX_NESTING = 32  # of brackets in it; a whole one has 2

_YAML = re.compile(r"^\s*(-\s+\S|[\w.-]+\s*:(\s|$))")
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,100}")


def read_config_text(path: Path, lists: Collection[str] = ()) -> str:
    """Read a TOML file, check it, and return it as clean TOML; empty if it sets nothing.

    Args:
        path: The file.
        lists: Names of the options that take several texts, such as data.synthetic.

    Raises:
        InputError: It is absent, too large, of another format, or damaged; the message says which.
    """
    if not path.is_file():
        raise InputError(f"--config {path}: no such file; expected a TOML file")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"--config {path}: cannot be read ({error.strerror})") from None
    try:
        values = parse_toml(content)
        for name in lists:
            make_list(values, name)
    except InputError as error:
        raise InputError(f"--config {path}: {error}") from None
    return tomli_w.dumps(values)


def parse_toml(content: bytes) -> dict[str, Any]:
    """Parse the content of a configuration file.

    Raises:
        InputError: It is no TOML, or holds what no configuration needs.
    """
    if len(content) > MAX_BYTES:
        raise InputError(f"larger than {MAX_BYTES >> 20} MB; it is no configuration")
    text = decoded(content)
    if nesting_of(text) > MAX_NESTING:
        raise InputError(f"brackets nested more than {MAX_NESTING} deep; it is no configuration")
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        raise InputError(f"no TOML that can be read ({error}){other_format(text)}") from None
    check_keys(values)
    return values


def make_list(values: dict[str, Any], name: str) -> None:
    """Put a single text into a list, where a list is expected. Raises InputError for a number."""
    section, _, key = name.rpartition(".")
    table = values.get(section) if section else values
    if not isinstance(table, dict) or isinstance(table.get(key, []), list):
        return
    if not isinstance(table[key], str):
        raise InputError(f"{name} is {table[key]!r}; expected a list of texts, in brackets")
    table[key] = [table[key]]


def decoded(content: bytes) -> str:
    """The text of a file in UTF-8. Editors on Windows put a byte order mark before it."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError("is in UTF-16; save it as UTF-8")
    try:
        return content.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(f"line {line} is not UTF-8; save the file as UTF-8") from None


def nesting_of(text: str) -> int:
    """An upper bound of how deep values and keys are nested."""
    deepest = depth = 0
    for line in text.splitlines():
        deepest = max(deepest, line.partition("=")[0].count("."))
        for character in line:
            if character in "[{":
                depth += 1
                deepest = max(deepest, depth)
            elif character in "]}":
                depth = max(0, depth - 1)
    return deepest


def other_format(text: str) -> str:
    """A hint when the text is in another format for configurations."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    hint = "; --print-config prints an example"
    if not lines:
        return hint
    if lines[0].lstrip().startswith(("{", "[{")) and ":" in text:
        return f"; it looks like JSON: write [section] and key = value instead{hint}"
    if lines[0].startswith("---") or any(_YAML.match(line) for line in lines[:20]):
        return f"; it looks like YAML: write [section] and key = value instead{hint}"
    return hint


def check_keys(values: dict[str, Any], where: str = "") -> None:
    """Raise InputError for a key that names no option, whatever the options are."""
    for key, value in values.items():
        if key == "config":
            raise InputError("a configuration cannot name another one; leave out 'config'")
        if not _KEY.fullmatch(key):
            raise InputError(f"{where}{key[:100]!r} is no name of an option")
        if isinstance(value, dict):
            check_keys(value, f"{where}{key}.")
