"""Checkpoints are data: they come back as they went, and hostile ones can do nothing."""

from __future__ import annotations

import errno
import json
import os
import pickle
import resource
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pii_seg.config import SIZES
from pii_seg.errors import CheckpointError, InputError
from pii_seg.inference.calibrated import with_calibration
from pii_seg.models.checkpoint import (
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from pii_seg.models.networks import build_network
from pii_seg.models.segmenter import Segmenter


@pytest.fixture
def checkpoint() -> Checkpoint:
    network = build_network(SIZES["tiny"], generator=torch.Generator().manual_seed(3))
    return Checkpoint(
        model=SIZES["tiny"],
        weights=Segmenter(network).state_dict(),
        config={"data": {"synthetic": ["renders"], "size": 64}},
        temperature=1.5,
        threshold=0.3,
        calibration={"recall": 0.95, "conformal": {"alpha": 0.1, "quantile": 0.77}},
        provenance={"program": "pii_seg"},
    )


@pytest.fixture
def path(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "best.ckpt", checkpoint)
    return tmp_path / "best.ckpt"


def test_a_saved_checkpoint_loads_unchanged(checkpoint: Checkpoint, path: Path) -> None:
    loaded = load_checkpoint(path)
    assert replace(loaded, weights={}) == replace(checkpoint, weights={})
    assert loaded.weights.keys() == checkpoint.weights.keys()
    assert all(
        torch.equal(value, loaded.weights[name]) for name, value in checkpoint.weights.items()
    )
    assert [p.name for p in path.parent.iterdir()] == ["best.ckpt"]


def test_torch_opens_it_with_weights_only(path: Path) -> None:
    content = torch.load(path, weights_only=True)
    assert set(content) == {"format", "version", "weights", "description"}
    assert json.loads(content["description"])["threshold"] == 0.3


def test_its_segmenter_gives_the_same_logits(checkpoint: Checkpoint, path: Path) -> None:
    network = build_network(SIZES["tiny"], generator=torch.Generator().manual_seed(3))
    images = torch.randint(0, 256, (1, 3, 50, 40), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = Segmenter(network).eval()(images)
    segmenter = load_checkpoint(path).segmenter(precision=torch.float32)
    assert torch.allclose(before, segmenter(images), atol=1e-4)
    assert not segmenter.training
    assert not any(parameter.requires_grad for parameter in segmenter.parameters())
    assert torch.allclose(before, load_checkpoint(path).segmenter()(images), atol=0.1)


def test_calibration_replaces_decisions_alone(checkpoint: Checkpoint) -> None:
    other = with_calibration(
        checkpoint, temperature=2.0, threshold=0.25, calibration={"recall": 0.99}
    )
    assert (other.temperature, other.threshold, other.calibration) == (2.0, 0.25, {"recall": 0.99})
    assert other.weights is checkpoint.weights
    for temperature, threshold in ((0.0, 0.5), (1.0, 1.0), (float("nan"), 0.5)):
        with pytest.raises(CheckpointError):
            with_calibration(
                checkpoint, temperature=temperature, threshold=threshold, calibration={}
            )


def rewritten(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = torch.load(path, weights_only=True)
    change(content)
    torch.save(content, path)


def described(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    def inside(content: dict[str, Any]) -> None:
        description = json.loads(content["description"])
        change(description)
        content["description"] = json.dumps(description)

    rewritten(path, inside)


FIRST = "network.down.0.0.0.weight"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (Path.unlink, "no such checkpoint"),
        (lambda p: p.write_bytes(b""), "not a checkpoint, or cut short"),
        (lambda p: p.write_bytes(b"PK\x05\x06" + bytes(18)), "damaged, or more than data"),
        (lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]),
         "not a checkpoint, or cut short"),
        (lambda p: torch.save([1], p), "not a checkpoint of pii_seg"),
        (lambda p: torch.save({"loops": {}}, p), "RUN/best.ckpt is what predicts"),
        (lambda p: p.write_bytes(pickle.dumps({"format": "pii_seg segmenter"})),
         "not a checkpoint, or cut short"),
        (lambda p: rewritten(p, lambda c: c.update(version=2)), "of version 2"),
        (lambda p: rewritten(p, lambda c: c.pop("description")), "damaged"),
        (lambda p: rewritten(p, lambda c: c.update(description="{")), "damaged"),
        (lambda p: rewritten(p, lambda c: c.update(description="[" * 100_000)), "damaged"),
        (lambda p: rewritten(p, lambda c: c.update(weights=[1])), "damaged"),
        (lambda p: rewritten(p, lambda c: c["weights"].pop(FIRST)), "weight .* is missing"),
        (lambda p: rewritten(p, lambda c: c["weights"].update(more=torch.zeros(1))),
         "more does not belong"),
        (lambda p: rewritten(p, lambda c: c["weights"].update({FIRST: torch.zeros(2)})),
         r"is \(2,\), the model's"),
        (lambda p: rewritten(p, lambda c: c["weights"][FIRST].fill_(torch.nan)), "no numbers"),
        (lambda p: described(p, lambda d: d["model"].update(encoder="nothing")),
         "damaged .*encoder"),
        (lambda p: described(p, lambda d: d["model"].update(width="8")), "damaged"),
        (lambda p: described(p, lambda d: d["model"].update(width=1 << 40)), "damaged"),
        (lambda p: described(p, lambda d: d.update(config="x")), "damaged .*config is no table"),
        (lambda p: described(p, lambda d: d.update(threshold=7)), "damaged .*threshold"),
        (lambda p: described(p, lambda d: d.update(surprise=1)), "damaged"),
    ],
)  # fmt: skip
def test_foreign_and_damaged_files_are_named(
    path: Path, spoil: Callable[[Path], object], said: str
) -> None:
    spoil(path)
    with pytest.raises(CheckpointError, match=rf"best\.ckpt: .*{said}"):
        load_checkpoint(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_is_not_run(path: Path, zipped: bool) -> None:
    class Hostile:
        def __reduce__(self) -> Any:
            return Path.touch, (path.with_name("ran"),)

    if zipped:
        torch.save({"format": "pii_seg segmenter", "version": 1, "weights": Hostile()}, path)
    else:
        path.write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(CheckpointError, match=r"best\.ckpt: "):
        load_checkpoint(path)
    assert not path.with_name("ran").exists()


def test_any_truncation_and_bit_flip_is_an_error_or_harmless(path: Path) -> None:
    content = path.read_bytes()
    for place in range(0, len(content), len(content) // 12):
        spoilt = bytearray(content)
        spoilt[place] ^= 0xFF
        for data in (bytes(spoilt), content[:place]):
            path.write_bytes(data)
            try:
                loaded = load_checkpoint(path)
            except CheckpointError as error:
                assert str(path) in str(error)
            else:
                assert loaded.model == SIZES["tiny"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: p.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99)), "not a checkpoint"),
        (lambda p: p.write_text('{"model": {}}'), "not a checkpoint"),
        (lambda p: p.write_text("best.ckpt"), "not a checkpoint"),
        (lambda p: zipfile.ZipFile(p, "w").writestr("word/document.xml", "<w/>"), "damaged, or"),
        (Path.mkdir, "no such file; expected the folder of a segmenter"),
        (lambda p: os.mkfifo(p), "no such checkpoint"),
        (lambda p: p.symlink_to(p), "no such checkpoint"),
    ],
)
def test_other_things_than_checkpoints_are_named(
    tmp_path: Path, make: Callable[[Path], object], said: str
) -> None:
    path = tmp_path / "photo.jpg"
    make(path)
    with pytest.raises(CheckpointError, match=rf"photo\.jpg.*{said}"):
        load_checkpoint(path)


def test_a_failed_save_leaves_the_old_one(checkpoint: Checkpoint, path: Path) -> None:
    before = path.read_bytes()
    unspeakable = replace(checkpoint, provenance={"time": float("nan")})
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_checkpoint(path, unspeakable)
    assert path.read_bytes() == before
    assert zipfile.is_zipfile(path)
    assert [p.name for p in path.parent.iterdir()] == ["best.ckpt"]


def test_a_full_disk_is_named_and_leaves_the_old_one(checkpoint: Checkpoint, path: Path) -> None:
    """torch turns the system's error into one about positions in its archive."""
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OSError, match=r"best\.ckpt") as raised:
            save_checkpoint(path, checkpoint)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert raised.value.errno == errno.EFBIG
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["best.ckpt"]


def test_weights_that_are_no_numbers_are_not_saved(checkpoint: Checkpoint, path: Path) -> None:
    before = path.read_bytes()
    weights = {**checkpoint.weights, FIRST: checkpoint.weights[FIRST] * torch.inf}
    with pytest.raises(FloatingPointError, match=FIRST):
        save_checkpoint(path, replace(checkpoint, weights=weights))
    assert path.read_bytes() == before


@pytest.mark.parametrize("device", ["cuda", "cuda:9", "mps:3", "meta", "xpu", "bogus", "cpu:1", ""])
def test_a_device_that_is_not_there_is_named(
    checkpoint: Checkpoint, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match=rf"--device {device}: "):
        checkpoint.segmenter(device)
