"""Masks that the user made are used as they are meant, or the file is refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pii_seg.anonymize.inputs import InputFile
from pii_seg.anonymize.user_masks import MaskFolder
from pii_seg.data.mask_reading import MaskOptions
from pii_seg.errors import MediaError

HEIGHT, WIDTH = 24, 36


def save(array: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG", **options)
    return buffer.getvalue()


def shape() -> np.ndarray:
    found = np.zeros((HEIGHT, WIDTH), bool)
    found[4:12, 6:20] = True
    return found


def folder(root: Path, **masks: bytes) -> Path:
    (root / "masks").mkdir(exist_ok=True)
    for name, content in masks.items():
        (root / "masks" / name).write_bytes(content)
    return root / "masks"


def read(root: Path, name: str = "a.jpg", options: MaskOptions | None = None) -> np.ndarray:
    file = InputFile(root / name, name, "image")
    return MaskFolder(root / "masks", [file], options).find(file)(HEIGHT, WIDTH)


WHITE = np.where(shape(), 255, 0).astype(np.uint8)
IN_ALPHA = np.dstack([np.zeros((HEIGHT, WIDTH, 3), np.uint8), WHITE])


def test_a_shape_in_alpha_is_redacted(tmp_path: Path) -> None:
    folder(tmp_path, **{"a.png": save(IN_ALPHA)})
    np.testing.assert_array_equal(read(tmp_path), shape())


@pytest.mark.parametrize(
    ("mask", "options", "expected"),
    [
        (255 - WHITE, MaskOptions("inverted"), True),
        (WHITE // 17, MaskOptions(person_class=("15",)), True),
        (WHITE // 17, MaskOptions(person_class=("7",)), False),
        (WHITE // 255, None, True),
    ],
)
def test_the_reading_can_be_given(
    tmp_path: Path, mask: np.ndarray, options: MaskOptions | None, expected: bool
) -> None:
    folder(tmp_path, **{"a.png": save(mask)})
    np.testing.assert_array_equal(read(tmp_path, options=options), shape() & expected)


def test_a_mask_that_can_be_read_in_two_ways_is_refused_with_the_options(tmp_path: Path) -> None:
    both = IN_ALPHA.copy()
    both[:, ::2, :3] = 255
    folder(tmp_path, **{"a.png": save(both)})
    with pytest.raises(MediaError, match=r"has a mask that shows different shapes.*--mask-code"):
        read(tmp_path)


def test_an_inverted_mask_asks_for_review(tmp_path: Path) -> None:
    folder(tmp_path, **{"a.png": save(255 - WHITE)})
    file = InputFile(tmp_path / "a.jpg", "a.jpg", "image")
    mask = MaskFolder(tmp_path / "masks", [file]).find(file)
    assert mask.notes == []
    mask(HEIGHT, WIDTH)
    assert "--mask-code inverted" in mask.notes[0]


def test_the_reading_is_part_of_what_decides_the_outputs(tmp_path: Path) -> None:
    folder(tmp_path)
    settings = [
        MaskFolder(tmp_path / "masks", [], options).settings
        for options in (None, MaskOptions("alpha"), MaskOptions(person_class=("15",)))
    ]
    assert settings[0] != settings[1] != settings[2] != settings[0]


@pytest.mark.parametrize(
    "name", ["a.png", "a.jpg.png", "A_MASK.png", "a-mask.tif", "a.jpg_mask.png"]
)
def test_usual_names_are_found(tmp_path: Path, name: str) -> None:
    folder(tmp_path, **{name: save(WHITE)})
    np.testing.assert_array_equal(read(tmp_path), shape())


def test_the_mask_of_another_input_is_not_taken(tmp_path: Path) -> None:
    folder(tmp_path, **{"a.png": save(WHITE), "a_mask.png": save(255 - WHITE)})
    files = [InputFile(tmp_path / name, name, "image") for name in ("a.jpg", "a_mask.jpg")]
    masks = MaskFolder(tmp_path / "masks", files)
    np.testing.assert_array_equal(masks.find(files[0])(HEIGHT, WIDTH), shape())
    with pytest.raises(MediaError, match="several masks"):
        read(tmp_path)


@pytest.mark.parametrize("orientation", [6, 8])
def test_a_mask_of_the_stored_pixels_is_turned_with_its_image(
    tmp_path: Path, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.zeros((WIDTH, HEIGHT, 3), np.uint8)  # upright: HEIGHT x WIDTH
    Image.fromarray(stored).save(tmp_path / "a.jpg", exif=exif)
    back = np.rot90(WHITE, 1 if orientation == 6 else -1)
    folder(tmp_path, **{"a.png": save(np.ascontiguousarray(back))})
    np.testing.assert_array_equal(read(tmp_path), shape())
