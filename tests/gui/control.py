"""Runs inside Blender: executes the requests of a test, sent by socket, in Blender's main thread.

    blender --python control.py -- PORT

A request is one line of JSON, {"code": Python, "values": {name: value}}. The code sees bpy,
`window` and the values; the variable `result` is returned as {"result": …}, an error as
{"error": traceback}.
"""

from __future__ import annotations

import json
import socket
import sys
import traceback
from typing import Any

import bpy

INTERVAL = 0.001  # s between two looks at the socket


class Control:
    """Blender's end of the socket. Never blocks, so that the window stays usable."""

    def __init__(self, port: int) -> None:
        self._wire = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._wire.setblocking(False)
        self._received = b""

    def __call__(self) -> float | None:
        """Blender calls it every INTERVAL, until it returns None.

        A request is executed at the next call, so that Blender first handles the clicks that were
        sent before.
        """
        while b"\n" in self._received:
            line, self._received = self._received.split(b"\n", 1)
            answer = json.dumps(_answer(json.loads(line))).encode() + b"\n"
            self._wire.setblocking(True)
            self._wire.sendall(answer)
            self._wire.setblocking(False)
        try:
            data = self._wire.recv(1 << 20)
        except BlockingIOError:
            return INTERVAL
        if not data:
            bpy.ops.wm.quit_blender()
            return None
        self._received += data
        return INTERVAL


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    window = bpy.context.window_manager.windows[0]
    names = {"bpy": bpy, "window": window, "result": None, **request["values"]}
    try:
        with bpy.context.temp_override(window=window, screen=window.screen):
            exec(request["code"], names)
        json.dumps(names["result"])
    except BaseException:
        return {"error": traceback.format_exc()}
    return {"result": names["result"]}


bpy.context.preferences.view.show_splash = False
bpy.app.timers.register(Control(int(sys.argv[-1])), first_interval=0.1, persistent=True)
