"""Generate Batch with a real pointer: pairs, Cancel, Resume, a killed Blender, grey buttons."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from blender_addon.dataset import iter_lines
from tests.gui.extension import REPOSITORY
from tests.gui.window import BlenderError, Window, wait_for

FEW, MANY = 6, 10  # images
SMALL = {"width": 96, "height": 96, "samples": 4}
PATIENCE = 120  # s for a batch, on a busy machine
OPERATORS = "bl_ext.user_default.pii_synth.blender_addon.ui.operators.batch"
JOB = f"__import__('sys').modules['{OPERATORS}'].current_job()"


@pytest.fixture
def window(open_tab, tmp_output) -> Window:
    """The tab with the panel Generate Batch, set to a small batch in a new folder."""
    window = open_tab("PII_SYNTH_PT_batch")
    window.run(
        "settings = window.scene.pii_synth\n"
        "settings.output, settings.device, settings.count = output, 'cpu', count\n"
        "for name, value in small.items(): setattr(settings.recipe.render, name, value)",
        output=window.machine.inside(tmp_output),
        count=MANY,
        small=SMALL,
    )
    return window


@pytest.fixture
def tmp_output(bare_window: Window, request: pytest.FixtureRequest) -> Path:
    return bare_window.folder / request.node.name


@pytest.fixture(scope="module")
def expected(installed_window: Window) -> dict[str, bytes]:
    """The masks of the same recipe without a window: the batch that the button has to repeat."""
    folder = installed_window.folder / "expected"
    _headless_batch(installed_window, folder, "--preset", "everyday")
    return masks(folder)


def test_a_click_renders_the_pairs_that_the_command_line_renders(
    window, tmp_output, expected, shoot
):
    # A batch does not render the artist's scene.
    window.run(
        "bpy.data.objects.remove(bpy.data.objects['Cube'])\nbpy.ops.pii_synth.draw_scene(step=14)"
    )
    window.fill_in("pii_synth.count", str(FEW))
    window.click("pii_synth.generate")
    wait_for("two pairs", lambda: done(tmp_output) >= 2, PATIENCE)
    with paused(window):
        window.wait(f"{JOB}.progress.done >= 1")  # it is reported after it is listed
        time.sleep(0.5)  # the panel is drawn a few times a second
        window.picture()
        shoot("batch")
    assert_alive(window)
    wait_for("all pairs", lambda: done(tmp_output) == FEW and not running(window), PATIENCE)
    assert window.get(f"{JOB}.state.name") == "DONE"
    window.find("pii_synth.open_folder")
    shoot("batch_done")
    assert sorted(path.stem for path in (tmp_output / "images").iterdir()) == [
        f"{i:06}" for i in range(FEW)
    ]
    assert masks(tmp_output) == first(FEW, expected)


def test_the_saved_recipe_renders_the_same_masks_in_both_versions(window, tmp_output, expected):
    """`blender -b -P batch.py` with this Blender, and pip's bpy, which is another version."""
    recipe = window.folder / "mine.toml"
    window.run("bpy.ops.pii_synth.save_recipe(filepath=path)", path=window.machine.inside(recipe))
    _headless_batch(window, tmp_output, window.machine.inside(recipe))
    assert masks(tmp_output) == expected
    other = tmp_output.with_name("pip")
    command = [sys.executable, "-m", "blender_addon.batch", str(recipe), "--output", str(other)]
    subprocess.run(
        [*command, "--count", str(FEW), "--progress", "none"],
        cwd=REPOSITORY,
        check=True,
        timeout=PATIENCE,
    )
    assert masks(other) == first(FEW, expected)


def test_cancel_stops_after_the_current_image_and_the_button_resumes(
    window, tmp_output, expected, shoot
):
    window.click("pii_synth.generate")
    wait_for("two pairs", lambda: done(tmp_output) >= 2, PATIENCE)
    window.wait(f"{JOB}.progress.done >= 1")  # the panel changes once more when it is reported
    with paused(window):  # or it might be done before the click is handled
        time.sleep(0.5)  # the panel is drawn a few times a second
        window.click("pii_synth.cancel_batch")
        window.wait(f"{JOB}.state.name == 'STOPPING'")
    wait_for("the end of the batch", lambda: not running(window), PATIENCE)
    half = done(tmp_output)
    assert 2 <= half < MANY
    assert window.get(f"{JOB}.state.name") == "STOPPED"
    assert_whole(tmp_output)
    window.rest(still=1)
    shoot("batch_cancelled")
    window.click("pii_synth.generate")
    wait_for("all pairs", lambda: done(tmp_output) == MANY and not running(window), PATIENCE)
    assert masks(tmp_output) == expected


def test_a_killed_background_blender_is_reported_and_resumed(window, tmp_output, expected, shoot):
    window.click("pii_synth.generate")
    wait_for("a pair", lambda: done(tmp_output), PATIENCE)
    (batch,) = window.processes("--stop-on-eof")
    os.kill(batch, signal.SIGKILL)
    wait_for("the panel to notice", lambda: not running(window), PATIENCE)
    assert "ended unexpectedly" in window.get(f"{JOB}.message")
    assert_whole(tmp_output)
    window.rest(still=1)
    shoot("batch_died")
    window.close_popup()
    window.click("pii_synth.generate")
    wait_for("all pairs", lambda: done(tmp_output) == MANY and not running(window), PATIENCE)
    assert masks(tmp_output) == expected


def test_a_button_that_is_greyed_out_says_why_and_does_nothing(window, shoot):
    window.run(
        "window.scene.pii_synth.output = '//renders'"
    )  # beside a .blend that was never saved
    window.click("pii_synth.generate")
    assert window.get(JOB) is None
    with pytest.raises(BlenderError, match=r"save the .blend first"):
        window.run("bpy.ops.pii_synth.generate()")
    window.wait_for_tooltip("pii_synth.generate")
    shoot("batch_greyed_out")


def _headless_batch(window: Window, output: Path, *recipe: str) -> None:
    script = (
        window.get("bpy.utils.user_resource('EXTENSIONS')")
        + "/user_default/pii_synth/blender_addon/batch.py"
    )
    size = f"{SMALL['width']}x{SMALL['height']}"
    options = [
        "--resolution",
        size,
        "--samples",
        str(SMALL["samples"]),
        "--device",
        "cpu",
        "--count",
        str(MANY),
    ]
    where = ["--output", window.machine.inside(output), "--progress", "none"]
    run = window.headless("-b", "-P", script, "--", *recipe, *options, *where, seconds=PATIENCE)
    assert run.returncode == 0, run.stderr


def masks(dataset: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((dataset / "masks").iterdir())}


def first(count: int, of: dict[str, bytes]) -> dict[str, bytes]:
    return {name: of[name] for name in sorted(of)[:count]}


def done(dataset: Path) -> int:
    """The number of pairs in the dataset's index."""
    return sum(1 for _ in iter_lines(dataset)) if (dataset / "metadata.jsonl").is_file() else 0


def running(window: Window) -> bool:
    return bool(window.get(f"{JOB}.running"))


@contextmanager
def paused(window: Window) -> Iterator[None]:
    """The background Blender stands still for the length of the block."""
    (batch,) = window.processes("--stop-on-eof")
    os.kill(batch, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(batch, signal.SIGCONT)


def assert_whole(dataset: Path) -> None:
    """Every listed pair exists, every existing image is listed, and there are no other files."""
    names = {
        name for line in iter_lines(dataset) for name in (line["file_name"], line["mask_file_name"])
    }
    there = {
        str(path.relative_to(dataset))
        for path in dataset.rglob("*")
        if path.parent != dataset and path.is_file()
    }
    assert there == names


def assert_alive(window: Window) -> None:
    """The window answers while the batch runs."""
    assert running(window)
    for _ in range(10):
        begun = time.monotonic()
        window.run("pass")
        assert time.monotonic() - begun < 1
