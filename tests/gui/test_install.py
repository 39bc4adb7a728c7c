"""The zip in a Blender that has never seen it."""

from __future__ import annotations


def test_the_zip_installs_and_its_tab_opens_with_a_click(bare_window, extension_zip, shoot):
    bare_window.install(extension_zip)
    bare_window.open_tab("Item")
    _click_tab(bare_window, "PII Synth")
    shoot("tab")
    assert bare_window.get(
        "len(bpy.context.preferences.addons) > 0 and hasattr(bpy.context.scene, 'pii_synth')"
    )
    assert "Traceback" not in bare_window.console()


def test_every_panel_draws(open_tab, shoot):
    """With the sub-panels that start closed, top to bottom; an exception in draw() goes to the console."""
    window = open_tab()
    for number in range(1, 30):
        shoot(f"panels_{number}")
        before = window.scroll_position()
        window.scroll(10)
        if window.scroll_position() == before:
            break
    assert "Traceback" not in window.console()
    assert "Error" not in window.console()


def _click_tab(window, tab: str) -> None:
    """The tabs stand on end along the sidebar's right edge; which is where only Blender knows."""
    _, top, right, bottom = window.sidebar()
    for y in range(top + 20, bottom, 40):
        window.screen.click(right - 8, y)
        window.settle()
        if window.active_tab() == tab:
            return
    raise AssertionError(f"no tab {tab} was found along the sidebar's edge")
