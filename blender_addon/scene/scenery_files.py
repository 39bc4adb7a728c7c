"""Packs for places that a recipe names: read before the first image is rendered, and reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..packs.scenery.model import LARGEST_IMAGE
from ..packs.scenery.prop_pack import PropItem, PropPack, read_props
from ..packs.scenery.texture_pack import TextureItem, TexturePack, read_textures
from ..recipes.recipe import Recipe
from .asset_files import image_fault, shown
from .image_headers import read_header
from .named_packs import by_name, known, numbers, once, read_folders, without_damaged

PROPS, TEXTURES = "scenery.props", "scenery.textures"
_EMPTY = "in it; name the folder of an unpacked pack"


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
    named = recipe.scenery
    props, found, faults = read_folders(
        PROPS, named.props, _read_props, inventory_of, "shown", f"no .obj, .gltf or .glb {_EMPTY}"
    )
    textures, more_found, more_faults = read_folders(
        TEXTURES, named.textures, _read_textures, inventory_of, "shown",
        f"no image of colours {_EMPTY}",
    )  # fmt: skip
    return Scenery(
        PropPack(tuple(once(props))),
        TexturePack(tuple(once(textures))),
        (*found, *more_found),
        (*faults, *more_faults),
    )


def known_scenery(key: str, folder: str) -> PropPack | TexturePack | None:
    """The pack in a folder as it was read last; None before that.

    Args:
        key: PROPS or TEXTURES.
        folder: The folder.
    """
    pack: PropPack | TexturePack | None = known(key, folder)
    return pack


def inventory_of(pack: PropPack | TexturePack) -> str:
    """The numbers of items by role or material and by licence, in words."""
    kinds = Counter(i.role if isinstance(i, PropItem) else i.kind for i in pack)
    noun = "model" if isinstance(pack, PropPack) else "texture"
    return numbers(noun, dict(kinds.most_common()), [item.licence for item in pack])


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


@lru_cache(maxsize=8)
def _read_props(folder: str, stamp: str) -> PropPack:
    pack = read_props(folder)
    good, damaged = without_damaged(pack, lambda item: item.images, _image_fault)
    return PropPack(tuple(good), by_name(pack.unusable, damaged), pack.notes)


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
