"""Motion files through the sampler: what AMASS and BEDLAM walk, the crowd walks upright."""

from pathlib import Path

import numpy as np
import pytest

from blender_addon.bodies.rotations import matrix_to_axis_angle, rodrigues
from blender_addon.recipes.fields import RecipeError
from blender_addon.recipes.toml_io import load_preset, parse_recipe
from blender_addon.scene.assets import load_assets
from blender_addon.scene.sampling import sample_scene

Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def write_walk(path: Path, *, y_up: bool) -> None:
    """Forty frames of a body that slides along its own front at 1 m/s, upright, arms out."""
    frames, fps = 40, 20.0
    heading = np.array([[np.cos(0.7), -np.sin(0.7), 0], [np.sin(0.7), np.cos(0.7), 0], [0, 0, 1.0]])
    root = heading @ Z_UP
    step = root @ np.array([0.0, 0.0, 1.0]) / fps
    trans = np.arange(frames)[:, None] * step
    if y_up:
        root, trans = Z_UP.T @ root, trans @ Z_UP
    poses = np.zeros((frames, 52, 3))
    poses[:, 0] = matrix_to_axis_angle(root)
    np.savez(
        path,
        poses=poses.reshape(frames, 156),
        trans=trans,
        betas=np.zeros(16),
        gender="female",
        mocap_framerate=fps,
    )


@pytest.mark.parametrize("y_up", [False, True])
def test_people_from_a_motion_file_stand_upright_and_move_forwards(tmp_path, y_up):
    write_walk(tmp_path / "walk.npz", y_up=y_up)
    recipe = parse_recipe(
        {
            "poses": {"motions": str(tmp_path), "motion_share": 1},
            "people": {"count": 2, "facing": [-180, 180]},
        },
        name="walk",
        folder=tmp_path,
        where="test",
    )
    assets = load_assets(recipe)
    for index in range(4):
        for person in sample_scene(recipe, assets, 0, index).persons:
            assert person.pose_name == "walk"
            posed = assets.poser.pose(person)
            assert abs(posed.vertices[:, 2].min()) < 1e-3
            up = rodrigues(person.body.pose[0])[:, 1]
            np.testing.assert_allclose(up, [0, 0, 1], atol=1e-6)
            if person.motion is not None:
                moved = assets.poser.pose_later(person).joints[0] - posed.joints[0]
                front = rodrigues(person.body.pose[0])[:, 2]
                np.testing.assert_allclose(moved / person.motion.seconds, front, atol=1e-3)


def motions_in(folder: Path):
    return parse_recipe(
        {"poses": {"motions": str(folder), "motion_share": 1}},
        name="x",
        folder=folder,
        where="test",
    )


def test_a_broken_motion_file_is_named(tmp_path):
    (tmp_path / "broken.npz").write_bytes(b"PK nonsense")
    with pytest.raises(RecipeError, match=r"poses\.motions: .*not a whole \.npz.*broken\.npz"):
        load_assets(motions_in(tmp_path))


def test_people_from_motions_without_a_frame_rate_stand_still(tmp_path):
    write_walk(tmp_path / "walk.npz", y_up=False)
    with np.load(tmp_path / "walk.npz") as file:
        arrays = dict(file)
    del arrays["mocap_framerate"]
    np.savez(tmp_path / "walk.npz", **arrays)
    recipe = motions_in(tmp_path)
    assets = load_assets(recipe)
    assert assets.notes == (
        "poses.motions: 1 motion without a frame rate: people from them are rendered without "
        "motion blur",
    )
    assert all(person.motion is None for person in sample_scene(recipe, assets, 0, 0).persons)


def test_presets_draw_no_motion_without_files():
    assert load_assets(load_preset("surreal")).motions == ()
