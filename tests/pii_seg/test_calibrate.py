"""Losses of images where they are known, and the checkpoint that the command writes."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pii_seg.anonymize.__main__ import main as anonymize
from pii_seg.calibrate import main
from pii_seg.config import SIZES
from pii_seg.data.sources import open_source
from pii_seg.errors import CalibrationError
from pii_seg.evaluation.calibrate import collect_losses, known_to_training, promise_of
from pii_seg.evaluation.conformal import read_promise, threshold_for
from pii_seg.evaluation.counting import BINS, threshold_index
from pii_seg.evaluation.person_promise import read_person_promise
from pii_seg.inference.backends.torch_backend import eager_segmenter
from pii_seg.inference.parallel import worker_threads
from pii_seg.inference.settings import InferenceSettings
from pii_seg.inference.tiling import predict_probability
from pii_seg.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from pii_seg.models.networks import build_network
from pii_seg.models.segmenter import Segmenter

SETTINGS = InferenceSettings(tiles="auto")
IMAGES = 24


def bright(image: np.ndarray) -> np.ndarray:
    """Compute logits that take white for a person."""
    return image[..., 0].astype(np.float32) / 16 - 8


def write_pair(root: Path, name: str, image: np.ndarray, mask: np.ndarray) -> None:
    for folder, array in (("images", image), ("masks", mask.astype(np.uint8) * np.uint8(255))):
        (root / folder).mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(root / folder / f"{name}.png")


@pytest.fixture
def street(tmp_path: Path) -> Path:
    """24 images of a person of 100 px, whose first k px are dark in image k; one without."""
    root = tmp_path / "street"
    for k in range(IMAGES):
        image, mask = np.full((20, 30, 3), k, np.uint8), np.zeros((20, 30), bool)
        mask[5:15, 10:20] = True
        image[mask] = 255
        row = image[5:15, 10:20].reshape(-1, 3).copy()
        row[:k] = 0
        image[5:15, 10:20] = row.reshape(10, 10, 3)
        write_pair(root, f"{k:02d}", image, mask)
    write_pair(root, "nobody", np.zeros((20, 30, 3), np.uint8), np.zeros((20, 30), bool))
    return root


@pytest.fixture
def checkpoint(tmp_path: Path, street: Path) -> Path:
    network = build_network(
        SIZES["tiny"], generator=torch.Generator().manual_seed(1), pretrained=False
    )
    path = tmp_path / "run" / "best.ckpt"
    path.parent.mkdir()
    weights = Segmenter(network).state_dict()
    save_checkpoint(path, Checkpoint(SIZES["tiny"], weights, temperature=2.0, threshold=0.4))
    return path


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_losses_are_of_images_with_persons_and_independent_of_names(street: Path) -> None:
    measured = collect_losses(bright, [open_source(street)], workers=3)
    assert measured.losses.shape == (IMAGES, BINS)
    at = threshold_index(0.5)
    assert sorted(measured.losses[:, at]) == pytest.approx([k / 100 for k in range(IMAGES)])
    assert measured.totals.pictures == IMAGES + 1
    assert (measured.twice, measured.faults) == (0, ())
    for path in [*street.glob("*/*.png")]:
        path.rename(path.with_name("z" + path.name[::-1][4:] + ".png"))
    again = collect_losses(bright, [open_source(street)])
    np.testing.assert_array_equal(again.losses, measured.losses)
    assert again.sha256 == measured.sha256


def test_copies_count_once_and_another_mask_is_another_image(street: Path, tmp_path: Path) -> None:
    sources = [open_source(street)]
    first = collect_losses(bright, sources)
    assert collect_losses(bright, sources * 2).twice == IMAGES + 1
    np.testing.assert_array_equal(collect_losses(bright, sources * 2).losses, first.losses)
    with Image.open(street / "images" / "03.png") as image:
        write_pair(tmp_path / "other", "03", np.asarray(image), np.ones((20, 30), bool))
    both = collect_losses(bright, [*sources, open_source(tmp_path / "other")])
    assert (both.twice, len(both.losses)) == (0, IMAGES + 1)
    assert both.sha256 != first.sha256


def test_images_without_persons_have_no_weight(street: Path, tmp_path: Path) -> None:
    sources = [open_source(street)]
    promise = promise_of(collect_losses(bright, sources), "expectation", SETTINGS)
    for k in range(30):
        write_pair(
            tmp_path / "empty", str(k), np.full((4, 5, 3), k, np.uint8), np.zeros((4, 5), bool)
        )
    more = promise_of(
        collect_losses(bright, [*sources, open_source(tmp_path / "empty")]), "expectation", SETTINGS
    )
    assert more.pictures == IMAGES
    np.testing.assert_array_equal(more.bound, promise.bound)
    assert promise.missed[threshold_index(0.5)] == pytest.approx(np.mean(range(IMAGES)) / 100)
    assert promise.false_area[threshold_index(0.5)] == 0


@pytest.mark.parametrize(("confidence", "risk"), [("expectation", "5%"), ("0.8", "10%")])
def test_the_command_writes_a_checkpoint_that_keeps_its_promise(
    confidence: str, risk: str, checkpoint: Path, street: Path, tmp_path: Path, capsys
) -> None:
    assert (
        run("--checkpoint", checkpoint, "--data", street, "--confidence", confidence, "--flip") == 0
    )
    printed = capsys.readouterr()
    assert "24 images with persons" in printed.out
    assert "needs at least" in printed.out  # 99.9 %
    assert f"expected share of missed person pixels is at most {risk}:" in " ".join(
        printed.out.split()
    )
    assert "warning: only 24 images" in printed.err
    assert str(street) not in printed.err  # nothing else to warn of

    before, after = (
        load_checkpoint(checkpoint),
        load_checkpoint(checkpoint.with_name("calibrated.ckpt")),
    )
    assert read_promise(after.calibration).confidence == (
        0.8 if confidence == "0.8" else confidence
    )
    assert after.temperature != before.temperature
    logit = [np.log(c.threshold / (1 - c.threshold)) * c.temperature for c in (before, after)]
    assert logit[0] == pytest.approx(logit[1])  # the masks stay
    assert all(torch.equal(before.weights[name], after.weights[name]) for name in before.weights)
    assert not list(checkpoint.parent.glob(".*"))

    shown = replace(SETTINGS, flip=True)
    threshold = threshold_for(
        after.calibration, 0.9, inference=asdict(shown), temperature=after.temperature
    )
    segmenter, source, missed = eager_segmenter(after), open_source(street), []
    with worker_threads("cpu"):
        for sample in map(source.load, range(IMAGES)):  # the last shows nobody
            found = predict_probability(
                segmenter, sample.image, shown, temperature=after.temperature
            )
            missed.append((found[sample.target == 1] < threshold).mean())
    assert np.mean(missed) <= 0.1
    with pytest.raises(CalibrationError, match="flip True"):
        threshold_for(after.calibration, 0.9, inference=asdict(SETTINGS), temperature=1.0)


def test_reasons_against_relying_on_it_are_printed(
    checkpoint: Path, street: Path, dataset: Path, tmp_path: Path, capsys
) -> None:
    kept = load_checkpoint(checkpoint)
    save_checkpoint(checkpoint, replace(kept, config={"data": {"labelled": [str(street)]}}))
    (street / "images" / "05.png").write_bytes(b"nonsense")
    output = tmp_path / "deep" / "new.ckpt"
    arguments = ("--data", street, dataset, "--confidence", "expectation", "--output", output)
    assert run("--checkpoint", checkpoint, *arguments) == 0
    said = capsys.readouterr().err
    for words in ("images left out: 1;", "05.png", "of source render", f"{street}: was part of"):
        assert words in said
    assert read_promise(load_checkpoint(output).calibration).pictures == IMAGES - 1 + 2


@pytest.mark.parametrize(
    ("config", "known"),
    [
        ({}, False),
        ({"data": {"labelled": ["a/b"]}}, True),
        ({"data": {"validation": ["a"]}}, True),
        ({"data": {"synthetic": ["a/b/c"]}}, True),
        ({"data": {"labelled": ["a/bc"], "size": 3}}, False),
        ({"data": {"labelled": "a/b"}}, False),
        ({"data": 3}, False),
        ([], False),
    ],
)
def test_data_of_the_training_are_recognised(
    config, known: bool, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert known_to_training(config, [tmp_path / "a" / "b"]) == (
        [tmp_path / "a" / "b"] if known else []
    )


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ([], "required: data"),
        (["--data", "nowhere"], "nowhere"),
        (["--data", "{street}", "--confidence", "95"], "between 0 and 1"),
        (["--data", "{street}", "--confidence", "high"], "confidence"),
        (["--data", "{street}", "--confidence", "0.999999999999"], "too few"),
        (["--data", "{street}", "--output", "{street}"], "--output"),
        (["--data", "{street}", "--size", "1"], "size"),
        (["--data", "{nobody}"], "show no person"),
        (["--data", "{crowd}"], "nothing but persons"),
        (["--data", "{bare}"], "no masks"),
    ],
)
def test_wrong_input_is_one_line_and_nothing_is_written(
    extra: list[str], said: str, checkpoint: Path, street: Path, tmp_path: Path, capsys
) -> None:
    grey = np.full((20, 30, 3), 90, np.uint8)
    write_pair(tmp_path / "nobody", "0", grey, np.zeros((20, 30), bool))
    write_pair(tmp_path / "crowd", "0", grey, np.ones((20, 30), bool))
    (tmp_path / "bare").mkdir()
    Image.fromarray(grey).save(tmp_path / "bare" / "0.png")
    filled = [
        text.format_map({name: tmp_path / name for name in ("street", "nobody", "crowd", "bare")})
        for text in extra
    ]
    before = sorted(tmp_path.rglob("*"))
    assert run("--checkpoint", checkpoint, *filled) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("run/best.ckpt", "the --checkpoint itself"),
        ("street/images/01.png", "no checkpoint"),
        ("street/new.ckpt", "lies in the data"),
    ],
)
def test_an_output_never_replaces_an_input(
    output: str, said: str, checkpoint: Path, street: Path, tmp_path: Path, capsys
) -> None:
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    given = ("--checkpoint", checkpoint, "--data", street, "--output", tmp_path / output)
    assert run(*given) == 2
    assert said in capsys.readouterr().err
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


def test_anonymize_keeps_the_promise_of_a_calibrated_checkpoint(
    checkpoint: Path, street: Path, tmp_path: Path, capsys
) -> None:
    photographs, out = str(street / "images"), tmp_path / "safe"
    command = [photographs, "--output", str(out), "--recall", "0.9"]
    assert anonymize([*command, "--checkpoint", str(checkpoint)]) == 2
    assert "pii_seg.calibrate" in capsys.readouterr().err
    assert not out.exists()
    # As both are by default: the promise holds only for the look that was calibrated.
    assert run("--checkpoint", checkpoint, "--data", street, "--confidence", "expectation") == 0
    calibrated = checkpoint.with_name("calibrated.ckpt")
    assert anonymize([*command, "--checkpoint", str(calibrated), "--dilate", "0"]) == 0
    audit = json.loads((out / "audit.json").read_text())
    assert "at most 10" in audit["model"]["promise"]
    shares = []
    for place in range(IMAGES):
        mask = np.asarray(Image.open(street / "masks" / f"{place:02d}.png")) > 0
        left = np.asarray(Image.open(out / f"{place:02d}.png"))[..., 0] != 0
        bright = np.asarray(Image.open(street / "images" / f"{place:02d}.png"))[..., 0] != 0
        shares.append((left & mask & bright).sum() / mask.sum())
    assert np.mean(shares) <= 0.1
    assert anonymize([*command, "--checkpoint", str(calibrated), "--tiles", "2", "--force"]) == 2
    assert "tiles" in capsys.readouterr().err


@pytest.fixture
def numbered(street: Path) -> Path:
    """The same images, whose masks number their person."""
    (street / "instances").mkdir()
    for path in sorted((street / "masks").iterdir()):
        mask = (np.asarray(Image.open(path)) > 0).astype(np.uint8)
        Image.fromarray(mask).save(street / "instances" / path.name)
    return street


def test_persons_are_promised_only_where_masks_tell_them_apart(
    checkpoint: Path, street: Path, tmp_path: Path, capsys
) -> None:
    arguments = ("--checkpoint", checkpoint, "--data", street, "--confidence", "expectation")
    assert run(*arguments) == 0
    printed = capsys.readouterr()
    assert "no image of the data tells persons apart" in printed.err
    assert "person recall" not in printed.out
    calibrated = str(checkpoint.with_name("calibrated.ckpt"))
    command = [str(street / "images"), "--output", str(tmp_path / "safe"), "--person-recall", "0.9"]
    assert anonymize([*command, "--checkpoint", calibrated]) == 2
    error = capsys.readouterr().err
    assert "no persons" in error and "pii_seg.calibrate" in error
    assert error.count("\n") == 1


def test_anonymize_keeps_the_promise_per_person(
    checkpoint: Path, numbered: Path, tmp_path: Path, capsys
) -> None:
    """Of 24 persons, at most 2 have more than a fifth of their pixels outside of the mask."""
    low = replace(load_checkpoint(checkpoint), threshold=1e-4)  # at which random weights find much
    save_checkpoint(checkpoint, low)
    arguments = ("--checkpoint", checkpoint, "--data", numbered, "--confidence", "expectation")
    assert run(*arguments) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "24 images of 24 persons, at most 10% of each uncovered, in expectation" in printed
    calibrated = checkpoint.with_name("calibrated.ckpt")
    promise = read_person_promise(load_checkpoint(calibrated).calibration)
    assert promise.images == IMAGES
    photographs, wish = str(numbered / "images"), ["--person-recall", "0.9", "--uncovered", "0.2"]
    for name, more in (("by_threshold", ["--dilate", "0"]), ("by_margin", ["--dilate", "auto"])):
        out = tmp_path / name
        own = ["--output", str(out), "--write-masks", "--checkpoint", str(calibrated)]
        assert anonymize([photographs, *own, *wish, *more]) == 0
        audit = json.loads((out / "audit.json").read_text())
        assert "uncovered persons is at most 10%" in audit["model"]["promise"]
        assert "more than 20% of the pixels" in audit["model"]["promise"]
        assert ("with the margin of" in audit["model"]["promise"]) == (name == "by_margin")
        assert isinstance(audit["settings"]["dilate"], float | int)
        uncovered = []
        for place in range(IMAGES):
            person = np.asarray(Image.open(numbered / "masks" / f"{place:02d}.png")) > 0
            redacted = np.zeros(person.shape, bool)
            if (found := out / "instances" / f"{place:02d}.png.png").exists():
                redacted = np.asarray(Image.open(found)) > 0
            uncovered.append((person & ~redacted).sum() > 0.2 * person.sum())
        assert sum(uncovered) <= 2
