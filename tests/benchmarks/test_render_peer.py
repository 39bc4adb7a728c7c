"""`benchmarks/render.py --peer`: turns, medians, contestants that end, and one real run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import render
from benchmarks.render import BLENDERPROC, OURS, PLAIN, Contestant, alternate, commands, medians

ROOT = Path(__file__).resolve().parents[2]
ANSWERING = """
import json, os, sys
with os.fdopen(int(sys.argv[1]), "w") as answers:
    for number, line in enumerate(sys.stdin):
        request = json.loads(line)
        print("asked for", request["index"], flush=True)
        if number == int(sys.argv[2]):
            sys.exit("cannot open the file")
        answers.write(json.dumps({"whole": 10 + request["index"], "cycles": 1, "cpu": 2}) + "\\n")
        answers.flush()
"""


class Fake:
    """A contestant whose times are given; it ends after the last one."""

    def __init__(self, name: str, count: int, turns: list[tuple[str, int]]) -> None:
        self.name, self.count, self.turns = name, count, turns

    def render(self, request: dict[str, Any]) -> dict[str, float] | None:
        self.turns.append((self.name, request["index"]))
        self.count -= 1
        return {"whole": float(request["index"])} if self.count >= 0 else None


def test_contestants_take_turns_and_the_first_scene_warms_up() -> None:
    turns: list[tuple[str, int]] = []
    a, b = Fake("a", 9, turns), Fake("b", 9, turns)
    times = alternate([a, b], [{"index": 5}, {"index": 6}, {"index": 7}])  # type: ignore[list-item]
    assert turns == [
        ("a", 5), ("b", 5), ("b", 6), ("a", 6), ("a", 7), ("b", 7), ("b", 5), ("a", 5),
    ]  # fmt: skip
    assert [entry["whole"] for entry in times["a"]] == [6, 7, 5]


def test_a_contestant_that_ends_is_left_out() -> None:
    turns: list[tuple[str, int]] = []
    a, b = Fake("a", 9, turns), Fake("b", 2, turns)
    times = alternate([a, b], [{"index": 5}, {"index": 6}, {"index": 7}])  # type: ignore[list-item]
    assert set(times) == {"a"}
    assert len(times["a"]) == 3
    assert [turn for turn in turns if turn[0] == "b"] == [("b", 5), ("b", 6), ("b", 7)]


def test_medians_and_ratios(capsys: pytest.CaptureFixture[str]) -> None:
    times = {
        OURS: [{"whole": x, "cpu": 1.0} for x in (1.0, 2.0, 9.0)],
        PLAIN: [{"whole": x, "cpu": 3.0} for x in (8.0, 3.0, 5.0)],
    }
    figures = medians(times)
    assert figures == {OURS: {"whole": 2.0, "cpu": 1.0}, PLAIN: {"whole": 5.0, "cpu": 3.0}}
    render.show(figures)
    assert "2.50  3.00" in capsys.readouterr().out


def test_a_contestant_answers_requests_and_leaves_a_log(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", ANSWERING, "FD", "2"]
    with Contestant("some", argv, tmp_path / "log") as contestant:
        assert contestant.render({"index": 1}) == {"whole": 11, "cycles": 1, "cpu": 2}
        assert contestant.render({"index": 2}) == {"whole": 12, "cycles": 1, "cpu": 2}
        assert contestant.render({"index": 3}) is None
        contestant.process.wait()
        assert contestant.render({"index": 4}) is None
    assert "asked for 3\ncannot open the file" in (tmp_path / "log").read_text()


def test_blenderproc_runs_only_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render.importlib.util, "find_spec", lambda name: None)
    options = render.parser().parse_args(["--peer"])
    assert list(commands(options, "cpu")) == [OURS, PLAIN]
    options = render.parser().parse_args(["--peer", "--blenderproc", "other/python"])
    command = commands(options, "cpu")[BLENDERPROC]
    assert command[0] == "other/python"
    assert command[2:] == ["FD", "cpu"]


def test_peers_use_nothing_of_this_project() -> None:
    for path in (ROOT / "benchmarks" / "peers").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "import bpy" in text
        assert not [
            name for name in ("blender_addon", "pii_seg", "benchmarks.") if f"import {name}" in text
        ]
        assert "from blender_addon" not in text


@pytest.mark.slow
def test_the_plain_loop_renders_the_same_image(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    done = subprocess.run(
        [
            sys.executable, str(ROOT / "benchmarks" / "render.py"), "--peer", "--frames", "1",
            "--resolution", "32x32", "--samples", "1", "--device", "cpu", "--json", str(figures),
            "--preset", "surreal",
        ],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    seconds = json.loads(figures.read_text())["seconds"]
    assert {OURS, PLAIN} <= set(seconds)
    for times in seconds.values():
        assert 0 < times["cycles"] < times["whole"]
    (line,) = [line for line in done.stdout.splitlines() if "mean difference" in line]
    assert float(line.rsplit(" ", 1)[1]) < 1e-6
