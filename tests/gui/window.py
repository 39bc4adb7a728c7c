"""A real Blender with a window, for tests that click: its process, main thread and buttons."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from tests.gui.screen import WHEEL_DOWN, WHEEL_UP, Screen
from tools.gui_blender import Machine

CONTROL = Path(__file__).with_name("control.py")
START = 90  # s until the window is there; a busy machine's first start of a chroot
ANSWER = 60  # s that one request may take
TAB = "PII Synth"


class BlenderError(Exception):
    """Python inside Blender raised, or Blender ended; with the traceback, or its last output."""


def wait_for(
    what: str, condition: Callable[[], Any], seconds: float = 20, every: float = 0.05
) -> Any:
    """Call `condition` until it returns something true; return that.

    Raises AssertionError after `seconds`.
    """
    end = time.monotonic() + seconds
    while not (said := condition()):
        assert time.monotonic() < end, (
            f"waited {seconds} s in vain for {what}; the last answer was {said!r}"
        )
        time.sleep(every)
    return said


class Window:
    """Blender in one window that fills `screen`, with its own empty user folder below `folder`.

    A context manager: Blender and all it started end with the block.
    """

    def __init__(self, machine: Machine, screen: Screen, folder: Path) -> None:
        self.machine = machine
        self.screen = screen
        self.folder = folder
        self._seen: dict[str, tuple[int, int]] = {}  # buttons, and where each was seen last
        for name in ("user", "home", "tmp"):
            (folder / name).mkdir()
        control = folder / CONTROL.name  # a chroot does not see the repository
        control.write_bytes(CONTROL.read_bytes())
        self._mark = f"BLENDER_USER_RESOURCES={machine.inside(folder / 'user')}"
        self._log = folder / "blender.log"
        with socket.create_server(("127.0.0.1", 0)) as server, self._log.open("w") as log:
            geometry = ["--window-geometry", "0", "0", *map(str, screen.size)]
            port = str(server.getsockname()[1])
            self._process = subprocess.Popen(
                machine.command(
                    machine.blender, *geometry, "--python", machine.inside(control), "--", port
                ),
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            self._wire = self._accept(server)
        self._answers = self._wire.makefile("r", encoding="utf-8")

    def __enter__(self) -> Window:
        return self

    def __exit__(self, *_: object) -> None:
        self._answers.close()
        self._wire.close()  # asks Blender to quit
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)
        for pid in self.processes():  # Blender if it hangs, and whatever it left running
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(timeout=20)

    def environment(self) -> dict[str, str]:
        """The environment of Blender, with little of this machine's, so that tests run alike."""
        return {
            "PATH": os.environ["PATH"] if self.machine.root is None else "/usr/bin:/bin",
            "HOME": self.machine.inside(self.folder / "home"),
            "TMPDIR": self.machine.inside(self.folder / "tmp"),
            "LANG": "C.UTF-8",
            "DISPLAY": self.screen.display,
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "BLENDER_USER_RESOURCES": self._mark.partition("=")[2],
        }

    def quit(self) -> None:
        """End Blender as its user does; nothing else can be asked of it then."""
        self.run("bpy.app.timers.register(bpy.ops.wm.quit_blender, first_interval=0.1)")
        self._process.wait(timeout=30)

    def headless(self, *arguments: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run the same Blender with the same preferences, without a window."""
        command = self.machine.command(self.machine.blender, *arguments)
        return subprocess.run(
            command,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def processes(self, *words: str) -> list[int]:
        """The ids of Blender and its child processes whose command lines contain `words`."""
        found = []
        for process in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if (
                    not process.name.isdigit()
                    or self._mark.encode() not in (process / "environ").read_bytes()
                ):
                    continue
                if set(words) <= set((process / "cmdline").read_text(errors="replace").split("\0")):
                    found.append(int(process.name))
        return found

    # -- Python in Blender -------------------------------------------------------------------------

    def run(self, code: str, *, seconds: float = ANSWER, **values: Any) -> Any:
        """Run `code` in Blender's main thread, with `values` as variables; return its `result`.

        Raises BlenderError.
        """
        request = json.dumps({"code": code, "values": values}) + "\n"
        self._wire.settimeout(seconds)
        try:
            self._wire.sendall(request.encode())
            line = self._answers.readline()
        except TimeoutError:
            raise BlenderError(
                f"Blender did not answer within {seconds} s{self._last_words()}"
            ) from None
        except OSError as error:
            raise BlenderError(f"Blender is gone ({error}){self._last_words()}") from error
        if not line:
            raise BlenderError(f"Blender ended{self._last_words()}")
        answer = json.loads(line)
        if "error" in answer:
            raise BlenderError(f"in Blender:\n{answer['error']}")
        return answer["result"]

    def get(self, expression: str, **values: Any) -> Any:
        """The value of a Python expression in Blender."""
        return self.run(f"result = {expression}", **values)

    def wait(self, expression: str, seconds: float = 20) -> Any:
        """Wait until the expression is true in Blender, and return its value."""
        return wait_for(expression, lambda: self.get(expression), seconds)

    def _accept(self, server: socket.socket) -> socket.socket:
        server.settimeout(1)
        end = time.monotonic() + START
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(TimeoutError):
                return server.accept()[0]
        self._process.kill()
        raise BlenderError(f"Blender's window did not open within {START} s{self._last_words()}")

    def console(self) -> str:
        """Read what Blender has written to its console so far."""
        return self._log.read_text(errors="replace")

    def reports(self) -> str:
        """All reports to the user so far, including errors: the lines of the Info editor."""
        return str(self.run(_REPORTS))

    def _last_words(self) -> str:
        words = "".join(self.console().splitlines(keepends=True)[-20:])
        return f"; its last words were:\n{words}"

    def install(self, zip_file: Path) -> None:
        """Install the extension as Install from Disk does, and enable it."""
        copy = self.folder / zip_file.name
        copy.write_bytes(zip_file.read_bytes())
        self.run(
            "bpy.ops.extensions.package_install_files(\n"
            "    filepath=path, repo='user_default', enable_on_install=True, overwrite=True)\n"
            "assert hasattr(bpy.types.Scene, 'pii_synth'), 'the extension did not register'",
            path=self.machine.inside(copy),
        )

    def new_file(self) -> None:
        """File › New; the preferences, and with them the extension, stay."""
        self.run("bpy.ops.wm.read_homefile(use_factory_startup=True)")

    # -- the sidebar -------------------------------------------------------------------------------

    def open_tab(self, tab: str = TAB) -> None:
        """Show the sidebar of the 3D View, with this tab in front."""
        self.run(_SIDEBAR + "area.spaces.active.show_region_ui = True")
        wait_for(f"the tab {tab}", lambda: self._set_tab(tab))
        self.settle()

    def active_tab(self) -> str:
        return str(self.run(_SIDEBAR + "result = region.active_panel_category"))

    def _set_tab(self, tab: str) -> bool:
        set_it = _SIDEBAR + (
            "try:\n    region.active_panel_category = tab\n"
            "    result = region.active_panel_category == tab\n"
            "except (AttributeError, TypeError):\n    result = False"  # not drawn yet
        )
        return bool(self.run(set_it, tab=tab))

    def sidebar(self) -> tuple[int, int, int, int]:
        """The sidebar's left, top, right and bottom edge on the screen."""
        height = self.screen.size[1]
        left, low, width, tall = self.run(
            _SIDEBAR + "result = region.x, region.y, region.width, region.height"
        )
        return left, height - low - tall, left + width, height - low

    def show_panels(self, *names: str) -> None:
        """Open the panels of these class names from the next `new_file` on, and close all others.

        Without names, all are open.
        """
        self.run(_SHOW_PANELS, tab=TAB, names=names)

    def widen_sidebar(self, width: int) -> None:
        """Drag its left edge, until the sidebar is about `width` pixels wide."""
        # Shares of its height: the edge can be taken only where panels are.
        shares = itertools.cycle((0.3, 0.02, 0.5))

        def wide_after_dragging() -> bool:
            self.run(_SIDEBAR + "area.spaces.active.show_region_ui = True")
            self.settle()
            left, top, right, bottom = self.sidebar()
            height = top + next(shares) * (bottom - top)
            self.screen.drag((left + 1, height), (right - width, height))
            self.settle()
            # On a busy machine the pointer may arrive late, and Blender folds the sidebar away.
            shown = bool(self.run(_SIDEBAR + "result = area.spaces.active.show_region_ui"))
            return shown and abs(right - self.sidebar()[0] - width) < 10

        wait_for(f"a sidebar of {width} pixels", wide_after_dragging)

    def settle(self) -> None:
        """Let Blender take what was typed and clicked, and draw what has changed by that."""
        for _ in range(3):
            self.run("pass")
        time.sleep(0.05)

    def click(self, button: str, times: int = 1) -> None:
        """Click the button of the sidebar that `find` finds."""
        self.screen.click(*self.find(button), times=times)

    def fill_in(self, field: str, text: str) -> None:
        """Type into a field of the sidebar, as a user does: double click, type, Return."""
        self.click(field, times=2)
        self.screen.key("ctrl+a")
        self.screen.type(text)
        self.screen.key("Return")
        self.settle()

    def find(self, button: str) -> tuple[int, int]:
        """Where on the screen a button of the sidebar is: `pii_synth.generate` for an operator,
        `pii_synth.seed` for a property. Scrolls to it. Raises AssertionError listing all buttons.
        """
        for name, (x, y) in self._seen.items():
            if button in name and self._under(x, y) == name:
                return x, y
        there = set()
        for _ in self._scrolled():
            for x, y, name in self._sweep():
                there.add(name)
                self._seen[name] = x, y
                if button in name:
                    return self._middle(x, y, name)
        raise AssertionError(f"{button} is not in the sidebar, where there are {sorted(there)}")

    def wait_for_tooltip(self, button: str) -> None:
        """Rest the pointer on a button until its tooltip appears below it."""
        x, y = self.find(button)
        below = (x - 40, y + 25, x + 60, y + 60)  # of the pointer; further than the button reaches

        def appears() -> bool:
            self.screen.move(self.sidebar()[0] - 30, y)
            self.settle()
            before = self.screen.picture().crop(below).tobytes()
            self.screen.move(x - 3, y)
            self.settle()
            self.screen.move(x, y)
            end = time.monotonic() + 3  # Blender waits for one
            while time.monotonic() < end:
                if self.screen.picture().crop(below).tobytes() != before:
                    return True
                time.sleep(0.1)
            return False

        wait_for(f"the tooltip of {button}", appears, seconds=30)
        time.sleep(0.5)  # it may not be drawn to its end

    def buttons(self) -> dict[str, tuple[int, int]]:
        """All that can be clicked in the part of the sidebar that is seen, with its position."""
        found: dict[str, tuple[int, int]] = {}
        for x, y, name in self._sweep():
            found.setdefault(name, (x, y))
        return found

    def close_popup(self) -> None:
        """Press Escape to close a popup, such as the report of an error."""
        self.screen.move(self.screen.size[0] // 3, self.screen.size[1] // 2)
        self.screen.key("Escape")
        self.settle()

    def scroll(self, notches: int) -> None:
        """Turn the wheel over the sidebar; positive is down."""
        left, top, right, bottom = self.sidebar()
        wheel = WHEEL_DOWN if notches > 0 else WHEEL_UP
        self.screen.click((left + right) / 2, (top + bottom) / 2, button=wheel, times=abs(notches))
        self.settle()

    def _scrolled(self) -> Iterator[None]:
        """The sidebar as it stands, then from its top downwards."""
        yield
        self.scroll(-60)
        yield
        where = self.scroll_position()
        while True:
            self.scroll(6)
            if (now := self.scroll_position()) == where:
                return
            where = now
            yield

    def scroll_position(self) -> float:
        """Return how far down the sidebar is scrolled; only good for comparing."""
        return float(self.run(_SIDEBAR + "result = region.view2d.region_to_view(0, 0)[1]"))

    def _sweep(self) -> Iterator[tuple[int, int, str]]:
        """Move the pointer over the sidebar, and yield where it was over which button."""
        left, top, right, bottom = self.sidebar()
        step = 16 * self.scale()  # a button is 20 high
        rows = [round(top + step * n) for n in range(1, int((bottom - top - 4) / step))]
        first, *others = (
            round(left + share * (right - left - 20))
            for share in (0.7, 0.25, 0.88, 0.93, 0.06, 0.45)
        )
        hit, bare = [], []
        for y in rows:
            name = self._under(first, y)
            (hit if name else bare).append(y)
            if name:
                yield first, y, name
        for y in (*hit, *bare):  # small buttons mostly stand beside wide ones
            for x in others:
                if name := self._under(x, y):
                    yield x, y, name

    def _middle(self, x: int, y: int, name: str) -> tuple[int, int]:
        """The same button, away from its upper edge."""
        lower = y + round(6 * self.scale())
        return (x, lower) if self._under(x, lower) == name else (x, y)

    def scale(self) -> float:
        return float(self.get("bpy.context.preferences.system.ui_scale"))

    def _under(self, x: int, y: int) -> str:
        """Return what the button at (x, y) does, as Python; '' if there is none."""
        self.screen.move(x, y)
        return str(self.run(_SIDEBAR + _UNDER_POINTER))

    # -- screenshots -------------------------------------------------------------------------------

    def picture(self) -> Image.Image:
        """The whole window, as it is seen, with the pointer out of the way."""
        self.screen.move(*self.screen.size)
        self.settle()
        return self.screen.picture()

    def rest(self, still: float = 3, seconds: float = 60) -> None:
        """Move the pointer away and wait until the screen has not changed for `still` seconds."""
        before = self.picture().tobytes()
        begun = changed = time.monotonic()
        while time.monotonic() - changed < still and time.monotonic() - begun < seconds:
            time.sleep(0.3)
            if (now := self.screen.picture().tobytes()) != before:
                before, changed = now, time.monotonic()


# The sidebar of the (largest) 3D View: `area` and `region`.
_SIDEBAR = """
views = [a for a in window.screen.areas if a.type == "VIEW_3D"]
area = max(views, key=lambda a: a.width * a.height)
region = next(r for r in area.regions if r.type == "UI")
"""
# Blender copies the action of the highlighted button: an operator's call, or a property's path.
_UNDER_POINTER = """
manager = bpy.context.window_manager
manager.clipboard = ""
with bpy.context.temp_override(window=window, area=area, region=region):
    if bpy.ops.ui.copy_python_command_button.poll():
        bpy.ops.ui.copy_python_command_button()
    elif bpy.ops.ui.copy_data_path_button.poll():
        bpy.ops.ui.copy_data_path_button(full_path=True)
result = manager.clipboard
"""
# Only the Info editor knows: an area becomes one for a moment.
_REPORTS = """
area = min(window.screen.areas, key=lambda a: a.width * a.height)
kind, area.type = area.type, "INFO"
with bpy.context.temp_override(window=window, area=area, region=area.regions[-1]):
    bpy.ops.info.select_all(action="SELECT")
    bpy.ops.info.report_copy()
    bpy.ops.info.select_all(action="DESELECT")
area.type = kind
result = bpy.context.window_manager.clipboard
"""
# A panel's class decides only how it first appears. Children must be registered after parents.
_SHOW_PANELS = """
import sys
extension = next(module for name, module in sys.modules.items() if name.endswith(".pii_synth"))
extension.unregister()
for panel in bpy.types.Panel.__subclasses__():
    if getattr(panel, "bl_category", "") == tab:
        options = set(getattr(panel, "bl_options", ()))
        closed = names and panel.__name__ not in names
        panel.bl_options = options | {"DEFAULT_CLOSED"} if closed else options - {"DEFAULT_CLOSED"}
extension.register()
"""
