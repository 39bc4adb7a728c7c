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

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to itself")


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_sigint_sets_the_flag_and_the_second_raises() -> None:
    before = signal.getsignal(signal.SIGINT)
    with InterruptFlag() as interrupted:
        assert not interrupted.is_set()
        interrupt()
        assert interrupted.is_set()
        with pytest.raises(KeyboardInterrupt):
            interrupt()
    assert signal.getsignal(signal.SIGINT) is before


def test_the_handler_is_put_back_after_an_error() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError), InterruptFlag():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is before


def test_off_the_main_thread_it_does_nothing() -> None:
    found: list[bool] = []

    def work() -> None:
        with InterruptFlag() as interrupted:
            found.append(interrupted.is_set())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]


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
