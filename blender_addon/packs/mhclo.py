"""Garments of MakeHuman, .mhclo files: how each vertex hangs on MakeHuman's base mesh."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .headers import Header
from .text_files import Line, PackError, integers, numbers, read_lines

Array = np.ndarray

BASE_VERTICES = 19_158  # of MakeHuman's base mesh hm08, with helpers
MAX_BOUND = 400_000  # vertices of a garment
_KEYS = ("name", "obj_file", "material", "basemesh", "z_depth")
_OF_HEADER = ("author", "license", "licence", "copyright")


@dataclass(frozen=True, eq=False)
class Clothes:
    """A garment, hair, or another thing that is bound to the base mesh.

    Attributes:
        path: The .mhclo.
        name: As the file says, else the file's own.
        obj_file: Name of the mesh's file, as written; empty for none.
        material: Name of the material's file, as written; empty for none.
        tags: As written.
        author: As written; empty for none.
        licence: As written; empty for none.
        z_depth: Garments of a larger depth lie over the others.
        references: (G, 3) int32, vertices of the base mesh.
        weights: (G, 3) float64, their shares.
        offsets: (G, 3) float64, dm at the lengths of `scales`.
        scales: For x, y, z: (first vertex, second vertex, their distance in dm); None for none.
        deleted: (D,) int32, vertices of the base mesh that the garment hides.
    """

    path: Path
    name: str
    obj_file: str
    material: str
    tags: tuple[str, ...]
    author: str
    licence: str
    z_depth: int
    references: Array
    weights: Array
    offsets: Array
    scales: tuple[tuple[int, int, float] | None, ...]
    deleted: Array


def read_clothes(path: Path) -> Clothes:
    """Read a .mhclo file.

    Raises:
        PackError: The file is damaged, or made for another base mesh; the message names the line.
    """
    reader = _Reader(path)
    for line in read_lines(path):
        reader.take(*line)
    return reader.clothes()


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.keys: dict[str, str] = {}
        self.header = Header()
        self.tags: list[str] = []
        self.scales: dict[str, tuple[int, int, float]] = {}
        self.bound: list[Line] = []
        self.deleted: list[Line] = []
        self.section = ""

    def take(self, number: int, words: list[str]) -> None:
        key = words[0].lower()
        if key.startswith("#"):
            self.header.comment(" ".join(words))
        elif key == "verts":
            self.section = "verts"
        elif key == "delete_verts":
            self.section = "delete_verts"
            if len(words) > 1:
                self.deleted.append((number, words[1:]))
        elif key[0].isdigit() or key[0] in "+-.":
            self._row(number, words)
        else:
            # Other keys may stand between `verts` and its rows.
            if self.section == "delete_verts":
                self.section = ""
            self._key(number, key, words[1:])

    def _key(self, number: int, key: str, rest: list[str]) -> None:
        if key in ("x_scale", "y_scale", "z_scale"):
            pair = integers(self.path, [number], [rest], 2)[0]
            length = float(numbers(self.path, [number], [rest[2:]], 1)[0, 0])
            self._in_range(number, pair)
            if length <= 0:
                raise PackError(self.path, number, f"{key}: a length of {length:g}, expected more")
            self.scales[key[0]] = int(pair[0]), int(pair[1]), length
        elif key == "tag" and rest:
            self.tags.append(" ".join(rest)[:80])
        elif key in _OF_HEADER and rest:
            self.header.key(key, " ".join(rest))
        elif key in _KEYS and rest:
            self.keys[key] = " ".join(rest)[:400]
            if key == "basemesh" and rest[0].lower() not in ("hm08", "alpha_7"):
                raise PackError(
                    self.path,
                    number,
                    f"made for the base mesh {rest[0][:40]!r}, expected hm08; fit it to hm08 with "
                    "MakeClothes",
                )

    def _row(self, number: int, words: list[str]) -> None:
        if self.section == "delete_verts":
            self.deleted.append((number, words))
        elif self.section == "verts":
            self.bound.append((number, words))
        # Rows of other sections, such as weights, are left out.

    def _in_range(self, number: int, index: Array) -> None:
        if index.min() < 0 or index.max() >= BASE_VERTICES:
            worst = index[(index < 0) | (index >= BASE_VERTICES)][0]
            raise PackError(
                self.path,
                number,
                f"vertex {worst} of the base mesh, expected 0 to {BASE_VERTICES - 1}; the file is "
                "damaged or made for another mesh",
            )

    def clothes(self) -> Clothes:
        """Check and convert all that was read."""
        keys, path = self.keys, self.path
        references, weights, offsets = self._bound()
        return Clothes(
            path=path,
            name=keys.get("name", path.stem),
            obj_file=keys.get("obj_file", ""),
            material=keys.get("material", ""),
            tags=tuple(dict.fromkeys(self.tags)),
            author=self.header.author,
            licence=self.header.licence,
            z_depth=self._depth(),
            references=references.astype(np.int32),
            weights=weights,
            offsets=offsets,
            scales=tuple(self.scales.get(axis) for axis in "xyz"),
            deleted=self._deleted(),
        )

    def _depth(self) -> int:
        try:
            return int(np.clip(int(self.keys.get("z_depth", "50").split()[0]), -1000, 1000))
        except (ValueError, OverflowError):
            return 50

    def _bound(self) -> tuple[Array, Array, Array]:
        if not self.bound:
            raise PackError(
                self.path, None, "no vertices after 'verts 0'; export it with MakeClothes"
            )
        if len(self.bound) > MAX_BOUND:
            raise PackError(
                self.path, None, f"{len(self.bound)} vertices, expected at most {MAX_BOUND}"
            )
        single = np.array([len(words) == 1 for _, words in self.bound])
        G = len(single)
        references = np.zeros((G, 3), np.int64)
        weights, offsets = np.zeros((G, 3)), np.zeros((G, 3))
        lines = np.array([number for number, _ in self.bound])
        for which, width in ((single, 1), (~single, 6)):
            rows = [self.bound[i][1] for i in np.flatnonzero(which)]
            if not rows:
                continue
            where = lines[which].tolist()
            if width == 1:  # a vertex that sits on one of the base mesh
                references[which] = integers(self.path, where, rows, 1)
                weights[which] = [1.0, 0.0, 0.0]
                continue
            references[which] = integers(self.path, where, rows, 3)
            weights[which] = numbers(self.path, where, [row[3:] for row in rows], 3)
            # Rows without offsets have six words.
            padded = [(*row[6:9], "0", "0", "0")[:3] for row in rows]
            offsets[which] = numbers(self.path, where, padded, 3)
        bad = ((references < 0) | (references >= BASE_VERTICES)).any(axis=1)
        if bad.any():
            row = int(np.argmax(bad))
            self._in_range(int(lines[row]), references[row])
        return references, weights, offsets

    def _deleted(self) -> Array:
        """The vertices of single numbers and of ranges such as `12 - 20`."""
        hidden = np.zeros(BASE_VERTICES, dtype=bool)
        for number, words in self.deleted:
            words = " ".join(words).replace("-", " - ").split()
            spans: list[list[str]] = []
            joined = False
            for word in words:
                if word == "-":
                    joined = True
                elif joined and spans:
                    spans[-1][1], joined = word, False
                else:
                    spans.append([word, word])
                    joined = False
            ends = integers(self.path, [number] * len(spans), spans, 2)
            if len(ends):
                self._in_range(number, ends.ravel())
            for first, last in ends:
                hidden[first : last + 1] = True
        return np.flatnonzero(hidden).astype(np.int32)
