"""Lists the models of things in a folder, by role and size, and names what cannot be used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..files import forget_folders
from ..headers import LicenceFiles, known_licence
from ..pack import Unusable, files_below
from ..text_files import PackError
from .catalogue import Entry, entry_of
from .kinds import HARD_NEGATIVES, kind_of_model, thing_of
from .model_cache import ENDINGS, load_model, model_hash
from .sizes import Size, real_size

_GENERIC = ("scene", "model", "mesh", "object", "untitled", "default", "source", "gltf", "obj")


@dataclass(frozen=True)
class PropItem:
    """A model of a pack.

    Attributes:
        name: Its title, else the name of its file.
        thing: The word that tells what it is, such as "bench"; "" for unknown.
        role: One of kinds.ROLES.
        path: Its file, absolute: PropSpec.source.
        key: The path below the pack and a hash of the contents: the same on every machine.
        size: (width, depth, height), m.
        indoors, outdoors: Whether it may stand there.
        hard_negative: Whether it is easily taken for a person.
        triangles: Of the mesh that is shown.
        images: The files of its textures.
        author: As written; "" for unknown.
        licence: Such as "CC0-1.0"; "" for unknown.
        source: Where it comes from, as a catalogue says.
    """

    name: str
    thing: str
    role: str
    path: Path
    key: str
    size: Size
    indoors: bool = True
    outdoors: bool = True
    hard_negative: bool = False
    triangles: int = 0
    images: tuple[Path, ...] = ()
    author: str = ""
    licence: str = ""
    source: str = ""


@dataclass(frozen=True, eq=False)
class PropPack:
    """The models of one or several folders.

    Attributes:
        items: Sorted by path within each folder.
        unusable: Sorted by name.
        notes: Models that are used although something is missing or was guessed: (name, what).
    """

    items: tuple[PropItem, ...] = ()
    unusable: tuple[Unusable, ...] = ()
    notes: tuple[Unusable, ...] = ()

    def __iter__(self) -> Iterator[PropItem]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


NO_PROPS = PropPack()


def read_props(folder: str | Path) -> PropPack:
    """List the models in a folder and the folders below it.

    Every model is read once, so that what is listed can be shown: about 30 ms each, and a
    millisecond when the cache holds it.

    Args:
        folder: Models in OBJ or glTF, in any folders, with a catalogue.json or without.

    Raises:
        PackError: There is no such folder, or it holds too many files.
    """
    root = Path(folder).absolute()
    if not root.is_dir():
        raise PackError(root, None, "no such folder; name the folder of unpacked models")
    forget_folders()
    licences = LicenceFiles(root)
    files, unusable = files_below(root)
    items: list[PropItem] = []
    notes: list[Unusable] = []
    for path in files:
        if path.suffix.lower() not in ENDINGS:
            continue
        name = path.relative_to(root).as_posix()
        try:
            item, guesses = _read(root, path, licences)
        except PackError as error:
            reason = str(error).removeprefix(f"{path}:").strip()  # it begins with the line
            unusable.append(Unusable(name, reason.removeprefix(f"{root}{os.sep}")))
        except OSError as error:
            unusable.append(Unusable(name, f"cannot be read: {error.strerror}"))
        else:
            items.append(item)
            notes += [Unusable(name, guess) for guess in guesses]
    return PropPack(tuple(items), tuple(sorted(unusable, key=lambda u: u.name)), tuple(notes))


def _read(root: Path, path: Path, licences: LicenceFiles) -> tuple[PropItem, list[str]]:
    entry = entry_of(path) or Entry()
    name = entry.name or _title(root, path)
    kind = kind_of_model(name, entry.category)
    if kind.role == "person":
        raise PackError(
            path,
            None,
            "a person, who would have no mask; remove it, or name it otherwise if it is none",
        )
    mesh = load_model(path)
    sized = real_size(mesh.extent, kind, entry.size)
    licence, author = entry.licence, entry.creator
    if not licence:
        below = path.relative_to(root)
        folders = [folder.name for folder in below.parents if folder.name] + [root.name]
        names = (name, path.name, path.stem, below.as_posix(), *folders)
        licence, by, _ = licences.licence_of(path, names)
        author = author or by
    hard = entry.hard_negative
    item = PropItem(
        name=name,
        thing=thing_of(name),
        role=kind.role,
        path=path,
        key=f"{path.relative_to(root).as_posix()}#{model_hash(path)}",
        size=sized.size,
        indoors=kind.indoors,
        outdoors=kind.outdoors,
        hard_negative=kind.role in HARD_NEGATIVES if hard is None else hard,
        triangles=len(mesh.faces),
        images=tuple(Path(image) for image in mesh.images),
        author=author,
        licence=known_licence(licence) if licence else "",
        source=entry.source,
    )
    return item, [*mesh.notes, *([sized.note] if sized.note else [])]


def _title(root: Path, path: Path) -> str:
    """The name of a file, or of its folder where all files have the same name."""
    generic = path.stem.lower() in _GENERIC and path.parent != root
    return (path.parent.name if generic else path.stem)[:200]
