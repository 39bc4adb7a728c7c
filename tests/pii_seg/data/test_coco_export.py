"""The COCO export, read back by pycocotools itself."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from blender_addon.dataset import DatasetError, iter_lines
from pii_seg.data.coco_export import JOINT_NAMES, coco_keypoints, export_coco
from pii_seg.export_coco import main

ROOT = Path(__file__).resolve().parents[3]


def rewrite_line(dataset: Path, index: int, **changes: object) -> None:
    """Change keys of one line; None takes the key away."""
    lines = list(iter_lines(dataset))
    for key, value in changes.items():
        if value is None:
            del lines[index][key]
        else:
            lines[index][key] = value
    (dataset / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def load(path: Path, capsys: pytest.CaptureFixture[str]) -> COCO:
    coco = COCO(path)
    capsys.readouterr()  # it prints
    return coco


def test_masks_decoded_by_pycocotools_equal_the_datasets(
    dataset: Path, tmp_path: Path, capsys
) -> None:
    exported = export_coco(dataset, tmp_path / "coco.json")
    coco = load(tmp_path / "coco.json", capsys)
    assert (exported.images, exported.annotations, exported.hidden) == (3, 3, 1)
    assert len(coco.getImgIds()) == 3
    for line in iter_lines(dataset):
        truth = np.asarray(Image.open(dataset / line["mask_file_name"]))
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=line["index"]))
        visible = [p for p in line["persons"] if p["area"]]
        assert len(annotations) == len(visible)
        for person, annotation in zip(visible, annotations, strict=True):
            assert np.array_equal(coco.annToMask(annotation), truth == person["id"])
            assert annotation["area"] == person["area"]
            assert annotation["bbox"] == person["bbox"]
            assert annotation["iscrowd"] == 0


def test_image_records_and_category_are_those_of_the_lines(
    dataset: Path, tmp_path: Path, capsys
) -> None:
    export_coco(dataset, tmp_path / "coco.json")
    coco = load(tmp_path / "coco.json", capsys)
    (image,) = coco.loadImgs(1)
    assert (image["file_name"], image["width"], image["height"]) == ("images/000001.jpg", 40, 30)
    (category,) = coco.loadCats(coco.getCatIds())
    assert category["name"] == "person"
    assert category["keypoints"] == list(JOINT_NAMES)
    edges = {
        (category["keypoints"][a - 1], category["keypoints"][b - 1])
        for a, b in category["skeleton"]
    }
    assert len(edges) == 23  # a tree over 24 joints
    assert {("left_elbow", "left_wrist"), ("right_hip", "right_knee"), ("neck", "head")} <= edges
    assert {e["id"] for e in coco.anns.values()} == {1, 2, 3}, "no annotation may have id 0"


def test_keypoint_flags_tell_own_pixels_from_others_and_outside() -> None:
    mask = np.zeros((10, 20), np.uint8)
    mask[:, :5] = 1
    joints = [[2.5, 3.5], [12.0, 3.0], [-4.0, 3.0], [5.0, 10.0], *[[0.5, 0.5]] * 20]
    found = coco_keypoints({"id": 1, "joints2d": joints}, mask)
    assert found["keypoints"][:12] == [2.5, 3.5, 2, 12.0, 3.0, 1, 0, 0, 0, 0, 0, 0]
    assert found["num_keypoints"] == 22


def test_joints_behind_the_camera_are_not_keypoints() -> None:
    joints3d = [[0.0, 0.0, -0.2], *[[0.0, 0.0, 2.0]] * 23]
    found = coco_keypoints(
        {"id": 1, "joints2d": [[1.0, 1.0]] * 24, "joints3d": joints3d}, np.ones((4, 4), np.uint8)
    )
    assert found["keypoints"][:6] == [0, 0, 0, 1.0, 1.0, 2]
    assert found["num_keypoints"] == 23


def test_bodies_with_more_joints_keep_the_shared_ones_only() -> None:
    mask = np.ones((10, 20), np.uint8)
    found = coco_keypoints({"id": 1, "joints2d": [[1.0, 1.0]] * 55}, mask)
    assert len(found["keypoints"]) == 3 * 24
    assert found["num_keypoints"] == 22
    assert found["keypoints"][-6:] == [0] * 6


def test_lines_without_joints_give_annotations_without_keypoints() -> None:
    assert coco_keypoints({"id": 1}, np.ones((4, 4), np.uint8)) == {}


def break_missing_mask(dataset: Path) -> None:
    (dataset / "masks/000001.png").unlink()


def break_mask_bytes(dataset: Path) -> None:
    (dataset / "masks/000001.png").write_bytes(b"not a picture")


def break_size(dataset: Path) -> None:
    rewrite_line(dataset, 1, width=41)


def break_persons(dataset: Path) -> None:
    rewrite_line(dataset, 0, persons=[{"id": 1}])


def break_keys(dataset: Path) -> None:
    rewrite_line(dataset, 2, persons=None)


def break_json(dataset: Path) -> None:
    lines = (dataset / "metadata.jsonl").read_text().splitlines()
    (dataset / "metadata.jsonl").write_text("\n".join([lines[0], "{", lines[2]]) + "\n")


def break_info(dataset: Path) -> None:
    (dataset / "dataset.json").unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (break_missing_mask, "masks/000001.png: the mask of images/000001.jpg is missing"),
        (break_mask_bytes, "masks/000001.png: the mask cannot be read"),
        (
            break_size,
            "masks/000001.png: expected a mask of (height, width) (30, 41), as its line says, got "
            "(30, 40)",
        ),
        (break_persons, "masks/000000.png: holds person 2, which its line does not list"),
        (break_keys, "line 3 has no 'persons'"),
        (break_json, "line 2 is damaged"),
        (break_info, "not a dataset"),
    ],
)
def test_damage_is_named_and_leaves_no_file(
    dataset: Path, tmp_path: Path, damage, said: str, capsys
) -> None:
    damage(dataset)
    before = sorted(tmp_path.iterdir())
    assert main([str(dataset), "--output", str(tmp_path / "coco.json")]) == 2
    assert said in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_a_failed_export_leaves_the_former_file_alone(dataset: Path, tmp_path: Path) -> None:
    output = tmp_path / "coco.json"
    output.write_text("former")
    break_missing_mask(dataset)
    with pytest.raises(DatasetError):
        export_coco(dataset, output)
    assert output.read_text() == "former"


def test_missing_output_folder_is_named(dataset: Path, tmp_path: Path, capsys) -> None:
    assert main([str(dataset), "--output", str(tmp_path / "nowhere" / "coco.json")]) == 2
    assert "its folder does not exist" in capsys.readouterr().err


def test_command_line_writes_into_the_dataset_by_default(dataset: Path) -> None:
    command = [sys.executable, "-m", "pii_seg.export_coco", str(dataset)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "3 images, 3 persons; 1 hidden persons left out" in done.stdout
    assert len(json.loads((dataset / "coco.json").read_text())["annotations"]) == 3


def test_memory_does_not_grow_with_the_number_of_lines(dataset: Path, tmp_path: Path) -> None:
    """A hundred times the lines, with the same files, need less than 100 kB more."""

    def peak(lines: int) -> int:
        template = next(iter_lines(dataset))
        with (dataset / "metadata.jsonl").open("w") as file:
            for index in range(lines):
                file.write(json.dumps({**template, "index": index}) + "\n")
        tracemalloc.start()
        export_coco(dataset, tmp_path / "coco.json")
        high = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return high

    few = peak(3)
    assert peak(300) < few + 100_000
