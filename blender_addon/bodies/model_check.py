"""Reject what the forward pass of a body model cannot use."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .joints import FAMILIES, PARTS


def check_model(model: Any) -> None:
    """Convert the arrays of a new BodyModel to their types, and reject what the forward pass cannot
    use.
    """
    if model.family not in FAMILIES:
        raise ValueError(f"family: {model.family!r}, expected one of {', '.join(FAMILIES)}")
    if model.gender not in ("female", "male", "neutral"):
        raise ValueError(f"gender: {model.gender!r}, expected female, male or neutral")

    V = _rows(model.v_template, "v_template")
    F = _rows(model.faces, "faces")
    J = _rows(model.parents, "parents")
    expected_joints = len(FAMILIES[model.family])
    if expected_joints != J:
        raise ValueError(f"parents: {J} joints, a {model.family} body has {expected_joints}")
    if len(model.joint_names) != J:
        raise ValueError(f"joint_names: {len(model.joint_names)} names for {J} joints")

    N = np.shape(model.posedirs)[-1] if np.ndim(model.posedirs) == 3 else 9 * (J - 1)
    if N not in (0, 9 * (J - 1)):
        raise ValueError(f"posedirs: {N} directions, expected 9 (J - 1) = {9 * (J - 1)}")
    shapes: dict[str, tuple[int | None, ...]] = {  # None: any length
        "v_template": (V, 3),
        "shapedirs": (V, 3, None),
        "posedirs": (V, 3, N),
        "J_regressor": (J, V),
        "weights": (V, J),
        "exprdirs": (V, 3, None),
        "hands_mean": (30, 3),
        "uv": (F, 3, 2),
    }
    for name, shape in shapes.items():
        _set(model, name, _checked(getattr(model, name), np.float32, shape, name))
    _set(model, "faces", _checked(model.faces, np.int32, (F, 3), "faces", limit=V))
    _set(model, "parents", _checked(model.parents, np.int64, (J,), "parents"))
    _set(
        model,
        "part_labels",
        _checked(model.part_labels, np.uint8, (V,), "part_labels", limit=len(PARTS)),
    )

    if model.expression_names and len(model.expression_names) != model.num_expression:
        raise ValueError(
            f"expression_names: {len(model.expression_names)} names for"
            f" {model.num_expression} expression directions"
        )
    if model.parents[0] != -1 or any(not 0 <= model.parents[k] < k for k in range(1, J)):
        raise ValueError(
            f"parents: no tree rooted in joint 0 with parents before children: {model.parents}"
        )
    if (model.weights < -1e-4).any() or np.abs(model.weights.sum(axis=1) - 1).max() > 1e-2:
        raise ValueError("weights: each vertex's weights must be ≥ 0 and sum to 1")
    samples = model.shape_samples
    if samples is not None:
        n = _rows(samples.betas, "shape_samples.betas")
        for field in dataclasses.fields(samples):
            value, name = getattr(samples, field.name), f"shape_samples.{field.name}"
            expected_shape = (n, model.num_betas) if field.name == "betas" else (n,)
            object.__setattr__(
                samples, field.name, _checked(value, np.float32, expected_shape, name)
            )


def _rows(array: Any, name: str) -> int:
    if np.ndim(array) == 0 or len(array) == 0:
        raise ValueError(f"{name}: empty")
    return len(array)


def _checked(
    value: Any, dtype: type, shape: tuple[int | None, ...], name: str, limit: int | None = None
) -> NDArray[Any] | None:
    """`value` as a read-only array of this type; `limit` is the first index too large. None stays
    None.
    """
    if value is None:
        return None
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name}: holds {array.dtype}, expected numbers")
    if len(shape) != array.ndim or any(
        e not in (None, g) for e, g in zip(shape, array.shape, strict=True)
    ):
        wanted = "(" + ", ".join("any" if length is None else str(length) for length in shape) + ")"
        raise ValueError(f"{name}: shape {array.shape}, expected {wanted}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: not all finite")
    if limit is not None and array.size and (array.min() < 0 or array.max() >= limit):
        raise ValueError(f"{name}: indices {array.min()}..{array.max()}, expected 0..{limit - 1}")
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(array, dtype=dtype).view()
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: numbers too large for {np.dtype(dtype)}")
    array.flags.writeable = False  # models are cached and shared
    return array


def _set(model: Any, name: str, value: Any) -> None:
    object.__setattr__(model, name, value)
