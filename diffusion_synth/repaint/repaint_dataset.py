"""Repainting of a dataset: every image in every variant, resumable and divisible into shards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from blender_addon.dataset import (
    CONTACT_SHEET_NAME,
    PASS_FILES,
    DatasetWriter,
    output_lock,
    refuse_foreign_folder,
)
from diffusion_synth.errors import ConfigError
from diffusion_synth.prompts.from_annotation import person_words, scene_words
from diffusion_synth.prompts.grammar import Grammar, Prompt, read_grammar
from diffusion_synth.randomness import generator_of
from diffusion_synth.repaint.contact_sheet import Example, write_contact_sheet
from diffusion_synth.repaint.crops import CropSettings
from diffusion_synth.repaint.dataset_reader import Dataset, Sample
from diffusion_synth.repaint.filtering import (
    ACCEPTED,
    FLAT,
    ClassLoss,
    FilterSettings,
    Segment,
    measure_class_loss,
)
from diffusion_synth.repaint.repaint_image import PersonResult, Repainter, RepaintResult

REJECTED_NAME, LOCK_PREFIX = "rejected.png", ".repaint-"
ALGORITHM = 2  # to be raised when the same settings and inputs give other images
SHEET_EXAMPLES = 12
PASS_KEYS = {file.key for file in PASS_FILES.values()}
BASELINE_IMAGES = 50  # to measure a segmenter's baseline loss on


@dataclass(frozen=True)
class RepaintJob:
    """The settings that decide every image of the output; the recipe in its dataset.json.

    Attributes:
        variants: Number of variants of every image.
        seed: Seed of prompts and noise.
        painter: Description of the painter, with the hash of its weights.
        crops: How persons are cut out.
        filter: Which painted persons are accepted.
        segmenter: Name of the segmenter; empty without one.
        prompts: File name of the grammar, and the hash of its content.
        algorithm: ALGORITHM.
    """

    variants: int
    seed: int
    painter: dict[str, Any]
    crops: CropSettings
    filter: FilterSettings
    segmenter: str
    prompts: str
    algorithm: int = ALGORITHM

    def info(self, source: Dataset) -> dict[str, Any]:
        """Return the content of dataset.json."""
        return {
            "name": f"{source.info.get('name', 'images')}, repainted",
            "generator": "diffusion_synth",
            "seed": self.seed,
            "count": len(source) * self.variants,
            "recipe": {
                **{
                    key: value
                    for key, value in asdict(self, dict_factory=drop_none).items()
                    if key != "seed"
                },
                "source": source.content_hash(),  # not its path: moved data resume
            },
            "licences": source.info.get("licences", {}),
            # The repainted images show what is around the persons, and the persons' outlines.
            **{key: source.info[key] for key in ("credits",) if key in source.info},
        }


def drop_none(entries: list[tuple[str, Any]]) -> dict[str, Any]:
    """Drop options that are None, so that a new option does not change jobs begun before it."""
    return {key: value for key, value in entries if value is not None}


@dataclass
class Tally:
    """Counts of images and persons of a run, and examples for its contact sheets."""

    images: int = 0
    left_out: int = 0
    persons: Counter[str] = field(default_factory=Counter)
    kept: list[Example] = field(default_factory=list)
    rejected: list[Example] = field(default_factory=list)

    def count(self, sample: Sample, result: RepaintResult) -> None:
        """Add one result."""
        self.images += 1
        self.left_out += not result.accepted
        self.persons.update(person.reason for person in result.persons)
        examples = self.kept if result.accepted else self.rejected
        if len(examples) < SHEET_EXAMPLES:
            examples.append(
                Example(sample.image, result.painted, sample.mask, caption(result.persons))
            )

    def summary(self) -> str:
        """Return the counts in one line."""
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.persons.most_common())
        return f"{self.images} images, {self.left_out} left out; persons: {reasons or 'none'}"


def caption(persons: Sequence[PersonResult]) -> str:
    """Return the line below an example: the first prompt, and the IoUs."""
    overlaps = " ".join(f"{person.iou:.2f}" for person in persons if person.iou is not None)
    prompt = next((person.prompt.inside for person in persons if person.prompt.inside), "")
    return f"{prompt}  IoU {overlaps}" if overlaps else prompt


def repaint_dataset(
    source: Dataset | Path | str,
    output: Path | str,
    repainter: Repainter,
    grammar: Grammar | None = None,
    *,
    variants: int = 1,
    seed: int = 0,
    shard: tuple[int, int] = (1, 1),
    overwrite: bool = False,
    report: Callable[[int, int, Tally], None] = lambda done, total, tally: None,
) -> Tally:
    """Repaint a dataset into another one; images that are already there are skipped.

        repainter = Repainter.from_pipeline(load_pipeline())
        tally = repaint_dataset("renders", "repainted", repainter, variants=2)

    Args:
        source: The dataset whose persons are repainted, or its folder.
        output: Folder of the result. The same call resumes a run that was interrupted.
        repainter: Paints and verifies persons.
        grammar: Prompts; None for the default grammar.
        variants: Number of variants of every image.
        seed: Seed of prompts and noise.
        shard: (I, N): repaint the I-th of N parts.
        overwrite: Delete a dataset in `output` first.
        report: Called with images done, images in all, and the tally.

    Returns:
        Counts of this run.

    Raises:
        DatasetError: `output` holds something else, an image cannot be read, or another run writes
            to `output`.
        ConfigError: The seed is below 0, or the default grammar cannot be read.
        FloatingPointError: The model yields no numbers, or paints nothing but flat colour.
    """
    if seed < 0:
        raise ConfigError(f"seed must be at least 0, got {seed}")
    source = source if isinstance(source, Dataset) else Dataset(Path(source))
    output = Path(output)
    grammar = read_grammar() if grammar is None else grammar
    job = RepaintJob(
        variants, seed, dict(repainter.description), repainter.crops, repainter.filter,
        repainter.segmenter, f"{Path(grammar.name).name} {grammar.identity()}",
    )  # fmt: skip
    with shard_lock(output, shard, alone=overwrite):
        if overwrite:
            (output / REJECTED_NAME).unlink(missing_ok=True)
        writer = DatasetWriter(output, job.info(source), overwrite=overwrite)
        tally = repaint_missing(writer, source, repainter, grammar, job, shard, report)
        for name, examples in ((CONTACT_SHEET_NAME, tally.kept), (REJECTED_NAME, tally.rejected)):
            if examples:
                write_contact_sheet(output / name, examples)
    if tally.persons[FLAT] and not tally.persons[ACCEPTED]:
        raise FloatingPointError(
            "the model paints nothing but flat colour, so no image was accepted; its numbers may "
            "overflow: use --precision float32, or another --model"
        )
    return tally


def repaint_missing(
    writer: DatasetWriter,
    source: Dataset,
    repainter: Repainter,
    grammar: Grammar,
    job: RepaintJob,
    shard: tuple[int, int],
    report: Callable[[int, int, Tally], None],
) -> Tally:
    """Repaint the images of a shard that are not done, and sort the index when all are."""
    variants, seed = job.variants, job.seed
    part, parts = shard
    positions = range(part - 1, len(source), parts)
    indices = [position * variants + v for position in positions for v in range(variants)]
    writer.remove_leftovers(indices)
    total, tally = len(indices), Tally()
    done = sum(index in writer.done for index in indices)
    report(done, total, tally)
    for position in positions:
        missing = [v for v in range(variants) if position * variants + v not in writer.done]
        if not missing:
            continue
        sample = source.sample(position)
        prompts = prompt_drawer(grammar, sample, seed, position)
        results = repainter.repaint(sample, prompts, partial(noise_seed, seed, position), missing)
        for variant, result in zip(missing, results, strict=True):
            index = position * variants + variant
            if result.accepted:
                writer.add(*line_and_files(sample, result, job, position, variant, index))
            else:
                writer.leave_out(index, result.reason)
            tally.count(sample, result)
            done += 1
            report(done, total, tally)
    writer.finish()
    return tally


@contextmanager
def shard_lock(output: Path, shard: tuple[int, int], *, alone: bool) -> Iterator[None]:
    """Hold the lock of a shard of `output`; shards of one division run at once.

    Args:
        output: The dataset that is written.
        shard: (I, N).
        alone: Whether no other shard may run, since the dataset is deleted first.

    Raises:
        DatasetError: Another run has the shard or another division, or `output` is foreign.
    """
    refuse_foreign_folder(output)  # before the lock file is made
    division = f"-of-{shard[1]}.lock"
    own = output / f"{LOCK_PREFIX}{shard[0]}{division}"
    with output_lock(own):
        for path in output.glob(f"{LOCK_PREFIX}*.lock"):
            if path != own and (alone or not path.name.endswith(division)):
                with output_lock(path):  # raises where another run holds it
                    pass
        yield


def prompt_drawer(
    grammar: Grammar, sample: Sample, seed: int, position: int
) -> Callable[[int, int], Prompt]:
    """Return (person's id, variant) → prompt.

    The words of the scene and of poses are those of the annotation; a person's other words are
    drawn, since another person is painted.
    """
    scene = scene_words(sample.line)
    poses = {
        person["id"]: {key: word for key, word in person_words(person).items() if key == "pose"}
        for person in sample.persons
    }
    return lambda person, variant: grammar.draw(
        [seed, position, person, variant], scene | poses[person]
    )


def noise_seed(seed: int, position: int, person: int, variant: int) -> int:
    """Return the seed of a person's noise, 0..2⁶³ - 1."""
    return int(generator_of(seed, position, person, variant, "noise").integers(1 << 63))


def line_and_files(
    sample: Sample, result: RepaintResult, job: RepaintJob, position: int, variant: int, index: int
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return (line, file name → content), the arguments of DatasetWriter.add."""
    stem = f"{index:06d}"
    names = {
        "file_name": f"images/{stem}.jpg",
        "mask_file_name": f"masks/{stem}.png",
        "ignore_file_name": f"ignore/{stem}.png",
    }
    known = {key: value for key, value in sample.line.items() if not names_file(key)}
    repainted = {person.person for person in result.persons if person.reason == ACCEPTED}
    ignore = result.ignore
    if sample.ignore is not None:
        # The label of a repainted person is known, whatever was known of the one they replace.
        ignore = ignore | (sample.ignore & ~np.isin(sample.mask, sorted(repainted)))
    line = {
        **known,
        **names,
        # A repainted person wears other clothes.
        "persons": [
            {
                key: value
                for key, value in person.items()
                if key != "wardrobe" or person["id"] not in repainted
            }
            for person in sample.persons
        ],
        "index": index,
        "seed": job.seed,
        "source": "diffusion",
        "diffusion": {
            "source_file": sample.line["file_name"],
            "source_kind": sample.line.get("source"),
            "source_place": position,
            "variant": variant,
            "persons": [person_entry(person) for person in result.persons],
        },
    }
    files = {
        names["file_name"]: encode(".jpg", result.image[..., ::-1], cv2.IMWRITE_JPEG_QUALITY, 95),
        names["mask_file_name"]: encode(".png", sample.mask),
        names["ignore_file_name"]: encode(".png", ignore.astype(np.uint8) * 255),
    }
    return line, files


def person_entry(person: PersonResult) -> dict[str, Any]:
    """Return what a line records of a person's repainting."""
    entry: dict[str, Any] = {
        "id": person.person,
        "inside": person.prompt.inside,
        "outside": person.prompt.outside,
        "seed": person.seed,
        "reason": person.reason,
        "iou": None if person.iou is None else round(person.iou, 4),
    }
    if person.iou_before is not None:
        entry["iou_before"] = round(person.iou_before, 4)
    return entry


def names_file(key: str) -> bool:
    """Return whether a key of a line names a file of one of the dataset's passes.

    Depth, body parts and the like of the source are not copied: they show the person who was
    replaced. Hugging Face's `*_file_name` of other origin are dropped too.
    """
    return key.endswith("file_name") or key in PASS_KEYS


def encode(ending: str, pixels: np.ndarray, *options: int) -> bytes:
    """Return an image file of OpenCV's format for `ending`. Raises OSError when that fails."""
    success, content = cv2.imencode(ending, np.ascontiguousarray(pixels), options)
    if not success:
        raise OSError(f"an image {pixels.shape} {pixels.dtype} cannot be encoded as {ending}")
    return content.tobytes()


def baseline_loss(segment: Segment, source: Dataset) -> ClassLoss:
    """Return the segmenter's mean losses on images of the dataset before repainting."""
    step = max(1, len(source) // BASELINE_IMAGES)

    def pairs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for position in range(0, len(source), step):
            sample = source.sample(position)
            yield sample.image, sample.mask > 0

    return measure_class_loss(segment, pairs())
