"""Repainting of an image by a stub painter: which persons are repainted, and what is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blender_addon.dataset import DatasetError
from diffusion_synth.prompts.grammar import Prompt
from diffusion_synth.repaint.crops import CropSettings
from diffusion_synth.repaint.dataset_reader import Dataset, Sample
from diffusion_synth.repaint.filtering import ACCEPTED, FLAT, LOW_IOU, FilterSettings, is_flat
from diffusion_synth.repaint.paint_request import PaintRequest
from diffusion_synth.repaint.repaint_image import (
    HIDDEN,
    TOO_LARGE,
    TOO_SMALL,
    Repainter,
    RepaintResult,
)
from tests.diffusion_synth.conftest import write_dataset

CROPS = CropSettings(size=64, multiple=8, smallest=10)


def three_persons() -> Sample:
    """Return three persons on noise, one of them too small; a fourth is in the line alone."""
    image = np.random.default_rng(0).integers(0, 200, (80, 100, 3), dtype=np.uint8)
    mask = np.zeros((80, 100), np.uint8)
    mask[10:61, 10:30] = 1
    mask[20:70, 50:75] = 2
    mask[5:9, 90:94] = 7
    return Sample(image, mask, {"persons": [{"id": number} for number in (1, 2, 7, 9)]})


class Painter:
    """A painter that fills crops with grey values around the seed."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, requests: Sequence[PaintRequest]) -> list[np.ndarray]:
        self.batches.append(len(requests))
        assert len({order.crop.mask.shape for order in requests}) == 1
        return [textured(order.crop.image.shape, order.seed) for order in requests]


def textured(shape: tuple[int, ...], grey: int) -> np.ndarray:
    """Return uint8 pixels around a grey value: no model paints one flat colour."""
    painted = np.full(shape, grey, np.uint8)
    painted[::2, ::2] += 4
    return painted


def repaint(
    painter: Painter, variants: Sequence[int] = (0,), **options: Any
) -> list[RepaintResult]:
    repainter = Repainter(painter, CROPS, options.pop("filter", FilterSettings()), **options)
    return repainter.repaint(
        three_persons(),
        prompts=lambda person, variant: Prompt(f"person {person}", f"variant {variant}"),
        seeds=lambda person, variant: 200 + 10 * person + variant,
        variants=variants,
    )


def test_persons_are_painted_and_the_rest_does_not_change() -> None:
    given = three_persons()
    (result,) = repaint(Painter())
    outside = (given.mask != 1) & (given.mask != 2)
    np.testing.assert_array_equal(result.image[outside], given.image[outside])
    assert [(p.person, p.reason) for p in result.persons] == [
        (1, ACCEPTED), (2, ACCEPTED), (7, TOO_SMALL), (9, HIDDEN),
    ]  # fmt: skip
    assert result.accepted == 2
    assert result.persons[0].prompt == Prompt("person 1", "variant 0")
    assert result.persons[0].iou is None
    changed = (result.image != given.image).any(-1)
    assert changed[given.mask == 1].mean() > 0.9


def test_persons_above_the_limit_are_not_repainted() -> None:
    given = three_persons()  # person 1 is 51 px tall, person 2 50
    (result,) = Repainter(Painter(), replace(CROPS, largest=50), FilterSettings()).repaint(
        given, lambda *_: Prompt("", ""), lambda *_: 200, [0]
    )
    assert [p.reason for p in result.persons] == [TOO_LARGE, ACCEPTED, TOO_SMALL, HIDDEN]
    np.testing.assert_array_equal(result.image[given.mask == 1], given.image[given.mask == 1])
    assert not result.ignore[12:58, 12:28].any()


def test_the_outlines_are_ignored() -> None:
    (result,) = repaint(Painter(), filter=FilterSettings(band=2))
    assert result.ignore[10:60, 8:12].all()
    assert not result.ignore[12:58, 12:28].any()
    assert not result.ignore[5:9, 90:94].any()  # was not painted
    (result,) = repaint(Painter(), filter=FilterSettings(band=0))
    assert not result.ignore.any()


@pytest.mark.parametrize("batch_size", [1, 2, 3, 99])
def test_the_batch_size_does_not_change_the_result(batch_size: int) -> None:
    painter = Painter()
    results = repaint(painter, variants=(0, 1, 2), batch_size=batch_size)
    assert sum(painter.batches) == 6
    assert max(painter.batches) == min(batch_size, 6)
    for variant, result in enumerate(results):
        (alone,) = repaint(Painter(), variants=(variant,))
        np.testing.assert_array_equal(result.image, alone.image)
        assert result.persons == alone.persons


def test_persons_that_the_segmenter_does_not_find_are_rejected() -> None:
    given = three_persons()

    def segment(image: np.ndarray) -> np.ndarray:
        """Finds everybody but person 2."""
        return ((given.mask > 0) & (given.mask != 2)).astype(np.float32)

    (result,) = repaint(Painter(), segment=segment)
    assert [p.reason for p in result.persons] == [ACCEPTED, LOW_IOU, TOO_SMALL, HIDDEN]
    assert [p.iou for p in result.persons] == [1.0, 0.0, None, None]
    np.testing.assert_array_equal(result.image[given.mask == 2], given.image[given.mask == 2])
    assert (result.image[given.mask == 1] != given.image[given.mask == 1]).any()
    assert not result.ignore[given.mask == 2].any()


def test_an_image_without_a_person_to_paint_has_a_reason() -> None:
    image, mask = np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40), np.uint8)
    mask[3:6, 3:6] = 1
    repainter = Repainter(Painter(), CROPS, FilterSettings())
    for persons, reason in (([{"id": 1}], TOO_SMALL), ([{"id": 2}], HIDDEN), ([], "no persons")):
        (result,) = repainter.repaint(
            Sample(image, mask, {"persons": persons}), lambda *_: Prompt("", ""), lambda *_: 0, [0]
        )
        assert (result.accepted, result.reason) == (0, reason)
        np.testing.assert_array_equal(result.image, image)


def write_one(root: Path, line: dict[str, Any] | None = None) -> Path:
    given = three_persons()
    return write_dataset(
        root, [(given.image, given.mask, {"persons": [{"id": 1}], **(line or {})})]
    )


def test_ignored_pixels_are_read(tmp_path: Path) -> None:
    dataset = Dataset(write_one(tmp_path, {"ignore_file_name": "masks/0.png"}))
    np.testing.assert_array_equal(dataset.sample(0).ignore, three_persons().mask > 0)


def test_a_dataset_is_read(tmp_path: Path) -> None:
    dataset = Dataset(write_one(tmp_path))
    assert dataset.sample(0).ignore is None
    assert len(dataset) == 1
    np.testing.assert_array_equal(dataset.sample(0).image, three_persons().image)
    np.testing.assert_array_equal(dataset.sample(0).mask, three_persons().mask)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"file_name": "../secret.png"}, "outside of the dataset"),
        ({"mask_file_name": "/etc/passwd"}, "outside of the dataset"),
        ({"file_name": "C:\\secret.png"}, "outside of the dataset"),
        ({"ignore_file_name": "../secret.png"}, "outside of the dataset"),
        ({"file_name": ""}, "has no 'file_name'"),
        ({"persons": [{}]}, "persons"),
        ({"persons": None}, "persons"),
    ],
)
def test_invalid_lines_are_rejected_by_number(
    line: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=said) as refused:
        Dataset(write_one(tmp_path, line))
    assert "line 1" in str(refused.value)


def test_files_that_do_not_fit_are_rejected_by_name(tmp_path: Path) -> None:
    dataset = Dataset(write_one(tmp_path))
    Image.fromarray(three_persons().mask[:50]).save(tmp_path / "masks" / "0.png")
    with pytest.raises(
        DatasetError, match=r"0\.png: expected the size of its image, 100×80, got 100×50"
    ):
        dataset.sample(0)
    (tmp_path / "masks" / "0.png").write_bytes(b"nonsense")
    with pytest.raises(DatasetError, match="cannot be read"):
        dataset.sample(0)
    Image.fromarray(three_persons().image).save(tmp_path / "masks" / "0.png")
    with pytest.raises(DatasetError, match="expected a mask of one channel"):
        dataset.sample(0)


def test_an_empty_dataset_is_rejected(tmp_path: Path) -> None:
    write_one(tmp_path)
    (tmp_path / "metadata.jsonl").write_text("")
    with pytest.raises(DatasetError, match="holds no image"):
        Dataset(tmp_path)


def test_flat_colour_is_rejected_and_noise_is_not() -> None:
    """A model whose numbers overflow paints black, grey or white without detail."""

    class Flat(Painter):
        def __call__(self, requests: Sequence[PaintRequest]) -> list[np.ndarray]:
            return [np.full_like(order.crop.image, 127) for order in requests]

    given = three_persons()
    (result,) = repaint(Flat())
    assert [p.reason for p in result.persons] == [FLAT, FLAT, TOO_SMALL, HIDDEN]
    assert result.accepted == 0
    np.testing.assert_array_equal(result.image, given.image)
    noise = np.random.default_rng(0).integers(0, 255, (64, 40, 3), dtype=np.uint8)
    mask = np.ones((64, 40), bool)
    assert not is_flat(noise, mask)
    assert is_flat(np.where(noise > 127, np.uint8(0), np.uint8(1)), mask)
    assert not is_flat(np.zeros((7, 9, 3), np.uint8), mask[:7, :9])  # too few pixels to tell
