"""The command that starts a batch in another process."""

from __future__ import annotations

from pathlib import Path

from blender_addon import batch
from blender_addon.datagen.workers import batch_command


def test_the_command_runs_the_batch_script() -> None:
    (script,) = (Path(word) for word in batch_command() if word.endswith(".py"))
    assert script.samefile(batch.__file__)
