"""Two passes: which tiles are predicted, and what they change."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pii_seg.errors import ConfigError
from pii_seg.inference import two_pass
from pii_seg.inference.settings import InferenceSettings
from pii_seg.inference.tiling import forward_pixels, plan_views, predict_logits
from pii_seg.inference.two_pass import Criteria, place_tiles

SIZE = 256
HEIGHT, WIDTH = 640, 832  # what 3 × 4 tiles cover, so that nothing is resized
BOTH = InferenceSettings(size=SIZE, tiles="two-pass")
ALL = InferenceSettings(size=SIZE, tiles="auto")


class Brightness:
    """Logits that follow brightness, 0 at grey 128; counts the tiles that it is given."""

    def __init__(self) -> None:
        self.tiles: list[tuple[int, ...]] = []

    def __call__(self, tiles: np.ndarray) -> np.ndarray:
        self.tiles += [tiles.shape[1:3]] * len(tiles)
        return (tiles.astype(np.float32).mean(axis=3) - 128) / 16


def dark(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    return np.full((height, width, 3), 20, np.uint8)


def predict(image: np.ndarray, settings: InferenceSettings) -> tuple[np.ndarray, Brightness]:
    segmenter = Brightness()
    return predict_logits(segmenter, image, settings), segmenter


def test_an_image_of_one_tile_is_predicted_once() -> None:
    image = dark(200, 256)
    logits, segmenter = predict(image, BOTH)
    assert len(segmenter.tiles) == 1
    assert (logits == predict(image, ALL)[0]).all()


def test_nothing_in_doubt_costs_the_first_pass_only() -> None:
    _, segmenter = predict(dark(), BOTH)
    assert segmenter.tiles == [(197, 256)]


@pytest.mark.parametrize("place", [(0, 0), (300, 400), (632, 828), (200, 820), (330, 180)])
def test_one_distant_person_costs_one_tile_wherever_it_is(place: tuple[int, int]) -> None:
    y, x = place
    image = dark()
    image[y : y + 8, x : x + 4] = 255
    logits, segmenter = predict(image, BOTH)
    assert len(segmenter.tiles) == 2
    every, _ = predict(image, ALL)
    assert ((logits > 0) == (every > 0)).all()
    assert logits[y : y + 8, x : x + 4] == pytest.approx(every[y : y + 8, x : x + 4], abs=1e-4)


def test_distant_persons_that_fit_into_one_tile_share_it() -> None:
    image = dark()
    image[300:308, 400:404] = image[350:358, 500:504] = 255
    assert len(predict(image, BOTH)[1].tiles) == 2
    image[20:28, 30:34] = 255
    assert len(predict(image, BOTH)[1].tiles) == 3


@pytest.mark.parametrize(("logit", "tiles"), [(-1, 2), (-3, 1)])
def test_faint_persons_are_looked_at_and_fainter_ones_are_not(logit: int, tiles: int) -> None:
    image = dark()
    image[300:340, 400:420] = 128 + 16 * logit
    assert len(predict(image, BOTH)[1].tiles) == tiles


def test_large_persons_keep_what_the_first_pass_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles that deny a large person change nothing of it."""
    monkeypatch.setattr(two_pass, "CRITERIA", Criteria(small=20))

    def deny(tiles: np.ndarray) -> np.ndarray:
        logits = Brightness()(tiles)
        return np.minimum(logits, -5) if calls.append(1) or len(calls) > 1 else logits

    calls: list[int] = []
    image = dark()
    image[20:500, 60:240] = 255  # large
    image[380:412, 300:320] = 255  # small: asks for a tile, which reaches into the large one
    logits = predict_logits(deny, image, BOTH)
    assert len(calls) == 2
    assert (logits[24:496, 64:236] > 0).all()
    assert (logits[380:412, 300:320] < 0).all()


def test_when_all_places_ask_the_result_is_that_of_all_tiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(two_pass, "CRITERIA", Criteria(doubt=-1e9, small=10_000))
    image = np.random.default_rng(0).integers(0, 100, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    logits, segmenter = predict(image, BOTH)
    every, grid = predict(image, ALL)
    assert segmenter.tiles[1:] == grid.tiles
    assert (logits == every).all()


def test_texture_asks_only_when_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    image = dark()
    image[300:340, 400:440:2] = 60  # stripes of a pixel: grey to the first pass
    assert len(predict(image, BOTH)[1].tiles) == 1
    monkeypatch.setattr(two_pass, "CRITERIA", Criteria(texture=5.0))
    assert len(predict(image, BOTH)[1].tiles) == 2


def test_mirrored_views_and_scales_work() -> None:
    image = dark()
    image[300:308, 130:134] = 255
    settings = InferenceSettings(size=SIZE, tiles="two-pass", flip=True, scales=(0.5, 1.0))
    logits, segmenter = predict(image, settings)
    assert (logits[302:306, 131:133] > 0).all()
    assert len(segmenter.tiles) < len(predict(image, InferenceSettings(
        size=SIZE, tiles="auto", flip=True, scales=(0.5, 1.0)))[1].tiles)  # fmt: skip


def test_there_is_no_seam() -> None:
    """Passes that differ by a constant are joined smoothly."""
    corners = [(40, 60), (90, 100)]
    coarse = np.full((180, 220), -1.0, np.float32)
    blended = two_pass.blend_tiles(
        coarse, corners, (64, 64), (16, 16), lambda some: np.full((len(some), 64, 64), 1.0), 1
    )
    assert blended[72, 92] == pytest.approx(1.0)
    assert blended[0, 0] == -1.0
    step = max(np.abs(np.diff(blended, axis=0)).max(), np.abs(np.diff(blended, axis=1)).max())
    assert step < 2 * math.pi / 2 / 16 * 1.1


@pytest.mark.parametrize("seed", range(12))
def test_tiles_cover_every_place_and_lie_in_the_view(seed: int) -> None:
    rng = np.random.default_rng(seed)
    view, cell = (int(rng.integers(100, 400)), int(rng.integers(100, 400))), (7.3, 9.1)
    shape = (math.ceil(view[0] / cell[0]), math.ceil(view[1] / cell[1]))
    cells = rng.random(shape) < 0.03
    tile, ramp = (64, 80), (8, 10)
    corners = place_tiles(cells, cell, view, tile, ramp, most=10_000)
    assert corners is not None
    flat = np.zeros(view, bool)
    for y, x in corners:
        assert 0 <= y <= view[0] - tile[0] and 0 <= x <= view[1] - tile[1]
        top, left = y + ramp[0] * (y > 0), x + ramp[1] * (x > 0)
        bottom = y + tile[0] - ramp[0] * (y + tile[0] < view[0])
        right = x + tile[1] - ramp[1] * (x + tile[1] < view[1])
        flat[top:bottom, left:right] = True
    for row, column in np.argwhere(cells):
        box = flat[
            round(row * cell[0]) : round((row + 1) * cell[0]),
            round(column * cell[1]) : round((column + 1) * cell[1]),
        ]
        assert box.mean() > 0.7  # a pixel or two are lost to rounding
    assert place_tiles(cells, cell, view, tile, ramp, most=len(corners) - 1) is None


def test_the_cost_that_is_announced_is_the_most() -> None:
    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    _, segmenter = predict(image, BOTH)
    assert sum(h * w for h, w in segmenter.tiles) <= forward_pixels(HEIGHT, WIDTH, BOTH)
    assert forward_pixels(HEIGHT, WIDTH, BOTH) > forward_pixels(HEIGHT, WIDTH, ALL)
    assert plan_views(HEIGHT, WIDTH, BOTH) == plan_views(HEIGHT, WIDTH, ALL)


def test_other_words_are_refused() -> None:
    with pytest.raises(ConfigError, match="two-pass"):
        InferenceSettings(tiles="twopass")  # type: ignore[arg-type]
