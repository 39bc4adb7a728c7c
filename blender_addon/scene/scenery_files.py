"""Packs for places that a recipe names: read before the first image is rendered, and reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from ..packs.pack import Unusable
from ..packs.scenery.model import LARGEST_IMAGE
from ..packs.scenery.prop_pack import PropItem, PropPack, read_props
from ..packs.scenery.texture_pack import TextureItem, TexturePack, read_textures
from ..packs.text_files import PackError
from ..recipes.fields import RecipeError
from ..recipes.recipe import Recipe
from .asset_files import image_fault, shown
from .image_headers import read_header
from .pack_files import in_words, stamp_of

PROPS, TEXTURES = "scenery.props", "scenery.textures"
_LATEST: dict[tuple[str, str], PropPack | TexturePack] = {}  # by key and folder

P = TypeVar("P", PropPack, TexturePack)


@dataclass(frozen=True)
class Scenery:
    """The content of the packs of a recipe.

    Attributes:
        props, textures: Of all folders; what lies in several counts once.
        found: Sentences on what was found.
        faults: Sentences on what cannot be used, or was guessed.
    """

    props: PropPack
    textures: TexturePack
    found: tuple[str, ...]
    faults: tuple[str, ...]


def load_scenery(recipe: Recipe) -> Scenery:
    """Read the packs of a recipe.

    Raises:
        RecipeError: A folder is missing, or holds nothing that can be shown.
    """
    found: list[str] = []
    faults: list[str] = []
    props = _packs(PROPS, recipe.scenery.props, _read_props, found, faults)
    textures = _packs(TEXTURES, recipe.scenery.textures, _read_textures, found, faults)
    return Scenery(
        PropPack(_once(item for pack in props for item in pack.items)),
        TexturePack(_once(item for pack in textures for item in pack.items)),
        tuple(found),
        tuple(faults),
    )


def known_scenery(key: str, folder: str) -> PropPack | TexturePack | None:
    """The pack in a folder as it was read last; None before that.

    Args:
        key: PROPS or TEXTURES.
        folder: The folder.
    """
    return _LATEST.get((key, folder))


def inventory_of(pack: PropPack | TexturePack) -> str:
    """The numbers of items by role or material and by licence, in words."""
    kinds = Counter(i.role if isinstance(i, PropItem) else i.kind for i in pack)
    licences = Counter(item.licence or "of unknown licence" for item in pack)
    noun = "model" if isinstance(pack, PropPack) else "texture"
    by_kind = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    by_licence = ", ".join(f"{count} {licence}" for licence, count in licences.most_common())
    return f"{len(pack)} {noun}{'' if len(pack) == 1 else 's'} ({by_kind}); {by_licence}"


def scenery_credits(
    sources: Iterable[str], props: PropPack, textures: TexturePack
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Licences and authors of the models and textures that a scene shows.

    Args:
        sources: The files, see scene.spec.sources_of.
        props, textures: The packs.

    Returns:
        (licence by name, author and source by name), for DatasetWriter.credit. No folder above
        the pack's own is named.
    """
    licences, credits = {}, {}
    for source in dict.fromkeys(sources):
        item = _by_path(props).get(source) or _by_path(textures).get(source)
        if item is None:
            continue
        place = item.key.rpartition("#")[0]
        noun = "model" if isinstance(item, PropItem) else "texture"
        name = shown(f"{noun} {item.name} ({place})")
        licences[name] = item.licence or "unknown"
        origin = item.source if isinstance(item, PropItem) else ""
        credits[name] = {"author": item.author, "source": shown(origin or place)}
    return licences, credits


@lru_cache(maxsize=4)
def _by_path(pack: PropPack | TexturePack) -> dict[str, PropItem | TextureItem]:
    return {str(item.path): item for item in pack}


def _packs(
    key: str,
    folders: Sequence[str],
    read: Callable[[str, str], P],
    found: list[str],
    faults: list[str],
) -> list[P]:
    packs = []
    for folder in folders:
        try:
            pack = read(folder, stamp_of(Path(folder)))
        except (PackError, OSError) as error:
            raise RecipeError(f"{key}: {error}") from None
        _LATEST[key, folder] = pack
        if not len(pack):
            raise RecipeError(f"{key}: {shown(folder)}: {_empty(key, pack.unusable)}")
        found.append(f"{key}: {shown(folder)}: {inventory_of(pack)}")
        for entries, words in (
            (pack.unusable, "cannot be used"),
            (pack.notes if isinstance(pack, PropPack) else (), "used as they are"),
        ):
            if entries:
                faults.append(f"{key}: {shown(folder)}: {words}: {in_words(entries)}")
        packs.append(pack)
    return packs


def _empty(key: str, unusable: Sequence[Unusable]) -> str:
    if unusable:
        return f"nothing in it can be shown: {in_words(unusable)}"
    wanted = "no .obj, .gltf or .glb" if key == PROPS else "no image of colours"
    return f"{wanted} in it; name the folder of an unpacked pack"


I = TypeVar("I", PropItem, TextureItem)  # noqa: E741


def _once(items: Iterable[I]) -> tuple[I, ...]:
    """Each item once: those of several folders are told apart by content and name."""
    return tuple({item.key.rpartition("#")[2] + item.name: item for item in items}.values())


@lru_cache(maxsize=8)
def _read_props(folder: str, stamp: str) -> PropPack:
    pack = read_props(folder)
    good: list[PropItem] = []
    damaged: list[Unusable] = []
    for item in pack:
        faults = [f"{path.name}: {fault}" for path in item.images if (fault := _image_fault(path))]
        if faults:
            damaged.append(Unusable(item.key.rpartition("#")[0], "; ".join(faults)))
        else:
            good.append(item)
    unusable = sorted([*pack.unusable, *damaged], key=lambda entry: entry.name)
    return PropPack(tuple(good), tuple(unusable), pack.notes)


@lru_cache(maxsize=8)
def _read_textures(folder: str, stamp: str) -> TexturePack:
    return read_textures(folder, _image_fault)


def _image_fault(path: Path) -> str:
    """The reason for which an image cannot be used; '' for none."""
    fault = image_fault(path)
    if fault:
        return fault
    header = read_header(path)
    if max(header.width, header.height) > LARGEST_IMAGE:
        return f"{header.width} x {header.height} pixels; reduce it to {LARGEST_IMAGE} at most"
    return ""
