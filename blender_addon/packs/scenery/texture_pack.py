"""Lists the textures in a folder, each with its maps, its real width and what it is used for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..files import content_hash, forget_folders
from ..headers import LicenceFiles, known_licence
from ..pack import Unusable, files_below
from ..text_files import PackError
from .texture_names import material_kind, split_name

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
_MAX_FILE = 256 << 20


@dataclass(frozen=True)
class TextureMaps:
    """The files of a texture; None for what it has not.

    Attributes:
        color: Base colours, sRGB: SurfaceSpec.image.
        normal: Tangent-space normals.
        roughness: Linear.
        packed: Whether roughness is the green channel of an image of several.
        flipped: Whether the normals' green points down, as DirectX has it.
    """

    color: Path
    normal: Path | None = None
    roughness: Path | None = None
    packed: bool = False
    flipped: bool = False

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them."""
        return tuple(path for path in (self.color, self.normal, self.roughness) if path)


@dataclass(frozen=True)
class TextureItem:
    """A texture of a pack.

    Attributes:
        name: Of its set.
        kind: Material, such as "brick"; "other" for unknown.
        uses: Of texture_names.USES.
        maps: Its files.
        width: Real width of the image, m.
        key: The path below the pack and a hash of the contents: the same on every machine.
        author, licence: As written; "" for unknown.
    """

    name: str
    kind: str
    uses: tuple[str, ...]
    maps: TextureMaps
    width: float
    key: str
    author: str = ""
    licence: str = ""

    @property
    def path(self) -> Path:
        """The image of its colours."""
        return self.maps.color


@dataclass(frozen=True, eq=False)
class TexturePack:
    """The textures of one or several folders.

    Attributes:
        items: Sorted by path within each folder.
        unusable: Sorted by name.
        notes: As in PropPack; nothing is guessed about textures so far.
    """

    items: tuple[TextureItem, ...] = ()
    unusable: tuple[Unusable, ...] = ()
    notes: tuple[Unusable, ...] = ()

    def __iter__(self) -> Iterator[TextureItem]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def of_use(self, *uses: str) -> tuple[TextureItem, ...]:
        """The textures with one of these uses, in their fixed order; all without any."""
        return tuple(t for t in self.items if not uses or any(use in t.uses for use in uses))


NO_TEXTURES = TexturePack()


def read_textures(
    folder: str | Path, fault: Callable[[Path], str] = lambda path: ""
) -> TexturePack:
    """List the textures in a folder and the folders below it.

    Args:
        folder: Sets of PBR maps, tiles of colours, or both, in any folders.
        fault: The reason for which an image cannot be used, '' for none.

    Raises:
        PackError: There is no such folder, or it holds too many files.
    """
    root = Path(folder).absolute()
    if not root.is_dir():
        raise PackError(root, None, "no such folder; name the folder of unpacked textures")
    forget_folders()
    _sets_in.cache_clear()
    licences = LicenceFiles(root)
    files, unusable = files_below(root)
    items: list[TextureItem] = []
    for parent in dict.fromkeys(path.parent for path in files):
        for base, maps in sorted(_sets_in(str(parent)).items()):
            place = maps.color.relative_to(root).as_posix()
            try:
                faults = [f"{p.name}: {why}" for p in maps.files if (why := fault(p) or _large(p))]
                if faults:
                    unusable.append(Unusable(place, "; ".join(faults)))
                else:
                    items.append(_item(root, base, maps, licences))
            except OSError as error:
                unusable.append(Unusable(place, f"cannot be read: {error.strerror}"))
    return TexturePack(
        tuple(sorted(items, key=lambda item: item.key)),
        tuple(sorted(unusable, key=lambda entry: entry.name)),
    )


def maps_of(color: Path) -> TextureMaps:
    """The maps that belong to an image of colours, found beside it by their names."""
    found = _sets_in(str(color.parent)).values()
    return next((maps for maps in found if maps.color == color), TextureMaps(color))


@lru_cache(maxsize=512)
def _sets_in(folder: str) -> dict[str, TextureMaps]:
    """The textures whose maps lie in a folder, by their names."""
    sets: dict[str, dict[str, Path]] = {}
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    except OSError:
        return {}
    for name in names:
        path = Path(folder) / name
        if path.suffix.lower() in ENDINGS and not name.startswith("."):
            parts = split_name(path.stem)
            sets.setdefault(parts.base, {}).setdefault(parts.map, path)
    out = {}
    for base, maps in sets.items():
        color = maps.get("color") or maps.get("")
        if color is not None:
            normal, roughness = maps.get("normal"), maps.get("roughness")
            out[base] = TextureMaps(
                color,
                normal or maps.get("normal_dx"),
                roughness or maps.get("packed"),
                packed=roughness is None and "packed" in maps,
                flipped=normal is None and "normal_dx" in maps,
            )
    return out


def _item(root: Path, base: str, maps: TextureMaps, licences: LicenceFiles) -> TextureItem:
    color = maps.color
    folders = [p.name for p in color.relative_to(root).parents if p.name] + [root.name]
    name = base or color.parent.name
    kind = material_kind(color.stem if base else name, *folders)
    place = color.relative_to(root).as_posix()
    licence, author, _ = licences.licence_of(color, (name, color.name, *folders))
    widths = (split_name(text).width for text in (color.stem, *folders[:1]))
    return TextureItem(
        name=name,
        kind=kind.name,
        uses=kind.uses,
        maps=maps,
        width=next((w for w in widths if w), kind.width),
        key=f"{place}#{content_hash(maps.files)}",
        author=author,
        licence=known_licence(licence) if licence else "",
    )


def _large(path: Path) -> str:
    return f"larger than {_MAX_FILE >> 20} MB" if path.stat().st_size > _MAX_FILE else ""
