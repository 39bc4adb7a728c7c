"""Blender ends in the middle of a batch."""

from __future__ import annotations

from tests.gui.test_batch import PATIENCE, SMALL, done
from tests.gui.window import wait_for


def test_the_background_blender_ends_with_the_window(open_tab):
    window = open_tab("PII_SYNTH_PT_batch")
    output = window.folder / "renders"
    window.run(
        "settings = window.scene.pii_synth\n"
        "settings.output, settings.device, settings.count = output, 'cpu', 1000\n"
        "for name, value in small.items(): setattr(settings.recipe.render, name, value)",
        output=window.machine.inside(output),
        small=SMALL,
    )
    window.click("pii_synth.generate")
    wait_for("a pair", lambda: done(output), PATIENCE)
    assert len(window.processes()) == 2
    window.quit()
    wait_for("the end of both", lambda: not window.processes())
    assert 1 <= done(output) < 1000
