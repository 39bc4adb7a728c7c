"""Measures the listing of folders with many files: time and memory for each file.

    python benchmarks/gather.py                     # 10,000 and 100,000 images with side-cars
    python benchmarks/gather.py --counts 1000 8000

Each image has a side-car (.xmp), is in a folder of a thousand, and one folder is reached by a link.
Prints the time until `pii_seg.anonymize` has its inputs, that of `pii_seg.predict`, and the peak
memory on top of what an empty folder takes. The files are empty, and deleted afterwards.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PER_FOLDER = 1000


def make(folder: Path, count: int) -> None:
    for number in range(count):
        below = folder / f"{number // PER_FOLDER:04}"
        if number % PER_FOLDER == 0:
            below.mkdir(parents=True)
        (below / f"IMG_{number:06}.jpg").touch()
        (below / f"IMG_{number:06}.xmp").touch()
    (folder / "link").symlink_to(folder / "0000")


def measure(folder: Path) -> None:
    """Print seconds and CPU seconds of both listings, and the peak of memory in MB."""
    from pii_seg.anonymize.inputs import collect_inputs
    from pii_seg.data.file_kinds import list_images

    seconds = []
    for listing in (
        lambda: collect_inputs([folder], folder / "out").files,
        lambda: list_images(folder).files,
    ):
        started, used = time.perf_counter(), time.process_time()
        count = len(listing())
        seconds += [time.perf_counter() - started, time.process_time() - used]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(count, *seconds, memory)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure)
        return
    print(f"{'images':>8} {'anonymize, s (CPU)':>19} {'predict, s (CPU)':>19} {'bytes each':>11}")
    base = None
    for count in (1, *options.counts):
        with tempfile.TemporaryDirectory() as name:
            make(Path(name), count)
            command = [sys.executable, __file__, "--measure", name]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        _, *seconds, memory = map(float, done.stdout.split())
        if base is None:
            base = memory
        else:
            each = (memory - base) * 2**20 / count
            cells = [f"{seconds[at]:.2f} ({seconds[at + 1]:.2f})" for at in (0, 2)]
            print(f"{count:>8} {cells[0]:>19} {cells[1]:>19} {each:>11.0f}")


if __name__ == "__main__":
    main()
