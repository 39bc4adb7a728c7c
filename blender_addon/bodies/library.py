"""The bodies that recipes name: the default body, and files of the user."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from pathlib import Path

from .formats import read_model, read_part_labels
from .model import BodyModel
from .obj_uv import read_obj_uv

DEFAULT_BODY_PATH = Path(__file__).parent / "data" / "default_body.npz"


def load_body(
    path: str | Path, uv: str | Path | None = None, parts: str | Path | None = None
) -> BodyModel:
    """Load a SMPL, SMPL-H or SMPL-X body.

    Args:
        path: The model file (.npz, or the original .pkl).
        uv: The model's UV .obj, which SMPL and SMPL-H keep apart from the model.
        parts: A segmentation of the vertices (.json or .pkl).
            Both replace what the model file has. Without them a model has no UVs, and the part
            labels that its blend weights suggest.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file cannot be used; the message names it, the fault and the remedy.
    """
    model = read_model(path)
    if uv is not None:
        model = dataclasses.replace(model, uv=read_obj_uv(uv, model.faces))
    if parts is not None:
        model = dataclasses.replace(model, part_labels=read_part_labels(parts, model))
    return model


@lru_cache(maxsize=1)
def default_body() -> BodyModel:
    """The bundled body: CC0, with SMPL's 24 joints, from child to elder. Read once."""
    return read_model(DEFAULT_BODY_PATH)
