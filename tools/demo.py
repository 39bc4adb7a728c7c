"""The whole project on a small scale: renders, anonymised images, self-training, its report.

    python tools/demo.py [FOLDER]

It downloads nothing and needs no photos. First a dozen renders lose their people, found by the
bundled segmenter. Then the segmenter adapts to "photos": renders of another recipe, with other
places, light and distances, stand for them, and training never reads their labels. More renders of
that recipe measure the scores. Files that FOLDER already contains are kept, so that an interrupted
demo resumes.

    FOLDER/first/         a dozen renders (recipe everyday)
    FOLDER/first_safe/    the same without their persons
    FOLDER/before_after.jpg
    FOLDER/renders/       labelled pairs for training (recipe everyday)
    FOLDER/street/        the "photos" (recipe street), of which only images/ is used
    FOLDER/test/          more of them, with their masks, for the report only
    FOLDER/run/           self-training, stage by stage
    FOLDER/anonymised/    the test images without their persons
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

SHEET = "before_after.jpg"
TILE = 260  # px


@dataclass(frozen=True)
class Scale:
    """Size of a demo.

    Attributes:
        first: Number of renders to begin with.
        renders: Number of labelled pairs.
        photos: Number of "photos".
        test: Number of test images.
        resolution: Side of the labelled pairs, px.
        photo_resolution: Side of the "photos", px. People in a street are far away: at 256 px
            half of them would be too small to be labelled.
        samples: Number of samples per pixel of the renderer.
        teacher_steps: Number of steps of the teacher's training.
        student_steps: Number of steps of a student's training.
        repainted: Maximum number of repainted images.
        options: Further options of pii_seg.train.
    """

    first: int = 12
    renders: int = 60
    photos: int = 32
    test: int = 24
    resolution: int = 256
    photo_resolution: int = 512
    samples: int = 8
    teacher_steps: int = 300
    student_steps: int = 300
    repainted: int = 12
    # Most persons of *street* are small: scales that enlarge, and the maximum of both, find more.
    # The bundled generator paints persons of more than about 100 px blurred, so they are spared.
    options: tuple[str, ...] = (
        "--loop.scales", "[1, 2]", "--loop.merge", "max", "--loop.repaint_steps", "10",
        "--loop.repaint_largest", "102",
    )  # fmt: skip


FULL = Scale()
# For the test of this program: every step runs, but the results are useless.
TINY = Scale(
    2, 6, 3, 2, 96, 96, 2, 100, 20, 2,
    (
        "--size", "tiny", "--data.size", "64", "--data.batch_size", "4",
        "--optimiser.learning_rate", "0.01", "--loop.iou_relative", "0.01",
        "--labels.least_person", "0", "--loop.scales", "[1]", "--loop.flip", "false",
    ),
)  # fmt: skip


def commands(folder: Path, scale: Scale) -> list[tuple[str, list[str]]]:
    """List the title and the arguments of Python of each step, in order."""

    def render(recipe: str, name: str, count: int, side: int, seed: int) -> list[str]:
        return [
            "-m", "blender_addon.batch", "--preset", recipe, "--count", str(count),
            "--seed", str(seed), "--resolution", f"{side}x{side}",
            "--samples", str(scale.samples), "--output", str(folder / name),
        ]  # fmt: skip

    photo_side = scale.photo_resolution

    train = [
        "-m", "pii_seg.train", "--unlabelled", str(folder / "street" / "images"),
        "--synthetic", str(folder / "renders"), "--test", str(folder / "test"),
        "--rounds", "1", "--steps", str(scale.teacher_steps),
        "--budget.validate_every", str(max(1, scale.teacher_steps // 5)),
        "--loop.student_steps", str(scale.student_steps),
        "--loop.repaint_most", str(scale.repainted), "--loop.first_share", "1",
        *scale.options, "--output", str(folder / "run"),
    ]  # fmt: skip

    def anonymise(images: str, output: str, *options: str) -> list[str]:
        images = str(folder / images / "images")
        return ["-m", "pii_seg.anonymize", images, "--output", str(folder / output), *options]

    adapted = str(folder / "run" / "best.ckpt")
    return [
        ("Render a dozen images", render("everyday", "first", scale.first, scale.resolution, 9)),
        ("Remove their people with the bundled segmenter", anonymise("first", "first_safe")),
        ("Render pairs", render("everyday", "renders", scale.renders, scale.resolution, 0)),
        ('Render "photos"', render("street", "street", scale.photos, photo_side, 1)),
        ("Render test images", render("street", "test", scale.test, photo_side, 2)),
        ("Self-train", train),
        (
            "Remove people from the test images with the adapted segmenter",
            anonymise("test", "anonymised", "--checkpoint", adapted),
        ),
    ]  # fmt: skip


def demo(folder: Path, scale: Scale = FULL) -> int:
    """Run every step. Returns the exit code of the first one that failed, or 0."""
    begun = time.monotonic()
    for number, (title, arguments) in enumerate(steps := commands(folder, scale), start=1):
        print(f"\n[{number}/{len(steps)}] {title}", flush=True)
        if code := subprocess.run([sys.executable, *arguments], check=False).returncode:
            print(
                f"step {number} failed; fix the error above, then run the same command to resume",
                file=sys.stderr,
            )
            return code
        if (safe := folder / "first_safe").is_dir() and not (sheet := folder / SHEET).exists():
            before_after(folder / "first" / "images", safe, sheet)
            print("Before and after:    ", sheet.resolve(), flush=True)
    print(f"\nfinished in {(time.monotonic() - begun) / 60:.0f} minutes")
    for title, path in (
        ("Before and after:    ", folder / SHEET),
        ("Rendered pairs:      ", folder / "renders" / "contact_sheet.png"),
        ("Report of training:  ", folder / "run" / "report" / "report.html"),
        ("Anonymised images:   ", folder / "anonymised"),
        ("Images to check:     ", folder / "anonymised" / "audit.html"),
    ):
        print(title, path.resolve())
    return 0


def before_after(images: Path, safe: Path, sheet: Path) -> None:
    """Write a sheet of images, and of the same without their persons below them.

    Args:
        images: Folder of the images.
        safe: Folder of the images without their persons.
        sheet: The JPEG to write.
    """
    pairs = [
        (path, next(iter(safe.glob(f"{path.stem}.*")), None)) for path in sorted(images.iterdir())
    ]
    shown = [(before, after) for before, after in pairs if after is not None]
    columns = min(6, len(shown))
    rows = 2 * math.ceil(len(shown) / columns)
    whole = Image.new("RGB", (columns * TILE, rows * TILE), "white")
    for number, pair in enumerate(shown):
        for below, path in enumerate(pair):
            with Image.open(path) as image:
                tile = ImageOps.fit(image.convert("RGB"), (TILE - 4, TILE - 4))
            row = 2 * (number // columns) + below
            whole.paste(tile, (number % columns * TILE + 2, row * TILE + 2))
    whole.save(sheet, quality=90)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        default=Path("demo"),
        help="Write all files to this folder (default: demo).",
    )
    sys.exit(demo(parser.parse_args().folder))
