"""Back ends are chosen, checkpoints converted once, and calibrations bound to an engine."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pii_seg.errors import CalibrationError, CheckpointError, InputError
from pii_seg.inference import backends, loading
from pii_seg.inference.backends import BACKENDS
from pii_seg.inference.caching import cache_folder, keep_newest
from pii_seg.inference.calibrated import load_model, save_model, with_calibration
from pii_seg.inference.loading import load_segmenter
from pii_seg.models.checkpoint import save_checkpoint
from tests.pii_seg.exports import Exports, small_checkpoint, tiles

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PII_SEG_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PII_SEG_BACKEND")
    return tmp_path / "cache"


def without(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let back ends not be installed."""
    absent = {name: replace(BACKENDS[name], packages=("no_such_package",)) for name in names}
    monkeypatch.setattr(loading, "BACKENDS", {**BACKENDS, **absent})
    monkeypatch.setattr(backends, "BACKENDS", {**BACKENDS, **absent})


def test_a_checkpoint_is_converted_once_and_then_runs_without_torch(
    exports: Exports, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    loaded = load_segmenter(exports.path)
    assert loaded.engine["backend"] == "openvino"
    assert (loaded.temperature, loaded.threshold) == (0.25, 0.4)
    assert "converted for openvino" in caplog.text
    eager = load_segmenter(exports.path, backend="torch")
    given = tiles(2, 40, 56)
    np.testing.assert_allclose(loaded.segmenter(given), eager.segmenter(given), atol=1e-4)
    assert loaded.sha256 == eager.sha256
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from pii_seg.inference.loading import load_segmenter\n"
        f"loaded = load_segmenter({str(exports.path)!r})\n"
        "assert loaded.engine['backend'] == 'openvino'\n"
        "assert sys.modules['openvino_telemetry'] is None\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_damage_in_the_cache_is_repaired(exports: Exports, cache: Path) -> None:
    load_segmenter(exports.path)
    (folder,) = (cache / "converted").iterdir()
    (folder / "model.bin").write_bytes(b"damaged")
    assert load_segmenter(exports.path).engine["backend"] == "openvino"
    assert (folder / "model.bin").stat().st_size > 1000


def test_auto_takes_torch_where_a_conversion_fails(
    exports: Exports, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("no such\noperator")

    monkeypatch.setattr(loading, "convert", fail)
    assert load_segmenter(exports.path).engine["backend"] == "torch"
    assert "openvino is not used for best.ckpt: no such operator" in caplog.text
    with pytest.raises(RuntimeError):
        load_segmenter(exports.path, backend="openvino")


def test_auto_takes_what_is_installed_and_converts_nothing_in_vain(
    exports: Exports, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "openvino", "onnxruntime")
    assert load_segmenter(exports.path).engine["backend"] == "torch"
    with pytest.raises(InputError, match=r"pii-seg\[openvino\]"):
        load_segmenter(exports.path, backend="openvino")
    monkeypatch.undo()
    monkeypatch.delenv("PII_SEG_BACKEND")
    monkeypatch.setenv("PII_SEG_CACHE", "none")
    assert load_segmenter(exports.path).engine["backend"] == "torch"


def test_the_environment_chooses_where_nothing_else_does(
    exports: Exports, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PII_SEG_BACKEND", "torch")
    assert load_segmenter(exports.path).engine["backend"] == "torch"
    monkeypatch.setenv("PII_SEG_BACKEND", "tensorflow")
    with pytest.raises(InputError, match="tensorflow: unknown"):
        load_segmenter(exports.path)


def test_files_that_are_no_checkpoint_are_refused_by_name(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "photo.ckpt").write_bytes(b"JPEG")
    for name in ("photo.ckpt", "absent.ckpt"):
        with pytest.raises(CheckpointError, match=name):
            load_segmenter(tmp_path / name)


def test_exports_run_on_a_cpu_and_not_in_torch(exports: Exports) -> None:
    folder = exports.by_format["openvino"].folder
    for values, said in (
        ({"backend": "torch"}, "does not run openvino"),
        ({"backend": "onnxruntime"}, "use --backend openvino"),
        ({"backend": "auto", "device": "cuda"}, "--device cuda"),
    ):
        with pytest.raises(InputError, match=said):
            load_segmenter(folder, **values)
    with pytest.raises(InputError, match="leave one of the two out"):
        load_segmenter(exports.path, backend="openvino", device="cuda")


def test_auto_takes_the_back_end_of_the_calibration_and_others_are_refused(
    exports: Exports, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old.ckpt"
    small_checkpoint(path, calibration={"promise": {}})  # of a version that knew torch alone
    assert load_segmenter(path).engine["backend"] == "torch"
    with pytest.raises(CalibrationError, match=r"old\.ckpt: was calibrated with backend torch"):
        load_segmenter(path, backend="openvino")
    engine = load_segmenter(path, backend="onnxruntime", bound=False).engine
    new = with_calibration(
        exports.checkpoint, temperature=2.0, threshold=0.3, calibration={"engine": engine}
    )
    save_checkpoint(tmp_path / "new.ckpt", new)
    assert load_segmenter(tmp_path / "new.ckpt").engine == engine
    with pytest.raises(CalibrationError, match="calibrated with backend onnxruntime"):
        load_segmenter(tmp_path / "new.ckpt", backend="torch")
    without(monkeypatch, "onnxruntime")
    with pytest.raises(CalibrationError, match="not installed"):
        load_segmenter(tmp_path / "new.ckpt")


def test_a_calibrated_export_is_written_beside_the_other(exports: Exports, tmp_path: Path) -> None:
    model = load_model(exports.by_format["onnx"].folder)
    engine = load_segmenter(exports.by_format["onnx"].folder, backend="onnxruntime").engine
    other = with_calibration(model, temperature=3.0, threshold=0.2, calibration={"engine": engine})
    save_model(tmp_path / "calibrated", other)
    loaded = load_segmenter(tmp_path / "calibrated", backend="auto")
    assert loaded.engine == engine
    assert (loaded.temperature, loaded.promise_temperature, loaded.threshold) == (3.0, 3.0, 0.2)
    with pytest.raises(CalibrationError, match="backend onnxruntime"):
        load_segmenter(tmp_path / "calibrated", backend="openvino")


def test_a_cache_that_others_can_write_to_is_not_used(cache: Path) -> None:
    assert cache_folder() == cache
    cache.chmod(0o777)
    assert cache_folder() is None
    cache.chmod(0o700)
    shutil.rmtree(cache)
    cache.write_text("a file")
    assert cache_folder() is None


def test_the_least_recently_used_conversions_go_first(tmp_path: Path) -> None:
    import os

    for age in range(4):
        (tmp_path / str(age)).mkdir()
        os.utime(tmp_path / str(age), (1e9 - age, 1e9 - age))
    keep_newest(tmp_path, 2)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["0", "1"]
