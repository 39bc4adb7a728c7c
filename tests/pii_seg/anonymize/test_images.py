"""Files to arrays and back: whole, upright, exact where the format is, and nothing else in them."""

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

from pii_seg.anonymize.images import Frame, Limits, Picture, encode_picture, read_picture
from pii_seg.errors import MediaError
from tests.pii_seg.anonymize.conftest import CANARY, SOURCES, noise, pillow, saved, tagged_exif

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of damaged TIFFs

LOSSLESS = sorted(set(SOURCES) - {"jpeg", "grey jpeg", "cmyk jpeg", "webp", "gif"})


def everything_in(content: bytes) -> bytes:
    """The bytes of a file, and what zlib makes of any part of them that it can read."""
    unpacked = [content]
    for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", content):
        try:
            unpacked.append(zlib.decompressobj().decompress(content[match.start() :]))
        except zlib.error:
            continue
    return b"".join(unpacked)


def assert_same(a: Picture, b: Picture) -> None:
    assert a.format == b.format
    assert len(a.frames) == len(b.frames)
    for one, other in zip(a.frames, b.frames, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        assert (one.alpha is None) == (other.alpha is None)
        if one.alpha is not None:
            np.testing.assert_array_equal(one.alpha, other.alpha)


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_formats_give_back_the_very_pixels(kind: str) -> None:
    picture = read_picture(SOURCES[kind])
    assert_same(read_picture(encode_picture(picture)), picture)


def test_lossy_formats_stay_close() -> None:
    for kind in ("jpeg", "grey jpeg", "webp"):
        picture = read_picture(SOURCES[kind])
        again = read_picture(encode_picture(picture))
        difference = np.abs(again.frames[0].pixels.astype(int) - picture.frames[0].pixels)
        assert difference.mean() < 12, kind  # of noise, which no lossy format likes


def test_no_canary_survives(source: bytes) -> None:
    out = encode_picture(read_picture(source))
    assert CANARY.encode() not in everything_in(out)
    assert not Image.open(io.BytesIO(out)).getexif().keys() & {270, 271, 305, 315, 34853, 37500}


def test_the_canaries_were_there() -> None:
    silent = {
        kind for kind, content in SOURCES.items() if CANARY.encode() not in everything_in(content)
    }
    assert silent == set()


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "lossless webp"])
def test_date_and_nothing_else_is_kept_on_request(kind: str) -> None:
    out = encode_picture(read_picture(SOURCES[kind], keep=frozenset({"date"})))
    image = Image.open(io.BytesIO(out))
    image.load()  # a PNG's follows its pixels
    exif = image.getexif()
    assert exif.get_ifd(0x8769)[36867] == "2024:05:06 07:08:09"
    assert CANARY.encode() not in everything_in(out)


def test_a_date_that_is_none_is_not_kept() -> None:
    exif = tagged_exif()
    exif.get_ifd(0x8769)[36867] = CANARY
    picture = read_picture(saved(pillow(noise()), "JPEG", exif=exif), keep=frozenset({"date"}))
    assert picture.kept.date is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_orientations_come_out_upright_and_without_a_tag(kind: str, orientation: int) -> None:
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
    }  # Image.Transpose: what a camera held so has done
    if orientation in undo:
        turned = turned.transpose(Image.Transpose(undo[orientation]))
    exact = {"quality": 100} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    source = saved(turned, kind, exif=tagged_exif(orientation), **exact)
    picture = read_picture(source)
    difference = np.abs(picture.frames[0].pixels.astype(int) - upright)
    assert picture.frames[0].pixels.shape == upright.shape
    assert np.median(difference) <= 2
    assert difference.mean() < 10
    out = Image.open(io.BytesIO(encode_picture(picture)))
    assert out.size == (32, 16)
    assert out.getexif().get(274, 1) == 1


@pytest.mark.parametrize("kind", ["gif", "apng", "animated webp"])
def test_animations_keep_frames_times_and_loop(kind: str) -> None:
    picture = read_picture(SOURCES[kind])
    again = read_picture(encode_picture(picture))
    assert (
        [frame.duration for frame in again.frames]
        == [frame.duration for frame in picture.frames]
        == [40, 60, 80]
    )
    assert again.loop == picture.loop == 0


def test_pages_of_other_sizes_and_modes_stay_so() -> None:
    picture = read_picture(encode_picture(read_picture(SOURCES["tiff pages"])))
    assert [frame.pixels.shape for frame in picture.frames] == [
        (24, 36, 3),
        (30, 20, 3),
        (24, 36, 1),
    ]


@pytest.mark.parametrize("kind", ["deep png", "deep grey png", "deep tiff"])
def test_sixteen_bits_stay_sixteen(kind: str) -> None:
    out = read_picture(encode_picture(read_picture(SOURCES[kind])))
    assert out.frames[0].pixels.dtype == np.uint16
    assert len(np.unique(out.frames[0].pixels)) > 256
    assert out.frames[0].shown().dtype == np.uint8


def test_deep_colour_is_read_as_it_was_written() -> None:
    np.testing.assert_array_equal(
        read_picture(SOURCES["deep png"]).frames[0].pixels, noise(deep=True)[..., ::-1]
    )
    np.testing.assert_array_equal(
        read_picture(SOURCES["deep tiff"]).frames[0].pixels, noise(deep=True)
    )


def test_pixels_under_transparency_are_shown_to_the_segmenter() -> None:
    array = noise(channels=4)
    array[..., 3] = 0
    frame = read_picture(saved(pillow(array), "PNG")).frames[0]
    np.testing.assert_array_equal(frame.shown(), array[..., :3])


def test_a_wide_profile_is_converted_or_kept_on_request() -> None:
    swapped = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    plain = pillow(noise())
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert read_picture(saved(plain, "PNG", icc_profile=srgb)).kept.profile is None
    np.testing.assert_array_equal(
        read_picture(saved(plain, "PNG", icc_profile=srgb)).frames[0].pixels, noise()
    )
    kept = read_picture(saved(plain, "PNG", icc_profile=srgb), keep=frozenset({"icc"}))
    assert Image.open(io.BytesIO(encode_picture(kept))).info["icc_profile"] == srgb
    damaged = read_picture(saved(plain, "PNG", icc_profile=swapped[:60]))
    np.testing.assert_array_equal(damaged.frames[0].pixels, noise())


def test_a_deep_png_keeps_its_profile_too() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = read_picture(SOURCES["deep png"])
    out = encode_picture(
        Picture("PNG", picture.frames, type(picture.kept)(srgb, "2024:05:06 07:08:09"))
    )
    again = Image.open(io.BytesIO(out))
    again.load()
    assert again.info["icc_profile"] == srgb
    assert again.getexif().get_ifd(0x8769)[36867] == "2024:05:06 07:08:09"
    np.testing.assert_array_equal(read_picture(out).frames[0].pixels, picture.frames[0].pixels)


def test_further_views_of_a_camera_are_dropped_and_said() -> None:
    first, second = pillow(noise(seed=1)), pillow(noise(seed=2))
    picture = read_picture(saved(first, "MPO", save_all=True, append_images=[second]))
    assert len(picture.frames) == 1
    assert "1 further views" in picture.notes[0]
    assert picture.format == "JPEG"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no picture"),
        (b"GIF89a", "."),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture"),
        (b"II*\0", "."),
    ],
)
def test_what_is_no_picture_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(MediaError, match=why):
        read_picture(content)


def test_limits_are_checked_before_anything_is_decoded() -> None:
    with pytest.raises(MediaError, match="megapixels"):
        read_picture(SOURCES["png"], limits=Limits(pixels=100))
    with pytest.raises(MediaError, match="3 frames"):
        read_picture(SOURCES["gif"], limits=Limits(frames=2))
    with pytest.raises(MediaError, match="too many to hold"):
        read_picture(SOURCES["gif"], limits=Limits(decoded=1000))


def test_floating_point_pages_are_refused() -> None:
    import tifffile

    file = io.BytesIO()
    tifffile.imwrite(file, noise(channels=1)[..., 0].astype(np.float32))
    with pytest.raises(MediaError, match="float32"):
        read_picture(file.getvalue())


@pytest.mark.parametrize("kind", sorted(SOURCES))
def test_damaged_files_are_refused_or_read_but_never_crash(kind: str) -> None:
    """24 cuts and changes of each of 17 kinds: 408 files."""
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
            picture = read_picture(bytes(damaged))
        except MediaError as error:
            assert "/" not in str(error)
        else:
            assert picture.frames
            read_picture(encode_picture(picture))


@pytest.mark.parametrize(
    "kind", ["jpeg", "png", "lossless webp", "tiff pages", "gif", "bmp", "apng"]
)
def test_a_file_cut_in_the_middle_is_refused(kind: str) -> None:
    content = SOURCES[kind].removesuffix(CANARY.encode())
    with pytest.raises(MediaError):
        read_picture(content[: len(content) * 6 // 10])


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([1, 3]),
    st.booleans(),
    st.booleans(),
    st.data(),
)
def test_any_array_goes_through_the_lossless_formats(
    height: int, width: int, channels: int, deep: bool, transparent: bool, data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from(["PNG", "TIFF"] if deep else ["PNG", "TIFF", "WEBP"]))
    pixels = noise(height, width, channels, deep=deep)
    alpha = noise(height, width, 1, seed=1, deep=deep)[..., 0] if transparent else None
    out = read_picture(encode_picture(Picture(kind, (Frame(pixels, alpha),)))).frames[0]
    np.testing.assert_array_equal(
        np.broadcast_to(out.pixels, (height, width, 3)), np.broadcast_to(pixels, (height, width, 3))
    )
    if alpha is not None:
        assert out.alpha is not None
        np.testing.assert_array_equal(out.alpha, alpha)


def test_no_thumbnail_survives() -> None:
    # CIPA DC-008 (EXIF), section 4.5: the second directory holds a JPEG of its own, often from before a crop.
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
        out = encode_picture(read_picture(source, keep=keep))
        assert out.count(b"\xff\xd8\xff") == 1
        assert CANARY.encode() not in out
