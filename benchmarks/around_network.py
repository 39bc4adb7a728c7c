"""Measure what anonymising images costs beside the network: CPU time an image, and where it goes.

    python benchmarks/around_network.py --data LABELLED [--empty] [--longest 4000] [--profile]

The network is replaced by the masks of the data, softened, so that all else does what it does in a
real run; the time that this takes is subtracted. Files are worked on in one thread, whose CPU time
is counted: other programs hardly change it. To compare two versions, run both in turn.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.anonymize.batch import Batch, Outcome, locked_folder
from pii_seg.anonymize.done_key import run_identity
from pii_seg.anonymize.file_redaction import Options
from pii_seg.anonymize.inputs import collect_inputs
from pii_seg.anonymize.journal import Journal
from pii_seg.data.sources import PERSON, open_source


class Masks:
    """Stands in for the segmenter: the mask of an input, next to nothing in its output."""

    threshold = 0.5

    def __init__(self, probabilities: dict[bytes, np.ndarray]) -> None:
        self._of = probabilities
        self.seconds, self.searches = 0.0, 0

    def probability(self, image: np.ndarray) -> np.ndarray:
        start = time.thread_time()
        self.searches += 1
        found = self._of.get(thumbnail(image))
        found = np.full(image.shape[:2], 0.01, np.float32) if found is None else found
        self.seconds += time.thread_time() - start
        return found

    def as_record(self, *, excluded: bool) -> dict[str, Any]:
        return {"sha256": "0", "threshold": 0.5, "threshold_from": "hand", "promise": None}


def thumbnail(image: np.ndarray) -> bytes:
    """Return what tells one input from another, and from its redacted output."""
    return image[::97, ::89].tobytes()


def write_inputs(data: Path, folder: Path, longest: int, count: int, *, empty: bool) -> Masks:
    """Write the images as JPEGs of `longest` px; return their masks."""
    source = open_source(data)
    probabilities = {}
    for number in range(min(count, len(source))):
        sample = source.load(number)
        height, width = sample.target.shape
        factor = longest / max(height, width)
        size = (round(width * factor), round(height * factor))
        path = folder / f"{number:04d}.jpg"
        image = cv2.resize(sample.image, size, interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(path), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
        mask = (sample.target == PERSON).astype(np.float32) * (not empty)
        soft = cv2.GaussianBlur(cv2.resize(mask, size), (0, 0), longest / 300)
        decoded = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        probabilities[thumbnail(decoded)] = soft
    return Masks(probabilities)


def anonymize(folder: Path, output: Path, masks: Masks) -> float:
    """Return the CPU seconds that all files take, without those of `masks`."""
    masks.seconds, masks.searches = 0.0, 0
    files = collect_inputs([folder], output).files
    outcome = Outcome()
    with locked_folder(output):
        journal = Journal(output / "audit.jsonl")
        journal.begin(run_identity(None, {}), force=False)
        batch = Batch(Anonymizer(masks, seed=0), output, journal, Options())
        start = time.thread_time()
        for file in files:
            batch.anonymize(file, outcome)
        return time.thread_time() - start - masks.seconds


def main() -> None:
    """Print the CPU time an image, and with --profile the functions that take most."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--data", type=Path, required=True, help="Images with masks.")
    p.add_argument("--longest", type=int, default=640, help="Longest side in px (default: 640).")
    p.add_argument("--count", type=int, default=40, help="The most images (default: 40).")
    p.add_argument("--repeats", type=int, default=3, help="Repeat this often (default: 3).")
    p.add_argument("--empty", action="store_true", help="As if no image showed a person.")
    p.add_argument("--profile", action="store_true", help="Print where the time goes.")
    options = p.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "in").mkdir()
        masks = write_inputs(
            options.data, root / "in", options.longest, options.count, empty=options.empty
        )
        count = len(list((root / "in").iterdir()))
        spent = [anonymize(root / "in", root / str(k), masks) for k in range(options.repeats)]
        print(
            f"{count} images of {options.longest} px: {1000 * min(spent) / count:.1f} ms of CPU "
            f"each beside the network, {masks.searches / count:.2f} searches each"
        )
        if options.profile:
            profile = cProfile.Profile()
            profile.runcall(anonymize, root / "in", root / "profiled", masks)
            pstats.Stats(profile).sort_stats("cumulative").print_stats(40)


if __name__ == "__main__":
    main()
