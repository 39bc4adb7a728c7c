"""A screen without a monitor, and a pointer without a mouse: Xvfb and xdotool."""

from __future__ import annotations

import os
import struct
import subprocess
import time
from pathlib import Path

import numpy as np
from PIL import Image

from tools.gui_blender import Machine

LEFT, WHEEL_UP, WHEEL_DOWN = 1, 4, 5  # X's numbers of pointer buttons


class Screen:
    """An X server with one screen of `size` pixels (width, height), in `folder` of `machine`.

    Positions are in pixels from the upper left corner. As a context manager, it ends the server.
    """

    def __init__(self, machine: Machine, folder: Path, size: tuple[int, int]) -> None:
        self._machine = machine
        self.size = size
        self._frame_buffer = folder / "Xvfb_screen0"
        width, height = size
        reader, writer = os.pipe()
        command = machine.command(
            *("Xvfb", "-displayfd", str(writer), "-fbdir", machine.inside(folder)),
            *("-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp", "-noreset"),
        )
        with (folder / "xvfb.log").open("w") as log:
            self._server = subprocess.Popen(
                command, pass_fds=[writer], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        os.close(writer)
        with os.fdopen(reader) as numbers:
            number = numbers.readline().strip()  # empty when the server ends without having started
        if not number:
            raise RuntimeError(f"Xvfb did not start: {(folder / 'xvfb.log').read_text()}")
        self.display = f":{number}"

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.terminate()
        self._server.wait(timeout=20)

    def move(self, x: float, y: float) -> None:
        self._xdotool("mousemove", str(round(x)), str(round(y)))

    def click(self, x: float, y: float, button: int = LEFT, times: int = 1) -> None:
        """Move there, stay a moment as a hand does, and press and release."""
        self.move(x, y)
        time.sleep(0.15)
        self._xdotool("click", "--repeat", str(times), "--delay", "60", str(button))

    def drag(self, start: tuple[float, float], end: tuple[float, float], steps: int = 8) -> None:
        """Press at `start`, move to `end` in some steps, and release."""
        self.move(*start)
        time.sleep(0.15)
        self._xdotool("mousedown", str(LEFT))
        for step in range(1, steps + 1):
            self.move(*(a + (b - a) * step / steps for a, b in zip(start, end, strict=True)))
            time.sleep(0.03)
        self._xdotool("mouseup", str(LEFT))

    def key(self, *chords: str) -> None:
        """Press keys one after the other, by X's names: `key("ctrl+z")`, `key("Return")`."""
        self._xdotool("key", "--delay", "40", *chords)

    def type(self, text: str) -> None:
        self._xdotool("type", "--delay", "25", text)

    def move_window(self, title: str, x: int, y: int) -> None:
        """Move the window with `title` in its title, since no window manager places it."""
        self._xdotool("search", "--sync", "--name", title, "windowmove", str(x), str(y))

    def picture(self) -> Image.Image:
        """A screenshot."""
        return Image.fromarray(read_xwd(self._frame_buffer.read_bytes()))

    def _xdotool(self, *words: str) -> None:
        environment = os.environ | {"DISPLAY": self.display}
        command = self._machine.command("xdotool", *words)
        subprocess.run(
            command, env=environment, check=True, timeout=30, capture_output=True, text=True
        )


def read_xwd(data: bytes) -> np.ndarray:
    """The pixels (height × width × 3, uint8) of an X window dump, the format of Xvfb's screen.

    Reads only what Xvfb writes at 24 bits of depth: big-endian header, 32 bits a pixel in blue,
    green, red order.
    """
    header = struct.unpack(">25I", data[:100])
    header_size, width, height, stride, colours = (
        header[0],
        header[4],
        header[5],
        header[12],
        header[19],
    )
    bits, red_mask = header[11], header[14]
    if (bits, red_mask) != (32, 0xFF0000):
        raise ValueError(
            f"an X window dump of {bits} bits a pixel and red mask {red_mask:#x} is not supported"
        )
    start = header_size + 12 * colours
    rows = np.frombuffer(data, np.uint8, stride * height, start).reshape(height, stride)
    return np.ascontiguousarray(rows[:, : 4 * width].reshape(height, width, 4)[..., 2::-1])
