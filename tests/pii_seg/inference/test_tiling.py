"""Tiles cover every pixel, merge without a seam, and cost what the plan says."""

from __future__ import annotations

import itertools
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pii_seg.inference.settings import InferenceSettings, Merge
from pii_seg.inference.tiling import (
    Segmenter,
    forward_pixels,
    plan_views,
    predict_logits,
    predict_probability,
    sigmoid_in_place,
    tile_axis,
)


class Recorder:
    """A segmenter that computes `answer` and records the shapes of its inputs."""

    def __init__(self, answer) -> None:
        self.answer, self.shapes = answer, []

    def __call__(self, images: np.ndarray) -> np.ndarray:
        assert images.dtype == np.uint8
        assert images.flags.c_contiguous
        self.shapes.append(tuple(images.shape))
        return self.answer(images)

    @property
    def pixels(self) -> int:
        return sum(b * h * w for b, h, w, _ in self.shapes)


def red(images: np.ndarray) -> np.ndarray:
    """Logit = red / 8 − 16: each logit depends on its own pixel alone."""
    return images[..., 0].astype(np.float32) / 8 - 16


def position_in_tile(images: np.ndarray) -> np.ndarray:
    """A slope from −5 to 5 across and down: most wrong at the edges of a tile."""
    h, w = images.shape[1:3]
    slope = np.linspace(-5, 5, w)[None, :] + np.linspace(-5, 5, h)[:, None]
    return np.broadcast_to(slope, (len(images), h, w))


def smooth_image(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    value = 127 + 120 * np.sin(y / 37) * np.cos(x / 53)
    return np.repeat(value.astype(np.uint8)[..., None], 3, axis=2)


@given(st.integers(1, 5000), st.integers(1, 700), st.floats(0, 0.75))
def test_tiles_cover_a_side_evenly_with_at_least_the_overlap(
    length: int, size: int, overlap: float
) -> None:
    tile, offsets = tile_axis(length, size, overlap)
    assert 1 <= tile <= size
    assert offsets[0] == 0
    assert offsets[-1] + tile == length
    strides = np.diff(offsets)
    assert (strides <= np.ceil((1 - overlap) * tile + 1e-6)).all()
    assert len(offsets) == 1 or np.ptp(strides) <= 1
    # one tile fewer would not do
    fewer = len(offsets) - 1
    assert fewer == 0 or size * (fewer - (fewer - 1) * overlap) < length + 1e-6


@given(
    st.integers(1, 900),
    st.integers(1, 900),
    st.one_of(st.just("auto"), st.integers(1, 4)),
    st.sampled_from([(1.0,), (0.5, 1.0), (2.0,)]),
    st.booleans(),
)
def test_cost_is_what_the_plan_says(height: int, width: int, tiles, scales, flip: bool) -> None:
    settings = InferenceSettings(
        size=128, tiles=tiles, scales=scales, flip=flip, batch_pixels=40_000
    )
    segmenter = Recorder(red)
    logits = predict_logits(segmenter, np.zeros((height, width, 3), np.uint8), settings)
    assert logits.shape == (height, width)
    assert logits.dtype == np.float32
    assert segmenter.pixels == forward_pixels(height, width, settings)
    assert all(max(h, w) <= 128 for _, h, w, _ in segmenter.shapes)
    assert all(b == 1 or b * h * w <= 40_000 for b, h, w, _ in segmenter.shapes)
    np.testing.assert_allclose(logits, -16, atol=1e-4)


@pytest.mark.parametrize("tiles", [1, 2, 3, 5])
def test_k_tiles_lie_along_the_longest_side(tiles: int) -> None:
    for height, width in [(640, 480), (480, 640), (300, 300), (4000, 3000), (1000, 90)]:
        (view,) = plan_views(height, width, InferenceSettings(size=256, tiles=tiles))
        along, across = (
            (view.rows, view.columns) if view.height >= view.width else (view.columns, view.rows)
        )
        assert len(along) == tiles
        assert len(across) <= tiles
        assert abs(view.width / view.height - width / height) < 0.05 * width / height


def test_auto_keeps_native_resolution_and_never_enlarges() -> None:
    settings = InferenceSettings(size=256, tiles="auto", most_tiles=4)
    (small,) = plan_views(100, 200, settings)
    assert (small.height, small.width, small.rows, small.columns) == (100, 200, (0,), (0,))
    (middle,) = plan_views(480, 640, settings)
    assert (middle.height, middle.width) == (480, 640)
    assert (len(middle.rows), len(middle.columns)) == (3, 3)
    (huge,) = plan_views(8700, 11500, settings)
    assert len(huge.columns) == 4
    assert huge.forward_pixels <= 16 * 256 * 256


def test_scales_change_the_views_but_not_the_tiles() -> None:
    views = plan_views(480, 640, InferenceSettings(size=320, scales=(0.5, 1.0, 2.0)))
    assert [(v.height, v.width) for v in views] == [(120, 160), (240, 320), (480, 640)]
    assert [len(v.columns) for v in views] == [1, 1, 3]
    assert max(max(v.tile_height, v.tile_width) for v in views) <= 320


@pytest.mark.parametrize("tiles", [2, 3, "auto"])
def test_no_seam_shows(tiles) -> None:
    """Without windows the slope of `position_in_tile` would fall by 10 at every edge of a tile."""
    settings = InferenceSettings(size=128, tiles=tiles)
    logits = predict_logits(position_in_tile, smooth_image(300, 420), settings)
    (view,) = plan_views(300, 420, settings)
    shared = view.tile_width - (view.columns[1] - view.columns[0])
    # sin² rises by at most π/2/shared a pixel, over a difference of 10; both axes and the slope
    # itself add a little
    bound = 1.25 * 10 * np.pi / 2 / (shared * 420 / view.width)
    assert np.abs(np.diff(logits, axis=0)).max() < bound < 2
    assert np.abs(np.diff(logits, axis=1)).max() < bound


def test_seams_would_show_without_the_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "pii_seg.inference.tiling._rise", lambda shared, tile: np.ones(tile, np.float32)
    )
    logits = predict_logits(
        position_in_tile, smooth_image(300, 420), InferenceSettings(size=128, tiles=3)
    )
    assert np.abs(np.diff(logits, axis=1)).max() > 2


@pytest.mark.parametrize(
    ("tiles", "scales", "flip", "merge"),
    list(
        itertools.product([1, 3, "auto"], [(1.0,), (0.5, 1.0, 1.5)], [False, True], get_args(Merge))
    ),
)
def test_a_segmenter_of_single_pixels_gives_the_same_at_all_settings(
    tiles, scales, flip, merge
) -> None:
    image = smooth_image(211, 333)
    image[..., 0][:, 200:] //= 2  # not symmetric: a view mirrored back wrongly would show
    settings = InferenceSettings(size=160, tiles=tiles, scales=scales, flip=flip, merge=merge)
    logits = predict_logits(red, image, settings)
    difference = np.abs(logits - (image[..., 0] / 8.0 - 16))
    difference[:, 195:205] = 0  # resizing blurs the edge
    assert (
        difference.max() < 0.7
    )  # of a range of 30: what shrinking to a quarter takes from the waves


def two_views(left: float, right: float) -> Segmenter:
    """A segmenter whose logit is `left` for an image and `right` for its mirror image."""

    def halves(images: np.ndarray) -> np.ndarray:
        logits = np.full(images.shape[:3], right, np.float32)
        logits[..., : images.shape[2] // 2] = left
        return logits

    return halves


@pytest.mark.parametrize(
    ("looks", "mean", "most", "cautious"),
    [
        ((4.0, -2.0), 1.0, 4.0, 4.0),  # found, as surely as the surest look
        ((4.0, -6.0), -1.0, 4.0, 0.0),  # not found, but not background either
        ((-2.0, -6.0), -4.0, -2.0, -2.0),  # as sure of background as the look that is least so
        ((4.0, 6.0), 5.0, 6.0, 6.0),
    ],
)
def test_views_are_merged(
    looks: tuple[float, float], mean: float, most: float, cautious: float
) -> None:
    image = np.zeros((64, 64, 3), np.uint8)

    def merged(how: Merge) -> np.ndarray:
        return predict_logits(two_views(*looks), image, InferenceSettings(flip=True, merge=how))

    np.testing.assert_allclose(merged("mean"), mean)
    np.testing.assert_allclose(merged("max"), most)
    np.testing.assert_allclose(merged("cautious"), cautious, atol=0.01)
    np.testing.assert_array_equal(
        merged("cautious") >= 0, merged("mean") >= 0
    )  # the same are found


def test_the_temperature_divides_the_merged_logits() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    flipped = InferenceSettings(flip=True)
    probability = predict_probability(two_views(4.0, -2.0), image, flipped, temperature=2.0)
    np.testing.assert_allclose(probability, 1 / (1 + np.exp(-0.5)), rtol=1e-6)


def test_probabilities_are_exact_at_both_ends() -> None:
    logits = np.array([-200, -80, -6.2, 0, 6.2, 80, 200], np.float32)
    expected = 1 / (1 + np.exp(-logits.astype(np.float64)))
    np.testing.assert_allclose(sigmoid_in_place(logits), expected, rtol=1e-6, atol=1e-38)


def test_input_and_output_of_the_segmenter_are_not_changed() -> None:
    kept = np.full((1, 64, 64), 3.0, np.float32)
    image = smooth_image(64, 64)
    before = image.copy()
    predict_probability(lambda images: kept, image, temperature=3.0)
    assert (kept == 3.0).all()
    assert (image == before).all()


def test_wrong_outputs_are_rejected() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    with pytest.raises(ValueError, match=r"\(1, 2, 64, 64\)"):
        predict_logits(lambda x: np.zeros((len(x), 2, *x.shape[1:3]), np.float32), image)
    with pytest.raises(FloatingPointError):
        predict_logits(lambda x: np.full(x.shape[:3], np.nan, np.float32), image)
    with pytest.raises(ValueError, match="uint8"):
        predict_logits(red, image.astype(np.float32))


@pytest.mark.parametrize(
    "values",
    [
        {"tiles": 0},
        {"tiles": 65},
        {"scales": ()},
        {"scales": (0.0,)},
        {"scales": (float("nan"),)},
        {"overlap": 0.9},
        {"merge": "min"},
        {"size": 8},
        {"batch_pixels": 0},
    ],
)
def test_settings_out_of_range_are_rejected(values: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        InferenceSettings(**values)
