"""The converter: one checked .npz from whatever the smplx package reads, or exit code 2 and nothing
written.
"""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

from blender_addon.bodies import convert as convert_module
from blender_addon.bodies.convert import ConvertError, convert, find_model_file, main
from blender_addon.bodies.formats import read_model

pytest.importorskip("smplx", reason="NOT TESTED: smplx is not installed; run make test-smplx")
pytestmark = pytest.mark.smplx


@pytest.mark.parametrize(
    ("family", "layout", "directions"),
    [
        ("smpl", "pkl", 10),
        ("smpl", "npz", 10),
        ("smplh", "pkl", 16),
        ("smplx", "npz", 20),
        ("smplx", "pkl", 10),
    ],
)
def test_a_converted_model_poses_like_the_original(
    model_files, random_arrays, rng, tmp_path, family, layout, directions
):
    arrays = random_arrays(family, rng, num_directions=directions)
    path = (
        model_files.pkl(arrays, "in_f.pkl")
        if layout == "pkl"
        else model_files.npz(arrays, "in_f.npz")
    )
    out = tmp_path / "out.npz"
    model, difference = convert(path, out)
    assert difference < 1e-5
    back, original = read_model(out), read_model(path)
    assert (back.family, back.gender) == (model.family, model.gender) == (family, "female")
    pose, betas = rng.normal(size=(back.num_joints, 3)), rng.normal(size=10)
    np.testing.assert_allclose(
        back.pose(betas, pose).vertices, original.pose(betas, pose).vertices, atol=1e-6
    )


def test_a_model_without_pose_correctives_or_hand_statistics_can_be_checked(
    model_files, random_arrays, rng, tmp_path
):
    arrays = random_arrays("smplh", rng)
    for key in ("posedirs", "hands_meanl", "hands_meanr", "hands_componentsl", "hands_componentsr"):
        del arrays[key]
    assert convert(model_files.npz(arrays), tmp_path / "out.npz")[1] < 1e-5


@pytest.mark.parametrize("inner", [False, True])
def test_a_folder_in_the_packages_layout_is_searched(
    model_files, random_arrays, rng, tmp_path, inner
):
    (tmp_path / "smplh").mkdir()
    model_files.pkl(random_arrays("smplh", rng), "smplh/SMPLH_MALE.pkl")
    folder = tmp_path / "smplh" if inner else tmp_path
    model, _ = convert(folder, tmp_path / "out.npz", model_type="smplh", gender="male")
    assert (model.family, model.gender) == ("smplh", "male")


def test_the_gender_asked_for_is_recorded(model_files, random_arrays, rng, tmp_path):
    convert(model_files.npz(random_arrays("smpl", rng)), tmp_path / "out.npz", gender="male")
    assert read_model(tmp_path / "out.npz").gender == "male"


def test_folders_need_a_model_type_and_the_file_in_it(tmp_path):
    with pytest.raises(ConvertError, match="name the model in it with --model-type"):
        find_model_file(tmp_path, None, "female")
    with pytest.raises(
        ConvertError, match=r"none of smplx/SMPLX_FEMALE\.npz, .*SMPLX_FEMALE\.pkl is there"
    ):
        find_model_file(tmp_path, "smplx", "female")


def test_a_model_that_the_package_poses_otherwise_is_not_written(
    model_files, random_arrays, rng, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(convert_module, "compare", lambda *_: 1.0)
    path = model_files.npz(random_arrays("smpl", rng))
    assert main([str(path), "--output", str(tmp_path / "out.npz")]) == 2
    assert "poses differ by 1.0e+00 m" in capsys.readouterr().err
    assert not (tmp_path / "out.npz").exists()


def test_without_the_package_the_error_says_how_to_get_it(
    model_files, random_arrays, rng, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "smplx", None)
    path = model_files.npz(random_arrays("smpl", rng))
    assert main([str(path), "--output", str(tmp_path / "out.npz")]) == 2
    assert 'uv pip install "pii-seg[smplx]"' in capsys.readouterr().err
    assert not (tmp_path / "out.npz").exists()


def test_an_unsafe_pickle_never_reaches_the_packages_unpickler(tmp_path, capsys):
    mark = tmp_path / "ran"

    class Payload:
        def __reduce__(self):
            return (open, (str(mark), "w"))

    path = tmp_path / "SMPL_MALE.pkl"
    path.write_bytes(pickle.dumps({"v_template": Payload()}, 2))
    assert main([str(path), "--output", str(tmp_path / "out.npz")]) == 2
    assert "unsafe pickle" in capsys.readouterr().err
    assert not mark.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.npz", "--output", "out.npz"], "none.npz: no such file or folder"),
        (["body.npz", "--output", "out.fbx"], "out.fbx: the output is a .npz file"),
        (
            ["body.npz", "--output", "out.npz", "--model-type", "smplx"],
            "is a smpl model (24 joints), not smplx",
        ),
        (["body.npz", "--output", "out.npz", "--uv", "none.obj"], "none.obj"),
        (["body.npz", "--output", "no/such/folder/out.npz"], "no/such/folder"),
    ],
)
def test_errors_are_one_line_and_exit_code_2(
    model_files, random_arrays, rng, monkeypatch, capsys, tmp_path, arguments, message
):
    model_files.npz(random_arrays("smpl", rng), "body.npz")
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["body.npz"]


def test_the_command_line_reports_what_it_wrote(model_files, random_arrays, rng, tmp_path, capsys):
    path = model_files.npz(random_arrays("smpl", rng), "SMPL_FEMALE.npz")
    assert main([str(path), "--output", str(tmp_path / "out.npz")]) == 0
    out = capsys.readouterr().out
    assert "smpl, female, 60 vertices, 24 joints, 10 betas, 0 expression" in out
    assert out.count("\n") == 1


def test_it_runs_as_a_module_and_explains_itself():
    done = subprocess.run(
        [sys.executable, "-m", "blender_addon.bodies.convert", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--output OUT.npz" in done.stdout
    assert "smpl/SMPL_FEMALE.pkl" in done.stdout
