"""Cycles on one kind of device: images/s, and masks against those of the CPU.

The part `cycles-cpu` keeps its masks in the output folder; the others render the same scenes and
compare. With --device cpu the CPU stands in for every device, so that each line of this is tested.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from benchmarks.gpu.job import Job, NotHere
from blender_addon.datagen.renderer import Renderer
from blender_addon.recipes.recipe import Recipe
from blender_addon.recipes.toml_io import load_preset
from blender_addon.render.devices import DeviceError
from blender_addon.scene.assets import Assets, load_assets
from blender_addon.scene.sampling import sample_scene

SEED = 7
REFERENCES = "cycles-masks"
MOST_DIFFERENT = 0.002  # share of pixels: edges of people, where coverage is near a half


def measure(job: Job) -> None:
    """Render the compared scenes, then others for speed, at each size."""
    kind = job.name.removeprefix("cycles-")
    asked = "cpu" if job.options.device == "cpu" else kind
    sizes, samples = job.size((256, 512), (32, 48)), job.size(16, 2)
    preset = job.size("everyday", "surreal")
    job.set(preset=preset, seed=SEED, samples=samples, sizes=list(sizes), asked=asked)
    folder = job.options.output / REFERENCES
    folder.mkdir(exist_ok=True)
    renderer = None
    for place, size in enumerate(sizes):
        recipe = load_preset(preset).with_render(width=size, height=size, samples=samples)
        assets = load_assets(recipe)
        if renderer is None:
            begun = time.perf_counter()
            renderer = renderer_on(asked, assets)
            job.record.device = str(renderer.device)
            renderer.render(sample_scene(recipe, assets, SEED, 0))
            job.figure("first image, kernels loaded", time.perf_counter() - begun, "s")
        compared = job.size(8, 1)
        masks = [
            renderer.render(sample_scene(recipe, assets, SEED, index)).instances
            for index in range(compared)
        ]
        against_cpu(job, masks, folder / f"{size}.npz", size, keep=kind == "cpu")
        budget = job.left() / (len(sizes) - place)
        speed(job, renderer, recipe, assets, first=compared, budget=budget)


def renderer_on(device: str, assets: Assets) -> Renderer:
    """Make a renderer. Raises NotHere where Cycles does not find the device."""
    try:
        return Renderer(assets, device=device)
    except DeviceError as error:
        raise NotHere(str(error)) from None


def against_cpu(job: Job, masks: list[np.ndarray], path: Path, size: int, *, keep: bool) -> None:
    """Compare masks with those of the CPU, or keep them for the other parts."""
    if keep:
        np.savez_compressed(path, *masks)
        return
    if not path.exists():
        job.check(f"{size}², masks of cycles-cpu to compare with, missing", 1, 0)
        return
    with np.load(path) as stored:
        expected = [stored[name] for name in stored.files]
    name = f"{size}², masks against the CPU's"
    job.check(f"{name}: share of differing pixels", difference(masks, expected), MOST_DIFFERENT)
    job.check(f"{name}: persons that only one has", other_ids(masks, expected), 0)


def difference(masks: list[np.ndarray], expected: list[np.ndarray]) -> float:
    """Return the share of pixels that differ between two lists of masks of one size."""
    pairs = zip(masks, expected, strict=True)
    return float(np.mean([(mask != other).mean() for mask, other in pairs]))


def other_ids(masks: list[np.ndarray], expected: list[np.ndarray]) -> int:
    """Return the number of ids that are in a mask and not in its counterpart, of either list."""
    pairs = zip(masks, expected, strict=True)
    return sum(len(np.setxor1d(np.unique(mask), np.unique(other))) for mask, other in pairs)


def speed(
    job: Job, renderer: Renderer, recipe: Recipe, assets: Assets, *, first: int, budget: float
) -> None:
    """Render further scenes for as long as the budget lasts, as a user's run does."""
    size = recipe.render.width
    begun, frames, inside = time.perf_counter(), 0, 0.0
    while frames < job.size(3, 1) or time.perf_counter() - begun < budget:
        pair = renderer.render(sample_scene(recipe, assets, SEED, first + frames))
        frames, inside = frames + 1, inside + pair.cycles_seconds
        if frames == job.size(300, 1):
            break
    wall = time.perf_counter() - begun
    job.figure(f"{size}², one process", frames / wall, "images/s")
    job.figure(f"{size}², inside Cycles alone", frames / inside, "images/s")
    job.figure(f"{size}², share of the time inside Cycles", 100 * inside / wall, "%")
