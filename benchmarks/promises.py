"""Measure what promises come to on images like those they were calibrated on, and on others.

    python benchmarks/promises.py --checkpoint RUN/best.ckpt --calibrate DIR... --measure DIR...

Each image is predicted once. `promised` is the highest share that may be missed. For pixels, the
share that is missed is that of an image's person pixels, on average over images; for persons, that
of an image's persons with more than a tenth of their pixels uncovered. The promise is made

- on as many images as half of --calibrate, drawn one by one from all of it with replacement. The
  risk is then known: the mean over all. `same kind` is its mean over draws that can promise this,
  and `broken` the share of all draws in which it is above what was promised; that must be at most
  1 − confidence;
- on all of --calibrate, and checked on each folder of --measure: images of another kind.

`margin` rows keep the checkpoint's own threshold and grow the mask; all others are without margin.
`false area` is the mean share of --negatives that is redacted.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from pii_seg.data.sources import Sample, Source
from pii_seg.data.sources.base import Wrapped
from pii_seg.errors import CalibrationError
from pii_seg.evaluation.calibrate import CalibrationData, collect_losses
from pii_seg.evaluation.counting import BINS, THRESHOLDS, bins_of
from pii_seg.evaluation.measure import open_data
from pii_seg.evaluation.person_counts import UNCOVERED, PersonTable
from pii_seg.evaluation.person_promise import PersonPromise, cuts_of
from pii_seg.evaluation.risk_bounds import last_within
from pii_seg.inference.dilation import MARGINS, margins_needed
from pii_seg.inference.loading import load_segmenter
from pii_seg.inference.parallel import worker_threads
from pii_seg.inference.settings import InferenceSettings
from pii_seg.inference.tiling import predict_logits

PIXEL_RECALLS, PERSON_RECALLS, ACCEPTED = (0.9, 0.95, 0.98), (0.8, 0.9, 0.95), 0.1
SETTINGS = InferenceSettings(tiles="auto")
LEVEL = UNCOVERED.index(ACCEPTED)


class OnePerson(Wrapped):
    """A source whose images show one person each, which its masks do not number."""

    def load(self, i: int) -> Sample:
        sample = super().load(i)
        return replace(sample, instances=(sample.target == 1).astype(np.uint16))


@dataclass(frozen=True)
class Counts:
    """Holds what was counted on one set; `persons` of all its images that show any."""

    losses: np.ndarray
    persons: PersonTable

    @classmethod
    def of(cls, data: CalibrationData) -> Counts:
        return cls(data.losses, data.persons)

    def part(self, images: np.ndarray) -> Counts:
        """The images of these indices; where every image with persons tells them apart."""
        starts = np.concatenate([[0], np.cumsum(self.persons.persons)])
        rows = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in images])
        table = replace(
            self.persons,
            persons=self.persons.persons[images],
            highest=self.persons.highest[rows],
            needed=self.persons.needed[rows],
        )
        return Counts(self.losses[images], table)


@dataclass(frozen=True)
class Setting:
    """Holds what keeps a promise: the index of a threshold, or that of a margin."""

    threshold: int | None = None
    margin: int | None = None


def by_pixels(recall: float, confidence: float) -> Callable[[Counts], Setting]:
    def choose(counts: Counts) -> Setting:
        # As `Promise.index`, which searches all bounds first.
        last = last_within(counts.losses[:, 1:], 1 - recall, confidence)
        if last < 0:
            raise CalibrationError("out of reach")
        return Setting(threshold=last + 1)

    return choose


def by_persons(recall: float, confidence: float, own: float | None) -> Callable[[Counts], Setting]:
    def choose(counts: Counts) -> Setting:
        promise = PersonPromise(confidence, counts.persons, asdict(SETTINGS), "")
        if own is None:
            return Setting(threshold=promise.index(recall, ACCEPTED))
        margin = promise.margin(recall, ACCEPTED, threshold=own, temperature=1.0)
        return Setting(margin=MARGINS.index(margin))

    return choose


def missed_pixels(counts: Counts, setting: Setting) -> float:
    return float(counts.losses[:, setting.threshold].mean())


def uncovered_persons(counts: Counts, setting: Setting) -> float:
    table = counts.persons
    if setting.threshold is not None:
        lost = table.highest[:, LEVEL] < setting.threshold
    else:
        lost = table.needed[:, 0, LEVEL] > setting.margin  # the first cut: the own threshold
    starts = np.concatenate([[0], np.cumsum(table.persons)[:-1]])
    return float((np.add.reduceat(lost.astype(float), starts) / table.persons).mean())


def main() -> None:
    options = parse()
    loaded = load_segmenter(options.checkpoint, device=options.device, bound=False)
    # By raw logits, as everything is counted.
    raw = np.log(loaded.threshold / (1 - loaded.threshold)) * loaded.temperature
    own = float(1 / (1 + np.exp(-raw)))
    cuts = cuts_of(loaded.threshold, loaded.temperature)

    def predict(image: np.ndarray) -> np.ndarray:
        return predict_logits(loaded.segmenter, image, SETTINGS)

    def count(
        sources: Sequence[Source], predict: Callable[[np.ndarray], np.ndarray] = predict
    ) -> CalibrationData:
        with worker_threads(options.device) as workers:
            return collect_losses(
                predict,
                sources,
                cuts=cuts,
                workers=workers,
            )

    calibration = Counts.of(count(open_data(options.calibrate, [])))
    others = {}
    for path in options.measure:
        sources = open_data([path], [])
        if path in options.one_person:
            sources = [OnePerson(source) for source in sources]
        others[path.name] = Counts.of(count(sources))
    false_area, grown = np.full(BINS, np.nan), [np.full(len(MARGINS), np.nan)]
    if options.negatives:
        grown.clear()

        def predict_and_grow(image: np.ndarray) -> np.ndarray:
            logits = predict(image)
            grown.append(grown_areas(bins_of(logits) >= cuts[0]))
            return logits

        negatives = open_data([], options.negatives)
        false_area = count(negatives, predict_and_grow).totals.curves().false_area
    areas = (false_area, np.mean(grown, axis=0))
    print_table(options, own, calibration, others, areas)


def grown_areas(mask: np.ndarray) -> np.ndarray:
    """Share of an image that a mask covers with each of MARGINS."""
    needed = np.bincount(margins_needed(mask, ~mask).ravel(), minlength=len(MARGINS))
    return np.cumsum(needed)[: len(MARGINS)] / mask.size


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    folders = {"type": Path, "nargs": "+", "default": []}
    p.add_argument("--checkpoint", type=Path, required=True, help="Predict with this checkpoint.")
    p.add_argument("--calibrate", **folders, help="Calibrate on these images with masks.")
    p.add_argument("--measure", **folders, help="Check the promises on each of these folders.")
    p.add_argument("--one-person", **folders, help="Those of --measure that show one person each.")
    p.add_argument("--negatives", **folders, help="Measure the false area on these images.")
    p.add_argument("--confidence", type=float, default=0.95, help="Promise with this probability.")
    p.add_argument("--draws", type=int, default=300, help="Draw from --calibrate this often.")
    p.add_argument("--device", default="cpu", help="Run on this device.")
    return p.parse_args()


def print_table(
    options: argparse.Namespace,
    own: float,
    calibration: Counts,
    others: dict[str, Counts],
    areas: tuple[np.ndarray, np.ndarray],
) -> None:
    sizes = [
        f"{name}: {len(counts.persons.persons)} images, {len(counts.persons.highest)} persons"
        for name, counts in {"calibration": calibration, **others}.items()
    ]
    title = f"confidence {options.confidence:.0%}, own threshold {own:.3f}; {'; '.join(sizes)}"
    table = Table(title=title, title_justify="left")
    heads = ("promise", "promised", "kept by", "same kind", "broken", *others, "false area")
    for head in heads:
        table.add_column(head, justify="right")
    kinds = [
        *((f"pixels {r:.0%}", r, by_pixels, missed_pixels, ()) for r in PIXEL_RECALLS),
        *((f"persons {r:.0%}", r, by_persons, uncovered_persons, (None,)) for r in PERSON_RECALLS),
        *(
            (f"persons {r:.0%}, margin", r, by_persons, uncovered_persons, (own,))
            for r in PERSON_RECALLS
        ),
    ]
    for name, recall, how, measure, more in kinds:
        choose = how(recall, options.confidence, *more)
        table.add_row(
            name,
            f"{1 - recall:.0%}",
            *row(choose, measure, calibration, others, areas, recall, options.draws),
        )
    Console(width=160).print(table)


def row(
    choose: Callable[[Counts], Setting],
    measure: Callable[[Counts, Setting], float],
    calibration: Counts,
    others: dict[str, Counts],
    areas: tuple[np.ndarray, np.ndarray],
    recall: float,
    draws: int,
) -> list[str]:
    rng, images = np.random.default_rng(0), len(calibration.losses)
    found = []
    for _ in range(draws):
        try:
            setting = choose(calibration.part(rng.integers(0, images, images // 2)))
        except CalibrationError:
            continue
        found.append(measure(calibration, setting))
    broken = sum(missed > 1 - recall for missed in found) / draws
    same = [f"{np.mean(found):.1%}" if found else "–", f"{broken:.1%}"]
    try:
        setting = choose(calibration)
    except CalibrationError as error:
        return [str(error).partition("highest possible is ")[2].partition(". ")[0], *same]
    kept, area = "–", np.nan
    if setting.threshold is not None:
        kept, area = f"threshold {THRESHOLDS[setting.threshold]:.2g}", areas[0][setting.threshold]
    elif setting.margin is not None:
        kept, area = f"margin {MARGINS[setting.margin]:.0%}", areas[1][setting.margin]
    measured = (f"{measure(counts, setting):.1%}" for counts in others.values())
    return [kept, *same, *measured, f"{area:.1%}"]


if __name__ == "__main__":
    main()
