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


def test_generate_batch_is_in_view_at_once(installed_window):
    """Without scrolling; and high enough for a window of 1280 x 800, whose sidebar ends at 720."""
    installed_window.new_file()
    installed_window.open_tab()
    (y,) = (y for name, (_, y) in installed_window.buttons().items() if "generate" in name)
    assert y < 720


def test_every_panel_draws(open_tab, shoot):
    """All panels, also those that start closed; an exception in draw() goes to the console."""
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
