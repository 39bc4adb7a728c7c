"""Quality of a teacher's pseudo-labels by the rule that merges its scales, on labelled images.

    python benchmarks/labels.py --checkpoint RUN/teacher/labeller.ckpt --data LABELLED

The labels are made as in self-training (`pii_seg.selftrain.pseudo_labels`). The columns, over all
pixels of --data:

- found: share of the persons' pixels that are labelled person;
- lost: share of them that are labelled background, which a student is trained to leave out;
- ignored: share of them that are ignored;
- right: share of the pixels labelled person that belong to a person. It is too low where the data
  leaves persons out, as Penn-Fudan leaves out bystanders.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
from rich.console import Console
from rich.table import Table

from pii_seg.data.sources import Source
from pii_seg.data.sources.sample import IGNORE, PERSON
from pii_seg.evaluation.measure import open_data
from pii_seg.inference.settings import Merge
from pii_seg.selftrain.label_images import VIEWS, Probability, load_teacher
from pii_seg.selftrain.pseudo_labels import PseudoLabelSettings, label


def main() -> None:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument(
        "--checkpoint",
        type=Path,
        required=True,
        help="Label with this calibrated checkpoint of a teacher: labeller.ckpt.",
    )
    p.add_argument("--data", type=Path, nargs="+", required=True, help="folders of labelled images")
    p.add_argument(
        "--scales",
        type=float,
        nargs="+",
        default=VIEWS.scales,
        help="Predict each image at these scales (default: %(default)s).",
    )
    p.add_argument("--device", default="cpu", help="device of inference (default: %(default)s)")
    options = p.parse_args()

    table = Table(title="Pixels of pseudo-labels", title_justify="left")
    for head in ("data", "merge", "found", "lost", "ignored", "right"):
        table.add_column(head, justify="right")
    for source in open_data(options.data, []):
        for merge in get_args(Merge):
            views = replace(VIEWS, scales=tuple(options.scales), merge=merge)
            teacher = load_teacher(options.checkpoint, views, device=options.device)
            table.add_row(
                source.name, merge, *(f"{share:.1%}" for share in shares(teacher, source))
            )
    Console(width=100).print(table)


def shares(teacher: Probability, source: Source) -> tuple[float, float, float, float]:
    """The columns found, lost, ignored and right; nan where a share has no pixels to refer to."""
    persons = found = lost = labelled = 0
    for sample in map(source.load, range(len(source))):
        made = label(teacher(sample.image), PseudoLabelSettings())
        person, counted = sample.target == PERSON, (sample.target != IGNORE) & ~made.ignore
        persons += np.count_nonzero(person)
        labelled += np.count_nonzero(counted & (made.instances > 0))
        found += np.count_nonzero(counted & person & (made.instances > 0))
        lost += np.count_nonzero(counted & person & (made.instances == 0))
    right = found / labelled if labelled else math.nan
    if not persons:
        return math.nan, math.nan, math.nan, right
    return found / persons, lost / persons, 1 - (found + lost) / persons, right


if __name__ == "__main__":
    main()
