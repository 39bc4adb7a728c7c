"""`predict` from image files to masks, the network alone, and its equality with the CPU."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.gpu.job import Job, seconds_of
from benchmarks.predict import untrained, write_images
from pii_seg.data.image_io import read_image
from pii_seg.inference.predict import find_images, from_checkpoint, predict_files
from pii_seg.models.checkpoint import save_checkpoint

TOLERANCE = 0.05  # of a probability; a GPU computes the logits in bfloat16


def measure(job: Job) -> None:
    """Predict images of noise with an untrained model: neither has an influence on speed."""
    device = job.device
    width, height = job.size((640, 480), (64, 48))
    job.set(width=width, height=height, model=job.size("small", "tiny"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint = untrained(job.size("small", "tiny"))
        save_checkpoint(folder / "best.ckpt", checkpoint)
        images = folder / "images"
        images.mkdir()
        write_images(images, job.size(32, 2), height, width)
        equality(job, images, folder / "best.ckpt")
        from_files(job, images, folder)
    segmenter = checkpoint.segmenter(str(device))
    for batch in job.size((1, 8, 32, 128), (1,)):
        pixels = torch.zeros(batch, 3, height, width, dtype=torch.uint8, device=device)
        with torch.inference_mode():
            segmenter(pixels)
            taken = seconds_of(
                lambda pixels=pixels: segmenter(pixels), device, budget=job.size(1.5, 0)
            )
        job.figure(f"network alone, batches of {batch}", batch / taken, "images/s")


def equality(job: Job, images: Path, checkpoint: Path) -> None:
    """Compare the probabilities of one image with those of the CPU."""
    image = read_image(find_images([images])[0].path)
    expected, found = (
        from_checkpoint(checkpoint, device=device, backend="torch")(image)
        for device in ("cpu", str(job.device))
    )
    job.check(
        "largest difference of a probability from the CPU's",
        float(np.abs(found - expected).max()),
        TOLERANCE,
    )


def from_files(job: Job, images: Path, folder: Path) -> None:
    """Predict the folder again and again, as a command does, once it has loaded everything."""
    count = len(find_images([images]))
    begun, done, rounds, most = time.perf_counter(), 0, 0, job.size(20, 2)
    while rounds < 2 or (time.perf_counter() - begun < job.left() / 2 and rounds < most):
        if rounds == 1:  # the first one warms up
            begun = time.perf_counter()
        output = folder / f"masks-{rounds}"
        predict_files(
            folder / "best.ckpt", [images], output, device=str(job.device), backend="torch"
        )
        rounds, done = rounds + 1, done + count
    taken = time.perf_counter() - begun
    job.figure("files to masks, with reading and writing", (done - count) / taken, "images/s")
