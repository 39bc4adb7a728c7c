"""One lock per output: between processes, between threads, and after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from blender_addon.dataset import DatasetError, OutputBusyError, output_lock

REPOSITORY = Path(__file__).parents[2]
HOLD = """
import sys
from pathlib import Path
from blender_addon.dataset import output_lock
with output_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(lock: Path) -> subprocess.Popen[str]:
    """Start a process that holds `lock` until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_refused_until_the_first_has_ended(tmp_path):
    lock = tmp_path / "run" / ".lock"
    first = holder(lock)
    with pytest.raises(OutputBusyError, match=r"run: another run is writing there; wait for its"):
        output_lock(lock).__enter__()
    first.communicate()
    with output_lock(lock):
        pass


def test_a_killed_process_leaves_no_lock(tmp_path):
    first = holder(tmp_path / ".lock")
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    assert (tmp_path / ".lock").exists()
    with output_lock(tmp_path / ".lock"):
        pass


def test_one_process_holds_a_lock_only_once(tmp_path):
    with output_lock(tmp_path / ".lock"):
        with pytest.raises(DatasetError), output_lock(tmp_path / ".lock"):
            pass
        # The refused one must not have dropped it.
        with pytest.raises(DatasetError), output_lock(tmp_path / ".lock"):
            pass
    with output_lock(tmp_path / ".lock"), output_lock(tmp_path / ".other"):
        pass


def test_an_error_inside_drops_the_lock(tmp_path):
    with pytest.raises(KeyError), output_lock(tmp_path / ".lock"):
        raise KeyError
    with output_lock(tmp_path / ".lock"):
        pass
