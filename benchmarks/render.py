"""Measure what a rendered frame costs beyond Cycles, and whether the memory of a long run grows.

    python benchmarks/render.py                       # 500 frames of 'everyday' at 256², 16 samples
    python benchmarks/render.py --frames 100 --preset street --device optix
    python benchmarks/render.py --peer --frames 12    # beside a plain loop and BlenderProc

Prints images/s, the wall time ÷ the time inside Cycles' own render call, the largest parts of the
difference, and the resident memory after 50 frames and at the end. Files go to a temporary folder
and are deleted.

With --peer the same scenes, saved as .blend files, are rendered by this project (from the recipe to
the files of a dataset), by a plain loop that opens the file and renders it, and by BlenderProc
where it is installed (or with the Python of --blenderproc). Each runs in a process of its own; in
every round each renders one scene, in turn. It prints medians and ratios, and how far the plain
loop's image is from ours, which shows that the scenes are the same.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from blender_addon.datagen.generate import to_files
from blender_addon.datagen.output_folder import origin
from blender_addon.datagen.renderer import Renderer
from blender_addon.dataset import DatasetWriter
from blender_addon.recipes.recipe import Recipe
from blender_addon.recipes.toml_io import load_preset
from blender_addon.scene.assets import Assets, load_assets
from blender_addon.scene.sampling import sample_scene

WARM_UP = 10  # frames: shaders and panoramas are loaded
MEMORY_AFTER = 50  # frames
PEERS = Path(__file__).parent / "peers"
OURS, PLAIN, BLENDERPROC = "this project", "plain loop", "BlenderProc"


def resident_megabytes() -> float:
    """Resident set size of this process (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS in /proc/self/status")


def parser() -> argparse.ArgumentParser:
    """Create the parser."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--preset", default="everyday", help="Render this preset (default: everyday).")
    p.add_argument("--frames", type=int, help="Render N frames (default: 500; with --peer 12).")
    p.add_argument("--device", default="auto", help="Render on this device (default: auto).")
    p.add_argument("--resolution", default="256x256", help="Size in px (default: 256x256).")
    p.add_argument("--samples", type=int, default=16, help="Paths a pixel (default: 16).")
    p.add_argument("--seed", type=int, default=0, help="Draw scenes from this seed (default: 0).")
    p.add_argument("--style", help="Style of the wardrobe (default: the preset's).")
    p.add_argument("--peer", action="store_true", help="Compare with a plain loop and BlenderProc.")
    p.add_argument(
        "--blenderproc",
        metavar="PYTHON",
        help="Use the BlenderProc of this Python (default: this one's, where it is installed).",
    )
    p.add_argument("--json", type=Path, help="With --peer, also write the figures to this file.")
    p.add_argument("--answer", type=int, help=argparse.SUPPRESS)  # as a contestant
    return p


def main() -> None:
    """Run the command."""
    options = parser().parse_args()
    recipe = recipe_of(options)
    assets = load_assets(recipe)
    if options.answer is not None:
        answer_requests(recipe, assets, options)
    elif options.peer:
        compare(recipe, assets, options)
    else:
        options.frames = options.frames or 500
        measure(recipe, assets, options)


def recipe_of(options: argparse.Namespace) -> Recipe:
    """Return the preset at the size, samples and style that are asked for."""
    width, height = map(int, options.resolution.split("x"))
    recipe = load_preset(options.preset).with_render(
        width=width, height=height, samples=options.samples
    )
    if options.style:
        wardrobe = dataclasses.replace(recipe.wardrobe, style=options.style)
        recipe = dataclasses.replace(recipe, wardrobe=wardrobe)
    return recipe


def measure(recipe: Recipe, assets: Assets, options: argparse.Namespace) -> None:
    """Render the frames, and print what they cost beyond Cycles."""
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
        f"{options.preset}, {options.resolution}, {options.samples} samples, "
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


# --- beside others


class Contestant:
    """A process that renders one scene for each request, and answers how long it took.

    Args:
        name: The name in the table.
        argv: The command; the descriptor for answers is appended as its option `answer`.
        log: The file for what it prints.
    """

    def __init__(self, name: str, argv: Sequence[str], log: Path) -> None:
        self.name, self.log = name, log
        reading, writing = os.pipe()
        argv = [str(writing) if part == "FD" else part for part in argv]
        environment = {**os.environ, "USE_EXTERNAL_BPY_MODULE": "1"}
        with log.open("w") as output:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=output, stderr=output, text=True,
                pass_fds=[writing], env=environment,
            )  # fmt: skip
        os.close(writing)
        self.answers: IO[str] = os.fdopen(reading)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # it may have ended before it read its last request
            self.process.stdin.close()
        self.answers.close()
        self.process.terminate()
        self.process.wait()

    def render(self, request: dict[str, Any]) -> dict[str, float] | None:
        """Let it render. Returns its times, or None when it has ended; its log says why."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        line = self.answers.readline()
        return json.loads(line) if line else None


def answer_requests(recipe: Recipe, assets: Assets, options: argparse.Namespace) -> None:
    """Render as a user's run does, one request after another: the contestant of this project."""
    renderer = Renderer(assets, device=options.device)
    with tempfile.TemporaryDirectory() as folder, os.fdopen(options.answer, "w") as answers:
        info = {**origin(recipe, options.seed), "count": 1 << 20}
        writer = DatasetWriter(Path(folder) / "renders", info)
        for number, line in enumerate(sys.stdin):
            index = json.loads(line)["index"]
            cpu, begun = time.process_time(), time.perf_counter()
            spec = sample_scene(recipe, assets, options.seed, index)
            pair = renderer.render(spec)
            own = dataclasses.replace(spec, index=number)  # a scene may come twice
            pair.annotation["index"] = number
            writer.add(*to_files(pair, own, recipe.render.image_format))
            answer = {
                "whole": time.perf_counter() - begun,
                "cycles": pair.cycles_seconds,
                "cpu": time.process_time() - cpu,
            }
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


def compare(recipe: Recipe, assets: Assets, options: argparse.Namespace) -> None:
    """Let all render the same scenes, one scene each in turn, and print medians and ratios."""
    frames = options.frames or 12
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        requests, images, device = save_scenes(recipe, assets, options, frames, folder)
        contestants = [
            stack.enter_context(Contestant(who, argv, folder / f"{who}.log"))
            for who, argv in commands(options, device).items()
        ]
        times = alternate(contestants, requests)
        for contestant in contestants:
            if contestant.name not in times:
                print(f"{contestant.name} did not render; the end of what it printed:")
                print("  " + "\n  ".join(contestant.log.read_text().splitlines()[-5:]))
        differences = [
            float(np.abs(image - read_image(Path(request["output"]), request["scene"])).mean())
            for image, request in zip(images, requests, strict=True)
            if Path(request["output"]).exists()
        ]
    print(f"{options.preset}, {options.resolution}, {options.samples} samples, on {device}")
    figures = medians(times)
    show(figures)
    if differences:
        print(f"  plain loop's linear image against ours: mean difference {max(differences):.1e}")
    if BLENDERPROC not in {contestant.name for contestant in contestants}:
        print("  BlenderProc: not installed; give its Python as --blenderproc")
    if options.json:
        options.json.write_text(json.dumps({"frames": frames, "seconds": figures}, indent=2) + "\n")


def save_scenes(
    recipe: Recipe, assets: Assets, options: argparse.Namespace, frames: int, folder: Path
) -> tuple[list[dict[str, Any]], list[np.ndarray], str]:
    """Save every scene as it is rendered. Returns the requests, the linear images, the device."""
    from blender_addon.render.compat import import_bpy
    from blender_addon.render.passes import Pass

    bpy = import_bpy()
    renderer = Renderer(assets, device=options.device)
    requests, images = [], []
    for index in range(frames):
        spec = sample_scene(recipe, assets, options.seed, index)
        renderer._stage.apply(spec)
        # The image alone is saved and compared: without the masks of mirrors, and unbent by a lens.
        frame = renderer._rendered(spec, [], (Pass.IMAGE, Pass.INSTANCES), None)
        images.append(frame.arrays[Pass.IMAGE])
        for image in bpy.data.images:
            if image.source == "GENERATED" and image.packed_file is None:
                image.pack()  # or the file would not have it
        scene = renderer._stage.scene
        bpy.context.window.scene = scene  # the one that BlenderProc finds
        path = folder / f"{index:04d}.blend"
        bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True)
        output = str(folder / f"{index:04d}.exr")
        requests.append({"index": index, "file": str(path), "scene": scene.name, "output": output})
    return requests, images, renderer.device.kind.lower()


def commands(options: argparse.Namespace, device: str) -> dict[str, list[str]]:
    """Return the command of every contestant; FD stands for the descriptor of its answers."""
    own = [__file__, "--preset", options.preset, "--resolution", options.resolution]
    own += ["--samples", str(options.samples), "--seed", str(options.seed), "--device", device]
    own += ["--style", options.style] if options.style else []
    found = {
        OURS: [sys.executable, *own, "--answer", "FD"],
        PLAIN: [sys.executable, str(PEERS / "plain_cycles.py"), "FD"],
    }
    if options.blenderproc or importlib.util.find_spec("blenderproc"):
        python = options.blenderproc or sys.executable
        found[BLENDERPROC] = [python, str(PEERS / "blenderproc_loop.py"), "FD", device]
    return found


def alternate(
    contestants: Sequence[Contestant], requests: Sequence[dict[str, Any]]
) -> dict[str, list[dict[str, float]]]:
    """Return the times of all, scene by scene; who begins changes from round to round.

    The first scene, with which everything is loaded, is rendered once more at the end in its place.
    """
    times: dict[str, list[dict[str, float]]] = defaultdict(list)
    ended: set[str] = set()
    for number, request in enumerate([*requests, requests[0]]):
        shift = number % len(contestants)
        for contestant in (*contestants[shift:], *contestants[:shift]):
            taken = None if contestant.name in ended else contestant.render(request)
            if taken is None:
                ended.add(contestant.name)
            elif number:
                times[contestant.name].append(taken)
    return {name: taken for name, taken in times.items() if name not in ended}


def medians(times: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Return the median of each of the times of every contestant."""
    return {
        name: {key: statistics.median(entry[key] for entry in taken) for key in taken[0]}
        for name, taken in times.items()
    }


def show(figures: dict[str, dict[str, float]]) -> None:
    """Print medians, and each divided by that of this project."""
    print(f"  {'median of':14} {'a frame':>10} {'in Cycles':>10} {'CPU':>10}   ÷ this project")
    for name, middle in sorted(figures.items(), key=lambda item: item[0] != OURS):
        ratios = ""
        if OURS in figures:
            ours = figures[OURS]
            ratios = "  ".join(f"{middle[key] / ours[key]:.2f}" for key in middle)
        seconds = "".join(f" {value:8.3f} s" for value in middle.values())
        print(f"  {name:14}{seconds}   {ratios}")


def read_image(path: Path, scene: str) -> np.ndarray:
    """Read the linear image that the plain loop has written, (H, W, 4) float32."""
    from blender_addon.render import exr

    layers = exr.read_passes(path, "ViewLayer")
    return layers["Combined"]


_CYCLES = "Cycles' render call"

if __name__ == "__main__":
    main()
