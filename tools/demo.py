"""The whole project, small and from nothing: renders, self-training, its report, anonymised pictures.

    python tools/demo.py [FOLDER]

Nothing is downloaded and no photograph is needed: "the photographs" are renders of another recipe, with other places,
light and distances, whose labels the training never sees. Others of the same recipe score it. What lies in FOLDER
already is kept, so an interrupted demo goes on.

    FOLDER/renders/       labelled pairs to learn from (everyday)
    FOLDER/street/        the photographs (street); only its images/ is used
    FOLDER/test/          more of them, with their masks, for the report alone
    FOLDER/run/           the self-training, stage by stage
    FOLDER/anonymised/    the test pictures, without their persons
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
    """How much of everything. samples: of Cycles a pixel; steps: of trainings."""

    renders: int = 60
    photographs: int = 32
    test: int = 24
    resolution: int = 256  # of renders, px
    photograph_resolution: int = (
        512  # people in a street are far away: at 256 px half of them are specks
    )
    samples: int = 8
    teacher_steps: int = 300
    student_steps: int = 300
    repainted: int = 12
    # Most persons of *street* are small: looks that enlarge, and whatever one of them finds. Of persons of more than
    # 102 px the small generator makes blotches, which nobody wants to see first.
    options: tuple[str, ...] = (
        "--loop.scales", "[1, 2]", "--loop.merge", "max", "--loop.repaint_steps", "10",
        "--loop.repaint_largest", "102",
    )  # fmt: skip


FULL = Scale()
# For the test of this program: every step, and no result worth looking at.
TINY = Scale(
    6, 3, 2, 96, 96, 2, 100, 20, 2,
    ("--size", "tiny", "--data.size", "64", "--data.batch_size", "4", "--optimiser.learning_rate", "0.01",
     "--loop.iou_relative", "0.01", "--labels.least_person", "0", "--loop.scales", "[1]", "--loop.flip", "false"),
)  # fmt: skip


def commands(folder: Path, scale: Scale) -> list[tuple[str, list[str]]]:
    """(what it does, arguments of Python) of each step, in order."""

    def render(recipe: str, name: str, count: int, side: int, seed: int) -> list[str]:
        return [
            "-m", "blender_addon.batch", "--preset", recipe, "--count", str(count), "--seed", str(seed),
            "--resolution", f"{side}x{side}", "--samples", str(scale.samples), "--output", str(folder / name),
        ]  # fmt: skip

    photograph = scale.photograph_resolution

    train = [
        "-m", "pii_seg.train", "--unlabelled", str(folder / "street" / "images"), "--synthetic",
        str(folder / "renders"), "--test", str(folder / "test"), "--rounds", "1", "--steps",
        str(scale.teacher_steps), "--budget.validate_every", str(max(1, scale.teacher_steps // 5)),
        "--loop.student_steps", str(scale.student_steps), "--loop.repaint_most", str(scale.repainted),
        "--loop.first_share", "1", *scale.options, "--output", str(folder / "run"),
    ]  # fmt: skip
    anonymise = [
        "-m", "pii_seg.anonymize", str(folder / "test" / "images"), "--output", str(folder / "anonymised"),
        "--checkpoint", str(folder / "run" / "best.ckpt"),
    ]  # fmt: skip
    return [
        (
            "labelled pairs, as the program renders them",
            render("everyday", "renders", scale.renders, scale.resolution, 0),
        ),
        (
            "photographs, from another recipe",
            render("street", "street", scale.photographs, photograph, 1),
        ),
        ("pictures to score it by", render("street", "test", scale.test, photograph, 2)),
        ("self-training", train),
        ("anonymised pictures", anonymise),
    ]


def demo(folder: Path, scale: Scale = FULL) -> int:
    """Every step. Returns the exit code of the first that failed."""
    begun = time.monotonic()
    for number, (what, arguments) in enumerate(steps := commands(folder, scale), start=1):
        print(f"\n[{number}/{len(steps)}] {what}", flush=True)
        if code := subprocess.run([sys.executable, *arguments], check=False).returncode:
            print(
                f"step {number} failed; mend what it says, and the same command goes on",
                file=sys.stderr,
            )
            return code
    print(f"\n{(time.monotonic() - begun) / 60:.0f} minutes")
    for what, path in (
        ("Rendered pairs:    ", folder / "renders" / "contact_sheet.png"),
        ("What was learnt:   ", folder / "run" / "report" / "report.html"),
        ("Anonymised:        ", folder / "anonymised"),
        ("And look at first: ", folder / "anonymised" / "audit.html"),
    ):
        print(what, path.resolve())
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path("demo"))
    sys.exit(demo(parser.parse_args().folder))
