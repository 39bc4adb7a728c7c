"""Lists what a folder of MakeHuman or MPFB assets holds, and names what cannot be used."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .files import IMAGE_ENDINGS, content_hash, find_file, forget_folders
from .headers import LicenceFiles, known_licence
from .kinds import gender_of, kind_of
from .mhclo import Clothes, read_clothes
from .mhmat import Material, read_material
from .obj_mesh import read_obj
from .regions import layers_of, regions_of
from .text_files import PackError

MAX_FILES = 200_000  # in one pack
_HIDDEN_FOLDERS = ("__MACOSX",)
# Files that are assets, but none that is worn: ending -> reason.
_OTHER_ASSETS = {
    ".proxy": "another mesh of the body; bodies are named in the recipe's key `bodies`",
    ".target": "a shape of MakeHuman's body, which is not read",
}


@dataclass(frozen=True)
class PackItem:
    """One thing of a pack.

    Attributes:
        name: As its file says.
        kind: One of kinds.KINDS.
        path: Its .mhclo, absolute; the .mhmat of a skin, the image of an eye without one.
        key: The path below the pack and a hash of the contents: the same on every machine.
        tags: As written.
        gender: "female", "male", or "" for either.
        regions: Those of regions.REGIONS that it covers; empty for skins and eyes.
        layers: Layers of built-in garments (wardrobe's LAYERS, or "hair") that it stands for.
        author: As written; "" for unknown.
        licence: Such as "CC0-1.0" or "CC-BY-4.0"; "" for unknown.
        evidence: The file that says so; None for unknown.
        materials: The .mhmat files it can be worn in, its own one first; may be empty.
        image: The base colour of the first material; None for none.
        files: All files that it is made of.
    """

    name: str
    kind: str
    path: Path
    key: str
    tags: tuple[str, ...] = ()
    gender: str = ""
    regions: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    author: str = ""
    licence: str = ""
    evidence: Path | None = None
    materials: tuple[Path, ...] = ()
    image: Path | None = None
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Unusable:
    """A file of a pack that cannot be used.

    Attributes:
        name: Its path below the pack.
        reason: One line, with the remedy.
    """

    name: str
    reason: str


@dataclass(frozen=True)
class Pack:
    """The things that a folder holds.

    Attributes:
        root: The folder, absolute.
        items: Sorted by path.
        unusable: Sorted by name.
        notes: Items that are used although something is missing: (name, what).
        others: How many files are no assets, by ending, such as readmes and thumbnails.
    """

    root: Path
    items: tuple[PackItem, ...]
    unusable: tuple[Unusable, ...]
    notes: tuple[Unusable, ...] = ()
    others: Mapping[str, int] = field(default_factory=dict)


def read_pack(folder: str | Path) -> Pack:
    """List the items in a folder and the folders below it.

    Every file is read once, so that what is listed can be fitted: about 20 ms an item.

    Args:
        folder: MakeHuman's `data`, MPFB's user data, an unpacked asset pack, or the folder of one
            item.

    Raises:
        PackError: There is no such folder, or it holds too many files.
    """
    root = Path(folder).absolute()
    if not root.is_dir():
        raise PackError(root, None, "no such folder; name the folder of an unpacked asset pack")
    forget_folders()
    return _Reader(root).pack()


def files_below(root: Path) -> tuple[list[Path], list[Unusable]]:
    """All files of a pack in a fixed order; links to folders are named, and not followed.

    Raises:
        PackError: There are more than MAX_FILES.
    """
    found: list[Path] = []
    links: list[Unusable] = []
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        for name in list(folders):
            if name.startswith(".") or name in _HIDDEN_FOLDERS:
                folders.remove(name)
            elif (here / name).is_symlink():
                place = (here / name).relative_to(root).as_posix()
                links.append(Unusable(place, "a link to a folder; name that folder itself"))
        folders.sort()
        found += [here / name for name in sorted(files) if not name.startswith(".")]
        if len(found) > MAX_FILES:
            raise PackError(root, None, f"more than {MAX_FILES} files; name the folder of one pack")
    return found, links


class _Reader:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.licences = LicenceFiles(root)
        self.items: list[PackItem] = []
        self.unusable: list[Unusable] = []
        self.notes: list[Unusable] = []
        self.used: set[Path] = set()

    def pack(self) -> Pack:
        files, self.unusable = files_below(self.root)
        by_ending: dict[str, list[Path]] = {}
        for file in files:
            by_ending.setdefault(file.suffix.lower(), []).append(file)
        for path in by_ending.get(".mhclo", []):
            self._item(path, self._worn)
        for path in by_ending.get(".mhmat", []):
            if path not in self.used:
                self._item(path, self._skin)
        for ending in IMAGE_ENDINGS:
            for path in by_ending.get(ending, []):
                if path not in self.used and path.parent.name.lower() == "eyes":
                    self._item(path, self._eye)
        for path in by_ending.get(".obj", []):
            if path not in self.used:
                self._cannot(path, "no .mhclo binds it to the body; export it with MakeClothes")
        for ending, reason in _OTHER_ASSETS.items():
            for path in by_ending.get(ending, []):
                self._cannot(path, reason)
        named = {self.root / entry.name for entry in self.unusable} | self.used
        others = Counter(p.suffix.lower() or p.name for p in files if p not in named)
        return Pack(
            self.root,
            tuple(self.items),
            tuple(sorted(self.unusable, key=lambda u: u.name)),
            tuple(dict.fromkeys(self.notes)),  # the images of a skin are looked for twice
            dict(sorted(others.items())),
        )

    def _item(self, path: Path, read: Callable[[Path], PackItem | None]) -> None:
        try:
            item = read(path)
        except PackError as error:
            reason = str(error).removeprefix(f"{path}:").strip()  # it begins with the line
            self._cannot(path, reason.removeprefix(f"{self.root}{os.sep}"))
        except OSError as error:
            self._cannot(path, f"cannot be read: {error.strerror}")
        else:
            if item is not None:
                self.items.append(item)

    def _cannot(self, path: Path, reason: str) -> None:
        self.unusable.append(Unusable(path.relative_to(self.root).as_posix(), reason))

    def _note(self, path: Path, text: str) -> None:
        self.notes.append(Unusable(path.relative_to(self.root).as_posix(), text))

    def _worn(self, path: Path) -> PackItem:
        self.used.add(path)
        # Should it fail, it is named once, and not with each of its files.
        self.used.update(p for p in path.parent.glob("*.mhmat"))
        self.used.add(path.with_suffix(".obj"))
        clothes = read_clothes(path)
        mesh_file = mesh_of(clothes)
        self.used.add(mesh_file)
        mesh = read_obj(mesh_file)
        if len(mesh.vertices) != len(clothes.references):
            raise PackError(
                path,
                None,
                f"it binds {len(clothes.references)} vertices, {mesh_file.name} has "
                f"{len(mesh.vertices)}; export both anew with MakeClothes",
            )
        materials = self._materials(path, clothes.material)
        first = materials[0][1] if materials else Material()
        return self._made(
            path,
            kind=kind_of(path, clothes.tags, clothes.name),
            name=clothes.name,
            tags=clothes.tags,
            author=clothes.author or first.author,
            licence=clothes.licence or first.licence,
            files=[path, mesh_file],
            materials=materials,
            regions=regions_of(clothes),
        )

    def _skin(self, path: Path) -> PackItem | None:
        self.used.add(path)
        material = read_material(path)
        kind = kind_of(path, material.tags, material.name)
        if kind not in ("skin", "eyes"):
            self._cannot(path, "a material without a garment: no .mhclo in its folder names it")
            return None
        images = self._images(path, material)
        if not images:
            missing = f"its image {material.diffuse[:80]!r} is missing" if material.diffuse else ""
            raise PackError(path, None, missing or "it has no image of colours; set diffuseTexture")
        return self._made(
            path,
            kind=kind,
            name=path.stem,  # the names inside are often those of the file that it was copied from
            tags=material.tags,
            author=material.author,
            licence=material.licence,
            files=[],
            materials=[(path, material)],
        )

    def _eye(self, path: Path) -> PackItem:
        return self._made(
            path, kind="eyes", name=path.stem, tags=(), author="", licence="", files=[path]
        )

    def _made(
        self,
        path: Path,
        *,
        kind: str,
        name: str,
        tags: tuple[str, ...],
        author: str,
        licence: str,
        files: list[Path],
        materials: list[tuple[Path, Material]] | None = None,
        regions: tuple[str, ...] = (),
    ) -> PackItem:
        materials = materials or []
        evidence: Path | None = path if licence else None
        if not licence:
            names = (name, path.stem, path.parent.name, path.relative_to(self.root).as_posix())
            licence, by, evidence = self.licences.licence_of(path, names)
            author = author or by
        image = files[0] if kind == "eyes" and not materials else None
        for own, material in materials:
            images = self._images(own, material)
            files += [own, *images]
            if image is None and images and material.diffuse:
                image = images[0]
        files = list(dict.fromkeys(files))
        self.used.update(files)
        key = path.relative_to(self.root).as_posix()
        return PackItem(
            name=name,
            kind=kind,
            path=path,
            key=f"{key}#{content_hash(files)}",
            tags=tags,
            gender=gender_of(tags, name),
            regions=regions,
            layers=layers_of(kind, regions, name),
            author=author,
            licence=known_licence(licence) if licence else "",
            evidence=evidence,
            materials=tuple(own for own, _ in materials),
            image=image,
            files=tuple(files),
        )

    def _materials(self, path: Path, named: str) -> list[tuple[Path, Material]]:
        """The .mhmat files of a garment, its own one first."""
        found = []
        for own in material_files(path, named):
            self.used.add(own)
            try:
                found.append((own, read_material(own)))
            except PackError as error:
                self._cannot(own, str(error).removeprefix(f"{own}:").strip())
        if named and not found:
            self._note(path, f"its material {named[:80]!r} is missing; it is worn in plain colours")
        return found

    def _images(self, path: Path, material: Material) -> list[Path]:
        images = []
        for name in (material.diffuse, material.normal, material.opacity_map):
            if name:
                image = find_file(path, name, IMAGE_ENDINGS)
                if image is not None:
                    images.append(image)
                else:
                    self._note(path, f"its image {name[:80]!r} is missing")
        return images


def mesh_of(clothes: Clothes) -> Path:
    """The .obj of a garment: the one that it names, else one of its own name, else the only one.

    Raises:
        PackError: There is none.
    """
    path = clothes.path
    for name in (clothes.obj_file, f"{path.stem}.obj", f"{clothes.name}.obj"):
        found = find_file(path, name, (".obj",)) if name else None
        if found is not None:
            return found
    beside = sorted(p for p in path.parent.iterdir() if p.suffix.lower() == ".obj")
    if len(beside) == 1 and beside[0].is_file():
        return beside[0]
    raise PackError(
        path, None, f"its mesh {clothes.obj_file[:80]!r} is missing; copy the .obj beside it"
    )


def material_files(path: Path, named: str) -> list[Path]:
    """The .mhmat files of the garment at `path`, the `named` one first, then those beside it."""
    own = find_file(path, named, (".mhmat",)) if named else None
    folders = {path.parent, path.parent / "materials", own.parent if own else path.parent}
    if sum(p.suffix.lower() == ".mhclo" for p in path.parent.iterdir()) > 1 and own is not None:
        # Of a folder with several garments: those whose names go with the own one.
        stems = own.stem.lower().split("_")
    else:
        stems = [""]
    found = [
        p
        for folder in sorted(folders)
        if folder.is_dir()
        for p in sorted(folder.iterdir())
        if p.suffix.lower() == ".mhmat" and any(stem in p.stem.lower() for stem in stems)
    ]
    return list(dict.fromkeys(([own] if own else []) + found))
