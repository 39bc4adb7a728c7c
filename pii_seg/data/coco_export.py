"""Export a dataset on disk to one COCO "instances" file with run-length masks.

The dataset is read line by line, twice (COCO lists the images first, then the annotations), so that
memory does not grow with the number of images. Area, box and mask all come from the pixels of the
mask file. Format: the COCO data format, cocodataset.org/#format-data.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image
from pycocotools import mask as run_length

from blender_addon.dataset import LINES_NAME, DatasetError, atomic_file, iter_lines, read_info
from pii_seg.data.progress import OnImage, no_progress

JOINT_NAMES = (  # SMPL's 24; the first 22 are those of SMPL-H and SMPL-X too
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2",
    "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head",
    "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hand",
    "right_hand",
)  # fmt: skip
JOINT_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
SHARED_JOINTS = 22  # after these, SMPL-H and SMPL-X have fingers (and a jaw), SMPL its two hands

PERSON = {
    "id": 1,
    "name": "person",
    "supercategory": "person",
    "keypoints": list(JOINT_NAMES),
    "skeleton": [
        [parent + 1, joint + 1] for joint, parent in enumerate(JOINT_PARENTS) if parent >= 0
    ],  # COCO: from 1
}

# Keys that every line of the dataset must have.
REQUIRED = ("file_name", "mask_file_name", "index", "width", "height", "persons")


@dataclass(frozen=True)
class Exported:
    """Counts of an export. `hidden`: persons without a visible pixel, who have no annotation."""

    images: int
    annotations: int
    hidden: int


def export_coco(dataset: Path, output: Path, *, on_image: OnImage = no_progress) -> Exported:
    """Write the COCO form of a dataset. The file appears when it is whole.

    Args:
        dataset: Folder with dataset.json and metadata.jsonl.
        output: The file to write; its folder must exist.
        on_image: Progress callback.

    Returns:
        The counts. Images that are added to the dataset during the export are left out.

    Raises:
        DatasetError: The dataset, or a mask that a line names, is missing or damaged, or does not
            agree with its line.
    """
    info = read_info(dataset)
    if not output.parent.is_dir():
        raise DatasetError(
            f"{output}: its folder does not exist; create it, or choose another --output"
        )
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
        for done, line in enumerate(lines, 1):
            found = coco_annotations(line, read_mask(dataset, line))
            counts["hidden"] += len(line["persons"]) - len(found)
            for annotation in found:
                counts["annotations"] += 1
                # Numbers start at 1: COCO's evaluation takes 0 for "none".
                yield {"id": counts["annotations"], **annotation}
            on_image("export", done, counts["images"])

    with atomic_file(output, token=f"-{os.getpid()}") as file:
        _write(file, '{"info":' + _json(coco_info(info)))
        _write(file, ',"licenses":[],"categories":' + _json([PERSON]))
        _write(file, ',"images":')
        _write_list(file, images())
        _write(file, ',"annotations":')
        _write_list(file, annotations())
        _write(file, "}\n")
    return Exported(**counts)


def coco_info(info: Mapping[str, Any]) -> dict[str, Any]:
    """Make COCO's `info` from the content of dataset.json."""
    return {
        "description": "Persons, exported from a PII Synth dataset",
        "version": str(info["schema_version"]),
        "date_created": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def coco_image(line: Mapping[str, Any]) -> dict[str, Any]:
    """Make COCO's record of the image of one line. Its id is the line's index."""
    return {
        "id": line["index"],
        "file_name": line["file_name"],
        "width": line["width"],
        "height": line["height"],
        "license": 0,
    }


def read_mask(dataset: Path, line: Mapping[str, Any]) -> np.ndarray:
    """Read the instance mask (H, W), 8 or 16 bit, of one line.

    Raises:
        DatasetError: It cannot be read, has another size than its line says, or holds a person that
            the line does not list.
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
            f"{path}: expected a mask of (height, width) {(line['height'], line['width'])}, as its "
            f"line says, got {mask.shape}"
        )
    present = np.flatnonzero(np.bincount(mask.ravel())).tolist()
    strangers = set(present) - {0} - {person["id"] for person in line["persons"]}
    if strangers:
        raise DatasetError(f"{path}: holds person {min(strangers)}, which its line does not list")
    return mask


def coco_annotations(line: Mapping[str, Any], mask: np.ndarray) -> list[dict[str, Any]]:
    """Make the annotations, without ids, of the persons of `line` visible in `mask` (H, W)."""
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
    """Make COCO's `keypoints` [x, y, v, …] and `num_keypoints`; {} when the line has no joints.

    v = 2: inside the image, on the person's own pixels; 1: inside the image, on other pixels; 0
    (with x = y = 0): outside the image, behind the camera, or a joint that this body model does not
    have.
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


def _write(file: BinaryIO, text: str) -> None:
    file.write(text.encode())


def _write_list(file: BinaryIO, records: Iterable[Mapping[str, Any]]) -> None:
    _write(file, "[")
    for number, record in enumerate(records):
        _write(file, (",\n" if number else "\n") + _json(record))
    _write(file, "]")
