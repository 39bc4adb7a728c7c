"""What batches, modes and kept inversions cost, in whole calls of the pipeline.

    python benchmarks/pipeline.py                  # the generator that comes along, on this CPU
    python benchmarks/pipeline.py --model FOLDER --size 512 --device cuda --dtype bfloat16

Prints medians of rounds in which all ways alternate: a batch of pictures with different masks against one call each;
mode blend against invert; and invert with an inversion that was kept, as for further variants of a picture.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from diffusion_synth.loading import default_model, load_pipeline

PROMPT = "a photo of a woman, standing, wearing a red coat and blue jeans, in daylight"


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", help="a folder of diffusers; default: the generator that comes along")
    p.add_argument("--size", type=int, default=0, help="of the pictures, px; default: the model's own")
    p.add_argument("--batch", type=int, default=4)
    p.add_argument("--steps", type=int, default=10)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--device", default="cpu")
    p.add_argument("--dtype", default="float32")
    p.add_argument("--threads", type=int, default=0)
    options = p.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    pipeline = load_pipeline(
        options.model or default_model(), device=options.device, dtype=getattr(torch, options.dtype)
    )
    size = options.size or pipeline.native_size or 512
    images, masks = pictures(options.batch, size)

    def call(images: np.ndarray, masks: np.ndarray, **more: Any) -> Any:
        generator = [torch.Generator().manual_seed(number) for number in range(len(images))]
        return pipeline(
            images, list(masks), PROMPT, num_inference_steps=options.steps, generator=generator,
            output_type="np", **more,
        )  # fmt: skip

    def one_by_one() -> None:
        for image, mask in zip(images, masks, strict=True):
            call(image[None], mask[None])

    kept = pipeline.invert_pictures(images, list(masks), num_inference_steps=options.steps)
    ways: dict[str, Callable[[], Any]] = {
        "blend, one batch": lambda: call(images, masks),
        "blend, one call a picture": one_by_one,
        "invert": lambda: call(images, masks, mode="invert"),
        "invert, the inversion kept": lambda: call(images, masks, mode="invert", inversion=kept),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            if options.device != "cpu":
                torch.cuda.synchronize()
            seconds[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    print(
        f"{options.batch} pictures of {size} px, {options.steps} steps, {options.dtype} on {options.device}, "
        f"{torch.get_num_threads()} threads, median of {options.rounds}"
    )
    first = next(iter(medians.values()))
    for name, taken in medians.items():
        print(f"  {name:28} {options.batch / taken:7.2f} pictures/s   {taken / first:5.2f} x the first")


def pictures(count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """(float32 (B, H, W, 3) in 0..1, bool (B, H, W)): noise, and an upright ellipse elsewhere in each."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:size, :size] / size
    middles = rng.uniform(0.35, 0.65, (count, 2))
    masks = np.stack([((rows - y) / 0.3) ** 2 + ((columns - x) / 0.12) ** 2 < 1 for y, x in middles])
    return rng.random((count, size, size, 3), np.float32), masks


if __name__ == "__main__":
    main()
