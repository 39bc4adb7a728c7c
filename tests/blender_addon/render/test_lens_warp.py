"""Warping of layers, without Blender."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.render import cryptomatte
from blender_addon.render.lens_warp import LensWarp, corner_positions
from blender_addon.scene.camera import rays
from blender_addon.scene.rendered_view import RenderedView, rendered_view
from blender_addon.scene.spec import CameraSpec

BARREL = CameraSpec(
    (0, 0, 1), 0, 0, 0, 80, distortion="brown_conrady", coefficients=(-0.2, 0.05, 1e-3, -2e-3, 0.0)
)
FISHEYE = CameraSpec((0, 0, 1), 0, 0, 0, 150, distortion="fisheye", coefficients=(0.0,) * 4)


def planned(camera: CameraSpec, width: int, height: int, samples: int = 32) -> RenderedView:
    view = rendered_view(camera, width, height, samples)
    assert view is not None
    return view


@pytest.mark.parametrize("camera", [BARREL, FISHEYE])
@pytest.mark.parametrize("size", [(40, 72), (72, 40), (7, 5)])
def test_corners_of_pixels_are_where_their_rays_go(
    camera: CameraSpec, size: tuple[int, int]
) -> None:
    view = planned(camera, *size)
    corners = np.stack(np.meshgrid(np.arange(size[0] + 1.0), np.arange(size[1] + 1.0)), -1)
    exact = view.positions(rays(corners, camera, *size)[0])
    found = corner_positions(view, camera, *size)

    np.testing.assert_array_equal(np.isnan(found), np.isnan(exact))
    np.testing.assert_allclose(found, exact, atol=0.03)
    there = exact[np.isfinite(exact[..., 0])]
    assert (there >= 0).all() and (there <= (view.width, view.height)).all()


@pytest.mark.parametrize("camera", [BARREL, FISHEYE])
def test_shares_of_persons_are_the_means_of_their_layers(camera: CameraSpec) -> None:
    width, height, people = 48, 40, 3
    view = planned(camera, width, height)
    warp = LensWarp(view, camera, width, height)
    rng = np.random.default_rng(0)
    # Areas of one person, noise of two, and background.
    layers = np.zeros((view.height, view.width, people), dtype=np.float32)
    layers[20:90, 10:70, 0] = 1.0
    layers[60:, 100:, 1] = rng.random(layers[60:, 100:, 1].shape)
    layers[60:, 100:, 2] = (1 - layers[60:, 100:, 1]) * rng.random(layers[60:, 100:, 1].shape)
    ids = cryptomatte.PersonIds.of([[f"person {k}"] for k in range(people)])
    ranks = np.zeros((view.height, view.width, 2 * people), dtype=np.float32)
    for k in range(people):
        ranks[..., 2 * k] = np.array([cryptomatte.name_id(f"person {k}")], np.uint32).view("f4")[0]
        ranks[..., 2 * k + 1] = layers[..., k]

    found = cryptomatte.person_coverage(ranks, ids, warp)
    shares = warp.mean(layers)
    np.testing.assert_allclose(found.total, shares.sum(axis=-1), atol=1e-5)
    clear = np.ptp(np.sort(shares, axis=-1)[..., -2:], axis=-1) > 1e-4
    np.testing.assert_array_equal(found.person[clear], shares.argmax(axis=-1)[clear] + 1)
    assert (found.person[~warp.shown] == 0).all()
    assert found.total.shape == (height, width) and len(np.unique(found.person)) == people + 1


def test_samples_are_shared_out_and_large_images_stay_in_bounds() -> None:
    for width, height, samples in ((64, 64, 16), (512, 512, 32), (3000, 2000, 64), (64, 64, 1)):
        view = planned(BARREL, width, height, samples)
        assert 1.0 <= view.finer <= 4.0
        total = view.samples(samples) * view.finer**2
        assert samples <= total + 1e-6 and (total <= samples * 1.01 or view.finer == 1.0)
        assert view.width * view.height < max(6e6, 2 * width * height)
