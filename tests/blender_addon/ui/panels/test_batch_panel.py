"""The panel Generate Batch in pip's bpy; a small Python program replaces the background Blender.

tests/gui clicks through it in a window; tests/end_to_end/test_batch.py runs real batches.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import blender_addon
from blender_addon.datagen import background_job
from blender_addon.datagen.background_job import State
from blender_addon.datagen.output_folder import origin
from blender_addon.datagen.progress import Progress
from blender_addon.dataset import DatasetWriter
from blender_addon.recipes.toml_io import load_recipe
from blender_addon.render import compat
from tests.blender_addon.ui.layout import Layout

PRELUDE = """
import json, os, sys, time
from pathlib import Path
def tell(done, total=4):
    print(json.dumps(dict(done=done, total=total, fresh=done, seconds=2.0)), flush=True)
def wait_for_the_end_of_input():
    while os.read(0, 100): pass
Path("arguments.json").write_text(json.dumps([sys.argv[1:], Path(sys.argv[1]).read_text()]))
"""
LONG = "tell(1)\nwait_for_the_end_of_input()\nsys.exit(130)"


@pytest.fixture
def bpy() -> Iterator[Any]:
    """Blender as it starts, with the extension."""
    bpy = compat.import_bpy()
    bpy.ops.wm.read_factory_settings()
    blender_addon.register()
    yield bpy
    blender_addon.unregister()


@pytest.fixture
def operators(bpy: Any) -> Any:
    from blender_addon.ui.operators import batch

    return batch


@pytest.fixture
def settings(bpy: Any, tmp_path: Path) -> Any:
    settings = bpy.context.scene.pii_synth
    settings.output, settings.count = str(tmp_path / "out put"), 4
    return settings


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`play(code)` sets the code that the background Blender runs from now on."""
    script = tmp_path / "fake.py"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(background_job, "batch_command", lambda: [sys.executable, str(script)])
    return lambda code: script.write_text(PRELUDE + code) and None


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def error_of(operator: Callable[..., Any], **values: Any) -> str:
    with pytest.raises(RuntimeError) as caught:
        operator(**values)
    return str(caught.value)


@pytest.fixture
def draw(bpy: Any) -> Callable[[], Layout]:
    from blender_addon.ui.panels.batch import PII_SYNTH_PT_batch

    def draw() -> Layout:
        layout = Layout(bpy)
        PII_SYNTH_PT_batch.draw(SimpleNamespace(layout=layout), bpy.context)
        return layout

    return draw


def write_dataset(settings: Any, operators: Any, pictures: int, *, seed: int = 0) -> None:
    recipe = operators.to_recipe(settings.recipe)
    writer = DatasetWriter(
        Path(settings.output), {**origin(recipe, seed), "count": 4, "licences": {}}
    )
    for index in range(pictures):
        writer.add({"file_name": "", "mask_file_name": "", "index": index}, {})


def test_the_button_starts_what_the_panel_says(bpy, operators, settings, play, tmp_path):
    play("tell(4)")
    settings.seed, settings.device, settings.jobs = 9, "cpu", 2
    settings.recipe.render.width = 80
    assert bpy.ops.pii_synth.generate() == {"FINISHED"}
    started = operators.current_job()
    assert started.wait(30)
    assert (started.state, started.message) == (State.DONE, "Done: 4 images")
    (_, *options), toml = json.loads((tmp_path / "arguments.json").read_text())
    for name, value in {
        "output": settings.output,
        "count": 4,
        "seed": 9,
        "device": "cpu",
        "jobs": 2,
    }.items():
        assert options[options.index(f"--{name}") + 1] == str(value)
    assert "--overwrite" not in options
    (tmp_path / "recipe.toml").write_text(toml)
    recipe = load_recipe(tmp_path / "recipe.toml")
    assert recipe == operators.to_recipe(settings.recipe)
    assert recipe.render.width == 80


def test_an_empty_output_is_the_preferences(bpy, operators, settings, monkeypatch, tmp_path):
    monkeypatch.setattr(operators, "default_output", lambda context: tmp_path / "default")
    settings.output = ""
    assert operators.output_folder(bpy.context) == tmp_path / "default"


def test_while_it_runs_the_panel_shows_how_far_it_is_and_cancel(
    bpy, operators, settings, play, draw
):
    from blender_addon.ui.panels.batch import _draw_status_bar

    play(LONG)
    bpy.ops.pii_synth.generate()
    assert "0.00 Starting Blender" in draw().said()
    until(lambda: operators.current_job().progress)
    drawn = draw()
    assert "0.25 1/4 · 0.50 images/s · 0:06 left" in drawn.said()
    assert drawn.buttons() == {"pii_synth.cancel_batch": "Cancel"}
    assert "A batch is running" in error_of(bpy.ops.pii_synth.generate)
    header = SimpleNamespace(layout=Layout(bpy))
    _draw_status_bar(header, bpy.context)
    assert "PII Synth 1/4" in header.layout.said()

    assert bpy.ops.pii_synth.cancel_batch() == {"FINISHED"}
    assert operators.current_job().wait(30)
    assert operators.current_job().state is State.STOPPED
    assert "Stopped at 1/4" in draw().said()
    header.layout.drawn.clear()
    _draw_status_bar(header, bpy.context)
    assert header.layout.drawn == []


def test_stop_now_does_not_wait_for_the_image(bpy, operators, settings, play, draw):
    play("tell(1)\ntime.sleep(1000)")
    bpy.ops.pii_synth.generate()
    until(lambda: operators.current_job().progress)
    bpy.ops.pii_synth.cancel_batch()
    drawn = draw()
    assert "1/4 · stopping after this image" in drawn.said()
    assert drawn.buttons() == {"pii_synth.cancel_batch": "Stop Now"}
    bpy.ops.pii_synth.cancel_batch(now=True)
    assert operators.current_job().wait(30)
    assert operators.current_job().state is State.STOPPED


def test_cancel_without_a_batch_says_so(bpy, operators):
    assert "No batch is running" in error_of(bpy.ops.pii_synth.cancel_batch)


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_a_killed_blender_is_reported_and_can_be_resumed(
    bpy, operators, settings, play, draw, capfd
):
    play("print('last words', file=sys.stderr, flush=True)\n" + LONG)
    bpy.ops.pii_synth.generate()
    until(lambda: operators.current_job().progress)
    write_dataset(settings, operators, 1)
    os.kill(operators.current_job().pid, signal.SIGKILL)
    operators.current_job().wait(30)
    assert operators._tick() is None, "a batch that ended needs no more redraws"
    assert "last words" in capfd.readouterr().err
    drawn = draw()
    assert "ended unexpectedly" in drawn.said()
    assert drawn.buttons()["pii_synth.generate"] == "Resume Batch"
    assert "1 of 4 images are rendered" in drawn.said()
    assert "ended unexpectedly (signal 9) at 1/4" in error_of(bpy.ops.pii_synth.report_batch)
    play("tell(4)")
    assert bpy.ops.pii_synth.generate() == {"FINISHED"}
    assert operators.current_job().wait(30)
    assert operators.current_job().state is State.DONE
    assert bpy.ops.pii_synth.report_batch() == {"FINISHED"}


def test_an_error_of_the_child_reaches_the_user(bpy, operators, settings, play, draw):
    play("print('error: no cuda device on this machine', file=sys.stderr)\nsys.exit(2)")
    bpy.ops.pii_synth.generate()
    operators.current_job().wait(30)
    assert "no cuda device on this machine" in error_of(bpy.ops.pii_synth.report_batch)
    assert "no cuda device" in draw().said()


def test_a_missing_blender_is_an_error(bpy, operators, settings, monkeypatch, tmp_path):
    monkeypatch.setattr(
        background_job, "batch_command", lambda: [str(tmp_path / "gone" / "blender")]
    )
    assert "gone/blender: " in error_of(bpy.ops.pii_synth.generate)
    assert operators.current_job() is None


def test_a_wrong_recipe_greys_the_button_out(bpy, operators, settings, monkeypatch, draw):
    monkeypatch.setattr(operators, "recipe_error", lambda recipe: "people.count: empty range")
    assert "people.count: empty range" in error_of(bpy.ops.pii_synth.generate)
    assert "pii_synth.generate" in draw().buttons()


def test_a_relative_output_needs_a_saved_blend(bpy, operators, settings, play, tmp_path, draw):
    settings.output = "//renders"
    assert "save the .blend first" in error_of(bpy.ops.pii_synth.generate)
    assert "pii_synth.generate" in draw().buttons()
    assert "save the .blend first" in error_of(bpy.ops.pii_synth.open_folder)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    assert operators.output_folder(bpy.context) == tmp_path / "renders"


@pytest.mark.parametrize("output", ["taken", "taken/below"])
def test_an_impossible_output_is_rejected_before_anything_starts(
    bpy, operators, settings, play, tmp_path, output
):
    play("tell(4)")
    (tmp_path / "taken").write_text("a file")
    settings.output = str(tmp_path / output)
    assert str(tmp_path / output) in error_of(bpy.ops.pii_synth.generate)
    assert operators.current_job() is None


def test_a_foreign_folder_is_rejected_and_another_offered(bpy, operators, settings, play, draw):
    play("tell(4)")
    output = Path(settings.output)
    output.mkdir()
    (output / "thesis.docx").touch()
    assert "thesis.docx" in error_of(bpy.ops.pii_synth.generate)
    assert "thesis.docx" in error_of(bpy.ops.pii_synth.overwrite_batch)
    assert set(draw().buttons()) == {"pii_synth.new_folder"}
    assert bpy.ops.pii_synth.new_folder() == {"FINISHED"}
    assert settings.output == f"{output}_2"
    Path(settings.output).mkdir()
    bpy.ops.pii_synth.new_folder()
    assert settings.output == f"{output}_3"
    assert [path.name for path in output.iterdir()] == ["thesis.docx"]


def test_another_dataset_is_replaced_only_by_the_button_for_it(
    bpy, operators, settings, play, draw, tmp_path
):
    play("tell(4)")
    write_dataset(settings, operators, 2, seed=5)
    assert "made with another seed" in error_of(bpy.ops.pii_synth.generate)
    assert set(draw().buttons()) == {"pii_synth.new_folder", "pii_synth.overwrite_batch"}
    assert operators.current_job() is None
    assert bpy.ops.pii_synth.overwrite_batch() == {"FINISHED"}
    assert operators.current_job().wait(30)
    assert "--overwrite" in (tmp_path / "arguments.json").read_text()


def test_a_complete_dataset_says_so(bpy, operators, settings, draw):
    write_dataset(settings, operators, 4)
    drawn = draw()
    assert drawn.buttons()["pii_synth.generate"] == "Generate Batch"
    assert "4 of 4 images are rendered" in drawn.said()


def test_a_batch_survives_another_file_and_ends_with_the_extension(bpy, operators, settings, play):
    play(LONG)
    bpy.ops.pii_synth.generate()
    started = operators.current_job()
    until(lambda: started.progress)
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    assert operators.current_job() is started
    assert started.running
    assert bpy.app.timers.is_registered(operators._tick)
    assert operators._tick() == operators.REDRAW_INTERVAL
    blender_addon.unregister()
    try:
        assert not started.running
        assert operators.current_job() is None
        assert not bpy.app.timers.is_registered(operators._tick)
    finally:
        blender_addon.register()


def test_open_folder_names_the_missing_folder(bpy, settings, tmp_path):
    assert f"{settings.output} does not exist yet" in error_of(bpy.ops.pii_synth.open_folder)
    assert "elsewhere does not exist yet" in error_of(
        bpy.ops.pii_synth.open_folder, folder=str(tmp_path / "elsewhere")
    )


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress(0, 100), "0/100"),
        (Progress(12, 100, 12, 21.8), "12/100 · 0.55 images/s · 2:40 left"),
        (Progress(5, 5), "5/5"),
        (Progress(0, 0), "0/0"),
    ],
)
def test_status_in_words(progress, text):
    from blender_addon.ui.panels.batch import _share, _status

    running = SimpleNamespace(progress=progress, state=State.RUNNING)
    assert _status(running) == text
    assert 0 <= _share(progress) <= 1
