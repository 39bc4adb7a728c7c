"""Render a recipe into a dataset on disk, in one process; `workers` runs several of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..dataset import CONTACT_SHEET_NAME, PASS_FILES, DatasetWriter, iter_lines, write_atomically
from ..recipes.recipe import Recipe
from ..scene.assets import Assets, load_assets
from ..scene.sampling import sample_scene
from ..scene.spec import SceneSpec
from .contact_sheet import contact_sheet
from .output_folder import origin
from .progress import Progress, Reporter
from .renderer import Pair, Renderer
from .shard import Shard

SHEET_PAIRS = 24


@dataclass(frozen=True)
class Result:
    """The end of a run.

    Attributes:
        progress: The last progress that was reported.
        complete: Whether the whole dataset, all shards of it, is on disk.
        interrupted: Whether `stop` ended the run.
    """

    progress: Progress
    complete: bool
    interrupted: bool


def dataset_info(recipe: Recipe, assets: Assets, *, seed: int, count: int) -> dict[str, Any]:
    """The content of dataset.json for a rendered dataset."""
    return {
        **origin(recipe, seed),
        "count": count,
        "licences": {
            f"body {Path(name).name}": model.licence or "of the file's owner"
            for name, model in assets.bodies.items()
        },
    }


def generate(
    recipe: Recipe,
    output: Path,
    *,
    count: int,
    seed: int = 0,
    shard: Shard | None = None,
    device: str = "auto",
    threads: int = 0,
    overwrite: bool = False,
    report: Reporter = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Render images 0 .. count-1 of a recipe, or one shard of them, into a dataset.

    Images that are on disk already are kept: the same call resumes a run that ended early.

    Args:
        recipe: What may vary.
        output: Folder of the dataset; it is made when it does not exist.
        count: Number of images in the whole dataset.
        seed: Seed of all draws; image i depends on recipe, seed and i alone.
        shard: The part of the images to render; None for all.
        device: A name for render.devices.pick_device.
        threads: CPU threads; 0 for all.
        overwrite: Delete a dataset at `output` first.
        report: Called once at the start and after every image.
        stop: Called before every image; the run ends when it returns True.

    Returns:
        The progress, and whether the dataset is complete.

    Raises:
        DatasetError: `output` holds something else.
        RecipeError: A file that the recipe names cannot be used; the message names both.
        ValueError: The device is not available, or a file cannot be read. No pair is ever left
            half written.
    """
    shard = shard or Shard()
    assets = load_assets(recipe)
    if shard.number == 1:  # the others would repeat it
        for note in assets.notes:
            print(f"note: {note}", file=sys.stderr, flush=True)
    # The device is checked before anything is written or deleted.
    renderer = Renderer(assets, device=device, threads=threads)
    writer = DatasetWriter(
        output, dataset_info(recipe, assets, seed=seed, count=count), overwrite=overwrite
    )
    indices = shard.indices(count)
    writer.remove_leftovers(indices)
    left = [i for i in indices if i not in writer.done]
    progress = Progress(len(indices) - len(left), len(indices))
    report(progress)
    started, cycles = time.perf_counter(), 0.0
    interrupted = False
    for fresh, index in enumerate(left, start=1):
        if stop():
            interrupted = True
            break
        spec = sample_scene(recipe, assets, seed, index)
        pair = renderer.render(spec)
        writer.add(*to_files(pair, spec, recipe.render.image_format))
        cycles += pair.cycles_seconds
        progress = Progress(
            len(indices) - len(left) + fresh,
            len(indices),
            fresh,
            time.perf_counter() - started,
            cycles,
        )
        report(progress)
    complete = writer.finish()
    if complete:
        write_contact_sheet(output)
    return Result(progress, complete, interrupted)


def to_files(
    pair: Pair, spec: SceneSpec, image_format: str
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Encode a pair for DatasetWriter.add.

    Args:
        pair: The pair.
        spec: The scene that it was rendered from.
        image_format: "jpg" or "png".

    Returns:
        (metadata line, {file name relative to the dataset: content}).
    """
    from ..render.image_files import encode_jpeg, encode_png
    from ..render.passes import TABLE, Pass

    stem = f"{spec.index:06d}"
    image_name, mask_name = f"images/{stem}.{image_format}", f"masks/{stem}.png"
    image = (
        encode_jpeg(pair.image, spec.sensor.jpeg_quality)
        if image_format == "jpg"
        else encode_png(pair.image)
    )
    line = {"file_name": image_name, "mask_file_name": mask_name, **pair.annotation}
    files = {image_name: image, mask_name: encode_png(pair.instances)}
    for name, array in pair.extras.items():
        file, encode = PASS_FILES[name], TABLE[Pass(name)].encode
        assert encode is not None  # only the image has no encoding of its own
        file_name = f"{file.folder}/{stem}{file.extension}"
        line[file.key] = file_name
        files[file_name] = encode(array)
    return line, files


def write_contact_sheet(dataset: Path, count: int = SHEET_PAIRS) -> Path:
    """Put the first `count` pairs of a dataset on one PNG at its root, and return its path."""
    from ..render.image_files import encode_png, read_image, read_mask

    pairs = [
        (read_image(dataset / line["file_name"]), read_mask(dataset / line["mask_file_name"]))
        for line in _first(iter_lines(dataset), count)
    ]
    path = dataset / CONTACT_SHEET_NAME
    write_atomically(path, encode_png(contact_sheet(pairs)))
    return path


def _first(lines: Iterable[dict[str, Any]], count: int) -> Iterable[dict[str, Any]]:
    for line, _ in zip(lines, range(count), strict=False):
        yield line
