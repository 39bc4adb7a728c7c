"""`benchmarks/frame_costs.py` without Blender: steps, table and comparison."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from benchmarks import frame_costs


def test_calls_of_a_step_are_summed_and_pass_their_result_on() -> None:
    steps, owner = frame_costs.Steps(), SimpleNamespace(double=lambda x: 2 * x)
    steps.measure(owner, "double", "doubling")
    assert [owner.double(2), owner.double(3)] == [4, 6]
    assert list(steps.spent) == ["doubling"]


def test_the_table_has_the_first_frame_apart(capsys: pytest.CaptureFixture[str]) -> None:
    frame_costs.show([{"a": 5.0}, {"a": 1.0, "b": 4.0}, {"a": 2.0}])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert rows == [["a", "5.000", "1.500"], ["b", "0.000", "2.000"]]


def test_frames_that_differ_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    before = {"0": {"image": "a", "instances": "b"}, "1": {"image": "c"}}
    frame_costs.compare(before, {"0": before["0"], "7": {"image": "new"}})
    assert "1 frames compared: all are the same" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        frame_costs.compare(before, {"0": {"image": "x", "instances": "b"}})
    assert "frame 0: image" in capsys.readouterr().out
