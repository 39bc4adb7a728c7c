from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from blender_addon.props.drawn_images import KINDS, TILE, atlas, names, tile_box
from blender_addon.props.primitives import IMAGE, join, picture
from blender_addon.scene.spec import SURFACE_PATTERNS, PropSpec, SurfaceSpec
from blender_addon.stage.arrays import assemble, prop_piece

PAPER = SurfaceSpec("plain", (0.8, 0.8, 0.8), (0.1, 0.1, 0.1), 1.0, 0.5, image="drawn:art:3")


def test_boxes_of_images_lie_apart_in_the_atlas() -> None:
    boxes = np.array([tile_box(name) for name in names()])

    assert ((boxes >= 0) & (boxes <= 1)).all()
    assert len({(round(x, 4), round(y, 4)) for x, y, _, _ in boxes}) == len(boxes)
    assert len(atlas()) % TILE == 0


@pytest.mark.parametrize("kind", KINDS)
def test_images_of_a_kind_differ_and_come_back(kind: str) -> None:
    count, draw = KINDS[kind]
    tiles = [draw(np.random.default_rng(i)) for i in range(min(count, 6))]

    assert all(tile.shape == (TILE, TILE, 3) and tile.std() > 4 for tile in tiles)
    assert len({tile.tobytes() for tile in tiles}) == len(tiles)
    assert tiles[0].tobytes() == draw(np.random.default_rng(0)).tobytes()


def test_a_picture_shows_its_tile_upright() -> None:
    prop = PropSpec("poster", (0, 0, 1), (0, 0, 0), (0.6, 0.02, 0.9), PAPER)
    arrays = assemble([prop_piece(prop)])

    face = np.flatnonzero(arrays.pattern == SURFACE_PATTERNS.index("image"))
    assert len(face) == 1
    start = arrays.starts[face[0]]
    corners = arrays.vertices[arrays.loops[start : start + 4]]
    uv = arrays.uv[start : start + 4]
    left, bottom, right, top = tile_box("drawn:art:3")
    np.testing.assert_allclose(uv.min(axis=0), (left, bottom), atol=1e-6)
    np.testing.assert_allclose(uv.max(axis=0), (right, top), atol=1e-6)
    # Seen from -Y, x grows to the right and z upwards.
    assert np.corrcoef(corners[:, 0], uv[:, 0])[0, 1] > 0.99
    assert np.corrcoef(corners[:, 2], uv[:, 1])[0, 1] > 0.99


def test_a_picture_without_an_image_has_the_surface_s_colour() -> None:
    plain = dataclasses.replace(PAPER, image="")
    arrays = assemble(
        [prop_piece(PropSpec("poster", (0, 0, 1), (0, 0, 0), (0.6, 0.02, 0.9), plain))]
    )

    assert SURFACE_PATTERNS.index("image") not in arrays.pattern


def test_an_unknown_image_is_an_error_that_lists_the_kinds() -> None:
    with pytest.raises(KeyError, match=r"drawn:cat:1.*art"):
        tile_box("drawn:cat:1")


def test_paint_and_uv_follow_their_faces() -> None:
    two = join([picture((0, 0, 0), (1, 1)), picture((0, 1, 0), (1, 1), tone=0).painted((1, 0, 0))])

    assert two.paint is not None and two.uv is not None
    assert np.isnan(two.paint[0]).all() and (two.paint[1] == (1, 0, 0)).all()
    mirrored = two.placed(np.diag((-1.0, 1, 1)), np.zeros(3))
    order = [3, 2, 1, 0]
    np.testing.assert_array_equal(mirrored.loops[:4], two.loops[:4][order])
    np.testing.assert_array_equal(mirrored.uv[:4], two.uv[:4][order])
    assert two.tones[0] == IMAGE
