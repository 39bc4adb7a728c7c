"""Measure frames a second of videos: one frame after the other, as a pipeline, and with --every.

    python benchmarks/films.py [--checkpoint RUN/best.ckpt] [--film FILM] [--peer DEFACE]

All ways take turns in one process, so that other work on the machine disturbs them alike; read the
ratios, not the figures. Without --checkpoint a network of random weights is run and its result
dropped: persons are then the near-white rectangles of the film that is drawn. --peer runs another
command over the same film (deface: pip install deface onnxruntime, in another environment), and
subtracts the time that it takes for two frames.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import av
import cv2
import numpy as np
import torch

from pii_seg.anonymize import video
from pii_seg.anonymize.anonymizer import Anonymizer, PersonDetector
from pii_seg.anonymize.detector import Detector
from pii_seg.anonymize.file_redaction import Options
from pii_seg.anonymize.mask_persistence import hold_masks
from pii_seg.anonymize.video_redaction import VideoRedactor
from pii_seg.config import SIZES
from pii_seg.inference.parallel import worker_threads
from pii_seg.inference.settings import InferenceSettings
from pii_seg.models.checkpoint import Checkpoint, save_checkpoint
from pii_seg.models.networks import build_network
from pii_seg.models.segmenter import Segmenter

PERSONS = ((80, 200, 3, 0), (500, 150, -2, 1), (900, 300, 1, -1))
"""Left and top in px of 1280 × 720, and motion to the right and down in px a frame."""


class Drawn:
    """Takes the time of a network, and finds near-white pixels."""

    threshold = 0.5

    def __init__(self, detector: Detector) -> None:
        self.detector = detector

    def probability(self, image: np.ndarray) -> np.ndarray:
        """Predict float32 (H, W) for uint8 (H, W, 3)."""
        self.detector.probability(image)
        return (image.min(axis=2) > 225).astype(np.float32)

    def as_record(self, *, excluded: bool) -> dict[str, Any]:
        """Describe the detector."""
        return self.detector.as_record(excluded=excluded)


def draw_film(path: Path, frames: int, size: tuple[int, int]) -> Path:
    """Write H.264 of textured rectangles that move over a smooth background."""
    width, height = size
    rng = np.random.default_rng(0)
    ground = cv2.resize(rng.integers(40, 180, (18, 32, 3), dtype=np.uint8), size)
    factor = width / 1280
    rows, columns = round(260 * factor), round(90 * factor)
    coat = cv2.resize(rng.integers(238, 256, (26, 9, 3), dtype=np.uint8), (columns, rows))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            frame = np.array(ground, np.uint8)
            for left, top, right, down in PERSONS:
                x = round((left + right * number) * factor) % (width - columns)
                y = round((top + down * number) * factor) % (height - rows)
                frame[y : y + rows, x : x + columns] = coat
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def detector_of(arguments: argparse.Namespace, folder: Path) -> PersonDetector:
    """Load the checkpoint, or make one of random weights."""
    settings = InferenceSettings(size=arguments.size, tiles=arguments.tiles)
    if arguments.checkpoint is not None:
        return Detector(arguments.checkpoint, settings)
    network = build_network(
        SIZES[arguments.network], generator=torch.Generator().manual_seed(0), pretrained=False
    )
    path = folder / "random.ckpt"
    save_checkpoint(path, Checkpoint(SIZES[arguments.network], Segmenter(network).state_dict()))
    return Drawn(Detector(path, settings))


@contextmanager
def without_a_thread(items: Iterable[Any], depth: int) -> Iterator[Iterator[Any]]:
    """Stand in for `stages.ahead`."""
    yield iter(items)


def one_by_one(anonymizer: Anonymizer, film: Path, output: Path, options: Options) -> None:
    """Redact as it was done before the pipeline: no stage overlaps with another."""

    def transform(frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        found = (
            ((frame, each), each.mask) for frame in frames for each in [anonymizer.find(frame)]
        )
        for number, ((frame, each), mask) in enumerate(hold_masks(found, options.hold)):
            pixels, _ = anonymizer.replace(frame, mask, stream=number)
            anonymizer.review(each, pixels, second_pass=options.second_pass)
            yield pixels

    with mock.patch.object(video, "ahead", without_a_thread):
        video.rewrite_video(film, output, transform)


def pipeline(anonymizer: Anonymizer, film: Path, output: Path, options: Options) -> None:
    """Redact as the command does."""
    with ThreadPoolExecutor(options.workers) as pool:
        redactor = VideoRedactor(anonymizer, options, threading.Event(), pool)
        redactor.redact(film, output, lambda suffix: suffix, None)


def peer(command: str, film: Path, folder: Path) -> float:
    """Return the seconds that another command takes for a film."""
    copy = Path(shutil.copy(film, folder))
    started = time.perf_counter()
    subprocess.run([command, "--replacewith", "solid", str(copy)], check=True, capture_output=True)
    return time.perf_counter() - started


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", type=Path, help="Search with it (default: random weights).")
    parser.add_argument(
        "--network", choices=list(SIZES), default="small", help="Without it (default: small)."
    )
    parser.add_argument("--film", type=Path, help="Redact this film (default: one is drawn).")
    parser.add_argument("--frames", type=int, default=50, help="Frames of it (default: 50).")
    parser.add_argument("--width", type=int, default=1280, help="Its width in px (default: 1280).")
    parser.add_argument("--size", type=int, default=640, help="Side of a tile (default: 640).")
    parser.add_argument("--tiles", type=int, default=1, help="Tiles along a side (default: 1).")
    parser.add_argument("--repeats", type=int, default=3, help="Turns of each (default: 3).")
    parser.add_argument(
        "--no-second-pass", action="store_true", help="Leave it out (default: not)."
    )
    parser.add_argument("--peer", help="Measure this command, deface, too (default: none).")
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    arguments = parse()
    size = (arguments.width, arguments.width * 9 // 32 * 2)
    with tempfile.TemporaryDirectory() as name, worker_threads("cpu") as cores:
        folder = Path(name)
        film = arguments.film or draw_film(folder / "film.mp4", arguments.frames, size)
        with av.open(str(film)) as container:
            frames = sum(1 for _ in container.decode(video=0))
        anonymizer = Anonymizer(detector_of(arguments, folder), seed=0)

        def way(function: Callable[..., None], **more: Any) -> Callable[[], float]:
            second = not arguments.no_second_pass
            options = Options(second_pass=second, workers=cores, **more)

            def timed() -> float:
                started = time.perf_counter()
                function(anonymizer, film, folder / "out", options)
                return time.perf_counter() - started

            return timed

        ways = {"one by one (before)": way(one_by_one), "pipeline": way(pipeline)}
        ways |= {f"--every {every}": way(pipeline, every=every) for every in (2, 3)}
        if arguments.peer:
            short = draw_film(folder / "short.mp4", 2, size)
            ways[arguments.peer] = lambda: (
                peer(arguments.peer, film, folder / "peer") - peer(arguments.peer, short, folder)
            )
            (folder / "peer").mkdir()
        seconds: dict[str, list[float]] = {each: [] for each in ways}
        for _ in range(arguments.repeats):
            for way_name, timed in ways.items():
                seconds[way_name].append(timed())
        first = next(iter(seconds))
        print("| Way | frames/s | times the first |\n|---|---|---|")
        for way_name, each in seconds.items():
            ratio = statistics.median(a / b for a, b in zip(seconds[first], each, strict=True))
            print(f"| {way_name} | {frames / statistics.median(each):.2f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
