"""The whole project on a small scale: renders, self-training, its report, anonymised images.

    python tools/demo.py [FOLDER]

It downloads nothing and needs no photos: renders of another recipe, with other places, light and
distances, stand for them, and training never reads their labels. More renders of that recipe
measure the scores. Files that FOLDER already contains are kept, so that an interrupted demo
resumes.

    FOLDER/renders/       labelled pairs for training (recipe everyday)
    FOLDER/street/        the "photos" (recipe street), of which only images/ is used
    FOLDER/test/          more of them, with their masks, for the report only
    FOLDER/run/           self-training, stage by stage
    FOLDER/anonymised/    the test images without their persons
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Scale:
    """Size of a demo.

    Attributes:
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
    6, 3, 2, 96, 96, 2, 100, 20, 2,
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
    anonymise = [
        "-m", "pii_seg.anonymize", str(folder / "test" / "images"),
        "--output", str(folder / "anonymised"),
        "--checkpoint", str(folder / "run" / "best.ckpt"),
    ]  # fmt: skip
    return [
        ("Render pairs", render("everyday", "renders", scale.renders, scale.resolution, 0)),
        ('Render "photos"', render("street", "street", scale.photos, photo_side, 1)),
        ("Render test images", render("street", "test", scale.test, photo_side, 2)),
        ("Self-train", train),
        ("Anonymise the test images", anonymise),
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
    print(f"\nfinished in {(time.monotonic() - begun) / 60:.0f} minutes")
    for title, path in (
        ("Rendered pairs:      ", folder / "renders" / "contact_sheet.png"),
        ("Report of training:  ", folder / "run" / "report" / "report.html"),
        ("Anonymised images:   ", folder / "anonymised"),
        ("Images to check:     ", folder / "anonymised" / "audit.html"),
    ):
        print(title, path.resolve())
    return 0


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
