"""Collect the files to anonymise and choose the names of their outputs."""

from __future__ import annotations

import glob
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pii_seg.data.file_kinds import Kind, kind_of_file
from pii_seg.data.files import describe_left_out, list_files, printable
from pii_seg.data.image_io import FOREIGN_ENDINGS, IMAGE_ENDINGS
from pii_seg.errors import InputError

LOCK = ".anonymize.lock"
"""A file of this name marks the outputs of a run, which are no inputs of another."""

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
# failed and not ignored. Files of other endings are inputs if their content says so.
FOREIGN_VIDEO_ENDINGS = frozenset(
    {
        *(".mpg", ".mpeg", ".m2v", ".vob", ".mts", ".m2ts", ".ts", ".mod", ".tod", ".3gp", ".3g2"),
        *(".wmv", ".asf", ".flv", ".f4v", ".ogv", ".rm", ".rmvb", ".divx", ".dv", ".mxf", ".mjpg"),
        *(".insv", ".lrv", ".360", ".braw", ".r3d", ".h264", ".h265", ".hevc"),
    }
)
FOREIGN_IMAGE_ENDINGS = FOREIGN_ENDINGS | {
    *(".avif", ".jp2", ".j2k", ".jpf", ".jpx", ".jps", ".pns", ".psd", ".psb", ".tga", ".svg"),
    *(".pdf", ".ppm", ".pgm", ".pbm", ".pnm", ".exr", ".hdr", ".ico", ".xcf", ".dcm", ".dicom"),
    *(".rw2", ".rwl", ".orf", ".ori", ".pef", ".srw", ".raw", ".3fr", ".fff", ".gpr", ".x3f"),
    *(".nrw", ".sr2", ".srf", ".erf", ".kdc", ".dcr", ".mrw", ".mef", ".mos", ".iiq", ".insp"),
    ".thm",
}


@dataclass(frozen=True)
class InputFile:
    """A file to anonymise.

    Attributes:
        path: Where it is.
        name: Its path below the output folder, with the ending that it came with.
        kind: Chosen by the ending; the content is looked at when the file is read.
    """

    path: Path
    name: str
    kind: Kind


@dataclass(frozen=True)
class Skipped:
    """An entry of the given folders that is no input.

    Attributes:
        name: Its path below the given folder.
        reason: Why it is none.
        fault: Whether it was meant to be read and cannot be.
    """

    name: str
    reason: str
    fault: bool = False


@dataclass(frozen=True)
class InputFiles:
    """The result of `collect_inputs`.

    Attributes:
        files: To anonymise.
        others: Entries of the given folders that are no inputs; not touched.
    """

    files: tuple[InputFile, ...]
    others: tuple[Skipped, ...]


def collect_inputs(
    inputs: Sequence[str | Path],
    output: Path,
    *,
    renamed: bool = False,
    masks: Path | None = None,
) -> InputFiles:
    """List the files to anonymise, each once.

    Args:
        inputs: Files, folders (with their sub-folders) and glob patterns.
        output: The output folder; files below it are no inputs.
        renamed: The outputs get new names, so that equal names do not clash.
        masks: Folder of masks that the user made, which are found by the names of the inputs; files
            below it are no inputs.

    Raises:
        InputError: An input does not exist or holds no media, two files would get the same output
            or mask, or an output would stand among the inputs.
    """
    collected = _Collection(os.path.realpath(output))
    if masks is not None:
        _reject_masks(inputs, output, masks)
    for given in _expanded(inputs):
        collected.refuse_output(given, output)
        if given.is_dir():
            collected.add_folder(given, [output] if masks is None else [output, masks])
        elif given.is_file():
            collected.add(given, given.name)
        else:
            raise InputError(f"{printable(given)}: is neither a file nor a folder; leave it out")
    files = tuple(collected.files.values())
    if not renamed or masks is not None:
        _reject_clashes(files, "mask" if renamed else "output")
    return InputFiles(files, tuple(collected.others))


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


def same_name(name: str) -> str:
    """Return the same text for names that some file system takes for one: case and accents."""
    return unicodedata.normalize("NFC", name).casefold()


@dataclass
class _Collection:
    """The inputs that were found so far, by their real paths."""

    real_output: str
    files: dict[str, InputFile] = field(default_factory=dict)
    others: list[Skipped] = field(default_factory=list)
    _real_folders: dict[str, str] = field(default_factory=dict)

    def refuse_output(self, given: Path, output: Path) -> None:
        real = os.path.realpath(given)
        if real == self.real_output:
            raise InputError(
                f"--output {printable(output)}: is the input too; inputs are never changed, "
                "choose another folder"
            )
        if self._is_output(real):
            raise InputError(
                f"--output {printable(output)}: holds the input {printable(given)}; inputs are "
                "never changed, and outputs do not stand among them; choose another folder"
            )

    def add_folder(self, given: Path, exclude: Sequence[Path]) -> None:
        below = list_files(given, exclude=exclude, mark=LOCK)
        media = 0
        skipped = [
            Skipped(_name(entry.path, given), entry.reason, entry.fault) for entry in below.left_out
        ]
        for path, name in zip(below.files, below.names, strict=True):
            try:
                known = _kind_by_ending(name) or kind_of_file(path)
            except OSError as error:
                why = f"cannot be read ({error.strerror or type(error).__name__})"
                skipped.append(Skipped(name, why, fault=True))
                continue
            if known is None:
                skipped.append(Skipped(name, "not an image or video"))
            else:
                media += 1
                self.add(path, name, known)
        if not media and not any(entry.fault for entry in skipped):
            found = describe_left_out((entry.name, entry.reason) for entry in skipped)
            raise InputError(
                f"{printable(given)}: holds no images or videos"
                f"{f' ({found})' if found else ''}; give a folder that does"
            )
        self.others += skipped

    def add(self, path: Path, name: str, kind: Kind | None = None) -> None:
        real = self._real_path(path)
        if self._is_output(real):
            self.others.append(Skipped(name, "link into the output folder"))
        elif real not in self.files:
            kind = kind or _kind_by_ending(name) or "image"
            self.files[real] = InputFile(path, name, kind)
        elif self.files[real].name != name:
            self.others.append(Skipped(name, "listed under another name"))

    def _is_output(self, real: str) -> bool:
        return real.startswith(self.real_output.rstrip(os.sep) + os.sep)

    def _real_path(self, path: Path) -> str:
        """Resolve a path; the folder of many files is resolved once."""
        folder, name = os.path.split(path)
        if folder not in self._real_folders:
            self._real_folders[folder] = os.path.realpath(folder or ".")
        if os.path.islink(path):  # noqa: PTH114
            return os.path.realpath(path)
        return os.path.join(self._real_folders[folder], name)  # noqa: PTH118


def _reject_masks(inputs: Sequence[str | Path], output: Path, masks: Path) -> None:
    """Reject a folder of masks among the outputs, or one that is an input too."""
    real, out = Path(os.path.realpath(masks)), Path(os.path.realpath(output))
    if real.is_relative_to(out) or out.is_relative_to(real):
        raise InputError(
            f"--masks {printable(masks)} and --output {printable(output)}: one holds the other; "
            "masks are never changed, choose another --output"
        )
    if any(os.path.realpath(given) == os.fspath(real) for given in inputs):
        raise InputError(
            f"--masks {printable(masks)}: is the input too; put the masks into a folder of their "
            "own, each named like its input"
        )


def _expanded(inputs: Sequence[str | Path]) -> list[Path]:
    paths = []
    for given in inputs:
        if Path(given).exists():
            paths.append(Path(given))
        elif glob.has_magic(str(given)):  # not every shell expands them
            found = glob.glob(str(given), recursive=True)  # noqa: PTH207
            matches = sorted(Path(match) for match in found)
            if not matches:
                raise InputError(f"{printable(given)}: matches no file; check the pattern")
            paths += matches
        else:
            raise InputError(f"{printable(given)}: does not exist; check the path")
    return paths


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _kind_by_ending(name: str) -> Kind | None:
    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122  # a Path takes three times as long
    if ending in VIDEO_ENDINGS or ending in FOREIGN_VIDEO_ENDINGS:
        return "video"
    return "image" if ending in STILL_ENDINGS or ending in FOREIGN_IMAGE_ENDINGS else None


def _reject_clashes(files: Sequence[InputFile], what: str) -> None:
    first: dict[str, InputFile] = {}
    for file in files:
        other = first.setdefault(same_name(file.name), file)
        if other is not file:
            remedy = "give the folder above both" if what == "mask" else (
                "give each its own --output, or use --rename hash"
            )  # fmt: skip
            raise InputError(
                f"{printable(other.path)} and {printable(file.path)} would get the same {what} "
                f"file; {remedy}"
            )
