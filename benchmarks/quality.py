"""Measure what samples, the denoiser and the limit of fireflies do to renders, for their CPU time.

    python benchmarks/quality.py --output CURVE                   # every preset at 256²: many hours
    python benchmarks/quality.py --output CURVE --crop 112        # the middle of each alone
    python benchmarks/quality.py --output CURVE --presets street --sizes 128 256 --samples 8 32
    python benchmarks/quality.py --output CURVE --presets street --scenes 0     # the table alone

Each scene is rendered once with --reference samples, without denoiser and limit, and again with
each combination. The PSNR compares display values, 0..1, before the sensor adds its own noise, over
all pixels and over those of people. CPU time is that of the whole frame, the process's own.

    CURVE/lines.jsonl    one line a render; the same command, or one with more combinations or
                         scenes, goes on after the last one
    CURVE/references/    the references
    CURVE/summary.json   means over scenes, for each preset and size, and its knee
    CURVE/summary.md     the printed tables

The knee is where more time no longer pays: along the combinations that are best for their time,
the last one that still gains --worth decibels for twice the time.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from blender_addon.datagen.renderer import Renderer
from blender_addon.recipes.recipe import Recipe
from blender_addon.recipes.toml_io import load_preset, preset_names
from blender_addon.render.metering import metered_gain, over
from blender_addon.render.passes import Pass
from blender_addon.render.tone import tone
from blender_addon.scene.assets import load_assets
from blender_addon.scene.sampling import sample_scene
from blender_addon.scene.spec import SceneSpec

Display = NDArray[np.float32]
Line = dict[str, Any]
CLAMPED_UP_TO = 16  # samples: more are measured with the recipe's own limit only
LINES, REFERENCES, SETTINGS, SUMMARY = "lines.jsonl", "references", "settings.json", "summary"
MEASURED = ("psnr", "people", "burnt", "cpu")


def parser() -> argparse.ArgumentParser:
    """Create the parser."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--output", type=Path, required=True, help="Write to, and resume, this folder.")
    p.add_argument(
        "--presets", nargs="+", choices=preset_names(), default=preset_names(), metavar="PRESET",
        help="Measure these presets (default: all).",
    )  # fmt: skip
    p.add_argument("--scenes", type=int, default=2, help="Scenes of each preset (default: 2).")
    p.add_argument("--seed", type=int, default=7, help="Draw scenes from this seed (default: 7).")
    p.add_argument(
        "--sizes", type=int, nargs="+", default=[256], help="Widths and heights, px (default: 256)."
    )
    p.add_argument("--crop", type=int, help="Render the middle of this size (default: all).")
    p.add_argument(
        "--samples", type=int, nargs="+", default=[4, 8, 16, 32, 64, 128],
        help="Numbers of samples (default: 4 to 128).",
    )  # fmt: skip
    p.add_argument(
        "--clamps", type=float, nargs="+", default=[],
        help="Limits beside the preset's own, up to 16 samples; 0 for none (default: its own).",
    )  # fmt: skip
    p.add_argument(
        "--reference", type=int, default=1024, help="Samples of the reference (default: 1024)."
    )
    p.add_argument(
        "--worth", type=float, default=1.5,
        help="Decibels that twice the time must gain before the knee (default: 1.5).",
    )  # fmt: skip
    p.add_argument("--style", help="Style of the wardrobe (default: the preset's).")
    p.add_argument("--threads", type=int, default=1, help="Threads of Cycles (default: 1).")
    return p


def main() -> None:
    """Render what is missing, and print the curves."""
    p = parser()
    options = p.parse_args()
    # A line must not mean something else when a run is resumed.
    decisive = {name: getattr(options, name) for name in ("seed", "crop", "reference", "style")}
    (options.output / REFERENCES).mkdir(parents=True, exist_ok=True)
    settings = options.output / SETTINGS
    if settings.exists() and json.loads(settings.read_text()) != decisive:
        p.error(f"{settings}: is of other options; choose another --output")
    settings.write_text(json.dumps(decisive, indent=2) + "\n")
    lines = read_lines(options.output / LINES)
    try:
        for preset, size in product(options.presets, options.sizes):
            for index in range(options.scenes):
                for line in missing_lines(preset, index, size, lines, options):
                    lines.append(line)
                    with (options.output / LINES).open("a") as log:
                        log.write(json.dumps(line) + "\n")
    finally:  # also of a run that is broken off
        summarise(lines, options)


def read_lines(path: Path) -> list[Line]:
    """Read the lines of earlier runs; a last one that was cut short is removed."""
    if not path.exists():
        return []
    whole, _, rest = path.read_text().rpartition("\n")
    if rest:
        path.write_text(whole + "\n" if whole else "")
    return [json.loads(line) for line in whole.splitlines()]


def key_of(line: Line) -> tuple[Any, ...]:
    """Return what identifies a render."""
    names = ("preset", "scene", "size", "samples", "denoise", "clamp")
    return tuple(line[name] for name in names)


def combinations(recipe: Recipe, options: argparse.Namespace) -> Iterator[tuple[int, bool, float]]:
    """Yield (samples, denoise, clamp)."""
    own = recipe.render.clamp
    clamps = [own, *(clamp for clamp in options.clamps if clamp != own)]
    for samples, denoise, clamp in product(options.samples, (False, True), clamps):
        if samples <= CLAMPED_UP_TO or clamp == own:
            yield samples, denoise, clamp


def missing_lines(
    preset: str, index: int, size: int, lines: Sequence[Line], options: argparse.Namespace
) -> Iterator[Line]:
    """Yield a line for each combination on a scene of a preset that has none yet."""
    recipe = load_preset(preset).with_render(width=size, height=size)
    if options.style:
        wardrobe = dataclasses.replace(recipe.wardrobe, style=options.style)
        recipe = dataclasses.replace(recipe, wardrobe=wardrobe)
    scene = {"preset": preset, "scene": index, "size": size}
    names = ("samples", "denoise", "clamp")
    wanted = [scene | dict(zip(names, c, strict=True)) for c in combinations(recipe, options)]
    known = {key_of(line) for line in lines}
    wanted = [line for line in wanted if key_of(line) not in known]
    if not wanted:
        return
    assets = load_assets(recipe)
    spec = cropped(sample_scene(recipe, assets, options.seed, index), options.crop)
    renderer = Renderer(assets, device="cpu", threads=options.threads)
    shot(renderer, dataclasses.replace(spec, samples=1, clamp=0.0, denoise=True))  # warm up
    path = options.output / REFERENCES / f"{preset}-{index}-{size}.npz"
    truth, people, gain = reference(renderer, spec, path, options.reference)
    for line in wanted:
        # With this seed no sample of the reference comes again.
        settings = {name: line[name] for name in names} | {"noise_seed": spec.noise_seed ^ 1}
        linear, _, seconds = shot(renderer, dataclasses.replace(spec, **settings))
        error = (tone(linear * gain, 1.0, "film") - truth) ** 2
        yield line | {
            "psnr": decibels(float(error.mean())),
            "people": decibels(float(error[people].mean())) if people.any() else None,
            "burnt": float((error.max(-1) > 0.1).mean()),
            "cpu": seconds,
        }


def reference(
    renderer: Renderer, spec: SceneSpec, path: Path, samples: int
) -> tuple[Display, NDArray[np.bool_], np.float32]:
    """Return the reference, where people are, and the gain of the exposure; from `path` if there.

    Returns:
        (display values (H, W, 3), (H, W), gain).
    """
    if not path.exists():
        exact = dataclasses.replace(spec, samples=samples, clamp=0.0, denoise=False)
        linear, people, _ = shot(renderer, exact)
        gain = np.float32(metered_gain(linear))
        temporary = path.with_name(f"{path.stem}.part.npz")
        np.savez(temporary, truth=tone(linear * gain, 1.0, "film"), people=people, gain=gain)
        temporary.replace(path)
    with np.load(path) as stored:
        return stored["truth"], stored["people"], np.float32(stored["gain"])


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


def means(lines: Iterable[Line]) -> list[Line]:
    """Return the means over scenes of each combination, in the order of samples.

    Only scenes that have all combinations count, so that all rows are of the same scenes.
    """
    lines = list(lines)
    rows: dict[tuple[Any, ...], dict[int, Line]] = defaultdict(dict)
    for line in lines:
        rows[line["samples"], line["denoise"], line["clamp"]][line["scene"]] = line
    whole = set.intersection(*map(set, rows.values())) if rows else set()
    found = []
    for (samples, denoise, clamp), scenes in sorted(rows.items()):
        row: Line = {"samples": samples, "denoise": denoise, "clamp": clamp, "scenes": len(whole)}
        for name in MEASURED:
            values = [scenes[number][name] for number in whole if scenes[number][name] is not None]
            row[name] = float(np.mean(values)) if values else None
        if whole:
            found.append(row)
    return found


def knee(rows: Sequence[Line], worth: float) -> Line:
    """Return the row from which on twice the CPU time gains less than `worth` decibels.

    Args:
        rows: A result of `means`, not empty.
        worth: Decibels.
    """
    by_time = sorted(rows, key=lambda row: (row["cpu"], -row["psnr"]))
    best = [
        row for n, row in enumerate(by_time) if all(r["psnr"] < row["psnr"] for r in by_time[:n])
    ]
    at = best[0]
    for row in best[1:]:
        doublings = math.log2(row["cpu"] / at["cpu"])
        if row["psnr"] - at["psnr"] >= worth * doublings:
            at = row
    return at


def summarise(lines: Sequence[Line], options: argparse.Namespace) -> None:
    """Print a table for each preset and size, and write them and summary.json."""
    summary, markdown = [], []
    console = Console(width=100)
    for preset, size in sorted({(line["preset"], line["size"]) for line in lines}):
        rows = means(line for line in lines if (line["preset"], line["size"]) == (preset, size))
        if not rows:
            print(f"{preset}, {size}²: no scene has all combinations yet")
            continue
        chosen = knee(rows, options.worth)
        summary.append({"preset": preset, "size": size, "knee": chosen, "rows": rows})
        title = (
            f"{preset}, {size}², scenes: {rows[0]['scenes']}; against {options.reference} samples"
        )
        heads = ("samples", "denoised", "clamp", "PSNR dB", "on people", "far off", "CPU s", "")
        table = Table(*heads, title=title, title_justify="left")
        markdown += [f"**{title}**", "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
        for row in rows:
            cells = (*cells_of(row), "knee" if row is chosen else "")
            table.add_row(*cells)
            markdown.append(f"| {' | '.join(cells)} |")
        markdown.append("")
        console.print(table)
    (options.output / f"{SUMMARY}.json").write_text(json.dumps(summary, indent=2) + "\n")
    (options.output / f"{SUMMARY}.md").write_text("\n".join(markdown))


def cells_of(row: Line) -> tuple[str, ...]:
    """Return a row of the table."""
    people = "nobody" if row["people"] is None else f"{row['people']:.2f}"
    return (
        str(row["samples"]),
        "yes" if row["denoise"] else "no",
        f"{row['clamp']:g}" if row["clamp"] else "none",
        f"{row['psnr']:.2f}",
        people,
        f"{100 * row['burnt']:.3f} %",
        f"{row['cpu']:.2f}",
    )


if __name__ == "__main__":
    main()
