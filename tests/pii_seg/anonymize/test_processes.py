"""Whole processes: two runs at once, SIGTERM in the middle, a folder that cannot be written."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pii_seg.anonymize.__main__ import main
from pii_seg.command_line import DONE, WRONG_INPUT
from pii_seg.data.hashes import sha256_of
from tests.pii_seg.anonymize.conftest import noise, pillow, saved

ROOT = Path(__file__).resolve().parents[3]


def test_a_second_run_is_refused_and_sigterm_resumes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    for number in range(150):
        image = pillow(np.minimum(noise(seed=number), 200))
        (tmp_path / "in" / f"{number}.png").write_bytes(saved(image, "PNG"))
    options = [str(tmp_path / "in"), "--include", "0,0,0.5,1", "--style", "inpaint", "--jobs", "1"]
    output = ["--output", str(tmp_path / "out")]
    first = subprocess.Popen(
        [sys.executable, "-m", "pii_seg.anonymize", *options, *output],
        cwd=ROOT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("out/*.png")) and time.monotonic() < deadline:
        time.sleep(0.005)
    first.send_signal(signal.SIGSTOP)  # it holds its lock as long as this process needs
    assert main([*options, *output]) == WRONG_INPUT
    refused = capsys.readouterr().err
    assert "another run is writing there" in refused
    assert len(refused.splitlines()) == 1
    first.send_signal(signal.SIGTERM)
    first.send_signal(signal.SIGCONT)
    error = first.communicate(timeout=60)[1]
    assert first.returncode in (130, 143)
    assert error.splitlines()[-1] == "interrupted; run the same command to resume"
    assert "Traceback" not in error
    audit = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert not audit["complete"]
    assert {r["output"] for r in audit["files"]} == {p.name for p in tmp_path.glob("out/*.png")}
    for record in audit["files"]:
        assert sha256_of(tmp_path / "out" / record["output"]) == record["output_sha256"]
    assert 0 < len(audit["files"]) < 150
    assert main([*options, *output]) == DONE
    assert f", {len(audit['files'])} skipped" in capsys.readouterr().out
    assert len(list(tmp_path.glob("out/*.png"))) == 150


def test_runs_with_one_audit_are_refused_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from blender_addon.dataset import output_lock

    (tmp_path / "a.png").write_bytes(saved(pillow(noise()), "PNG"))
    command = [str(tmp_path / "a.png"), "--output", str(tmp_path / "out"), "--include", "0,0,1,1"]
    with output_lock(tmp_path / ".list.lock"):
        assert main([*command, "--audit", str(tmp_path / "list.json")]) == WRONG_INPUT
    assert "list.json: another run is writing there" in capsys.readouterr().err
    assert not list(tmp_path.glob("out/*.png"))


def test_a_folder_without_write_access_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.png").write_bytes(saved(pillow(noise()), "PNG"))
    opened = Path.open

    def without_access(self: Path, mode: str = "r", *more: object, **options: object) -> object:
        if "out" in self.parts and mode[0] in "wa":
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, mode, *more, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", without_access)
    command = [str(tmp_path / "a.png"), "--output", str(tmp_path / "out"), "--include", "0,0,1,1"]
    assert main(command) == WRONG_INPUT
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("cannot be written (Permission denied); choose another place")
