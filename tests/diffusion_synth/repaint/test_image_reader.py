"""Images are read as viewers show them, masks in the one way that their values allow."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from blender_addon.dataset import DatasetError
from diffusion_synth.repaint import image_reader
from diffusion_synth.repaint.dataset_reader import Dataset
from diffusion_synth.repaint.image_folders import MOST_PERSONS, SMOOTHED, persons_of
from diffusion_synth.repaint.image_reader import read_image, read_mask
from tests.diffusion_synth.conftest import write_dataset
from tests.fuzz import fuzz_count, fuzz_settings, mutated, random_of
from tests.image_cases import ImageCase, as_recorded, exif_of, image_cases

# Refused in plain words: deep colours outside of PNG, deep inverted grey, doubles.
REFUSED = re.compile(
    r"deep_rgb_tiff_|deep_rgb\d+_\w*tif|deep_inverted1\d|deep_float_rgb|deep_double|deep_rgb16_planar"
)


@pytest.mark.parametrize("case", image_cases(), ids=lambda case: case.name)
def test_images_are_read_as_viewers_show_them(case: ImageCase, tmp_path: Path) -> None:
    path = tmp_path / f"{case.name}{case.ending}"
    path.write_bytes(case.content)
    if REFUSED.match(case.name):
        with pytest.raises(DatasetError, match=r"more than 8 bits a channel|no whole image"):
            read_image(path)
    else:
        assert case.agrees(read_image(path))


def test_files_are_bounded_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(path)
    monkeypatch.setattr(image_reader, "MAX_PIXELS", 1599)
    for read in (read_image, read_mask):
        with pytest.raises(DatasetError, match="larger than"):
            read(path)
    monkeypatch.undo()
    frames = [Image.fromarray(np.full((8, 8), grey, np.uint8)) for grey in (0, 90)]
    frames[0].save(tmp_path / "b.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(DatasetError, match="holds 2 images"):
        read_image(tmp_path / "b.gif")
    (tmp_path / "c.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(DatasetError, match=r"c\.png: cannot be read"):
        read_image(tmp_path / "c.png")
    with pytest.raises(DatasetError, match="No such file"):
        read_image(tmp_path / "none.png")


@pytest.mark.fuzz
def test_mutated_files_are_read_or_refused(tmp_path: Path) -> None:
    cases, path = image_cases(), tmp_path / "a"
    for number in range(fuzz_count()):
        numbers = random_of(number)
        path.write_bytes(mutated(numbers.choice(cases).content, numbers))
        for read in (read_image, read_mask):
            try:
                found = read(path)
            except DatasetError as error:
                assert "\n" not in str(error)
            else:
                assert found.dtype in (np.uint8, np.uint16)


def shape() -> np.ndarray:
    """Return two separate persons, bool (48, 32)."""
    inside = np.zeros((48, 32), bool)
    inside[6:30, 3:12] = True
    inside[10:40, 18:28] = True
    return inside


def palette_of(indices: np.ndarray) -> Image.Image:
    image = Image.fromarray(indices, "P")
    image.putpalette([0, 0, 0, 220, 20, 60, 0, 0, 142])
    return image


def test_masks_of_any_file_are_the_numbers_in_it(tmp_path: Path) -> None:
    inside = shape()
    ones = inside.astype(np.uint8)
    for name, image in {
        "one.png": Image.fromarray(ones),
        "full.png": Image.fromarray(ones * 255),
        "bits.png": Image.fromarray(inside),
        "deep.png": Image.fromarray(ones.astype(np.uint16) * 3),
        "palette.png": palette_of(ones),
        "rgb.png": Image.fromarray(np.repeat(ones[..., None] * 255, 3, 2)),
        "opaque.png": Image.fromarray(np.dstack([*[ones * 255] * 3, ones * 0 + 255])),
    }.items():
        image.save(tmp_path / name)
        np.testing.assert_array_equal(read_mask(tmp_path / name) > 0, inside, name)
    file = io.BytesIO()
    Image.fromarray(as_recorded(ones, 6)).save(file, "PNG", exif=exif_of(6))
    (tmp_path / "turned.png").write_bytes(file.getvalue())
    np.testing.assert_array_equal(read_mask(tmp_path / "turned.png"), ones)


@pytest.mark.parametrize(
    ("channels", "said"),
    [
        (lambda one: [one * 0, one * 0, one * 0, one * 255], "transparent pixels; .*grey image"),
        (lambda one: [one * 0 + 255, one * 255], "transparent pixels"),
        (lambda one: [one * 220, one * 20, one * 60], "is a colour image"),
    ],
)
def test_masks_without_one_meaning_are_refused(channels: Any, said: str, tmp_path: Path) -> None:
    Image.fromarray(np.dstack(channels(shape().astype(np.uint8)))).save(tmp_path / "a.png")
    with pytest.raises(DatasetError, match=said):
        read_mask(tmp_path / "a.png")


def smoothed() -> np.ndarray:
    image = Image.fromarray(shape().astype(np.uint8) * 255)
    return np.asarray(image.resize((128, 192), Image.Resampling.BICUBIC))


def test_persons_are_found_in_masks() -> None:
    ones = shape().astype(np.uint8)
    for mask in (ones, ones * 255):
        labels, persons, note = persons_of(mask, Path("a.png"))
        assert [person["id"] for person in persons] == [1, 2]
        np.testing.assert_array_equal(labels > 0, shape())
        assert not note
    labels, persons, note = persons_of(smoothed(), Path("a.png"))
    assert ([person["id"] for person in persons], note) == ([1, 2], SMOOTHED)
    np.testing.assert_array_equal(labels > 0, smoothed() >= 128)
    instances = ones.copy()
    instances[:, 16:] *= 2
    labels, persons, _ = persons_of(instances, Path("a.png"))
    np.testing.assert_array_equal(labels, instances)
    assert len(persons) == 2
    assert persons_of(ones * 0, Path("a.png"))[1] == []
    for codes in ((15, 1), (255, 15), (2, 7)):
        mask = np.zeros((48, 32), np.uint8)
        mask[:10], mask[20:30] = codes
        with pytest.raises(DatasetError, match="classes or persons"):
            persons_of(mask, Path("a.png"))


@fuzz_settings
@given(st.lists(st.integers(0, 255), min_size=16, max_size=16), st.booleans())
def test_any_mask_has_persons_or_is_refused(values: list[int], deep: bool) -> None:
    kind = np.uint16 if deep else np.uint8
    mask = np.array(values, kind).reshape(4, 4).repeat(5, 0).repeat(5, 1)
    try:
        labels, persons, _ = persons_of(mask, Path("a.png"))
    except DatasetError as error:
        assert "a.png" in str(error)
    else:
        assert {person["id"] for person in persons} == set(np.unique(labels).tolist()) - {0}
        assert labels.max() <= MOST_PERSONS


def folders(root: Path, names: dict[str, str]) -> Path:
    """Write images and masks: name of the image → name of its mask."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for number, (image, mask) in enumerate(names.items()):
        noise = np.random.default_rng(number).integers(0, 256, (48, 32, 3), dtype=np.uint8)
        Image.fromarray(noise).save(root / "images" / image)
        Image.fromarray(shape().astype(np.uint8) * 255).save(root / "masks" / mask)
    return root


def test_folders_of_images_and_masks_are_a_dataset(tmp_path: Path) -> None:
    names = {"b.JPG": "b.png", "Caf\u00e9.png": "cafe\u0301.png"}
    dataset = Dataset(folders(tmp_path, names))
    assert [line["file_name"] for line in dataset.lines] == ["images/b.JPG", "images/Caf\u00e9.png"]
    assert [person["id"] for person in dataset.sample(0).persons] == [1, 2]
    assert dataset.sample(0).scene == (None, 0)
    before = dataset.content_hash()
    assert before == Dataset(tmp_path.rename(tmp_path.with_name("moved"))).content_hash()
    moved = tmp_path.with_name("moved")
    Image.fromarray(smoothed()[:48, :32]).save(moved / "masks" / "b.png")
    assert before != Dataset(moved).content_hash()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda root: (root / "masks" / "a.png").unlink(), "1 files have no mask"),
        (lambda root: (root / "images" / "a.png").unlink(), "1 files have no image"),
        (lambda root: (root / "masks" / "A.tif").write_bytes(b""), "have one name"),
        (lambda root: (root / "images" / "notes.txt").write_text(""), "is no image file"),
        (lambda root: (root / "images" / "more").mkdir(), "is no image file"),
    ],
)
def test_folders_that_do_not_fit_are_refused(spoil: Any, said: str, tmp_path: Path) -> None:
    root = folders(tmp_path, {"a.png": "a.png", "b.png": "b.png"})
    spoil(root)
    with pytest.raises(DatasetError, match=said):
        Dataset(root)


def one_image(root: Path, mask: np.ndarray, **line: Any) -> Dataset:
    image = np.zeros((*mask.shape, 3), np.uint8)
    return Dataset(write_dataset(root, [(image, mask, {"persons": [{"id": 1}], **line})] * 2))


def test_masks_that_are_not_those_of_their_lines_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"is smoothed: .*anti-aliasing"):
        one_image(tmp_path / "a", smoothed()).sample(0)
    with pytest.raises(DatasetError, match="none of the persons of its line, but the value 255"):
        one_image(tmp_path / "b", shape().astype(np.uint8) * 255).sample(0)
    with pytest.raises(DatasetError, match="index 0 is listed twice"):
        one_image(tmp_path / "c", shape().astype(np.uint8), index=0)
    for number, line in enumerate(
        ({"index": -1}, {"index": True}, {"index": "0"}, {"persons": [{"id": 1}, {"id": 1}]},
         {"persons": [{"id": 0}]}, {"persons": [{"id": True}]}, {"persons": [{"id": 1 << 40}]})
    ):  # fmt: skip
        with pytest.raises(DatasetError, match=r"line 1 (has|is damaged)"):
            one_image(tmp_path / f"d{number}", shape().astype(np.uint8), **line)
