"""Measure what two passes (--tiles two-pass) cost and miss, beside all tiles (--tiles auto).

    python benchmarks/tiles.py --checkpoint RUN/best.ckpt --data LABELLED [--others NO_PERSONS]

Images are as large as the data are. Where they are small, --mosaic 4 makes large ones: 4 × 4 cells
of 640 × 480 px, of which --persons hold an image of the data and the rest one without persons each;
with --backdrop they are one image without persons, enlarged: large things and little clutter, as
most of a large photo is. Images of mosaics alone are full of things at all sizes.
Recall is of the pixels of persons with a smaller area than given, at one threshold. The variants of
the criteria take turns on every image, in one thread, so that other programs slow all alike; the
ratio to all tiles is what counts. Ctrl-C prints the table so far.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from pii_seg.data.sources import PERSON, Sample, Source, open_source
from pii_seg.inference import two_pass
from pii_seg.inference.backends.torch_backend import eager_segmenter
from pii_seg.inference.parallel import worker_threads
from pii_seg.inference.settings import InferenceSettings
from pii_seg.inference.tiling import Segmenter, predict_probability
from pii_seg.inference.two_pass import Criteria
from pii_seg.models.checkpoint import load_checkpoint

CELL = (480, 640)  # px, height and width of a cell of a mosaic
GROUPS = {"< 32²": 32**2, "< 96²": 96**2, "all": 1 << 62}
DOUBTS = (-1.0, -4.0)  # beside the default, which has a row of its own
SMALL = (0,)
TEXTURES = (8.0,)


@dataclass
class Variant:
    """A way to predict, and what it did so far."""

    settings: InferenceSettings
    criteria: Criteria = two_pass.CRITERIA
    found: dict[str, int] = field(default_factory=lambda: dict.fromkeys(GROUPS, 0))
    there: dict[str, int] = field(default_factory=lambda: dict.fromkeys(GROUPS, 0))
    false: int = 0
    background: int = 0
    pixels: int = 0
    seconds: float = 0.0

    def recall(self, group: str) -> float:
        return self.found[group] / max(1, self.there[group])


def variants(*, sweep: bool) -> dict[str, Variant]:
    """Return what is compared: all tiles, none, two passes, and with `sweep` other criteria."""
    auto, both = InferenceSettings(tiles="auto"), InferenceSettings(tiles="two-pass")
    named = {
        "all tiles": Variant(auto),
        "first pass alone": Variant(InferenceSettings()),
        "two passes": Variant(both),
    }
    if sweep:
        default = two_pass.CRITERIA
        for doubt in DOUBTS:
            criteria = Criteria(doubt, default.small, None)
            named[f"doubt from {doubt:g}"] = Variant(both, criteria)
        for small in SMALL:
            criteria = Criteria(default.doubt, small, None)
            named[f"small up to {small} px"] = Variant(both, criteria)
        for texture in TEXTURES:
            criteria = Criteria(default.doubt, default.small, texture)
            named[f"and texture from {texture:g}"] = Variant(both, criteria)
    return named


def measure(
    variant: Variant, segmenter: Segmenter, sample: Sample, temperature: float, threshold: float
) -> None:
    """Predict one image and add the result to a variant."""
    counted = 0

    def counting(tiles: np.ndarray) -> np.ndarray:
        nonlocal counted
        counted += int(np.prod(tiles.shape[:3]))
        return segmenter(tiles)

    two_pass.CRITERIA = variant.criteria
    start = time.perf_counter()
    found = predict_probability(counting, sample.image, variant.settings, temperature=temperature)
    variant.seconds += time.perf_counter() - start
    variant.pixels += counted
    mask = found >= threshold
    background = sample.target == 0
    variant.false += int((mask & background).sum())
    variant.background += int(background.sum())
    assert sample.instances is not None
    # What is ignored (crowds) is no person here, whatever its number.
    ids = np.where(sample.target == PERSON, sample.instances, 0)
    areas = np.bincount(ids.ravel())
    hits = np.bincount(ids.ravel(), weights=mask.ravel())
    for number in np.flatnonzero(areas[1:]) + 1:
        for name, largest in GROUPS.items():
            if areas[number] < largest:
                variant.there[name] += int(areas[number])
                variant.found[name] += int(hits[number])


def mosaics(
    source: Source, others: Source, side: int, persons: int, count: int, *, backdrop: bool
) -> Iterator[Sample]:
    """Yield large images of `side` × `side` cells, `persons` of them from `source`."""
    rng = np.random.default_rng(0)
    height, width = CELL
    order = rng.permutation(len(source))
    for number in range(min(count, len(source) // persons)):
        behind = others.load(int(rng.integers(len(others)))).image
        image = fill(behind, side * height, side * width, cv2.INTER_CUBIC)
        target = np.zeros(image.shape[:2], np.uint8)
        instances = np.zeros(image.shape[:2], np.uint16)
        chosen = set(rng.choice(side * side, persons, replace=False).tolist())
        named = iter(order[number * persons : (number + 1) * persons].tolist())
        for place in range(side * side):
            inside = place in chosen
            if not inside and backdrop:
                continue
            number_of = next(named) if inside else int(rng.integers(len(others)))
            sample = (source if inside else others).load(number_of)
            y, x = place // side * height, place % side * width
            box = (slice(y, y + height), slice(x, x + width))
            image[box] = fill(sample.image, *CELL, cv2.INTER_AREA)
            if inside:
                assert sample.instances is not None
                target[box] = fill(sample.target, *CELL, cv2.INTER_NEAREST)
                ids = fill(sample.instances, *CELL, cv2.INTER_NEAREST)
                instances[box] = np.where(ids > 0, ids + instances.max(), 0)
        yield Sample(f"mosaic {number}", image, target, instances)


def fill(array: np.ndarray, height: int, width: int, interpolation: int) -> np.ndarray:
    """Resize an array so that it fills a size, and cut off what is too much on both sides."""
    factor = max(height / array.shape[0], width / array.shape[1])
    size = (max(width, round(array.shape[1] * factor)), max(height, round(array.shape[0] * factor)))
    resized = cv2.resize(array, size, interpolation=interpolation)
    y, x = (size[1] - height) // 2, (size[0] - width) // 2
    return resized[y : y + height, x : x + width]


def print_table(named: dict[str, Variant], images: int) -> None:
    """Print a row for each variant, in Markdown."""
    base = named["all tiles"]
    print(f"\n{images} images, mean of {base.pixels / images / 1e6:.1f} Mpx through all tiles\n")
    print(
        "| | recall < 32² | < 96² | all | background taken for persons "
        "| forward pixels ÷ all tiles' | time ÷ all tiles' | faster |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, v in named.items():
        recalls = " | ".join(f"{v.recall(group):.2%}" for group in GROUPS)
        print(
            f"| {name} | {recalls} | {v.false / max(1, v.background):.2%} "
            f"| {v.pixels / base.pixels:.3f} | {v.seconds / base.seconds:.3f} "
            f"| {base.seconds / v.seconds:.1f} × |"
        )


def parse() -> argparse.Namespace:
    """Parse the command line."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--checkpoint", type=Path, required=True, help="Measure this checkpoint.")
    p.add_argument("--data", type=Path, required=True, help="Images with instance masks.")
    p.add_argument("--others", type=Path, help="Images without persons, for --mosaic.")
    p.add_argument(
        "--mosaic", type=int, default=0, help="Make images of this many cells a side (default: 0)."
    )
    p.add_argument(
        "--backdrop", action="store_true", help="One image without persons behind all cells."
    )
    p.add_argument(
        "--persons", type=int, default=2, help="Cells of a mosaic that show persons (default: 2)."
    )
    p.add_argument("--count", type=int, default=1000, help="The most images (default: all).")
    p.add_argument("--threshold", type=float, help="Default: the checkpoint's own.")
    p.add_argument("--sweep", action="store_true", help="Measure other criteria too.")
    return p.parse_args()


def samples_of(options: argparse.Namespace) -> Iterator[Sample]:
    """Yield the images to measure."""
    source = open_source(options.data)
    if options.mosaic:
        if options.others is None:
            raise SystemExit("--mosaic needs --others: a folder of images without persons")
        others = open_source(options.others)
        sizes = (options.mosaic, options.persons, options.count)
        yield from mosaics(source, others, *sizes, backdrop=options.backdrop)
        return
    for number in range(min(options.count, len(source))):
        sample = source.load(number)
        if sample.instances is not None:
            yield sample


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    options = parse()
    loaded = load_checkpoint(options.checkpoint)
    segmenter = eager_segmenter(loaded)
    threshold = loaded.threshold if options.threshold is None else options.threshold
    named = variants(sweep=options.sweep)
    images = 0
    with worker_threads("cpu"), suppress(KeyboardInterrupt):  # Ctrl-C: the table so far
        for sample in samples_of(options):
            tried = {name: copy.deepcopy(variant) for name, variant in named.items()}
            for variant in tried.values():
                measure(variant, segmenter, sample, loaded.temperature, threshold)
            named, images = tried, images + 1
    if not images:
        raise SystemExit(f"{options.data}: no images with instances")
    print(f"threshold {threshold:.3f}")
    print_table(named, images)


if __name__ == "__main__":
    main()
