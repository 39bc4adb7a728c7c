"""A visit whose detector takes for a person whatever is near white."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.app.session import Limits, Studio
from tests.pii_seg.anonymize.conftest import Bright, person_on, saved, tagged_exif

HEIGHT, WIDTH = 60, 90
PERSON = (slice(4, 12), slice(6, 11))  # rows and columns


def make_studio(limits: Limits | None = None) -> Studio:
    anonymizer = Anonymizer(None, dilate=0.0, seed=0)
    anonymizer.detector = Bright()  # type: ignore[assignment]
    return Studio(anonymizer, limits)


@pytest.fixture
def studio() -> Iterator[Studio]:
    studio = make_studio()
    yield studio
    studio.close()


def grey_picture(*, person: bool = True) -> bytes:
    """A PNG of one grey, with metadata, and a person."""
    array = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    return saved(Image.fromarray(person_on(array) if person else array), "PNG", exif=tagged_exif())


def pixels_of(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def wait_for(studio: Studio) -> list[dict[str, Any]]:
    """What the page is told once nothing is being searched."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        entries = studio.entries()
        if all(entry["status"] != "waiting" for entry in entries):
            return entries
        time.sleep(0.01)
    raise TimeoutError(f"still searching after 20 s: {entries}")
