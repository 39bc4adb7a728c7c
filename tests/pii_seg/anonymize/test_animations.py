"""Every frame of an animation is written, at its own time, also where frames are alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pii_seg.anonymize.image_reader import decode_file
from pii_seg.anonymize.image_writer import encode_file
from pii_seg.anonymize.images import ImageFile
from pii_seg.data.frames import Frame
from tests.fuzz import fuzz_settings
from tests.pii_seg.anonymize.conftest import noise, pillow, saved


@fuzz_settings
@given(
    st.sampled_from(["GIF", "PNG", "WEBP"]),
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2000), st.sampled_from([None, 255, 0])),
        min_size=2,
        max_size=5,
    ),
    st.sampled_from([0, 1, 3]),
    st.integers(1, 12),
    st.integers(1, 12),
    st.booleans(),
)
def test_frames_times_and_repetitions_survive(
    kind: str,
    drawn: list[tuple[int, int, int | None]],
    loop: int,
    height: int,
    width: int,
    lossless: bool,
) -> None:
    """Frames are drawn from three images, so that neighbours are often alike."""
    frames = []
    for seed, time, alpha in drawn:
        clear = None if alpha is None else np.full((height, width), alpha, np.uint8)
        time = time * 10 if kind == "GIF" else time
        frames.append(Frame(noise(height, width, seed=seed), clear, time))
    image = ImageFile(kind, tuple(frames), loop=loop, lossless=lossless)
    again = decode_file(encode_file(image))
    assert [round(frame.duration or 0) for frame in again.frames] == [f.duration for f in frames]
    assert again.loop == loop
    for given_frame, frame in zip(frames, again.frames, strict=True):
        assert frame.pixels.shape == (height, width, 3)
        if kind == "PNG" or (kind == "WEBP" and lossless and given_frame.alpha is None):
            np.testing.assert_array_equal(frame.pixels, given_frame.pixels)


@pytest.mark.parametrize("duration", [1000 / 30, 1001 / 60, 100_000, 0])
def test_a_png_keeps_times_that_are_no_whole_milliseconds(duration: float) -> None:
    image = ImageFile("PNG", tuple(Frame(noise(seed=k), None, duration) for k in (0, 0, 1)))
    for frame in decode_file(encode_file(image)).frames:
        assert frame.duration == pytest.approx(duration, rel=1e-4)


def test_the_still_of_an_apng_stays_outside_the_animation() -> None:
    frames = [pillow(noise(seed=seed)) for seed in range(3)]
    options: dict[str, Any] = {"append_images": frames[1:], "duration": 70, "default_image": True}
    image = decode_file(saved(frames[0], "PNG", save_all=True, **options))
    again = decode_file(encode_file(image))
    assert [frame.duration for frame in again.frames] == [f.duration for f in image.frames]
    for one, other in zip(image.frames, again.frames, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)


def test_grey_and_coloured_frames_share_a_file() -> None:
    frames = (Frame(noise(channels=1), None, 10), Frame(noise(), noise(channels=1)[..., 0], 20))
    for kind in ("PNG", "WEBP"):
        again = decode_file(encode_file(ImageFile(kind, frames, loop=0)))
        assert [round(frame.duration or 0) for frame in again.frames] == [10, 20]
        np.testing.assert_array_equal(again.frames[0].pixels[..., :1], frames[0].pixels)
