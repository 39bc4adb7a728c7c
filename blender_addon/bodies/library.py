"""The bodies that recipes can name: the default body, and the user's own files."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .formats import read_model, read_obj_uv, read_part_labels
from .model import BodyModel

DEFAULT_BODY_PATH = Path(__file__).parent / "data" / "default_body.npz"
DEFAULT_NAME = "default"


def load_body(path: str | Path, uv: str | Path | None = None, parts: str | Path | None = None) -> BodyModel:
    """A SMPL, SMPL-H or SMPL-X body from its file (.npz, or the original .pkl).

    `uv` is the model's UV .obj, which SMPL and SMPL-H keep apart from the model; `parts` a segmentation of the vertices
    (.json or .pkl). They replace what the model file itself has. Without any, a model has no UVs, and the part labels
    that its blend weights suggest.

    Raises FileNotFoundError, and ValueError that says which file, what is wrong and what to do.
    """
    model = read_model(path)
    if uv is not None:
        model = dataclasses.replace(model, uv=read_obj_uv(uv, model.faces))
    if parts is not None:
        model = dataclasses.replace(model, part_labels=read_part_labels(parts, model))
    return model


@lru_cache(maxsize=1)
def default_body() -> BodyModel:
    """The body that comes with the studio: CC0, SMPL's 24 joints, from child to elder. Read once."""
    return read_model(DEFAULT_BODY_PATH)


@dataclass(frozen=True)
class BodyFile:
    """Where one body comes from: see `load_body`."""

    path: str | Path
    uv: str | Path | None = None
    parts: str | Path | None = None


class BodyLibrary(Mapping[str, BodyModel]):
    """Bodies by name, each read when first asked for and then kept. 'default' is always among them."""

    def __init__(self, files: Mapping[str, BodyFile]):
        self._files = dict(files)
        self._loaded: dict[str, BodyModel] = {}

    def __getitem__(self, name: str) -> BodyModel:
        if name in self._files:
            if name not in self._loaded:
                file = self._files[name]
                self._loaded[name] = load_body(file.path, file.uv, file.parts)
            return self._loaded[name]
        if name == DEFAULT_NAME:
            return default_body()
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        yield from self._files
        if DEFAULT_NAME not in self._files:
            yield DEFAULT_NAME

    def __len__(self) -> int:
        return len(self._files) + (DEFAULT_NAME not in self._files)


def body_library(entries: Mapping[str, str | Path | BodyFile] | None = None) -> BodyLibrary:
    """The bodies of a recipe by name: `entries` gives a path, or a BodyFile, for each; 'default' is there without it.

    Raises ValueError when an entry would take the default body's name.
    """
    entries = entries or {}
    if DEFAULT_NAME in entries:
        raise ValueError(f"the body name {DEFAULT_NAME!r} is the default body's; choose another name")
    return BodyLibrary(
        {name: file if isinstance(file, BodyFile) else BodyFile(file) for name, file in entries.items()}
    )
