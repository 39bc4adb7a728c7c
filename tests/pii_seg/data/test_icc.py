"""Profiles are made anew: they hold the colours of the given one, and nothing else of it."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from pii_seg.anonymize.image_reader import decode_file
from pii_seg.anonymize.image_writer import encode_file
from pii_seg.data.colour import array_to_srgb, deep_to_srgb, is_srgb
from pii_seg.data.icc import LARGEST, colours_only, parse
from tests.fuzz import fuzz_count, fuzz_settings, mutated, random_of
from tests.image_cases import icc_profile, saved, swapped_profile, tiff, upright_image

CANARY = b"CANARY-Jane-Doe-MacBook-SN-C02XL0GT"


def planted() -> bytes:
    """Return a profile with canaries wherever one can be hidden."""
    parsed = parse(swapped_profile(CANARY))
    tags = dict(parsed.tags)
    text = b"text" + bytes(4) + CANARY + b"\0"
    for name in (b"cprt", b"dmnd", b"dmdd", b"vued", b"tech", b"mmod", b"vcgt", b"priv", b"ndin"):
        tags[name] = text
    for name in (b"rXYZ", b"rTRC", b"chad", b"wtpt"):  # behind what the tag needs
        tags[name] = tags[name] + CANARY
    tags[b"gTRC"] = tags[b"gTRC"][:4] + CANARY[:4] + tags[b"gTRC"][8:]  # reserved bytes
    header = bytearray(parsed.header)
    header[48:56], header[80:84], header[84:128] = CANARY[:8], CANARY[:4], CANARY + bytes(9)
    return icc_profile(bytes(header), tags)


def test_a_profile_keeps_its_colours_and_loses_its_words() -> None:
    made = colours_only(planted())
    assert made is not None and len(made) < 1200
    for length in range(4, len(CANARY)):
        assert CANARY[:length] not in made
    colours = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    before, after = array_to_srgb(colours, swapped_profile()), array_to_srgb(colours, made)
    assert np.abs(before.astype(int) - after).max() <= 1
    assert np.abs(before.astype(int) - colours).mean() > 20  # it is no identity


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_no_word_of_a_profile_reaches_an_output(kind: str) -> None:
    content = saved(upright_image(), kind, icc_profile=planted())
    out = encode_file(decode_file(content, keep=frozenset({"icc"})))
    kept = Image.open(io.BytesIO(out)).info["icc_profile"]
    assert not is_srgb(kept) and CANARY[:8] not in kept + out
    assert "icc_profile" not in Image.open(io.BytesIO(encode_file(decode_file(content)))).info


def test_a_grey_profile_keeps_its_curve() -> None:
    curve = b"curv" + struct.pack(">II", 0, 1) + struct.pack(">H", round(1.2 * 256)) + bytes(2)
    header = bytearray(parse(swapped_profile()).header)
    header[16:20] = b"GRAY"
    tags = parse(swapped_profile()).tags
    grey = icc_profile(
        bytes(header), {b"desc": tags[b"desc"], b"kTRC": curve, b"wtpt": tags[b"wtpt"]}
    )
    made = colours_only(grey)
    assert made is not None and parse(made).tags[b"kTRC"] == curve[:14]
    ramp = np.arange(256, dtype=np.uint8)[None, :, None]
    shallow = array_to_srgb(ramp, made)
    deep = deep_to_srgb(ramp.astype(np.uint16) * 257, made)
    assert deep is not None and np.abs(shallow.astype(int) - (deep >> 8)).max() <= 2
    assert np.abs(shallow.astype(int) - ramp).mean() > 10


def test_16_bits_are_converted_like_8() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    deep = deep_to_srgb(colours.astype(np.uint16) * 257, swapped_profile())
    assert deep is not None
    shallow = array_to_srgb(colours, swapped_profile())
    assert np.abs(shallow.astype(int) - (deep >> 8)).max() <= 2


def test_profiles_of_inks_and_damaged_ones_are_not_kept() -> None:
    given_inks = bytearray(planted())
    given_inks[16:20] = b"CMYK"
    assert colours_only(bytes(given_inks)) is None
    assert colours_only(planted()[:200]) is None
    assert colours_only(b"") is None
    assert colours_only(planted() + bytes(LARGEST)) is None
    assert decode_file(tiff(upright_image()), keep=frozenset({"icc"})).kept.profile is None


def test_a_linear_profile_that_calls_itself_srgb_is_converted() -> None:
    tags = dict(parse(swapped_profile(b"Linear sRGB")).tags)
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    tags |= {name: parse(plain).tags[name] for name in (b"rXYZ", b"gXYZ", b"bXYZ")}
    tags |= {name: b"curv" + bytes(8) for name in (b"rTRC", b"gTRC", b"bTRC")}
    linear = icc_profile(plain[:128], tags)
    assert not is_srgb(linear)
    seen = decode_file(saved(upright_image() // 4, "PNG", icc_profile=linear)).frames[0].pixels
    assert seen.mean() > 1.5 * (upright_image() // 4).mean()


@pytest.mark.fuzz
def test_any_damaged_profile_is_made_anew_or_dropped() -> None:
    profile = planted()
    for number in range(fuzz_count()):
        damaged = mutated(profile, random_of(number))
        made = colours_only(damaged)
        if made is not None:
            assert CANARY[:10] not in made
            parse(made)
        is_srgb(damaged)
        assert deep_to_srgb(np.zeros((2, 2, 3), np.uint16), damaged) is not None


@fuzz_settings
@given(st.binary(max_size=400))
def test_any_bytes_are_no_profile_or_a_clean_one(content: bytes) -> None:
    head = swapped_profile()[:132]
    for each in (content, head + content):
        assert colours_only(each) is None
