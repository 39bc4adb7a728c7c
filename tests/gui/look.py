"""Take a screenshot of the tab PII Synth in a real Blender, in about fifteen seconds.

    python -m tests.gui.look OUT.png                                the whole window, the tab open
    python -m tests.gui.look OUT.png --sidebar --size 1280x1800     the sidebar alone, all of it
    python -m tests.gui.look OUT.png --run "bpy.ops.pii_synth.add_person()" \\
        --click pii_synth.draw_scene
    python -m tests.gui.look OUT.png --hover pii_synth.generate     with the tooltip
    python -m tests.gui.look --list                                 list what can be clicked

--run, --click, --hover, --wait and --key are executed in the given order, and may be repeated.
Blender's console is printed at the end.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from tests.gui.extension import build_zip
from tests.gui.screen import Screen
from tests.gui.window import BlenderError, Window
from tools.gui_blender import provision


class _InOrder(argparse.Action):
    """Keeps the steps of all options in one list."""

    def __call__(
        self, parser: Any, namespace: Any, values: Any, option_string: str | None = None
    ) -> None:
        namespace.steps.append((self.dest, values))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, nargs="?", help="Write the image here (.png, .jpg).")
    parser.add_argument(
        "--size", default="1440x900", help="Size of the window (default: %(default)s)."
    )
    parser.add_argument(
        "--width", type=int, default=360, help="Width of the sidebar (default: %(default)s px)."
    )
    parser.add_argument("--sidebar", action="store_true", help="Show the sidebar alone.")
    parser.add_argument(
        "--open", action="store_true", help="Open the panels that are closed by default, too."
    )
    parser.add_argument(
        "--panel",
        action="append",
        default=[],
        metavar="CLASS",
        help="only these open: PII_SYNTH_PT_batch",
    )
    parser.add_argument("--tab", default="PII Synth")
    parser.add_argument("--list", action="store_true", help="print what can be clicked")
    parser.add_argument(
        "--run", action=_InOrder, metavar="PYTHON", help="run it in Blender; prints `result`"
    )
    parser.add_argument(
        "--click", action=_InOrder, metavar="BUTTON", help="operator or property: pii_synth.seed"
    )
    parser.add_argument(
        "--hover",
        action=_InOrder,
        metavar="BUTTON",
        help="wait for its tooltip; make it the last step",
    )
    parser.add_argument(
        "--wait",
        action=_InOrder,
        metavar="EXPRESSION",
        help="until it is true in Blender, 120 s at most",
    )
    parser.add_argument(
        "--key",
        action=_InOrder,
        metavar="KEY",
        help="ctrl+z, Return, …: goes to what the pointer is over",
    )
    parser.set_defaults(steps=[])
    return parser.parse_args()


def main() -> None:
    options = arguments()
    width, height = map(int, options.size.split("x"))
    machine = provision()
    with tempfile.TemporaryDirectory(dir=machine.temporary, prefix="look-") as name:
        folder = Path(name)
        with (
            Screen(machine, folder, (width, height)) as screen,
            Window(machine, screen, folder) as window,
        ):
            try:
                window.install(build_zip(folder))
                if options.open or options.panel:
                    window.show_panels(*options.panel)
                    window.new_file()
                window.open_tab(options.tab)
                window.widen_sidebar(options.width)
                for step, value in options.steps:
                    _STEPS[step](window, value)
            except (AssertionError, BlenderError) as error:
                print(error)
            if options.list:
                for button, place in sorted(
                    window.buttons().items(), key=lambda item: item[1][::-1]
                ):
                    print(f"{place}  {button}")
            if options.out:
                _picture(window, options).convert("RGB").save(options.out)
            print(f"--- Blender's console\n{window.console()}", end="")


def _picture(window: Window, options: argparse.Namespace) -> Any:
    hovering = options.steps and options.steps[-1][0] == "hover"
    picture = window.screen.picture() if hovering else window.picture()
    return picture.crop(window.sidebar()) if options.sidebar else picture


def _run(window: Window, code: str) -> None:
    print(window.run(code, seconds=120))


def _hover(window: Window, button: str) -> None:
    window.wait_for_tooltip(button)


def _wait(window: Window, expression: str) -> None:
    print(window.wait(expression, seconds=120))


def _key(window: Window, chord: str) -> None:
    window.screen.key(chord)
    window.settle()


def _click(window: Window, button: str) -> None:
    window.click(button)
    window.settle()


_STEPS = {"run": _run, "click": _click, "hover": _hover, "wait": _wait, "key": _key}

if __name__ == "__main__":
    main()
