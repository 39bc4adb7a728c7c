"""What is to be anonymised, and under which name it comes out."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pii_seg.data.files import list_files
from pii_seg.data.image_io import FOREIGN_ENDINGS, IMAGE_ENDINGS
from pii_seg.errors import InputError

PICTURE_ENDINGS = IMAGE_ENDINGS | {
    ".jpe",
    ".jfif",
    ".gif",
    ".apng",
    ".heic",
    ".heif",
    ".hif",
    ".mpo",
}
VIDEO_ENDINGS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"})
# Pictures and films that we cannot read: tried all the same, so that they are listed as failed, not passed over.
FOREIGN_MEDIA_ENDINGS = FOREIGN_ENDINGS | {
    *(".avif", ".jp2", ".psd", ".tga", ".svg", ".pdf", ".rw2", ".orf", ".pef", ".srw", ".raw"),
    *(".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".mts", ".m2ts", ".ts", ".ogv", ".insv", ".lrv"),
}


@dataclass(frozen=True)
class Item:
    """A file to anonymise. `name`: below the output folder, with the ending it came with."""

    path: Path
    name: str
    kind: Literal["picture", "video"]


@dataclass(frozen=True)
class Gathered:
    """items: to be anonymised. others: files in the folders given that are neither pictures nor films; left alone."""

    items: tuple[Item, ...]
    others: tuple[Path, ...]


def gather(inputs: Sequence[str | Path], output: Path, *, renamed: bool = False) -> Gathered:
    """Files, all below folders, and what glob patterns match; nothing below `output`, each file once.

    `renamed`: outputs get other names than these. Raises InputError when an input is not there or holds nothing, two
    files would come out under one name, or an output would replace an input.
    """
    found: dict[Path, Item] = {}
    others: list[Path] = []
    for given in _expanded(inputs):
        if given.is_dir():
            if given.resolve() == output.resolve():
                raise InputError(
                    f"--output {output}: is the input too; inputs are never changed, name another folder"
                )
            below = list_files(given, exclude=output)
            media = [p for p in below if _kind(p) or p.suffix.lower() in FOREIGN_MEDIA_ENDINGS]
            if not media:
                raise InputError(f"{given}: holds no pictures or films")
            others += [p for p in below if p not in set(media)]
            for path in media:
                _remember(found, path, path.relative_to(given).as_posix())
        else:
            _remember(found, given, given.name)
    items = tuple(found.values())
    if not renamed:
        _refuse_clashes(items, output)
    return Gathered(items, tuple(others))


def output_name(item: Item, suffix: str) -> str:
    """Its name, and `suffix` after it when its content is not what its ending says, or is written as something else."""
    own = Path(item.name).suffix.lower()
    return item.name if _SAME.get(own, own) == _SAME.get(suffix, suffix) else item.name + suffix


_SAME = {
    ".jpe": ".jpg",
    ".jpeg": ".jpg",
    ".jfif": ".jpg",
    ".tiff": ".tif",
    ".apng": ".png",
    ".m4v": ".mp4",
}


def _expanded(inputs: Sequence[str | Path]) -> list[Path]:
    paths = []
    for given in inputs:
        if Path(given).exists():
            paths.append(Path(given))
        elif glob.has_magic(str(given)):  # not every shell expands them
            matches = sorted(Path(match) for match in glob.glob(str(given), recursive=True))  # noqa: PTH207
            if not matches:
                raise InputError(f"{given}: matches nothing")
            paths += matches
        else:
            raise InputError(f"{given}: does not exist")
    return paths


def _remember(found: dict[Path, Item], path: Path, name: str) -> None:
    found.setdefault(path.resolve(), Item(path, name, _kind(path) or "picture"))


def _kind(path: Path) -> Literal["picture", "video"] | None:
    ending = path.suffix.lower()
    if ending in VIDEO_ENDINGS:
        return "video"
    return "picture" if ending in PICTURE_ENDINGS else None


def _refuse_clashes(items: Sequence[Item], output: Path) -> None:
    names = Counter(item.name.casefold() for item in items)
    if twice := [item for item in items if names[item.name.casefold()] > 1]:
        raise InputError(
            f"{twice[0].path} and {twice[1].path} would come out as one file; give them different --output, or "
            "--rename hash"
        )
    inputs = {item.path.resolve() for item in items}
    for item in items:
        if (output / item.name).resolve() in inputs:
            raise InputError(
                f"{item.path}: would be replaced; inputs are never changed, choose another --output"
            )
