"""Images that are predicted together get what they get alone, in fewer calls of the segmenter."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pii_seg.config import SIZES
from pii_seg.inference.backends.torch_backend import eager_segmenter
from pii_seg.inference.settings import InferenceSettings
from pii_seg.inference.tiling import Segmenter, predict_logits
from pii_seg.inference.together import predict_together
from pii_seg.models.checkpoint import Checkpoint
from pii_seg.models.networks import build_network
from pii_seg.models.segmenter import Segmenter as Network

TILED = InferenceSettings(size=64, tiles=2, scales=(1.0, 0.5))


def images(count: int, height: int = 60, width: int = 90) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(count)]


def brightness(calls: list[int]) -> Segmenter:
    def segmenter(tiles: np.ndarray) -> np.ndarray:
        calls.append(len(tiles))
        return tiles.astype(np.float32).mean(axis=3)

    return segmenter


def predict(segmenter: Segmenter, image: np.ndarray) -> np.ndarray:
    return predict_logits(segmenter, image, TILED)


def test_tiles_of_equal_shape_are_joined() -> None:
    alone: list[int] = []
    expected = [predict(brightness(alone), image) for image in images(3)]
    together: list[int] = []
    found = predict_together(brightness(together), predict, images(3))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert 3 * len(together) == len(alone) and sum(together) == sum(alone)


def test_an_image_that_needs_fewer_calls_does_not_stop_the_others() -> None:
    given = [*images(2), *images(1, 20, 20)]
    found = predict_together(brightness([]), predict, given)
    for image, other in zip(given, found, strict=True):
        np.testing.assert_array_equal(predict(brightness([]), image), other)


def test_an_error_reaches_the_caller() -> None:
    def broken(tiles: np.ndarray) -> np.ndarray:
        raise FloatingPointError("not finite")

    with pytest.raises(FloatingPointError, match="not finite"):
        predict_together(broken, predict, images(3))


def test_batches_of_the_eager_network_give_the_same_but_for_rounding() -> None:
    """Torch may add in another order in a batch; see the decision on videos."""
    network = build_network(
        SIZES["tiny"], generator=torch.Generator().manual_seed(1), pretrained=False
    )
    segmenter = eager_segmenter(Checkpoint(SIZES["tiny"], Network(network).state_dict()), "cpu")
    found = predict_together(segmenter, predict, images(4))
    for image, together in zip(images(4), found, strict=True):
        np.testing.assert_allclose(predict(segmenter, image), together, atol=1e-6)
