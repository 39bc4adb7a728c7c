"""Factors are independent, targets follow their images, and ranges are kept."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pii_seg.augmentation_config import AUGMENTATION_FACTORS, AugmentationConfig
from pii_seg.data.augmentation import augment, change_colour, degrade, take_view
from pii_seg.data.random_streams import Streams
from pii_seg.data.sources import IGNORE, PERSON, Sample

COLOURS = tuple(
    f
    for f in AUGMENTATION_FACTORS
    if f in ("brightness", "contrast", "gamma", "white_balance", "saturation", "hue")
)
NONE = AugmentationConfig.none()


def only(factor: str, **ranges: object) -> AugmentationConfig:
    """One factor, always; all others off."""
    return dataclasses.replace(NONE, **{factor: 1.0}, **ranges)  # type: ignore[arg-type]


def coded(height: int = 60, width: int = 80) -> Sample:
    """A person of white pixels on black, so that image and target must agree in every view."""
    target = np.zeros((height, width), np.uint8)
    target[height // 4 : height * 3 // 4, width // 5 : width // 2] = PERSON
    image = np.repeat((target * 255)[..., None], 3, axis=2)
    return Sample("coded", image, target, target.astype(np.uint16))


def picture(size: int = 48) -> np.ndarray:
    """Smooth, colourful, and away from 0 and 255."""
    noise = np.random.default_rng(3).uniform(60, 190, (6, 6, 3)).astype(np.uint8)
    return cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC)


def agreement(view: Sample) -> float:
    known = view.target != IGNORE
    return float(((view.image[..., 0] > 127) == (view.target == PERSON))[known].mean())


def test_same_streams_same_view_and_the_sample_stays_as_it_was() -> None:
    sample = coded()
    for array in (sample.image, sample.target):
        array.flags.writeable = False  # as those kept in memory are
    every = dict.fromkeys(AUGMENTATION_FACTORS, 1.0)
    how = dataclasses.replace(AugmentationConfig(), **every)  # type: ignore[arg-type]
    one, same, other = (augment(sample, 32, how, Streams((1, 2, n))) for n in (3, 3, 4))
    np.testing.assert_array_equal(one.image, same.image)
    np.testing.assert_array_equal(one.target, same.target)
    assert (one.image != other.image).any()
    assert one.image.shape == (32, 32, 3) and one.target.shape == (32, 32)
    assert one.image.dtype == one.target.dtype == np.uint8


@pytest.mark.parametrize("factor", AUGMENTATION_FACTORS)
def test_every_factor_changes_something_and_nothing_else(factor: str) -> None:
    """With one factor off, every other one draws as before: the streams are independent."""
    sample, streams = coded(), Streams((0, 0, 7))
    if factor not in (
        "paste",
        "distractors",
    ):  # they need a bank: tests/pii_seg/data/test_copy_paste.py
        changed = False
        for place in range(5):
            off, on = (
                augment(_textured(), 32, how, Streams((0, 0, place)))
                for how in (NONE, only(factor))
            )
            changed |= (off.image != on.image).any() or (off.target != on.target).any()
        assert changed, f"{factor} does nothing"
    everything = dataclasses.replace(
        AugmentationConfig(), **dict.fromkeys(AUGMENTATION_FACTORS, 1.0)
    )  # type: ignore[arg-type]
    for other in AUGMENTATION_FACTORS:
        if other != factor:
            with_it = streams.drawn(other, everything.__getattribute__(other))
            without = streams.drawn(other, everything.without(factor).__getattribute__(other))
            assert with_it is not None and without is not None
            assert with_it.random() == without.random()
    assert sample.target.max() == PERSON


def _textured() -> Sample:
    return dataclasses.replace(coded(48, 48), image=picture())


def test_switching_colour_off_leaves_the_view_and_the_occluders_alone() -> None:
    sample = coded()
    how = dataclasses.replace(AugmentationConfig(), scale=1.0, rotation=1.0, occlusion=1.0)
    for place in range(10):
        full = augment(sample, 32, how, Streams((5, 0, place)))
        plain = augment(
            sample,
            32,
            how.without(*COLOURS, "grayscale", "noise", "jpeg", "blur"),
            Streams((5, 0, place)),
        )
        np.testing.assert_array_equal(full.target, plain.target)


def test_a_changed_probability_does_not_change_the_draws() -> None:
    views = {}
    for probability in (0.4, 0.8):
        how = dataclasses.replace(NONE, brightness=probability)
        views[probability] = [change_colour(picture(), how, Streams((0, 0, n))) for n in range(40)]
    both = [(a, b) for a, b in zip(views[0.4], views[0.8], strict=True) if (a != picture()).any()]
    assert 8 < len(both) < 24
    for seldom, often in both:
        np.testing.assert_array_equal(seldom, often)


@pytest.mark.parametrize("factor", ["scale", "focus", "flip", "rotation"])
def test_target_follows_its_image(factor: str) -> None:
    for place in range(20):
        view = augment(coded(), 64, only(factor), Streams((0, 0, place)))
        assert agreement(view) > 0.97, place
    assert agreement(view) > 0.97


@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    size=st.integers(8, 64),
    zoom=st.floats(0.3, 4.0),
    place=st.integers(0, 1000),
)
def test_any_image_gives_a_view_of_the_wished_size(
    height: int, width: int, size: int, zoom: float, place: int
) -> None:
    sample = Sample(
        "x", np.full((height, width, 3), 77, np.uint8), np.ones((height, width), np.uint8)
    )
    view = take_view(sample, size, AugmentationConfig(), Streams((0, 0, place)), zoom)
    assert view.image.shape == (size, size, 3) and view.target.shape == (size, size)
    assert set(np.unique(view.target)) <= {PERSON, IGNORE} and (view.target == PERSON).any()
    assert (abs(view.image.astype(int) - 77) <= 1).all()


def test_without_scale_images_keep_their_own_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    view = take_view(Sample("x", image, np.zeros((50, 70), np.uint8)), 32, NONE, Streams((0, 0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(image, (32, 32, 3))[:, :, 0]
    assert (windows == view.image).all((2, 3, 4)).any()


def test_scale_keeps_its_range_and_its_zoom() -> None:
    """A person of known size tells the factor."""
    target = np.zeros((900, 900), np.uint8)
    target[430:470, 430:470] = PERSON
    sample = Sample("x", np.zeros((900, 900, 3), np.uint8), target)
    how = only("scale", scale_range=(0.5, 2.0))
    for zoom in (1.0, 0.5):
        sizes = []
        for place in range(150):
            view = take_view(
                sample, 200, dataclasses.replace(how, focus=1.0), Streams((0, 0, place)), zoom
            )
            rows = np.flatnonzero((view.target == PERSON).any(1))
            if rows[0] > 0 and rows[-1] < 199:
                sizes.append(len(rows) / 40 / zoom)
        assert 0.45 < min(sizes) < 0.7 and 1.5 < max(sizes) < 2.1
        assert 0.8 < np.median(sizes) < 1.25


def test_scale_does_not_make_small_images_tiny() -> None:
    sample = Sample("x", np.zeros((60, 80, 3), np.uint8), np.ones((60, 80), np.uint8))
    how = only("scale", scale_range=(0.1, 0.1))
    for place in range(5):
        known = take_view(sample, 100, how, Streams((0, 0, place))).target != IGNORE
        assert known.any(0).sum() == 80 and known.any(1).sum() == 60  # 100 px show 100 = 1.25 × 80


def test_focus_finds_the_small_person_as_often_as_the_large_one() -> None:
    instances = np.zeros((300, 300), np.uint16)
    instances[:150, :150], instances[290:294, 290:294] = 1, 2
    sample = Sample(
        "x", np.zeros((300, 300, 3), np.uint8), (instances > 0).astype(np.uint8), instances
    )
    views = [take_view(sample, 40, only("focus"), Streams((0, 0, n))).target for n in range(100)]
    small = sum(0 < (view == PERSON).sum() <= 16 for view in views)
    assert 30 < small < 70 and all((view == PERSON).any() for view in views)


def test_pixels_outside_the_image_are_ignore() -> None:
    sample = Sample("x", np.full((20, 30, 3), 9, np.uint8), np.ones((20, 30), np.uint8))
    view = take_view(sample, 40, NONE, Streams((0, 0, 1)))
    assert (view.target == PERSON).sum() == 600 and (view.target == IGNORE).sum() == 1000


def test_an_occluder_hides_persons_and_a_cutout_does_not() -> None:
    everybody = Sample("x", picture(64), np.ones((64, 64), np.uint8))
    shares = []
    for place in range(30):
        view = augment(
            everybody, 64, only("occlusion", occlusion_share=(0.1, 0.2)), Streams((0, 0, place))
        )
        hidden = view.target != PERSON
        shares.append(hidden.mean())
        assert (view.target[hidden] == 0).all()
        np.testing.assert_array_equal(view.image[~hidden], everybody.image[~hidden])
        cut = augment(everybody, 64, only("cutout"), Streams((0, 0, place)))
        assert (cut.target == PERSON).all()
    assert 0.03 < np.mean(shares) < 0.2 and max(shares) < 0.25


def test_colours_of_a_known_image() -> None:
    grey = np.full((4, 4, 3), 100, np.uint8)
    twice = change_colour(grey, only("brightness", brightness_range=(2.0, 2.0)), Streams((0,)))
    assert (twice == 200).all()
    flat = change_colour(picture(), only("contrast", contrast_range=(0.5, 0.5)), Streams((0,)))
    assert abs(flat.std() / picture().std() - 0.5) < 0.02
    square = change_colour(grey, only("gamma", gamma_range=(2.0, 2.0)), Streams((0,)))
    assert (square == round(100**2 / 255)).all()
    drained = change_colour(picture(), only("grayscale"), Streams((0,)))
    np.testing.assert_array_equal(drained, np.repeat(drained[..., :1], 3, axis=2))
    luma = picture() @ np.array([0.299, 0.587, 0.114])
    assert abs(drained[..., 0] - luma).max() <= 0.6
    for factor in ("hue", "saturation"):  # neither touches greys
        assert (change_colour(grey, only(factor), Streams((0,))) == grey).all()
    turned = change_colour(picture(), only("hue"), Streams((0,)))
    assert (
        abs(turned.astype(float).sum(2) - picture().astype(float).sum(2)).max() < 3
    )  # lightness stays


def test_degradations_change_detail_in_the_right_direction() -> None:
    noisy = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    for factor in ("blur", "resolution"):
        for place in range(6):
            soft = degrade(noisy, only(factor), Streams((place,)))
            assert soft.std() < noisy.std() and abs(soft.mean() - noisy.mean()) < 6
    grey = np.full((64, 64, 3), 128, np.uint8)
    grain = degrade(grey, only("noise", noise_sigma=(8.0, 8.0)), Streams((0,))).astype(float)
    assert abs(grain.std() - 8) < 0.8 and abs(grain.mean() - 128) < 1
    rough = degrade(picture(), only("jpeg", jpeg_quality=(10.0, 10.0)), Streams((0,)))
    fine = degrade(picture(), only("jpeg", jpeg_quality=(95.0, 95.0)), Streams((0,)))
    error = [abs(p.astype(float) - picture()).mean() for p in (fine, rough)]
    assert error[0] < 3 < 12 and error[0] < error[1] < 12  # red stays red: channels are not swapped


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"flip": 1.5}, "flip"),
        ({"blur": -0.1}, "blur"),
        ({"scale_range": (2.0, 1.0)}, "scale_range"),
        ({"noise_sigma": (0.0, 1.0)}, "noise_sigma"),
        ({"occlusion_share": (0.5, 1.0)}, "occlusion_share"),
        ({"hue_degrees": -3.0}, "hue_degrees"),
        ({"paste_count": (3, 1)}, "paste_count"),
    ],
)
def test_augmentation_rejects_invalid_values(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        AugmentationConfig(**changes)  # type: ignore[arg-type]


def test_factors_are_the_switches_of_the_dataclass() -> None:
    assert set(AUGMENTATION_FACTORS) <= {
        field.name for field in dataclasses.fields(AugmentationConfig)
    }
    assert all(getattr(AugmentationConfig.none(), factor) == 0 for factor in AUGMENTATION_FACTORS)
    with pytest.raises(ValueError, match="no factor 'sharpen'"):
        AugmentationConfig().without("sharpen")
