"""Calibrate a checkpoint on images with masks: fit its temperature and compute its promise.

The promise is that of `pii_seg.evaluation.conformal`. It holds for images that are drawn like those
calibrated on, predicted with the same settings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from blender_addon.dataset import iter_lines
from pii_seg.config import GIVEN_ROLES
from pii_seg.data.content_hash import CONTENT, ContentHashes, sketch_of
from pii_seg.data.progress import OnImage, no_progress
from pii_seg.data.sources import MaskOptions, Sample, Source, notes_of
from pii_seg.data.sources.dataset_contract import ContractSource
from pii_seg.errors import CalibrationError, CheckpointError, InputError
from pii_seg.evaluation.conformal import Promise, make_promise, missed_shares
from pii_seg.evaluation.counting import BINS
from pii_seg.evaluation.measure import PredictLogits, evaluate_images, open_data, refuse_inside
from pii_seg.evaluation.metrics import Totals
from pii_seg.evaluation.person_counts import (
    ImagePersons,
    PersonTable,
    count_persons,
    table_of,
)
from pii_seg.evaluation.person_promise import NO_PERSONS, PersonPromise, cuts_of
from pii_seg.evaluation.risk_bounds import Confidence, check_confidence
from pii_seg.evaluation.temperature import fit_temperature, rescale_threshold
from pii_seg.inference.calibrated import (
    calibrated_name,
    load_model,
    save_model,
    with_calibration,
)
from pii_seg.inference.engine import ENGINE
from pii_seg.inference.export_folder import refuse_other_content
from pii_seg.inference.exported import is_exported
from pii_seg.inference.loading import load_segmenter
from pii_seg.inference.parallel import worker_threads
from pii_seg.inference.settings import InferenceSettings
from pii_seg.inference.tiling import predict_logits
from pii_seg.models.checkpoint import load_checkpoint

FEW = 100  # images: with fewer, even a segmenter that misses nothing can promise little
# Of a training's configuration, those that decide its weights or the choice among them.


@dataclass(frozen=True)
class CalibrationData:
    """Counts that a calibration needs; no image is kept.

    Attributes:
        totals: Counts of all images.
        losses: float32 (n, BINS): `missed_shares` of each image with a person, in the order of the
            images' fingerprints.
        persons: What each person takes to be covered, of images that tell persons apart.
        sha256: Hash of those fingerprints.
        twice: Number of images that are copies of earlier ones, and were not counted again.
        faults: A message for each image that could not be read.
    """

    totals: Totals
    losses: np.ndarray
    persons: PersonTable
    sha256: str
    twice: int
    faults: tuple[str, ...]


@dataclass(frozen=True)
class CalibrationResult:
    """A calibrated checkpoint that was written, and warnings against relying on it.

    `persons`: the promise about persons; None if no image tells persons apart.
    `threshold`: the checkpoint's own, which the temperature leaves at the same logit.
    `notes`: how the masks were read, and what is unusual about them.
    """

    promise: Promise
    persons: PersonPromise | None
    temperature: float
    threshold: float
    output: Path
    cautions: tuple[str, ...]
    notes: tuple[str, ...] = ()


def calibrate(
    checkpoint: Path | str,
    data: Sequence[Path | str],
    output: Path | str | None = None,
    settings: InferenceSettings | None = None,
    *,
    confidence: Confidence = 0.95,
    strict: bool = False,
    masks: MaskOptions | None = None,
    device: str = "cpu",
    backend: str | None = None,
    on_image: OnImage = no_progress,
) -> CalibrationResult:
    """Calibrate `checkpoint` on `data` and write it to `output`.

    Args:
        checkpoint: RUN/best.ckpt of a training, or a folder of `pii-seg export-model`.
        data: Folders of images with masks, which the training has not used.
        output: The file to write; calibrated.ckpt beside the checkpoint by default.
        settings: The settings that will be used later; `InferenceSettings()` by default.
        confidence: Probability that the promise holds, over the draw of the images, or
            "expectation"; see `pii_seg.evaluation.conformal`.
        strict: Raise for an image that cannot be used, rather than leaving it out.
        masks: How masks are read, and which classes are persons; by default that is recognised.
        device: "cpu", "cuda", "mps", …
        backend: The program that computes, for which the promise holds; see
            `inference.loading.load_segmenter`.
        on_image: Progress callback.

    Returns:
        The promise, the temperature and the warnings.

    Raises:
        InputError: `output` is a folder.
        CheckpointError: The checkpoint cannot be used.
        DataError: Data cannot be opened or used.
        CalibrationError: The data cannot determine a temperature or allow no promise. In every
            case nothing is written.
    """
    check_confidence(confidence)
    settings = settings or InferenceSettings()
    checkpoint = Path(checkpoint)
    output = Path(output) if output else calibrated_name(checkpoint)
    refuse_output(output, checkpoint, data)
    model = load_model(checkpoint)
    loaded = load_segmenter(checkpoint, backend=backend, device=device, bound=False)
    sources = open_data(data, [], strict=strict, masks=masks)
    with worker_threads(device) as workers:
        collected = collect_losses(
            lambda image: predict_logits(loaded.segmenter, image, settings),
            sources,
            cuts=cuts_of(loaded.threshold, loaded.temperature),
            workers=workers,
            on_image=on_image,
        )
    promise = promise_of(collected, confidence, settings)
    persons = person_promise_of(collected, confidence, settings)
    temperature = fit_temperature(collected.totals)
    threshold = rescale_threshold(loaded.threshold, temperature / loaded.temperature)
    plain = {**promise.plain(), **(persons.plain() if persons else {})}
    calibration = {**plain, ENGINE: loaded.engine}
    save_model(
        output,
        with_calibration(
            model, temperature=temperature, threshold=threshold, calibration=calibration
        ),
    )
    sketch = model.provenance.get("data_sketch", [])
    cautions = (*cautions_of(collected), *cautions_of_data(model.config, data, sources, sketch))
    notes = tuple(note for source in sources for note in notes_of(source))
    return CalibrationResult(promise, persons, temperature, threshold, output, cautions, notes)


def refuse_output(output: Path, checkpoint: Path, data: Sequence[Path | str]) -> None:
    """Raise InputError when the calibrated checkpoint would replace something else."""
    if is_exported(checkpoint):
        if output.exists() and output.samefile(checkpoint):
            raise InputError(
                f"--output {output}: is the --checkpoint itself; choose another folder"
            )
        refuse_other_content(output)
        refuse_inside("--output", output, data)
        return
    if output.is_dir():
        raise InputError(f"--output {output}: is a folder; expected a file name for the checkpoint")
    if output.exists() and checkpoint.exists() and output.samefile(checkpoint):
        raise InputError(f"--output {output}: is the --checkpoint itself; choose another name")
    if output.exists():
        try:
            load_checkpoint(output)
        except CheckpointError:
            raise InputError(
                f"--output {output}: is there already, and no checkpoint; choose another name"
            ) from None
    refuse_inside("--output", output, data)


def collect_losses(
    predict: PredictLogits,
    sources: Sequence[Source],
    *,
    cuts: Sequence[int] = (),
    workers: int = 1,
    on_image: OnImage = no_progress,
) -> CalibrationData:
    """Run a segmenter on all images of `sources`.

    Args:
        predict: From an image to logits; called from `workers` threads.
        sources: Images with masks.
        cuts: Indices of the thresholds at which margins are counted.
        workers: Number of images to predict at the same time.
        on_image: Progress callback.

    Returns:
        The counts.

    Raises:
        DataError: A source has no masks, or none of its images can be read.
    """
    totals, losses, faults = Totals(), dict[str, np.ndarray](), []
    persons: dict[str, ImagePersons] = {}
    seen: set[str] = set()
    twice = done = 0
    total = sum(map(len, sources))
    for source in sources:
        faults += [str(fault) for fault in source.faults]
        results = evaluate_images(
            predict,
            source,
            threshold=totals.threshold,
            boundary=False,
            faults=faults,
            workers=workers,
        )
        for result in results:
            done += 1
            on_image("calibrate", done, total)
            name = fingerprint(result.sample)
            # A copy adds no information, and would count as one more independent image.
            if name in seen:
                twice += 1
                continue
            seen.add(name)
            totals.add(result.count)
            if result.count.has_person:
                losses[name] = missed_shares(result.count.person)
            sample, counted = result.sample, result.count.persons
            if sample.instances is not None and counted:
                persons[name] = count_persons(
                    counted, result.logits, sample.target, sample.instances, cuts
                )
    rows, sha256 = _in_order(losses)
    return CalibrationData(totals, rows, table_of(persons, cuts), sha256, twice, tuple(faults))


def _in_order(losses: Mapping[str, np.ndarray]) -> tuple[np.ndarray, str]:
    """Sort losses by fingerprint; return them, float32 (n, BINS), and the hash of the names.

    So the order is the same on every machine and independent of the losses, which that of file
    names is not.
    """
    names = sorted(losses)
    rows = [np.zeros((0, BINS), np.float32), *(losses[name][None] for name in names)]
    return np.concatenate(rows), hashlib.sha256("".join(names).encode()).hexdigest()


def fingerprint(sample: Sample) -> str:
    """SHA-256, in hex, of the pixels and the mask of an image; its name is not part of it."""
    content = hashlib.sha256(repr(sample.image.shape).encode())
    content.update(np.ascontiguousarray(sample.image).data)
    content.update(np.ascontiguousarray(sample.target).data)
    return content.hexdigest()


def promise_of(
    collected: CalibrationData, confidence: Confidence, settings: InferenceSettings
) -> Promise:
    """Compute the promise that the collected losses allow.

    Raises:
        CalibrationError: They allow none.
    """
    background = collected.totals.background
    if not background.any():
        raise CalibrationError(
            "the data show nothing but persons, so that the false area cannot be measured"
        )
    return make_promise(
        collected.losses,
        confidence=confidence,
        false_area=np.cumsum(background[::-1])[::-1] / background.sum(),
        inference=asdict(settings),
        data_sha256=collected.sha256,
    )


def person_promise_of(
    collected: CalibrationData, confidence: Confidence, settings: InferenceSettings
) -> PersonPromise | None:
    """Return the promise about persons; None if no image tells persons apart."""
    if not len(collected.persons.persons):
        return None
    return PersonPromise(confidence, collected.persons, asdict(settings), collected.sha256)


def cautions_of(collected: CalibrationData) -> list[str]:
    """Warnings that follow from the number of images and their faults."""
    cautions = []
    if len(collected.losses) < FEW:
        cautions.append(
            f"only {len(collected.losses)} images with persons; fewer than {FEW} can promise little"
        )
    told_apart = len(collected.persons.persons)
    if not told_apart:
        cautions.append(NO_PERSONS)
    elif told_apart < len(collected.losses):
        cautions.append(
            f"{len(collected.losses) - told_apart} images with persons do not tell them apart; "
            "promises per person are about the others"
        )
    if collected.twice:
        cautions.append(f"{collected.twice} images are copies of others and were not counted")
    if collected.faults:
        cautions.append(
            f"images left out: {len(collected.faults)}; if the reason depends on what they show, "
            f"the rest is not like your images. The first: {collected.faults[0]}"
        )
    return cautions


def cautions_of_data(
    config: Mapping[str, Any],
    data: Sequence[Path | str],
    sources: Sequence[Source],
    sketch: Sequence[str] = (),
) -> list[str]:
    """Warnings about images that cannot be like those that the promise is needed for."""
    cautions = []
    for source in sources:
        if isinstance(source, ContractSource):
            kinds = {str(line.get("source")) for line in iter_lines(source.root)} - {"photo"}
            if kinds:
                cautions.append(
                    f"{source.name}: holds images of source {', '.join(sorted(kinds))}; the "
                    "promise is about such images, not about photos"
                )
    for path in known_to_training(config, data, sketch):
        cautions.append(
            f"{path}: was part of the checkpoint's training, which fits these images better than "
            "any others: the promise does not hold for yours"
        )
    return cautions


def known_to_training(
    config: Mapping[str, Any], data: Sequence[Path | str], sketch: Sequence[str] = ()
) -> list[Path]:
    """The folders of `data` that were part of a training.

    Args:
        config: The training's configuration. Those of earlier versions name folders.
        data: The folders.
        sketch: What the training recorded of its images (`sketch_of`). Folders that share some
            with it are found; of a training on very many images, those that share a good part.
    """
    section = config.get("data") if isinstance(config, Mapping) else None
    roles = [section.get(role) for role in GIVEN_ROLES] if isinstance(section, Mapping) else []
    named = {str(f) for folders in roles if isinstance(folders, list) for f in folders}
    known = {Path(f).resolve() for f in named if not f.startswith(CONTENT)}
    hashes, sketched = ContentHashes(), set(map(str, sketch))

    def shares_images(path: Path) -> bool:
        if not sketched or not path.exists():
            return False
        return bool(sketched & set(sketch_of(hashes.contents(path), most=None)))

    return [
        path
        for path in map(Path, data)
        if any(k.is_relative_to(path.resolve()) or path.resolve().is_relative_to(k) for k in known)
        or shares_images(path)
    ]
