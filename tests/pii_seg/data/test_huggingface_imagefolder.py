"""A dataset opens offline with Hugging Face `datasets`, as an `imagefolder`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blender_addon.dataset import iter_lines
from pii_seg.data.coco_export import export_coco


@pytest.fixture
def load_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "huggingface"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "huggingface" / "datasets"))
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    datasets.disable_progress_bars()

    def load(root: Path):
        return datasets.load_dataset(
            "imagefolder", data_dir=str(root), cache_dir=str(tmp_path / "cache"), split="train"
        )

    return load


def test_images_masks_and_all_fields_arrive(dataset: Path, load_dataset) -> None:
    rows = load_dataset(dataset)
    lines = list(iter_lines(dataset))
    assert len(rows) == len(lines)
    for row, line in zip(rows, lines, strict=True):
        assert row["image"].size == (line["width"], line["height"])
        truth = np.asarray(Image.open(dataset / line["mask_file_name"]))
        assert np.array_equal(np.asarray(row["mask"]), truth)
        for key in set(line) - {"file_name", "mask_file_name", "persons"}:
            assert row[key] == line[key], key
        assert [p["id"] for p in row["persons"]] == [p["id"] for p in line["persons"]]
        for there, here in zip(row["persons"], line["persons"], strict=True):
            assert there == here


def test_the_other_files_of_a_dataset_do_not_become_rows(dataset: Path, load_dataset) -> None:
    Image.new("RGB", (8, 8)).save(dataset / "contact_sheet.png")
    (dataset / "parts").mkdir()
    Image.new("L", (40, 30)).save(dataset / "parts" / "000000.png")
    export_coco(dataset, dataset / "coco.json")
    assert len(load_dataset(dataset)) == 3
