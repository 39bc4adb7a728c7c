"""Materials of MakeHuman, .mhmat files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .headers import Header
from .text_files import numbers, read_lines

Color = tuple[float, float, float]


@dataclass(frozen=True)
class Material:
    """A material. Names of files are as written; empty for none.

    Attributes:
        name: As the file says, else the file's own.
        tags: As written.
        author: As written; empty for none.
        licence: As written; empty for none.
        diffuse: Image of the base colour; its alpha is the opacity when `transparent`.
        normal: Tangent-space normal map.
        opacity_map: Image of the opacity.
        color: 0..1, linear, which multiplies the image.
        opacity: 0..1.
        shininess: 0 rough .. 1 a mirror.
        transparent: Whether the diffuse image's alpha is opacity.
    """

    name: str = ""
    tags: tuple[str, ...] = ()
    author: str = ""
    licence: str = ""
    diffuse: str = ""
    normal: str = ""
    opacity_map: str = ""
    color: Color = (1.0, 1.0, 1.0)
    opacity: float = 1.0
    shininess: float = 0.3
    transparent: bool = False


def read_material(path: Path) -> Material:
    """Read a .mhmat file. Keys that are not known are left out.

    Raises:
        PackError: The file is damaged; the message names the line.
    """
    words: dict[str, tuple[int, list[str]]] = {}
    tags: list[str] = []
    header = Header()
    for line, (key, *rest) in read_lines(path):
        if key.startswith(("#", "//")):
            header.comment(" ".join((key, *rest)))
        elif key.lower() == "tag" and rest:
            tags.append(" ".join(rest)[:80])
        elif key.lower() in ("author", "license", "licence", "copyright") and rest:
            header.key(key, " ".join(rest))
        elif rest:
            words[key.lower()] = line, rest

    def text(key: str) -> str:
        return " ".join(words[key][1]) if key in words else ""

    def numbered(key: str, default: tuple[float, ...]) -> tuple[float, ...]:
        if key not in words:
            return default
        at, values = words[key]
        read = numbers(path, [at], [values], len(default))[0]
        return tuple(float(v) for v in np.clip(read, 0.0, 1.0))

    color = numbered("diffusecolor", (1.0, 1.0, 1.0))
    return Material(
        name=text("name") or path.stem,
        tags=tuple(dict.fromkeys(tags)),
        author=header.author,
        licence=header.licence,
        diffuse=text("diffusetexture"),
        normal=text("normalmaptexture"),
        opacity_map=text("transparencymaptexture") or text("opacitymaptexture"),
        color=(color[0], color[1], color[2]),
        opacity=numbered("opacity", (1.0,))[0],
        shininess=numbered("shininess", (0.3,))[0],
        transparent=text("transparent").lower() in ("true", "1", "yes"),
    )
