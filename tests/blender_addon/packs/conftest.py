"""Fixtures of the tests of packs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.blender_addon.packs.garment_files import write_garment


@pytest.fixture
def garment(tmp_path: Path) -> Path:
    """The .mhclo of a small garment in a folder of a pack."""
    return write_garment(tmp_path / "pack" / "clothes" / "vest")
