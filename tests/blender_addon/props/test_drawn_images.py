from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from blender_addon.props.drawing import Canvas
from blender_addon.props.drawn_images import KINDS, names, shows_person, tile_box
from blender_addon.props.drawn_people import persons
from blender_addon.props.primitives import IMAGE, join, picture
from blender_addon.scene.spec import SURFACE_PATTERNS, PropSpec, SurfaceSpec
from blender_addon.stage.arrays import assemble, prop_piece

PAPER = SurfaceSpec("plain", (0.8, 0.8, 0.8), (0.1, 0.1, 0.1), 1.0, 0.5, image="drawn:art:3")


def test_boxes_of_images_lie_apart_in_the_atlas() -> None:
    boxes = np.array([tile_box(name) for name in names()])

    assert ((boxes >= 0) & (boxes <= 1)).all()
    apart = (boxes[:, None, :2] >= boxes[None, :, 2:]).any(axis=2)
    assert (apart | apart.T | np.eye(len(boxes), dtype=bool)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_images_of_a_kind_differ_and_come_back(kind: str) -> None:
    row = KINDS[kind]
    tiles = [row.image(np.random.default_rng(i)) for i in range(min(row.count, 6))]

    assert all(tile.shape == (row.height, row.width, 4) for tile in tiles)
    assert all(tile[..., :3].std() > 4 for tile in tiles)
    assert len({tile.tobytes() for tile in tiles}) == len(tiles)
    assert tiles[0].tobytes() == row.image(np.random.default_rng(0)).tobytes()


def test_posters_and_screens_show_persons_and_pictograms_are_none() -> None:
    def share(kind: str) -> float:
        shown = [shows_person(f"drawn:{kind}:{i}") for i in range(KINDS[kind].count)]
        return float(np.mean(shown))

    assert share("poster") > 0.6
    assert share("portrait") == 1.0
    assert 0.2 < share("screen") < 0.9
    assert share("sign") == share("view") == share("art") == 0.0


def test_the_mask_of_a_drawn_person_is_where_it_is_drawn() -> None:
    canvas = Canvas(100, 100, (0.0, 0.0, 0.0))
    with persons(canvas):
        canvas.ellipse(0.5, 0.5, 0.3, 0.3, (1.0, 1.0, 1.0))
    canvas.rect(0.4, 0.4, 0.2, 0.2, (1.0, 0.0, 0.0))

    white = canvas.rgb[..., 1]
    np.testing.assert_allclose(canvas.person, white, atol=1e-6)
    assert canvas.person.sum() == pytest.approx(10_000 * (np.pi * 0.09 - 0.04), rel=0.02)


def test_a_polygon_covers_its_area_and_text_fits() -> None:
    canvas = Canvas(120, 60, (0.0, 0.0, 0.0))
    canvas.polygon([(0.2, 0.1), (1.5, 0.3), (0.9, 0.85)], (1.0, 1.0, 1.0))
    area = abs(1.3 * 0.75 - 0.7 * 0.2) / 2 * 60**2
    assert canvas.rgb[..., 0].sum() == pytest.approx(area, rel=0.02)

    canvas = Canvas(120, 60, (0.0, 0.0, 0.0))
    canvas.text(1.0, 0.2, 0.5, "TEXT THAT FITS", (1, 1, 1), align=0.5, fit=1.2)
    columns = np.flatnonzero(canvas.rgb[..., 0].max(axis=0) > 0.2)
    assert columns.min() >= 22
    assert columns.max() <= 98
    assert canvas.rgb[..., 0].max() > 0.8


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
