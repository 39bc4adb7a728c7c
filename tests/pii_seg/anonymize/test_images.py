"""Decoding and encoding image files: complete, upright, lossless formats exactly, no metadata."""

from __future__ import annotations

import io
import re
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from pii_seg.anonymize.image_reader import decode_file
from pii_seg.anonymize.image_writer import encode_file
from pii_seg.anonymize.images import ImageFile
from pii_seg.data.colour import is_srgb
from pii_seg.data.frames import Frame, Limits
from pii_seg.errors import MediaError
from tests.image_cases import case_named
from tests.pii_seg.anonymize.conftest import CANARY, SOURCES, noise, pillow, saved, tagged_exif

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of damaged TIFFs

LOSSLESS = sorted(set(SOURCES) - {"jpeg", "grey jpeg", "cmyk jpeg", "webp", "gif"})


def unpacked_bytes(content: bytes) -> bytes:
    """Return the bytes of a file, and all zlib streams in it unpacked."""
    unpacked = [content]
    for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", content):
        try:
            unpacked.append(zlib.decompressobj().decompress(content[match.start() :]))
        except zlib.error:
            continue
    return b"".join(unpacked)


def assert_same(a: ImageFile, b: ImageFile) -> None:
    assert a.format == b.format
    assert len(a.frames) == len(b.frames)
    for one, other in zip(a.frames, b.frames, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        assert (one.alpha is None) == (other.alpha is None)
        if one.alpha is not None:
            np.testing.assert_array_equal(one.alpha, other.alpha)


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_formats_keep_every_pixel(kind: str) -> None:
    image = decode_file(SOURCES[kind])
    assert_same(decode_file(encode_file(image)), image)


def test_lossy_formats_stay_close() -> None:
    for kind in ("jpeg", "grey jpeg", "webp"):
        image = decode_file(SOURCES[kind])
        again = decode_file(encode_file(image))
        difference = np.abs(again.frames[0].pixels.astype(int) - image.frames[0].pixels)
        assert difference.mean() < 12, kind  # of noise, which compresses badly


def test_no_canary_survives(source: bytes) -> None:
    out = encode_file(decode_file(source))
    assert CANARY.encode() not in unpacked_bytes(out)
    assert not Image.open(io.BytesIO(out)).getexif().keys() & {270, 271, 305, 315, 34853, 37500}


def test_the_sources_hold_canaries() -> None:
    without = {
        kind for kind, content in SOURCES.items() if CANARY.encode() not in unpacked_bytes(content)
    }
    assert without == set()


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "lossless webp"])
def test_date_and_nothing_else_is_kept_on_request(kind: str) -> None:
    out = encode_file(decode_file(SOURCES[kind], keep=frozenset({"date"})))
    image = Image.open(io.BytesIO(out))
    image.load()  # in a PNG the EXIF chunk follows the pixels
    exif = image.getexif()
    assert exif.get_ifd(0x8769)[36867] == "2024:05:06 07:08:09"
    assert CANARY.encode() not in unpacked_bytes(out)


def test_an_invalid_date_is_not_kept() -> None:
    exif = tagged_exif()
    exif.get_ifd(0x8769)[36867] = CANARY
    image = decode_file(saved(pillow(noise()), "JPEG", exif=exif), keep=frozenset({"date"}))
    assert image.kept.date is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_orientations_become_upright_without_a_tag(kind: str, orientation: int) -> None:
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :8] = (250, 0, 0)
    upright[8:, 16:] = (0, 250, 0)
    turned = Image.fromarray(upright)
    undo = {
        2: 0,
        3: 3,
        4: 1,
        5: 5,
        6: 2,
        7: 6,
        8: 4,
    }  # Image.Transpose: the transformation that the camera recorded
    if orientation in undo:
        turned = turned.transpose(Image.Transpose(undo[orientation]))
    exact = {"quality": 100} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    source = saved(turned, kind, exif=tagged_exif(orientation), **exact)
    image = decode_file(source)
    difference = np.abs(image.frames[0].pixels.astype(int) - upright)
    assert image.frames[0].pixels.shape == upright.shape
    assert np.median(difference) <= 2
    assert difference.mean() < 10
    out = Image.open(io.BytesIO(encode_file(image)))
    assert out.size == (32, 16)
    assert out.getexif().get(274, 1) == 1


@pytest.mark.parametrize("kind", ["gif", "apng", "animated webp"])
def test_animations_keep_frames_times_and_loop(kind: str) -> None:
    image = decode_file(SOURCES[kind])
    again = decode_file(encode_file(image))
    assert (
        [frame.duration for frame in again.frames]
        == [frame.duration for frame in image.frames]
        == [40, 60, 80]
    )
    assert again.loop == image.loop == 0


def test_pages_keep_their_sizes_and_modes() -> None:
    image = decode_file(encode_file(decode_file(SOURCES["tiff pages"])))
    assert [frame.pixels.shape for frame in image.frames] == [
        (24, 36, 3),
        (30, 20, 3),
        (24, 36, 1),
    ]


@pytest.mark.parametrize("kind", ["deep png", "deep grey png", "deep tiff"])
def test_16_bit_files_stay_16_bit(kind: str) -> None:
    out = decode_file(encode_file(decode_file(SOURCES[kind])))
    assert out.frames[0].pixels.dtype == np.uint16
    assert len(np.unique(out.frames[0].pixels)) > 256
    assert out.frames[0].to_rgb8().dtype == np.uint8


def test_16_bit_colour_is_read_exactly() -> None:
    np.testing.assert_array_equal(
        decode_file(SOURCES["deep png"]).frames[0].pixels, noise(deep=True)[..., ::-1]
    )
    np.testing.assert_array_equal(
        decode_file(SOURCES["deep tiff"]).frames[0].pixels, noise(deep=True)
    )


def test_pixels_under_transparency_are_shown_to_the_segmenter() -> None:
    array = noise(channels=4)
    array[..., 3] = 0
    frame = decode_file(saved(pillow(array), "PNG")).frames[0]
    np.testing.assert_array_equal(frame.to_rgb8(), array[..., :3])


def test_a_wide_profile_is_converted_or_kept_on_request() -> None:
    swapped = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    plain = pillow(noise())
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert decode_file(saved(plain, "PNG", icc_profile=srgb)).kept.profile is None
    np.testing.assert_array_equal(
        decode_file(saved(plain, "PNG", icc_profile=srgb)).frames[0].pixels, noise()
    )
    kept = decode_file(saved(plain, "PNG", icc_profile=srgb), keep=frozenset({"icc"}))
    written = Image.open(io.BytesIO(encode_file(kept))).info["icc_profile"]
    assert is_srgb(written) and b"sRGB" not in written  # made anew from the colours alone
    damaged = decode_file(saved(plain, "PNG", icc_profile=swapped[:60]))
    np.testing.assert_array_equal(damaged.frames[0].pixels, noise())


def test_a_16_bit_png_keeps_its_profile() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = decode_file(SOURCES["deep png"])
    out = encode_file(ImageFile("PNG", image.frames, type(image.kept)(srgb, "2024:05:06 07:08:09")))
    again = Image.open(io.BytesIO(out))
    again.load()
    assert again.info["icc_profile"] == srgb
    assert again.getexif().get_ifd(0x8769)[36867] == "2024:05:06 07:08:09"
    np.testing.assert_array_equal(decode_file(out).frames[0].pixels, image.frames[0].pixels)


def test_further_views_of_a_camera_are_dropped_and_noted() -> None:
    first, second = pillow(noise(seed=1)), pillow(noise(seed=2))
    image = decode_file(saved(first, "MPO", save_all=True, append_images=[second]))
    assert len(image.frames) == 1
    assert "1 further views" in image.notes[0]
    assert image.format == "JPEG"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not an image"),
        (b"GIF89a", "."),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (b"II*\0", "."),
    ],
)
def test_other_files_are_rejected(content: bytes, why: str) -> None:
    with pytest.raises(MediaError, match=why):
        decode_file(content)


def test_limits_are_checked_before_decoding() -> None:
    with pytest.raises(MediaError, match="megapixels"):
        decode_file(SOURCES["png"], limits=Limits(pixels=100))
    with pytest.raises(MediaError, match="3 frames"):
        decode_file(SOURCES["gif"], limits=Limits(frames=2))
    with pytest.raises(MediaError, match="too many to hold"):
        decode_file(SOURCES["gif"], limits=Limits(decoded=1000))


def test_fractions_become_16_bits_with_a_note() -> None:
    case = case_named("deep_float_kelvin_tif")
    image = decode_file(case.content)
    assert image.frames[0].pixels.dtype == np.uint16
    assert any("float32, were converted to 16 bits" in note for note in image.notes)
    assert case.agrees(decode_file(encode_file(image)).frames[0].to_rgb8())


@pytest.mark.parametrize("kind", sorted(SOURCES))
def test_damaged_files_are_rejected_or_read(kind: str) -> None:
    """24 truncated or changed files of each of 17 kinds: no other exception is raised."""
    content = SOURCES[kind]
    rng = np.random.default_rng(len(content))
    for number in range(24):
        damaged = bytearray(content)
        if number % 2:
            damaged = damaged[: rng.integers(0, len(content) - 40)]
        for place in rng.integers(0, max(1, len(damaged)), 1 + number // 4):
            if damaged:
                damaged[place % len(damaged)] ^= int(rng.integers(1, 256))
        try:
            image = decode_file(bytes(damaged))
        except MediaError as error:
            assert "/" not in str(error)
        else:
            assert image.frames
            decode_file(encode_file(image))


@pytest.mark.parametrize(
    "kind", ["jpeg", "png", "lossless webp", "tiff pages", "gif", "bmp", "apng"]
)
def test_a_truncated_file_is_rejected(kind: str) -> None:
    content = SOURCES[kind].removesuffix(CANARY.encode())
    with pytest.raises(MediaError):
        decode_file(content[: len(content) * 6 // 10])


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([1, 3]),
    st.booleans(),
    st.booleans(),
    st.data(),
)
def test_lossless_formats_keep_any_array(
    height: int, width: int, channels: int, deep: bool, transparent: bool, data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from(["PNG", "TIFF"] if deep else ["PNG", "TIFF", "WEBP"]))
    pixels = noise(height, width, channels, deep=deep)
    alpha = noise(height, width, 1, seed=1, deep=deep)[..., 0] if transparent else None
    out = decode_file(encode_file(ImageFile(kind, (Frame(pixels, alpha),)))).frames[0]
    np.testing.assert_array_equal(
        np.broadcast_to(out.pixels, (height, width, 3)), np.broadcast_to(pixels, (height, width, 3))
    )
    if alpha is not None:
        assert out.alpha is not None
        np.testing.assert_array_equal(out.alpha, alpha)


def test_no_thumbnail_survives() -> None:
    # CIPA DC-008 (EXIF), section 4.5: the second directory holds a JPEG of its own, which often
    # shows the image before it was cropped.
    small = saved(pillow(noise(8, 12, seed=5)), "JPEG", comment=CANARY)
    first = struct.pack("<HI", 0, 14)
    entries = [(0x0103, 3, 1, 6), (0x0201, 4, 1, 14 + 2 + 3 * 12 + 4), (0x0202, 4, 1, len(small))]
    second = (
        struct.pack("<H", 3)
        + b"".join(struct.pack("<HHII", *entry) for entry in entries)
        + bytes(4)
    )
    exif = b"Exif\0\0" + b"II*\0" + struct.pack("<I", 8) + first + second + small
    source = saved(pillow(noise()), "JPEG", quality=95, exif=exif)
    assert source.count(b"\xff\xd8\xff") == 2 and CANARY.encode() in source
    for keep in (frozenset[str](), frozenset({"icc", "date"})):
        out = encode_file(decode_file(source, keep=keep))
        assert out.count(b"\xff\xd8\xff") == 1
        assert CANARY.encode() not in out
