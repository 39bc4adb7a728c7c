"""A small dataset on disk that follows the contract, made without Blender."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blender_addon.dataset import DatasetWriter
from tests.pii_seg.exports import Exports, write_exports

WIDTH, HEIGHT = 40, 30


def encoded(array: np.ndarray, kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind)
    return buffer.getvalue()


def person(
    number: int, mask: np.ndarray, joints2d: list[list[float]] | None = None
) -> dict[str, Any]:
    """Describe a person as the contract does, with the box and area of its pixels in `mask`."""
    rows, columns = np.nonzero(mask == number)
    box = [0, 0, 0, 0]
    if len(rows):
        box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
    return {
        "id": number,
        "bbox": [int(value) for value in box],
        "area": len(rows),
        "visibility": 1.0 if len(rows) else 0.0,
        "joints2d": [[20.0, 15.0]] * 24 if joints2d is None else joints2d,
        "joints3d": [[0.0, 0.0, 3.0]] * 24,
        "body": {
            "model": "default",
            "betas": [0.5, -1.0],
            "pose": [[0.0, 0.0, 0.0]] * 24,
            "translation": [0, 0, 1.0],
        },
        "wardrobe": {"garments": ["coat"]},
    }


def masks() -> list[np.ndarray]:
    """Instance masks (H, W): touching persons with a third fully hidden; 16 bit; no person."""
    touching = np.zeros((HEIGHT, WIDTH), np.uint8)
    touching[4:25, 6:15] = 1
    touching[10:30, 15:22] = 2
    touching[12:14, 10:12] = 0  # a hole
    many = np.zeros((HEIGHT, WIDTH), np.uint16)
    many[0:3, 0:4] = 300
    return [touching, many, np.zeros((HEIGHT, WIDTH), np.uint8)]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Three pictures: indices 0, 1, 2 with the masks of `masks()`."""
    root = tmp_path / "dataset"
    writer = DatasetWriter(root, {"seed": 7, "count": 3, "licences": {"default": "CC0-1.0"}})
    rng = np.random.default_rng(7)
    for index, (mask, people) in enumerate(zip(masks(), ([1, 2, 3], [300], []), strict=True)):
        image = rng.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        names = {"file_name": f"images/{index:06d}.jpg", "mask_file_name": f"masks/{index:06d}.png"}
        line = {
            **names,
            "index": index,
            "seed": 7,
            "width": WIDTH,
            "height": HEIGHT,
            "camera": {"K": np.eye(3).tolist(), "R": np.eye(3).tolist(), "t": [0.0, 0.0, 0.0]},
            "persons": [person(number, mask) for number in people],
            "background": {"kind": "plain"},
            "light": {"kind": "sun_sky"},
            "source": "render",
        }
        files = {
            names["file_name"]: encoded(image, "JPEG"),
            names["mask_file_name"]: encoded(mask, "PNG"),
        }
        writer.add(line, files)
    assert writer.finish()
    return root


@pytest.fixture(autouse=True)
def no_handlers_of_earlier_tests() -> Iterator[None]:
    """Remove the log handlers of commands: their stream is closed in the next test."""
    yield
    logging.getLogger("pii_seg").handlers.clear()


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    """A small checkpoint with an export to each format that this program runs."""
    return write_exports(tmp_path_factory.mktemp("exports"))
