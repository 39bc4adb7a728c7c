"""The whole extension, switched on and off twenty times, leaves Blender as it was."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

TWENTY_TIMES = """
import gc, json, sys, threading
from blender_addon.render.compat import import_bpy
bpy = import_bpy()
import blender_addon
from blender_addon import ui  # what importing leaves is no leak

def drawn_by(cls):  # functions that add-ons appended to what Blender draws
    return len(getattr(cls.draw, "_draw_funcs", [None]))

def state():
    handlers = {name: getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers)}
    kinds = [getattr(bpy.types, name) for name in dir(bpy.types)]
    menus = [kind for kind in kinds if isinstance(kind, type) and hasattr(kind, "draw")]
    return {
        "types": sorted(dir(bpy.types)),
        "operators": sorted(f"{m}.{o}" for m in dir(bpy.ops) for o in dir(getattr(bpy.ops, m))),
        "scene": sorted(bpy.types.Scene.bl_rna.properties.keys()),
        "window manager": sorted(bpy.types.WindowManager.bl_rna.properties.keys()),
        "object": sorted(bpy.types.Object.bl_rna.properties.keys()),
        "handlers": {name: len(h) for name, h in handlers.items() if isinstance(h, list)},
        "draw functions": {kind.__name__: drawn_by(kind) for kind in menus if drawn_by(kind) > 1},
        "panels": sorted(p.__name__ for p in bpy.types.Panel.__subclasses__() if p.is_registered),
        "threads": threading.active_count(),
    }

def timers():  # there is no list of them
    return [f.__qualname__ for f in gc.get_objects() if callable(f) and hasattr(f, "__qualname__")
            and str(getattr(f, "__module__", "")).startswith("blender_addon")
            and bpy.app.timers.is_registered(f)]

before, during = state(), []
for _ in range(20):
    blender_addon.register()
    during.append(state())
    blender_addon.unregister()
after = state()
print("RESULT " + json.dumps({
    "before": before, "first": during[0], "last": during[-1], "after": after, "timers": timers(),
}))
"""


@pytest.fixture(scope="module")
def run() -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "default", "-c", TWENTY_TIMES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def result(run: subprocess.CompletedProcess[str]) -> dict:
    lines = [line for line in run.stdout.splitlines() if line.startswith("RESULT ")]
    assert lines, run.stdout + run.stderr
    return json.loads(lines[0].removeprefix("RESULT "))


def test_nothing_is_left(result: dict) -> None:
    assert result["after"] == result["before"]
    assert result["timers"] == []


def test_the_last_time_is_like_the_first(result: dict) -> None:
    assert result["last"] == result["first"]


def test_there_was_something_to_leave(result: dict) -> None:
    """Or the two tests above would pass whatever is left behind."""
    on, off = result["first"], result["before"]
    added = {
        key: set(on[key]) - set(off[key])
        for key in ("types", "operators", "scene", "draw functions")
    }
    assert {"PII_SYNTH_PT_batch", "PII_SYNTH_OT_generate"} <= added["types"]
    assert {"pii_synth.generate", "pii_synth.cancel_batch"} <= added["operators"]
    assert "pii_synth" in added["scene"]
    assert "STATUSBAR_HT_header" in added["draw functions"]
    assert "load_post" in off["handlers"]


def test_blender_warns_of_nothing(run: subprocess.CompletedProcess[str]) -> None:
    assert run.returncode == 0
    assert run.stderr == ""
    assert [line for line in run.stdout.splitlines() if not line.startswith("RESULT ")] == []
