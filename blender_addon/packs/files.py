"""Files that an item of a pack names: found beside it, and never outside of its pack."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path, PurePosixPath

from .text_files import PackError

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
_MAX_NAME = 1000
_NEARBY = ("", "textures", "materials", "..", "../textures", "../materials")


def root_of(path: Path) -> Path:
    """The folder that the files of one item may not leave: the one above its own."""
    return path.parent.parent


def find_file(path: Path, name: str, endings: tuple[str, ...]) -> Path | None:
    """Find a file that an item names.

    Names that were written on another system are found as well: with backslashes, in other case,
    with the path of the author's machine, and images that were saved in another format.

    Args:
        path: The file that names it.
        name: As written.
        endings: Of the files to find, in lower case; a name with another one is not looked for.

    Returns:
        The file, or None where there is none.

    Raises:
        PackError: The name leads out of the pack.
    """
    written = name.strip().strip("\"'").replace("\\", "/")
    if not written or len(written) > _MAX_NAME or "\0" in written:
        return None
    parts = PurePosixPath(written).parts
    absolute = parts[0].startswith("/") or ":" in parts[0]
    last = PurePosixPath(written).name
    if PurePosixPath(last).suffix.lower() not in endings:
        return None
    candidates = [] if absolute else [path.parent.joinpath(*parts[:-1])]
    candidates += [path.parent / near for near in _NEARBY]
    root = _plain(root_of(path))
    for number, folder in enumerate(candidates):
        plain = _plain(folder)
        if plain != root and root not in plain.parents:
            if number == 0:
                raise PackError(
                    path,
                    None,
                    f"{name[:80]!r} is outside of the pack; copy that file beside this one",
                )
            continue
        found = _in_folder(folder, last, endings)
        if found is not None:
            real = found.resolve()
            if root.resolve() not in real.parents:
                raise PackError(
                    path,
                    None,
                    f"{name[:80]!r} is a link that leads out of the pack; copy the file itself",
                )
            return Path(_plain(found))
    return None


def _plain(path: Path) -> Path:
    """The path without `..`, whatever links are on the way."""
    parts: list[str] = []
    for part in path.absolute().parts:
        if part == ".." and len(parts) > 1:
            parts.pop()
        elif part != "..":
            parts.append(part)
    return Path(*parts)


def _in_folder(folder: Path, name: str, endings: tuple[str, ...]) -> Path | None:
    files = _listed(str(folder))
    for wanted in (name, name.lower()):
        if wanted in files:
            return folder / files[wanted]
    if PurePosixPath(name).suffix.lower() in IMAGE_ENDINGS:
        for ending in endings:
            wanted = PurePosixPath(name).stem.lower() + ending
            if wanted in files:
                return folder / files[wanted]
    return None


@lru_cache(maxsize=256)
def _listed(folder: str) -> dict[str, str]:
    """Names of the files of a folder, by themselves and in lower case."""
    try:
        names = sorted(entry.name for entry in Path(folder).iterdir() if entry.is_file())
    except OSError:
        return {}
    return {**{name.lower(): name for name in reversed(names)}, **{name: name for name in names}}


def forget_folders() -> None:
    """Read folders anew from now on."""
    _listed.cache_clear()


def content_hash(paths: Iterable[Path], *more: str) -> str:
    """16 hexadecimal digits of the contents of files, in order, and of further text.

    Raises:
        OSError: A file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=8)
    for path in paths:
        content = path.read_bytes()
        digest.update(len(content).to_bytes(8, "little") + content)
    for text in more:
        digest.update(text.encode())
    return digest.hexdigest()
