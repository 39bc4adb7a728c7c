# SPDX-License-Identifier: GPL-3.0-or-later OR Apache-2.0
"""Works of others that a dataset shows: their licences and authors. Standard library only.

dataset.json holds them, and ATTRIBUTION.md says them in words, as CC BY asks of everybody who
shares the images.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .dataset_lines import printable
from .output_files import write_atomically

ATTRIBUTION_NAME = "ATTRIBUTION.md"
KEYS = ("licences", "credits")  # of dataset.json; they decide no image
LONGEST = 300  # characters of a name, author, licence or source

_HEAD = """# Attribution

The images of this dataset show works of others. They were fitted to other bodies, recoloured and
rendered. Whoever shares the images names works, authors and licences.

| Work | Author | Licence | Source |
|---|---|---|---|
"""
# A licence without a version has no address: which version is meant is not known.
_ADDRESSES = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-3.0": "https://creativecommons.org/licenses/by/3.0/",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-SA-3.0": "https://creativecommons.org/licenses/by-sa/3.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
}


def united(infos: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The licences and credits of several contents of dataset.json together; later ones count.

    Values that are no objects are left out: the file may come from anywhere.
    """
    out: dict[str, dict[str, Any]] = {}
    for info in infos:
        for key in KEYS:
            if isinstance(info.get(key), dict):
                out[key] = {**out.get(key, {}), **info[key]}
    return out


def attribution(info: Mapping[str, Any]) -> str:
    """ATTRIBUTION.md for the content of a dataset.json; '' when it credits no one."""
    entries = united([info])
    credits, licences = entries.get("credits", {}), entries.get("licences", {})
    rows = []
    for name in sorted(credits):
        credit = credits[name] if isinstance(credits[name], dict) else {}
        licence = _cell(licences.get(name, "unknown"))
        if licence in _ADDRESSES:
            licence = f"[{licence}]({_ADDRESSES[licence]})"
        author, source = _cell(credit.get("author", "")), _cell(credit.get("source", ""))
        rows.append(f"| {_cell(name)} | {author or 'unknown'} | {licence} | {source} |\n")
    return _HEAD + "".join(rows) if rows else ""


def write_attribution(root: Path, info: Mapping[str, Any], token: str = "") -> None:
    """Write ATTRIBUTION.md for the content of a dataset.json, unless it is there already.

    Args:
        root: Folder of the dataset.
        info: The content.
        token: Part of the temporary file's name, see write_atomically.
    """
    words, path = attribution(info).encode(), root / ATTRIBUTION_NAME
    if words and not (path.is_file() and path.read_bytes() == words):
        write_atomically(path, words, token=token)


def _cell(value: Any) -> str:
    """Text for one cell of the table: no markup of others, on one line."""
    text = printable(" ".join(str(value).split()))[:LONGEST]
    for mark in "\\`*_[]<>|":
        text = text.replace(mark, f"\\{mark}")
    return text
