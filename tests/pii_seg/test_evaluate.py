"""Measurements on sources with known scores, and all files that the command writes."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pii_seg.config import SIZES
from pii_seg.data.sources import open_source
from pii_seg.errors import DataError, InputError
from pii_seg.evaluate import main
from pii_seg.evaluation.counting import count_image
from pii_seg.evaluation.evaluate import choose_operating_point
from pii_seg.evaluation.measure import evaluate_source, open_data, sum_counts
from pii_seg.evaluation.metrics import Totals
from pii_seg.inference.settings import InferenceSettings
from pii_seg.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from pii_seg.models.networks import build_network
from pii_seg.models.segmenter import Segmenter

SETTINGS = InferenceSettings()


def bright(image: np.ndarray) -> np.ndarray:
    """Compute logits that take white for a person."""
    return image[..., 0].astype(np.float32) / 16 - 8


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images of 40 × 60 px: a person found, one found by a quarter, one missed."""
    root = tmp_path / "street"
    for name in ("images", "masks", "instances"):
        (root / name).mkdir(parents=True)
    for number, (white, box) in enumerate(
        [
            ((5, 25, 10, 20), (5, 25, 10, 20)),
            ((5, 10, 10, 20), (5, 25, 10, 20)),
            ((0, 5, 0, 60), (20, 30, 30, 40)),
        ]
    ):
        image, mask = np.zeros((40, 60, 3), np.uint8), np.zeros((40, 60), np.uint8)
        image[white[0] : white[1], white[2] : white[3]] = 255
        mask[box[0] : box[1], box[2] : box[3]] = 1
        Image.fromarray(image).save(root / "images" / f"{number}.png")
        Image.fromarray(mask * np.uint8(255)).save(root / "masks" / f"{number}.png")
        Image.fromarray(mask).save(root / "instances" / f"{number}.png")
    return root


@pytest.fixture
def negatives(tmp_path: Path) -> Path:
    root = tmp_path / "empty_rooms"
    root.mkdir()
    half = np.zeros((20, 30, 3), np.uint8)
    half[:10] = 255
    for number, image in enumerate([half, np.zeros_like(half)]):
        Image.fromarray(image).save(root / f"{number}.png")
    return root


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    network = build_network(
        SIZES["tiny"], generator=torch.Generator().manual_seed(1), pretrained=False
    )
    path = tmp_path / "run" / "best.ckpt"
    path.parent.mkdir()
    save_checkpoint(path, Checkpoint(SIZES["tiny"], Segmenter(network).state_dict()))
    (path.parent / "metrics.csv").write_text(
        "step,train_loss,val_loss,val_iou\n1,2.5,,\n2,2.0,2.1,.1\n3,,1.9,.2\n"
    )
    return path


@pytest.mark.parametrize("workers", [1, 3])
def test_scores_examples_and_order(folder: Path, workers: int) -> None:
    seen = []
    evaluation = evaluate_source(
        bright,
        open_source(folder),
        SETTINGS,
        workers=workers,
        on_result=lambda g: seen.append(g.sample.name),
    )
    assert seen == ["0", "1", "2"]
    scores = evaluation.scores
    assert (scores.pictures, scores.persons) == (3, 3)
    assert scores.missed == pytest.approx(2 / 3)
    assert scores.untouched == pytest.approx(1 / 3)
    assert scores.recall == pytest.approx(250 / 500)
    assert scores.iou_per_picture == pytest.approx((1 + 0.25 + 0) / 3)
    missed = evaluation.examples.missed.sorted()
    assert [(e.name, e.caption) for e in missed] == [
        ("1", "200 px, 25% found"),
        ("2", "100 px, 0% found"),
    ]
    (false,) = evaluation.examples.false.sorted()
    assert (false.name, false.caption) == ("2", "12.5% of the image")
    assert all(max(e.image.shape) == 320 and e.image.dtype == np.uint8 for e in [*missed, false])
    assert evaluation.forward_pixels == evaluation.pixels == 3 * 40 * 60
    assert evaluation.faults == ()


def test_person_free_images_are_measured_by_false_area(negatives: Path) -> None:
    (source,) = open_data([], [negatives])
    scores = evaluate_source(bright, source, SETTINGS).scores
    assert scores.false_area == pytest.approx(0.25)
    assert scores.false_pictures == pytest.approx(0.5)
    assert math.isnan(scores.iou)
    with pytest.raises(DataError, match="--negatives"):
        evaluate_source(bright, open_source(negatives), SETTINGS)


def test_unreadable_images_are_named_and_left_out(folder: Path) -> None:
    source = open_source(folder)
    (folder / "images" / "1.png").write_bytes(b"nonsense")
    evaluation = evaluate_source(bright, source, SETTINGS)
    assert evaluation.scores.pictures == 2
    (fault,) = evaluation.faults
    assert "1.png" in fault
    for path in (folder / "images").iterdir():
        path.write_bytes(b"nonsense")
    with pytest.raises(DataError, match="no image could be read"):
        evaluate_source(bright, source, SETTINGS)


def test_operating_points(folder: Path) -> None:
    kept = Checkpoint(SIZES["tiny"], {}, temperature=2.0, threshold=0.3)

    def decided(totals=None, *, calibrates=False, threshold=None, recall=None):
        return choose_operating_point(
            kept,
            totals,
            engine={"backend": "torch"},
            calibrates=calibrates,
            threshold=threshold,
            recall=recall,
            recall_of="pixels",
        )

    assert decided()[0].threshold == pytest.approx(0.3, abs=0.002)
    assert decided(threshold=0.8)[0].threshold == pytest.approx(0.8, abs=0.002)

    rng = np.random.default_rng(5)
    honest = rng.normal(-1, 2, (200, 200))
    target = (rng.random(honest.shape) < 1 / (1 + np.exp(-honest))).astype(np.uint8)
    totals = Totals()
    totals.add(count_image((3 * honest).astype(np.float32), target))
    calibrated, _ = decided(totals, calibrates=True)
    assert calibrated.temperature == pytest.approx(3, rel=0.05)
    # the mask stays: what was .3 at temperature 2 is nearer to .5 at 3
    assert calibrated.threshold == pytest.approx(
        1 / (1 + math.exp(-math.log(0.3 / 0.7) * 2 / 3)), abs=0.01
    )
    for calibrates, temperature in ((False, 2.0), (True, calibrated.temperature)):
        chosen, why = decided(totals, calibrates=calibrates, recall=0.9)
        assert chosen.temperature == temperature
        found = 1 / (1 + np.exp(-3 * honest / temperature)) >= chosen.threshold
        assert found[target == 1].mean() == pytest.approx(0.9, abs=0.01)
        assert ("itself" in why) is not calibrates
        assert chosen.calibration["engine"] == {"backend": "torch"}


def test_summed_counts_are_those_of_the_images(folder: Path) -> None:
    totals = sum_counts(bright, open_source(folder), workers=2)
    assert totals.person.sum() == 500
    assert totals.scores().missed == pytest.approx(2 / 3)


def test_the_command_writes_all_files(
    checkpoint: Path, folder: Path, negatives: Path, tmp_path: Path, capsys
) -> None:
    out = tmp_path / "out"
    arguments = [
        "--checkpoint",
        checkpoint,
        "--data",
        folder,
        "--negatives",
        negatives,
        "--output",
        out,
    ]
    arguments += ["--calibrate", folder, "--tiles", "2", "--flip"]
    assert main([str(a) for a in arguments]) == 0
    assert "IoU, mean of images" in capsys.readouterr().out
    measured = json.loads((out / "metrics.json").read_text(), parse_constant=pytest.fail)
    street, empty = measured["data"]
    assert (street["name"], empty["name"]) == ("street", "empty_rooms")
    assert street["scores"]["persons"] == 3
    assert empty["scores"]["iou"] is None
    assert 0 <= empty["scores"]["false_area"] <= 1
    assert street["cost"]["forward_pixels_per_pixel"] > 5  # 2 × 2 tiles with overlap, twice
    assert len(street["curves"]["recall"]) == 99
    rows = list(csv.DictReader((out / "pictures.csv").open()))
    assert [(row["data"], row["picture"]) for row in rows] == [
        ("street", "0"), ("street", "1"), ("street", "2"),
        ("empty_rooms", "0"), ("empty_rooms", "1"),
    ]  # fmt: skip
    kept = load_checkpoint(out / "calibrated.ckpt")
    assert kept.temperature == pytest.approx(measured["temperature"])
    assert kept.temperature != 1
    for name in ("training.png", "street/thresholds.png", "street/calibration.png"):
        with Image.open(out / name) as image:
            assert min(image.size) > 200
    page = (out / "report.html").read_text()
    assert page.count("<section") == 5
    assert not re.search(r"(src|href|srcset)=\"(?!data:|#)", page)
    assert not list(out.rglob("*.tmp"))


def test_figures_of_earlier_data_sets_are_deleted_and_nothing_else(
    checkpoint: Path, folder: Path, negatives: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    def measure(*arguments: object) -> None:
        assert (
            main([str(a) for a in ("--checkpoint", checkpoint, "--output", out, *arguments)]) == 0
        )

    measure("--data", folder, "--negatives", negatives)
    (out / "empty_rooms" / "notes.txt").write_text("mine")
    (out / "holiday").mkdir()
    (out / "holiday" / "false.png").write_text("mine too")
    measure("--negatives", negatives)
    assert not (out / "street").exists()
    assert {path.name for path in (out / "empty_rooms").iterdir()} >= {
        "notes.txt",
        "thresholds.png",
    }
    assert (out / "holiday" / "false.png").exists()


def test_without_examples_no_image_is_in_the_output(checkpoint, folder, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    arguments = ["--checkpoint", checkpoint, "--data", folder, "--output", out, "--examples", "0"]
    assert main([str(a) for a in arguments]) == 0
    assert "image/jpeg" not in (out / "report.html").read_text()
    assert not list(out.rglob("missed.png")) + list(out.rglob("false.png"))


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ([], "--data"),
        (["--data", "{folder}", "--threshold", ".5", "--recall", ".9"], "exclude"),
        (["--data", "{folder}", "--recall", "1.5"], "--recall"),
        (["--data", "nowhere"], "nowhere"),
        (["--data", "{folder}", "{folder}"], "'street'"),
        (["--data", "{folder}", "--calibrate", "nowhere"], "nowhere"),
        (["--data", "{negatives}"], "--negatives"),
        (["--data", "{folder}", "--threshold", "nan"], "threshold"),
        (["--data", "{folder}", "--examples", "-1"], "--examples"),
        (["--data", "{folder}", "--device", "bogus"], "bogus"),
        (["--data", "{folder}", "--device", "cuda:99"], "--device cuda:99"),
    ],
)
def test_wrong_input_is_one_line(
    extra, said, checkpoint, folder, negatives, tmp_path, capsys
) -> None:
    out = tmp_path / "out"
    filled = [text.format(folder=folder, negatives=negatives) for text in extra]
    assert main(["--checkpoint", str(checkpoint), "--output", str(out), *filled]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not out.exists() or not list(out.iterdir())


def test_an_output_never_replaces_an_input(
    checkpoint: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    given = ["--checkpoint", str(checkpoint), "--data", str(folder)]
    assert main([*given, "--output", str(folder / "report")]) == 2
    assert "lies in the data" in capsys.readouterr().err
    inside = tmp_path / "report" / "calibrated.ckpt"
    inside.parent.mkdir()
    inside.write_bytes(checkpoint.read_bytes())
    given = ["--checkpoint", str(inside), "--data", str(folder), "--calibrate", str(folder)]
    assert main([*given, "--output", str(inside.parent)]) == 2
    assert "would be replaced" in capsys.readouterr().err
    assert inside.read_bytes() == checkpoint.read_bytes()
    assert all(path.read_bytes() == content for path, content in before.items())


def test_one_name_for_two_sets_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="two data sets"):
        open_data([folder], [folder])
