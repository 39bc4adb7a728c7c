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
    end = time.monotonic() + 120
    while time.monotonic() < end:
        entries = session.entries()
        if all(entry["status"] != "waiting" for entry in entries):
            return entries
        time.sleep(0.01)
    raise TimeoutError(f"still searching after 120 s: {entries}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start Chromium."""
    from playwright.sync_api import sync_playwright

    from tests.pii_seg.app.browser import CHROMIUM

    assert CHROMIUM, "CI must test the page: install chromium"
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.fixture
def address(session: Session) -> Iterator[str]:
    """Serve the page of `session`."""
    from tests.pii_seg.app.served import TOKEN, served

    with served(session) as port:
        yield f"http://127.0.0.1:{port}/{TOKEN}/"


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """Open the empty page; fails afterwards if a script failed or another host was requested.

    `page.errors` lists what the browser reported. With `page.rejections_allowed` the server may
    reject requests.
    """
    context = browser.new_context(viewport={"width": 1200, "height": 800}, accept_downloads=True)
    page = context.new_page()
    page.errors, page.rejections_allowed = [], False

    def report(entry: Any) -> None:
        rejected = "Failed to load resource" in entry.text and page.rejections_allowed
        if entry.type == "error" and not rejected:
            page.errors.append(entry.text)

    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", report)
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((address, "blob:"))
            else page.errors.append(f"requested {request.url}")
        ),
    )
    page.goto(address)
    yield page
    errors = page.errors
    context.close()
    assert errors == []
