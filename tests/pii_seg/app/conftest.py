"""A session whose detector takes near-white pixels for a person."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.app.session import Limits, Session
from tests.pii_seg.anonymize.conftest import Bright, person_on, saved, tagged_exif

HEIGHT, WIDTH = 60, 90
PERSON = (slice(4, 12), slice(6, 11))  # rows and columns


def make_session(limits: Limits | None = None) -> Session:
    return Session(Anonymizer(Bright(), dilate=0.0, seed=0), limits)


@pytest.fixture
def session() -> Iterator[Session]:
    session = make_session()
    yield session
    session.close()


def grey_image(*, person: bool = True) -> bytes:
    """A grey PNG with metadata and a person."""
    array = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    return saved(Image.fromarray(person_on(array) if person else array), "PNG", exif=tagged_exif())


def pixels_of(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def wait_for(session: Session) -> list[dict[str, Any]]:
    """Wait until no image is being searched, and return what the page gets."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        entries = session.entries()
        if all(entry["status"] != "waiting" for entry in entries):
            return entries
        time.sleep(0.01)
    raise TimeoutError(f"still searching after 20 s: {entries}")
