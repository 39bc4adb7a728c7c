"""Masks with smoothed outlines, as painting programs and inpainting pipelines make them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from diffusion_synth.pipeline.input_checks import read_labels
from diffusion_synth.pipeline.mask_values import is_smoothed


def disc(blur: float) -> Image.Image:
    mask = Image.new("L", (64, 48))
    ImageDraw.Draw(mask).ellipse((12, 8, 50, 40), fill=255)
    return mask.filter(ImageFilter.GaussianBlur(blur))


@pytest.mark.parametrize("blur", [1.0, 2.0])
def test_a_smoothed_mask_is_one_person_from_half_of_255_on(blur):
    mask = disc(blur)
    assert is_smoothed(np.array(mask))
    with pytest.warns(UserWarning, match="smoothed outlines"):
        labels = read_labels(mask, 48, 64)
    assert set(labels.unique().tolist()) == {0, 1}
    hard = np.array(disc(0)) > 0
    assert (labels.numpy().astype(bool) ^ hard).sum() < 0.05 * hard.sum()


@pytest.mark.parametrize(
    "values", [[0, 1, 2, 3], [0, 255], [0, *range(1, 12)], [0, 64, 128, 192, 255]]
)
def test_labels_are_not_taken_for_a_smoothed_mask(values):
    mask = np.repeat(np.array(values, np.uint8), 8)[None].repeat(16, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        labels = read_labels(mask, *mask.shape)
    expected = (mask > 0) if set(values) == {0, 255} else mask
    np.testing.assert_array_equal(labels.numpy(), expected.astype(np.int64))
