"""Packs of clothes that a recipe names: read before the first image is rendered, and reported.

Reading takes about 20 ms an item, so a pack is read again only when a file of it has changed.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from ..packs.files import IMAGE_ENDINGS
from ..packs.pack import Pack, PackItem, read_pack
from .asset_files import image_fault, shown
from .named_packs import by_name, known, numbers, once, read_folders, without_damaged

KEY = "wardrobe.packs"
NOT_WORN = ("teeth", "tongue")  # the bodies have their own
_EMPTY = "no .mhclo, .mhmat or eye texture in it; name the folder of an unpacked asset pack"


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
    packs, found, faults = read_folders(
        KEY, folders, _read, lambda pack: inventory(pack.items), "worn", _EMPTY
    )
    return tuple(once(packs)), found, faults


def known_pack(folder: str) -> Pack | None:
    """The pack in a folder as it was read last, without what cannot be worn; None before that."""
    pack: Pack | None = known(KEY, folder)
    return pack


def inventory(items: Sequence[PackItem]) -> str:
    """The numbers of items by kind and by licence, in words."""
    return numbers("item", Counter(item.kind for item in items), [i.licence for i in items])


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


@lru_cache(maxsize=8)
def _read(folder: str, stamp: str) -> Pack:
    """The pack with the items that bodies can wear; those with damaged images cannot be used."""
    pack = read_pack(folder)
    good, damaged = without_damaged(pack.items, _images, image_fault)
    worn = tuple(item for item in good if item.kind not in NOT_WORN)
    return dataclasses.replace(pack, items=worn, unusable=by_name(pack.unusable, damaged))


def _images(item: PackItem) -> list[Path]:
    return [path for path in item.files if path.suffix.lower() in IMAGE_ENDINGS]
