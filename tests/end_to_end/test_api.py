"""The examples of `pii_seg.__init__`, from training to redaction, with the tiny model."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pii_seg
from pii_seg import (
    DataConfig,
    InferenceSettings,
    LoopConfig,
    PersonSegmenter,
    TrainConfig,
    calibrate,
    evaluate,
    predict_files,
    self_train,
    train,
)
from pii_seg.config import SIZES, BudgetConfig, MachineConfig, OptimiserConfig


def write_images(folder: Path, count: int, *, masks: bool) -> str:
    """Write images of 40 px with a bright square, the person, and its mask beside it."""
    for kind in ("images", "masks") if masks else ("images",):
        (folder / kind).mkdir(parents=True)
    for number in range(count):
        image = np.random.default_rng(number).integers(0, 120, (40, 40, 3), dtype=np.uint8)
        mask = np.zeros((40, 40), np.uint8)
        mask[5:35, 12:28] = 255
        image[mask > 0] += 120
        Image.fromarray(image).save(folder / "images" / f"{number}.png")
        if masks:
            Image.fromarray(mask).save(folder / "masks" / f"{number}.png")
    return str(folder)


def quick(data: DataConfig) -> TrainConfig:
    return TrainConfig(
        replace(data, size=32, batch_size=2, validation_limit=4, held_out=0.3),
        model=SIZES["tiny"],
        optimiser=OptimiserConfig(learning_rate=0.02),
        budget=BudgetConfig(steps=40, validate_every=20),
        machine=MachineConfig(
            device="cpu", precision="float32", workers=0, threads=1, progress="none"
        ),
    )


def test_train_evaluate_calibrate_and_predict(tmp_path: Path) -> None:
    renders = write_images(tmp_path / "renders", 8, masks=True)
    run = tmp_path / "run"
    result = train(quick(DataConfig(synthetic=(renders,))), str(run))
    assert result.best == run / "best.ckpt"

    calls: list[tuple[str, int, int]] = []
    checkpoint, report = str(run / "best.ckpt"), str(tmp_path / "report")
    (measured,) = evaluate(checkpoint, report, [renders], on_image=lambda *call: calls.append(call))
    assert calls == [("renders", done, 8) for done in range(1, 9)]
    assert 0 <= measured.scores.recall <= 1
    assert (tmp_path / "report" / "report.html").exists()

    calibrated = calibrate(checkpoint, [renders], confidence="expectation")
    assert calibrated.output == run / "calibrated.ckpt"
    assert 0 < calibrated.promise.best_recall < 1

    predicted = predict_files(checkpoint, [renders + "/images"], str(tmp_path / "found"))
    assert predicted.done == 8
    segmenter = PersonSegmenter.load(checkpoint, settings=InferenceSettings())
    found = segmenter.predict(Path(renders) / "images" / "3.png").mask
    with Image.open(tmp_path / "found" / "masks" / "3.png") as written:
        np.testing.assert_array_equal(np.asarray(written) > 0, found)


@pytest.mark.slow
def test_self_train(tmp_path: Path) -> None:
    renders = write_images(tmp_path / "renders", 8, masks=True)
    photos = write_images(tmp_path / "photos", 4, masks=False)
    config = LoopConfig(
        quick(DataConfig(synthetic=(renders,))),
        (photos,),
        rounds=1,
        student_steps=20,
        repaint="none",
        scales=(1.0,),
        examples=0,
    )
    outcome = self_train(config, str(tmp_path / "run"))
    assert PersonSegmenter.load(outcome.best).predict(Path(photos) / "images" / "0.png").mask.any()
    assert outcome.report.exists()
    assert (tmp_path / "run" / "config.toml").exists()


def test_every_name_of_the_examples_is_public() -> None:
    lines = re.findall(r"from pii_seg import (.+)", pii_seg.__doc__ or "")
    names = {name.strip() for line in lines for name in line.split(",")}
    assert len(names) >= 8
    assert names <= set(pii_seg.__all__)
