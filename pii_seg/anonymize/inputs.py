"""Collect the files to anonymise and choose the names of their outputs."""

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

Kind = Literal["image", "video"]

STILL_ENDINGS = IMAGE_ENDINGS | {
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
# Images and videos that cannot be read. They are tried all the same, so that they are listed as
# failed and not ignored.
FOREIGN_MEDIA_ENDINGS = FOREIGN_ENDINGS | {
    *(".avif", ".jp2", ".psd", ".tga", ".svg", ".pdf", ".rw2", ".orf", ".pef", ".srw", ".raw"),
    *(".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".mts", ".m2ts", ".ts", ".ogv", ".insv", ".lrv"),
}


@dataclass(frozen=True)
class InputFile:
    """A file to anonymise.

    Attributes:
        path: Where it is.
        name: Its path below the output folder, with the ending that it came with.
        kind: Chosen by the ending.
    """

    path: Path
    name: str
    kind: Kind


@dataclass(frozen=True)
class InputFiles:
    """The result of `collect_inputs`.

    Attributes:
        files: To anonymise.
        others: Files of the given folders that are neither images nor videos; not touched.
    """

    files: tuple[InputFile, ...]
    others: tuple[Path, ...]


def collect_inputs(
    inputs: Sequence[str | Path], output: Path, *, renamed: bool = False
) -> InputFiles:
    """List the files to anonymise, each once.

    Args:
        inputs: Files, folders (with their sub-folders) and glob patterns.
        output: The output folder; files below it are no inputs.
        renamed: The outputs get new names, so that equal names do not clash.

    Raises:
        InputError: An input does not exist or holds no media, two files would get the same output
            name, or an output would replace an input.
    """
    found: dict[Path, InputFile] = {}
    others: list[Path] = []
    for given in _expanded(inputs):
        if given.is_dir():
            if given.resolve() == output.resolve():
                raise InputError(
                    f"--output {output}: is the input too; inputs are never changed, "
                    "choose another folder"
                )
            below = list_files(given, exclude=output)
            media = [p for p in below if _kind(p) or p.suffix.lower() in FOREIGN_MEDIA_ENDINGS]
            if not media:
                raise InputError(f"{given}: holds no images or videos; give a folder that does")
            others += [p for p in below if p not in set(media)]
            for path in media:
                _remember(found, path, path.relative_to(given).as_posix())
        else:
            _remember(found, given, given.name)
    files = tuple(found.values())
    if not renamed:
        _reject_clashes(files, output)
    return InputFiles(files, tuple(others))


def output_name(file: InputFile, suffix: str) -> str:
    """Return the output's name below the output folder.

    Args:
        file: The input.
        suffix: Suffix of the format that is written. It is appended when the input's own ending
            means another format.
    """
    own = Path(file.name).suffix.lower()
    same_format = _SYNONYMS.get(own, own) == _SYNONYMS.get(suffix, suffix)
    return file.name if same_format else file.name + suffix


_SYNONYMS = {
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
            found = glob.glob(str(given), recursive=True)  # noqa: PTH207
            matches = sorted(Path(match) for match in found)
            if not matches:
                raise InputError(f"{given}: matches no file; check the pattern")
            paths += matches
        else:
            raise InputError(f"{given}: does not exist; check the path")
    return paths


def _remember(found: dict[Path, InputFile], path: Path, name: str) -> None:
    found.setdefault(path.resolve(), InputFile(path, name, _kind(path) or "image"))


def _kind(path: Path) -> Kind | None:
    ending = path.suffix.lower()
    if ending in VIDEO_ENDINGS:
        return "video"
    return "image" if ending in STILL_ENDINGS else None


def _reject_clashes(files: Sequence[InputFile], output: Path) -> None:
    names = Counter(file.name.casefold() for file in files)
    if twice := [file for file in files if names[file.name.casefold()] > 1]:
        raise InputError(
            f"{twice[0].path} and {twice[1].path} would get the same output file; give each its "
            "own --output, or use --rename hash"
        )
    inputs = {file.path.resolve() for file in files}
    for file in files:
        if (output / file.name).resolve() in inputs:
            raise InputError(
                f"{file.path}: would be replaced; inputs are never changed, choose another --output"
            )
