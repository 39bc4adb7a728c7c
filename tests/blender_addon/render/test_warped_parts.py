"""Part labels through a lens, without Blender."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.render.lens_warp import LensWarp
from blender_addon.render.part_labels import PART_COUNT, decode
from blender_addon.render.warped_parts import decode_warped
from blender_addon.scene.rendered_view import rendered_view
from blender_addon.scene.spec import CameraSpec

BARREL = CameraSpec(
    (0, 0, 1), 0, 0, 0, 80, distortion="brown_conrady", coefficients=(-0.2, 0.05, 1e-3, -2e-3, 0.0)
)
FISHEYE = CameraSpec((0, 0, 1), 0, 0, 0, 150, distortion="fisheye", coefficients=(0.0,) * 4)
SIZE = 48, 40


@pytest.mark.parametrize("camera", [BARREL, FISHEYE])
def test_labels_are_those_of_the_mean_shares(camera: CameraSpec) -> None:
    view = rendered_view(camera, *SIZE, 32)
    assert view is not None
    warp = LensWarp(view, camera, *SIZE)
    rng = np.random.default_rng(0)
    part = rng.integers(0, PART_COUNT + 1, (view.height // 9 + 1, view.width // 9 + 1))
    part = np.kron(part, np.ones((9, 9), int))[: view.height, : view.width]  # areas of one part
    shares = (part[..., None] == np.arange(1, PART_COUNT + 1)).astype(np.float32)
    edge = rng.random(part.shape) < 0.1  # a few samples of another part, and some that miss
    shares[edge] = 0.5 * shares[edge] + 0.25 * np.roll(shares, 1, axis=-1)[edge]
    layers = [
        np.concatenate([shares[..., i : i + 3], np.ones((*part.shape, 1), np.float32)], axis=-1)
        for i in range(0, PART_COUNT, 3)
    ]
    mask = (rng.random(SIZE[::-1]) < 0.7).astype(np.uint8) * 3

    found = decode_warped(layers, mask, warp)
    np.testing.assert_array_equal(found, decode(warp.mean(shares), mask))
    assert len(np.unique(found)) == PART_COUNT + 1


def test_an_image_without_persons_has_no_parts() -> None:
    view = rendered_view(BARREL, *SIZE, 32)
    assert view is not None
    layers = [np.ones((view.height, view.width, 4), np.float32)] * (PART_COUNT // 3)
    mask = np.zeros(SIZE[::-1], np.uint8)
    assert not decode_warped(layers, mask, LensWarp(view, BARREL, *SIZE)).any()
