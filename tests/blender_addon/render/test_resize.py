import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.render.resize import fill_frame

WHOLE = (0.0, 0.0, 1.0, 1.0)
sizes = st.integers(1, 40)


@given(sizes, sizes, sizes, sizes)
def test_result_has_the_frame_s_size_and_a_flat_image_stays_flat(H, W, height, width):
    out = fill_frame(np.full((H, W, 3), 0.3, np.float32), WHOLE, width, height)
    assert out.shape == (height, width, 3)
    np.testing.assert_allclose(out, 0.3, rtol=1e-5)


@given(sizes, sizes)
def test_same_size_is_the_image_itself(H, W):
    image = np.random.default_rng(0).random((H, W, 3), dtype=np.float32)
    np.testing.assert_array_equal(fill_frame(image, WHOLE, W, H), image)


def test_proportions_are_kept_by_cutting():
    ramp = np.repeat(np.linspace(0, 1, 200, dtype=np.float32)[None, :, None], 100, axis=0)
    row = fill_frame(ramp, WHOLE, 10, 10)[0, :, 0]
    np.testing.assert_allclose(
        [row[0], row[-1]], [0.275, 0.725], atol=0.01
    )  # the middle half, pixel centres


def test_crop_picks_its_part():
    image = np.zeros((100, 100, 1), np.float32)
    image[50:, 50:] = 1
    assert fill_frame(image, (0.5, 0.5, 0.5, 0.5), 8, 8)[1:, 1:].min() == 1
    assert fill_frame(image, (0, 0, 0.5, 0.5), 8, 8)[:-1, :-1].max() == 0


def test_downscaling_averages_in_place_of_skipping():
    stripes = np.tile(np.array([0, 1], np.float32), 64).reshape(1, 128, 1).repeat(128, axis=0)
    np.testing.assert_allclose(fill_frame(stripes, WHOLE, 16, 16), 0.5, atol=1e-6)
