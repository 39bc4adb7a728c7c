"""A segmenter that was exported from a checkpoint: a folder with a model and its description.

    FOLDER/segmenter.json    what it is made of, its threshold and calibration, hashes of its files
    FOLDER/model.onnx        format onnx
    FOLDER/model.xml, .bin   format openvino
    FOLDER/model.pt          format torchscript, for other programs: it holds code, and this program
                             runs none that comes from a file

The model maps RGB tiles, uint8 (B, h, w, 3), to logits, float32 (B, h, w), which are divided by the
temperature already. Folders may come from anywhere: the description is checked value by value, file
names follow from the format and not from the description, and `model_checks` reads the model before
a back end does. No torch is imported.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pii_seg.data.bounded_json import read_json
from pii_seg.data.hashes import sha256_of
from pii_seg.errors import CheckpointError, DataError
from pii_seg.inference.tiling import Segmenter, sigmoid_in_place

FORMAT, VERSION = "pii_seg exported segmenter", 1
METADATA = "segmenter.json"
FLOAT32, INT8 = "float32", "int8"
ONNX, OPENVINO, TORCHSCRIPT = "onnx", "openvino", "torchscript"
FILES = {
    ONNX: ("model.onnx",),
    OPENVINO: ("model.xml", "model.bin"),
    TORCHSCRIPT: ("model.pt",),
}
"""Format -> names of its files; the first is the one that is opened."""

MAX_METADATA_BYTES = 16 << 20
MAX_MODEL_BYTES = 2 << 30
TOLERANCE = 1e-4  # of a probability, between an export in float32 and eager torch
REFERENCE_SHAPES = ((1, 64, 96), (2, 75, 50))  # (B, h, w); the second fits no stride
REFERENCE_STEP = 5  # px between the logits that are kept: no divisor of a stride


@dataclass(frozen=True)
class Exported:
    """The description of an export.

    Attributes:
        folder: Where it is.
        format: A key of `FILES`.
        files: Name -> SHA-256, in hex.
        checkpoint_sha256: Hash of the checkpoint that it was made from.
        precision: "float32" or "int8".
        preprocessing: What the model does to a tile before the network: channels, mean, standard
            deviation, stride and scale.
        shape: Fixed (B, h, w); None for any.
        model_temperature: The temperature that the model divides by; that of the checkpoint.
        temperature: A probability is sigmoid(logit / temperature); 1 unless the export itself was
            calibrated.
        threshold: A pixel is a person if its probability is at least this.
        promise_temperature: The temperature of the logits that `calibration` was computed with.
        calibration: That of the checkpoint, or its own.
        model: Architecture and size.
        provenance: As in a checkpoint.
        config: The configuration of the training.
        references: For each of REFERENCE_SHAPES, logits of eager torch at every
            REFERENCE_STEP-th pixel of `reference_tiles`, float32 (n,).
        tolerance: Largest difference from them, of a probability, that is accepted.
        classes: The classes of the logits.
    """

    folder: Path
    format: str
    files: Mapping[str, str]
    checkpoint_sha256: str
    precision: str
    preprocessing: Mapping[str, Any]
    model_temperature: float
    threshold: float
    promise_temperature: float
    references: tuple[np.ndarray, ...]
    tolerance: float = TOLERANCE
    temperature: float = 1.0
    shape: tuple[int, int, int] | None = None
    calibration: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] = ("person",)

    def __post_init__(self) -> None:
        if self.format not in FILES or set(self.files) != set(FILES[self.format]):
            raise ValueError(f"format {self.format!r} with files {', '.join(map(str, self.files))}")
        if self.precision not in (FLOAT32, INT8):
            raise ValueError(f"precision {self.precision!r} is unknown")
        if self.classes != ("person",):
            raise ValueError(f"classes {self.classes} are not those of a person segmenter")
        for name in ("temperature", "model_temperature", "promise_temperature"):
            if not 1e-3 <= getattr(self, name) <= 1e3:
                raise ValueError(f"{name} {getattr(self, name)} is not between 0.001 and 1000")
        if not 0 < self.threshold < 1:
            raise ValueError(f"threshold {self.threshold} is not between 0 and 1")
        if not 0 < self.tolerance <= 0.5:
            raise ValueError(f"tolerance {self.tolerance} is not between 0 and 0.5")
        for name in ("calibration", "model", "provenance", "config", "preprocessing"):
            if not isinstance(getattr(self, name), Mapping):
                raise ValueError(f"{name} is no table")
        if self.shape is not None and not (
            len(self.shape) == 3 and all(type(n) is int and 0 < n <= 1 << 16 for n in self.shape)
        ):
            raise ValueError(f"shape {self.shape} is not three whole numbers")
        if [len(kept) for kept in self.references] != [len(kept_points(s)) for s in self._shapes]:
            raise ValueError("its reference logits do not have the right number")
        if not all(np.isfinite(kept).all() for kept in self.references):
            raise ValueError("its reference logits are not finite")

    @property
    def model_file(self) -> Path:
        return self.folder / FILES[self.format][0]

    @property
    def sha256(self) -> str:
        """Hash of the description, which holds those of the files."""
        return sha256_of(self.folder / METADATA)

    @property
    def _shapes(self) -> tuple[tuple[int, int, int], ...]:
        return reference_shapes(self.shape)

    def plain(self) -> dict[str, Any]:
        """Plain data, as JSON holds it."""
        values = {
            entry.name: getattr(self, entry.name)
            for entry in dataclasses.fields(self)
            if entry.name not in ("folder", "references")
        }
        references = [[float(value) for value in kept] for kept in self.references]
        return {"format_name": FORMAT, "version": VERSION, **values, "references": references}

    def check_results(self, segmenter: Segmenter) -> float:
        """Compare a back end with eager torch, whose logits are kept in the description.

        Returns:
            The largest difference of a probability.

        Raises:
            CheckpointError: It is larger than `tolerance`.
        """
        worst = 0.0
        for shape, expected in zip(self._shapes, self.references, strict=True):
            found = segmenter(reference_tiles(shape))
            if found.shape != shape or found.dtype != np.float32:
                raise CheckpointError(
                    f"{self.folder}: gives {found.dtype} {found.shape} for tiles of {shape}; "
                    "export it again"
                )
            worst = max(worst, difference(kept_points(shape, found), expected))
        if not worst <= self.tolerance:  # nan is neither
            raise CheckpointError(
                f"{self.folder}: its probabilities differ from those of the checkpoint by up to "
                f"{worst:.2g}, more than {self.tolerance:.2g}; use another --backend, or export it "
                "again on this machine"
            )
        return worst


def load_exported(folder: Path) -> Exported:
    """Read the description of an export, and compare the hashes of its files.

    Raises:
        CheckpointError: It is absent, foreign or damaged; the message names the file.
    """
    path = folder / METADATA
    try:
        content = read_json(path, largest=MAX_METADATA_BYTES)
    except DataError as error:
        raise CheckpointError(str(error)) from None
    if not isinstance(content, dict) or content.pop("format_name", None) != FORMAT:
        raise CheckpointError(f"{path}: not an exported segmenter of pii_seg")
    if (version := content.pop("version", None)) != VERSION:
        raise CheckpointError(
            f"{path}: of version {version!r}, this program reads {VERSION}; export it again"
        )
    try:
        exported = _from_plain(folder, content)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"{path}: damaged ({reason}); export it again") from None
    for name, expected in exported.files.items():
        _check_file(folder / name, expected)
    return exported


def is_exported(path: Path) -> bool:
    """Return whether a path is the folder of an export."""
    return path.is_dir() and (path / METADATA).is_file()


def _from_plain(folder: Path, content: dict[str, Any]) -> Exported:
    shape = content.pop("shape")
    references = content.pop("references")
    if not all(isinstance(kept, list) and len(kept) <= 1 << 20 for kept in references):
        raise ValueError("its reference logits are no lists")
    return Exported(
        folder=folder,
        shape=None if shape is None else tuple(shape),
        classes=tuple(content.pop("classes")),
        references=tuple(np.array(kept, np.float32) for kept in references),
        **content,
    )


def _check_file(path: Path, expected: str) -> None:
    try:
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise CheckpointError(
                f"{path}: larger than {MAX_MODEL_BYTES >> 30} GB; not a segmenter"
            )
        found = sha256_of(path)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from None
    if found != expected:
        raise CheckpointError(
            f"{path}: damaged, or not the file that {METADATA} describes; export it again"
        )


def write_metadata(exported: Exported) -> None:
    """Write the description; the files are there already."""
    text = json.dumps(exported.plain(), allow_nan=False, indent=1, default=dict)
    (exported.folder / METADATA).write_text(text + "\n", encoding="utf-8")


def reference_shapes(shape: tuple[int, int, int] | None) -> tuple[tuple[int, int, int], ...]:
    """Return the shapes (B, h, w) that an export is compared at: a fixed one only at its own."""
    return REFERENCE_SHAPES if shape is None else (shape,)


def reference_tiles(shape: tuple[int, int, int]) -> np.ndarray:
    """Make tiles, uint8 (B, h, w, 3), of whole numbers alone, so that they are equal everywhere."""
    tile, y, x, channel = np.ogrid[: shape[0], : shape[1], : shape[2], :3]
    across = abs((3 * x + 7 * tile + 20 * channel) % 180 - 90)
    down = abs((2 * y + 5 * tile) % 140 - 70)
    pattern = (31 * x + 17 * y + 7 * channel + 3 * tile) % 61
    return (across + down + pattern).astype(np.uint8)


def kept_points(shape: tuple[int, int, int], logits: np.ndarray | None = None) -> np.ndarray:
    """Return every REFERENCE_STEP-th of `logits`, (n,); zeros without them."""
    whole = np.zeros(shape, np.float32) if logits is None else logits
    return whole[:, ::REFERENCE_STEP, ::REFERENCE_STEP].ravel()


def difference(logits: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference of a probability; infinity if a logit is not finite."""
    if not np.isfinite(logits).all():
        return math.inf
    probabilities = [sigmoid_in_place(np.array(given, np.float64)) for given in (logits, expected)]
    return float(np.abs(probabilities[0] - probabilities[1]).max(initial=0))
