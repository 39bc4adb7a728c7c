"""Render a recipe into a dataset on disk, in one process; `workers` runs several of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..dataset import (
    CONTACT_SHEET_NAME,
    INFO_NAME,
    PASS_FILES,
    DatasetWriter,
    iter_lines,
    read_info,
    refuse_foreign_folder,
    write_atomically,
)
from ..recipes.recipe import Recipe
from ..render.photos import PHOTOS
from ..scene.assets import Assets, load_assets
from ..scene.pack_files import credits_of
from ..scene.sampling import sample_scene
from ..scene.scenery_files import scenery_credits
from ..scene.spec import SceneSpec, sources_of
from .contact_sheet import contact_sheet
from .file_hashes import MEMORY_NAME, FileHashes, Stopped, content_of
from .output_folder import make_writable, origin, refuse_other_streams
from .progress import Progress, Reporter, print_note
from .renderer import Pair, Renderer
from .run_lock import run_lock
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


@contextmanager
def opened_dataset(
    recipe: Recipe,
    assets: Assets,
    output: Path,
    *,
    seed: int,
    count: int,
    shard: Shard,
    overwrite: bool = False,
    lock: bool = True,
    stop: Callable[[], bool] = lambda: False,
    note: Callable[[str], None] = print_note,
) -> Iterator[DatasetWriter]:
    """Lock the output folder for a run, and create or resume its dataset.

    Arguments and errors are those of `generate`.

    Yields:
        The writer of the dataset. The lock is held until the block ends.

    Raises:
        Stopped: `stop` returned True before the dataset was open.
    """
    refuse_foreign_folder(output)
    make_writable(output)
    with run_lock(output, shard, alone=overwrite) if lock else nullcontext():
        if (output / INFO_NAME).exists() and not overwrite:
            refuse_other_streams(output, read_info(output))
        hashes = FileHashes(output / MEMORY_NAME, stop=stop, note=note)
        info = {
            **origin(recipe, seed, content_of(recipe, assets, hashes)),
            "count": count,
            "licences": {
                f"body {Path(name).name}": model.licence or "of the file's owner"
                for name, model in assets.bodies.items()
            },
        }
        yield DatasetWriter(output, info, overwrite=overwrite)


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
    note: Callable[[str], None] = print_note,
    lock: bool = True,
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
        note: Called with sentences that the user should read.
        lock: Whether to lock the output; False for a worker, whose parent holds the lock.

    Returns:
        The progress, and whether the dataset is complete.

    Raises:
        DatasetError: `output` holds something else, or another run renders the same part.
        RecipeError: A file that the recipe names cannot be used; the message names both.
        ValueError: The device is not available, or a file cannot be read. No pair is ever left
            half written.
    """
    shard = shard or Shard()
    assets = load_assets(recipe, PHOTOS)
    if shard.number == 1:  # the others would repeat it
        for text in (*assets.found, *assets.notes):
            note(text)
    # The device is checked before anything is written or deleted.
    renderer = Renderer(assets, device=device, threads=threads)
    try:
        with opened_dataset(
            recipe, assets, output, seed=seed, count=count, shard=shard, overwrite=overwrite,
            lock=lock, stop=stop, note=note,
        ) as writer:  # fmt: skip
            return _render(
                recipe, assets, renderer, writer, seed, shard.indices(count), report, stop
            )
    except Stopped:
        return Result(Progress(0, len(shard.indices(count))), complete=False, interrupted=True)


def _render(
    recipe: Recipe,
    assets: Assets,
    renderer: Renderer,
    writer: DatasetWriter,
    seed: int,
    indices: range,
    report: Reporter,
    stop: Callable[[], bool],
) -> Result:
    """Render those of `indices` that are not done; see `generate`."""
    writer.remove_leftovers(indices)
    left = [i for i in indices if i not in writer.done]
    progress = Progress(len(indices) - len(left), len(indices))
    report(progress)
    started, cycles, fresh = time.perf_counter(), 0.0, 0
    interrupted = False
    for number, index in enumerate(left, start=1):
        if stop():
            interrupted = True
            break
        if index not in writer.done:  # another run may have listed it meanwhile
            spec = sample_scene(recipe, assets, seed, index)
            pair = renderer.render(spec)
            sources = sources_of(spec)
            writer.credit(*credits_of(sources, assets.packs))
            writer.credit(*scenery_credits(sources, assets.props, assets.surfaces))
            writer.add(*to_files(pair, spec, recipe.render.image_format))
            cycles += pair.cycles_seconds
            fresh += 1
        progress = Progress(
            len(indices) - len(left) + number,
            len(indices),
            fresh,
            time.perf_counter() - started,
            cycles,
        )
        report(progress)
    complete = writer.finish()
    if complete:
        write_contact_sheet(writer.root)
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
