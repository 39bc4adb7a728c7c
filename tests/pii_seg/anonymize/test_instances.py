"""Masks and JSON of the pieces of a redacted frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pii_seg.anonymize.instances import (
    MODEL,
    NEIGHBOUR,
    REGION,
    describe_pieces,
    encode_ids,
    frame_record,
    number_pieces,
)


def canvas(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((40, 60), bool)
    for x, y, width, height in boxes:
        mask[y : y + height, x : x + width] = True
    return mask


def test_persons_stay_apart_where_their_margins_touch() -> None:
    found = canvas((4, 4, 6, 20), (14, 4, 6, 10))
    redacted = canvas((2, 2, 20, 24))
    ids = number_pieces(redacted, found)
    assert ((ids > 0) == redacted).all()
    assert set(np.unique(ids[4:24, 4:10])) == {1}
    assert set(np.unique(ids[4:14, 14:20])) == {2}
    assert ids[8, 11] == 1 and ids[8, 12] == 2  # each margin pixel is the nearest one's


def test_what_nobody_found_is_a_piece_of_its_own() -> None:
    found = canvas((4, 4, 6, 20))
    region = canvas((8, 4, 30, 20))
    held = canvas((50, 30, 3, 3))
    redacted = found | region | held
    ids = number_pieces(redacted, found, region)
    assert ((ids > 0) == redacted).all()
    assert ids[10, 20] == 1 and ids[10, 8] == 2 and ids[31, 51] == 3  # largest first
    pieces = describe_pieces(ids, None, {REGION: region, NEIGHBOUR: held})
    assert [piece.sources for piece in pieces] == [(REGION,), (REGION,), (NEIGHBOUR,)]


def test_excluded_pixels_have_no_id_and_may_cut_a_person_in_two() -> None:
    found = canvas((10, 5, 20, 30))
    redacted = found & ~canvas((0, 15, 60, 5))
    ids = number_pieces(redacted, found)
    assert ids.max() == 2
    assert ((ids > 0) == redacted).all()


@pytest.mark.parametrize("seed", range(8))
def test_every_redacted_pixel_has_one_id_and_records_agree_with_the_mask(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found, redacted, region = (cv2.blur(rng.random((3, 40, 60))[k], (5, 5)) > t for k, t in
                               ((0, 0.55), (1, 0.48), (2, 0.6)))  # fmt: skip
    redacted |= region
    probability = rng.random((40, 60), dtype=np.float32)
    ids = number_pieces(redacted, found, region)
    assert ((ids > 0) == redacted).all()
    pieces = describe_pieces(ids, probability, {MODEL: found, REGION: region})
    assert [piece.id for piece in pieces] == list(range(1, ids.max() + 1))
    assert [p.area for p in pieces] == sorted((p.area for p in pieces), reverse=True)
    for piece in pieces:
        rows, columns = np.nonzero(ids == piece.id)
        x, y, width, height = piece.bbox
        assert (x, y) == (columns.min(), rows.min())
        assert (x + width, y + height) == (columns.max() + 1, rows.max() + 1)
        assert piece.area == len(rows)
        scores = probability[(ids == piece.id) & found]
        assert (piece.score_mean is None) == (MODEL not in piece.sources) == (scores.size == 0)
        if scores.size:
            assert piece.score_mean == pytest.approx(scores.mean(), abs=1e-4)
            assert piece.score_max == pytest.approx(scores.max(), abs=1e-4)


def test_nothing_redacted_is_no_piece() -> None:
    ids = number_pieces(canvas(), canvas((1, 1, 3, 3)))
    assert not ids.any() and describe_pieces(ids, None, {}) == []
    assert frame_record(0, ids, None, [])["pieces"] == []


@pytest.mark.parametrize(("count", "bits"), [(254, np.uint8), (255, np.uint16), (700, np.uint16)])
def test_masks_hold_every_id(count: int, bits: type) -> None:
    ids = np.arange(count + 1, dtype=np.int32)[None].repeat(3, axis=0)
    read = cv2.imdecode(np.frombuffer(encode_ids(ids), np.uint8), cv2.IMREAD_UNCHANGED)
    assert read.dtype == bits
    assert (read == ids).all()


def test_images_have_no_track() -> None:
    ids = number_pieces(canvas((1, 1, 5, 5)), canvas((1, 1, 5, 5)))
    (piece,) = describe_pieces(ids, None, {})
    assert "track" not in piece.as_record()
    assert frame_record(3, ids, "000003.png", [piece], time=0.12)["time"] == 0.12
