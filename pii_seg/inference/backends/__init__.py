"""The programs that can run a segmenter: one row of `BACKENDS` and one module for each.

A module has `open_model(exported, threads)`, which returns a `tiling.Segmenter` of an export. Torch
has none: it runs checkpoints themselves (`torch_backend.eager_segmenter`), and is the reference. A
module is imported when its back end is used, and only then its package.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pii_seg.errors import InputError

if TYPE_CHECKING:
    from pii_seg.inference.exported import Exported
    from pii_seg.inference.tiling import Segmenter

AUTO, TORCH = "auto", "torch"
BACKEND = "PII_SEG_BACKEND"
"""Environment variable: the back end where none is asked for; "auto" without it."""


@dataclass(frozen=True)
class Backend:
    """A program that runs segmenters.

    Attributes:
        packages: Python packages that it needs to run an export, and to convert a checkpoint.
        module: Module of this package that uses it.
        reads: Formats of exports that it runs, its own first; checkpoints are converted to that.
        extra: Extra of this distribution that installs the packages.
    """

    packages: tuple[str, ...]
    module: str
    reads: tuple[str, ...] = ()
    extra: str | None = None

    @property
    def installed(self) -> bool:
        return all(importlib.util.find_spec(package) is not None for package in self.packages)


BACKENDS = {
    "openvino": Backend(("openvino",), "openvino_backend", ("openvino", "onnx"), "openvino"),
    "onnxruntime": Backend(("onnxruntime", "onnx"), "onnxruntime_backend", ("onnx",), "onnx"),
    TORCH: Backend((TORCH,), "torch_backend"),
}
"""Back ends by name, the fastest on a CPU first (benchmarks/predict.py --backends)."""


def require_installed(name: str) -> Backend:
    """Return a back end by its name.

    Raises:
        InputError: It is unknown, or not installed.
    """
    if name not in BACKENDS:
        raise InputError(f"--backend {name}: unknown; expected auto, {', '.join(BACKENDS)}")
    backend = BACKENDS[name]
    if not backend.installed:
        package = f"pii-seg[{backend.extra}]" if backend.extra else " ".join(backend.packages)
        raise InputError(f"--backend {name}: is not installed; pip install '{package}'")
    return backend


def open_exported(name: str, exported: Exported, threads: int) -> Segmenter:
    """Open a checked export in a back end.

    Args:
        name: A key of `BACKENDS`.
        exported: The export.
        threads: Number of threads that work on one call; with 1, calls run beside each other.

    Raises:
        InputError: The back end is not installed, or does not read this format.
        CheckpointError: It cannot use the model.
    """
    backend = require_installed(name)
    if exported.format not in backend.reads:
        others = [key for key, row in BACKENDS.items() if exported.format in row.reads]
        remedy = f"use --backend {' or '.join(others)}" if others else "export it to onnx"
        raise InputError(
            f"{exported.folder}: --backend {name} does not run {exported.format} exports; {remedy}"
        )
    module: Any = importlib.import_module(f"{__name__}.{backend.module}")
    return module.open_model(exported, threads)
