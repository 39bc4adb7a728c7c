"""Measure a checkpoint on data sets, and write the figures and the report."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pii_seg.data.progress import OnImage, no_progress
from pii_seg.data.sources import MaskOptions, Source, open_sources
from pii_seg.errors import InputError
from pii_seg.evaluation.counting import snap
from pii_seg.evaluation.history import History, read_history
from pii_seg.evaluation.measure import (
    Evaluation,
    ImageResult,
    evaluate_source,
    open_data,
    refuse_inside,
    require_masks,
    sum_counts,
)
from pii_seg.evaluation.metrics import Totals
from pii_seg.evaluation.temperature import choose_threshold, fit_temperature, rescale_threshold
from pii_seg.evaluation.write_results import (
    ImageTable,
    delete_figures,
    write_figures,
    write_metrics,
    write_report,
)
from pii_seg.inference.calibrated import (
    calibrated_name,
    described_model,
    load_model,
    save_model,
    with_calibration,
)
from pii_seg.inference.cores import usable_cores
from pii_seg.inference.engine import ENGINE
from pii_seg.inference.exported import Exported
from pii_seg.inference.loading import load_segmenter
from pii_seg.inference.parallel import worker_threads
from pii_seg.inference.settings import InferenceSettings
from pii_seg.inference.tiling import Segmenter, predict_logits
from pii_seg.models.checkpoint import Checkpoint

RecallOf = Literal["pixels", "persons"]
"""From an image and a temperature to calibrated logits."""


def evaluate(
    checkpoint: Path | str,
    output: Path | str,
    data: Sequence[Path | str] = (),
    negatives: Sequence[Path | str] = (),
    settings: InferenceSettings | None = None,
    *,
    threshold: float | None = None,
    recall: float | None = None,
    recall_of: RecallOf = "pixels",
    calibrate: Path | str | None = None,
    examples: int = 12,
    strict: bool = False,
    masks: MaskOptions | None = None,
    device: str = "cpu",
    backend: str | None = None,
    on_image: OnImage = no_progress,
) -> list[Evaluation]:
    """Measure a checkpoint; write metrics.json, pictures.csv, figures and report.html.

    Args:
        checkpoint: RUN/best.ckpt of a training.
        output: Folder for the results; it is created if needed.
        data: Folders of images with masks.
        negatives: Folders of images without persons.
        settings: Size, tiles and scales; `InferenceSettings()` by default.
        threshold: Calibrated probability, 0..1, from which a pixel counts as person; by default
            the checkpoint's own.
        recall: Choose the threshold that finds this share, 0..1, of `recall_of` on `calibrate`, or
            on the first data set without it.
        recall_of: The unit of `recall`: "pixels" or "persons" (found by at least half).
        calibrate: Images with masks to fit the temperature on, and the threshold with `recall`. The
            checkpoint that results is written to OUTPUT/calibrated.ckpt.
        examples: The most worst cases shown of each kind and data set. With 0, no image is in the
            output.
        strict: Raise for an image that cannot be used, rather than leaving it out.
        masks: How masks are read, and which classes are persons; by default that is recognised.
        device: "cpu", "cuda", "mps", …
        backend: The program that computes; see `inference.loading.load_segmenter`.
        on_image: Progress callback.

    Returns:
        The measurements, one for each data set.

    Raises:
        InputError: The arguments exclude each other, or `output` is a file.
        DataError: Data cannot be opened or used.
        CheckpointError: The checkpoint cannot be used.
        CalibrationError: The data cannot determine a temperature or threshold.
    """
    checkpoint, output, settings = Path(checkpoint), Path(output), settings or InferenceSettings()
    _check_arguments(data, negatives, threshold, recall, output, examples)
    calibrated = output / calibrated_name(checkpoint).name
    _refuse_to_replace(checkpoint, calibrated, calibrate)
    model = load_model(checkpoint)
    loaded = load_segmenter(checkpoint, backend=backend, device=device, bound=calibrate is None)
    sources = open_data(data, negatives, strict=strict, masks=masks)
    calibration = _open_calibration(calibrate, strict=strict, masks=masks)
    predict = _predictor(loaded.segmenter, settings)
    output.mkdir(parents=True, exist_ok=True)
    delete_figures(output)
    with worker_threads(device) as workers, ImageTable(output / "pictures.csv") as table:
        totals, chosen_by = None, calibration or (sources[0] if recall is not None else None)
        if chosen_by is not None:
            totals = sum_counts(partial(predict, temperature=1.0), chosen_by, workers=workers)
        decided, origin = choose_operating_point(
            model,
            totals,
            engine=loaded.engine,
            calibrates=calibration is not None,
            threshold=threshold,
            recall=recall,
            recall_of=recall_of,
        )
        if calibration is not None:
            save_model(calibrated, decided)
        measure = partial(
            evaluate_source,
            partial(predict, temperature=decided.temperature),
            settings=settings,
            threshold=decided.threshold,
            examples=examples,
            workers=workers,
        )
        evaluations = [measure(s, on_result=_add_to(table, s, on_image)) for s in sources]
    about = describe(checkpoint, decided, settings, origin, loaded.engine)
    # Its training writes metrics.csv there.
    _write_results(output, about, evaluations, read_history(checkpoint.parent / "metrics.csv"))
    return evaluations


def _write_results(
    output: Path, about: dict[str, Any], evaluations: Sequence[Evaluation], history: History
) -> None:
    write_metrics(output / "metrics.json", about, evaluations)
    write_figures(output, evaluations, history)
    write_report(output / "report.html", about, evaluations, history)


def _check_arguments(
    data: Sequence[Path | str],
    negatives: Sequence[Path | str],
    threshold: float | None,
    recall: float | None,
    output: Path,
    examples: int,
) -> None:
    if examples < 0:
        raise InputError(f"--examples {examples}: must be at least 0")
    if not data and not negatives:
        raise InputError("no data to measure on; give --data or --negatives")
    if threshold is not None and recall is not None:
        raise InputError(
            "--threshold and --recall exclude each other: --recall chooses the threshold"
        )
    for name, value in (("threshold", threshold), ("recall", recall)):
        if value is not None and not 0 < value < 1:
            raise InputError(f"--{name} {value}: expected a number between 0 and 1")
    if output.exists() and not output.is_dir():
        raise InputError(f"--output {output}: is a file; expected a folder")
    refuse_inside("--output", output, [*data, *negatives])


def _refuse_to_replace(checkpoint: Path, calibrated: Path, data: Path | str | None) -> None:
    if data is None:
        return
    refuse_inside("--output", calibrated.parent, [data])
    if calibrated.exists() and checkpoint.exists() and calibrated.samefile(checkpoint):
        raise InputError(f"--checkpoint {checkpoint}: would be replaced; give another --output")


def _open_calibration(
    path: Path | str | None, *, strict: bool, masks: MaskOptions | None
) -> Source | None:
    if path is None:
        return None
    sources = open_sources(Path(path), strict=strict, masks=masks)
    if len(sources) > 1:
        raise InputError(f"--calibrate {path}: holds several data sets; name one of them")
    require_masks(sources[0])
    return sources[0]


def _predictor(segmenter: Segmenter, settings: InferenceSettings) -> Callable[..., np.ndarray]:
    """A function that returns the logits of an image, divided by `temperature`."""

    def predict(image: np.ndarray, temperature: float) -> np.ndarray:
        logits = predict_logits(segmenter, image, settings)
        logits /= temperature
        return logits

    return predict


def _add_to(table: ImageTable, source: Source, on_image: OnImage) -> Callable[[ImageResult], None]:
    """A callback that writes each result of `source` to the table and reports it as done."""
    done = itertools.count(1)

    def on_result(result: ImageResult) -> None:
        table.add(source.name, result)
        on_image(source.name, next(done), len(source))

    return on_result


def choose_operating_point(
    checkpoint: Checkpoint | Exported,
    totals: Totals | None,
    *,
    engine: Mapping[str, Any],
    calibrates: bool,
    threshold: float | None,
    recall: float | None,
    recall_of: RecallOf,
) -> tuple[Checkpoint | Exported, str]:
    """Choose the temperature and threshold to measure at.

    Args:
        checkpoint: The checkpoint as loaded.
        totals: Counts of the uncalibrated logits of the data to choose by; None without a choice.
        engine: Back end, precision and preprocessing that `totals` are from.
        calibrates: Fit the temperature on `totals`.
        threshold: The threshold that the user gave.
        recall: The recall that the user gave.
        recall_of: The unit of `recall`.

    Returns:
        The checkpoint with both values, and a phrase that says where the threshold is from.

    Raises:
        CalibrationError: The data cannot determine a temperature or threshold.
    """
    if totals is None:
        origin = "the checkpoint" if threshold is None else "--threshold"
        chosen = checkpoint.threshold if threshold is None else threshold
        return replace(checkpoint, threshold=snap(chosen)), origin
    temperature = fit_temperature(totals) if calibrates else checkpoint.temperature
    if recall is not None:
        chosen = rescale_threshold(choose_threshold(totals, recall, of=recall_of), temperature)
        data = "calibration data" if calibrates else "first data set itself"
        origin = f"a recall of {recall:.1%} of {recall_of} on the {data}"
    elif threshold is not None:
        chosen, origin = threshold, "--threshold"
    else:  # the masks stay the same, the probabilities become calibrated
        chosen = rescale_threshold(checkpoint.threshold, temperature / checkpoint.temperature)
        origin = "the checkpoint, for the new temperature"
    chosen_by = {
        "pictures": totals.pictures,
        "persons": int(totals.persons.sum()),
        "threshold_from": origin,
        ENGINE: dict(engine),
    }
    decided = with_calibration(
        checkpoint, temperature=temperature, threshold=snap(chosen), calibration=chosen_by
    )
    return decided, origin


def describe(
    path: Path,
    checkpoint: Checkpoint | Exported,
    settings: InferenceSettings,
    origin: str,
    engine: Mapping[str, Any],
) -> dict[str, Any]:
    """The checkpoint and settings that were measured, for metrics.json and the report's head."""
    return {
        "checkpoint": path.name,
        "model": described_model(checkpoint),
        "engine": dict(engine),
        "temperature": checkpoint.temperature,
        "threshold": checkpoint.threshold,
        "threshold_from": origin,
        "inference": asdict(settings),
        "threads": usable_cores(),
    }
