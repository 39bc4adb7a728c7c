"""Eager torch as a function of arrays: the same bits as the module itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pii_seg.config import SIZES
from pii_seg.inference.backends.torch_backend import eager_segmenter, on_arrays
from pii_seg.models.checkpoint import Checkpoint, untrained_network
from pii_seg.models.segmenter import Segmenter


def test_logits_are_those_of_the_module_to_the_bit() -> None:
    weights = Segmenter(untrained_network(SIZES["tiny"])).state_dict()
    checkpoint = Checkpoint(SIZES["tiny"], weights)
    tiles = np.random.default_rng(0).integers(0, 256, (2, 45, 70, 3), np.uint8)
    with torch.inference_mode():
        expected = checkpoint.segmenter()(torch.from_numpy(tiles).permute(0, 3, 1, 2))
    found = eager_segmenter(checkpoint)(tiles)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected[:, 0].numpy())
    assert np.ptp(found) > 0


def test_an_output_of_two_channels_is_rejected() -> None:
    predict = on_arrays(lambda x: torch.zeros(len(x), 2, *x.shape[2:]))
    with pytest.raises(ValueError, match=r"\(1, 2, 8, 8\)"):
        predict(np.zeros((1, 8, 8, 3), np.uint8))
