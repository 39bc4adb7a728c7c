"""Measure images a second, frames a second and peak memory of pii_seg.anonymize, beside deface.

    python benchmarks/anonymize.py --checkpoint RUN/best.ckpt --photos DIR [--deface DEFACE]

Whole commands are timed, as a user runs them, in turns, so that other work on the machine disturbs
all alike. The start-up is measured by running each command on a single file, and subtracted. Peak
memory is that of the process. deface (in another environment: pip install deface onnxruntime) finds
faces, not persons, which is far less work.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

SMALL, LARGE = 640, 4000  # px, longest side; 4000 × 3000 are 12 megapixels
VIDEO = (1280, 720)
FRAMES = 60
ENDINGS = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True)
class Run:
    """One run of a command: wall-clock seconds, and its peak resident memory in bytes."""

    seconds: float
    memory: int


def run(command: Sequence[str]) -> Run:
    """Run a command and measure it."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{errors.decode(errors='replace')}")
    return Run(seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def make_images(photos: Path, folder: Path, count: int, longest: int) -> list[Path]:
    """Write `count` JPEGs of `longest` px, 4 : 3, repeating photos if there are fewer."""
    found = sorted(path for path in photos.rglob("*") if path.suffix.lower() in ENDINGS)
    if not found:
        raise SystemExit(f"{photos}: holds no photos; give a folder that does")
    folder.mkdir()
    made = []
    for number in range(count):
        image = cv2.imread(str(found[number % len(found)]))
        path = folder / f"{number:04d}.jpg"
        cv2.imwrite(
            str(path),
            cv2.resize(image, (longest, longest * 3 // 4), interpolation=cv2.INTER_LINEAR),
        )
        made.append(path)
    return made


def make_video(photos: Sequence[Path], path: Path, frames: int) -> Path:
    """Write H.264 with 25 frames a second: each photo is shown for a second and drifts slightly."""
    width, height = VIDEO
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            image = cv2.imread(str(photos[number // 25 % len(photos)]))
            image = cv2.resize(image, (width + 50, height + 50))
            shift = number % 25
            frame = np.ascontiguousarray(image[shift : shift + height, shift : shift + width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        container.mux(stream.encode())
    return path


def measure(
    commands: dict[str, Callable[[Sequence[Path], Path], list[str]]],
    files: Sequence[Path],
    repeats: int,
) -> dict[str, tuple[float, int]]:
    """Return (seconds for each further file, peak memory) of each command, medians of `repeats`."""
    results: dict[str, list[tuple[float, int]]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as all_of_them:
                start = run(command(files[:1], Path(one)))
                whole = run(command(files, Path(all_of_them)))
            each = (whole.seconds - start.seconds) / (len(files) - 1)
            results[name].append((each, max(start.memory, whole.memory)))
    return {
        name: (statistics.median(s for s, _ in runs), max(m for _, m in runs))
        for name, runs in results.items()
    }


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", type=Path, required=True, help="Measure this checkpoint.")
    parser.add_argument(
        "--photos", "--photographs", type=Path, required=True, help="Use these photos."
    )
    parser.add_argument("--deface", help="Measure this command too (default: only ours).")
    parser.add_argument(
        "--pictures", type=int, default=60, help="Number of images of 640 px (default: 60)."
    )
    parser.add_argument(
        "--large", type=int, default=8, help="Number of images of 12 megapixels (default: 8)."
    )
    parser.add_argument(
        "--frames",
        type=int,
        default=FRAMES,
        help=f"Number of frames of a video of 1280 × 720 (default: {FRAMES}).",
    )
    parser.add_argument(
        "--repeats", type=int, default=3, help="Repeat each measurement (default: 3)."
    )
    return parser.parse_args()


Command = Callable[[Sequence[Path], Path], list[str]]
"""(files, output folder) -> command line."""


def commands_of(arguments: argparse.Namespace) -> dict[str, Command]:
    """Return the commands to compare, by name."""

    def ours(*options: str) -> Command:
        command = [sys.executable, "-m", "pii_seg.anonymize"]
        command += ["--checkpoint", str(arguments.checkpoint), *options]
        return lambda files, out: [*command, "--output", str(out), *map(str, files)]

    def deface(files: Sequence[Path], out: Path) -> list[str]:
        # It writes beside its inputs, so they are copied first, which costs next to nothing.
        copies = [shutil.copy(path, out / path.name) for path in files]
        return [arguments.deface, "--replacewith", "solid", *map(str, copies)]

    commands = {"pii_seg.anonymize": ours(), "the same, no second pass": ours("--no-second-pass")}
    if arguments.deface:
        commands["deface (faces only)"] = deface
    return commands


def main() -> None:
    """Print the table."""
    arguments = parse()
    commands = commands_of(arguments)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        small = make_images(arguments.photos, root / "small", arguments.pictures, SMALL)
        large = make_images(arguments.photos, root / "large", arguments.large, LARGE)
        short = make_video(large, root / "short.mp4", 2)
        long = make_video(large, root / "long.mp4", arguments.frames)
        print(
            "| | 640 × 480 px, images/s | 12 MP, images/s | peak MB there "
            "| 1280 × 720, frames/s | peak MB there |"
        )
        print("|---|---|---|---|---|---|")
        rows = {name: [] for name in commands}
        for files in (small, large, [short, long]):
            for name, (seconds, memory) in measure(commands, files, arguments.repeats).items():
                pieces = 1 if len(files) > 2 else arguments.frames
                rows[name].append((pieces / seconds, memory / 1e6))
        for name, ((s, _), (m, m_memory), (f, f_memory)) in rows.items():
            print(f"| {name} | {s:.1f} | {m:.2f} | {m_memory:.0f} | {f:.1f} | {f_memory:.0f} |")


if __name__ == "__main__":
    main()
