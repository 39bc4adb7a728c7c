"""Tiles of cloth and skin: they repeat without a seam, are the same at every run, and keep the
colour of the cloth.
"""

import numpy as np
import pytest

from blender_addon.wardrobe import fabric_images as images
from blender_addon.wardrobe.fabric_figures import FIGURES
from blender_addon.wardrobe.fabric_weaves import WEAVES
from blender_addon.wardrobe.tile_grid import SIZE, cells, noise

# A face, and what lies on the body once, need not repeat.
ONCE = {"face", *(name for name, figure in FIGURES.items() if figure.placed)}


@pytest.mark.parametrize("name", sorted(set(images.TILES) - ONCE))
def test_a_tile_repeats_without_a_seam(name):
    tile = images.tile(name)
    for axis in (0, 1):
        seam = np.abs(tile.take(0, axis) - tile.take(-1, axis)).mean()
        inner = np.abs(np.diff(tile, axis=axis)).mean(axis=(1 - axis, 2))
        assert seam <= 1.1 * inner.max() + 1e-6, axis


@pytest.mark.parametrize("name", sorted(WEAVES))
def test_a_weave_keeps_the_colour_of_the_cloth(name):
    tile = images.tile(name)
    assert abs(float(tile[..., 2].mean()) - 0.5) < 0.02
    assert not tile[..., :2].any()


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_a_figure_shows_two_colours(name):
    second = float(images.tile(name)[..., 0].mean())
    assert 0.01 < second < 0.9
    low, high = FIGURES[name].size
    assert 0.01 < low <= high < 1.0


def test_the_atlas_holds_every_tile_where_it_says():
    atlas = images.atlas()
    assert atlas.shape == (images.HEIGHT, images.WIDTH, 4)
    for name in ("plain", "denim", "tartan", "face", images.TILES[-1]):
        x, y = images.tile_origin(name)
        column, row = round(x * images.WIDTH), round(y * images.HEIGHT)
        found = atlas[row : row + SIZE, column : column + SIZE] / 255
        np.testing.assert_allclose(found, images.tile(name), atol=0.003)
    with pytest.raises(ValueError, match="brocade"):
        images.tile_origin("brocade")


def test_noise_and_cells_are_the_same_at_every_call():
    np.testing.assert_array_equal(noise(3, 5), noise(3, 5))
    assert abs(float(np.corrcoef(noise(3, 5).ravel(), noise(4, 5).ravel())[0, 1])) < 0.5
    first, second, index = cells(5, 9)
    assert (first <= second).all()
    assert len(np.unique(index)) > 60
