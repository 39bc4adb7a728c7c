from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.render import metering, sensor
from blender_addon.render.filters import gaussian_blur
from blender_addon.scene.colour import to_display, to_linear
from blender_addon.scene.sensor_spec import SensorSpec

CLEAN = SensorSpec()


@given(st.floats(0, 1))
def test_transfer_function_and_its_inverse(value):
    np.testing.assert_allclose(to_linear(to_display(np.array(value))), value, atol=2e-6)


def test_transfer_function_has_the_standards_values():
    # IEC 61966-2-1: mid grey of 21.4 % is displayed at one half.
    np.testing.assert_allclose(to_display(np.array([0.0, 0.214041, 1.0])), [0, 0.5, 1], atol=1e-5)


@given(st.floats(1e-2, 1e3))
def test_metering_takes_out_the_strength_of_the_light(strength):
    scene = np.random.default_rng(0).uniform(0.05, 0.5, (16, 16, 3)).astype(np.float32)
    lit = scene * np.float32(strength)
    np.testing.assert_allclose(
        lit * metering.metered_gain(lit), scene * metering.metered_gain(scene), rtol=1e-3
    )


def test_metering_does_not_burn_out_a_bright_sky():
    scene = np.full((20, 20, 3), 0.02, np.float32)
    scene[:10] = 5.0
    assert (scene * metering.metered_gain(scene)).max() <= metering.BRIGHT_GREY + 1e-3


def test_metering_lets_a_window_burn_out_and_shows_the_room():
    scene = np.full((20, 20, 3), 0.05, np.float32)
    scene[:4] = 20.0
    np.testing.assert_allclose(
        (scene * metering.metered_gain(scene))[-1], metering.MID_GREY, rtol=1e-3
    )


def test_black_image_can_be_metered_and_developed():
    black = np.zeros((8, 8, 3), np.float32)
    assert sensor.develop(black * metering.metered_gain(black), CLEAN).max() == 0


def test_developing_keeps_order_and_reaches_both_ends():
    ramp = np.repeat(np.linspace(0, 4, 256, dtype=np.float32)[None, :, None], 3, axis=2)
    row = sensor.develop(ramp, CLEAN)[0, :, 0].astype(int)
    assert row[0] == 0
    assert row[-1] == 255
    assert (np.diff(row) >= 0).all()


FILM = SensorSpec(tone="film")


def test_film_rolls_off_over_three_stops_and_agrees_in_the_shadows():
    ramp = np.repeat(np.linspace(0, 8, 512, dtype=np.float32)[None, :, None], 3, axis=2)
    film, short = (sensor.develop(ramp, s)[0, :, 0].astype(int) for s in (FILM, CLEAN))
    assert (np.diff(film) >= 0).all()
    assert film[-1] == 255
    dark = ramp[0, :, 0] < 0.3
    assert np.abs(film[dark] - short[dark]).max() <= 1
    # A white wall, and what is two stops brighter, can still be told from white.
    wall, twice = (int(film[np.searchsorted(ramp[0, :, 0], x)]) for x in (1.0, 4.0))
    assert 200 < wall < 225 < twice < 250


@given(st.floats(0.05, 50), st.floats(-2, 2))
def test_faces_never_burn_out(light, exposure):
    skin = np.random.default_rng(0).uniform(0.5, 1.0, (64, 3)).astype(np.float32) * light
    gain = metering.spared_gain(skin, exposure)
    shown = sensor.develop(skin[None] * np.float32(gain), replace(FILM, exposure=exposure))
    assert 0 < gain <= 1
    assert (shown.max(axis=-1) >= 250).mean() < 0.05
    if skin.max() * 2**exposure < metering.BRIGHT_SKIN:
        assert gain == 1


def test_few_pixels_of_skin_decide_nothing():
    assert metering.spared_gain(np.full((3, 3), 9.0, np.float32), 0.0) == 1.0


def test_noise_is_of_the_seed_and_about_as_strong_as_asked():
    grey = np.full((128, 128, 3), metering.MID_GREY, np.float32)
    noisy = [sensor.develop(grey, SensorSpec(noise=0.02, seed=s)) for s in (1, 1, 2)]
    assert (noisy[0] == noisy[1]).all()
    assert (noisy[0] != noisy[2]).any()
    assert 0.012 < noisy[0].std() / 255 < 0.03


@pytest.mark.parametrize(
    ("changes", "brighter"),
    [({"exposure": 1.0}, True), ({"exposure": -1.0}, False), ({"vignette": 0.9}, False)],
)
def test_exposure_and_vignette_change_the_light(changes, brighter):
    grey = np.full((32, 32, 3), 0.2, np.float32)
    assert (
        sensor.develop(grey, SensorSpec(**changes)).mean() > sensor.develop(grey, CLEAN).mean()
    ) == brighter


def test_temperature_and_saturation():
    grey = np.full((4, 4, 3), 0.2, np.float32)
    warm = sensor.develop(grey, SensorSpec(temperature=1.0))[0, 0]
    assert warm[0] > warm[2]
    red = np.zeros((4, 4, 3), np.float32)
    red[..., 0] = 0.5
    assert np.ptp(sensor.develop(red, SensorSpec(saturation=0.0))[0, 0].astype(int)) <= 1


@given(st.floats(0.3, 5), st.integers(5, 20), st.integers(5, 20))
def test_blur_keeps_a_flat_image_and_the_light(sigma, height, width):
    flat = np.full((height, width, 3), 0.3, np.float32)
    np.testing.assert_allclose(gaussian_blur(flat, sigma), flat, rtol=1e-5)


def test_a_backdrop_stays_bit_exact_where_there_are_no_people():
    backdrop = np.random.default_rng(0).random((8, 8, 3), dtype=np.float32)
    people = np.zeros((8, 8, 4), np.float32)
    people[:4] = (0.2, 0.1, 0.3, 1.0)
    out = metering.over(people, backdrop, 0.5)
    assert (out[4:] == backdrop[4:]).all()
    np.testing.assert_allclose(out[:4], np.broadcast_to((0.1, 0.05, 0.15), (4, 8, 3)), rtol=1e-6)
