"""Checks of a model file before a back end reads it: it is a network of standard layers.

Models may come from anywhere. Control flow is refused because a loop need not end, other domains
because their layers are code, and data outside the model because its name could be that of any
file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from pii_seg.errors import CheckpointError
from pii_seg.inference.exported import ONNX, OPENVINO, Exported

MOST_LAYERS = 20_000
MAX_XML_BYTES = 64 << 20
ONNX_DOMAINS = ("", "ai.onnx")
FORBIDDEN_LAYERS = {"TensorIterator", "Loop", "If", "ReadValue", "Assign"}


def check_model(exported: Exported) -> None:
    """Check the model of an export.

    Raises:
        CheckpointError: It is damaged, or holds more than a network.
    """
    path = exported.model_file
    checks: dict[str, Callable[[Path], str | None]] = {ONNX: _onnx_fault, OPENVINO: _openvino_fault}
    try:
        fault = checks[exported.format](path)
    except OSError as error:
        fault = error.strerror or str(error)
    if fault is not None:
        raise CheckpointError(f"{path}: {fault}; it was not opened: export the checkpoint again")


def _onnx_fault(path: Path) -> str | None:
    import onnx

    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # the reader of protocol buffers has no common exception
        return f"damaged ({type(error).__name__})"
    domains = {entry.domain for entry in model.opset_import}
    if foreign := sorted(domains - set(ONNX_DOMAINS)):
        return f"needs layers of the domain {foreign[0]!r}"
    if model.functions or model.training_info:
        return "holds functions of its own"
    graph = model.graph
    if graph.sparse_initializer:
        return "holds sparse weights"
    if len(graph.node) > MOST_LAYERS:
        return f"has more than {MOST_LAYERS:,} layers"
    for tensor in _onnx_tensors(graph):
        if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
            return "keeps data in another file"
    for node in graph.node:
        if node.domain not in ONNX_DOMAINS:
            return f"has a layer of the domain {node.domain!r}"
        if any(a.HasField("g") or a.graphs for a in node.attribute):
            return f"has control flow ({node.op_type})"
    if len(graph.input) != 1 or len(graph.output) != 1:
        return "does not have one input and one output"
    return None


def _onnx_tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors


def _openvino_fault(path: Path) -> str | None:
    if path.stat().st_size > MAX_XML_BYTES:
        return f"larger than {MAX_XML_BYTES >> 20} MB"
    text = path.read_bytes()
    # Entities of a document type can grow to any size, and name files.
    if re.search(rb"<!(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        return "declares a document type"
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError):
        return "damaged: no XML"
    weights = path.with_suffix(".bin").stat().st_size
    layers = root.findall(".//layer")
    if len(layers) > MOST_LAYERS:
        return f"has more than {MOST_LAYERS:,} layers"
    for layer in layers:
        kind = layer.get("type", "")
        if not re.fullmatch(r"opset\d{1,2}", layer.get("version", "")):
            return f"has a layer {kind[:40]!r} of no standard set"
        if kind in FORBIDDEN_LAYERS:
            return f"has control flow or a state ({kind})"
        if kind == "Const" and not _within(layer.find("data"), weights):
            return "has weights outside of its file"
    kinds = [layer.get("type") for layer in layers]
    if kinds.count("Parameter") != 1 or kinds.count("Result") != 1:
        return "does not have one input and one output"
    return None


def _within(data: ElementTree.Element | None, length: int) -> bool:
    """Return whether the place of a constant lies within the file of weights."""
    if data is None:
        return False
    offset, size = data.get("offset", ""), data.get("size", "")
    numbers = re.fullmatch(r"\d{1,15}", offset) and re.fullmatch(r"\d{1,15}", size)
    return bool(numbers) and int(offset) + int(size) <= length
