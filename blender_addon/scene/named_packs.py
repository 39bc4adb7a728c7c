"""Packs of any kind that a recipe names: read again when they changed, counted and reported."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ..packs.pack import Unusable
from ..packs.text_files import PackError
from ..recipes.fields import RecipeError
from .asset_files import shown

_NAMED = 12  # unusable items that are named one by one
_LATEST: dict[tuple[str, str], Any] = {}  # by key of the recipe and folder


class Item(Protocol):
    """An item of a pack of any kind."""

    @property
    def key(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def licence(self) -> str: ...


class Folder(Protocol):
    """A pack of any kind, as it is read from its folder."""

    @property
    def items(self) -> Sequence[Item]: ...

    @property
    def unusable(self) -> tuple[Unusable, ...]: ...

    @property
    def notes(self) -> tuple[Unusable, ...]: ...


P = TypeVar("P", bound=Folder)
I = TypeVar("I", bound=Item)  # noqa: E741


def read_folders(
    key: str,
    folders: Sequence[str],
    read: Callable[[str, str], P],
    inventory: Callable[[P], str],
    used: str,
    empty: str,
) -> tuple[list[P], list[str], list[str]]:
    """Read the folders that a key of a recipe names.

    Args:
        key: The key.
        folders: The folders.
        read: Reads one, given its `stamp_of`.
        inventory: Says what one holds.
        used: What is done with its items: "worn" or "shown".
        empty: What is wrong with a folder without any item, and what to do.

    Returns:
        (the packs; sentences on what was found; sentences on what cannot be used, or was guessed).

    Raises:
        RecipeError: A folder is missing, or holds nothing that can be used.
    """
    packs: list[P] = []
    found: list[str] = []
    faults: list[str] = []
    for folder in folders:
        try:
            pack = read(folder, stamp_of(Path(folder)))
        except (PackError, OSError) as error:
            raise RecipeError(f"{key}: {error}") from None
        _LATEST[key, folder] = pack
        where = f"{key}: {shown(folder)}"
        if not pack.items:
            reason = f"nothing in it can be {used}: {in_words(pack.unusable)}"
            raise RecipeError(f"{where}: {reason if pack.unusable else empty}")
        found.append(f"{where}: {inventory(pack)}")
        if pack.unusable:
            faults.append(f"{where}: cannot be used: {in_words(pack.unusable)}")
        if pack.notes:
            faults.append(f"{where}: used as they are: {in_words(pack.notes)}")
        packs.append(pack)
    return packs, found, faults


def known(key: str, folder: str) -> Any:
    """The pack in a folder as it was read last; None before that.

    Reads no file, so that panels can call it at every redraw.
    """
    return _LATEST.get((key, folder))


def once(packs: Iterable[Folder]) -> Iterator[Any]:
    """Each item once: those of several folders are told apart by content and name."""
    items: dict[str, Item] = {}
    for pack in packs:
        for item in pack.items:
            items.setdefault(item.key.rpartition("#")[2] + item.name, item)
    return iter(items.values())


def without_damaged(
    items: Iterable[I],
    images: Callable[[I], Iterable[Path]],
    fault: Callable[[Path], str],
) -> tuple[list[I], list[Unusable]]:
    """Tell items with damaged images from the others.

    Args:
        items: The items.
        images: The images of one.
        fault: The reason for which an image cannot be used; '' for none.

    Returns:
        (the others, those with damaged images).
    """
    good: list[I] = []
    damaged: list[Unusable] = []
    for item in items:
        faults = [f"{path.name}: {reason}" for path in images(item) if (reason := fault(path))]
        if faults:
            damaged.append(Unusable(item.key.rpartition("#")[0], "; ".join(faults)))
        else:
            good.append(item)
    return good, damaged


def by_name(*entries: Iterable[Unusable]) -> tuple[Unusable, ...]:
    """All entries, sorted by name."""
    return tuple(sorted((one for some in entries for one in some), key=lambda one: one.name))


def numbers(noun: str, kinds: Mapping[str, int], licences: Iterable[str]) -> str:
    """The numbers of items by kind and by licence, in words.

    Args:
        noun: What they are, in the singular.
        kinds: The number of each kind.
        licences: Of each item; "" for an unknown one.
    """
    counts = Counter(licence or "of unknown licence" for licence in licences)
    by_kind = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    by_licence = ", ".join(f"{count} {licence}" for licence, count in counts.most_common())
    total = sum(kinds.values())
    return f"{total} {noun}{'' if total == 1 else 's'} ({by_kind}); {by_licence}"


def in_words(entries: Sequence[Unusable]) -> str:
    """The first entries with their reasons, and the number of the others."""
    named = [f"{shown(entry.name)} ({entry.reason})" for entry in entries[:_NAMED]]
    more = len(entries) - len(named)
    return "; ".join([*named, *([f"and {more} more"] if more else [])])


def stamp_of(folder: Path) -> str:
    """A hash that changes when a file below the folder does."""
    digest = hashlib.blake2b(digest_size=8)
    for here, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            try:
                status = (Path(here) / name).stat()
            except OSError:
                continue
            line = f"{here}/{name} {status.st_mtime_ns} {status.st_size}\n"
            digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


class _Keyed(Protocol):
    @property
    def key(self) -> str: ...


def packs_hash(items: Iterable[_Keyed]) -> str:
    """SHA-256 of the contents of items in their order, wherever the packs lie."""
    keys = "\n".join(item.key for item in items)
    return hashlib.sha256(keys.encode("utf-8", "surrogateescape")).hexdigest()
