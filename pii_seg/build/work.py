"""The work of a build's stages: each function writes the files of one stage into its folder."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from blender_addon.dataset import DatasetError, iter_lines, read_info, write_atomically
from pii_seg.build.card import write_card
from pii_seg.build.manifest import write_manifest
from pii_seg.build.recipe import RECALLS, BuildRecipe, Choice
from pii_seg.config import TrainConfig
from pii_seg.data.content_hash import ContentHashes
from pii_seg.data.files import list_files
from pii_seg.data.sources import IGNORE, PERSON, open_sources
from pii_seg.errors import CalibrationError, DataError
from pii_seg.evaluation.calibrate import calibrate
from pii_seg.evaluation.counting import THRESHOLDS, PersonCount, threshold_index
from pii_seg.evaluation.evaluate import evaluate
from pii_seg.evaluation.measure import open_data
from pii_seg.evaluation.metrics import Curves, Scores
from pii_seg.evaluation.person_groups import groups_of, recalls
from pii_seg.inference.export.write import write_export
from pii_seg.inference.exported import ONNX
from pii_seg.inference.recommended import KEY, stated
from pii_seg.inference.settings import InferenceSettings
from pii_seg.models.checkpoint import (
    load_checkpoint,
    save_checkpoint,
    save_pretrained,
)
from pii_seg.models.checkpoint_hash import checkpoint_sha256
from pii_seg.models.half_precision import rounded_to_half
from pii_seg.models.model_soup import mean_checkpoint
from pii_seg.selftrain.comparison import measured, totals_of
from pii_seg.selftrain.early import saving_early
from pii_seg.selftrain.stages import Stage
from pii_seg.training.fit import fit
from pii_seg.training.run_folder import BEST

CALIBRATED = "calibrated.ckpt"
Log = Callable[[str], None]
Result = dict[str, Any]
"""Result of a stage, as plain data."""


def count_datasets(folder: Path, datasets: Sequence[Stage]) -> Result:
    """Open every file of the datasets and count. Raises DataError for one without persons."""
    counts: dict[str, Any] = {}
    for stage in datasets:
        source = open_sources(stage.folder)[0]
        faults = list(map(str, source.faults))
        persons = shown = empty = 0
        area = []
        for number in range(len(source)):
            try:
                sample = source.load(number)
            except DataError as error:
                faults.append(str(error))
                continue
            persons += len(sample.visibility)
            share = float((sample.target == PERSON).mean())
            area.append(share / max(1e-9, float((sample.target != IGNORE).mean())))
            shown += share > 0
            empty += share == 0
        if not shown:
            why = f"; the first that cannot be used: {faults[0]}" if faults else ""
            raise DataError(f"{stage.folder}: shows no person; check its recipe{why}")
        counts[stage.name] = {
            "images": len(area),
            "persons": persons,
            "images_without_persons": empty,
            "area_of_persons": round(float(np.mean(area)), 4),
            "left_out": len(faults),
        }
    write_atomically(folder / "counts.json", json.dumps(counts, indent=2).encode() + b"\n")
    return counts


def train_in(
    folder: Path, config: TrainConfig, before: Stage | None, hashes: ContentHashes
) -> Result:
    """Train in a folder, or resume there."""
    start = load_checkpoint(before.folder / BEST) if before else None
    early = saving_early(folder, config, hashes)
    result = fit(config, folder, resume=True, start_from=start, callbacks=[early], hashes=hashes)
    if result.ended == "interrupted":
        raise KeyboardInterrupt
    return {"iou": result.iou, "steps": result.steps, "seconds": round(result.seconds, 1)}


def average_in(folder: Path, checkpoints: Sequence[Path]) -> Result:
    """Average the weights of checkpoints."""
    save_checkpoint(folder / BEST, mean_checkpoint([load_checkpoint(p) for p in checkpoints]))
    return {"of": [f"{path.parent.name}/{path.name}" for path in checkpoints]}


def compare_in(
    folder: Path,
    candidates: Mapping[str, Path],
    held_out: Sequence[Path],
    photos: Sequence[Path],
    averages: Collection[str],
    choice: Choice,
    inference: InferenceSettings,
    device: str,
) -> Result:
    """Score the candidates on held-out renders; heads count as much as everything else.

    The score is the mean of the person IoU and, where the renders have the pass parts, the share of
    the heads' pixels that is found. It is taken at the lowest threshold that keeps the false area
    of the photos without people, or at 0.5 without photos.
    """
    renders, empty = open_data(held_out, []), open_data([], photos)
    scores: dict[str, dict[str, Any]] = {}
    for name, path in candidates.items():
        totals = totals_of(path, renders, device, inference)
        threshold = totals.threshold
        false = math.nan
        if empty:
            curves = totals_of(path, empty, device, inference).curves()
            threshold, false = lowest_threshold(curves, choice.false_area)
        found = totals.scores(threshold)
        parts = [found.iou] + ([found.head_recall] if found.heads else [])
        scores[name] = {
            "score": round(float(np.mean(parts)), 5),
            "threshold": threshold,
            "false_area": None if math.isnan(false) else round(false, 5),
            "iou": round(found.iou, 5),
            "recall": round(found.recall, 5),
            "heads": found.heads,
            "head_recall": round(found.head_recall, 5) if found.heads else None,
        }
    result = {"chosen": chosen_of(scores, averages, choice.by_chance), "scores": scores}
    write_atomically(folder / "scores.json", json.dumps(result, indent=2).encode() + b"\n")
    return result


def chosen_of(
    scores: Mapping[str, Mapping[str, Any]], averages: Collection[str], by_chance: float
) -> str:
    """The candidate with the best score, or the best average if that is worse by chance at most."""

    def score(name: str) -> float:
        return float(scores[name]["score"])

    best = max(scores, key=score)
    if averages and score(best) - score(average := max(averages, key=score)) <= by_chance:
        return average
    return best


def lowest_threshold(curves: Curves, most: float) -> tuple[float, float]:
    """Return the lowest threshold whose false area is at most `most`, and that false area.

    Raises:
        DataError: No threshold keeps it.
    """
    # Not at the ends of float32's logistic, where a checkpoint's threshold may not lie.
    usable = (THRESHOLDS >= 1e-4) & (THRESHOLDS <= 1 - 1e-4)
    fitting = np.flatnonzero(usable & (curves.false_area <= most))
    if not len(fitting):
        raise DataError(
            f"[choice] false_area {most:g}: at every threshold more of the photos without people "
            "is taken for people; allow more, or train longer"
        )
    return float(THRESHOLDS[fitting[0]]), float(curves.false_area[fitting[0]])


def round_in(folder: Path, checkpoint: Path, threshold: float) -> Result:
    """Round the weights to what half precision holds, so that files half the size lose nothing."""
    loaded = load_checkpoint(checkpoint)
    weights = rounded_to_half(loaded.weights)
    rounded = dataclasses.replace(loaded, weights=weights, threshold=threshold)
    save_checkpoint(folder / BEST, rounded)
    return {"threshold": threshold}


def copy_dataset(folder: Path, dataset: Path) -> Result:
    """Bring a dataset into the run, by hard links where the file system allows it.

    Raises:
        DataError: It is no rendered dataset.
    """
    try:
        read_info(dataset)
    except DatasetError as error:
        raise DataError(str(error)) from None
    for path in list_files(dataset).files:
        target = folder / path.relative_to(dataset)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            os.link(path, target)
        except OSError:
            shutil.copyfile(path, target)
    return {}


def calibrate_in(
    folder: Path,
    checkpoint: Path,
    held_out: Sequence[Path],
    inference: InferenceSettings,
    device: str,
    log: Log,
) -> Result:
    """Calibrate; the thresholds of RECALLS are None where there are too few images for them."""
    result = calibrate(checkpoint, held_out, folder / CALIBRATED, inference, device=device)
    thresholds: dict[str, float | None] = {}
    for recall in RECALLS:
        try:
            thresholds[f"{recall:g}"] = result.promise.threshold(recall, result.temperature)
        except CalibrationError as error:
            log(f"calibration: {error}")
            thresholds[f"{recall:g}"] = None
    return {
        "temperature": result.temperature,
        "thresholds": thresholds,
        "cautions": list(result.cautions),
    }


def group_in(
    folder: Path,
    calibrated: Stage,
    held_out: Sequence[Path],
    inference: InferenceSettings,
    device: str,
) -> Result:
    """Count the recall of each group of persons in the held-out renders, at its own threshold."""
    checkpoint = calibrated.folder / CALIBRATED
    threshold = load_checkpoint(checkpoint).threshold
    counted: list[tuple[PersonCount, list[tuple[str, str]]]] = []
    for dataset in held_out:
        lines = {PurePosixPath(line["file_name"]).stem: line for line in iter_lines(dataset)}
        for result in measured(checkpoint, open_data([dataset], []), device, settings=inference):
            line = lines[PurePosixPath(result.sample.name).name]
            entries = {entry["id"]: entry for entry in line["persons"]}
            counted += [
                (person, groups_of(entries[person.id], line))
                for person in result.count.persons or ()
            ]
    groups = [asdict(group) for group in recalls(counted, threshold_index(threshold))]
    for group in groups:
        group["error"] = None if math.isnan(group["error"]) else group["error"]
    write_atomically(folder / "groups.json", json.dumps(groups, indent=2).encode() + b"\n")
    return {"threshold": threshold, "groups": groups}


def measure_in(folder: Path, calibrated: Stage, recipe: BuildRecipe, device: str) -> Result:
    """Measure at the segmenter's own threshold and at those of the promised recalls."""
    given = recipe.measured
    if not (given.data or given.negatives):
        return {}
    checkpoint = calibrated.folder / CALIBRATED
    thresholds = {"own": load_checkpoint(checkpoint).threshold}
    thresholds |= {
        f"recall-{recall}": threshold
        for recall, threshold in calibrated.result["thresholds"].items()
        if threshold is not None
    }
    evaluations = evaluate(  # one pass counts for every threshold
        checkpoint,
        folder,
        given.data,
        given.negatives,
        recipe.inference,
        threshold=thresholds["own"],
        examples=0,
        device=device,
    )
    return {
        name: {
            "threshold": threshold,
            "sets": {e.name: figures_of(e.totals.scores(threshold)) for e in evaluations},
        }
        for name, threshold in thresholds.items()
    }


def figures_of(scores: Scores) -> dict[str, float | None]:
    """The figures of the card; None where a data set has none of what is counted."""
    names = ("pictures", "persons", "iou_per_picture", "iou", "recall", "missed")
    of_heads = ("heads", "head_recall", "heads_covered")
    values = {name: getattr(scores, name) for name in (*names, *of_heads, "false_area")}
    return {
        name: None if isinstance(value, float) and not np.isfinite(value) else round(value, 4)
        for name, value in values.items()
    }


def share_in(
    folder: Path, recipe: BuildRecipe, stages: Mapping[str, Stage], hashes: ContentHashes
) -> Result:
    """Write the segmenter, its ONNX model, its manifest and its card.

    The promise stays behind: it holds for images like the held-out renders, not for photos, and
    would bind the segmenter to one back end. The card states its thresholds.
    """
    segmenter = folder / "segmenter"
    checkpoint = load_checkpoint(stages["calibration"].folder / CALIBRATED)
    config = {**checkpoint.config, KEY: stated(recipe.inference)}
    checkpoint = dataclasses.replace(checkpoint, calibration={}, config=config)
    save_pretrained(segmenter, checkpoint, half=True)
    write_export(
        checkpoint, checkpoint_sha256(segmenter), segmenter / ONNX, ONNX, inside_temperature=False
    )
    manifest = write_manifest(segmenter, recipe, stages, hashes)
    write_card(segmenter, recipe, stages, manifest, checkpoint)
    return {"files": sorted(list_files(segmenter).names)}
