"""Exports from anywhere: each damaged or hostile one is refused by name, before it is opened."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pii_seg.data.hashes import sha256_of
from pii_seg.errors import CheckpointError
from pii_seg.inference.exported import load_exported, reference_tiles
from pii_seg.inference.loading import load_segmenter
from pii_seg.inference.model_checks import check_model
from tests.pii_seg.exports import Exports


def changed(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "segmenter.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def rehashed(folder: Path) -> None:
    """Let the description name the files as they are, as a hostile author would."""

    def rehash(content: dict[str, Any]) -> None:
        content["files"] = {name: sha256_of(folder / name) for name in content["files"]}

    changed(folder, rehash)


@pytest.fixture(params=["onnx", "openvino"])
def folder(exports: Exports, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return Path(shutil.copytree(exports.by_format[request.param].folder, tmp_path / "export"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update(version=2), "of version 2"),
        (lambda c: c.update(format_name="other"), "not an exported segmenter"),
        (lambda c: c.update(threshold=1.5), "threshold 1.5"),
        (lambda c: c.update(threshold="high"), "damaged"),
        (lambda c: c.update(temperature=0), "temperature 0"),
        (lambda c: c.update(tolerance=2), "tolerance 2"),
        (lambda c: c.update(precision="int4"), "precision 'int4'"),
        (lambda c: c.update(classes=["person", "dog"]), "classes"),
        (lambda c: c.update(shape=[1, 2]), "shape"),
        (lambda c: c.update(shape=[1, 2, 1 << 40]), "shape"),
        (lambda c: c.update(calibration=[]), "calibration is no table"),
        (lambda c: c.update(references=[[0.0]]), "reference logits"),
        (lambda c: c.update(references=[[], []]), "reference logits"),
        (lambda c: c.update(files={"../best.ckpt": "0"}), "with files ../best.ckpt"),
        (lambda c: c.update(format="pickle"), "format 'pickle'"),
        (lambda c: c.update(surprise=1), "surprise"),
        (lambda c: c.pop("threshold"), "threshold"),
        (lambda c: c.pop("shape"), "shape"),
    ],
)
def test_damaged_descriptions_are_refused(
    folder: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    changed(folder, change)
    with pytest.raises(CheckpointError, match="segmenter.json.*" + said.replace(".", r"\.")):
        load_exported(folder)


@pytest.mark.parametrize("content", [b"", b"[", b"[]", b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000])
def test_what_is_no_description_is_refused(folder: Path, content: bytes) -> None:
    (folder / "segmenter.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"segmenter\.json"):
        load_exported(folder)


def test_files_that_are_not_those_described_are_refused(folder: Path) -> None:
    model = load_exported(folder).model_file
    model.write_bytes(model.read_bytes() + b" ")
    with pytest.raises(CheckpointError, match=rf"{model.name}: damaged"):
        load_exported(folder)
    model.unlink()
    with pytest.raises(CheckpointError, match=rf"{model.name}: cannot be read"):
        load_exported(folder)


def test_cut_models_are_refused(folder: Path) -> None:
    model = load_exported(folder).model_file
    model.write_bytes(model.read_bytes()[: model.stat().st_size // 2])
    rehashed(folder)
    with pytest.raises(CheckpointError, match=model.name):
        load_segmenter(folder, backend="auto")


def test_results_of_other_weights_are_refused(folder: Path) -> None:
    changed(folder, lambda c: c.update(references=[[v + 0.1 for v in r] for r in c["references"]]))
    with pytest.raises(CheckpointError, match="differ from those of the checkpoint"):
        load_segmenter(folder, backend="auto")


def onnx_changes() -> dict[str, tuple[Callable[[Any], object], str]]:
    import onnx

    def outside(model: Any) -> None:
        tensor = max(model.graph.initializer, key=lambda t: len(t.raw_data))
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "../../../../etc/passwd"

    def loop(model: Any) -> None:
        node = model.graph.node.add()
        node.op_type = "Loop"
        attribute = node.attribute.add()
        attribute.name, attribute.type = "body", onnx.AttributeProto.GRAPH
        attribute.g.name = "body"

    def foreign_set(model: Any) -> None:
        entry = model.opset_import.add()
        entry.domain, entry.version = "com.example", 1

    def foreign_layer(model: Any) -> None:
        model.graph.node[0].domain = "com.example"

    def function(model: Any) -> None:
        model.functions.add().name = "f"

    def second_output(model: Any) -> None:
        model.graph.output.add().name = model.graph.output[0].name

    return {
        "outside": (outside, "another file"),
        "loop": (loop, "control flow"),
        "foreign set": (foreign_set, "com.example"),
        "foreign layer": (foreign_layer, "com.example"),
        "function": (function, "functions of its own"),
        "second output": (second_output, "one output"),
    }


@pytest.mark.parametrize("name", sorted(onnx_changes()))
def test_onnx_models_that_are_more_than_a_network_are_refused(
    exports: Exports, tmp_path: Path, name: str
) -> None:
    import onnx

    folder = Path(shutil.copytree(exports.by_format["onnx"].folder, tmp_path / "export"))
    change, said = onnx_changes()[name]
    model = onnx.load(str(folder / "model.onnx"))
    change(model)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    rehashed(folder)
    with pytest.raises(CheckpointError, match=rf"model\.onnx: .*{said}.*not opened"):
        check_model(load_exported(folder))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<net ", '<!DOCTYPE a [<!ENTITY b "c">]><net ', "document"),
        ('version="opset1"', 'version="extension"', "no standard set"),
        ('type="Convolution"', 'type="Loop"', "control flow"),
        ('offset="0"', 'offset="99999999"', "outside"),
        ('offset="0"', 'offset="-5"', "outside"),
        ("<layers>", "<layers><layers>", "no XML"),
        ('type="Result"', 'type="Sink"', "one output"),
    ],
)
def test_openvino_models_that_are_more_than_a_network_are_refused(
    exports: Exports, tmp_path: Path, old: str, new: str, said: str
) -> None:
    folder = Path(shutil.copytree(exports.by_format["openvino"].folder, tmp_path / "export"))
    text = (folder / "model.xml").read_text()
    assert old in text
    (folder / "model.xml").write_text(text.replace(old, new, 1))
    rehashed(folder)
    with pytest.raises(CheckpointError, match=rf"model\.xml: .*{said}.*not opened"):
        check_model(load_exported(folder))


def test_whole_models_pass(folder: Path) -> None:
    check_model(load_exported(folder))


def test_reference_tiles_are_the_same_everywhere() -> None:
    tiles = reference_tiles((2, 75, 50))
    assert tiles.shape == (2, 75, 50, 3)
    assert (tiles[0] != tiles[1]).any()
    assert tiles[0, 0, 0].tolist() == [160, 147, 134]
    assert tiles[1, 74, 49].tolist() == [156, 183, 182]
    assert (tiles.min(), tiles.max()) == (0, 214)
