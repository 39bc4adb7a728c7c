"""Motion files of AMASS, BEDLAM and SURREAL, and the turn from a Y-up world to a Z-up one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_addon.bodies.motion import (
    Y_UP_TO_Z_UP,
    Motion,
    guess_up,
    is_motion,
    load_motions,
    read_motion,
    read_surreal,
    surreal_sequences,
    surreal_shapes,
)
from blender_addon.bodies.rotations import matrix_to_axis_angle, rodrigues

UPRIGHT = {
    "z": np.array([np.pi / 2, 0, 0]),
    "y": np.zeros(3),
}  # root orientation of someone who stands


def poses(rng, joints: int, up: str = "z", frames: int = 5) -> np.ndarray:
    """Somebody who stands, sways and turns about the vertical axis: (T, 3 J)."""
    theta = rng.normal(scale=0.3, size=(frames, joints, 3))
    turn = rodrigues(rng.uniform(-3, 3, (frames, 1)) * {"z": [0, 0, 1], "y": [0, 1, 0]}[up])
    sway = rodrigues(rng.normal(scale=0.1, size=(frames, 3)))
    theta[:, 0] = matrix_to_axis_angle(turn @ rodrigues(UPRIGHT[up]) @ sway)
    return theta.reshape(frames, -1)


def amass_smplh(rng) -> dict:
    return {
        "poses": poses(rng, 52),
        "trans": rng.normal(size=(5, 3)),
        "betas": rng.normal(size=16),
        "dmpls": rng.normal(size=(5, 8)),
        "gender": np.array("female"),
        "mocap_framerate": np.array(120.0),
    }


def amass_smplx(rng) -> dict:
    p = poses(rng, 55)
    return {
        "gender": np.array("male"),
        "surface_model_type": np.array("smplx"),
        "mocap_frame_rate": np.array(100.0),
        "mocap_time_length": np.array(0.05),
        "trans": rng.normal(size=(5, 3)),
        "poses": p,
        "betas": rng.normal(size=16),
        "num_betas": np.array(16),
        "root_orient": p[:, :3],
        "pose_body": p[:, 3:66],
        "pose_jaw": p[:, 66:69],
        "pose_eye": p[:, 69:75],
        "pose_hand": p[:, 75:],
        "labels": np.array(["marker", None], dtype=object),
    }


def bedlam(rng) -> dict:
    return {
        "poses": poses(rng, 55, "y"),
        "trans": rng.normal(size=(5, 3)),
        "betas": rng.normal(size=10),
        "gender": np.array(b"neutral"),
        "mocap_frame_rate": np.array(30),
    }


@pytest.mark.parametrize(
    ("make", "joints", "fps", "gender", "up"),
    [
        (amass_smplh, 52, 120.0, "female", "z"),
        (amass_smplx, 55, 100.0, "male", "z"),
        (bedlam, 55, 30.0, "neutral", "y"),
    ],
)
def test_each_releases_layout_is_read(tmp_path, rng, make, joints, fps, gender, up):
    arrays = make(rng)
    np.savez(tmp_path / "walk_poses.npz", **arrays)
    motion = read_motion(tmp_path / "walk_poses.npz")
    assert (motion.name, motion.fps, motion.gender, motion.up) == ("walk_poses", fps, gender, up)
    np.testing.assert_array_equal(motion.poses, arrays["poses"].reshape(5, joints, 3))
    np.testing.assert_array_equal(motion.translations, arrays["trans"])
    np.testing.assert_array_equal(motion.betas, arrays["betas"])
    assert len(motion) == 5
    assert len(load_motions(tmp_path / "walk_poses.npz")) == 1


def test_the_parts_of_a_smplx_pose_are_put_together_in_joint_order(tmp_path, rng):
    arrays = amass_smplx(rng)
    whole = arrays.pop("poses")
    np.savez(tmp_path / "a.npz", **arrays)
    np.testing.assert_array_equal(read_motion(tmp_path / "a.npz").poses.reshape(5, -1), whole)
    del arrays["pose_jaw"], arrays["pose_eye"], arrays["pose_hand"]
    np.savez(tmp_path / "b.npz", **arrays)
    body_only = read_motion(tmp_path / "b.npz").poses.reshape(5, -1)
    np.testing.assert_array_equal(body_only[:, :66], whole[:, :66])
    assert not body_only[:, 66:].any()


@pytest.mark.parametrize(
    ("gender", "expected"),
    [
        (np.array("female"), "female"),
        (np.array(b"male"), "male"),
        (np.array(["neutral"]), "neutral"),
        (np.array("unknown"), "neutral"),
        (np.array(None, dtype=object), "neutral"),
        (np.array(1.0), "neutral"),
    ],
)
def test_every_spelling_of_the_gender_is_understood(tmp_path, rng, gender, expected):
    np.savez(tmp_path / "a.npz", **(amass_smplh(rng) | {"gender": gender}))
    assert read_motion(tmp_path / "a.npz").gender == expected


def test_the_callers_frame_rate_wins_and_fills_in(tmp_path, rng):
    arrays = amass_smplh(rng)
    np.savez(tmp_path / "a.npz", **arrays)
    assert read_motion(tmp_path / "a.npz", fps=60.0).fps == 60.0
    del arrays["mocap_framerate"]
    np.savez(tmp_path / "a.npz", **arrays)
    assert read_motion(tmp_path / "a.npz", fps=60.0).fps == 60.0
    assert read_motion(tmp_path / "a.npz").fps is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"poses": np.zeros((0, 156))}, r"poses: shape \(0, 52, 3\), expected"),
        ({"poses": np.full((5, 156), np.nan)}, "poses: not all finite"),
        ({"poses": np.zeros((5, 155))}, r"poses: shape \(5, 155\), expected \(T, 3 J\)"),
        ({"poses": np.zeros(156)}, r"poses: shape \(156,\)"),
        ({"poses": np.zeros((5, 48))}, "16 joints; a body has 24"),
        ({"poses": np.array(["x"])}, "poses: expected numbers"),
        ({"poses": np.array([None])}, "poses: .*Python objects"),
        ({"trans": np.zeros((4, 3))}, r"translations: shape \(4, 3\), expected \(5, 3\)"),
        ({"trans": np.full((5, 3), np.inf)}, "translations: not all finite"),
        ({"betas": np.array(3.0)}, r"betas: shape \(\)"),
        ({"betas": np.array([np.nan])}, "betas: not all finite"),
        ({"poses": np.full((5, 156), 1e308)}, r"poses: numbers up to 1e\+308"),
        ({"trans": np.full((5, 3), -1e308)}, r"translations: numbers up to 1e\+308"),
        ({"betas": np.full(10, 1e9)}, r"betas: numbers up to 1e\+09"),
        ({"mocap_framerate": np.array(1e-300)}, "fps: 1e-300, expected"),
        ({"mocap_framerate": np.array(0.0)}, "mocap_framerate: .*above 0"),
        ({"mocap_framerate": np.array(np.nan)}, "mocap_framerate"),
        ({"mocap_framerate": np.array([1.0, 2.0])}, "mocap_framerate"),
    ],
)
def test_damaged_motions_name_the_file_and_the_array(tmp_path, rng, changes, message):
    np.savez(tmp_path / "a.npz", **(amass_smplh(rng) | changes))
    with pytest.raises(ValueError, match=rf"a\.npz: .*{message}"):
        read_motion(tmp_path / "a.npz")


def test_files_that_are_no_motion_are_told_so(tmp_path, rng):
    np.savez(tmp_path / "shape.npz", betas=np.zeros(16), gender=np.array("male"))
    with pytest.raises(ValueError, match=r"shape\.npz: no poses; give a motion file"):
        read_motion(tmp_path / "shape.npz")
    with pytest.raises(ValueError, match=r"walk\.bvh: a motion is a \.npz file"):
        read_motion(tmp_path / "walk.bvh")
    with pytest.raises(FileNotFoundError):
        read_motion(tmp_path / "none.npz")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04half")
    with pytest.raises(ValueError, match=r"cut\.npz: not a whole \.npz"):
        read_motion(tmp_path / "cut.npz")


# --- up -------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(st.sampled_from("yz"), st.integers(0, 2**31), st.integers(1, 30))
def test_people_who_stand_tell_which_way_is_up(up, seed, frames):
    theta = poses(np.random.default_rng(seed), 24, up, frames).reshape(frames, 24, 3)
    assert guess_up(theta[:, 0]) == up


@pytest.mark.parametrize(
    "root",
    [
        [[0, 0, np.pi / 2]],  # lies along X
        [[np.pi, 0, 0]],  # upside down in a Y-up world
        [[-np.pi / 2, 0, 0]],  # upside down in a Z-up world
        [[0, 0, 0.0], [np.pi, 0, 0]],  # as often this way up as that
        [[np.pi / 4, 0, 0]],  # halfway between the two axes
    ],
)
def test_up_is_not_guessed_from_people_who_do_not_stand(tmp_path, rng, root):
    assert guess_up(root) is None
    theta = np.zeros((len(root), 156))
    theta[:, :3] = root
    np.savez(
        tmp_path / "a.npz",
        **(amass_smplh(rng) | {"poses": theta, "trans": np.zeros((len(root), 3))}),
    )
    with pytest.raises(
        ValueError, match=r"a\.npz: the vertical axis is unclear; give up='z' \(AMASS"
    ):
        read_motion(tmp_path / "a.npz")
    assert read_motion(tmp_path / "a.npz", up="y").up == "y"


def test_an_unknown_up_is_refused(tmp_path, rng):
    np.savez(tmp_path / "a.npz", **amass_smplh(rng))
    with pytest.raises(ValueError, match="up: 'x'"):
        read_motion(tmp_path / "a.npz", up="x")


def test_turning_the_world_turns_every_vertex_of_the_body(random_body, rng):
    """The point of the pelvis in `z_up`: posing after the turn is turning after posing."""
    body = random_body()
    motion = Motion(
        "m",
        poses(rng, 24, "y").reshape(5, 24, 3),
        rng.normal(size=(5, 3)),
        rng.normal(size=10),
        "male",
        30,
        "y",
    )
    turned = motion.z_up(body.rest_joints(motion.betas)[0])
    assert turned.up == "z"
    for frame in range(5):
        before = body.pose(motion.betas, motion.poses[frame], motion.translations[frame])
        after = body.pose(turned.betas, turned.poses[frame], turned.translations[frame])
        np.testing.assert_allclose(after.vertices, before.vertices @ Y_UP_TO_Z_UP.T, atol=1e-5)
        np.testing.assert_allclose(after.joints, before.joints @ Y_UP_TO_Z_UP.T, atol=1e-5)
    assert guess_up(turned.poses[:, 0]) == "z"
    assert turned.z_up() is turned


def test_without_the_pelvis_the_track_is_shifted_as_a_whole(rng):
    motion = Motion(
        "m", np.zeros((5, 24, 3)), rng.normal(size=(5, 3)), np.zeros(0), "male", 30, "y"
    )
    shift = motion.z_up((0.0, -0.3, 0.0)).translations - motion.z_up().translations
    np.testing.assert_allclose(shift, np.tile([0.0, 0.3, -0.3], (5, 1)), atol=1e-12)


def test_a_motion_is_fitted_to_another_family(rng):
    motion = Motion("m", rng.normal(size=(5, 52, 3)), np.zeros((5, 3)), np.zeros(0), "male", 30)
    fitted = motion.fitted("smpl")
    assert fitted.poses.shape == (5, 24, 3)
    np.testing.assert_array_equal(fitted.poses[:, :22], motion.poses[:, :22])
    assert not fitted.poses[:, 22:].any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fps": 0.0}, "fps: 0.0"),
        ({"up": "x"}, "up: 'x'"),
        ({"pelvis": (0, 1)}, "pelvis: expected 3"),
    ],
)
def test_wrong_arguments_of_a_motion_are_named(changes, message):
    arguments = {"fps": 30.0, "up": "y"} | {k: v for k, v in changes.items() if k != "pelvis"}
    with pytest.raises(ValueError, match=message):
        Motion("m", np.zeros((1, 24, 3)), np.zeros((1, 3)), np.zeros(0), "male", **arguments).z_up(
            changes.get("pelvis", (0, 0, 0))
        )


# --- SURREAL --------------------------------------------------------------------------------------


@pytest.fixture
def surreal(tmp_path, rng):
    path = tmp_path / "smpl_data.npz"
    np.savez(
        path,
        pose_ung_104_53=poses(rng, 24),
        trans_ung_104_53=np.ones((5, 3)),
        pose_01_02=poses(rng, 24, frames=3),
        trans_01_02=np.zeros((3, 3)),
        maleshapes=rng.normal(size=(17, 10)),
        femaleshapes=rng.normal(size=(21, 10)),
        regression_verts=np.arange(232),
        joint_regressor=np.zeros((24, 232)),
    )
    return path


def test_surreals_sequences_and_shapes_are_read_one_at_a_time(surreal):
    assert surreal_sequences(surreal) == ["01_02", "ung_104_53"]
    motion = read_surreal(surreal, "ung_104_53")
    assert motion.poses.shape == (5, 24, 3)
    assert (motion.name, motion.fps, motion.up) == ("ung_104_53", 120.0, "z")
    np.testing.assert_array_equal(motion.translations, np.ones((5, 3)))
    assert surreal_shapes(surreal, "male").shape == (17, 10)
    assert surreal_shapes(surreal, "female").shape == (21, 10)


def test_a_motion_file_lists_surreals_sequences_like_any_other_files(surreal):
    motions = load_motions(surreal, fps=60.0)
    assert len(motions) == 2
    assert [motion.name for motion in motions] == ["01_02", "ung_104_53"]
    assert [motion.name for motion in motions[1:]] == ["ung_104_53"]
    assert motions[-1].fps == 60.0
    with pytest.raises(IndexError):
        _ = motions[2]


def test_what_surreals_file_lacks_is_named(surreal, tmp_path):
    with pytest.raises(
        ValueError, match=r"smpl_data\.npz: no pose_99_99 or trans_99_99; surreal_sequences lists"
    ):
        read_surreal(surreal, "99_99")
    with pytest.raises(ValueError, match="gender: 'neutral', expected 'female' or 'male'"):
        surreal_shapes(surreal, "neutral")
    np.savez(tmp_path / "a.npz", maleshapes=np.zeros((0, 10)))
    with pytest.raises(ValueError, match=r"a\.npz: no femaleshapes"):
        surreal_shapes(tmp_path / "a.npz", "female")
    with pytest.raises(ValueError, match=r"a\.npz: maleshapes: expected finite"):
        surreal_shapes(tmp_path / "a.npz", "male")


def test_motions_are_told_from_bodies_by_their_arrays(rng, tmp_path, surreal):
    np.savez(tmp_path / "motion.npz", **amass_smplh(rng))
    np.savez(tmp_path / "body.npz", v_template=np.zeros((4, 3)), posedirs=np.zeros((4, 3, 0)))
    np.savez(tmp_path / "neither.npz", x=np.zeros(2))
    assert is_motion(tmp_path / "motion.npz")
    assert is_motion(surreal)
    assert not is_motion(tmp_path / "body.npz")
    assert not is_motion(tmp_path / "body.pkl"), "bodies come as .pkl, motions do not"
    with pytest.raises(ValueError, match=r"neither\.npz: neither a body model nor a motion"):
        is_motion(tmp_path / "neither.npz")
    with pytest.raises(FileNotFoundError):
        is_motion(tmp_path / "none.npz")
