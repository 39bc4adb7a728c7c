"""Using the page in a real browser."""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.pii_seg.app.conftest import grey_image

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
BROWSER_MARKS = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None and not os.environ.get("CI"),
        reason="NOT TESTED: the page in a browser; install chromium (apt-get install chromium)",
    ),
]


def drop(page: Page, *names: str, content: bytes | None = None, allowed: bool = False) -> None:
    """Give files to the page; `allowed`: the server may reject them."""
    files = [
        {"name": name, "mimeType": "image/png", "buffer": content or grey_image()} for name in names
    ]
    page.rejections_allowed = allowed  # type: ignore[attr-defined]
    page.set_input_files("#files", files)  # type: ignore[arg-type]


def status(page: Page, name: str) -> Any:
    """Return what the list says about an image."""
    return page.locator("#list button", has_text=name).locator(".status")
