"""Model files: families, genders, UVs, part labels, and what is said of files that are wrong."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from blender_addon.bodies.formats import (
    gender_word,
    labels_from_weights,
    read_model,
    read_part_labels,
    save_model,
    split_expression,
)
from blender_addon.bodies.joints import PART_ALIASES, PARTS
from blender_addon.bodies.model import BodyModel, ShapeSamples
from blender_addon.bodies.obj_uv import read_obj_uv


@pytest.mark.parametrize("layout", ["npz", "pkl"])
@pytest.mark.parametrize("family", ["smpl", "smplh", "smplx"])
def test_a_model_file_becomes_the_body_of_its_family(
    model_files, random_arrays, rng, family, layout
):
    arrays = random_arrays(family, rng)
    model = read_model(model_files.pkl(arrays) if layout == "pkl" else model_files.npz(arrays))
    assert model.family == family
    np.testing.assert_allclose(model.v_template, arrays["v_template"], rtol=1e-6)
    np.testing.assert_array_equal(model.faces, arrays["f"])
    np.testing.assert_allclose(model.J_regressor, arrays["J_regressor"], rtol=1e-6)
    np.testing.assert_array_equal(model.parents[1:], arrays["kintree_table"][0, 1:])
    assert model.parents[0] == -1
    if family == "smpl":
        assert model.hands_mean is None
    else:
        np.testing.assert_allclose(model.hands_mean.ravel()[:45], arrays["hands_meanl"], rtol=1e-6)
        np.testing.assert_allclose(model.hands_mean.ravel()[45:], arrays["hands_meanr"], rtol=1e-6)


@pytest.mark.parametrize("root", [-1, 0, 4294967295])
def test_every_spelling_of_the_roots_parent_is_understood(model_files, random_arrays, rng, root):
    arrays = random_arrays("smpl", rng)
    arrays["kintree_table"] = arrays["kintree_table"].astype(np.int64)
    arrays["kintree_table"][0, 0] = root
    assert read_model(model_files.npz(arrays)).parents[0] == -1


def test_python_objects_beside_the_model_do_no_harm(model_files, random_arrays, rng):
    """SMPL-X files carry dicts such as joint2num."""
    arrays = random_arrays("smplx", rng) | {"joint2num": np.array({"Pelvis": 0}, dtype=object)}
    assert read_model(model_files.npz(arrays)).num_joints == 55


def test_a_model_without_pose_correctives_is_read(model_files, random_arrays, rng):
    arrays = random_arrays("smpl", rng)
    del arrays["posedirs"]
    assert read_model(model_files.npz(arrays)).posedirs.shape == (60, 3, 0)


@pytest.mark.parametrize(
    ("name", "own", "expected"),
    [
        ("basicModel_f_lbs_10_207_0_v1.0.0.npz", None, "female"),
        ("basicmodel_m_lbs_10_207_0_v1.1.0.npz", None, "male"),
        ("SMPLX_NEUTRAL.npz", None, "neutral"),
        ("SMPLH_FEMALE.npz", None, "female"),
        ("male/model.npz", None, "male"),
        ("family/female_form.npz", None, "female"),
        ("moment.npz", None, "neutral"),
        ("SMPLX_MALE.npz", np.array("female"), "female"),
        ("SMPLX_MALE.npz", np.array(b"neutral"), "neutral"),
        ("SMPLX_MALE.npz", np.array({}, dtype=object), "male"),
    ],
)
def test_the_gender_is_the_files_own_or_that_of_its_name(
    model_files, random_arrays, rng, name, own, expected
):
    arrays = random_arrays("smpl", rng) | ({} if own is None else {"gender": own})
    (model_files.folder / name).parent.mkdir(exist_ok=True)
    assert read_model(model_files.npz(arrays, name)).gender == expected


def test_gender_words_are_few_and_forgiving():
    assert [gender_word(w) for w in ("Female", " m ", "NEUTRAL", "", "mail")] == [
        "female",
        "male",
        "neutral",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("total", "shape"), [(400, 300), (300, 300), (20, 10), (16, 10), (10, 10), (5, 10)]
)
def test_smplx_directions_are_split_into_shape_and_expression(total, shape):
    assert split_expression(total) == shape


# --- wrong files ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key", ["v_template", "f", "shapedirs", "J_regressor", "weights", "kintree_table"]
)
@pytest.mark.parametrize("layout", ["npz", "pkl"])
def test_a_missing_array_is_named(model_files, random_arrays, rng, key, layout):
    arrays = random_arrays("smpl", rng)
    if layout == "npz":
        del arrays[key]
        path = model_files.npz(arrays)
    else:
        path = model_files.raw_pkl({k: v for k, v in arrays.items() if k != key})
    with pytest.raises(ValueError, match=rf"model\.{layout}: no {key}; give the file of a SMPL"):
        read_model(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("v_template", np.zeros((60, 2))),
        ("v_template", np.array("text")),
        ("f", np.full((120, 3), 60)),
        ("f", np.zeros(3)),
        ("shapedirs", np.zeros((59, 3, 10))),
        ("shapedirs", np.zeros((60, 3))),
        ("posedirs", np.zeros((60, 3, 10))),
        ("posedirs", np.full((60, 3, 207), np.nan)),
        ("J_regressor", np.zeros((24, 59))),
        ("weights", np.zeros((60, 24))),
        ("kintree_table", np.zeros(24)),
        ("kintree_table", np.zeros((2, 0))),
        ("part_labels", np.full(60, 200)),
        ("hands_meanl", np.zeros(44)),
    ],
)
def test_a_wrong_array_is_named_with_its_file(model_files, random_arrays, rng, key, value):
    arrays = random_arrays("smpl", rng) | {
        "hands_meanl": np.zeros(45),
        "hands_meanr": np.zeros(45),
        key: value,
    }
    name = {"f": "f|faces", "kintree_table": "kintree_table"}.get(key, key)
    with pytest.raises(ValueError, match=rf"model\.npz: ({name}): "):
        read_model(model_files.npz(arrays))


def test_a_hand_model_is_told_from_a_body(model_files, random_arrays, rng):
    arrays = random_arrays("smpl", rng)
    arrays["kintree_table"] = arrays["kintree_table"][:, :16]
    with pytest.raises(ValueError, match=r"16 joints; .*MANO"):
        read_model(model_files.npz(arrays))


def test_a_regressor_stored_as_an_object_is_refused_with_the_reason(
    model_files, random_arrays, rng
):
    arrays = random_arrays("smpl", rng) | {"J_regressor": np.array({}, dtype=object)}
    with pytest.raises(ValueError, match=r"model\.npz: J_regressor: .*Python objects"):
        read_model(model_files.npz(arrays))


def test_other_endings_and_missing_files_are_told_apart(tmp_path):
    with pytest.raises(ValueError, match=r"body\.fbx: a body model is a \.npz or a \.pkl file"):
        read_model(tmp_path / "body.fbx")
    for name in ("none.npz", "none.pkl"):
        with pytest.raises(FileNotFoundError):
            read_model(tmp_path / name)


# --- saving ---------------------------------------------------------------------------------------


def _full_body(random_body, rng) -> BodyModel:
    return random_body(
        "smplx",
        gender="female",
        exprdirs=rng.normal(size=(60, 3, 7)),
        hands_mean=rng.normal(size=(30, 3)),
        uv=rng.random((120, 3, 2)),
        part_labels=rng.integers(0, 24, 60),
        shape_samples=ShapeSamples(
            rng.normal(size=(5, 10)),
            rng.uniform(1, 90, 5),
            np.array([0, 1, 0, 1, 1]),
            rng.uniform(0.8, 2, 5),
        ),
        licence="CC0-1.0",
        origin="a test",
    )


def test_a_saved_model_reads_back_equal(tmp_path, random_body, rng):
    body = _full_body(random_body, rng)
    save_model(body, tmp_path / "saved.npz")
    back = read_model(tmp_path / "saved.npz")
    for field in dataclasses.fields(body):
        mine, theirs = getattr(body, field.name), getattr(back, field.name)
        if field.name == "shape_samples":
            for part in dataclasses.fields(mine):
                np.testing.assert_array_equal(getattr(mine, part.name), getattr(theirs, part.name))
        else:
            np.testing.assert_array_equal(mine, theirs, err_msg=field.name)


def test_saving_leaves_no_other_file_and_a_failed_one_leaves_the_old(
    tmp_path, random_body, monkeypatch
):
    path = tmp_path / "saved.npz"
    save_model(random_body(), path)
    before = path.read_bytes()

    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="disk full"):
        save_model(random_body(seed=8), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["saved.npz"]


# --- UVs ------------------------------------------------------------------------------------------

FACES = np.array([[0, 1, 2], [2, 1, 3]], dtype=np.int32)
OBJ = """
mtllib smpl.mtl
v 0 0 0
v 1 0 0
v 0 1 0
v 1 1 0
vt 0.0 0.0
vt 0.5 0.0
vt 0.0 0.5
vt 0.6 0.1
vt 0.6 0.6
vt 0.1 0.6
f 1/1/1 2/2/1 3/3/1
f 3/6 2/4 4/5
"""


def test_obj_uvs_are_one_for_each_corner_with_seams_kept(tmp_path):
    (tmp_path / "uv.obj").write_text(OBJ)
    uv = read_obj_uv(tmp_path / "uv.obj", FACES)
    np.testing.assert_allclose(uv[0], [[0, 0], [0.5, 0], [0, 0.5]])
    np.testing.assert_allclose(uv[1], [[0.1, 0.6], [0.6, 0.1], [0.6, 0.6]])


def test_obj_faces_may_come_in_any_order_and_start_at_any_corner(tmp_path):
    shuffled = (
        OBJ.replace("f 1/1/1 2/2/1 3/3/1\n", "").replace("f 3/6 2/4 4/5", "f 2/4 4/5 3/6")
        + "f 2/2 3/3 1/1\n"
    )
    (tmp_path / "a.obj").write_text(OBJ)
    (tmp_path / "b.obj").write_text(shuffled)
    a, b = (read_obj_uv(tmp_path / name, FACES) for name in ("a.obj", "b.obj"))
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("f 3/6 2/4 4/5", "f 3/6 2/4 4/5 1/1"), r"uv\.obj:14: a face of 4 corners"),
        (("f 3/6 2/4 4/5", "f 3//6 2//4 4//5"), r"uv\.obj:14: .*triangles with UVs"),
        (("f 3/6 2/4 4/5", "f 3 2 4"), r"uv\.obj:14"),
        (("f 3/6 2/4 4/5", "f 3/9 2/4 4/5"), r"uv\.obj: ft: indices 0\.\.8, expected 0\.\.5"),
        (("f 3/6 2/4 4/5", "f -1/6 2/4 4/5"), r"uv\.obj: faces count from 1"),
        (("f 3/6 2/4 4/5", "f 3/6 4/5 2/4"), r"uv\.obj: 1 of its 2 triangles are not the model's"),
        (("f 3/6 2/4 4/5", ""), r"uv\.obj: its faces use|uv\.obj: it has 1"),
        (("vt 0.6 0.1", "vt 0.6 x"), r"uv\.obj:10: could not convert"),
        (("vt 0.6 0.1", "vt 0.6"), r"uv\.obj:10: a UV of one number"),
        (("vt 0.6 0.1", "vt 0.6 nan"), r"uv\.obj: vt: a coordinate is not finite"),
        (("vt 0.6 0.1", "vt 0.6 1e308"), r"uv\.obj: vt: a coordinate is not finite, or beyond"),
        (("f 3/6 2/4 4/5", "f 3 2/4 4/5"), r"uv\.obj:14: a corner without a UV"),
        (("f 3/6", "f 99999999999999999999/6"), r"uv\.obj: a face has an index of 20 digits"),
        (("f 3/6 2/4 4/5", "f 5/6 2/4 4/5"), r"use 5 vertices, the model's 4; .*split vertices"),
        (("f 3/6 2/4 4/5", "f 2/6 3/4 1/5\nf 3/6 2/4 4/5"), r"it has 3 triangles, the model 2"),
    ],
)
def test_obj_files_of_other_meshes_are_refused(tmp_path, change, message):
    (tmp_path / "uv.obj").write_text(OBJ.replace(*change))
    with pytest.raises(ValueError, match=message):
        read_obj_uv(tmp_path / "uv.obj", FACES)


@pytest.mark.parametrize(
    ("faces", "message"),
    [
        ("f 1/1 3/1 2/1\nf 3/1 4/1 2/1", "its triangles are turned inside out"),
        (
            "f 3/1 2/1 4/1\nf 2/1 4/1 3/1",
            "1 of its triangles are there twice, such as 2 4 3, so others are missing",
        ),
        (
            "f 1/1 2/1 4/1\nf 1/1 4/1 3/1",
            r"2 of its 2 triangles are not the model's, such as 1 2 4: .*another order",
        ),
    ],
)
def test_as_many_triangles_that_differ_have_their_true_reason(tmp_path, faces, message):
    (tmp_path / "uv.obj").write_text(f"vt 0 0\n{faces}\n")
    with pytest.raises(ValueError, match=rf"uv\.obj: {message}.*give the UV \.obj of this model"):
        read_obj_uv(tmp_path / "uv.obj", FACES)


def test_an_obj_without_uvs_is_refused(tmp_path):
    (tmp_path / "uv.obj").write_text("v 0 0 0\n")
    with pytest.raises(ValueError, match="no texture coordinates or no faces"):
        read_obj_uv(tmp_path / "uv.obj", FACES)


def test_uvs_inside_a_model_file_are_read(model_files, random_arrays, rng):
    vt, ft = rng.random((50, 2)).astype(np.float32), rng.integers(0, 50, (120, 3)).astype(np.uint32)
    model = read_model(model_files.npz(random_arrays("smplx", rng) | {"vt": vt, "ft": ft}))
    np.testing.assert_array_equal(model.uv, vt[ft])


# --- part labels ----------------------------------------------------------------------------------


@pytest.fixture
def weighted_body(random_body):
    """Vertex i hangs on joint i mod 55, and a little on its neighbour in the list."""
    weights = 0.8 * np.eye(55)[np.arange(60) % 55] + 0.2 * np.eye(55)[(np.arange(60) + 1) % 55]
    return random_body("smplx", weights=weights)


def test_without_labels_each_vertex_gets_its_strongest_part(weighted_body):
    labels = labels_from_weights(weighted_body)
    names = [PARTS[label] for label in labels]
    assert names[:22] == list(PARTS[:22])
    assert names[22:25] == ["head"] * 3
    assert names[25:40] == ["left_hand"] * 15
    assert names[40:55] == ["right_hand"] * 15


def test_a_model_file_without_labels_gets_them_from_its_weights(model_files, random_arrays, rng):
    model = read_model(model_files.npz(random_arrays("smplx", rng)))
    np.testing.assert_array_equal(model.part_labels, labels_from_weights(model))


@pytest.mark.parametrize("ending", ["json", "pkl"])
def test_published_segmentations_are_read(tmp_path, model_files, weighted_body, ending):
    segmentation = {name: [] for name in PART_ALIASES} | {
        "hips": [5, 6],
        "leftToeBase": [0],
        "eyeballs": [7],
    }
    if ending == "json":
        path = tmp_path / "segmentation.json"
        path.write_text(json.dumps(segmentation))
    else:
        path = model_files.raw_pkl(segmentation)
    labels = read_part_labels(path, weighted_body)
    assert [PARTS[labels[i]] for i in (5, 6, 0, 7)] == ["pelvis", "pelvis", "left_foot", "head"]
    unlisted = [i for i in range(60) if i not in (5, 6, 0, 7)]
    np.testing.assert_array_equal(labels[unlisted], labels_from_weights(weighted_body)[unlisted])


def test_a_vertex_in_several_parts_goes_to_the_one_with_most_weight(tmp_path, weighted_body):
    path = tmp_path / "overlap.json"
    # Vertex 4 hangs on joint 4 (left_knee) most, then on joint 5 (right_knee).
    path.write_text(json.dumps({"hips": [4], "rightLeg": [4], "leftLeg": [5], "head": [5]}))
    labels = read_part_labels(path, weighted_body)
    assert PARTS[labels[4]] == "right_knee"
    assert PARTS[labels[5]] in ("left_knee", "head")


def test_part_files_may_hold_arrays_and_sets(model_files, weighted_body):
    path = model_files.raw_pkl({"hips": np.array([3, 4]), "head": {1, 2}})
    labels = read_part_labels(path, weighted_body)
    assert [PARTS[labels[i]] for i in (3, 4, 1, 2)] == ["pelvis", "pelvis", "head", "head"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a JSON file"),
        ("[]", "holds no parts"),
        ("{}", "holds no parts"),
        ('{"tail": [1]}', "unknown part 'tail'; known are hips"),
        ('{"hips": [60]}', "hips: expected vertex numbers from 0 to 59"),
        ('{"hips": [-1]}', "hips: expected vertex numbers"),
        ('{"hips": [1.5]}', "hips: expected vertex numbers"),
        ('{"hips": 3}', "hips: expected vertex numbers"),
        ('{"hips": {"a": 1}}', "hips: expected vertex numbers"),
    ],
)
def test_wrong_part_files_say_what_is_wrong(tmp_path, weighted_body, content, message):
    path = tmp_path / "parts.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=rf"parts\.json: {message}"):
        read_part_labels(path, weighted_body)
