"""Faults from outside, with whole processes: two runs at once, SIGTERM, a clock that jumps, files
that move, and no write access.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from blender_addon.dataset import iter_lines

REPOSITORY = Path(__file__).resolve().parents[2]
COUNT = 4
RECIPE = """
[background]
kinds = { photo = 1 }
photos = "photos"
[people]
count = 1
[render]
width = 64
height = 64
samples = 1
"""
posix = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


def start(place: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "blender_addon.batch", str(place / "mine.toml")]
    command += ["--output", str(place / "out"), "--count", str(COUNT), "--device", "cpu"]
    return subprocess.Popen(
        [*command, "--threads", "1", "--progress", "none", *more],
        cwd=REPOSITORY, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=300)
    assert "Traceback" not in err
    return process.returncode, err


def listed(place: Path) -> list[int]:
    path = place / "out" / "metadata.jsonl"
    return [line["index"] for line in iter_lines(place / "out")] if path.exists() else []


@posix
@pytest.mark.slow
@pytest.mark.parametrize("jobs", [(), ("--jobs", "2")])
def test_two_runs_at_once_sigterm_a_move_and_a_jump_of_the_clock(tmp_path, jobs):
    place = tmp_path / "one"
    (place / "photos").mkdir(parents=True)
    (place / "mine.toml").write_text(RECIPE)
    for number in range(3):
        Image.new("RGB", (80, 60), (60 * number, 90, 200)).save(place / "photos" / f"{number}.png")
    first = start(place, *jobs)
    until = time.monotonic() + 300
    while not listed(place):
        assert first.poll() is None, first.communicate()
        assert time.monotonic() < until
        time.sleep(0.005)
    if not jobs:
        first.send_signal(signal.SIGSTOP)  # a machine that is busy with something else
    code, err = end(start(place, *jobs))
    if jobs and first.poll() is not None:
        return  # the machine was too slow to catch two runs at once
    assert code == 2
    assert "another run is writing there" in err and len(err.splitlines()) == 1
    first.send_signal(signal.SIGTERM)
    first.send_signal(signal.SIGCONT)
    code, err = end(first)
    if jobs and code == 0:
        return
    assert code == 130
    assert "run the same command to resume" in err and len(err.splitlines()) == 1
    there = tmp_path / "elsewhere"
    shutil.copytree(place, there)
    shutil.rmtree(place)
    for path in there.rglob("*"):
        os.utime(path, (4_000_000_000, 4_000_000_000))
    assert end(start(there)) == (0, "")
    assert listed(there) == list(range(COUNT))
    assert not list(there.rglob("*.tmp"))


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_folder_without_write_access_is_refused(tmp_path):
    (tmp_path / "out").mkdir(mode=0o500)
    (tmp_path / "mine.toml").write_text("[people]\ncount = 1\n")
    code, err = end(start(tmp_path))
    assert code == 2
    assert "cannot be written" in err and len(err.splitlines()) == 1
