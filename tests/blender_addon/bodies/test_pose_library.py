"""The pose library: what it must hold, how poses mirror, blend and vary, and what a wrong pose file
says.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_addon.bodies import anatomy, pose_library
from blender_addon.bodies.anatomy import JOINT, mirror
from blender_addon.bodies.joints import PARTS
from blender_addon.bodies.library import default_body
from blender_addon.bodies.model import Posed
from blender_addon.bodies.pose_library import Pose, load_poses
from blender_addon.bodies.pose_props import ground_clearance, place_props, seat_height
from blender_addon.bodies.pose_variation import blend, vary
from blender_addon.bodies.rotations import matrix_to_axis_angle, rodrigues

LIBRARY = {pose.name: pose for pose in load_poses()}
Y_UP_TO_Z_UP = rodrigues(np.array([np.pi / 2, 0.0, 0.0]))

any_pose = st.sampled_from(sorted(LIBRARY))
any_seed = st.integers(0, 2**32 - 1)


@st.composite
def any_angles(draw: st.DrawFn) -> np.ndarray:
    """(24, 3) degrees within the joints' ranges; arms no nearer to straight back than 10 degrees,
    where they lock.
    """
    angles = np.random.default_rng(draw(any_seed)).uniform(*np.moveaxis(anatomy.LIMITS, -1, 0))
    for shoulder in (JOINT["left_shoulder"], JOINT["right_shoulder"]):
        angles[shoulder, :2] *= min(1.0, 170.0 / np.linalg.norm(angles[shoulder, :2]))
    return angles


@functools.lru_cache
def grown_up() -> np.ndarray:
    """Betas of a grown-up close to 1.75 m."""
    samples = default_body().shape_samples
    wanted = np.where((samples.age > 20) & (samples.age < 60), samples.height, np.inf)
    return samples.betas[np.argmin(np.abs(wanted - 1.75))]


def stand(pose: Pose, betas: np.ndarray | None = None) -> Posed:
    """The default body in this pose, facing -Y, its lowest point where the pose wants it over z =
    0.
    """
    body, betas = default_body(), grown_up() if betas is None else betas
    theta = pose.joints.copy()
    theta[0] = matrix_to_axis_angle(Y_UP_TO_Z_UP @ rodrigues(theta[0]))
    posed = body.pose(betas, theta)
    lift = ground_clearance(pose, posed.joints) - posed.vertices[:, 2].min()
    return body.pose(betas, theta, (0.0, 0.0, lift))


@functools.cache
def standing(name: str) -> Posed:
    return stand(LIBRARY[name])


@functools.lru_cache
def sole_vertices(foot: str) -> tuple[np.ndarray, np.ndarray]:
    """Vertices of the heel and of the front of a sole, found on the body at rest."""
    rest = default_body().pose(grown_up()).vertices
    side = foot.removesuffix("foot")
    of_foot = np.isin(
        default_body().part_labels, [PARTS.index(side + "ankle"), PARTS.index(side + "foot")]
    )
    height = rest[:, 1]
    sole = of_foot & (height < height[of_foot].min() + 0.012)
    z = rest[:, 2]
    length = z[sole].max() - z[sole].min()
    heel = sole & (z < z[sole].min() + 0.25 * length)
    front = sole & (z > z[sole].max() - 0.4 * length)
    return np.flatnonzero(heel), np.flatnonzero(front)


def part_vertices(posed: Posed, *names: str) -> np.ndarray:
    labels = default_body().part_labels
    return posed.vertices[np.isin(labels, [PARTS.index(name) for name in names])]


# --- the library ----------------------------------------------------------------------------------


def test_library_has_at_least_sixty_poses_with_names_of_their_own():
    assert len(load_poses()) == len(LIBRARY) >= 60


def test_library_has_every_category():
    assert {pose.category for pose in LIBRARY.values()} == set(pose_library.CATEGORIES)


def test_no_pose_is_another_one_or_its_mirror_image():
    pairs = [
        (a, b)
        for a in LIBRARY.values()
        for b in LIBRARY.values()
        if a.name < b.name and a.props == b.props
    ]
    for a, b in pairs:
        assert not np.allclose(a.joints, b.joints, atol=1e-3), (a.name, b.name)
        assert not np.allclose(a.joints, mirror(b.joints), atol=1e-3), (a.name, b.name)


@pytest.mark.parametrize("name", LIBRARY)
def test_pose_is_within_the_joint_limits(name):
    assert anatomy.limit_violations(LIBRARY[name].joints) == []


@pytest.mark.parametrize("name", [p.name for p in LIBRARY.values() if p.planted])
def test_planted_soles_lie_flat_on_the_ground(name):
    posed = standing(name)
    for foot in LIBRARY[name].planted:
        heel, front = (posed.vertices[index, 2].mean() for index in sole_vertices(foot))
        assert -0.001 <= min(heel, front) < 0.02, foot
        assert abs(heel - front) < 0.01, foot


ON_BOTH_FEET = [
    pose.name
    for pose in LIBRARY.values()
    if pose.support == "ground"
    and len(pose.planted) == 2
    # the wall and the seat of the trousers carry a part
    and "wall@spine3" not in pose.props
    and pose.category != "sitting"
]


@pytest.mark.parametrize("name", ON_BOTH_FEET)
def test_centre_of_mass_of_who_stands_on_both_feet_is_over_them(name):
    posed = standing(name)
    corners = posed.vertices[default_body().faces]
    volumes = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))
    centre = (corners.sum(axis=1) / 4 * volumes[:, None]).sum(axis=0) / volumes.sum()
    on_ground = posed.vertices[posed.vertices[:, 2] < 0.02, :2]
    assert (on_ground.min(axis=0) < centre[:2]).all()
    assert (centre[:2] < on_ground.max(axis=0)).all()


@pytest.mark.parametrize("name", [p.name for p in LIBRARY.values() if p.support == "seat"])
def test_sitting_pose_has_a_seat_of_ordinary_height_and_feet_on_the_ground(name):
    pose, posed = LIBRARY[name], standing(name)
    assert {prop.partition("@")[0] for prop in pose.props} & {"seat", "chair", "bench", "sofa"}
    assert 0.33 < seat_height(posed.joints, posed.vertices) < 0.52
    lowest = [
        part_vertices(posed, side + "ankle", side + "foot")[:, 2].min()
        for side in ("left_", "right_")
    ]
    assert min(lowest) < 0.01
    if len(pose.planted) == 2:
        assert max(lowest) < 0.02


@pytest.mark.parametrize("name", [p.name for p in LIBRARY.values() if p.support == "lie"])
def test_lying_pose_rests_along_the_whole_body(name):
    posed = standing(name)
    heights = {
        "trunk": part_vertices(posed, "spine2", "spine3", "left_shoulder", "right_shoulder")[
            :, 2
        ].min(),
        "pelvis": part_vertices(posed, "pelvis")[:, 2].min(),
        "legs": part_vertices(posed, "left_knee", "right_knee", "left_ankle", "right_ankle")[
            :, 2
        ].min(),
    }
    assert max(heights.values()) < 0.08, heights


def test_things_find_their_place_around_children_as_well():
    samples = default_body().shape_samples
    child = samples.betas[np.argmin(np.abs(samples.age - 6.0))]
    one_of_each = {prop: pose for pose in LIBRARY.values() for prop in pose.props}
    assert len(one_of_each) > 12
    for pose in one_of_each.values():
        posed = stand(pose, child)
        for prop in place_props(
            pose, posed.joints, posed.transforms, posed.vertices, np.random.default_rng(0)
        ):
            assert np.isfinite([*prop.location, *prop.rotation, *prop.size]).all(), (
                pose.name,
                prop,
            )


# --- mirror, blend, vary --------------------------------------------------------------------------


@given(any_angles())
def test_mirror_is_its_own_inverse_and_swaps_the_sides(angles):
    joints = anatomy.rebuild(angles)
    mirrored = mirror(joints)
    np.testing.assert_allclose(mirror(mirrored), joints, atol=1e-12)
    swapped = anatomy.measure(mirrored)[list(anatomy.SWAP)]
    of_a_side = [JOINT[name] for name in JOINT if name.startswith(("left_", "right_"))]
    np.testing.assert_allclose(swapped[of_a_side], angles[of_a_side], atol=1e-4)


def test_mirrored_pose_mirrors_the_body():
    body, pose = default_body(), LIBRARY["phone_call_walking"]
    joints = body.pose(pose=pose.joints).joints[list(anatomy.SWAP)] * [-1, 1, 1]
    np.testing.assert_allclose(body.pose(pose=mirror(pose.joints)).joints, joints, atol=2e-3)


def test_mirrored_pose_holds_its_things_in_the_other_hand():
    pose = LIBRARY["phone_call_walking"]
    assert "phone@right_hand" in pose.props
    assert "phone@left_hand" in pose.mirrored().props
    assert LIBRARY["walk_passing"].mirrored().planted == ("right_foot",)
    assert pose.mirrored().mirrored().props == pose.props


@given(any_pose, any_pose, st.floats(0.0, 1.0))
def test_blend_runs_from_one_pose_to_the_other(first, second, t):
    a, b = LIBRARY[first].joints, LIBRARY[second].joints
    np.testing.assert_allclose(rodrigues(blend(a, b, 0.0)), rodrigues(a), atol=1e-6)
    np.testing.assert_allclose(rodrigues(blend(a, b, 1.0)), rodrigues(b), atol=1e-6)
    way = np.linalg.norm(matrix_to_axis_angle(rodrigues(a).swapaxes(1, 2) @ rodrigues(b)), axis=1)
    gone = np.linalg.norm(
        matrix_to_axis_angle(rodrigues(a).swapaxes(1, 2) @ rodrigues(blend(a, b, t))), axis=1
    )
    np.testing.assert_allclose(gone, t * way, atol=1e-6)


@settings(deadline=None)
@given(any_pose, any_seed, st.floats(0.0, 2.0))
def test_varied_pose_stays_within_the_joint_limits(name, seed, amount):
    varied = LIBRARY[name].varied(np.random.default_rng(seed), amount)
    assert anatomy.limit_violations(varied.joints) == []
    np.testing.assert_array_equal(varied.joints[0], LIBRARY[name].joints[0])


@settings(deadline=None, max_examples=30)
@given(st.sampled_from([p.name for p in LIBRARY.values() if len(p.planted) == 2]), any_seed)
def test_varied_pose_keeps_both_soles_on_the_ground(name, seed):
    posed = stand(LIBRARY[name].varied(np.random.default_rng(seed)))
    for foot in ("left_foot", "right_foot"):
        heel, front = (posed.vertices[index, 2].mean() for index in sole_vertices(foot))
        assert max(heel, front) < 0.03, foot


def test_varying_by_nothing_changes_nothing():
    for pose in LIBRARY.values():
        varied = vary(pose.joints, np.random.default_rng(0), 0.0, pose.planted, pose.contacts)
        np.testing.assert_allclose(
            rodrigues(varied), rodrigues(pose.joints), atol=0.02, err_msg=pose.name
        )


def test_varied_poses_differ_and_repeat_with_the_seed():
    pose = LIBRARY["stand_relaxed"]
    first, again, other = (pose.varied(np.random.default_rng(seed)).joints for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.02


def test_arms_in_contact_vary_less_than_free_ones():
    pose = LIBRARY["stand_relaxed"]
    contact = [
        vary(pose.joints, np.random.default_rng(s), contacts=["left_hand"]) for s in range(30)
    ]
    spread = np.std([anatomy.measure(joints) for joints in contact], axis=0)
    assert spread[JOINT["left_elbow"], 0] < 0.5 * spread[JOINT["right_elbow"], 0]


# --- anatomy --------------------------------------------------------------------------------------


@given(any_angles())
def test_angles_and_rotations_are_inverse(angles):
    np.testing.assert_allclose(anatomy.measure(anatomy.rebuild(angles)), angles, atol=1e-4)


def test_rest_pose_is_the_arms_spread_at_all_zeros():
    angles = anatomy.measure(np.zeros((24, 3)))
    shoulders = [JOINT["left_shoulder"], JOINT["right_shoulder"]]
    np.testing.assert_allclose(angles[shoulders], [[0, 90, 0]] * 2, atol=1e-9)
    assert np.abs(np.delete(angles, shoulders, axis=0)).max() < 1e-9


@pytest.mark.parametrize(
    ("joint", "word", "moves", "towards"),
    [
        ("left_hip", "flex", "left_knee", (0, 0, 1)),
        ("right_hip", "flex", "right_knee", (0, 0, 1)),
        ("left_hip", "abduct", "left_knee", (1, 0, 0)),
        ("right_hip", "abduct", "right_knee", (-1, 0, 0)),
        ("left_knee", "flex", "left_ankle", (0, 0, -1)),
        ("left_ankle", "flex", "left_foot", (0, 1, 0)),
        ("right_elbow", "flex", "right_wrist", (0, 0, 1)),
        ("left_elbow", "flex", "left_wrist", (0, 0, 1)),
        ("left_shoulder", "raise", "left_elbow", (0, 1, 0)),
        ("right_collar", "raise", "right_shoulder", (0, 1, 0)),
        ("spine1", "flex", "neck", (0, 0, 1)),
        ("spine1", "side", "neck", (1, 0, 0)),
        ("left_wrist", "flex", "left_hand", (0, -1, 0)),
        ("pelvis", "pitch", "neck", (0, 0, 1)),
    ],
)
def test_positive_angle_moves_the_body_the_way_its_word_says(joint, word, moves, towards):
    angles = anatomy.measure(np.zeros((24, 3)))
    kind = anatomy.kind(joint)
    angles[JOINT[joint], [angle.word for angle in anatomy.ANGLES[kind]].index(word)] += 20
    body = default_body()
    moved = body.pose(pose=anatomy.rebuild(angles)).joints - body.pose().joints
    assert moved[JOINT[moves]] @ towards > 0.01


def test_unnatural_poses_are_out_of_limits_by_name():
    angles = anatomy.measure(np.zeros((24, 3)))
    angles[JOINT["right_knee"], 0] = -40
    assert not anatomy.within_limits(anatomy.rebuild(angles))
    assert anatomy.limit_violations(anatomy.rebuild(angles)) == [
        "right_knee flex -40 is outside -10..160"
    ]


# --- files ----------------------------------------------------------------------------------------

GOOD = """
[default]
knees = { flex = 5 }

[[pose]]
name = "a"
category = "standing"
support = "ground"
shoulders = { flex = 90 }
left_shoulder = { abduct = 10 }

[[pose]]
name = "b"
like = "a"
left_knee = { flex = 40 }
"""


def write(tmp_path, text):
    path = tmp_path / "my_poses.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_pose_file_merges_default_plural_like_and_side(tmp_path):
    a, b = load_poses(write(tmp_path, GOOD))
    of_a, of_b = anatomy.measure(a.joints), anatomy.measure(b.joints)
    assert of_a[JOINT["left_knee"], 0] == pytest.approx(5)
    assert of_b[JOINT["left_knee"], 0] == pytest.approx(40)
    assert of_b[JOINT["right_knee"], 0] == pytest.approx(5)
    np.testing.assert_allclose(of_b[JOINT["left_shoulder"], :2], (0, 10), atol=1e-6)
    np.testing.assert_allclose(of_b[JOINT["right_shoulder"], :2], (0, 0), atol=1e-6)


HEAD = '[[pose]]\nname = "mine"\ncategory = "standing"\nsupport = "ground"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "left_knee = { flex = 200 }", ["left_knee flex"]),
        (HEAD + "left_knee = { bend = 20 }", ["left_knee", "bend", "flex"]),
        (HEAD + "left_knee = 20", ["left_knee", "table"]),
        (HEAD + "knees = 20", ["knees", "table"]),
        (HEAD + 'left_knee = { flex = "a lot" }', ["left_knee.flex", "number"]),
        (HEAD + "left_kne = { flex = 20 }", ["left_kne"]),
        (HEAD + "colour = 3", ["colour"]),
        (HEAD + 'props = ["piano@hands"]', ["props", "piano"]),
        (HEAD + 'props = ["phone@left_foot"]', ["props", "left_foot"]),
        (HEAD + 'props = "seat"', ["props", "list"]),
        (HEAD + 'flat = ["left_hand"]', ["flat", "left_hand"]),
        (HEAD + 'contacts = ["nose"]', ["contacts", "nose"]),
        (HEAD + 'like = "nobody"', ["like", "nobody"]),
        (HEAD + "lift = true", ["lift", "number"]),
        (HEAD.replace("standing", "flying"), ["category", "flying"]),
        (HEAD.replace("ground", "clouds"), ["support", "clouds"]),
        (HEAD + HEAD, ["name", "already"]),
        ('[[pose]]\nname = "mine"\nsupport = "ground"', ["category"]),
    ],
)
def test_wrong_pose_file_names_file_pose_and_key(tmp_path, text, said):
    with pytest.raises(ValueError) as error:
        load_poses(write(tmp_path, text))
    for word in ("my_poses.toml", "mine", *said):
        assert word in str(error.value)


def test_unknown_table_and_broken_toml_name_the_file(tmp_path):
    with pytest.raises(ValueError, match=r"my_poses\.toml.*postures"):
        load_poses(write(tmp_path, "[[postures]]\n"))
    with pytest.raises(ValueError, match=r"my_poses\.toml"):
        load_poses(write(tmp_path, "[[pose]\n"))
    with pytest.raises(FileNotFoundError):
        load_poses(tmp_path / "nothing.toml")
