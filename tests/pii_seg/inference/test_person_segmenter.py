"""The segmenter as a Python object: every kind of image, threshold, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pii_seg.config import SIZES
from pii_seg.errors import CheckpointError, DataError, InputError
from pii_seg.inference.backends.torch_backend import eager_segmenter
from pii_seg.inference.person_segmenter import PersonSegmenter
from pii_seg.inference.settings import InferenceSettings
from pii_seg.inference.tiling import predict_probability
from pii_seg.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from pii_seg.models.networks import build_network
from pii_seg.models.segmenter import Segmenter


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """An untrained tiny network, with a temperature and a threshold of its own."""
    network = build_network(
        SIZES["tiny"], generator=torch.Generator().manual_seed(1), pretrained=False
    )
    weights = Segmenter(network).state_dict()
    path = tmp_path / "best.ckpt"
    save_checkpoint(path, Checkpoint(SIZES["tiny"], weights, temperature=2.0, threshold=0.4))
    return path


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)


def test_prediction_has_the_size_of_the_image(checkpoint: Path, image: np.ndarray) -> None:
    segmenter = PersonSegmenter.load(checkpoint)
    found = segmenter.predict(image)
    assert (found.mask.dtype, found.mask.shape) == (bool, (40, 60))
    assert (found.probability.dtype, found.probability.shape) == (np.float32, (40, 60))
    np.testing.assert_array_equal(found.mask, found.probability >= 0.4)
    eager = eager_segmenter(load_checkpoint(checkpoint))
    expected = predict_probability(eager, image, temperature=2.0)
    np.testing.assert_array_equal(found.probability, expected)


def test_arrays_pil_images_and_paths_give_the_same_mask(
    checkpoint: Path, image: np.ndarray, tmp_path: Path
) -> None:
    segmenter = PersonSegmenter.load(str(checkpoint), settings=InferenceSettings(size=64))
    Image.fromarray(image).save(tmp_path / "a.png")
    expected = segmenter.predict(image).probability
    for given in (Image.fromarray(image), tmp_path / "a.png", str(tmp_path / "a.png")):
        np.testing.assert_array_equal(segmenter.predict(given).probability, expected)


def test_exif_rotation_is_applied(checkpoint: Path, image: np.ndarray, tmp_path: Path) -> None:
    segmenter = PersonSegmenter.load(checkpoint)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(image).save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as turned:
        assert segmenter.predict(turned).mask.shape == (60, 40)
    assert segmenter.predict(tmp_path / "turned.png").mask.shape == (60, 40)


def test_threshold_and_settings_are_used(checkpoint: Path, image: np.ndarray) -> None:
    assert PersonSegmenter.load(checkpoint, threshold=1e-6).predict(image).mask.all()
    flipped = PersonSegmenter.load(checkpoint, settings=InferenceSettings(flip=True))
    plain = PersonSegmenter.load(checkpoint)
    assert (flipped.predict(image).probability != plain.predict(image).probability).any()


def test_a_saved_folder_gives_the_same_segmenter(
    checkpoint: Path, image: np.ndarray, tmp_path: Path
) -> None:
    segmenter = PersonSegmenter.load(checkpoint)
    segmenter.save_pretrained(tmp_path / "shared")
    expected = segmenter.predict(image)
    for load in (PersonSegmenter.load, PersonSegmenter.from_pretrained):
        found = load(tmp_path / "shared").predict(image)
        np.testing.assert_array_equal(found.probability, expected.probability)
        np.testing.assert_array_equal(found.mask, expected.mask)


def test_wrong_input_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"threshold 1\.5"):
        PersonSegmenter.load(checkpoint, threshold=1.5)
    with pytest.raises(CheckpointError, match="nowhere"):
        PersonSegmenter.load(tmp_path / "nowhere.ckpt")
    segmenter = PersonSegmenter.load(checkpoint)
    with pytest.raises(DataError, match=r"nowhere\.jpg"):
        segmenter.predict(tmp_path / "nowhere.jpg")
    with pytest.raises(ValueError, match=r"uint8 \(H, W, 3\)"):
        segmenter.predict(np.zeros((4, 4), np.uint8))
