"""From a dataset to its repainted one: every picture in every variant, resumable, in parts, with a tally."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from blender_addon.dataset import CONTACT_SHEET_NAME, PASS_FOLDERS, DatasetWriter
from diffusion_synth.prompts.from_annotation import words_of_person, words_of_scene
from diffusion_synth.prompts.grammar import Grammar, Prompt
from diffusion_synth.randomness import generator_of
from diffusion_synth.repaint.contact_sheet import Example, write_sheet
from diffusion_synth.repaint.crops import CropSettings
from diffusion_synth.repaint.dataset_reader import Dataset, Picture, Scene
from diffusion_synth.repaint.filtering import (
    ACCEPTED,
    ClassLoss,
    FilterSettings,
    Segment,
    measure_class_loss,
)
from diffusion_synth.repaint.repaint_image import Painted, Repainted, Repainter

REJECTED_NAME = "rejected.png"
SHEET_EXAMPLES = 12
USUAL_PICTURES = 50  # that tell a segmenter's usual loss


@dataclass(frozen=True)
class Job:
    """What decides every picture of the output. painter: in words, with the hash of its weights."""

    variants: int
    seed: int
    painter: dict[str, Any]
    crops: CropSettings
    filter: FilterSettings
    segmenter: str
    prompts: str

    def info(self, source: Dataset) -> dict[str, Any]:
        """The content of dataset.json."""
        return {
            "name": f"{source.info.get('name', source.root.name)}, repainted",
            "generator": "diffusion_synth",
            "seed": self.seed,
            "count": len(source) * self.variants,
            "recipe": {
                **{
                    key: value
                    for key, value in asdict(self, dict_factory=said).items()
                    if key != "seed"
                },
                "source": source.info.get("fingerprint") or source.root.name,
            },
            "licences": source.info.get("licences", {}),
        }


def said(entries: list[tuple[str, Any]]) -> dict[str, Any]:
    """Without what was not asked for: an option that is new does not make another job of one begun before."""
    return {key: value for key, value in entries if value is not None}


@dataclass
class Tally:
    """What became of pictures and persons, in this run."""

    pictures: int = 0
    left_out: int = 0
    persons: Counter[str] = field(default_factory=Counter)
    kept: list[Example] = field(default_factory=list)
    rejected: list[Example] = field(default_factory=list)

    def count(self, picture: Picture, result: Repainted) -> None:
        self.pictures += 1
        self.left_out += not result.accepted
        self.persons.update(person.reason for person in result.persons)
        examples = self.kept if result.accepted else self.rejected
        if len(examples) < SHEET_EXAMPLES:
            examples.append(
                Example(picture.image, result.painted, picture.mask, described(result.persons))
            )

    def words(self) -> str:
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.persons.most_common())
        return f"{self.pictures} pictures, {self.left_out} left out; persons: {reasons or 'none'}"


def described(persons: Sequence[Painted]) -> str:
    """A line below an example: the first prompt, and the overlaps."""
    overlaps = " ".join(f"{person.iou:.2f}" for person in persons if person.iou is not None)
    prompt = next((person.prompt.inside for person in persons if person.prompt.inside), "")
    return f"{prompt}  IoU {overlaps}" if overlaps else prompt


def produce(
    source: Dataset,
    output: Path,
    job: Job,
    repainter: Repainter,
    grammar: Grammar,
    *,
    shard: tuple[int, int] = (1, 1),
    overwrite: bool = False,
    report: Callable[[int, int, Tally], None] = lambda done, total, tally: None,
) -> Tally:
    """Repaint `source` (or the I-th of N parts of it) into the dataset at `output`; what is there already is kept.

    report is called with pictures done, pictures in all, and the tally. Raises DatasetError when `output` holds
    something else, or a picture cannot be read.
    """
    writer = DatasetWriter(output, job.info(source), overwrite=overwrite)
    part, parts = shard
    places = range(part - 1, len(source), parts)
    writer.remove_leftovers(
        place * job.variants + v for place in places for v in range(job.variants)
    )
    total, tally = len(places) * job.variants, Tally()
    done = sum(
        place * job.variants + v in writer.done for place in places for v in range(job.variants)
    )
    report(done, total, tally)
    for place in places:
        missing = [v for v in range(job.variants) if place * job.variants + v not in writer.done]
        if not missing:
            continue
        picture = source.picture(place)
        prompts = prompter(grammar, picture, job.seed, place)
        results = repainter.repaint(picture, prompts, partial(seed_of, job.seed, place), missing)
        for variant, result in zip(missing, results, strict=True):
            index = place * job.variants + variant
            if result.accepted:
                writer.add(*to_files(picture, result, job, place, variant, index))
            else:
                writer.leave_out(index, result.reason)
            tally.count(picture, result)
            done += 1
            report(done, total, tally)
    writer.finish()
    for name, examples in ((CONTACT_SHEET_NAME, tally.kept), (REJECTED_NAME, tally.rejected)):
        if examples:
            write_sheet(output / name, examples)
    return tally


def prompter(
    grammar: Grammar, picture: Picture, seed: int, place: int
) -> Callable[[int, int], Prompt]:
    """(person's id, variant) → prompt. The scene's words are kept, the person's are drawn: they are to be another."""
    scene = words_of_scene(picture.line)
    poses = {
        person["id"]: {key: word for key, word in words_of_person(person).items() if key == "pose"}
        for person in picture.persons
    }
    return lambda person, variant: grammar.draw(
        [seed, place, person, variant], scene | poses[person]
    )


def seed_of(seed: int, place: int, person: int, variant: int) -> int:
    """Of a person's noise, 0..2⁶³ - 1."""
    return int(generator_of(seed, place, person, variant, "noise").integers(1 << 63))


def to_files(
    picture: Picture, result: Repainted, job: Job, place: int, variant: int, index: int
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """(line, name → content): what DatasetWriter.add takes."""
    stem = f"{index:06d}"
    names = {
        "file_name": f"images/{stem}.jpg",
        "mask_file_name": f"masks/{stem}.png",
        "ignore_file_name": f"ignore/{stem}.png",
    }
    known = {key: value for key, value in picture.line.items() if not names_file(key, value)}
    repainted = {person.person for person in result.persons if person.reason == ACCEPTED}
    ignore = result.ignore
    if picture.ignore is not None:
        # What was not known of these persons is not in the picture any more; what was painted is known.
        ignore = ignore | (picture.ignore & ~np.isin(picture.mask, sorted(repainted)))
    line = {
        **known,
        **names,
        "persons": [
            {
                key: value
                for key, value in person.items()
                if key != "wardrobe" or person["id"] not in repainted
            }
            for person in picture.persons
        ],
        "index": index,
        "seed": job.seed,
        "source": "diffusion",
        "diffusion": {
            "source_file": picture.line["file_name"],
            "source_kind": picture.line.get("source"),
            "source_place": place,
            "variant": variant,
            "persons": [
                {
                    "id": person.person,
                    "inside": person.prompt.inside,
                    "outside": person.prompt.outside,
                    "seed": person.seed,
                    "reason": person.reason,
                    "iou": None if person.iou is None else round(person.iou, 4),
                    **(
                        {}
                        if person.iou_before is None
                        else {"iou_before": round(person.iou_before, 4)}
                    ),
                }
                for person in result.persons
            ],
        },
    }
    files = {
        names["file_name"]: encoded(".jpg", result.image[..., ::-1], cv2.IMWRITE_JPEG_QUALITY, 95),
        names["mask_file_name"]: encoded(".png", picture.mask),
        names["ignore_file_name"]: encoded(".png", ignore.astype(np.uint8) * 255),
    }
    return line, files


def names_file(key: str, value: Any) -> bool:
    """Return whether a metadata entry names a file of one of the dataset's passes.

    Depth, body parts and the like of the source are not copied: they show the person who was
    replaced. The folders decide, so that a new pass of the renderer needs no change here.
    """
    if not isinstance(value, str):
        return False
    folder, slash, _ = value.partition("/")
    return key.endswith("file_name") or bool(slash and folder in PASS_FOLDERS)


def encoded(ending: str, pixels: np.ndarray, *options: int) -> bytes:
    fine, content = cv2.imencode(ending, np.ascontiguousarray(pixels), options)
    if not fine:
        raise OSError(
            f"a picture of {pixels.shape} {pixels.dtype} could not be written as {ending}"
        )
    return content.tobytes()


def usual_loss(segment: Segment, source: Dataset) -> ClassLoss:
    """Of the segmenter, on the data as they were before repainting."""
    step = max(1, len(source) // USUAL_PICTURES)

    def pairs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for place in range(0, len(source), step):
            picture = source.picture(place)
            yield picture.image, picture.mask > 0

    return measure_class_loss(segment, pairs())


def donors_of(dataset: Dataset) -> Iterator[tuple[np.ndarray, np.ndarray, Scene | None]]:
    """(picture, mask of one person, scene), of every person who is seen nearly whole."""
    for place in range(len(dataset)):
        picture = dataset.picture(place)
        for person in picture.persons:
            if person.get("visibility", 1.0) >= 0.9:
                yield picture.image, picture.mask == person["id"], picture.scene
