"""Renders pairs with Blender, in a process of its own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from blender_addon.dataset import iter_lines

PATIENCE = 120.0  # s that a stopped render has to finish its image


def recipe_file(recipe: str) -> Path | None:
    """The path of a recipe file; None for the name of a preset."""
    return Path(recipe) if recipe.endswith(".toml") else None


def batch_command(recipe: str, count: int, seed: int) -> list[str]:
    """Options of `blender_addon.batch` that decide the renders."""
    source = [recipe] if recipe_file(recipe) else ["--preset", recipe]
    return [*source, "--count", str(count), "--seed", str(seed)]


def render_pairs(folder: Path, command: Sequence[str]) -> dict[str, Any]:
    """Render a dataset with `blender_addon.batch`, or resume a begun one.

    Args:
        folder: Folder of the dataset.
        command: Options of `blender_addon.batch`, without --output.

    Returns:
        The number of images, as plain data.

    Raises:
        RuntimeError: Rendering failed.
        KeyboardInterrupt: Rendering was interrupted.
    """
    # A process of its own, because Blender as a module may end its process.
    whole = [sys.executable, "-m", "blender_addon.batch", *command, "--output", str(folder)]
    if code := _run(whole):
        if code in (130, -2):
            raise KeyboardInterrupt
        raise RuntimeError(f"rendering ended with exit code {code}: {' '.join(whole)}")
    return {"pictures": sum(1 for _ in iter_lines(folder))}


def _run(command: Sequence[str]) -> int:
    """Run a command and return its exit code. When this process is interrupted, it ends first."""
    with subprocess.Popen(command) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
            process.kill()
            raise
