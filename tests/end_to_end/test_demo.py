"""`make demo` as a whole, at its smallest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blender_addon.dataset import iter_lines
from tools.demo import TINY, demo


@pytest.mark.slow
def test_every_step_of_the_demo_leaves_what_it_promises(tmp_path: Path) -> None:
    assert demo(tmp_path, TINY) == 0
    assert len(list(iter_lines(tmp_path / "renders"))) == TINY.renders
    metrics = json.loads((tmp_path / "run" / "report" / "metrics.json").read_text())
    # Whether such a teacher finds anybody again whom the generator has repainted is chance; the log says so, if not.
    painted = list(iter_lines(tmp_path / "run" / "diffusion-1"))
    besides = {"control of round 1", "soup of round 1"} if painted else set()
    assert set(metrics["scores"]) == {"teacher", "student of round 1", *besides}
    assert (tmp_path / "run" / "report" / "report.html").exists()
    audit = json.loads((tmp_path / "anonymised" / "audit.json").read_text())
    assert audit["totals"]["files"] == TINY.test
    assert len(list((tmp_path / "anonymised").glob("*.jpg"))) == TINY.test
