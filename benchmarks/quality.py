"""Measure what samples, the denoiser and the limit of fireflies do to renders, for their CPU time.

    python benchmarks/quality.py                              # 5 scenes at 256²: an hour
    python benchmarks/quality.py --crop 112                   # the middle of each alone
    python benchmarks/quality.py --presets street --scenes 2 --samples 8 32 --clamps 0 10

Each scene is rendered once with --reference samples, without denoiser and limit, and again with
each combination. The PSNR compares display values, 0..1, before the sensor adds its own noise, over
all pixels and over those of people. CPU time is that of the whole frame, the process's own.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections import defaultdict
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from blender_addon.datagen.renderer import Renderer
from blender_addon.recipes.toml_io import load_preset
from blender_addon.render.metering import metered_gain, over
from blender_addon.render.passes import Pass
from blender_addon.render.tone import tone
from blender_addon.scene.assets import load_assets
from blender_addon.scene.sampling import sample_scene
from blender_addon.scene.spec import SceneSpec

Display = NDArray[np.float32]
CLAMPED_UP_TO = 16  # samples: more are measured with the recipe's own limit only


def main() -> None:
    """Render all combinations of all scenes, and print the curve."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--presets", nargs="+", default=["everyday", "street", "close"])
    p.add_argument("--scenes", type=int, default=5, help="scenes in all (default: 5)")
    p.add_argument("--seed", type=int, default=7)
    p.add_argument("--size", type=int, default=256, help="width and height, px (default: 256)")
    p.add_argument("--crop", type=int, help="render only the middle, of this size (default: all)")
    p.add_argument("--samples", type=int, nargs="+", default=[4, 8, 16, 32, 64, 128])
    p.add_argument("--clamps", type=float, nargs="+", default=[0.0, 3.0, 10.0])
    p.add_argument("--reference", type=int, default=1024, help="samples of the reference")
    p.add_argument("--style", default="mesh", help="style of the wardrobe (default: mesh)")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--log", type=Path, help="file for one JSON line a render, to add up runs")
    options = p.parse_args()
    lines: list[dict[str, Any]] = []
    for number in range(options.scenes):
        preset = options.presets[number % len(options.presets)]
        for line in of_scene(preset, number // len(options.presets), options):
            lines.append(line)
            if options.log:
                with options.log.open("a") as log:
                    log.write(json.dumps(line) + "\n")
    show(lines)


def of_scene(preset: str, index: int, options: argparse.Namespace) -> Any:
    """Yield one line for each combination on a scene of a preset."""
    recipe = load_preset(preset).with_render(width=options.size, height=options.size)
    wardrobe = dataclasses.replace(recipe.wardrobe, style=options.style)
    recipe = dataclasses.replace(recipe, wardrobe=wardrobe)
    assets = load_assets(recipe)
    spec = cropped(sample_scene(recipe, assets, options.seed, index), options.crop)
    renderer = Renderer(assets, device="cpu", threads=options.threads)
    shot(renderer, dataclasses.replace(spec, samples=1, clamp=0.0, denoise=True))  # warm up
    exact = dataclasses.replace(spec, samples=options.reference, clamp=0.0, denoise=False)
    linear, people, seconds = shot(renderer, exact)
    gain = metered_gain(linear)
    truth = tone(linear * np.float32(gain), 1.0, "film")
    yield {"scene": f"{preset} {index}", "samples": options.reference, "cpu": seconds}
    for samples, denoise, clamp in product(options.samples, (False, True), options.clamps):
        if samples > CLAMPED_UP_TO and clamp != recipe.render.clamp:
            continue
        changed = dataclasses.replace(
            spec,
            samples=samples,
            denoise=denoise,
            clamp=clamp,
            noise_seed=spec.noise_seed ^ 1,  # no sample of the reference comes again
        )
        linear, _, seconds = shot(renderer, changed)
        error = (tone(linear * np.float32(gain), 1.0, "film") - truth) ** 2
        on_people = float(error[people].mean()) if people.any() else float("nan")
        yield {
            "scene": f"{preset} {index}",
            "samples": samples,
            "denoise": denoise,
            "clamp": clamp,
            "psnr": decibels(float(error.mean())),
            "people": decibels(on_people),
            "burnt": float((error.max(-1) > 0.1).mean()),
            "cpu": seconds,
        }


def cropped(spec: SceneSpec, size: int | None) -> SceneSpec:
    """A scene of whose image only the middle is rendered, `size` px wide and high."""
    if size is None:
        return spec
    half = np.tan(np.radians(spec.camera.fov / 2)) * size / spec.width
    camera = dataclasses.replace(spec.camera, fov=float(2 * np.degrees(np.arctan(half))))
    return dataclasses.replace(spec, width=size, height=size, camera=camera)


def shot(renderer: Renderer, spec: SceneSpec) -> tuple[Display, NDArray[np.bool_], float]:
    """Render a scene: linear colours over its plain backdrop, where people are, CPU seconds."""
    begun = time.process_time()
    frame, _ = renderer._frame(spec, (Pass.IMAGE, Pass.INSTANCES))
    arrays = frame.arrays
    seconds = time.process_time() - begun
    rgba = arrays[Pass.IMAGE]
    backdrop = np.broadcast_to(np.float32(spec.background.color), rgba[..., :3].shape)
    return over(rgba, backdrop, 1.0), arrays[Pass.INSTANCES] > 0, seconds


def decibels(error: float) -> float:
    """PSNR of a mean squared error of values 0..1."""
    return float(-10 * np.log10(max(error, 1e-12)))


def show(lines: list[dict[str, Any]]) -> None:
    """Print the means over scenes."""
    groups: dict[tuple[int, bool, float], list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        if "psnr" in line:
            groups[line["samples"], line["denoise"], line["clamp"]].append(line)
    table = Table(title="Quality for time", title_justify="left")
    for head in ("samples", "denoised", "clamp", "PSNR dB", "on people", "far off", "CPU s"):
        table.add_column(head, justify="right")
    for (samples, denoise, clamp), group in sorted(groups.items()):
        mean = {
            key: float(np.nanmean([line[key] for line in group]))
            for key in ("psnr", "people", "burnt", "cpu")
        }
        table.add_row(
            str(samples),
            "yes" if denoise else "no",
            f"{clamp:g}" if clamp else "none",
            f"{mean['psnr']:.2f}",
            f"{mean['people']:.2f}",
            f"{100 * mean['burnt']:.3f} %",
            f"{mean['cpu']:.2f}",
        )
    Console(width=100).print(table)
    references = [line["cpu"] for line in lines if "psnr" not in line]
    print(f"{len(references)} scenes; a reference takes {np.mean(references):.0f} s of CPU time")


if __name__ == "__main__":
    main()
