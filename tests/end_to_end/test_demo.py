"""`make demo` as a whole, on its smallest scale."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from blender_addon.dataset import iter_lines
from tools.demo import SHEET, TILE, TINY, demo


@pytest.mark.slow
def test_every_step_of_the_demo_writes_its_files(tmp_path: Path) -> None:
    assert demo(tmp_path, TINY) == 0
    audit = json.loads((tmp_path / "first_safe" / "audit.json").read_text())
    assert audit["totals"]["files"] == TINY.first
    with Image.open(tmp_path / SHEET) as sheet:
        assert sheet.size == (TINY.first * TILE, 2 * TILE)
    assert len(list(iter_lines(tmp_path / "renders"))) == TINY.renders
    metrics = json.loads((tmp_path / "run" / "report" / "metrics.json").read_text())
    # It is chance whether such a tiny teacher finds a repainted person again, so the filter may
    # reject all images; the log then says so.
    repainted = list(iter_lines(tmp_path / "run" / "diffusion-1"))
    further = {"control of round 1", "soup of round 1"} if repainted else set()
    assert set(metrics["scores"]) == {"teacher", "student of round 1", *further}
    assert (tmp_path / "run" / "report" / "report.html").exists()
    audit = json.loads((tmp_path / "anonymised" / "audit.json").read_text())
    assert audit["totals"]["files"] == TINY.test
    assert len(list((tmp_path / "anonymised").glob("*.jpg"))) == TINY.test
