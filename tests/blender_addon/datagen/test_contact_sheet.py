import numpy as np
import pytest

from blender_addon.datagen.contact_sheet import GAP, contact_sheet, overlay


def pair(width=40, height=30, ids=(1,)):
    mask = np.zeros((height, width), np.uint8)
    for k in ids:
        mask[2 * k : 2 * k + 2] = k
    return np.full((height, width, 3), 128, np.uint8), mask


def test_overlay_darkens_the_background_and_gives_each_person_a_colour():
    image, mask = pair(ids=(1, 2, 3))
    out = overlay(image, mask)
    assert (out[mask == 0] < 128).all()
    colors = {tuple(out[mask == k][0]) for k in (1, 2, 3)}
    assert len(colors) == 3


def test_overlay_without_people():
    image, mask = pair(ids=())
    assert overlay(image, mask).shape == image.shape


@pytest.mark.parametrize("count", [1, 4, 5, 9])
def test_sheet_has_room_for_all_pairs(count):
    sheet = contact_sheet([pair() for _ in range(count)], columns=4, cell=60)
    columns, rows = min(4, count), -(-count // 4)
    assert sheet.shape == (rows * (60 + GAP) + GAP, columns * (160 + GAP) + GAP, 3)


def test_pairs_of_different_sizes_share_a_sheet():
    sheet = contact_sheet([pair(40, 30), pair(30, 40)], columns=2, cell=60)
    assert sheet.shape[1] == 2 * (160 + GAP) + GAP


def test_no_pairs_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([])
