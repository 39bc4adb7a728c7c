"""The bodies that recipes can name: the default body, and the user's own files."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from pathlib import Path

from .formats import read_model, read_obj_uv, read_part_labels
from .model import BodyModel

DEFAULT_BODY_PATH = Path(__file__).parent / "data" / "default_body.npz"


def load_body(
    path: str | Path, uv: str | Path | None = None, parts: str | Path | None = None
) -> BodyModel:
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
