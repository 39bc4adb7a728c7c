"""Horizon, roll and focal length of drawn rooms, whose camera is known."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.scene import camera as geometry
from blender_addon.scene.photos.lines import Pieces, axes, straight_pieces, view_of_lines
from blender_addon.scene.spec import CameraSpec

W, H = 512, 384
DIAGONAL = float(np.hypot(W, H))


def room(pitch: float, roll: float, yaw: float, focal: float, noise: float = 0.01) -> np.ndarray:
    """A room of tiles of 60 cm, seen by a camera of this focal length over the diagonal."""
    fine = 2
    y, x = (np.mgrid[: H * fine, : W * fine] + 0.5) / fine
    rays = np.stack([(x - W / 2), (y - H / 2), np.full_like(x, focal * DIAGONAL)], axis=-1)
    R, _ = geometry.extrinsics(CameraSpec((0, 0, 1.5), yaw, pitch, roll, 60))
    rays = rays @ R  # to the world
    low, high = np.array([-2.6, -1.9, -1.5]), np.array([2.3, 4.0, 1.2])
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.where(rays > 0, high / rays, low / rays)
    side = far.argmin(axis=-1)
    hit = rays * far.min(axis=-1)[..., None]
    tiles = np.floor(hit / 0.6 + 0.01)
    values = np.random.default_rng(0).uniform(0.1, 0.9, (64, 64, 3, 2))
    a = np.where(side == 0, tiles[..., 1], tiles[..., 0]).astype(int)
    b = np.where(side == 2, tiles[..., 1], tiles[..., 2]).astype(int)
    positive = np.take_along_axis(rays, side[..., None], -1)[..., 0] > 0
    image = values[a % 64, b % 64, side, positive.astype(int)]
    image = image.reshape(H, fine, W, fine).mean(axis=(1, 3))
    return np.clip(image + np.random.default_rng(1).normal(0, noise, image.shape), 0, 1)


@pytest.mark.parametrize(
    ("pitch", "roll", "yaw", "equivalent"),
    [(0, 0, 30, 28), (-12, 3, 20, 28), (8, -3, 50, 35), (-25, 1, 70, 24), (14, 2, 40, 24)],
)
def test_the_camera_of_a_room_is_found(
    pitch: float, roll: float, yaw: float, equivalent: float
) -> None:
    focal = equivalent / 43.27
    pieces = straight_pieces(room(pitch, roll, yaw, focal))
    known = view_of_lines(pieces, DIAGONAL, focal)
    assert known.sure and known.focal == focal
    assert known.pitch == pytest.approx(pitch, abs=0.7)
    assert known.roll == pytest.approx(roll, abs=0.5)
    unknown = view_of_lines(pieces, DIAGONAL)
    assert unknown.pitch == pytest.approx(pitch, abs=3.0)
    assert unknown.focal == pytest.approx(focal, rel=0.15)


def test_noise_tells_nothing_and_says_so() -> None:
    noise = np.random.default_rng(0).uniform(0, 1, (H, W))
    view = view_of_lines(straight_pieces(noise), DIAGONAL)
    assert not view.sure
    assert -8 < view.pitch < 0 and abs(view.roll) < 1
    none = view_of_lines(straight_pieces(np.full((H, W), 0.5)), DIAGONAL, 0.7)
    assert not none.sure and none.focal == pytest.approx(0.7)


def test_no_sky_is_below_the_horizon() -> None:
    nothing = Pieces(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0))
    view = view_of_lines(nothing, DIAGONAL, 0.7, lowest_sky=0.2 * H)
    horizon = np.tan(np.radians(view.pitch)) * 0.7 * DIAGONAL
    assert horizon > 0.15 * H


def test_axes_are_those_of_the_camera() -> None:
    rng = np.random.default_rng(0)
    pitch, roll, yaw = rng.uniform(-40, 40, (3, 8))
    found = axes(pitch, roll, yaw)
    for i in range(8):
        R, _ = geometry.extrinsics(CameraSpec((0, 0, 0), yaw[i], pitch[i], roll[i], 60))
        np.testing.assert_allclose(found[i], R.T, atol=1e-9)
