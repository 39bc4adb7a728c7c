"""A segmenter as a folder: it loads bit for bit, and damaged or hostile files are named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from pii_seg.config import SIZES, ModelConfig
from pii_seg.errors import CheckpointError
from pii_seg.models import checkpoint as checkpoint_module
from pii_seg.models.checkpoint import (
    Checkpoint,
    from_pretrained,
    load_checkpoint,
    save_checkpoint,
    save_pretrained,
)
from pii_seg.models.checkpoint_hash import checkpoint_sha256
from pii_seg.models.networks import build_network
from pii_seg.models.segmenter import Segmenter

FIRST = "network.down.0.0.0.weight"


def made(model: ModelConfig) -> Checkpoint:
    network = build_network(model, generator=torch.Generator().manual_seed(3))
    weights = Segmenter(network).to(memory_format=torch.channels_last).state_dict()
    return Checkpoint(
        model=model,
        weights=weights,
        config={"data": {"synthetic": ["renders"], "size": 64}},
        temperature=1.1,
        threshold=0.1 + 0.2,
        calibration={"recall": 0.95, "promise": {"confidence": 1 / 3, "losses": [0.1, 1e-17]}},
        provenance={"program": "pii_seg", "pictures": {"synthetic": 7}, "encoder": "a | <b>"},
    )


@pytest.fixture
def checkpoint() -> Checkpoint:
    return made(SIZES["tiny"])


@pytest.fixture
def folder(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    save_pretrained(tmp_path / "segmenter", checkpoint)
    return tmp_path / "segmenter"


def assert_same(one: Checkpoint, other: Checkpoint) -> None:
    assert replace(one, weights={}) == replace(other, weights={})
    assert one.weights.keys() == other.weights.keys()
    for name, value in one.weights.items():
        assert value.dtype == other.weights[name].dtype and torch.equal(value, other.weights[name])


@pytest.mark.parametrize(
    "model",
    [
        SIZES["tiny"],
        ModelConfig(encoder="mobilenetv3_small_050", width=16, weights="none", scale=0.5),
        ModelConfig(encoder="mobilenetv3_small_050", decoder="fpn", width=16, weights="none"),
    ],
)
def test_a_folder_holds_the_whole_checkpoint_bit_for_bit(
    model: ModelConfig, tmp_path: Path
) -> None:
    checkpoint = made(model)
    save_pretrained(tmp_path / "folder", checkpoint)
    assert_same(load_checkpoint(tmp_path / "folder"), checkpoint)
    save_checkpoint(tmp_path / "again.ckpt", from_pretrained(tmp_path / "folder"))
    assert_same(load_checkpoint(tmp_path / "again.ckpt"), checkpoint)


def test_the_folder_holds_three_files_that_other_programs_read(folder: Path) -> None:
    assert sorted(p.name for p in folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    assert json.loads((folder / "config.json").read_text())["model"]["encoder"] == "plain"
    assert FIRST in safetensors.torch.load_file(folder / "model.safetensors")
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: pii-seg\n")
    assert "| temperature | 1.1 |" in card and "| pictures | synthetic: 7 |" in card
    assert r"a \| &lt;b>" in card


def test_a_folder_is_replaced_but_nothing_foreign(checkpoint: Checkpoint, folder: Path) -> None:
    other = replace(checkpoint, threshold=0.25)
    save_pretrained(folder, other)
    assert_same(load_checkpoint(folder), other)
    foreign = folder.with_name("thesis")
    foreign.mkdir()
    (foreign / "draft.tex").touch()
    with pytest.raises(CheckpointError, match=r"thesis: not empty .* 'draft\.tex'"):
        save_pretrained(foreign, checkpoint)
    with pytest.raises(CheckpointError, match="is a file"):
        save_pretrained(foreign / "draft.tex", checkpoint)
    assert [p.name for p in foreign.iterdir()] == ["draft.tex"]


def test_the_folder_of_a_training_is_no_segmenter(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    with pytest.raises(CheckpointError, match=r"config\.json: no such file"):
        load_checkpoint(run)
    (run / "best.ckpt").touch()
    with pytest.raises(
        CheckpointError, match=r"run: is the folder of a training; give .*best\.ckpt"
    ):
        load_checkpoint(run)


def config(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """Change config.json."""

    def spoil(folder: Path) -> None:
        content = json.loads((folder / "config.json").read_text())
        change(content)
        (folder / "config.json").write_text(json.dumps(content))

    return spoil


def weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    """Change model.safetensors, and the hash with it, as somebody who means harm would."""

    def spoil(folder: Path) -> None:
        content = safetensors.torch.load_file(folder / "model.safetensors")
        change(content)
        replace_weights(folder, safetensors.torch.save(content))

    return spoil


def replace_weights(folder: Path, stored: bytes) -> None:
    (folder / "model.safetensors").write_bytes(stored)
    config(lambda c: c.update(weights_sha256=hashlib.sha256(stored).hexdigest()))(folder)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: (f / "config.json").unlink(), r"config\.json: no such file"),
        (lambda f: (f / "config.json").write_text("{"), r"config\.json: damaged"),
        (lambda f: (f / "config.json").write_bytes(b"\xff\xfe"), r"config\.json: damaged"),
        (lambda f: (f / "config.json").write_text("[" * 100_000), r"config\.json: damaged"),
        (lambda f: (f / "config.json").write_text("[]"), r"config\.json: not a segmenter"),
        (config(lambda c: c.update(format="other")), r"config\.json: not a segmenter"),
        (config(lambda c: c.update(version=2)), "of version 2"),
        (config(lambda c: c.pop("model")), "damaged"),
        (config(lambda c: c["model"].update(encoder="nothing")), "damaged .*encoder"),
        (config(lambda c: c["model"].update(encoder="hf_hub:some/model")), "damaged .*encoder"),
        (config(lambda c: c["model"].update(width="8")), "damaged"),
        (config(lambda c: c["model"].update(width=12)), "damaged .*the model's is"),
        (config(lambda c: c["model"].update(width=1 << 40)), "damaged"),
        (config(lambda c: c.update(calibration=3)), "damaged .*calibration is no table"),
        (config(lambda c: c.update(threshold=7)), "damaged .*threshold"),
        (config(lambda c: c.update(temperature=float("nan"))), "damaged .*NaN is no number"),
        (config(lambda c: c.update(temperature=1e-300)), "damaged .*temperature"),
        (config(lambda c: c["model"].update(width=1 << 24)), "damaged"),
        (config(lambda c: c.update(temperature="1")), "damaged"),
        (config(lambda c: c.update(surprise=1)), "damaged"),
        (config(lambda c: c.pop("weights_sha256")), "damaged"),
        (lambda f: (f / "model.safetensors").unlink(), r"model\.safetensors: no such file"),
        (lambda f: (f / "model.safetensors").write_bytes(b""), r"model\.safetensors: damaged"),
        (lambda f: replace_weights(f, b""), r"model\.safetensors: damaged"),
        (lambda f: replace_weights(f, b"\xff" * 64), r"model\.safetensors: damaged"),
        (lambda f: replace_weights(f, b"\x80\x02}q\x00."), r"model\.safetensors: damaged"),
        (weights(lambda w: w.pop(FIRST)), "weight .* is missing"),
        (weights(lambda w: w.update(more=torch.zeros(1))), "more does not belong"),
        (weights(lambda w: w.update({FIRST: torch.zeros(2)})), r"is \(2,\), the model's"),
        (weights(lambda w: w[FIRST].fill_(torch.nan)), "no numbers"),
    ],
)  # fmt: skip
def test_damaged_and_hostile_files_are_named(
    folder: Path, spoil: Callable[[Path], object], said: str
) -> None:
    spoil(folder)
    with pytest.raises(CheckpointError, match=rf"segmenter.*{said}"):
        load_checkpoint(folder)


def test_hashes_identify_files_and_folders(checkpoint: Checkpoint, folder: Path) -> None:
    file = folder.with_name("best.ckpt")
    save_checkpoint(file, checkpoint)
    assert checkpoint_sha256(file) == hashlib.sha256(file.read_bytes()).hexdigest()
    before = checkpoint_sha256(folder)
    save_pretrained(folder, checkpoint)
    assert checkpoint_sha256(folder) == before
    changed = {name: value + 1 for name, value in checkpoint.weights.items()}
    save_pretrained(folder, replace(checkpoint, weights=changed))
    assert checkpoint_sha256(folder) != before


def test_files_of_two_segmenters_do_not_mix(checkpoint: Checkpoint, folder: Path) -> None:
    other = folder.with_name("other")
    changed = {name: value + 1 for name, value in checkpoint.weights.items()}
    save_pretrained(other, replace(checkpoint, weights=changed))
    (other / "model.safetensors").replace(folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"not the weights that config\.json describes"):
        load_checkpoint(folder)


def test_files_that_are_too_large_are_not_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(1 << 30)  # sparse
    with pytest.raises(CheckpointError, match=r"model\.safetensors: larger than \d+ bytes"):
        load_checkpoint(folder)
    monkeypatch.setattr(checkpoint_module, "MAX_CONFIG_BYTES", 100)
    with pytest.raises(CheckpointError, match=r"config\.json: larger than 100 bytes"):
        load_checkpoint(folder)


def test_any_truncation_and_bit_flip_of_the_weights_is_an_error(folder: Path) -> None:
    file = folder / "model.safetensors"
    content = file.read_bytes()
    for place in range(0, len(content), len(content) // 8):
        spoilt = bytearray(content)
        spoilt[place] ^= 0xFF
        for data in (bytes(spoilt), content[:place]):
            file.write_bytes(data)
            with pytest.raises(CheckpointError, match=r"model\.safetensors: damaged"):
                load_checkpoint(folder)
