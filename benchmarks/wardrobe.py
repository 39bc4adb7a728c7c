"""Measure people whose garments are meshes: what preparing them costs, whether skin comes through
their clothes, and whether skirts split.

    python benchmarks/wardrobe.py prepare             # time per person, step by step
    python benchmarks/wardrobe.py poke --persons 200  # skin that comes through, by kind of garment
    python benchmarks/wardrobe.py skirts              # strides, stairs, seats and squats in skirts
    python benchmarks/wardrobe.py render --frames 40  # CPU time a frame against painted clothes

Each prints one table. Persons, poses and views come from the seed alone.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from blender_addon.datagen.renderer import Renderer
from blender_addon.recipes.toml_io import load_preset
from blender_addon.scene.assets import Assets, load_assets
from blender_addon.scene.sampling import sample_scene
from blender_addon.scene.spec import PersonSpec
from blender_addon.wardrobe import dressed as dressing
from blender_addon.wardrobe.coverage import layer_field
from blender_addon.wardrobe.dressed import MATERIALS, Dressed, Wearable
from blender_addon.wardrobe.garments import KINDS
from blender_addon.wardrobe.outfit import Garment, Outfit

Array = np.ndarray

PIXELS = 256  # across two metres
VIEWS = 4  # azimuths a person is seen from
INSIDE = 0.004  # rm inside a garment's edge, from where on nothing beneath it may show
NEAR = 0.05  # m: cloth that is further behind is another part of the body's …
NEAR_SKIRT = 0.12  # m: … and what a thigh that comes through a skirt may stand out
SPLIT = 0.12  # m: an edge of a skirt, 1 to 2 cm at rest, that is longer than this has split


def persons_of(assets: Assets, recipe: Any, seed: int, style: str = "mesh") -> Iterator[PersonSpec]:
    """Draw persons without end, as the recipe does."""
    index = 0
    while True:
        for person in sample_scene(recipe, assets, seed, index).persons:
            if not person.outfit.texture:
                outfit = dataclasses.replace(person.outfit, style=style)
                yield dataclasses.replace(person, outfit=outfit)
        index += 1


def wear(assets: Assets, person: PersonSpec) -> Wearable:
    model = assets.bodies[person.body.model]
    return Wearable(model, assets.poser.chart(person.body.model), person.body.betas, person.outfit)


# --- the id buffer


@dataclasses.dataclass
class Fragments:
    """All surfaces under the centres of the pixels of one view, orthographic.

    Attributes:
        pixel: (N,) int, ordered; within a pixel by depth.
        depth: (N,) m from the viewer.
        face: (N,) int.
        first: (N,) bool, the nearest of its pixel.
        front: (F,) bool, the faces that turn their outer side to the viewer.
    """

    pixel: Array
    depth: Array
    face: Array
    first: Array
    front: Array


def fragments(vertices: Array, faces: Array, azimuth: float, pixels: int = PIXELS) -> Fragments:
    """Rasterise a mesh as seen from an azimuth, rad, slightly from above."""
    away = np.array([np.cos(azimuth) * 0.98, np.sin(azimuth) * 0.98, 0.2])  # to the viewer
    right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    up = np.cross(away, right)
    middle = 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))
    at = (vertices - middle) @ np.stack([right, up, away], axis=1)
    x, y = (at[:, i][faces] * pixels / 2 + pixels / 2 for i in range(2))
    low = np.stack([np.ceil(v.min(axis=1) - 0.5) for v in (x, y)], axis=1).clip(0).astype(int)
    high = np.stack([np.floor(v.max(axis=1) - 0.5) for v in (x, y)], axis=1)
    size = np.maximum(high.clip(max=pixels - 1).astype(int) - low + 1, 0)
    count = size.prod(axis=1)
    face = np.repeat(np.arange(len(faces)), count)
    place = np.arange(len(face)) - np.repeat(np.cumsum(count) - count, count)
    column = low[face, 0] + place % np.maximum(size[face, 0], 1)
    row = low[face, 1] + place // np.maximum(size[face, 0], 1)
    px, py = column + 0.5, row + 0.5
    ax, bx, cx = x[face].T
    ay, by, cy = y[face].T
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    area = np.where(np.abs(area) < 1e-12, 1e-12, area)
    v = ((px - ax) * (cy - ay) - (py - ay) * (cx - ax)) / area
    w = ((bx - ax) * (py - ay) - (by - ay) * (px - ax)) / area
    inside = (v >= 0) & (w >= 0) & (v + w <= 1)
    face, v, w = face[inside], v[inside], w[inside]
    z = -at[:, 2][faces[face]]
    depth = z[:, 0] + v * (z[:, 1] - z[:, 0]) + w * (z[:, 2] - z[:, 0])
    pixel = (row * pixels + column)[inside]
    order = np.lexsort((depth, pixel))
    pixel, depth, face = pixel[order], depth[order], face[order]
    first = np.diff(pixel, prepend=-1) != 0
    corner = at[faces]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    return Fragments(pixel, depth, face, first, normal[:, 2] > 0)


def seen_and_poked(dressed: Dressed, outfit: Outfit, azimuth: float) -> dict[str, Array]:
    """Count pixels of each garment, by kind.

    Returns:
        kind -> (pixels that show it, pixels where skin comes through it, where a garment beneath it
        does, where its inner side is seen).
    """
    f = fragments(dressed.vertices.astype(np.float64), dressed.faces, azimuth)
    material = dressed.material[f.face]
    chart = {**dressed.chart}
    seen = {}
    shown = f.face[f.first]
    beneath = material[f.first]
    depth = f.depth[f.first]
    pixel = f.pixel[f.first]
    for garment in outfit.garments:
        number = MATERIALS.index(garment.layer)
        mine = (material == number) & f.front[f.face]
        nearest = np.full(PIXELS * PIXELS, np.inf)
        np.minimum.at(nearest, f.pixel[mine], f.depth[mine])
        behind = nearest[pixel] - depth
        field = np.asarray(layer_field(chart, garment))
        near = NEAR_SKIRT if KINDS[garment.kind].skirt else NEAR
        covered = field[dressed.faces[shown]].min(axis=1) > INSIDE
        through = covered & (behind > 0) & (behind < near) & (beneath < number)
        visible = beneath == number
        seen[garment.kind] = np.array(
            [
                visible.sum(),
                (through & (beneath == 0)).sum(),
                (through & (beneath > 0)).sum(),
                (visible & ~f.front[shown]).sum(),
            ]
        )
    return seen


def poke(assets: Assets, recipe: Any, options: argparse.Namespace) -> None:
    total: dict[str, Array] = defaultdict(lambda: np.zeros(4))
    worst: dict[str, tuple[float, str]] = {}
    persons: dict[str, int] = defaultdict(int)
    shares: dict[str, list[float]] = defaultdict(list)
    rng = np.random.default_rng(options.seed)
    for number, person in zip(
        range(options.persons), persons_of(assets, recipe, options.seed), strict=False
    ):
        dressed = wear(assets, person).posed(np.array(person.body.pose), person.body.translation)
        here: dict[str, Array] = defaultdict(lambda: np.zeros(4))
        for turn in range(VIEWS):
            azimuth = 2 * np.pi * (turn + rng.random()) / VIEWS
            for kind, counts in seen_and_poked(dressed, person.outfit, azimuth).items():
                here[kind] += counts
        for kind, counts in here.items():
            total[kind] += counts
            persons[kind] += 1
            share = counts[1] / max(counts[0] + counts[1], 1)
            shares[kind].append(share)
            name = f"{number} {person.pose_name}"
            worst[kind] = max(worst.get(kind, (0.0, "")), (share, name))
    print(f"{'garment':<20}{'worn':>6}{'seen':>9}{'skin %':>8}{'mean %':>8}{'under %':>8}", end="")
    print(f"{'inner %':>8}  worst %, in which pose")
    every = np.zeros(4)
    means = []
    for kind in sorted(total, key=lambda k: -total[k][1] / max(total[k][0], 1)):
        counts = total[kind]
        every += counts
        means += shares[kind]
        _line(kind, persons[kind], counts, shares[kind])
        print(f"  {100 * worst[kind][0]:.1f} {worst[kind][1]}")
    _line("all", options.persons, every, means)
    print()


def _line(name: str, worn: int, counts: Array, shares: list[float]) -> None:
    seen = max(counts[0] + counts[1], 1)
    print(f"{name:<20}{worn:6d}{int(counts[0]):9d}{100 * counts[1] / seen:8.3f}", end="")
    print(f"{100 * np.mean(shares):8.3f}{100 * counts[2] / seen:8.3f}", end="")
    print(f"{100 * counts[3] / seen:8.2f}", end="")


# --- skirts


def leg_pose(model: Any, **angles: float) -> Array:
    """A standing pose with bent joints: `left_hip=-0.8` lifts the left thigh by 0.8 rad."""
    pose = np.zeros((model.num_joints, 3))
    pose[0] = [np.pi / 2, 0, 0]
    for name, angle in angles.items():
        pose[model.joint_names.index(name), 0] = angle
    return pose


def stride(model: Any, rng: np.random.Generator) -> Array:
    ahead, behind = rng.uniform(0.3, 0.8, 2)
    bent = rng.uniform(0, 0.9, 2)
    left = rng.random() < 0.5
    hips = (-ahead, behind) if left else (behind, -ahead)
    return leg_pose(
        model, left_hip=hips[0], right_hip=hips[1], left_knee=bent[0], right_knee=bent[1]
    )


def seat(model: Any, rng: np.random.Generator) -> Array:
    hips = -rng.uniform(1.2, 1.65, 2)
    return leg_pose(model, left_hip=hips[0], right_hip=hips[1], left_knee=1.5, right_knee=1.5)


def squat(model: Any, rng: np.random.Generator) -> Array:
    hips = -rng.uniform(1.7, 2.2, 2)
    return leg_pose(
        model, left_hip=hips[0], right_hip=hips[1], left_knee=2.2, right_knee=2.2, spine1=0.3
    )


def climb(model: Any, rng: np.random.Generator) -> Array:
    return leg_pose(model, left_hip=-rng.uniform(0.9, 1.5), left_knee=1.3, right_hip=0.1)


POSES = {"stride": stride, "seat": seat, "squat": squat, "climb": climb}
SKIRTS = ("skirt", "dress", "coat")


def skirts(assets: Assets, recipe: Any, options: argparse.Namespace) -> None:
    print(f"{'pose':<8}{'garment':<8}{'worn':>6}{'skin %':>8}{'worst %':>8}{'split':>6}", end="")
    print(f"{'longest cm':>12}{'ms':>7}")
    model_name = next(iter(assets.bodies))
    model, chart = assets.bodies[model_name], assets.poser.chart(model_name)
    for pose_name, of_pose in POSES.items():
        for kind in SKIRTS:
            rng = np.random.default_rng([options.seed, len(pose_name), len(kind)])
            shares, longest, spent = [], [], []
            for _ in range(options.poses):
                garment = drawn(kind, rng)
                outfit = Outfit(garments=(garment,), style="mesh", seed=rng.random())
                betas = rng.normal(0, 1, min(10, model.num_betas))
                wearable = Wearable(model, chart, betas, outfit)
                pose = of_pose(model, rng)
                start = time.process_time()
                dressed = wearable.posed(pose, (0, 0, 0))
                spent.append(time.process_time() - start)
                counts = np.zeros(4)
                for azimuth in 2 * np.pi * (np.arange(VIEWS) + rng.random()) / VIEWS:
                    counts += seen_and_poked(dressed, outfit, azimuth)[kind]
                shares.append(counts[1] / max(counts[0] + counts[1], 1))
                longest.append(longest_edge(dressed, garment.layer))
            print(f"{pose_name:<8}{kind:<8}{len(shares):6d}{100 * np.mean(shares):8.3f}", end="")
            print(f"{100 * np.max(shares):8.2f}{(np.array(longest) > SPLIT).sum():6d}", end="")
            print(f"{100 * np.max(longest):12.1f}{1000 * np.mean(spent):7.1f}")


def drawn(kind: str, rng: np.random.Generator) -> Garment:
    """A garment of a kind, its edges drawn."""
    row = KINDS[kind]
    edges: dict[str, Any] = {
        name: float(rng.uniform(*getattr(row, name)))
        for name in ("hem", "waist", "sleeve", "neck", "opening", "depth")
    }
    return Garment(kind, slope=row.slope, looseness=float(rng.random()), **edges)


def longest_edge(dressed: Dressed, layer: str) -> float:
    """Length of the longest edge of a garment's hanging part, m."""
    hangs = dressed.chart["level"] < -0.1
    of = (dressed.material == MATERIALS.index(layer)) & hangs[dressed.faces].all(axis=1)
    corner = dressed.vertices[dressed.faces[of]]
    return float(np.linalg.norm(corner - np.roll(corner, 1, axis=1), axis=-1).max(initial=0.0))


# --- time


STEPS = ("cloth_layers", "outermost", "cut", "curtain_of", "strands_of", "parts_of")


def prepare(assets: Assets, recipe: Any, options: argparse.Namespace) -> None:
    persons = [
        p
        for _, p in zip(
            range(options.persons), persons_of(assets, recipe, options.seed), strict=False
        )
    ]
    for person in persons[:5]:  # caches of the model
        wear(assets, person).posed(np.array(person.body.pose), person.body.translation)
    spent: dict[str, float] = defaultdict(float)
    for name in STEPS:
        if hasattr(dressing, name):
            setattr(dressing, name, _timed(getattr(dressing, name), name, spent))
    steps = (*STEPS, "the rest of dressing", "posing", "all")
    rows, faces = [], []
    for person in persons:
        best = dict.fromkeys(steps, np.inf)
        for _ in range(options.repeats):  # the least of each is the one that nothing disturbed
            spent.clear()
            start = time.process_time()
            wearable = wear(assets, person)
            made = time.process_time()
            dressed = wearable.posed(np.array(person.body.pose), person.body.translation)
            end = time.process_time()
            now = {**spent, "the rest of dressing": made - start - sum(spent.values())}
            now |= {"posing": end - made, "all": end - start}
            best = {name: min(best[name], now.get(name, 0.0)) for name in steps}
        rows.append(list(best.values()))
        faces.append(len(dressed.faces))
    print(f"CPU time of {len(persons)} persons, ms each, least of {options.repeats}; ", end="")
    print(f"{np.mean(faces):.0f} faces each\n{'':<26}{'mean':>8}{'95 %':>8}{'most':>8}")
    for name, column in zip(steps, 1000 * np.array(rows).T, strict=True):
        print(f"  {name:<24}{column.mean():8.2f}", end="")
        print(f"{np.percentile(column, 95):8.2f}{column.max():8.2f}")


def _timed(function: Any, name: str, spent: dict[str, float]) -> Any:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        start = time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            spent[name] += time.process_time() - start

    return wrapped


def render(assets: Assets, recipe: Any, options: argparse.Namespace) -> None:
    renderer = Renderer(assets, device="cpu")
    cpu: dict[str, list[float]] = defaultdict(list)
    cycles: dict[str, list[float]] = defaultdict(list)
    wall: dict[str, list[float]] = defaultdict(list)
    for index in range(-2, options.frames):
        for style in ("painted", "mesh")[:: 1 if index % 2 else -1]:
            wardrobe = dataclasses.replace(recipe.wardrobe, style=style)
            styled = dataclasses.replace(recipe, wardrobe=wardrobe)
            spec = sample_scene(styled, assets, options.seed, max(index, 0))
            start, began = time.process_time(), time.perf_counter()
            pair = renderer.render(spec)
            if index >= 0:  # before: shaders are compiled
                cpu[style].append(time.process_time() - start)
                wall[style].append(time.perf_counter() - began - pair.cycles_seconds)
                cycles[style].append(pair.cycles_seconds)
    print(f"{'style':<10}{'CPU s a frame':>15}{'Cycles s':>10}{'beside Cycles ms':>18}")
    for style in cpu:
        print(f"{style:<10}{np.mean(cpu[style]):15.3f}{np.mean(cycles[style]):10.3f}", end="")
        print(f"{1000 * np.mean(wall[style]):18.1f}")
    ratio = np.array(cpu["mesh"]) / np.array(cpu["painted"])
    print(f"mesh ÷ painted: CPU {np.sum(cpu['mesh']) / np.sum(cpu['painted']):.3f}", end="")
    print(f", median frame {np.median(ratio):.3f}", end="")
    print(f", Cycles {np.sum(cycles['mesh']) / np.sum(cycles['painted']):.3f}")


COMMANDS = {"prepare": prepare, "poke": poke, "skirts": skirts, "render": render}


def main() -> None:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("what", choices=COMMANDS, help="The measurement.")
    p.add_argument("--preset", default="everyday", help="Recipe to draw from (default: everyday).")
    p.add_argument("--seed", type=int, default=0, help="Seed of all draws (default: 0).")
    p.add_argument("--persons", type=int, default=200, help="Persons to draw (default: 200).")
    p.add_argument("--repeats", type=int, default=3, help="Times each is timed (default: 3).")
    p.add_argument("--poses", type=int, default=50, help="Poses of each skirt (default: 50).")
    p.add_argument("--frames", type=int, default=40, help="Frames to render (default: 40).")
    options = p.parse_args()
    recipe = load_preset(options.preset).with_render(width=256, height=256, samples=16)
    assets = load_assets(recipe)
    COMMANDS[options.what](assets, recipe, options)


if __name__ == "__main__":
    main()
