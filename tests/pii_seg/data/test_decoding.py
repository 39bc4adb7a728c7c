"""One decoder for training, prediction and anonymising: whole, upright, as a person sees it."""

from __future__ import annotations

import io
import itertools
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from pii_seg.anonymize.image_reader import decode_file
from pii_seg.anonymize.image_writer import encode_file
from pii_seg.data import decoding
from pii_seg.data.decoding import decode, frame_of
from pii_seg.data.frames import Limits
from pii_seg.data.image_io import read_image
from pii_seg.data.tiff import turned
from pii_seg.errors import DataError, MediaError
from pii_seg.inference import predict
from tests.fuzz import fuzz_count, fuzz_settings, mutated, random_of
from tests.image_cases import (
    ImageCase,
    as_recorded,
    deep_png,
    grey_image,
    image_cases,
    saved,
    scaled,
    three,
    tiff,
    upright_image,
    with_png_chunk,
)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of damaged TIFFs

CASES = {case.name: case for case in image_cases()}
SMALL = Limits(pixels=1_000_000, frames=50, decoded=20_000_000)


# What a person sees


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_reader_returns_what_a_viewer_shows(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    path = tmp_path / f"a{case.ending}"
    path.write_bytes(case.content)
    training = read_image(path)
    searched = decode_file(case.content).frames[0].to_rgb8()
    assert case.agrees(training), np.abs(training.astype(int) - case.shown).mean()
    np.testing.assert_array_equal(searched, training)
    kept = decode_file(case.content, keep=frozenset({"icc"})).frames[0].to_rgb8()
    assert np.abs(kept.astype(int) - training).mean() <= 2


@pytest.mark.parametrize("name", sorted(CASES))
def test_what_is_written_is_seen_like_what_was_read(name: str) -> None:
    case = CASES[name]
    for keep in (frozenset[str](), frozenset({"icc"})):
        image = decode_file(case.content, keep=keep)
        again = decode_file(encode_file(image), keep=keep).frames[0]
        assert again.pixels.dtype == image.frames[0].pixels.dtype  # no depth is lost
        difference = again.seen_like(image.frames[0]).to_rgb8().astype(int) - case.shown
        assert np.abs(difference).mean() <= case.tolerance + 4


@pytest.mark.parametrize("name", sorted(CASES)[::3])
def test_an_image_that_pillow_opened_is_seen_like_its_file(name: str) -> None:
    try:
        image = Image.open(io.BytesIO(CASES[name].content))
    except Image.UnidentifiedImageError:
        return  # of a kind that Pillow does not know
    if image.mode == "RGB" and name.startswith("deep"):
        return  # cut to 8 bits by Pillow
    if image.mode == "I;16" and "inverted" in name:
        return  # Pillow does not say so
    assert CASES[name].agrees(frame_of(image).to_rgb8())


def test_predict_reads_all_endings_of_the_table(tmp_path: Path) -> None:
    for case in (
        CASES["colour_colour_jp2"],
        CASES["colour_colour_jfif"],
        CASES["colour_palette_gif"],
    ):
        (tmp_path / f"{case.name}{case.ending}").write_bytes(case.content)
    images = predict.find_images([tmp_path], exclude=tmp_path / "out")
    seen = []

    def probability(image: np.ndarray) -> np.ndarray:
        seen.append(image)
        return np.zeros(image.shape[:2], np.float32)

    done = predict.write_predictions(probability, images, tmp_path / "out", threshold=0.5)
    assert (done.done, done.failed) == (3, ())
    assert all(np.abs(image.astype(int) - upright_image()).mean() < 4 for image in seen)


def test_ordinary_images_are_decoded_as_ever() -> None:
    """Equal to the last bit to Pillow, which is equal to what OpenCV gave before."""
    array = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    options: dict[str, Any]
    for kind, options in (("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("BMP", {})):
        content = saved(array, kind, **options)
        expected = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        np.testing.assert_array_equal(decode(content).frames[0].to_rgb8(), expected)


@fuzz_settings
@given(st.integers(1, 8), st.integers(1, 9), st.integers(1, 9))
def test_turning_undoes_every_orientation(orientation: int, height: int, width: int) -> None:
    upright = np.arange(height * width * 3).reshape(height, width, 3)
    np.testing.assert_array_equal(turned(as_recorded(upright, orientation), orientation), upright)


@fuzz_settings
@given(st.integers(0, 60000), st.integers(100, 5000), st.booleans())
def test_any_narrow_range_is_seen(offset: int, span: int, inverted: bool) -> None:
    numbers = np.minimum(offset + scaled(grey_image(), span).astype(int), 65535)
    if numbers.max() - numbers.min() < 100:
        return
    content = tiff(
        numbers.astype(np.uint16), photometric="miniswhite" if inverted else "minisblack"
    )
    seen = decode(content).frames[0].to_rgb8()[..., 0].astype(int)
    assert seen.max() - seen.min() >= 15  # of 255, and mostly all of them
    order = np.argsort(numbers[::16, ::16], axis=None, kind="stable")
    steps = np.diff(seen[::16, ::16].reshape(-1)[order])
    assert (steps <= 0).all() if inverted else (steps >= 0).all()


def test_one_hot_pixel_does_not_hide_the_rest() -> None:
    numbers = scaled(grey_image(), 4095)
    numbers[5, 5] = 65535
    seen = decode(deep_png(numbers)).frames[0].to_rgb8()
    assert np.abs(seen.astype(int) - three(grey_image())).mean() < 2


def test_orientation_in_xmp_alone_is_not_applied() -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="6"/></x:xmpmeta>'
    content = saved(upright_image(), "JPEG", quality=100, xmp=xmp)
    assert decode(content).frames[0].pixels.shape == upright_image().shape  # as in browsers


def test_the_first_page_that_is_no_thumbnail_is_read(tmp_path: Path) -> None:
    import tifffile

    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.zeros((6, 4, 3), np.uint8), photometric="rgb", subfiletype=1)
        writer.write(upright_image(), photometric="rgb")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), upright_image())


def test_a_cameras_raw_file_is_refused_and_not_its_preview_read(tmp_path: Path) -> None:
    import tifffile

    with tifffile.TiffWriter(tmp_path / "a.nef") as writer:
        writer.write(np.zeros((6, 4, 3), np.uint8), photometric="rgb", subfiletype=1, subifds=1)
        writer.write(np.zeros((60, 40), np.uint16), photometric="minisblack")
    with pytest.raises(DataError, match="raw file"):
        read_image(tmp_path / "a.nef")


# Damage: whole or refused


JPEGS = {
    "baseline": {},
    "full colour": {"subsampling": 0},
    "progressive": {"progressive": True},
    "restart markers": {"restart_marker_blocks": 2},
}


@pytest.mark.fuzz
@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_cut_anywhere_is_refused_even_if_it_ends_as_it_should(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    content = saved(noise, "JPEG", **JPEGS[kind])
    decode(content)
    begin = content.index(b"\xff\xda")
    numbers = random_of(1)
    for _ in range(fuzz_count(0.1)):
        # The last bytes may hold no more than invisible details of the last block.
        cut = content[: numbers.randrange(begin, len(content) - 40)]
        for end in (b"", b"\xff\xd9", b"\xff\xd9" + bytes(9), content):
            with pytest.raises(MediaError, match=r"damaged|decoded in full"):
                decode(cut + end)


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    content = saved(upright_image(), "JPEG", progressive=True)
    scan = content.index(b"\xff\xda")
    following = content.index(b"\xff", scan + 14)
    many = content[:scan] + content[scan:following] * 300 + content[scan:]
    with pytest.raises(MediaError, match="scans"):
        decode(many)


def test_what_follows_the_end_of_an_image_is_noted() -> None:
    hidden = saved(np.zeros((9, 9, 3), np.uint8), "JPEG")
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "AVIF"):
        content = saved(upright_image(), kind)
        assert decode(content + bytes(7)).notes == (), kind
        (note,) = decode(content + hidden).notes
        assert "further picture" in note and "dropped" in note, kind
        (note,) = decode(content + b"SEFH something of a phone").notes
        assert "bytes after the end" in note, kind


def test_a_gif_without_an_end_is_refused() -> None:
    frames = [Image.fromarray(np.full((8, 8), value, np.uint8)) for value in (1, 99, 200)]
    content = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(MediaError, match="end is missing"):
        decode(content[:-1])


# Limits


def growing_gif(side: int, count: int) -> bytes:
    """Return a GIF of 8×8 px whose further frames need `side` × `side`."""
    frames = [Image.fromarray(np.full((8, 8), value, np.uint8)) for value in range(count)]
    content = bytearray(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    places = [at for at in range(len(content)) if content[at : at + 5] == b",\0\0\0\0"]
    for at in places[1:]:
        content[at + 5 : at + 9] = struct.pack("<HH", side, side)
    return bytes(content)


def test_every_frame_counts_before_one_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("decoded")

    large, many = growing_gif(40_000, 3), growing_gif(10_000, 40)
    monkeypatch.setattr(Image.Image, "load", never)
    with pytest.raises(MediaError, match="megapixels"):
        decode(large)
    with pytest.raises(MediaError, match="too many to hold"):
        decode(many, limits=Limits(decoded=1 << 30))


def test_a_text_that_unpacks_to_gigabytes_is_never_unpacked() -> None:
    bomb = zlib.compress(bytes(3_000_000))
    content = saved(upright_image(), "PNG")
    for name, data in ((b"zTXt", b"Comment\0\0"), (b"iTXt", b"Title\0\1\0\0\0")):
        np.testing.assert_array_equal(
            decode(with_png_chunk(content, name, data + bomb)).frames[0].pixels, upright_image()
        )


def test_a_strip_that_unpacks_to_more_than_its_page_is_refused() -> None:
    def page(data: bytes) -> bytes:
        tags = [(256, 8), (257, 8), (258, 16), (259, 8), (262, 1), (273, 8), (277, 1), (278, 8)]
        rows = [struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in tags]
        rows.append(struct.pack("<HHII", 279, 4, 1, len(data)))
        directory = struct.pack("<H", len(rows)) + b"".join(rows) + bytes(4)
        return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory

    assert decode(page(zlib.compress(bytes(128)))).frames[0].pixels.shape == (8, 8, 1)
    with pytest.raises(MediaError, match="unpacks to more"):
        decode(page(zlib.compress(bytes(4_000_000))))
    with pytest.raises(MediaError, match="missing"):
        decode(page(zlib.compress(np.random.default_rng(0).bytes(128))[:70]))


def test_pages_that_lead_in_a_circle_are_refused() -> None:
    content = bytearray(tiff(grey_image()))
    first = int.from_bytes(content[4:8], "little")
    following = first + 2 + 12 * int.from_bytes(content[first : first + 2], "little")
    content[following : following + 4] = content[4:8]
    with pytest.raises(MediaError, match="lead nowhere"):
        decode(bytes(content))


# Fuzzing: files of every format, flipped, cut, spliced


FILES = [case for case in image_cases() if "orientation" not in case.name or "_6" in case.name]


def assert_whole_or_refused(content: bytes) -> None:
    try:
        image = decode(content, limits=SMALL)
    except MediaError as error:
        assert "\n" not in str(error) and "; " in str(error)  # one line, with a remedy
        return
    assert 1 <= len(image.frames) <= SMALL.frames
    assert sum(frame.nbytes for frame in image.frames) <= 4 * SMALL.decoded
    for frame in image.frames:
        assert frame.pixels.dtype in (np.uint8, np.uint16)
        assert frame.pixels.ndim == 3 and frame.pixels.shape[2] in (1, 3)
        assert frame.to_rgb8().shape == (*frame.pixels.shape[:2], 3)


@pytest.mark.fuzz
def test_any_damage_is_found_or_harmless() -> None:
    for number in range(fuzz_count()):
        numbers = random_of(number)
        case: ImageCase = numbers.choice(FILES)
        assert_whole_or_refused(mutated(case.content, numbers))


@fuzz_settings
@given(st.binary(max_size=300), st.sampled_from(FILES), st.integers(0, 200))
def test_any_bytes_after_any_beginning_are_whole_or_refused(
    tail: bytes, case: ImageCase, kept: int
) -> None:
    assert_whole_or_refused(case.content[:kept] + tail)


@pytest.mark.fuzz
def test_two_files_spliced_are_whole_or_refused() -> None:
    pairs = itertools.product(FILES[::3], FILES[1::5])
    for number, (one, other) in enumerate(itertools.islice(pairs, fuzz_count(0.3))):
        at = random_of(number).randrange(len(one.content))
        assert_whole_or_refused(one.content[:at] + other.content)


def test_a_message_names_no_internals() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("a", "b")
    content = bytearray(saved(upright_image(), "PNG", pnginfo=info))
    content[60] ^= 255
    with pytest.raises(MediaError) as caught:
        decode(bytes(content))
    assert "Error" not in str(caught.value).split("(")[0] and "remove" not in str(caught.value)


def test_images_of_a_burst_become_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A HEIC burst opens as an image of several frames, of which some may differ in size."""
    pages = [upright_image(), upright_image()[::-1], upright_image()[:30]]
    content = saved(
        Image.fromarray(pages[0]),
        "TIFF",
        save_all=True,
        append_images=[Image.fromarray(np.ascontiguousarray(page)) for page in pages[1:]],
    )
    monkeypatch.setattr(decoding, "MAGIC", ())  # read as Pillow's plugin of HEIC would be

    def opened(file: io.BytesIO, **_: Any) -> Image.Image:
        image = real_open(file)
        image.format = "HEIF"
        return image

    real_open = Image.open
    monkeypatch.setattr(decoding.Image, "open", opened)
    image = decode_file(content)
    monkeypatch.undo()
    assert image.format == "TIFF" and not image.is_animation
    assert any("3 images in the file became the pages" in note for note in image.notes)
    again = decode_file(encode_file(image))
    for frame, page in zip(again.frames, pages, strict=True):
        np.testing.assert_array_equal(frame.pixels, page)
