"""Measure how fast images are predicted, the time of each stage, and the cost of tiles and scales.

    python benchmarks/predict.py                        # the default model, untrained, 640 × 480 px
    python benchmarks/predict.py --checkpoint RUN/best.ckpt --photos DIR --megapixels 100
    python benchmarks/predict.py --backends             # the back ends, beside each other
    python benchmarks/predict.py --backends --exports RUN/int8     # and exports

With --backends, every back end that is installed predicts each image in turn, so that other
programs slow all of them alike; the ratios to torch are what counts.

Otherwise it prints images/s of `pii_seg.predict` as a user runs it (with reading and writing), the
time of each stage on one core, the cost of each inference setting, and the peak resident memory.
The weights have no influence. Files are written to a temporary folder, which is deleted.
"""

from __future__ import annotations

import argparse
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from pii_seg.config import SIZES
from pii_seg.data.image_io import encode_image
from pii_seg.data.sources import read_image
from pii_seg.inference.backends import BACKENDS, TORCH
from pii_seg.inference.backends.torch_backend import eager_segmenter
from pii_seg.inference.loading import load_segmenter
from pii_seg.inference.parallel import worker_threads
from pii_seg.inference.predict import (
    MASK_COMPRESSION,
    draw_overlay,
    find_images,
    write_predictions,
)
from pii_seg.inference.settings import InferenceSettings
from pii_seg.inference.tiling import forward_pixels, predict_probability
from pii_seg.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from pii_seg.models.networks import build_network
from pii_seg.models.segmenter import Segmenter

SETTINGS = {
    "whole": InferenceSettings(),
    "whole, 512 px": InferenceSettings(size=512),
    "whole + mirrored": InferenceSettings(flip=True),
    "2 tiles a side": InferenceSettings(tiles=2),
    "3 tiles a side": InferenceSettings(tiles=3),
    "scales .5, 1, 2": InferenceSettings(scales=(0.5, 1.0, 2.0)),
}


def peak_megabytes() -> float:
    """Largest resident set so far, in MB (Linux reports KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def untrained(size: str) -> Checkpoint:
    generator = torch.Generator().manual_seed(0)
    network = build_network(SIZES[size], generator=generator, pretrained=False)
    return Checkpoint(SIZES[size], Segmenter(network).state_dict())


def write_images(folder: Path, count: int, height: int, width: int) -> None:
    """Write JPEGs with as much detail as photos have: noise at several scales."""
    rng = np.random.default_rng(0)
    for number in range(count):
        picture = sum(
            cv2.resize(
                rng.normal(0, 25, (height // s + 1, width // s + 1, 3)).astype(np.float32),
                (width, height),
            )
            for s in (2, 8, 32, 128)
        )
        content = encode_image(
            np.clip(picture + 128, 0, 255).astype(np.uint8), ".jpg", cv2.IMWRITE_JPEG_QUALITY, 90
        )
        (folder / f"{number:04d}.jpg").write_bytes(content)


def milliseconds(work: Callable[[], object], *, times: int = 5) -> float:
    """Measure the CPU time of this thread, the best of several runs.

    On a busy machine the wall clock would measure other programs too.
    """
    work()
    best = min(_timed(work) for _ in range(times))
    return 1000 * best


def _timed(work: Callable[[], object]) -> float:
    start = time.thread_time()
    work()
    return time.thread_time() - start


def compare_backends(kept: Checkpoint, exports: list[Path], images: list[np.ndarray]) -> None:
    """Print the time of each back end for the same images, and its ratio to torch.

    Args:
        kept: The checkpoint; each back end that is installed gets it.
        exports: Folders of `pii-seg export-model`, which run in the fastest back end.
        images: uint8 (H, W, 3).
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "best.ckpt"
        save_checkpoint(path, kept)
        names = [name for name, row in BACKENDS.items() if row.installed]
        loaded = {name: load_segmenter(path, backend=name, bound=False) for name in names}
    loaded |= {str(path): load_segmenter(path, backend="auto", bound=False) for path in exports}
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in loaded}
    probabilities: dict[str, np.ndarray] = {}
    with worker_threads("cpu"):
        for image in [images[0], *images]:  # the first one warms up
            for name, model in loaded.items():
                wall, cpu = time.perf_counter(), time.process_time()
                probabilities[name] = predict_probability(
                    model.segmenter, image, temperature=model.temperature
                )
                spent[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    rows = {name: np.median(np.array(times[1:]), axis=0) for name, times in spent.items()}
    reference = rows[TORCH]
    print(f"  {len(images)} images, medians{'':10}wall ms   CPU ms   times torch   difference")
    for name, (wall, cpu) in rows.items():
        worst = np.abs(probabilities[name] - probabilities[TORCH]).max()
        label = f"{Path(name).name}, {loaded[name].engine['precision']}"
        print(
            f"    {label:<27}{1000 * wall:8.1f}{1000 * cpu:9.1f}{reference[1] / cpu:14.2f}"
            f"{worst:13.1e}"
        )


def main() -> None:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--checkpoint", type=Path, help="Predict with this checkpoint.")
    p.add_argument(
        "--model",
        default="small",
        choices=SIZES,
        help="Predict with an untrained model of this size, without --checkpoint.",
    )
    p.add_argument(
        "--photos",
        "--photographs",
        type=Path,
        help="Predict the images of this folder (default: images of noise).",
    )
    p.add_argument("--count", type=int, default=60, help="Predict this many images.")
    p.add_argument("--resolution", default="640x480", help="Make images of noise of this size.")
    p.add_argument(
        "--megapixels",
        type=int,
        default=0,
        help="Also predict one image of this many megapixels, with --tiles auto.",
    )
    p.add_argument(
        "--backends", action="store_true", help="Compare the back ends that are installed."
    )
    p.add_argument(
        "--exports",
        type=Path,
        nargs="+",
        default=[],
        help="With --backends, compare these exports too.",
    )
    options = p.parse_args()
    width, height = map(int, options.resolution.split("x"))
    kept = load_checkpoint(options.checkpoint) if options.checkpoint else untrained(options.model)
    segmenter = eager_segmenter(kept)
    print(
        f"{kept.model.encoder} + {kept.model.decoder}, {platform.machine()}, "
        f"{torch.get_num_threads()} cores"
    )

    with tempfile.TemporaryDirectory() as folder:
        source = options.photos or Path(folder) / "in"
        if not options.photos:
            source.mkdir()
            write_images(source, options.count, height, width)
        images = find_images([source])[: options.count]
        if options.backends:
            compare_backends(kept, options.exports, [read_image(image.path) for image in images])
            return

        def probability(image: np.ndarray) -> np.ndarray:
            return predict_probability(segmenter, image)

        with worker_threads("cpu") as workers:
            for overlay in (False, True):
                output = Path(folder) / f"out-{overlay}"
                write_predictions(
                    probability,
                    images[:4],
                    output,
                    threshold=0.5,
                    workers=workers,
                    overwrite=True,
                )
                start, cpu = time.perf_counter(), time.process_time()
                write_predictions(
                    probability,
                    images,
                    output,
                    threshold=0.5,
                    overlay=overlay,
                    workers=workers,
                    overwrite=True,
                )
                wall, cpu = time.perf_counter() - start, time.process_time() - cpu
                what = "masks and overlays" if overlay else "masks"
                print(
                    f"  {what:<20}{len(images) / wall:8.1f} images/s"
                    f"   CPU {1000 * cpu / len(images):6.1f} ms each"
                    f"   {workers * len(images) / cpu:6.1f}/s if {workers} cores are idle"
                )
            print(f"  peak memory so far{peak_megabytes():10.0f} MB")
            path = images[0].path
            image = read_image(path)
            found = probability(image)
            mask = found >= np.median(found)  # half of everything: more outline than any person has
            whole = encode_image(mask.astype(np.uint8) * np.uint8(255), ".png", *MASK_COMPRESSION)
            print(f"  stages, CPU time on one core, {image.shape[1]} × {image.shape[0]} px:")
            for name, work in {
                "read and decode": lambda: read_image(path),
                "segment": lambda: probability(image),
                "encode the mask": lambda: encode_image(
                    mask.astype(np.uint8) * np.uint8(255), ".png", *MASK_COMPRESSION
                ),
                "draw an overlay": lambda: draw_overlay(image, mask),
                "encode an overlay": lambda: encode_image(
                    image, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 90
                ),
            }.items():
                print(f"    {name:<24}{milliseconds(work):8.1f} ms")
            print(f"    a mask takes {len(whole) / 1024:.1f} KB at worst")
            print("  settings:                  forward pixels per pixel   CPU ms on one core")
            for name, settings in SETTINGS.items():
                cost = forward_pixels(*image.shape[:2], settings) / (
                    image.shape[0] * image.shape[1]
                )
                spent = milliseconds(
                    lambda settings=settings: predict_probability(segmenter, image, settings),
                    times=3,
                )
                print(f"    {name:<24}{cost:14.2f}{spent:26.1f}")
    print(f"  peak memory {peak_megabytes():8.0f} MB")
    if options.megapixels:
        side = round((options.megapixels * 1e6 / 12) ** 0.5)
        image = np.zeros((3 * side, 4 * side, 3), np.uint8)
        with worker_threads("cpu"):
            start = time.perf_counter()
            predict_probability(segmenter, image, InferenceSettings(tiles="auto"))
        seconds, megabytes = time.perf_counter() - start, image.nbytes >> 20
        print(
            f"  {options.megapixels} megapixels, tiles auto: {seconds:.1f} s, peak memory "
            f"{peak_megabytes():.0f} MB, of which the image {megabytes} MB"
        )


if __name__ == "__main__":
    main()
