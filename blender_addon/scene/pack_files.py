"""Packs of clothes that a recipe names: read before the first image is rendered, and reported.

Reading takes about 20 ms an item, so a pack is read again only when a file of it has changed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from ..packs.files import IMAGE_ENDINGS
from ..packs.pack import Pack, PackItem, Unusable, read_pack
from ..packs.text_files import PackError
from ..recipes.fields import RecipeError
from .asset_files import image_fault, shown

KEY = "wardrobe.packs"
NOT_WORN = ("teeth", "tongue")  # the bodies have their own
_LATEST: dict[str, Pack] = {}  # by folder
_NAMED = 12  # unusable items that are named one by one


def load_packs(folders: Sequence[str]) -> tuple[tuple[PackItem, ...], list[str], list[str]]:
    """Read the packs of a recipe.

    Args:
        folders: Folders of packs.

    Returns:
        (what can be worn, in the order in which it is drawn; sentences on what was found;
        sentences on what cannot be used). An item that lies in several packs counts once.

    Raises:
        RecipeError: A folder is missing, or holds nothing that can be worn.
    """
    items: dict[str, PackItem] = {}
    found: list[str] = []
    faults: list[str] = []
    for folder in folders:
        try:
            pack = _read(folder, stamp_of(Path(folder)))
        except (PackError, OSError) as error:
            raise RecipeError(f"{KEY}: {error}") from None
        _LATEST[folder] = pack
        if not pack.items:
            raise RecipeError(f"{KEY}: {shown(folder)}: {_without_items(pack.unusable)}")
        found.append(f"{KEY}: {shown(folder)}: {inventory(pack.items)}")
        if pack.unusable:
            faults.append(f"{KEY}: {shown(folder)}: cannot be used: {in_words(pack.unusable)}")
        if pack.notes:
            faults.append(f"{KEY}: {shown(folder)}: used as they are: {in_words(pack.notes)}")
        for item in pack.items:
            items.setdefault(item.key.rpartition("#")[2] + item.name, item)
    return tuple(items.values()), found, faults


def known_pack(folder: str) -> Pack | None:
    """The pack in a folder as it was read last, without what cannot be worn; None before that.

    Reads no file, so that panels can call it at every redraw.
    """
    return _LATEST.get(folder)


def inventory(items: Iterable[PackItem]) -> str:
    """The numbers of items by kind and by licence, in words."""
    kinds = Counter(item.kind for item in items)
    licences = Counter(item.licence or "of unknown licence" for item in items)
    by_kind = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    by_licence = ", ".join(f"{count} {licence}" for licence, count in licences.most_common())
    total = sum(kinds.values())
    return f"{total} item{'' if total == 1 else 's'} ({by_kind}); {by_licence}"


class _Keyed(Protocol):
    @property
    def key(self) -> str: ...


def packs_hash(items: Iterable[_Keyed]) -> str:
    """SHA-256 of the contents of items in their order, wherever the packs lie."""
    keys = "\n".join(item.key for item in items)
    return hashlib.sha256(keys.encode("utf-8", "surrogateescape")).hexdigest()


def credits_of(
    sources: Iterable[str], items: Iterable[PackItem]
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Licences and authors of what persons wear.

    Args:
        sources: The files, see scene.spec.sources_of.
        items: The items of the packs.

    Returns:
        (licence by name, author and source by name), for DatasetWriter.credit. No folder above
        the pack's own is named.
    """
    # Of a skin, the image is worn.
    by_source = {str(item.image if item.kind == "skin" else item.path): item for item in items}
    alike = Counter(f"{item.kind} {item.name}" for item in by_source.values())
    licences, credits = {}, {}
    for source in dict.fromkeys(sources):
        if source not in by_source:
            continue
        item = by_source[source]
        name, place = f"{item.kind} {item.name}", item.key.rpartition("#")[0]
        name = shown(name if alike[name] == 1 else f"{name} ({place})")
        licences[name] = item.licence or "unknown"
        credits[name] = {"author": item.author, "source": shown(place)}
    return licences, credits


def _sorted_out(pack: Pack) -> Pack:
    """The pack with the items that bodies can wear; those with damaged images cannot be used."""
    worn: list[PackItem] = []
    damaged: list[Unusable] = []
    for item in pack.items:
        images = [path for path in item.files if path.suffix.lower() in IMAGE_ENDINGS]
        faults = [f"{path.name}: {fault}" for path in images if (fault := image_fault(path))]
        if faults:
            damaged.append(Unusable(item.key.rpartition("#")[0], "; ".join(faults)))
        elif item.kind not in NOT_WORN:
            worn.append(item)
    unusable = sorted([*pack.unusable, *damaged], key=lambda entry: entry.name)
    return dataclasses.replace(pack, items=tuple(worn), unusable=tuple(unusable))


def _without_items(unusable: Sequence[Unusable]) -> str:
    if unusable:
        return f"nothing in it can be worn: {in_words(unusable)}"
    return "no .mhclo, .mhmat or eye texture in it; name the folder of an unpacked asset pack"


def in_words(entries: Sequence[Unusable]) -> str:
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


@lru_cache(maxsize=8)
def _read(folder: str, stamp: str) -> Pack:
    return _sorted_out(read_pack(folder))
