"""Targets keep their areas, images their shapes, at any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pii_seg.data.resize import Shrunk, letterbox, resize_target, shrink
from pii_seg.data.sources import IGNORE, PERSON, Sample, open_source


def coded(height: int = 60, width: int = 80) -> Sample:
    """A person whose pixels are white on black: image and target must agree."""
    target = np.zeros((height, width), np.uint8)
    target[height // 4 : height * 3 // 4, width // 5 : width // 2] = PERSON
    return Sample(
        "coded", np.repeat((target * 255)[..., None], 3, axis=2), target, target * np.uint16(700)
    )


def test_resized_targets_keep_areas_and_ignore_wins_ties() -> None:
    target = np.zeros((40, 40), np.uint8)
    target[:, :13] = PERSON
    target[:, 13:20] = IGNORE
    for size in (10, 20, 33, 80, 120):
        resized = resize_target(target, size, size)
        assert set(np.unique(resized)) == {0, PERSON, IGNORE}
        for value in (0, PERSON, IGNORE):
            assert abs((resized == value).mean() - (target == value).mean()) < 1.2 / size
    halves = np.tile(np.array([PERSON, IGNORE], np.uint8), (4, 2))
    assert (resize_target(halves, 2, 2) == IGNORE).all()


def test_letterbox_keeps_the_whole_image_and_its_shape() -> None:
    boxed = letterbox(coded(60, 80), 40)
    assert boxed.image.shape == (40, 40, 3)
    assert (boxed.target == IGNORE).sum() == 10 * 40 and (boxed.target[:5] == IGNORE).all()
    assert abs((boxed.target == PERSON).sum() * 4 - (coded().target == PERSON).sum()) < 120
    assert (boxed.image[5:-5, :, 0] > 127).mean() == pytest.approx(
        (boxed.target[5:-5] == PERSON).mean(), abs=0.02
    )


def test_large_images_shrink_with_their_labels() -> None:
    small = shrink(coded(600, 800), 80)
    assert small.image.shape == (60, 80, 3)
    np.testing.assert_array_equal(small.target, coded().target)
    np.testing.assert_array_equal(small.instances, coded().instances)
    np.testing.assert_array_equal(small.image, coded().image)
    whole = coded()
    assert shrink(whole, 80) is whole


def test_a_shrunk_source_is_the_source_but_for_its_size(dataset: Path) -> None:
    source = open_source(dataset)
    shrunk = Shrunk(source, 20)
    assert (shrunk.name, len(shrunk), shrunk.photo_only) == (source.name, 3, False)
    assert shrunk.load(0).target.shape == (15, 20) and shrunk.load(0).name == "000000"
    (dataset / "images/000001.jpg").write_bytes(b"")
    assert len(shrunk.check()) == 1 and len(shrunk) == 2 and len(shrunk.faults) == 1
