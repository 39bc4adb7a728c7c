"""COCO export: a dataset on disk → one COCO "instances" file with run-length masks.

    python -m pii_seg.export_coco DATASET [--output FILE.json]

Reads the dataset line by line, twice (COCO lists the images first, then the annotations), so memory does not grow
with the number of pictures. Pixels decide: area, box and mask all come from the mask file. Format: the COCO data
format, cocodataset.org/#format-data.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from PIL import Image
from pycocotools import mask as run_length

from blender_addon.dataset import LINES_NAME, DatasetError, iter_lines, read_info

JOINT_NAMES = (  # SMPL's 24; the first 22 are those of SMPL-H and SMPL-X too
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hand", "right_hand",
)  # fmt: skip
JOINT_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
SHARED_JOINTS = 22  # SMPL-H and SMPL-X go on with fingers (and a jaw) where SMPL has its two hands

PERSON = {
    "id": 1,
    "name": "person",
    "supercategory": "person",
    "keypoints": list(JOINT_NAMES),
    "skeleton": [
        [parent + 1, joint + 1] for joint, parent in enumerate(JOINT_PARENTS) if parent >= 0
    ],  # COCO: from 1
}


REQUIRED = (
    "file_name",
    "mask_file_name",
    "index",
    "width",
    "height",
    "persons",
)  # of a line; the rest is optional


@dataclass(frozen=True)
class Exported:
    """What an export wrote. `hidden` persons have no visible pixel and so no annotation."""

    images: int
    annotations: int
    hidden: int


def export_coco(dataset: Path, output: Path, *, progress: TextIO | None = None) -> Exported:
    """Write the COCO form of the dataset at `dataset` to the file `output`, whole or not at all.

    `progress`: where a line about the state goes every few seconds. Pictures added while this runs are left out.
    Raises DatasetError when the dataset, or a mask that a line names, is missing, damaged or does not fit its line.
    """
    info = read_info(dataset)
    if not output.parent.is_dir():
        raise DatasetError(
            f"{output}: its folder does not exist; make it first, or choose another --output"
        )
    temporary = output.with_name(f".{output.name}-{os.getpid()}.tmp")
    counts = {"images": 0, "annotations": 0, "hidden": 0}

    def images() -> Iterator[dict[str, Any]]:
        for line in iter_lines(dataset):
            counts["images"] += 1
            if absent := [key for key in REQUIRED if key not in line]:
                raise DatasetError(
                    f"{dataset / LINES_NAME}: line {counts['images']} has no {absent[0]!r}"
                )
            yield coco_image(line)

    def annotations() -> Iterator[dict[str, Any]]:
        lines = itertools.islice(iter_lines(dataset), counts["images"])
        for line in _reporting(lines, counts["images"], progress):
            found = coco_annotations(line, read_mask(dataset, line))
            counts["hidden"] += len(line["persons"]) - len(found)
            for annotation in found:
                counts["annotations"] += 1
                yield {
                    "id": counts["annotations"],
                    **annotation,
                }  # from 1: COCO's evaluation takes 0 for "none"

    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write('{"info":' + _json(coco_info(info)))
            file.write(',"licenses":[],"categories":' + _json([PERSON]))
            file.write(',"images":')
            _write_list(file, images())
            file.write(',"annotations":')
            _write_list(file, annotations())
            file.write("}\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(output)
    finally:
        temporary.unlink(missing_ok=True)
    return Exported(**counts)


def coco_info(info: Mapping[str, Any]) -> dict[str, Any]:
    """COCO's `info` from the content of dataset.json."""
    return {
        "description": "Persons, exported from a PII Synth dataset",
        "version": str(info["schema_version"]),
        "date_created": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def coco_image(line: Mapping[str, Any]) -> dict[str, Any]:
    """COCO's record of the picture of one line. Its id is the line's index."""
    return {
        "id": line["index"],
        "file_name": line["file_name"],
        "width": line["width"],
        "height": line["height"],
        "license": 0,
    }


def read_mask(dataset: Path, line: Mapping[str, Any]) -> np.ndarray:
    """The instance mask (H, W), 8 or 16 bit, of one line.

    Raises DatasetError when it cannot be read, has another size than its line says, or holds an unknown person.
    """
    path = dataset / line["mask_file_name"]
    try:
        with Image.open(path) as image:
            mask = np.asarray(image)
    except FileNotFoundError:
        raise DatasetError(f"{path}: the mask of {line['file_name']} is missing") from None
    except OSError as error:
        raise DatasetError(f"{path}: the mask cannot be read ({error})") from None
    if mask.shape != (line["height"], line["width"]):
        raise DatasetError(
            f"{path}: is {mask.shape}, its line says {(line['height'], line['width'])} (height, width)"
        )
    present = np.flatnonzero(np.bincount(mask.ravel())).tolist()
    strangers = set(present) - {0} - {person["id"] for person in line["persons"]}
    if strangers:
        raise DatasetError(f"{path}: holds person {min(strangers)}, which its line does not list")
    return mask


def coco_annotations(line: Mapping[str, Any], mask: np.ndarray) -> list[dict[str, Any]]:
    """One annotation, still without its id, per person of `line` with a pixel in `mask` (H, W)."""
    annotations = []
    for person in line["persons"]:
        encoded = run_length.encode(np.asfortranarray(mask == person["id"], dtype=np.uint8))
        area = int(run_length.area(encoded))
        if area == 0:
            continue
        annotations.append(
            {
                "image_id": line["index"],
                "category_id": PERSON["id"],
                "iscrowd": 0,
                "area": area,
                "bbox": [float(value) for value in run_length.toBbox(encoded)],
                "segmentation": {
                    "size": list(mask.shape),
                    "counts": encoded["counts"].decode("ascii"),
                },
                **coco_keypoints(person, mask),
            }
        )
    return annotations


def coco_keypoints(person: Mapping[str, Any], mask: np.ndarray) -> dict[str, Any]:
    """COCO's `keypoints` [x, y, v, …] and `num_keypoints`; nothing when the line has no joints.

    v = 2: inside the picture, on the person's own pixels; 1: inside the picture, on something else's; 0 (and x = y =
    0): outside the picture, behind the camera, or a joint that this body model does not have.
    """
    joints = person.get("joints2d")
    if not joints:
        return {}
    height, width = mask.shape
    known = len(JOINT_NAMES) if len(joints) == len(JOINT_NAMES) else SHARED_JOINTS
    depths = (
        [z for _, _, z in person["joints3d"]] if "joints3d" in person else itertools.repeat(1.0)
    )
    flat: list[float] = []
    for (x, y), z in zip(joints[:known], depths, strict=False):
        if z > 0 and 0 <= x < width and 0 <= y < height:
            flat += [round(x, 2), round(y, 2), 2 if mask[int(y), int(x)] == person["id"] else 1]
        else:
            flat += [0, 0, 0]
    flat += [0, 0, 0] * (len(JOINT_NAMES) - known)
    return {"keypoints": flat, "num_keypoints": sum(v > 0 for v in flat[2::3])}


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _write_list(file: TextIO, records: Iterable[Mapping[str, Any]]) -> None:
    file.write("[")
    for number, record in enumerate(records):
        file.write((",\n" if number else "\n") + _json(record))
    file.write("]")


def _reporting(
    lines: Iterable[dict[str, Any]], total: int, progress: TextIO | None, *, every: float = 2.0
) -> Iterator[dict[str, Any]]:
    """The same lines; says on `progress` every `every` seconds how many of `total` are done."""
    start = said = time.monotonic()
    for done, line in enumerate(lines):
        now = time.monotonic()
        if progress is not None and now - said >= every:
            said = now
            rate = done / (now - start)
            left = f", {(total - done) / rate:.0f} s left" if rate else ""
            print(f"{done}/{total} pictures, {rate:.0f}/s{left}", file=progress, flush=True)
        yield line


def main(argv: list[str] | None = None) -> int:
    """The command line. Returns 0, or 2 after an error that the user can mend."""
    parser = argparse.ArgumentParser(
        prog="python -m pii_seg.export_coco",
        description="Export a dataset to one COCO instances file with RLE masks.",
    )
    parser.add_argument(
        "dataset", type=Path, metavar="DATASET", help="folder with dataset.json and metadata.jsonl"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE.json", help="default: DATASET/coco.json"
    )
    arguments = parser.parse_args(argv)
    output = arguments.output or arguments.dataset / "coco.json"
    try:
        exported = export_coco(arguments.dataset, output, progress=sys.stderr)
    except (DatasetError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    hidden = f"; {exported.hidden} hidden persons left out" if exported.hidden else ""
    print(f"{output}: {exported.images} images, {exported.annotations} persons{hidden}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
