"""Measure the steps of a frame in CPU time, and compare its pixels with those of another version.

    python benchmarks/frame_costs.py places.toml --frames 8 --write before.json
    python benchmarks/frame_costs.py places.toml --frames 8 --against before.json

CPU time says the same on a busy machine and on an idle one, but for caches that are shared. The
first frame loads bodies, materials and images; it has a column of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from blender_addon.datagen import renderer as renderer_module
from blender_addon.datagen.generate import to_files
from blender_addon.datagen.renderer import Pair, Renderer
from blender_addon.recipes.recipe import Recipe
from blender_addon.recipes.toml_io import load_preset, load_recipe, preset_names
from blender_addon.scene.assets import load_assets
from blender_addon.scene.sampling import sample_scene

RENDER, READ = "render call", "read the passes"


class Steps:
    """CPU seconds by step of the current frame."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)

    def measure(self, owner: Any, name: str, step: str) -> None:
        """Let every call of a function of `owner` count as a step."""
        function: Callable[..., Any] = getattr(owner, name)

        def measured(*arguments: Any, **options: Any) -> Any:
            start = time.process_time()
            try:
                return function(*arguments, **options)
            finally:
                self.spent[step] += time.process_time() - start

        setattr(owner, name, measured)

    def watch(self, renderer: Renderer) -> None:
        """Measure the steps of a renderer."""
        from blender_addon.render import engine

        stage = renderer._stage
        self.measure(stage.light, "apply", "stage: light")
        self.measure(stage.background, "apply", "stage: background and things")
        self.measure(stage.people, "apply", "stage: people")
        self.measure(renderer.assets.poser, "dressed", "  of these: pose and dress")
        self.measure(engine, "render", RENDER)
        self.measure(engine, "collect", READ)
        self.measure(renderer_module, "develop", "develop")
        self.measure(renderer_module, "annotate", "annotate")


def parser() -> argparse.ArgumentParser:
    """Create the parser."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("recipe", help="Render this recipe: a .toml file or the name of a preset.")
    p.add_argument("--frames", type=int, default=8, help="Render N frames (default: 8).")
    p.add_argument("--resolution", default="256x256", help="Size in px (default: 256x256).")
    p.add_argument("--samples", type=int, default=16, help="Paths a pixel (default: 16).")
    p.add_argument("--seed", type=int, default=0, help="Draw scenes from this seed (default: 0).")
    p.add_argument("--threads", type=int, default=1, help="Render on N threads (default: 1).")
    p.add_argument("--write", type=Path, help="Write the hashes of the frames to this file.")
    p.add_argument("--against", type=Path, help="Compare with the hashes in this file.")
    return p


def main() -> None:
    """Run the command."""
    options = parser().parse_args()
    start = time.process_time()
    recipe = recipe_of(options)
    assets = load_assets(recipe)
    print(f"{options.recipe}: assets loaded in {time.process_time() - start:.1f} s of CPU time")
    renderer, steps = Renderer(assets, device="cpu", threads=options.threads), Steps()
    steps.watch(renderer)
    rows, hashes = [], {}
    for index in range(options.frames):
        steps.spent.clear()
        start = time.process_time()
        spec = sample_scene(recipe, assets, options.seed, index)
        sampled = time.process_time()
        pair = renderer.render(spec)
        rendered = time.process_time()
        to_files(pair, spec, recipe.render.image_format)
        end = time.process_time()
        row = {"sample the scene": sampled - start, **steps.spent}
        row[RENDER] -= row[READ]
        rows.append({**row, "encode": end - rendered, "whole frame": end - start})
        hashes[str(index)] = hashes_of(pair)
    show(rows)
    if options.write:
        options.write.write_text(json.dumps(hashes, indent=1) + "\n")
    if options.against:
        compare(json.loads(options.against.read_text()), hashes)


def recipe_of(options: argparse.Namespace) -> Recipe:
    """Return the recipe at the size and samples that are asked for."""
    width, height = map(int, options.resolution.split("x"))
    named = options.recipe in preset_names()
    recipe = load_preset(options.recipe) if named else load_recipe(Path(options.recipe))
    return recipe.with_render(width=width, height=height, samples=options.samples)


def hashes_of(pair: Pair) -> dict[str, str]:
    """Return a hash of each pass of a frame, and of its line of metadata."""
    arrays = {"image": pair.image, "instances": pair.instances, **pair.extras}
    found = {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()}
    line = json.dumps(pair.annotation, sort_keys=True)
    return {**found, "metadata": hashlib.sha256(line.encode()).hexdigest()}


def show(rows: list[dict[str, float]]) -> None:
    """Print the CPU time of each step: of the first frame, and the mean of the others."""
    print(f"  {'CPU time, s':<34}{'first frame':>12}{'mean of others':>16}")
    for name in dict.fromkeys(name for row in rows for name in row):
        others = [row.get(name, 0.0) for row in rows[1:]]
        mean = f"{np.mean(others):16.3f}" if others else ""
        print(f"  {name:<34}{rows[0].get(name, 0.0):12.3f}{mean}")


def compare(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> None:
    """Print which passes of which frames differ; exit with 1 if any does."""
    shared = [index for index in after if index in before]
    differences = [
        f"frame {index}: {name}"
        for index in shared
        for name in sorted({*before[index], *after[index]})
        if before[index].get(name) != after[index].get(name)
    ]
    print(f"  {len(shared)} frames compared: {', '.join(differences) or 'all are the same'}")
    if differences:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
