"""Measure on labelled images how much a checkpoint misses, so that it can promise a recall.

    python -m pii_seg.calibrate --checkpoint RUN/best.ckpt --data DIR [--output RUN/calibrated.ckpt]

Writes the checkpoint again with two additions: a temperature, which calibrates the probabilities and
leaves the masks as they are, and the promise of `pii_seg.evaluation.conformal`, from which any
`--recall` can be kept later without the images. Prints the cost of each recall. A promise holds for
images like those in DIR, seen at the same inference settings: give the same --size, --tiles, --scales,
--flip and --merge here and later.

The arithmetic of temperatures and thresholds is `pii_seg.evaluation.temperature`, shared with
`pii_seg.evaluate`, whose `--recall` is a measurement on given images and no promise for others.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jsonargparse import ArgumentParser
from rich.console import Console
from rich.table import Table

from blender_addon.dataset import iter_lines
from pii_seg.command_line import (
    DONE,
    PlainHelp,
    add_inference_arguments,
    inference_settings,
    parse,
    photographs_at_once,
    progress_bar,
    run_command,
)
from pii_seg.data.sources import Sample, Source
from pii_seg.data.sources.dataset_contract import ContractSource
from pii_seg.errors import CalibrationError, InputError
from pii_seg.evaluation.conformal import (
    Confidence,
    Promise,
    check_confidence,
    make_promise,
    missed_shares,
    pictures_needed,
)
from pii_seg.evaluation.measure import PredictLogits, gather, open_data
from pii_seg.evaluation.metrics import Totals
from pii_seg.evaluation.temperature import fit_temperature, rescale_threshold
from pii_seg.inference.tiling import InferenceSettings, predict_logits
from pii_seg.models.checkpoint import load_checkpoint, save_checkpoint, with_calibration

RECALLS = (0.9, 0.95, 0.98, 0.99, 0.995, 0.999)  # of the table
FEW = 100  # pictures: below, even a segmenter that misses nothing can promise little
DATA_ROLES = (
    "synthetic",
    "labelled",
    "validation",
    "negatives",
    "backgrounds",
)  # of a training's configuration


@dataclass(frozen=True)
class Measured:
    """What calibration needs of the pictures; none of them is kept.

    totals   of all of them
    losses   float32 (n, BINS): `missed_shares` of each picture with a person, by the order of their fingerprints
    sha256   of those fingerprints
    twice    pictures that came before, and were not counted again
    faults   what could not be read, by name
    """

    totals: Totals
    losses: np.ndarray
    sha256: str
    twice: int
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Calibrated:
    """What was found and written, and what speaks against relying on it."""

    promise: Promise
    temperature: float
    output: Path
    cautions: tuple[str, ...]


def measure(
    predict: PredictLogits,
    sources: Sequence[Source],
    *,
    workers: int = 1,
    on_picture: Callable[[], None] = lambda: None,
) -> Measured:
    """Run `predict` on all of `sources`, `workers` pictures at a time. Raises DataError as `gather` does."""
    totals, losses, faults = Totals(), dict[str, np.ndarray](), []
    seen: set[str] = set()
    twice = 0
    for source in sources:
        faults += [str(fault) for fault in source.faults]
        pictures = gather(
            predict,
            source,
            threshold=totals.threshold,
            boundary=False,
            faults=faults,
            workers=workers,
        )
        for picture in pictures:
            on_picture()
            name = fingerprint(picture.sample)
            # A copy says nothing new, yet would pass for one more independent picture.
            if name in seen:
                twice += 1
                continue
            seen.add(name)
            totals.add(picture.count)
            if picture.count.has_person:
                losses[name] = missed_shares(picture.count.person)
    # By fingerprint: the same on every machine, and as good as shuffled, which file names are not.
    names = sorted(losses)
    rows = (
        np.stack([losses[name] for name in names])
        if names
        else np.zeros((0, len(totals.person)), np.float32)
    )
    return Measured(
        totals, rows, hashlib.sha256("".join(names).encode()).hexdigest(), twice, tuple(faults)
    )


def fingerprint(sample: Sample) -> str:
    """SHA-256, in hex, of a picture's pixels and of what is known of them; its name does not enter."""
    content = hashlib.sha256(repr(sample.image.shape).encode())
    content.update(np.ascontiguousarray(sample.image).data)
    content.update(np.ascontiguousarray(sample.target).data)
    return content.hexdigest()


def calibrate(
    checkpoint: Path,
    data: Sequence[Path],
    output: Path | None = None,
    settings: InferenceSettings | None = None,
    *,
    confidence: Confidence = 0.95,
    strict: bool = False,
    device: str = "cpu",
    console: Console | None = None,
) -> Calibrated:
    """Calibrate `checkpoint` on labelled `data` and write it to `output` (default: calibrated.ckpt beside it).

    Raises InputError, CheckpointError, DataError or CalibrationError, in which case nothing is written.
    """
    check_confidence(confidence)
    settings = settings or InferenceSettings()
    output = output or checkpoint.with_name("calibrated.ckpt")
    if output.is_dir():
        raise InputError(f"--output {output}: is a folder; name the checkpoint to write")
    kept = load_checkpoint(checkpoint)
    sources = open_data(data, [], strict=strict)
    segmenter = kept.segmenter(device)
    with (
        photographs_at_once(device) as workers,
        progress_bar(console or Console(stderr=True)) as bar,
    ):
        task = bar.add_task("calibrate", total=sum(map(len, sources)))
        measured = measure(
            lambda image: predict_logits(segmenter, image, settings, device=device),
            sources,
            workers=workers,
            on_picture=lambda: bar.update(task, advance=1),
        )
    promise = promise_of(measured, confidence, settings)
    temperature = fit_temperature(measured.totals)
    threshold = rescale_threshold(kept.threshold, temperature / kept.temperature)
    output.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(
        output,
        with_calibration(
            kept, temperature=temperature, threshold=threshold, calibration=promise.plain()
        ),
    )
    cautions = (*cautions_of(measured), *cautions_of_data(kept.config, data, sources))
    return Calibrated(promise, temperature, output, cautions)


def promise_of(measured: Measured, confidence: Confidence, settings: InferenceSettings) -> Promise:
    """Raises CalibrationError when the pictures allow none."""
    background = measured.totals.background
    if not background.any():
        raise CalibrationError(
            "the data show nothing but persons, so what is taken for one cannot be judged"
        )
    return make_promise(
        measured.losses,
        confidence=confidence,
        false_area=np.cumsum(background[::-1])[::-1] / background.sum(),
        inference=asdict(settings),
        data_sha256=measured.sha256,
    )


def cautions_of(measured: Measured) -> list[str]:
    """What speaks against relying on what was measured."""
    cautions = []
    if len(measured.losses) < FEW:
        cautions.append(
            f"only {len(measured.losses)} pictures with persons; little can be promised with fewer than {FEW}"
        )
    if measured.twice:
        cautions.append(
            f"pictures that are copies of others and were not counted: {measured.twice}"
        )
    if measured.faults:
        cautions.append(
            f"pictures left out: {len(measured.faults)}; if that has to do with what they show, the rest is not like "
            f"yours. The first: {measured.faults[0]}"
        )
    return cautions


def cautions_of_data(
    config: Mapping[str, Any], data: Sequence[Path], sources: Sequence[Source]
) -> list[str]:
    """Where the pictures cannot be like those the promise is wanted for."""
    cautions = []
    for source in sources:
        if isinstance(source, ContractSource):
            kinds = {str(line.get("source")) for line in iter_lines(source.root)} - {"photo"}
            if kinds:
                cautions.append(
                    f"{source.name}: holds pictures of source {', '.join(sorted(kinds))}; the promise is for such "
                    "pictures, and says nothing of photographs"
                )
    for path in known_to_training(config, data):
        cautions.append(
            f"{path}: was part of the checkpoint's training, which knows these pictures better than any others: "
            "the promise is not kept on yours"
        )
    return cautions


def known_to_training(config: Mapping[str, Any], data: Sequence[Path]) -> list[Path]:
    """Those of `data` that a training's configuration names, or that lie above or below what it names."""
    section = config.get("data") if isinstance(config, Mapping) else None
    roles = [section.get(role) for role in DATA_ROLES] if isinstance(section, Mapping) else []
    known = {Path(f).resolve() for folders in roles if isinstance(folders, list) for f in folders}
    return [
        path
        for path in data
        if any(k.is_relative_to(path.resolve()) or path.resolve().is_relative_to(k) for k in known)
    ]


def promise_table(promise: Promise, temperature: float) -> Table:
    """What each recall costs on the calibration pictures."""
    how = (
        "in expectation"
        if promise.confidence == "expectation"
        else f"confidence {promise.confidence:g}"
    )
    table = Table(title=f"{promise.pictures:,} pictures with persons, {how}", title_justify="left")
    for head in ("recall promised", "threshold", "missed here", "false area here"):
        table.add_column(head, justify="right")
    for recall in RECALLS:
        try:
            at, threshold = promise.index(recall), promise.threshold(recall, temperature)
        except CalibrationError:
            fewest = pictures_needed(recall, promise.confidence)
            table.add_row(f"{recall:.1%}", f"out of reach below {fewest:,} pictures", "–", "–")
        else:
            measured = (f"{promise.missed[at]:.2%}", f"{promise.false_area[at]:.2%}")
            table.add_row(f"{recall:.1%}", f"{threshold:.3g}", *measured)
    return table


def parse_confidence(text: str) -> Confidence:
    """A number or 'expectation'; a number that cannot be is left for the promise to refuse."""
    return "expectation" if text == "expectation" else float(text)


def parser() -> ArgumentParser:
    p = ArgumentParser(
        prog="python -m pii_seg.calibrate",
        description=__doc__,
        formatter_class=PlainHelp,
        parser_mode="toml",
        exit_on_error=False,
    )
    p.add_argument("--config", action="config", help="a TOML file with any of these arguments")
    p.add_argument("--checkpoint", type=Path, required=True, help="RUN/best.ckpt of a training")
    p.add_argument(
        "--data",
        type=Path,
        nargs="+",
        required=True,
        help="labelled pictures like yours, unknown to the training: a dataset, images/ + masks/, COCO JSON, Pascal "
        "VOC; or a folder of several, taken together",
    )
    p.add_argument(
        "--output",
        type=Path,
        help="the checkpoint to write; default: calibrated.ckpt beside the other",
    )
    p.add_argument(
        "--confidence",
        type=parse_confidence,
        default=0.95,
        help="probability, over the draw of the calibration pictures, that the promise holds; 'expectation': that "
        "it holds in the mean over such draws, which is weaker and needs fewer pictures",
    )
    p.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, mps")
    p.add_argument(
        "--strict", action="store_true", help="a file that cannot be read is an error, not left out"
    )
    add_inference_arguments(p)
    p.set_defaults(tiles="auto")  # as pii_seg.anonymize, whose promise this is
    return p


def main(argv: list[str] | None = None) -> int:
    def work() -> int:
        arguments = parse(parser(), argv)
        done = calibrate(
            arguments.checkpoint,
            arguments.data,
            arguments.output,
            inference_settings(arguments),
            confidence=arguments.confidence,
            strict=arguments.strict,
            device=arguments.device,
        )
        Console().print(promise_table(done.promise, done.temperature))
        if kept := [recall for recall in RECALLS if recall <= done.promise.best_recall]:
            print(done.promise.statement(kept[-1]))
        for caution in done.cautions:
            print(f"warning: {caution}", file=sys.stderr)
        print(done.output)
        return DONE

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
