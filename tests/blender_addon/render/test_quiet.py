from __future__ import annotations

import subprocess
import sys
import textwrap

from blender_addon.render.quiet import captured, quiet

PREAMBLE = """
import ctypes, os, sys
from blender_addon.render.quiet import captured, quiet
libc = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
def chatter(text):
    libc.printf(text.encode())  # stays in C's buffer until it is flushed
"""


def run(body: str) -> subprocess.CompletedProcess[str]:
    code = PREAMBLE + textwrap.dedent(body)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_c_output_is_dropped_and_python_output_is_not() -> None:
    done = run("""
        chatter("before ")
        with quiet():
            chatter("noise"); os.write(1, b"noise")
            print("inside"); print("error", file=sys.stderr)
            with quiet():
                chatter("noise"); print("deeper")
            chatter("noise")
        chatter("after ")
        print("end")
    """)
    assert done.stderr == "error\n"
    assert "noise" not in done.stdout
    assert sorted(done.stdout.split()) == ["after", "before", "deeper", "end", "inside"]


def test_tracebacks_survive() -> None:
    done = run("""
        with quiet():
            chatter("noise")
            raise KeyError("lost and found")
    """)
    assert done.returncode == 1
    assert "lost and found" in done.stderr
    assert done.stdout == ""


def test_a_process_without_stdout_is_left_alone() -> None:
    done = run("""
        sys.stdout.flush(); os.close(1); sys.stdout = None
        with quiet():
            os.write(2, b"alive")
    """)
    assert done.returncode == 0
    assert done.stderr == "alive"


def test_no_descriptor_leaks_in_a_long_run() -> None:
    done = run("""
        def highest():
            fd = os.dup(0); os.close(fd); return fd
        with quiet(): pass
        first = highest()
        for _ in range(500):
            with quiet(): pass
        assert highest() == first
    """)
    assert done.returncode == 0, done.stderr


def test_captured_collects_both_streams_from_c_and_python() -> None:
    done = run("""
        with captured(1, 2) as texts:
            chatter("c "); sys.stdout.flush(); print("py")
            os.write(2, b"low "); print("high", file=sys.stderr)
        assert sorted(texts[1].split()) == [b"c", b"py"], texts
        assert texts[2] == b"low high\\n", texts
        print("end")
    """)
    assert (done.stdout, done.stderr) == ("end\n", "")


def test_the_stream_of_a_test_runner_is_put_back() -> None:
    before = sys.stdout, sys.stderr
    with quiet():
        pass
    with captured(1, 2):
        pass
    assert (sys.stdout, sys.stderr) == before
