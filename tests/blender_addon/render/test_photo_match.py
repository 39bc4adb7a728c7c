"""People in a photo: the photo stays as it is, and they are no cleaner or sharper than it."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from blender_addon.render import jpeg
from blender_addon.render.filters import gaussian_blur
from blender_addon.render.photo_match import people_in_photo, without_hidden
from blender_addon.scene.photos.measure import blur_of, grain_of
from blender_addon.scene.photos.spec import PhotoMatchSpec

H, W = 96, 128


def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (H, W, 3)).astype(np.uint8)


def person(value: float = 0.3) -> np.ndarray:
    """A grey person with a shadow at its feet."""
    rgba = np.zeros((H, W, 4), np.float32)
    rgba[16:80, 32:96] = (value, value, value, 1.0)
    rgba[80:88, 32:110, 3] = 0.5
    return rgba


FULL = PhotoMatchSpec(
    gain=(1.1, 1.0, 0.9), black=(0.01, 0.02, 0.03), noise=0.02, grain=0.5, blur=1.0, jpeg=60, seed=3
)


@pytest.mark.parametrize("match", [PhotoMatchSpec(), FULL])
def test_where_nobody_is_the_photo_stays_to_the_bit(match: PhotoMatchSpec) -> None:
    image = people_in_photo(person(), photo(), match, "film")
    far = np.ones((H, W), bool)
    far[8:96, 24:118] = False
    np.testing.assert_array_equal(image[far], photo()[far])
    assert (image[16:80, 32:96] != photo()[16:80, 32:96]).mean() > 0.9


def test_shadows_darken_the_photo_and_end_at_its_black() -> None:
    white = np.full((H, W, 3), 255, np.uint8)
    rgba = np.zeros((H, W, 4), np.float32)
    rgba[..., 3] = 1.0
    black = people_in_photo(rgba, white, PhotoMatchSpec(black=(0.02, 0.02, 0.05)), "film")
    assert (black[0, 0] > (30, 30, 55)).all() and black.max() < 90
    half = people_in_photo(person(), white, PhotoMatchSpec(), "film")[84, 100]
    assert 160 < half[0] < 192  # about half of the light


def test_gain_sets_exposure_and_colour() -> None:
    plain = people_in_photo(person(0.1), photo(), PhotoMatchSpec(), "film")[50, 64]
    warm = people_in_photo(person(0.1), photo(), PhotoMatchSpec((2.0, 1.0, 0.5)), "film")[50, 64]
    assert warm[0] > plain[0] and warm[1] == plain[1] and warm[2] < plain[2]


def test_faces_are_kept_from_burning_out() -> None:
    skin = np.zeros((H, W), bool)
    skin[20:40, 40:60] = True
    match = PhotoMatchSpec(gain=(9.0, 9.0, 9.0))
    spared = people_in_photo(person(0.8), photo(), match, "film", skin=skin)
    assert (
        spared[30, 50].max()
        < 245
        < people_in_photo(person(0.8), photo(), match, "film")[30, 50].max()
    )


@pytest.mark.parametrize("noise", [0.01, 0.03])
def test_grain_is_that_of_the_photo(noise: float) -> None:
    flat = np.full((H, W, 3), 128, np.uint8)
    match = PhotoMatchSpec(noise=noise, grain=0.6, seed=1)
    image = people_in_photo(person(), flat, match, "film") / 255.0
    grey = image @ (0.2126, 0.7152, 0.0722)
    assert grain_of(grey[20:76, 36:92]).noise == pytest.approx(noise, rel=0.3)


def test_a_person_of_few_samples_is_made_as_calm_as_the_photo() -> None:
    rgba = person()
    rgba[16:80, 32:64, :3] += 0.25
    rgba[16:80, 32:96, :3] += 0.04 * np.random.default_rng(0).standard_normal((64, 64, 1))
    flat = np.full((H, W, 3), 128, np.uint8)
    noises = []
    for wanted in (0.5, 0.01):
        image = people_in_photo(rgba, flat, PhotoMatchSpec(noise=wanted), "film") / 255.0
        noises.append(grain_of(image.mean(axis=-1)[20:76, 68:92]).noise)
        calm = people_in_photo(rgba, flat, PhotoMatchSpec(), "film")[20:76, 62:66] / 255.0
        assert abs(calm[:, 1].mean() - calm[:, 2].mean()) > 0.1  # the edge within stays
    assert noises[1] < 0.025 < 0.04 < noises[0]


def test_edges_are_as_soft_as_the_photo() -> None:
    flat = np.full((H, W, 3), 230, np.uint8)
    image = people_in_photo(person(0.05), flat, PhotoMatchSpec(blur=1.5), "film") / 255.0
    assert blur_of(image[10:70, 20:108].mean(axis=-1)) == pytest.approx(1.5, rel=0.4)


@pytest.mark.parametrize("quality", [20, 60, 90])
def test_compression_is_that_of_libjpeg(quality: int) -> None:
    rng = np.random.default_rng(0)
    image = gaussian_blur(rng.uniform(0, 1, (50, 70, 3)).astype(np.float32), 1.5)
    image = (image - image.min()) / (image.max() - image.min())
    data = BytesIO()
    as_bytes = (image * 255 + 0.5).astype(np.uint8)
    Image.fromarray(as_bytes).save(data, "JPEG", quality=quality, subsampling=0)
    expected = np.asarray(Image.open(data)).astype(float)
    found = jpeg.compressed(as_bytes, quality, subsampled=False).astype(np.float32)
    missed = np.abs(np.clip(found, 0, 255) - expected).mean()
    assert missed < 0.7 * np.abs(as_bytes - expected).mean()
    assert missed < 0.9


def test_what_is_in_front_covers_people_and_their_masks() -> None:
    front = np.zeros((H, W), np.float32)
    front[:, :60] = 1.0
    front[:, 60] = 0.5
    front[:, 61] = 0.4
    image = people_in_photo(person(), photo(), FULL, "film", front=front)
    np.testing.assert_array_equal(image[:, :60], photo()[:, :60])

    ids = np.zeros((H, W), np.uint8)
    ids[16:80, 32:96] = 2
    extras = {
        "alpha": np.where(ids, 255, 0).astype(np.uint8),
        "parts": ids * 3,
        "depth": np.where(ids, 4.0, np.inf).astype(np.float32),
        "normals": np.ones((H, W, 3), np.float16),
    }
    seen, passes = without_hidden(ids, extras, front)
    assert set(np.unique(seen)) == {0, 2} and seen.dtype == np.uint8
    assert not seen[:, :61].any() and (seen[16:80, 61:96] == 2).all()
    assert not passes["parts"][:, :61].any() and (passes["parts"][16:80, 61:96] == 6).all()
    assert np.isinf(passes["depth"][:, :61]).all() and passes["depth"][50, 61] == 4.0
    assert not passes["normals"][:, :61].any() and passes["normals"].shape == (H, W, 3)
    assert list(passes["alpha"][50, 59:63]) == [0, 128, 153, 255]
