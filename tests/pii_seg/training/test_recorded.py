"""The files of a run name no path, user or machine; data are known by their content."""

from __future__ import annotations

import io
import json
import socket
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pii_seg.config import SIZES, BudgetConfig, DataConfig, TrainConfig, to_plain_data
from pii_seg.data.content_hash import ContentHashes, sketch_of
from pii_seg.errors import InputError
from pii_seg.evaluation.calibrate import known_to_training
from pii_seg.models.checkpoint import load_checkpoint, save_pretrained
from pii_seg.training.fit import fit
from pii_seg.training.recorded import differences, record, same_value
from pii_seg.training.run_folder import read_config
from tests.pii_seg.training.test_fit import MACHINE, At, assert_same_run, ctrl_c, write_pairs

CANARY = "canary-person"


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every file below a folder, and of every record of an archive."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            yield str(path.relative_to(folder)), content
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(io.BytesIO(content)) as archive:
                    for name in archive.namelist():
                        yield f"{path.name}:{name}", archive.read(name)


def config_of(pairs: Path, *, steps: int = 9) -> TrainConfig:
    return TrainConfig(
        data=DataConfig(synthetic=(str(pairs),), size=32, batch_size=2),
        model=SIZES["tiny"],
        budget=BudgetConfig(steps=steps, validate_every=4),
        machine=MACHINE,
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a name that must not spread, on a machine of that name."""
    folder = tmp_path / CANARY
    folder.mkdir()
    for name in ("USER", "LOGNAME", "USERNAME", "HOSTNAME"):
        monkeypatch.setenv(name, CANARY)
    monkeypatch.setattr(socket, "gethostname", lambda: CANARY)
    return folder


def test_no_byte_of_a_run_names_a_path_a_user_or_a_machine(home: Path) -> None:
    pairs, run = write_pairs(home / f"{CANARY}-pairs", 8), home / "run"
    teacher = fit(config_of(pairs), home / "teacher").best
    finer = replace(config_of(pairs), start_from=str(teacher))
    fit(finer, run, callbacks=[At(6, ctrl_c)])
    fit(finer, run, resume=True)
    save_pretrained(run / "shared", load_checkpoint(run / "best.ckpt"))
    names = set()
    for name, content in contents(run):
        names.add(name)
        for word in (CANARY, str(home), str(home.parent), home.parent.name):
            assert word.encode() not in content and word not in name, (name, word)
    assert {"config.toml", "best.ckpt", "last.ckpt", "metrics.csv"} <= names
    recorded = read_config(run / "config.toml")
    assert recorded["data"]["synthetic"][0].startswith("sha256:")
    assert recorded["start_from"].startswith("sha256:")


def test_data_that_were_moved_linked_or_written_otherwise_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = write_pairs(tmp_path / "pairs", 8)
    fit(config_of(pairs), tmp_path / "whole")
    (tmp_path / "pairs").rename(tmp_path / "moved")
    (tmp_path / "link").symlink_to(tmp_path / "moved")
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "run"
    fit(config_of(tmp_path / "moved"), run, callbacks=[At(2, ctrl_c)])
    fit(config_of(tmp_path / "link"), run, resume=True, callbacks=[At(5, ctrl_c)])
    slash = replace(config_of(pairs).data, synthetic=("moved/",))
    assert fit(replace(config_of(pairs), data=slash), run, resume=True).steps == 9
    assert_same_run(tmp_path / "whole", run)


def test_data_that_changed_are_named(tmp_path: Path) -> None:
    pairs, run = write_pairs(tmp_path / "pairs", 8), tmp_path / "run"
    fit(config_of(pairs), run, callbacks=[At(2, ctrl_c)])
    masks = pairs / "masks"
    (masks / "0.png").write_bytes((masks / "1.png").read_bytes())
    with pytest.raises(InputError, match=r"another data\.synthetic"):
        fit(config_of(pairs), run, resume=True)


def test_runs_of_earlier_versions_are_known_by_their_paths(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs", 4)
    config = config_of(pairs)
    before = to_plain_data(config)
    recorded = record(config, ContentHashes()).config.decisive()
    assert differences(before, config.decisive(), recorded) == []
    before["data"]["synthetic"] = [f"{pairs}/"]
    assert differences(before, config.decisive(), recorded) == []
    before["data"]["synthetic"] = [str(tmp_path / "other")]
    assert differences(before, config.decisive(), recorded) == ["data.synthetic"]
    before["data"]["synthetic"] = [str(pairs)] * 2
    assert differences(before, config.decisive(), recorded) == ["data.synthetic"]
    assert not same_value("sha256:0", "sha256:1", "sha256:0")


def test_images_of_a_coco_file_count(tmp_path: Path) -> None:
    pairs, file = write_pairs(tmp_path / "pairs", 2), tmp_path / "pairs" / "images" / "coco.json"
    images = [{"id": n, "file_name": f"{n}.png", "width": 48, "height": 48} for n in range(2)]
    categories = [{"id": 1, "name": "person"}]
    file.write_text(json.dumps({"images": images, "annotations": [], "categories": categories}))
    hashes = ContentHashes()
    before = hashes.of_data(file)
    image = pairs / "images" / "1.png"
    image.write_bytes((pairs / "images" / "0.png").read_bytes())
    assert hashes.of_data(file) != before


def test_a_run_inside_its_data_does_not_change_them(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs", 8)
    run = pairs / "run"
    fit(config_of(pairs), run, callbacks=[At(2, ctrl_c)])
    assert fit(config_of(pairs), run, resume=True).steps == 9


def test_data_of_a_training_are_recognised_by_their_images(tmp_path: Path) -> None:
    pairs, others = write_pairs(tmp_path / "pairs", 8), tmp_path / "others"
    recorded = record(config_of(pairs), ContentHashes())
    plain = to_plain_data(recorded.config)
    (others / "images").mkdir(parents=True)
    (others / "images" / "renamed.png").write_bytes((pairs / "images" / "3.png").read_bytes())
    assert known_to_training(plain, [others], recorded.sketch) == [others]
    (others / "images" / "renamed.png").write_bytes(b"another")
    (others / "masks").mkdir()
    (others / "masks" / "0.png").write_bytes((pairs / "masks" / "3.png").read_bytes())
    assert known_to_training(plain, [others], recorded.sketch) == []
    many = [(f"{n}.jpg", f"{n * 2654435761 % 2**32:08x}") for n in range(5000)]
    assert len(sketch_of(many)) == 512
    part = set(sketch_of(many[:500], most=None))
    assert part & set(sketch_of(many))


def test_the_state_of_a_run_is_plain_data(tmp_path: Path) -> None:
    fit(config_of(write_pairs(tmp_path / "pairs", 8)), tmp_path / "run")
    state = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)
    assert "hyper_parameters" not in state
