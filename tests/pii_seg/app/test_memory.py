"""A session holds no more than it may, whatever is uploaded and at whatever time."""

from __future__ import annotations

import io
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pii_seg.app.memory import DecodedImages, MemoryBudget
from pii_seg.app.session import Limits, PackedMask, Upload
from pii_seg.errors import InputError, MediaError
from tests.fuzz import fuzz_settings
from tests.pii_seg.app.conftest import grey_image, make_session, wait_for


def png(height: int, width: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


@fuzz_settings
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60)), max_size=40))
def test_no_more_is_held_than_the_limit(steps: list[tuple[int, int]]) -> None:
    budget, held = MemoryBudget(100), [0] * 4
    for owner, count in steps:
        fits = sum(held) - held[owner] + count <= 100 or count <= held[owner]
        if fits:
            budget.hold(owner, count)
            held[owner] = count
        else:
            with pytest.raises(InputError, match="fill the memory"):
                budget.hold(owner, count)
        assert budget.used == sum(held) <= 100
    for owner in range(4):
        budget.release(owner)
    assert budget.used == 0


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 1 << 32))
def test_masks_are_packed_without_loss(height: int, width: int, seed: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < 0.5
    np.testing.assert_array_equal(PackedMask.of(mask).unpacked(), mask)


def test_what_is_being_uploaded_counts() -> None:
    session = make_session(Limits(stored=1000, images=3))
    with Upload(session) as first, Upload(session) as second:
        first.write(bytes(600))
        second.write(bytes(300))
        with pytest.raises(InputError, match="memory"):
            second.write(bytes(200))
        assert session.stored.used == 900
        with Upload(session), pytest.raises(InputError, match="holds 3 images"):
            Upload(session)
    assert session.stored.used == 0
    session.close()


def test_files_of_a_session_count_until_they_are_removed() -> None:
    session = make_session()
    content = grey_image()
    numbers = [session.add("a.png", content) for _ in range(3)]
    wait_for(session)
    assert 3 * len(content) <= session.stored.used < 3 * len(content) + 1000
    session.remove(numbers[0])
    session.add("broken.png", b"none")
    wait_for(session)
    assert session.stored.used < 2 * len(content) + 1000  # a file that failed is dropped
    session.close()


def test_decoded_images_stay_within_the_limit_and_leave_when_room_is_needed() -> None:
    images = DecodedImages(50_000)
    content = png(60, 90)  # 16,200 bytes; the decoder counts 21,600 before it decodes
    for number in range(6):
        with images.open(number, content) as image:
            assert image.frames[0].pixels.shape == (60, 90, 3)
            assert images.nbytes <= images.limit
    with images.open(5, b"") as image:  # still there: not decoded again
        assert image.frames[0].pixels.shape == (60, 90, 3)
    with pytest.raises(MediaError, match="megapixels"), images.open(99, png(120, 120)):
        pass
    images.forget(5)
    with pytest.raises(MediaError), images.open(5, b""):
        pass


def test_an_image_that_must_wait_for_room_is_decoded_when_it_is_free() -> None:
    images = DecodedImages(30_000)
    content = png(60, 90)
    seen: list[int] = []

    def open_second() -> None:
        with images.open(2, content):
            seen.append(2)

    with images.open(1, content):
        thread = threading.Thread(target=open_second)
        thread.start()
        thread.join(0.3)
        assert seen == []
    thread.join(10)
    assert seen == [2]


def test_an_image_that_is_removed_while_it_is_used_goes_afterwards() -> None:
    images = DecodedImages(1 << 20)
    with images.open(1, png(10, 10)):
        images.forget(1)
        assert images.nbytes
    assert not images.nbytes


def test_a_large_image_is_refused_before_it_is_decoded() -> None:
    session = make_session(Limits(decoded=1 << 20))
    session.add("large.png", png(3000, 3000))
    (entry,) = wait_for(session)
    assert entry["status"] == "failed" and "megapixels" in entry["error"]
    session.close()


def test_500_images_are_held_and_no_more() -> None:
    session = make_session()
    content = grey_image()
    for _ in range(500):
        session.add("a.png", content)
    with pytest.raises(InputError, match="holds 500 images"):
        session.add("b.png", content)
    entries = wait_for(session)
    assert {entry["status"] for entry in entries} == {"ready"}
    session.close()
