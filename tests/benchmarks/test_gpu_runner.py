"""The runner of the GPU benchmarks: time, failures, records, table, exit codes."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import runner
from benchmarks.gpu.job import Job, NotHere
from benchmarks.gpu.record import DONE, FAILED, NOT_RUN, TIMED_OUT, Record, faults_of
from benchmarks.gpu.report import show
from benchmarks.gpu.runner import (
    PARTS,
    START_AND_END,
    chosen_parts,
    limit_of,
    run_all,
    run_limited,
    run_part,
)

ROOT = Path(__file__).resolve().parents[2]


def options_of(output: Path, **more: Any) -> argparse.Namespace:
    values = {"budget": 1000.0, "generator_minutes": 1.0, "segmenter_minutes": 1.0, "tiny": True}
    return argparse.Namespace(output=output, device="cpu", renders=[], **{**values, **more})


def test_parts_are_chosen_by_name_in_their_own_order() -> None:
    assert chosen_parts([], []) == list(PARTS)
    assert chosen_parts(["predict", "machine"], []) == ["machine", "predict"]
    assert chosen_parts(["predict", "machine"], ["predict"]) == ["machine"]
    assert chosen_parts([], list(PARTS)[1:]) == ["machine"]


def test_every_part_has_a_module_a_share_and_an_option_that_exists() -> None:
    for part in PARTS.values():
        assert (ROOT / "benchmarks" / "gpu" / "parts" / f"{part.module}.py").is_file()
        assert part.share > 0
        if part.minutes:
            command.parser().parse_args(
                ["--output", "a", f"--{part.minutes.replace('_', '-')}", "1"]
            )


@pytest.mark.parametrize("minutes", [None, 1.5])
def test_a_whole_run_takes_at_most_its_budget(minutes: float | None, tmp_path: Path) -> None:
    """Also where every part takes all of its time."""
    given = {"generator_minutes": minutes, "segmenter_minutes": minutes}
    options = options_of(tmp_path, budget=570.0, **given)
    names, left = list(PARTS), options.budget
    for place, name in enumerate(names):
        limit = limit_of(name, names[place + 1 :], left, options)
        assert limit > 8
        left -= limit
    assert left == pytest.approx(0, abs=1e-6)


def test_time_that_a_part_leaves_goes_to_those_after_it(tmp_path: Path) -> None:
    options = options_of(tmp_path)
    early = limit_of("attention", ["predict", "generator"], 300, options)
    assert limit_of("attention", ["predict", "generator"], 400, options) > early
    shares = PARTS["attention"].share, PARTS["predict"].share
    expected = 60 * shares[0] / sum(shares)
    assert limit_of("attention", ["predict"], 60, options) == pytest.approx(expected)
    assert limit_of("generator", [], 1000, options) == 60 + START_AND_END
    assert limit_of("generator", [], 20, options) == 20


def launcher(
    ends: dict[str, Any], options: argparse.Namespace
) -> Callable[[str, float], int | None]:
    """Return a launch in this process, where `ends` has what the module of a part does."""

    def launch(name: str, seconds: float) -> int | None:
        return ends[name](name) if name in ends else run_part(name, seconds, options)

    return launch


def test_a_part_that_fails_or_is_stopped_does_not_stop_the_others(tmp_path: Path) -> None:
    options = options_of(tmp_path)

    def done(name: str) -> int:
        Record(name, status=DONE).save(tmp_path)
        return 0

    def half(name: str) -> None:
        figures = [{"name": "first", "value": 1.0, "unit": "s"}]
        Record(name, figures=figures).save(tmp_path)

    def damaged(name: str) -> int:
        (tmp_path / f"{name}.json").write_text("{")
        return 0

    ends = {"machine": half, "attention": lambda name: 3, "predict": damaged, "train-speed": done}
    records = run_all(list(ends), options, launcher(ends, options))
    assert [record.status for record in records] == [TIMED_OUT, FAILED, FAILED, DONE]
    assert [record.succeeded for record in records] == [False, False, False, True]
    assert records[0].figures[0]["value"] == 1.0  # what it had before it was stopped
    assert "ended with exit code 3; see attention.log" in records[1].reason
    assert "its record is damaged" in records[2].reason
    for record in records:
        assert asdict(Record.load(tmp_path, record.part)) == asdict(record)


def test_no_part_is_started_when_the_budget_is_spent(tmp_path: Path) -> None:
    options = options_of(tmp_path, budget=0.5)
    (record,) = run_all(["machine"], options, launcher({}, options))
    assert (record.status, record.reason) == (NOT_RUN, "no time is left of --budget")


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (NotHere("no such device"), NOT_RUN, "no such device"),
        (ModuleNotFoundError("No module named 'bpy'"), NOT_RUN, "No module named 'bpy'"),
        (RuntimeError("out of\nmemory"), FAILED, "RuntimeError: out of"),
        (KeyError(), FAILED, "KeyError: KeyError"),
    ],
)
def test_a_part_says_why_it_ended(
    error: Exception, status: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(job: Job) -> None:
        job.figure("before", 1, "s")
        raise error

    monkeypatch.setattr(
        runner,
        "importlib",
        SimpleNamespace(import_module=lambda _: SimpleNamespace(measure=measure)),
    )
    assert run_part("attention", 10, options_of(tmp_path)) == 1
    record = Record.load(tmp_path, "attention")
    assert (record.status, record.reason) == (status, reason)
    assert len(record.figures) == 1


def test_figures_are_on_disk_as_soon_as_they_are_known(tmp_path: Path) -> None:
    job = Job("attention", options_of(tmp_path), Record("attention"), ends=0)
    job.figure("speed", 2, "images/s")
    assert Record.load(tmp_path, "attention").figures == [
        {"name": "speed", "value": 2.0, "unit": "images/s"}
    ]
    job.check("difference", 0.5, 0.1)
    job.check("difference", 0.1, 0.1)
    assert [c["passed"] for c in Record.load(tmp_path, "attention").checks] == [False, True]
    assert job.left() < 0
    with pytest.raises(ValueError, match="Out of range float"):
        job.figure("speed", float("nan"), "images/s")


def test_a_command_that_is_over_its_limit_ends_with_its_children(tmp_path: Path) -> None:
    """It ignores SIGTERM, and so does the child that it starts."""
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    child = deaf + "time.sleep(600)"
    program = (
        deaf + "import subprocess, sys, pathlib; "
        f"p = subprocess.Popen([sys.executable, '-c', {child!r}]); "
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(p.pid)); "
        "print('begun', flush=True); time.sleep(600)"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "GRACE", 0.1)
        assert run_limited([sys.executable, "-c", program], 5.0, tmp_path / "log") is None
    assert (tmp_path / "log").read_text() == "begun\n"
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", (tmp_path / "pid").read_text()],
        capture_output=True, text=True, check=False,
    ).stdout.strip()  # fmt: skip
    assert state in ("", "Z", "ZN")


def test_the_exit_code_of_a_command_is_returned(tmp_path: Path) -> None:
    program = [sys.executable, "-c", "import sys; print('why', file=sys.stderr); sys.exit(4)"]
    assert run_limited(program, 60.0, tmp_path / "log") == 4
    assert (tmp_path / "log").read_text() == "why\n"


VALID = asdict(Record("attention", status=DONE))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"status": "fine"}, "status"),
        ({"status": FAILED}, "reason"),
        ({"reason": "why"}, "reason"),
        ({"seconds": "3"}, "seconds"),
        ({"seconds": float("inf")}, "seconds"),
        ({"tiny": 1}, "tiny"),
        ({"figures": [{"name": "a", "value": 1.0}]}, "figures: expected entries"),
        ({"figures": [{"name": "a", "value": True, "unit": ""}]}, "wrong type"),
        ({"checks": [{"name": "a", "passed": 1, "value": 1, "limit": 1}]}, "wrong type"),
        ({"files": ["/etc/passwd"]}, "below the output folder"),
        ({"files": ["../a"]}, "below the output folder"),
        ({"more": 1}, "expected the keys"),
    ],
)
def test_the_schema_catches(change: dict[str, Any], said: str) -> None:
    assert list(faults_of(VALID)) == []
    assert said in "".join(faults_of({**VALID, **change}))


def test_the_table_names_figures_checks_and_reasons(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = Record(
        "attention", status=FAILED, reason="RuntimeError: out of memory", device="a | b",
        figures=[{"name": "speed", "value": 12.5, "unit": "images/s"}],
        checks=[{"name": "equal", "passed": False, "value": 0.3, "limit": 0.02}],
        files=["generator/model"],
    )  # fmt: skip
    show([record], tmp_path)
    told, written = capsys.readouterr().out, (tmp_path / "summary.md").read_text()
    for text in (told, written):
        for part in ("12.5 images/s", "check FAILED: equal", "out of memory", "generator/model"):
            assert part in text
    assert {line.count("|") for line in written.splitlines()} == {4}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "everything"], "invalid choice: 'everything'"),
        (["--only", "machine", "--skip", "machine"], "no part is left"),
        (["--renders", "nowhere"], "--renders nowhere: expected a dataset"),
        (["--budget", "10"], "these parts take at least 11 s"),
        (
            ["--generator-minutes", "1", "--segmenter-minutes", "2", "--budget", "240"],
            "these parts take at least 249 s",
        ),
        (["--generator-minutes", "0"], "--generator-minutes must be above 0, got 0"),
    ],
)
def test_invalid_options_end_before_anything_is_written(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "results"
    with pytest.raises(SystemExit) as ended:
        command.main(["--output", str(output), *arguments])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize(("check", "code"), [(0.0, 0), (1.0, 1)])
def test_the_exit_code_says_whether_all_ran_and_held(
    check: float, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def launch(options: argparse.Namespace, name: str, seconds: float) -> int:
        entry = {"name": "a", "passed": check == 0, "value": check, "limit": 0.5}
        Record(name, status=DONE, checks=[entry]).save(options.output)
        return 0

    monkeypatch.setattr(runner, "launch_part", launch)
    assert command.main(["--output", str(tmp_path), "--only", "machine"]) == code
    assert json.loads((tmp_path / "machine.json").read_text())["status"] == DONE


def test_an_interruption_ends_the_run_and_its_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever ends the run by SIGTERM leaves no part behind."""

    def launch(options: argparse.Namespace, name: str, seconds: float) -> int | None:
        program = f"import os, time; os.kill({os.getpid()}, 15); time.sleep(600)"
        return run_limited([sys.executable, "-c", program], 120, tmp_path / "log")

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(runner, "launch_part", launch)
    assert command.main(["--output", str(tmp_path), "--only", "machine"]) == 130
    assert "interrupted" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_part_is_started_with_the_options_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(runner, "run_limited", lambda argv, *_: seen.append(list(argv)) or 0)
    command.main(["--output", str(tmp_path), "--only", "machine", "--device", "cpu"])
    (argv,) = seen
    assert argv[:3] == [sys.executable, "-m", "benchmarks.gpu"]
    options = command.parser().parse_args(argv[3:])
    assert (options.part, options.device, options.output) == ("machine", "cpu", tmp_path)
    assert options.seconds > 0


def test_help_names_every_part() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "--help"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert all(f"  {name} " in told for name in PARTS)
    assert "--part" not in told
