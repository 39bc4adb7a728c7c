"""Files of SMPL, SMPL-H and SMPL-X: .npz and the original .pkl in, .npz out; UVs from .obj; part
labels.

The names of the arrays in each release, and its differences from the others, are known only here.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import atomic_file
from .archive import Archive
from .joints import FAMILIES, PART_ALIASES, PARTS, family_of, part_of_joints
from .model import BodyModel, ShapeSamples
from .obj_uv import corner_uvs, read_text
from .pickles import read_pickle

REQUIRED = ("v_template", "f", "shapedirs", "J_regressor", "weights", "kintree_table")
"""The arrays of every model file. `posedirs` is missing in bodies without pose correctives."""


def read_model(path: str | Path) -> BodyModel:
    """Read a body model of SMPL (24 joints), SMPL-H (52) or SMPL-X (55).

    The family follows from the number of joints. The gender is the file's own `gender`, else that
    in the name of the file or its folder ('basicmodel_m_…', 'SMPLX_FEMALE', 'male/model'), else
    neutral. Models without part labels get each vertex's strongest joint, fingers counted as hand,
    jaw and eyes as head. SMPL-X's `shapedirs` is split into shape and expression, see
    `split_expression`.

    Args:
        path: A .npz or an original .pkl file.

    Raises:
        FileNotFoundError: There is no file.
        ValueError: The file cannot be used; the message names it, the fault and the remedy.
    """
    path = Path(path)
    return model_from_arrays(read_arrays(path), path)


def read_arrays(path: str | Path) -> Mapping[str, Any]:
    """The named arrays of a .npz or .pkl file, each read when it is asked for; no code in it is
    run.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return Archive(path)
    if suffix == ".pkl":
        return read_pickle(path)
    raise ValueError(f"{path}: a body model is a .npz or a .pkl file")


def model_from_arrays(arrays: Mapping[str, Any], path: str | Path) -> BodyModel:
    """Make a body model from the arrays of a model file; `path` is their origin, for errors."""
    path = Path(path)
    missing = [key for key in REQUIRED if key not in arrays]
    if missing:
        raise ValueError(
            f"{path}: no {', '.join(missing)}; give the file of a SMPL, SMPL-H or SMPL-X body model"
        )
    v_template = _numbers(arrays, "v_template", path)
    kintree = _numbers(arrays, "kintree_table", path)
    if kintree.ndim != 2 or kintree.size == 0:
        raise ValueError(f"{path}: kintree_table: shape {kintree.shape}, expected (2, J)")
    parents = kintree[0].astype(np.int64)
    parents[0] = -1  # the files have 4294967295, -1 or 0
    try:
        family = family_of(len(parents))
    except ValueError as error:
        raise ValueError(
            f"{path}: {error}; hands (MANO) and heads (FLAME) alone are no bodies"
        ) from None

    shapedirs, exprdirs = _directions(arrays, family, path)
    # Without correctives; a template of no vertices is refused below.
    posedirs: NDArray[Any] = np.zeros((*v_template.shape[:1], 3, 0))
    if "posedirs" in arrays:
        posedirs = _numbers(arrays, "posedirs", path)

    uv = labels = None
    if "vt" in arrays and "ft" in arrays:
        uv = corner_uvs(_numbers(arrays, "vt", path), _numbers(arrays, "ft", path), path)
    if "part_labels" in arrays:
        labels = _numbers(arrays, "part_labels", path)
    try:
        model = BodyModel(
            name=_text(arrays, "name") or path.stem,
            family=family,
            gender=_gender(arrays, path),
            v_template=v_template,
            faces=_numbers(arrays, "f", path),
            shapedirs=shapedirs,
            posedirs=posedirs,
            J_regressor=_numbers(arrays, "J_regressor", path),
            weights=_numbers(arrays, "weights", path),
            parents=parents,
            joint_names=FAMILIES[family],
            exprdirs=exprdirs,
            hands_mean=_hands_mean(arrays, path),
            uv=uv,
            part_labels=labels,
            shape_samples=_shape_samples(arrays, path),
            licence=_text(arrays, "licence"),
            origin=_text(arrays, "origin"),
            expression_names=_texts(arrays, "expression_names", path),
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if model.part_labels is None:
        model = dataclasses.replace(model, part_labels=labels_from_weights(model))
    return model


def _directions(
    arrays: Mapping[str, Any], family: str, path: Path
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """(shape directions, expression directions or None)."""
    shapedirs = _numbers(arrays, "shapedirs", path)
    if "exprdirs" in arrays:
        return shapedirs, _numbers(arrays, "exprdirs", path)
    if family != "smplx" or shapedirs.ndim != 3:
        return shapedirs, None
    split = split_expression(shapedirs.shape[2])
    return shapedirs[:, :, :split], shapedirs[:, :, split:]


def split_expression(num_directions: int) -> int:
    """Number of SMPL-X's `shapedirs` that are shape; the rest is expression.

    The releases hold 300 + 100 (v1.1) or 10 + 10 (v1.0); files cut down to shape alone have up to
    10, or 300.
    """
    if num_directions > 300:
        return 300
    return 10 if num_directions <= 20 else num_directions


def save_model(model: BodyModel, path: str | Path) -> None:
    """Write a model as a compressed .npz in the layout of the published files.

    `read_model` reads an equal model back. The file appears whole or not at all.

    Raises:
        OSError: The file cannot be written.
    """
    arrays: dict[str, Any] = {
        "v_template": model.v_template,
        "f": model.faces.astype(np.uint32),
        "shapedirs": model.shapedirs,
        "J_regressor": model.J_regressor,
        "weights": model.weights,
        "kintree_table": np.stack([model.parents, np.arange(model.num_joints)]),
        "joint_names": np.array(model.joint_names),
        "name": model.name,
        "gender": model.gender,
        "licence": model.licence,
        "origin": model.origin,
    }
    if model.posedirs.shape[2]:
        arrays["posedirs"] = model.posedirs
    if model.exprdirs is not None:
        arrays["exprdirs"] = model.exprdirs
    if model.expression_names:
        arrays["expression_names"] = np.array(model.expression_names)
    if model.hands_mean is not None:
        arrays["hands_meanl"], arrays["hands_meanr"] = model.hands_mean.reshape(2, 45)
    if model.uv is not None:
        vt, ft = np.unique(model.uv.reshape(-1, 2), axis=0, return_inverse=True)
        arrays["vt"], arrays["ft"] = vt, ft.reshape(-1, 3).astype(np.uint32)
    if model.part_labels is not None:
        arrays["part_labels"] = model.part_labels
    if model.shape_samples is not None:
        samples = model.shape_samples
        arrays["shape_samples"], arrays["shape_age"] = samples.betas, samples.age
        arrays["shape_gender"], arrays["shape_height"] = samples.gender, samples.height
    _write_npz(Path(path), arrays)


def read_part_labels(path: str | Path, model: BodyModel) -> NDArray[np.uint8]:
    """Read the part labels of a model's vertices from a published segmentation.

    Reads segm_per_v_overlap.pkl (SURREAL) and smpl_vert_segmentation.json, both {part: [vertex
    numbers]} with the published names of the parts ("leftUpLeg"). A vertex in several parts, as at
    the joints in the former, goes to the one with the most blend weight; a vertex in none to the
    part with the most weight.

    Returns:
        (V,) indices into joints.PARTS.

    Raises:
        ValueError: Unknown parts, or vertices that the model does not have; the message names the
        file.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".json":
        try:
            content = json.loads(read_text(path))
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"{path}: not a JSON file ({error}); give {{part: [vertex numbers]}}"
            ) from None
    elif suffix == ".pkl":
        content = read_pickle(path)
    else:
        raise ValueError(
            f"{path}: part labels are a .json or a .pkl file, {{part: [vertex numbers]}}"
        )
    if not isinstance(content, Mapping) or not content:
        raise ValueError(f"{path}: holds no parts; give {{part: [vertex numbers]}}")

    listed = np.zeros((model.num_vertices, len(PARTS)), dtype=bool)
    for key in content:
        part = PART_ALIASES.get(key)
        if part is None:
            raise ValueError(f"{path}: unknown part {key!r}; known are {', '.join(PART_ALIASES)}")
        ids = _vertex_numbers(content[key], model.num_vertices)
        if ids is None:
            raise ValueError(
                f"{path}: {key}: expected vertex numbers from 0 to {model.num_vertices - 1}"
            )
        listed[ids, PARTS.index(part)] = True
    weight = part_weights(model)
    weight = np.where(listed, weight + 1.0, weight)  # a listed part beats every unlisted one
    return weight.argmax(axis=1).astype(np.uint8)


def _vertex_numbers(listing: Any, count: int) -> NDArray[np.int64] | None:
    """The numbers 0 .. count - 1 in a list or an array; None where it is anything else."""
    if isinstance(listing, np.ndarray):
        if listing.dtype.kind not in "iu" and listing.size:
            return None
        listing = listing.tolist() if listing.ndim == 1 else None
    if not isinstance(listing, (list, tuple, set, frozenset)):
        return None
    numbers = [n for n in listing if isinstance(n, int | np.integer) and 0 <= n < count]
    return np.array(numbers, dtype=np.int64) if len(numbers) == len(listing) else None


def part_weights(model: BodyModel) -> NDArray[np.float32]:
    """(V, 24) blend weight of each part: the sum over the joints that belong to it."""
    weight = np.zeros((model.num_vertices, len(PARTS)), dtype=np.float32)
    for k, part in enumerate(part_of_joints(model.joint_names)):
        weight[:, part] += model.weights[:, k]
    return weight


def labels_from_weights(model: BodyModel) -> NDArray[np.uint8]:
    """(V,) part labels of a model without any: the part with the most blend weight."""
    return part_weights(model).argmax(axis=1).astype(np.uint8)


# --- one array at a time --------------------------------------------------------------------------


def _numbers(arrays: Mapping[str, Any], key: str, path: Path) -> NDArray[Any]:
    value = arrays[key]
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf":
        raise ValueError(
            f"{path}: {key}: expected an array of numbers; give a model file as published"
        )
    return value


def _text(arrays: Mapping[str, Any], key: str) -> str:
    """A string that may be a 0-d array, bytes, or absent (then '')."""
    if key not in arrays:
        return ""
    try:
        value = arrays[key]
    except ValueError:  # an object array: not ours
        return ""
    return plain_text(value)


def _texts(arrays: Mapping[str, Any], key: str, path: Path) -> tuple[str, ...]:
    """A list of strings; () where there is none."""
    if key not in arrays:
        return ()
    value = np.asarray(arrays[key])
    if value.ndim != 1 or value.dtype.kind != "U":
        raise ValueError(f"{path}: {key}: expected a list of texts")
    return tuple(str(item) for item in value)


def plain_text(value: Any) -> str:
    """The text of a str, bytes, or an array with one of them; '' for anything else."""
    if isinstance(value, np.ndarray):
        value = value.reshape(-1)[0].item() if value.size == 1 and value.dtype.kind in "SU" else ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


_GENDERS = {
    "f": "female",
    "female": "female",
    "m": "male",
    "male": "male",
    "n": "neutral",
    "neutral": "neutral",
}


def gender_word(text: str) -> str:
    """'female', 'male', 'neutral', or '' for a text that is none of them."""
    return _GENDERS.get(text.strip().lower(), "")


def _gender(arrays: Mapping[str, Any], path: Path) -> str:
    own = gender_word(_text(arrays, "gender"))
    if own:
        return own
    for name in (path.stem, path.parent.name):
        for word in re.split(r"[^a-z]+", name.lower()):
            if word in _GENDERS:
                return _GENDERS[word]
    return "neutral"


def _hands_mean(arrays: Mapping[str, Any], path: Path) -> NDArray[Any] | None:
    if "hands_meanl" not in arrays or "hands_meanr" not in arrays:
        return None
    means = [_numbers(arrays, key, path) for key in ("hands_meanl", "hands_meanr")]
    for key, mean in zip(("hands_meanl", "hands_meanr"), means, strict=True):
        if mean.size != 45:
            raise ValueError(f"{path}: {key}: shape {mean.shape}, expected (45,)")
    return np.concatenate([mean.reshape(15, 3) for mean in means])


def _shape_samples(arrays: Mapping[str, Any], path: Path) -> ShapeSamples | None:
    keys = ("shape_samples", "shape_age", "shape_gender", "shape_height")
    if any(key not in arrays for key in keys):
        return None
    gender = arrays["shape_gender"]
    if isinstance(gender, np.ndarray) and gender.dtype.kind in "SU":
        gender = (gender.astype("U1") == "m").astype(np.float32)
    betas, age, height = (_numbers(arrays, key, path) for key in (keys[0], keys[1], keys[3]))
    return ShapeSamples(betas=betas, age=age, gender=gender, height=height)


def _write_npz(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write a whole .npz: another process sees the old file or the new one, never a part."""
    with atomic_file(path, token=f".{os.getpid()}") as file:
        np.savez_compressed(file, **arrays)
