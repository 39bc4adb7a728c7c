"""Measure what a rendered frame costs beyond Cycles, and whether the memory of a long run grows.

    python benchmarks/render.py                       # 500 frames of 'everyday' at 256², 16 samples
    python benchmarks/render.py --frames 100 --preset street --device optix

Prints images/s, the wall time ÷ the time inside Cycles' own render call, the largest parts of the
difference, and the resident memory after 50 frames and at the end. Files go to a temporary folder
and are deleted.
"""

from __future__ import annotations

import argparse
import dataclasses
import platform
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from blender_addon.datagen.generate import to_files
from blender_addon.datagen.output_folder import origin
from blender_addon.datagen.renderer import Renderer
from blender_addon.dataset import DatasetWriter
from blender_addon.recipes.toml_io import load_preset
from blender_addon.scene.assets import load_assets
from blender_addon.scene.sampling import sample_scene

WARM_UP = 10  # frames: shaders and panoramas are loaded
MEMORY_AFTER = 50  # frames


def resident_megabytes() -> float:
    """Resident set size of this process (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS in /proc/self/status")


def main() -> None:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--preset", default="everyday")
    p.add_argument("--frames", type=int, default=500)
    p.add_argument("--device", default="auto")
    p.add_argument("--resolution", default="256x256")
    p.add_argument("--samples", type=int, default=16)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--style", help="Style of the wardrobe (default: the preset's).")
    options = p.parse_args()
    width, height = map(int, options.resolution.split("x"))
    recipe = load_preset(options.preset).with_render(
        width=width, height=height, samples=options.samples
    )
    if options.style:
        wardrobe = dataclasses.replace(recipe.wardrobe, style=options.style)
        recipe = dataclasses.replace(recipe, wardrobe=wardrobe)
    assets = load_assets(recipe)
    renderer = Renderer(assets, device=options.device)
    spent: dict[str, float] = defaultdict(float)
    walls, ratios, memory = [], [], {}

    with tempfile.TemporaryDirectory() as folder:
        info = {**origin(recipe, options.seed), "count": options.frames}
        writer = DatasetWriter(Path(folder) / "renders", info)
        for index in range(options.frames):
            start = time.perf_counter()
            spec = sample_scene(recipe, assets, options.seed, index)
            sampled = time.perf_counter()
            pair = renderer.render(spec)
            shot = time.perf_counter()
            files = to_files(pair, spec, recipe.render.image_format)
            encoded = time.perf_counter()
            writer.add(*files)
            end = time.perf_counter()
            if index >= WARM_UP:
                walls.append(end - start)
                ratios.append((end - start) / pair.cycles_seconds)
                spent["sample the scene"] += sampled - start
                spent["Cycles' render call"] += pair.cycles_seconds
                spent["stage, read, develop, annotate"] += shot - sampled - pair.cycles_seconds
                spent["encode JPEG and PNG"] += encoded - shot
                spent["write to disk"] += end - encoded
            if index + 1 in (MEMORY_AFTER, options.frames):
                memory[index + 1] = resident_megabytes()

    total = sum(walls)
    print(
        f"{options.preset}, {width}x{height}, {options.samples} samples, "
        f"on {renderer.device.kind}, {platform.machine()}"
    )
    print(f"  images/s                      {len(walls) / total:8.2f}")
    print(
        f"  wall / Cycles, whole run      {total / spent[_CYCLES]:8.3f}"
        f"   median frame {statistics.median(ratios):.3f}"
    )
    for name, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        print(
            f"  {name:<30}{1000 * seconds / len(walls):8.1f} ms a frame"
            f"  {100 * seconds / total:5.1f} %"
        )
    for frames, megabytes in memory.items():
        print(f"  memory after {frames:4d} frames {megabytes:12.0f} MB")
    if len(memory) == 2:
        print(f"  growth {memory[options.frames] - memory[MEMORY_AFTER]:+26.0f} MB")


_CYCLES = "Cycles' render call"

if __name__ == "__main__":
    main()
