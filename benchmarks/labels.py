"""What are a teacher's pseudo-labels worth, by how its looks are merged? Asked of pictures whose persons are known.

    python benchmarks/labels.py --checkpoint RUN/teacher/labeller.ckpt --data LABELLED

Labels are made as self-training makes them (`pii_seg.loop.pseudo_labels`). Of all pixels of --data:

- found: share of the persons' pixels that are labelled person;
- lost: share of them that are labelled background, which a student learns to leave out;
- ignored: the rest of them;
- right: share of the pixels labelled person that are a person's. Where the data leave persons out, as Penn-Fudan leaves
  bystanders, it is too low.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

import numpy as np
from rich.console import Console
from rich.table import Table

from pii_seg.evaluation import open_data
from pii_seg.inference import InferenceSettings, Merge
from pii_seg.loop.labelling import teacher_of
from pii_seg.loop.pseudo_labels import PseudoLabelSettings, label
from pii_seg.sources.sample import IGNORE, PERSON


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--checkpoint", type=Path, required=True, help="with honest probabilities: labeller.ckpt")
    p.add_argument("--data", type=Path, nargs="+", required=True, help="labelled pictures")
    p.add_argument("--scales", type=float, nargs="+", default=[0.25, 0.5, 1.0])
    p.add_argument("--device", default="cpu")
    options = p.parse_args()

    table = Table(title="pixels of labels", title_justify="left")
    for head in ("data", "merge", "found", "lost", "ignored", "right"):
        table.add_column(head, justify="right")
    for source in open_data(options.data, []):
        for merge in get_args(Merge):
            views = InferenceSettings(scales=tuple(options.scales), flip=True, merge=merge)
            teacher = teacher_of(options.checkpoint, views, device=options.device)
            persons = found = lost = labelled = 0
            for sample in map(source.load, range(len(source))):
                made = label(teacher(sample.image), PseudoLabelSettings())
                person, counted = sample.target == PERSON, (sample.target != IGNORE) & ~made.ignore
                persons += np.count_nonzero(person)
                labelled += np.count_nonzero(counted & (made.instances > 0))
                found += np.count_nonzero(counted & person & (made.instances > 0))
                lost += np.count_nonzero(counted & person & (made.instances == 0))
            shares = (found / persons, lost / persons, 1 - (found + lost) / persons, found / labelled)
            table.add_row(source.name, merge, *(f"{share:.1%}" for share in shares))
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
