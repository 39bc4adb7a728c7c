"""Check the promise of `pii_seg.evaluation.conformal` on real images, and measure its cost.

    python benchmarks/conformal.py --checkpoint RUN/best.ckpt --data DIR --negatives DIR

The images of --data are predicted once. Then, for each recall and statement, many times:

- halves: a promise is made on a random half. `missed` is the mean loss on the other half, `over`
  the share of splits in which it is above 1 − R. It is measured on few images, so that it is above
  more often than the risk itself.
- redrawn: a promise is made on as many images as a half, drawn one by one from all of them with
  replacement. The risk is then known exactly: the mean over all. `over` is the share of draws in
  which it is above 1 − R, which must be at most 1 − confidence. In expectation, the mean of
  `missed` must be at most 1 − R.

`false area` is the mean share of --negatives, which show no person, that is taken for a person at
the median threshold.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from pii_seg.errors import CalibrationError
from pii_seg.evaluation.calibrate import collect_losses
from pii_seg.evaluation.conformal import Promise, make_promise
from pii_seg.evaluation.counting import BINS, THRESHOLDS
from pii_seg.evaluation.measure import open_data
from pii_seg.evaluation.risk_bounds import Confidence
from pii_seg.inference.backends.torch_backend import eager_segmenter
from pii_seg.inference.parallel import worker_threads
from pii_seg.inference.settings import InferenceSettings
from pii_seg.inference.tiling import predict_logits
from pii_seg.models.checkpoint import load_checkpoint

RECALLS = (0.9, 0.95, 0.99)


def main() -> None:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--checkpoint", type=Path, required=True, help="Predict with this checkpoint.")
    p.add_argument(
        "--data", type=Path, nargs="+", required=True, help="Measure on these images with masks."
    )
    p.add_argument(
        "--negatives",
        type=Path,
        nargs="+",
        default=[],
        help="Measure the false area on these images without people.",
    )
    p.add_argument("--confidence", type=float, default=0.95, help="Promise with this probability.")
    p.add_argument("--splits", type=int, default=300, help="Repeat the experiment this often.")
    p.add_argument("--device", default="cpu", help="Run on this device.")
    options = p.parse_args()

    losses, false_area = losses_and_false_area(options)
    half = len(losses) // 2
    table = Table(
        title=f"{len(losses)} images with persons, promises on {half}, {options.splits} splits of "
        "each kind",
        title_justify="left",
    )
    for head in (
        "recall",
        "promised",
        "within reach",
        "threshold",
        "halves: missed",
        "over",
        "redrawn: missed",
        "over",
        "false area",
    ):
        table.add_column(head, justify="right")
    statements: tuple[Confidence, ...] = (options.confidence, "expectation")
    for confidence in statements:
        rng = np.random.default_rng(0)
        halves, redrawn = [], []
        for _ in range(options.splits):
            order = rng.permutation(len(losses))
            promise = promise_on(losses[order[:half]], confidence)
            halves.append((promise, losses[order[half:]].mean(axis=0)))
            drawn = losses[rng.integers(0, len(losses), half)]
            redrawn.append((promise_on(drawn, confidence), losses.mean(axis=0)))
        for recall in RECALLS:
            table.add_row(*row(recall, confidence, halves, redrawn, false_area))
    Console(width=140).print(table)


def losses_and_false_area(options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Collect the losses (n, BINS) of the data and the false area (BINS,) of the negatives."""
    segmenter = eager_segmenter(load_checkpoint(options.checkpoint), options.device)

    def predict(image: np.ndarray) -> np.ndarray:
        return predict_logits(segmenter, image)

    with worker_threads(options.device) as workers:
        measured = collect_losses(predict, open_data(options.data, []), workers=workers)
        if not options.negatives:
            return measured.losses, np.full(BINS, np.nan)
        negatives = collect_losses(predict, open_data([], options.negatives), workers=workers)
    return measured.losses, negatives.totals.curves().false_area


def promise_on(losses: np.ndarray, confidence: Confidence) -> Promise:
    return make_promise(
        losses,
        confidence=confidence,
        false_area=np.zeros(BINS),
        inference=asdict(InferenceSettings()),
        data_sha256="",
    )


def row(
    recall: float,
    confidence: Confidence,
    halves: list[tuple[Promise, np.ndarray]],
    redrawn: list[tuple[Promise, np.ndarray]],
    false_area: np.ndarray,
) -> list[str]:
    """Make one row of the table from pairs of a promise and the true risk, (BINS,)."""
    promised = "in expectation" if confidence == "expectation" else f"at {confidence:.0%}"
    chosen: list[int] = []
    cells = []
    for pairs in (halves, redrawn):
        missed = []
        for promise, risk in pairs:
            try:
                chosen.append(promise.index(recall))
            except CalibrationError:
                continue
            missed.append(risk[chosen[-1]])
        over = np.mean(np.array(missed) > 1 - recall) if missed else np.nan
        cells += [f"{np.mean(missed):.2%}", f"{over:.1%}"] if missed else ["–", "–"]
    reached = len(chosen) / (len(halves) + len(redrawn))
    if not chosen:
        best = np.mean([promise.best_recall for promise, _ in halves])
        return [f"{recall:.0%}", promised, f"no, at best {best:.2%}", "–", *cells, "–"]
    at = int(np.median(chosen))
    return [
        f"{recall:.0%}",
        promised,
        f"{reached:.0%}",
        f"{THRESHOLDS[at]:.4f}",
        *cells,
        f"{false_area[at]:.2%}",
    ]


if __name__ == "__main__":
    main()
