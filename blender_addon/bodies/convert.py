"""Convert a model that the `smplx` package reads into one .npz, and check that both pose it alike.

    python -m blender_addon.bodies.convert SMPL_FEMALE.pkl --uv smpl_uv.obj --output smpl_female.npz
    python -m blender_addon.bodies.convert models/ --model-type smplx --gender male --output
    smplx_male.npz

The published files are read as they are; converting is for three things: one file with UVs and part
labels in it, a file that loads fast, and the check. The smplx package loads .pkl and .npz with
Python's pickle, which runs whatever code a file holds. So the file is read with our own readers,
which run nothing, and the package is given the arrays.

It needs the extra `smplx`, whose licence is non-commercial.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .formats import read_arrays, save_model, split_expression
from .joints import FAMILIES, family_of
from .library import load_body
from .model import BodyModel

PROG = "python -m blender_addon.bodies.convert"
TOLERANCE = 1e-5  # m
_CHECKS = 5
_FLAT_HANDS = {"use_pca": False, "flat_hand_mean": True}
_LANDMARKS = {  # required by the smplx package and unused here: one landmark on the first face
    "lmk_faces_idx": np.zeros(1, dtype=np.int64),
    "lmk_bary_coords": np.array([[1.0, 0.0, 0.0]]),
}


class ConvertError(ValueError):
    """A model cannot be converted; the message names the remedy."""


def find_model_file(source: Path, model_type: str | None, gender: str) -> Path:
    """Find the model file: `source` itself, or a file in the folder layout of the smplx package.

    That layout is FOLDER/smpl/SMPL_FEMALE.pkl, FOLDER/smplx/SMPLX_NEUTRAL.npz, …; FOLDER may be the
    inner folder too.

    Raises:
        ConvertError: There is no such file.
    """
    if not source.is_dir():
        if not source.exists():
            raise ConvertError(f"{source}: no such file or folder")
        return source
    if model_type is None:
        raise ConvertError(f"{source} is a folder; name the model in it with --model-type")
    stem = f"{model_type.upper()}_{gender.upper()}"
    tried = [
        folder / (stem + ext)
        for folder in (source / model_type, source)
        for ext in (".npz", ".pkl")
    ]
    for path in tried:
        if path.is_file():
            return path
    raise ConvertError(
        f"{source}: none of {', '.join(str(path.relative_to(source)) for path in tried)} is there"
    )


def smplx_module(family: str, arrays: Mapping[str, Any]) -> Any:
    """The smplx package's own module for these arrays; no file goes through its unpickler.

    Raises:
        ConvertError: The package is not installed, or cannot use the arrays.
    """
    try:
        import smplx
        from smplx.utils import Struct
    except ImportError:
        raise ConvertError(
            'the smplx package is not installed: uv pip install "pii-seg[smplx]"'
        ) from None
    hands = {f"hands_{what}{side}" for what in ("components", "mean") for side in "lr"}
    keys = {
        "v_template",
        "f",
        "shapedirs",
        "posedirs",
        "J_regressor",
        "weights",
        "kintree_table",
        *_LANDMARKS,
    }
    data = {key: arrays[key] for key in (keys | hands) & set(arrays)}
    # The check is of flat hands, posed joint by joint; a model without hand statistics does as
    # well.
    data |= {key: np.zeros((45, 45) if "components" in key else 45) for key in hands - set(data)}
    data = {**_LANDMARKS, **data}
    if "posedirs" not in data:
        J, V = data["J_regressor"].shape
        data["posedirs"] = np.zeros((V, 3, 9 * (J - 1)))
    try:
        # The package prints what it thinks of short shape spaces.
        with contextlib.redirect_stdout(io.StringIO()):
            if family == "smpl":
                module = smplx.SMPL("", data_struct=Struct(**data), num_betas=300)
            elif family == "smplh":
                module = smplx.SMPLH("", data_struct=Struct(**data), num_betas=300, **_FLAT_HANDS)
            else:
                module = _smplx_from_file(smplx.SMPLX, data)
    except Exception as error:
        raise ConvertError(
            f"the smplx package cannot use this model: {type(error).__name__}: {error}"
        ) from error
    # Its further joints are vertices by their numbers in the published meshes; another mesh may
    # have fewer.
    module.vertex_joint_selector.extra_joints_idxs.zero_()
    return module


def _smplx_from_file(module_class: Any, data: Mapping[str, Any]) -> Any:
    """SMPLX takes nothing but a file, so give it one of ours."""
    directions = np.shape(data["shapedirs"])[2]
    expression = max(0, directions - split_expression(directions))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "SMPLX_NEUTRAL.npz"
        np.savez(path, **data)
        return module_class(
            str(path), num_betas=300, num_expression_coeffs=expression, **_FLAT_HANDS
        )


def smplx_pose(
    module: Any,
    betas: NDArray[Any],
    pose: NDArray[Any],
    translation: NDArray[Any],
    expression: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Pose with the smplx package; arguments as in BodyModel.pose.

    Returns:
        (vertices (V, 3), joints (J, 3)) in m.
    """
    import torch

    def row(values: NDArray[Any]) -> Any:
        return torch.tensor(np.reshape(values, (1, -1)), dtype=torch.float32)

    J = len(pose)
    arguments = {"betas": row(betas), "global_orient": row(pose[0]), "transl": row(translation)}
    family = family_of(J)
    if family == "smpl":
        arguments["body_pose"] = row(pose[1:])
    else:
        arguments["body_pose"] = row(pose[1:22])
        arguments["left_hand_pose"], arguments["right_hand_pose"] = (
            row(pose[-30:-15]),
            row(pose[-15:]),
        )
    if family == "smplx":
        arguments["jaw_pose"], arguments["leye_pose"] = row(pose[22]), row(pose[23])
        arguments["reye_pose"] = row(pose[24])
        if expression is not None:
            arguments["expression"] = row(expression)
    with torch.no_grad():
        output = module(**arguments)
    return output.vertices[0].numpy(), output.joints[0, :J].numpy()


def compare(model: BodyModel, module: Any, rng: np.random.Generator) -> float:
    """Largest distance (m) of any vertex or joint between our model and the smplx package's, in
    random poses.
    """
    worst = 0.0
    for _ in range(_CHECKS):
        betas = rng.normal(size=min(module.num_betas, model.num_betas))
        expression = rng.normal(size=min(module.num_expression_coeffs, model.num_expression))
        pose = rng.normal(scale=0.5, size=(model.num_joints, 3))
        translation = rng.normal(size=3)
        # The package wants as many coefficients as it has.
        vertices, joints = smplx_pose(
            module,
            np.pad(betas, (0, module.num_betas - len(betas))),
            pose,
            translation,
            np.pad(expression, (0, module.num_expression_coeffs - len(expression))),
        )
        ours = model.pose(betas, pose, translation, expression=expression)
        for mine, theirs in ((ours.vertices, vertices), (ours.joints, joints)):
            worst = max(worst, float(np.linalg.norm(mine - theirs, axis=1).max()))
    return worst


def convert(
    source: str | Path,
    output: str | Path,
    model_type: str | None = None,
    gender: str | None = None,
    uv: str | Path | None = None,
    parts: str | Path | None = None,
) -> tuple[BodyModel, float]:
    """Read a model, check it against the smplx package, and write it; `output` appears whole or not
    at all.

    Returns:
        (the model, the largest difference in m).

    Raises:
        ValueError: The model cannot be read or converted (ConvertError), or the two differ.
        OSError: A file cannot be read or written.
    """
    output = Path(output)
    if output.suffix != ".npz":
        raise ConvertError(f"{output}: the output is a .npz file")
    path = find_model_file(Path(source), model_type, gender or "neutral")
    model = load_body(path, uv, parts)
    if model_type is not None and model.family != model_type:
        raise ConvertError(
            f"{path}: is a {model.family} model ({model.num_joints} joints), not {model_type}"
        )
    if gender is not None:
        model = dataclasses.replace(model, gender=gender)
    difference = compare(
        model, smplx_module(model.family, read_arrays(path)), np.random.default_rng(0)
    )
    if difference > TOLERANCE:
        raise ConvertError(
            f"{path}: poses differ by {difference:.1e} m from the smplx package's; nothing written"
        )
    save_model(model, output)
    return model, difference


def main(argv: Sequence[str] | None = None, *, prog: str = PROG) -> int:
    """Run the command line. Returns 0, or 2 for an error, which is printed."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Convert a SMPL, SMPL-H or SMPL-X model into one .npz, and check it against "
        "the smplx package.",
        epilog="The file is read without running code in it: a .pkl that holds anything but arrays "
        "is refused. Model files are licensed to the person who downloaded them, and so is the "
        "output.",
    )
    parser.add_argument(
        "input",
        type=Path,
        help="Model file to convert (.pkl or .npz), or a folder in the layout of the smplx package "
        "(smpl/SMPL_FEMALE.pkl, …).",
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="OUT.npz", help="File to write (required)."
    )
    parser.add_argument(
        "--model-type",
        choices=sorted(FAMILIES),
        help="Model to convert; required for a folder, checked for a file (default: the file's).",
    )
    parser.add_argument(
        "--gender",
        choices=["female", "male", "neutral"],
        help="Gender to record, and the file of a folder to read (default: that in the file's "
        "name, or neutral).",
    )
    parser.add_argument(
        "--uv",
        type=Path,
        metavar="UV.obj",
        help="UV .obj of the model, whose UVs are stored with it (default: none).",
    )
    parser.add_argument(
        "--parts",
        type=Path,
        metavar="FILE",
        help="File whose part labels are stored with the model: smpl_vert_segmentation.json or "
        "segm_per_v_overlap.pkl (default: labels from its blend weights).",
    )
    args = parser.parse_args(argv)
    try:
        model, difference = convert(
            args.input, args.output, args.model_type, args.gender, args.uv, args.parts
        )
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(
        f"{args.output}: {model.family}, {model.gender}, "
        f"{model.num_vertices} vertices, {model.num_joints} joints, "
        f"{model.num_betas} betas, {model.num_expression} expression; "
        f"at most {difference:.1e} m from the smplx package in {_CHECKS} random poses"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
