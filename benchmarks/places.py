"""Measure what the packs of places cost: reading them, showing their things, and memory.

    python benchmarks/places.py memory --props models                # 500 frames of 30 things each
    python benchmarks/places.py read --props models --textures tiles

`memory` shows other things of a folder of models in every frame, on Blender's side alone (Cycles
renders nothing), and prints the CPU time of a frame and the resident memory: while every model is
shown for the first time, after that, and at the end. `read` prints the time to read packs, with an
empty cache and with a full one.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from blender_addon.packs.scenery.prop_pack import PropPack, read_props
from blender_addon.packs.scenery.texture_pack import read_textures
from blender_addon.scene.spec import PropSpec, SurfaceSpec

WHITE = SurfaceSpec("plain", (1.0, 1.0, 1.0), (1.0, 1.0, 1.0), 1.0, 0.5)


def resident_megabytes() -> float:
    """Resident set size of this process (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS in /proc/self/status")


def frames_of(pack: PropPack, count: int, things: int) -> list[list[PropSpec]]:
    """Things for each frame: all models in turn, so that every one is shown, then at random."""
    rng = np.random.default_rng(0)
    order = np.concatenate(
        [rng.permutation(len(pack)) for _ in range(count * things // len(pack) + 1)]
    )
    return [
        [
            PropSpec(
                "box",
                (3.0 * (k % 6), 3.0 * (k // 6), 0.0),
                (0.0, 0.0, float(rng.uniform(0, 360))),
                pack.items[i].size,
                WHITE,
                source=str(pack.items[i].path),
            )
            for k, i in enumerate(order[frame * things : (frame + 1) * things])
        ]
        for frame in range(count)
    ]


def measure_memory(options: argparse.Namespace) -> None:
    """Show things frame after frame, and print times and memory."""
    import bpy

    from blender_addon.stage.images import MEGABYTE, ImageCache
    from blender_addon.stage.pack_props import PackProps

    pack = read_props(options.props)
    scene = bpy.data.scenes.new("places")
    images = ImageCache(128, 512 * MEGABYTE)
    shown = PackProps(scene, images)
    shown.meshes.most, shown.meshes.most_triangles = options.meshes, options.triangles
    print(f"{len(pack)} models, {sum(item.triangles for item in pack)} triangles")
    print(f"before: {resident_megabytes():.0f} MB")
    once = -(-len(pack) // options.things)  # frames until every model was shown
    seconds: list[float] = []  # of CPU time
    updates: list[float] = []
    for number, props in enumerate(frames_of(pack, options.frames, options.things), start=1):
        start = time.process_time()
        shown.apply(props)
        images.trim()
        applied = time.process_time()
        scene.view_layers[0].update()
        seconds.append(applied - start)
        updates.append(time.process_time() - applied)
        if number in (once, 2 * once, 4 * once, options.frames) or number % 100 == 0:
            print(
                f"frame {number}: {resident_megabytes():.0f} MB, {len(shown.meshes)} meshes of "
                f"{shown.meshes.triangles()} triangles, {images.bytes() / MEGABYTE:.0f} MB of "
                f"images, {1000 * statistics.median(seconds[-once:]):.1f} ms of CPU time a frame "
                f"to set, {1000 * statistics.median(updates[-once:]):.1f} ms in Blender's update"
            )


def measure_reading(options: argparse.Namespace) -> None:
    """Read packs twice, and print the times."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PII_SYNTH_CACHE"] = folder
        for name, path, read in (
            ("models", options.props, read_props),
            ("textures", options.textures, read_textures),
        ):
            for state in ("first", "again") if path else ():
                start = time.perf_counter()
                pack = read(path)
                taken = time.perf_counter() - start
                print(
                    f"{name}, {state}: {len(pack)} in {taken:.1f} s, "
                    f"{1000 * taken / max(len(pack), 1):.1f} ms each, "
                    f"{len(pack.unusable)} cannot be used"
                )


def main() -> None:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("what", choices=["memory", "read"], help="What to measure.")
    p.add_argument("--props", type=Path, required=True, help="Folder of models.")
    p.add_argument("--textures", type=Path, help="Folder of textures (default: none).")
    p.add_argument("--frames", type=int, default=500, help="Frames (default: 500).")
    p.add_argument("--things", type=int, default=30, help="Things in a frame (default: 30).")
    p.add_argument("--meshes", type=int, default=512, help="Meshes to keep (default: 512).")
    p.add_argument(
        "--triangles", type=int, default=2_000_000, help="Triangles to keep (default: 2000000)."
    )
    options = p.parse_args()
    if options.what == "memory":
        measure_memory(options)
    else:
        measure_reading(options)


if __name__ == "__main__":
    main()
