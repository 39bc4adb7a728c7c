"""One shape, stored in any of the ways that programs do, is read as this shape or refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from pii_seg.data.mask_io import read_mask_image
from pii_seg.data.mask_reading import MaskCode, MaskOptions, Reading, redacted_pixels
from pii_seg.data.sources.recognise import recognise
from pii_seg.errors import DataError, InputError
from tests.fuzz import fuzz_settings, mutated

HEIGHT, WIDTH = 24, 32
Shape = np.ndarray  # bool (HEIGHT, WIDTH)


@st.composite
def shapes(draw: Any) -> Shape:
    """Up to three rectangles, some of which may be holes; neither nobody nor everything."""
    shape = np.zeros((HEIGHT, WIDTH), bool)
    for filled in draw(st.lists(st.booleans(), min_size=1, max_size=3)):
        top, left = draw(st.integers(0, HEIGHT - 4)), draw(st.integers(0, WIDTH - 4))
        shape[top : top + draw(st.integers(3, 12)), left : left + draw(st.integers(3, 12))] = filled
    if not shape.any():
        shape[4:12, 6:20] = True
    return shape


def save(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def grey(shape: Shape, person: int, background: int = 0, dtype: type = np.uint8) -> np.ndarray:
    return np.where(shape, person, background).astype(dtype)


def colours(shape: Shape, person: tuple[int, ...], background: tuple[int, ...]) -> np.ndarray:
    return np.where(shape[..., None], np.array(person), np.array(background)).astype(np.uint8)


def palette(shape: Shape, indices: tuple[int, int], table: list[int], **options: Any) -> bytes:
    image = Image.fromarray(grey(shape, indices[1], indices[0]), "P")
    image.putpalette(table)
    return save(image, **options)


def cut_out(shape: Shape) -> np.ndarray:
    noise = np.random.default_rng(5).integers(0, 255, (HEIGHT, WIDTH, 4), dtype=np.uint8)
    noise[..., 3] = np.where(shape, 255, 0)
    return noise


WHITE_BLACK = [255] * 3 + [0] * 3
ENCODINGS: dict[str, Callable[[Shape], bytes]] = {
    "0/255": lambda s: save(Image.fromarray(grey(s, 255))),
    "0/1": lambda s: save(Image.fromarray(grey(s, 1))),
    "0/128": lambda s: save(Image.fromarray(grey(s, 128))),
    "bilevel": lambda s: save(Image.fromarray(s)),
    "16 bit": lambda s: save(Image.fromarray(grey(s, 65535, dtype=np.uint16))),
    "16 bit 1": lambda s: save(Image.fromarray(grey(s, 1, dtype=np.uint16))),
    "32 bit": lambda s: save(Image.fromarray(grey(s, 1, dtype=np.int32)), "TIFF"),
    "float": lambda s: save(Image.fromarray(grey(s, 1, dtype=np.float32)), "TIFF"),
    "bmp": lambda s: save(Image.fromarray(grey(s, 255)), "BMP"),
    "tiff": lambda s: save(Image.fromarray(grey(s, 255)), "TIFF"),
    "tiff white is 0": lambda s: save(Image.fromarray(grey(s, 255)), "TIFF", tiffinfo={262: 0}),
    "webp": lambda s: save(Image.fromarray(grey(s, 255)), "WEBP", lossless=True),
    "rgb grey": lambda s: save(Image.fromarray(colours(s, (255,) * 3, (0,) * 3))),
    "rgb red": lambda s: save(Image.fromarray(colours(s, (255, 0, 0), (0,) * 3))),
    "red on white": lambda s: save(Image.fromarray(colours(s, (255, 0, 0), (255,) * 3))),
    "black, alpha": lambda s: save(Image.fromarray(colours(s, (0, 0, 0, 255), (0,) * 4))),
    "white, alpha": lambda s: save(Image.fromarray(colours(s, (255,) * 4, (255, 255, 255, 0)))),
    "black on white, alpha": lambda s: save(
        Image.fromarray(colours(s, (0, 0, 0, 255), (255, 255, 255, 0)))
    ),
    "red, alpha": lambda s: save(Image.fromarray(colours(s, (255, 0, 0, 200), (0,) * 4))),
    "opaque rgba": lambda s: save(Image.fromarray(colours(s, (255,) * 4, (0, 0, 0, 255)))),
    "even veil": lambda s: save(
        Image.fromarray(colours(s, (255, 255, 255, 90), (0, 0, 0, 90)))
    ),
    "grey, alpha": lambda s: save(Image.fromarray(np.dstack([grey(s, 0), grey(s, 255)]), "LA")),
    "cut-out": lambda s: save(Image.fromarray(cut_out(s))),
    "transparent grey": lambda s: save(Image.fromarray(grey(s, 255)), transparency=0),
    "palette": lambda s: palette(s, (0, 1), [0, 0, 0, 200, 30, 40]),
    "palette 15": lambda s: palette(s, (0, 15), [0] * 45 + [192, 128, 128]),
    "grey palette": lambda s: palette(s, (0, 1), [0] * 3 + [255] * 3),
    "reordered grey palette": lambda s: palette(s, (1, 0), WHITE_BLACK),
    "reordered palette": lambda s: palette(s, (1, 0), [200, 30, 40, 0, 0, 0]),
    "palette, 0 transparent": lambda s: palette(
        s, (0, 1), [255, 255, 255, 200, 30, 40], transparency=0
    ),
    "gif": lambda s: save(Image.fromarray(grey(s, 255)), "GIF"),
}  # fmt: skip
LOSSY: dict[str, Callable[[Shape], bytes]] = {
    "jpeg": lambda s: save(Image.fromarray(grey(s, 255)), "JPEG", quality=85),
    "colour jpeg": lambda s: save(Image.fromarray(colours(s, (255,) * 3, (0,) * 3)), "JPEG"),
    "jpeg 0/1": lambda s: save(Image.fromarray(grey(s, 1)), "JPEG", quality=85),
    "jpeg 0/15": lambda s: save(Image.fromarray(grey(s, 15)), "JPEG", quality=85),
    "jpeg red": lambda s: save(Image.fromarray(colours(s, (255, 0, 0), (0,) * 3)), "JPEG"),
    "lossy webp": lambda s: save(Image.fromarray(grey(s, 255)), "WEBP", quality=70),
}
REFUSED = {"red on white", "reordered grey palette", "reordered palette"}
"""Encodings whose background is not black: no reading is certain."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mask.png"


def as_folder(file: Path, content: bytes) -> np.ndarray:
    file.write_bytes(content)
    reading, _ = recognise([file])
    assert reading is not None
    return reading.decode(read_mask_image(file))[0]


def as_redaction(file: Path, content: bytes) -> np.ndarray:
    file.write_bytes(content)
    return redacted_pixels(read_mask_image(file), None)


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_encoding_is_read_or_refused_as_the_table_says(file: Path, name: str) -> None:
    shape = np.zeros((HEIGHT, WIDTH), bool)
    shape[2:20, 3:25] = True
    content = ENCODINGS[name](shape)
    for read in (as_folder, as_redaction):
        if name in REFUSED:
            with pytest.raises(DataError, match="give"):
                read(file, content)
        else:
            np.testing.assert_array_equal(read(file, content).astype(bool), shape)


@fuzz_settings
@given(shape=shapes(), name=st.sampled_from(sorted(ENCODINGS)))
def test_a_shape_is_read_as_itself_or_refused(file: Path, shape: Shape, name: str) -> None:
    content = ENCODINGS[name](shape)
    for read in (as_folder, as_redaction):
        try:
            found = read(file, content)
        except DataError:
            assert name in {*REFUSED, "cut-out"}  # a small cut-out has too few colours
        else:
            np.testing.assert_array_equal(found, shape)


@fuzz_settings
@given(shape=shapes(), name=st.sampled_from(sorted(LOSSY)))
def test_a_shape_that_was_compressed_with_loss_is_read_up_to_its_edge_or_refused(
    file: Path, shape: Shape, name: str
) -> None:
    kernel = np.ones((5, 5), np.uint8)
    inside = cv2.erode(shape.astype(np.uint8), kernel).astype(bool)
    around = cv2.dilate(shape.astype(np.uint8), np.ones((17, 17), np.uint8)).astype(bool)
    content = LOSSY[name](shape)
    if not np.asarray(Image.open(io.BytesIO(content))).any():
        inside[:] = False  # a small shape of faint pixels is lost before anybody reads it
    for read in (as_folder, as_redaction):
        try:
            found = read(file, content).astype(bool)
        except DataError:
            continue
        assert found[inside].all() and not found[~around].any()


def test_a_faint_lossy_mask_is_refused(file: Path) -> None:
    shape = np.zeros((HEIGHT, WIDTH), bool)
    shape[3:15, 5:20] = True
    for name in ("jpeg 0/1", "jpeg 0/15"):
        with pytest.raises(DataError, match="export"):
            as_redaction(file, LOSSY[name](shape))


@fuzz_settings
@given(shape=shapes(), person=st.sampled_from([0, 1, 255]), kind=st.sampled_from(["L", "RGB"]))
def test_inverted_masks_are_read_when_that_is_said(
    file: Path, shape: Shape, person: int, kind: str
) -> None:
    background = {0: 255, 1: 0, 255: 0}[person]
    code = "inverted" if person == 0 else "nonzero"
    file.write_bytes(save(Image.fromarray(grey(shape, person, background)).convert(kind)))
    reading = MaskOptions(code).given()
    np.testing.assert_array_equal(redacted_pixels(read_mask_image(file), reading), shape)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mask_is_tagged", [True, False])
def test_a_mask_is_turned_as_its_image_is(
    file: Path, orientation: int, mask_is_tagged: bool
) -> None:
    stored = np.zeros((HEIGHT, WIDTH), np.uint8)
    stored[:5, :9] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    file.write_bytes(save(Image.fromarray(stored), exif=exif))
    upright = np.asarray(ImageOps.exif_transpose(Image.open(file)))
    if not mask_is_tagged:
        file.write_bytes(save(Image.fromarray(stored)))
    mask = read_mask_image(file).fit(*upright.shape, orientation)
    if mask_is_tagged or orientation >= 5:
        np.testing.assert_array_equal(mask.numbers, upright)
    else:  # nothing tells that it is not upright
        np.testing.assert_array_equal(mask.numbers, stored)


def test_a_mask_with_a_copied_tag_that_is_not_true_is_taken_as_stored(file: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.zeros((HEIGHT, WIDTH), np.uint8)
    stored[:5, :9] = 255
    file.write_bytes(save(Image.fromarray(stored), exif=exif))
    np.testing.assert_array_equal(read_mask_image(file).fit(HEIGHT, WIDTH).numbers, stored)
    with pytest.raises(DataError, match="is 32×24, its image 33×24"):
        read_mask_image(file).fit(HEIGHT, WIDTH + 1)


def test_several_images_in_one_file_are_no_mask(file: Path) -> None:
    page = Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint8))
    other = Image.fromarray(np.full((HEIGHT, WIDTH), 255, np.uint8))
    file.write_bytes(save(page, "TIFF", save_all=True, append_images=[other]))
    with pytest.raises(DataError, match="holds 2 images"):
        read_mask_image(file)


def test_alpha_and_colours_that_differ_are_refused_until_one_is_chosen(file: Path) -> None:
    array = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    array[:10, :, :3], array[:, :16, 3] = 255, 255
    content = save(Image.fromarray(array))
    for read in (as_folder, as_redaction):
        with pytest.raises(DataError, match="--mask-code alpha"):
            read(file, content)
    alpha = redacted_pixels(read_mask_image(file), Reading(MaskCode.ALPHA, given=True))
    np.testing.assert_array_equal(alpha, array[..., 3] > 0)
    filled = redacted_pixels(read_mask_image(file), Reading(MaskCode.NONZERO, given=True))
    np.testing.assert_array_equal(filled, array[..., 0] > 0)


@pytest.mark.parametrize(
    ("values", "person_class", "expected"),
    [
        ([0, 3, 15, 255], ["15"], [0, 0, 1, 255]),
        ([0, 3, 15, 255], ["3-15"], [0, 1, 1, 255]),
        ([0, 3, 15, 255], ["3", "255"], [0, 1, 0, 1]),
        ([0, 100, 128, 255], ["#646464", "128,128,128"], [0, 1, 1, 0]),
    ],
)
def test_person_classes_choose_numbers_and_colours(
    file: Path, values: list[int], person_class: list[str], expected: list[int]
) -> None:
    file.write_bytes(save(Image.fromarray(np.array([values], np.uint8))))
    reading = MaskOptions(person_class=tuple(person_class)).given()
    assert reading is not None
    assert reading.decode(read_mask_image(file))[0][0].tolist() == expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("sideways",), "expected one of auto"),
        (("alpha", ("15",)), "exclude each other"),
        (("auto", ("dog",)), "expected a number"),
        (("auto", ("70000",)), "expected a number"),
        (("auto", ("#12345",)), "expected a number"),
        (("auto", ("9-3",)), "expected a number"),
        (("auto", ("1,2,300",)), "expected a number"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        MaskOptions(*options).given()


@fuzz_settings
@given(numbers=st.randoms(use_true_random=False), name=st.sampled_from(sorted(ENCODINGS | LOSSY)))
def test_damaged_masks_are_read_or_refused(file: Path, numbers: Any, name: str) -> None:
    shape = np.zeros((HEIGHT, WIDTH), bool)
    shape[3:15, 5:20] = True
    file.write_bytes(mutated((ENCODINGS | LOSSY)[name](shape), numbers))
    try:
        mask = read_mask_image(file)
        redacted_pixels(mask, None)
        reading, _ = recognise([file])
        assert reading is not None and str(reading)
        reading.decode(mask)
    except DataError as error:
        assert str(error)
