"""Pairs of things that are no people, to paste among people: animals, toys, furniture.

What is pasted onto photos would otherwise always be a person, and a segmenter would learn to find
what was pasted. Each thing stands alone, and the mask marks it.

    python tools/distractors.py --output FOLDER [--props PACK]
"""

from __future__ import annotations

import argparse
import math
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blender_addon.datagen.annotation import bbox_of
from blender_addon.dataset import DatasetWriter
from blender_addon.packs.scenery.prop_pack import NO_PROPS, PropItem, read_props
from blender_addon.packs.scenery.texture_pack import NO_TEXTURES
from blender_addon.props.catalogue import OCCLUDERS
from blender_addon.render import compat, devices, engine
from blender_addon.render.image_files import encode_png
from blender_addon.render.passes import Pass
from blender_addon.scene.colour import hsv, to_display
from blender_addon.scene.objects import sample_size
from blender_addon.scene.pack_furniture import model_prop
from blender_addon.scene.scenery_files import scenery_credits
from blender_addon.scene.sensor_spec import SensorSpec
from blender_addon.scene.spec import (
    BackgroundSpec,
    CameraSpec,
    LightSpec,
    PropSpec,
    SceneSpec,
    SurfaceSpec,
)
from blender_addon.scene.surfaces import sample_surface

SIDE, SAMPLES = 224, 12
FIELD_OF_VIEW = 30.0  # degrees; photos of things are taken from afar
ANIMALS = {  # width, depth, height in m
    "sitting_dog": (0.35, 0.6, 0.65), "standing_dog": (0.3, 0.95, 0.65), "cat": (0.22, 0.5, 0.35),
    "cow": (0.7, 2.2, 1.4), "horse": (0.6, 2.2, 1.7), "sheep": (0.5, 1.1, 0.9),
    "bird": (0.15, 0.3, 0.22), "teddy": (0.4, 0.35, 0.5),
}  # fmt: skip
THINGS = {
    "robot": (0.4, 0.3, 0.6), "snowman": (0.9, 0.9, 1.6), "balloons": (0.6, 0.6, 1.5),
    "punch_bag": (0.4, 0.4, 1.3), "couch": (1.8, 0.85, 0.85), "office_chair": (0.6, 0.6, 1.1),
    "deck_chair": (0.6, 1.1, 0.9), "house_plant": (0.5, 0.5, 1.0), "shrub": (0.9, 0.9, 0.9),
    "flower_bed": (1.2, 0.6, 0.5), "floor_lamp": (0.4, 0.4, 1.6), "hydrant": (0.3, 0.3, 0.8),
    "litter_bin": (0.5, 0.5, 0.9), "post_box": (0.45, 0.45, 1.4), "parasol": (2.2, 2.2, 2.3),
    "swing": (2.0, 1.2, 2.1), "planter": (0.8, 0.5, 0.6), "bar_stool": (0.4, 0.4, 0.8),
    "road_sign": (0.6, 0.1, 2.2), "traffic_light": (0.35, 0.3, 2.8), "fountain": (1.6, 1.6, 1.3),
    "parked_car": (1.8, 4.2, 1.5), "laid_home_table": (1.4, 0.9, 1.1),
    "laid_desk": (1.3, 0.7, 1.1), "storage_shelf": (1.0, 0.4, 1.8),
}  # fmt: skip
LIKE_PEOPLE = {
    "bootie", "bust", "cloth", "clothes", "coat", "curtain", "doll", "dress", "figure", "gnome",
    "hanger", "hat", "jacket", "magazine", "mannequin", "mirror", "newspaper", "painting",
    "picture", "poster", "rack", "shirt", "shoe", "shoes", "slippers", "statue", "suit", "towel",
}  # fmt: skip
"""Words of what must not be taught to be background: clothes, and what shows people."""


def fur(rng: np.random.Generator) -> SurfaceSpec:
    """The coat of an animal: one colour with another in stripes, or mottled."""
    hue, tone = rng.uniform(0.03, 0.12), rng.choice([0.04, 0.15, 0.35, 0.7])
    color = hsv(hue, rng.uniform(0.0, 0.65), tone * rng.uniform(0.7, 1.2))
    other = hsv(hue, rng.uniform(0.0, 0.5), rng.uniform(0.02, 0.9))
    pattern = str(rng.choice(["noise", "noise", "plain", "stripes"]))
    return SurfaceSpec(pattern, color, other, float(rng.uniform(3, 12)), 0.9)


def built_in(shapes: Iterable[str], views: int) -> Iterator[tuple[str, PropSpec]]:
    """Things that need no pack, animals three times as often as others."""
    for shape in shapes:
        for number in range(views * 3 if shape in ANIMALS else views):
            rng = np.random.default_rng([zlib.crc32(shape.encode()), number])
            if shape in ANIMALS:
                size, surface = ANIMALS[shape], fur(rng)
            else:
                size = THINGS.get(shape) or sample_size(shape, rng)
                surface = sample_surface(shape, rng)
            w, d, h = (float(length * rng.uniform(0.85, 1.15)) for length in size)
            turn = (0.0, 0.0, float(rng.uniform(0, 360)))
            yield (
                f"{shape}-{number}",
                PropSpec(shape, (0.0, 0.0, 0.0), turn, (w, d, h), surface, variant=number),
            )


def of_pack(items: list[PropItem], views: int) -> Iterator[tuple[str, PropSpec]]:
    """Models of a pack: what is easily taken for a person in more views."""
    plain = SurfaceSpec("plain", (1.0, 1.0, 1.0), (1.0, 1.0, 1.0), 1.0, 0.5)
    for at, item in enumerate(items):
        for number in range(3 * views if item.hard_negative else 1):
            rng = np.random.default_rng([zlib.crc32(item.key.encode()), number])
            turn = (0.0, 0.0, float(rng.uniform(0, 360)))
            place = PropSpec("box", (0.0, 0.0, 0.0), turn, item.size, plain)
            yield f"{item.thing or 'thing'}-{at}-{number}", model_prop(item, place)


def scene_of(name: str, prop: PropSpec, panoramas: list[Path]) -> SceneSpec:
    """The thing alone, all of it in the frame, under the light of a panorama."""
    rng = np.random.default_rng([zlib.crc32(name.encode()), 7])
    w, d, h = map(abs, prop.size)
    radius = 0.5 * math.hypot(w, d, h)
    distance = 1.12 * radius / math.sin(math.radians(FIELD_OF_VIEW / 2))
    pitch = float(rng.uniform(-28, -3))
    eye = (
        -distance * math.cos(math.radians(pitch)),
        h / 2 - distance * math.sin(math.radians(pitch)),
    )
    light = LightSpec(
        "sun_sky",
        sun_elevation=float(rng.uniform(15, 70)),
        sun_azimuth=float(rng.uniform(0, 360)),
    )
    if panoramas and rng.random() < 0.8:
        light = LightSpec("hdri", hdri=str(rng.choice([str(p) for p in panoramas])))
    grey = float(rng.uniform(0.1, 0.7))
    ground = SurfaceSpec("noise", (grey,) * 3, (0.8 * grey,) * 3, 2.0, 0.9)
    return SceneSpec(
        seed=0, index=0, width=SIDE, height=SIDE, samples=SAMPLES, bounces=3,
        camera=CameraSpec((0.0, eye[0], eye[1]), 0.0, pitch, 0.0, FIELD_OF_VIEW),
        light=light, background=BackgroundSpec("hdri", ground=ground),
        sensor=SensorSpec(), props=(prop,),
    )  # fmt: skip


def develop(light: NDArray[np.float32], middle: float, metered: float) -> NDArray[np.uint8]:
    """Expose linear light (H, W, 3) so that `metered` becomes `middle` (0 to 1), as 8-bit sRGB."""
    light = np.nan_to_num(np.clip(light, 0, None), posinf=1e6)
    exposed = 1 - np.exp(light * (np.log(1 - middle) / max(metered, 1e-6)))
    return np.round(to_display(exposed) * 255).astype(np.uint8)


def shoot(
    stage: Any, name: str, prop: PropSpec, panoramas: list[Path]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Render a thing: its picture (H, W, 3) and its mask (H, W), 1 on the thing."""
    spec = scene_of(name, prop, panoramas)
    stage.apply(spec)
    engine.configure(
        stage.scene, width=SIDE, height=SIDE, samples=SAMPLES, device=devices.pick_device("cpu"),
        passes=(Pass.IMAGE, Pass.INSTANCES), bounces=spec.bounces, seed=0,
        film_transparent=stage.film_transparent(spec), threads=1,
    )  # fmt: skip
    seen = ["PII thing 0"] if prop.source else ["PII things"]
    arrays = engine.render(stage.scene, [seen], (Pass.IMAGE, Pass.INSTANCES)).arrays
    light, mask = arrays[Pass.IMAGE][..., :3], arrays[Pass.INSTANCES] > 0
    metered = float(np.median(light[mask] if mask.any() else light))
    middle = np.random.default_rng([zlib.crc32(name.encode()), 9]).uniform(0.08, 0.35)
    return develop(light, middle, metered), mask.astype(np.uint8)


def main(argv: list[str] | None = None) -> int:
    """Run the tool and return its exit code. What is there is not rendered again."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, required=True, help="The folder of the pairs.")
    parser.add_argument("--props", type=Path, help="A pack of props, too.")
    parser.add_argument("--panoramas", type=Path, help="A folder of panoramas, for their light.")
    parser.add_argument("--views", type=int, default=4, help="Views of a thing.")
    parser.add_argument("--most", type=int, help="The first so many of all views.")
    arguments = parser.parse_args(argv)
    compat.import_bpy()
    from blender_addon.stage.stage import Stage

    panoramas = sorted(arguments.panoramas.glob("*.exr")) if arguments.panoramas else []
    pack = read_props(arguments.props) if arguments.props else NO_PROPS
    items = [
        item for item in pack if not LIKE_PEOPLE & set(item.name.lower().replace("-", " ").split())
    ]
    things = (
        *built_in((*ANIMALS, *THINGS), arguments.views),
        *of_pack(sorted(items, key=lambda item: not item.hard_negative), arguments.views),
        *built_in(OCCLUDERS, 1),
    )[: arguments.most]
    info = {
        "name": "things that are no people", "count": len(things), "views": arguments.views,
        "models": [item.key for item in items], "panoramas": [path.name for path in panoramas],
    }  # fmt: skip
    writer = DatasetWriter(arguments.output, info)
    writer.remove_leftovers(range(len(things)))
    stage = Stage({})
    for index, (name, prop) in enumerate(things):
        if index in writer.done:
            continue
        writer.credit(*scenery_credits([prop.source], pack, NO_TEXTURES))
        image, mask = shoot(stage, name, prop, panoramas)
        names = {"file_name": f"images/{name}.png", "mask_file_name": f"masks/{name}.png"}
        piece = {"id": 1, "bbox": bbox_of(mask > 0), "area": int(mask.sum()), "visibility": 1.0}
        line = {
            **names, "index": index, "width": SIDE, "height": SIDE, "seed": 0, "source": "render",
            "persons": [piece] if mask.any() else [],
        }  # fmt: skip
        files = zip(names.values(), (image, mask), strict=True)
        writer.add(line, {file: encode_png(pixels) for file, pixels in files})
        print(f"{index + 1} of {len(things)}: {name}", flush=True)
    writer.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
