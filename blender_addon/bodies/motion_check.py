"""Tell whether a file can be used as a motion, mostly from the headers of its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .archive import Archive
from .joints import FAMILIES
from .motion import RATE_KEYS, MotionFile, UnclearAxisError, Up

_JOINTS = {len(names) for names in FAMILIES.values()}
_READ_WHOLE = 50  # motions in one file; SURREAL's has thousands, and each is read when it is drawn

Headers = Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]


class NoMotionError(ValueError):
    """A file is no motion; the message is the reason alone, without the file's name."""


def check_motion(path: Path, up: Up, *, numbers: bool) -> bool:
    """Check a motion file of AMASS, BEDLAM or SURREAL.

    Args:
        path: The file.
        up: The vertical axis, as for `read_motion`.
        numbers: Whether to read the arrays too, and not their headers alone.

    Returns:
        Whether it has a frame rate.

    Raises:
        NoMotionError: It cannot be used.
        UnclearAxisError: Its vertical axis must be given; only with `numbers`.
        OSError: It cannot be read.
    """
    try:
        arrays = Archive(path)
        timed = _check_headers(arrays)
        motions = MotionFile(path, up) if numbers else ()
        if len(motions) <= _READ_WHOLE:
            for _ in motions:  # reading one checks it
                pass
    except (NoMotionError, UnclearAxisError):
        raise
    except ValueError as error:
        raise NoMotionError(str(error).removeprefix(f"{path}: ")) from None
    return timed


def _check_headers(arrays: Archive) -> bool:
    """Check the names, shapes and types of the arrays. Returns whether there is a frame rate."""
    if "v_template" in arrays:
        raise NoMotionError("a body model, not a motion")
    if "poses" in arrays:
        poses = ["poses"]
    elif "root_orient" in arrays and "pose_body" in arrays:
        poses = ["root_orient"]
    else:
        poses = sorted(
            key
            for key in arrays
            if key.startswith("pose_") and f"trans_{key.removeprefix('pose_')}" in arrays
        )
    if not poses:
        raise NoMotionError("not a motion: it holds no poses")
    tracks = [key.replace("pose", "trans", 1) for key in poses if key.startswith("pose_")]
    tracks = tracks or (["trans"] if "trans" in arrays else [])
    headers = arrays.headers([*poses, *tracks])
    for key, (shape, dtype) in headers.items():
        if dtype.kind not in "biuf":
            raise NoMotionError(f"{key}: expected numbers, got {dtype}")
        if len(shape) < 2 or shape[0] == 0:
            raise NoMotionError(f"{key}: shape {shape}, expected one row for each frame")
    for key in poses if poses != ["root_orient"] else ():
        shape = headers[key][0]
        joints = shape[1] if len(shape) == 3 else shape[1] / 3
        if joints not in _JOINTS:
            raise NoMotionError(f"{key}: shape {shape}, expected 24, 52 or 55 joints")
    for key, track in zip(poses, tracks, strict=False):
        frames = headers[key][0][0]
        if headers[track][0] != (frames, 3):
            raise NoMotionError(f"{track}: shape {headers[track][0]}, expected ({frames}, 3)")
    return any(key in arrays for key in RATE_KEYS) or poses[0].startswith("pose_")
