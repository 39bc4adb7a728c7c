"""Recipe and preferences: files saved and loaded through Blender's own file browser."""

from __future__ import annotations

import tomllib
from pathlib import Path

from blender_addon.recipes.toml_io import load_preset, load_recipe
from tests.gui.window import Window, wait_for

BROWSERS = "[a.spaces.active.params for a in window.screen.areas if a.type == 'FILE_BROWSER']"


def test_save_and_load_through_the_file_browser(open_tab, shoot):
    window = open_tab("PII_SYNTH_PT_recipe")
    window.run(
        "bpy.context.preferences.view.filebrowser_display_type = 'SCREEN'"
    )  # there is no window manager
    recipe = "window.scene.pii_synth.recipe."
    window.run(f"{recipe}people.spacing = 0.5")
    shoot("recipe")
    window.click("pii_synth.save_recipe")
    in_file_browser(window, window.folder, "mine.toml")
    saved = window.folder / "mine.toml"
    wait_for("the file", saved.is_file)
    assert tomllib.loads(saved.read_text())["people"]["spacing"] == 0.5
    assert load_recipe(saved).camera == load_preset("everyday").camera

    window.run(f"{recipe}people.spacing = 0.1")
    window.click("pii_synth.load_recipe")
    in_file_browser(window, window.folder, "mine.toml")
    wait_for(
        "the value of the file", lambda: abs(window.get(f"{recipe}people.spacing") - 0.5) < 1e-6
    )


def test_a_recipe_that_cannot_be_read_is_an_error_that_names_it(open_tab, shoot):
    window = open_tab("PII_SYNTH_PT_recipe")
    window.run("bpy.context.preferences.view.filebrowser_display_type = 'SCREEN'")
    (window.folder / "broken.toml").write_text("[people]\ncount = 'many'\n")
    window.click("pii_synth.load_recipe")
    in_file_browser(window, window.folder, "broken.toml")
    wait_for("the report", lambda: "broken.toml: people.count: expected" in window.reports())
    window.settle()
    shoot("recipe_error")
    window.close_popup()


def test_the_preferences_draw(installed_window, shoot):
    window = installed_window
    window.run(
        "import sys\n"
        "name = next(name for name in sys.modules if name.endswith('.pii_synth'))\n"
        "bpy.context.window_manager.addon_search = 'PII'\n"
        "bpy.context.preferences.active_section = 'ADDONS'\n"
        "bpy.ops.screen.userpref_show()\n"
        "bpy.ops.preferences.addon_expand(module=name)"
    )
    window.screen.move_window("Preferences", 100, 60)
    window.rest()
    shoot("preferences")
    assert "Traceback" not in window.console()
    window.run(
        "last = bpy.context.window_manager.windows[-1]\n"
        "with bpy.context.temp_override(window=last): bpy.ops.wm.window_close()"
    )


def in_file_browser(window: Window, folder: Path, name: str) -> None:
    """Choose the file `name` of `folder` and press Return."""
    window.wait(f"len({BROWSERS}) == 1 and {BROWSERS}[0] is not None")
    window.run(
        f"params = {BROWSERS}[0]\nparams.directory, params.filename = folder.encode(), name",
        folder=window.machine.inside(folder) + "/",
        name=name,
    )
    window.settle()
    window.screen.move(window.screen.size[0] / 2, window.screen.size[1] / 2)
    window.screen.key("Return")
    wait_for("the file browser to close", lambda: window.get(f"{BROWSERS} == []"))
