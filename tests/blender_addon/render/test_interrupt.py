from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from blender_addon.render.interrupt import InterruptFlag

sends_sigint = pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to itself")


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@sends_sigint
def test_the_first_sigint_sets_the_flag_and_the_second_raises() -> None:
    before = signal.getsignal(signal.SIGINT)
    with InterruptFlag() as interrupted:
        assert not interrupted.is_set()
        interrupt()
        assert interrupted.is_set()
        with pytest.raises(KeyboardInterrupt):
            interrupt()
    assert signal.getsignal(signal.SIGINT) is before


@sends_sigint
def test_the_handler_is_put_back_after_an_error() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError), InterruptFlag():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is before


@sends_sigint
def test_off_the_main_thread_it_does_nothing() -> None:
    found: list[bool] = []

    def work() -> None:
        with InterruptFlag() as interrupted:
            found.append(interrupted.is_set())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]


@sends_sigint
def test_a_frame_that_is_being_rendered_ends_whole() -> None:
    body = textwrap.dedent("""
        import sys
        from blender_addon.render import compat, devices, engine
        from blender_addon.render.interrupt import InterruptFlag
        bpy = compat.import_bpy()
        device = devices.pick_device("auto")
        scene = bpy.context.scene
        engine.configure(scene, width=96, height=96, samples=64, device=device, threads=1)
        reference = engine.render(scene, [["Cube"]]).arrays
        with InterruptFlag() as interrupted:
            print("rendering", flush=True)
            for frame in range(200):
                arrays = engine.render(scene, [["Cube"]]).arrays
                assert all(arrays[name].tobytes() == reference[name].tobytes() for name in arrays)
                if interrupted.is_set():
                    break
        print("stopped after", frame + 1, flush=True)
    """)
    process = subprocess.Popen([sys.executable, "-c", body], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "rendering\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    last = process.stdout.read()
    assert process.wait() == 0
    assert last.startswith("stopped after")
    assert int(last.split()[-1]) < 200


WATCHES_INPUT = """
import sys, time
from blender_addon.render.interrupt import when_input_ends
when_input_ends(lambda: print("ended", flush=True))
print("watching", flush=True)
if sys.argv[1:]:
    time.sleep(float(sys.argv[1]))
"""


def test_the_end_of_input_is_noticed_and_not_what_comes_before() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WATCHES_INPUT, "60"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"watching"
    process.stdin.write(b"x" * 10_000)
    time.sleep(0.2)
    process.stdin.write(b"\n")
    process.stdin.close()
    assert process.stdout.readline().strip() == b"ended"
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.skipif(sys.platform == "win32", reason="closes descriptor 0")
def test_input_that_was_never_open_is_at_its_end() -> None:
    command = f"exec {sys.executable} -c '{WATCHES_INPUT}' 1 <&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert "ended" in done.stdout


def test_a_process_does_not_wait_for_the_end_of_input() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WATCHES_INPUT],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.wait(timeout=60) == 0
    _, errors = process.communicate()
    assert errors == b""
