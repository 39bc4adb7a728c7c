"""A trained segmenter on disk: its weights and all that is needed to use them, without code.

There are two forms, with the same content; `load_checkpoint` reads both:

    RUN/best.ckpt     torch.save of {"format": "pii_seg segmenter", "version": 1,
                      "weights": {name: tensor}, "description": JSON}; read with weights_only=True
    FOLDER/           config.json, model.safetensors and README.md (a model card), to be shared

The description holds the whole configuration of the training, so that it can be repeated, and what
was measured afterwards: temperature, threshold, calibration. Files may come from anywhere: reading
one runs no code, and each is checked by name, shape and size before it is used.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from blender_addon.dataset import atomic_file, write_atomically
from pii_seg.config import ModelConfig
from pii_seg.errors import CheckpointError
from pii_seg.models.base import Network
from pii_seg.models.bundled import bundled_names, located
from pii_seg.models.checkpoint_hash import CONFIG_FILE
from pii_seg.models.device import usable_device
from pii_seg.models.fold_batchnorm import fold_norms
from pii_seg.models.half_precision import in_half
from pii_seg.models.model_card import model_card
from pii_seg.models.segmenter import Segmenter, fastest_precision
from pii_seg.models.torch_archive import UnsafeArchiveError, check_archive

FORMAT, VERSION = "pii_seg segmenter", 1
WEIGHTS_FILE, CARD_FILE = "model.safetensors", "README.md"

# What reading a damaged description, or building a model of it, raises.
DAMAGE = (
    KeyError, TypeError, ValueError, AttributeError, RuntimeError, OverflowError, MemoryError,
)  # fmt: skip
MAX_CONFIG_BYTES = 64 << 20
MAX_HEADER_BYTES = 4 << 20  # of model.safetensors, beyond the weights themselves
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 1e-3, 1e3  # beyond, float32 has no probabilities left


@dataclass(frozen=True)
class Checkpoint:
    """A trained segmenter.

    Attributes:
        model: Architecture that the weights fit.
        weights: State dict of the `Segmenter`, float32, on the CPU.
        config: The whole configuration of the training.
        temperature: A probability is sigmoid(logit / temperature).
        threshold: A pixel is a person if its probability is at least this.
        calibration: Data they were chosen by, and measures for guarantees (a conformal quantile).
        provenance: Data and weights it was trained from, program version, steps, seconds,
            validation IoU.

    Raises:
        CheckpointError: Temperature or threshold is out of range.
    """

    model: ModelConfig
    weights: Mapping[str, Tensor]
    config: Mapping[str, Any] = field(default_factory=dict)
    temperature: float = 1.0
    threshold: float = 0.5
    calibration: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not LOWEST_TEMPERATURE <= self.temperature <= HIGHEST_TEMPERATURE:
            between = f"{LOWEST_TEMPERATURE} and {HIGHEST_TEMPERATURE:g}"
            raise CheckpointError(f"temperature {self.temperature} is not between {between}")
        if not 0 < self.threshold < 1:
            raise CheckpointError(f"threshold {self.threshold} is not between 0 and 1")

    def segmenter(
        self, device: torch.device | str = "cpu", *, precision: torch.dtype | str | None = "auto"
    ) -> Segmenter:
        """Build the segmenter, ready to predict, with batch norms folded into convolutions.

        Args:
            device: Where it predicts.
            precision: torch.bfloat16 or torch.float32; "auto": the faster one on `device`; None:
                that of the surrounding autocast.

        Raises:
            InputError: There is no such device.
        """
        device = usable_device(device)
        network = untrained_network(self.model)
        chosen = fastest_precision(device) if isinstance(precision, str) else precision
        segmenter = Segmenter(network, scale=self.model.scale, precision=chosen)
        segmenter.load_state_dict(dict(self.weights))
        segmenter.network = fold_norms(network, stride=network.stride)
        return (
            segmenter.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)
        )

    def description(self) -> dict[str, Any]:
        """Return everything but the weights, as JSON knows it."""
        described = {
            entry.name: getattr(self, entry.name)
            for entry in dataclasses.fields(self)
            if entry.name not in ("weights", "model")
        }
        return {**described, "model": dataclasses.asdict(self.model)}


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a .ckpt file; an old one stays until the new one is whole.

    Raises:
        FloatingPointError: Its weights hold values that are no numbers; nothing is written.
    """
    for name, value in checkpoint.weights.items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise FloatingPointError(f"{path}: weight {name} holds values that are no numbers")
    content = {
        "format": FORMAT,
        "version": VERSION,
        "weights": _plain_tensors(checkpoint),
        "description": json.dumps(checkpoint.description(), allow_nan=False),
    }
    # Processes of one run may write the same checkpoint; each needs a temporary name of its own.
    write_torch(path, content, token=f"-{os.getpid()}")


def write_torch(path: Path, content: Any, *, token: str = "") -> None:
    """Write a file with torch.save; an old one stays until the new one is whole.

    Raises:
        OSError: The disk is full, or the file cannot be written for another reason.
    """
    try:
        with atomic_file(path, token=token) as file:
            torch.save(content, file)
    except (OSError, RuntimeError) as error:
        # torch raises an error about positions in its archive, after that of the system.
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, OSError):
            cause = cause.__context__
        if cause is None:
            raise
        raise OSError(cause.errno, cause.strerror, str(path)) from None


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Read a .ckpt file, a folder that `save_pretrained` wrote, or a bundled segmenter by its name.

    Raises:
        CheckpointError: It is absent, foreign, damaged, or does not fit its own model; the message
            names `path`.
    """
    path = located(path)
    if path.is_dir():
        if (path / "best.ckpt").is_file() and not (path / CONFIG_FILE).exists():
            raise CheckpointError(f"{path}: is the folder of a training; give {path / 'best.ckpt'}")
        return from_pretrained(path)
    content = read_torch_safely(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        hint = (
            "; it continues a training: RUN/best.ckpt is what predicts"
            if "loops" in _keys(content)
            else ""
        )
        raise CheckpointError(f"{path}: not a checkpoint of pii_seg{hint}")
    _check_version(path, content.get("version"))
    try:
        described = _json(content["description"])
        return _checked(described, content["weights"])
    except DAMAGE as error:
        raise CheckpointError(f"{path}: damaged ({_first_line(error)})") from None


def save_pretrained(folder: Path | str, checkpoint: Checkpoint, *, half: bool = False) -> None:
    """Write a checkpoint as a folder to share: config.json, model.safetensors and a model card.

    config.json holds the configuration of the training, with hashes in place of paths.

    Args:
        folder: Made when it does not exist; a segmenter that is there is replaced.
        checkpoint: The segmenter.
        half: Store what `half_precision` has rounded in half the space. Nothing is lost: anything
            else is stored as it is.

    Raises:
        CheckpointError: The folder holds something else.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise CheckpointError(f"{folder}: is a file; expected a folder")
    known = {CONFIG_FILE, WEIGHTS_FILE, CARD_FILE}
    if folder.is_dir() and not (folder / CONFIG_FILE).is_file():
        others = sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))
        if foreign := [name for name in others if name not in known]:
            raise CheckpointError(
                f"{folder}: not empty and not a segmenter (it holds {foreign[0]!r}); "
                "choose another folder"
            )
    folder.mkdir(parents=True, exist_ok=True)
    tensors = _plain_tensors(checkpoint)
    if half:
        tensors = {name: in_half(value) for name, value in tensors.items()}
    weights = safetensors.torch.save(tensors, metadata={"format": "pt"})
    config = {
        "format": FORMAT,
        "version": VERSION,
        # An interrupted replacement leaves files of two segmenters; the hash tells.
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        **checkpoint.description(),
    }
    write_atomically(folder / WEIGHTS_FILE, weights)
    write_atomically(folder / CARD_FILE, model_card(checkpoint.description()).encode())
    text = json.dumps(config, allow_nan=False, indent=2, ensure_ascii=False)
    write_atomically(folder / CONFIG_FILE, text.encode())


def from_pretrained(folder: Path | str) -> Checkpoint:
    """Read a folder that `save_pretrained` wrote.

    Raises:
        CheckpointError: A file is absent, foreign, damaged, or does not fit the model of
            config.json; the message names it.
    """
    config_path, weights_path = Path(folder) / CONFIG_FILE, Path(folder) / WEIGHTS_FILE
    try:
        content = _json(_read_bytes(config_path, MAX_CONFIG_BYTES))
    except (ValueError, RecursionError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{config_path}: damaged ({_first_line(error)})") from None
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise CheckpointError(f"{config_path}: not a segmenter of pii_seg")
    _check_version(config_path, content.pop("version", None))
    try:
        expected_hash = content.pop("weights_sha256")
        expected = _expected_weights(ModelConfig(**content["model"]))
    except DAMAGE as error:
        raise CheckpointError(f"{config_path}: damaged ({_first_line(error)})") from None
    # At most 8 bytes a value; a file beyond that is not read at all.
    most = 8 * sum(value.numel() for value in expected.values()) + MAX_HEADER_BYTES
    stored = _read_bytes(weights_path, most)
    if hashlib.sha256(stored).hexdigest() != expected_hash:
        raise CheckpointError(
            f"{weights_path}: damaged, or not the weights that {CONFIG_FILE} describes"
        )
    try:
        weights = safetensors.torch.load(stored)
    except Exception as error:  # a hostile file makes the reader raise nearly anything
        raise CheckpointError(f"{weights_path}: damaged ({_first_line(error)})") from None
    try:
        return _checked(content, weights)
    except DAMAGE as error:
        raise CheckpointError(f"{folder}: damaged ({_first_line(error)})") from None


def read_torch_safely(path: Path) -> Any:
    """Read what torch.save wrote, tensors and plain values only.

    Raises:
        CheckpointError: The file is absent, damaged, or holds more than data.
    """
    try:
        if not path.is_file():
            bundled = ", ".join(bundled_names()) or "none"
            raise CheckpointError(f"{path}: no such checkpoint; bundled ones: {bundled}")
        # An archive of torch.save; its older form is a bare pickle, which this program never wrote.
        if not zipfile.is_zipfile(path):
            raise CheckpointError(f"{path}: not a checkpoint, or cut short while copying")
        check_archive(path)  # torch trusts the sizes in it
        return torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except (UnsafeArchiveError, pickle.UnpicklingError) as error:
        reason = f" ({error})" if isinstance(error, UnsafeArchiveError) else ""
        raise CheckpointError(
            f"{path}: damaged, or more than data{reason}; it was not opened"
        ) from None
    # A hostile archive can make the reader raise anything; weights_only ensures it does no worse.
    except Exception as error:
        raise CheckpointError(f"{path}: cannot be read ({_first_line(error)})") from None


def untrained_network(model: ModelConfig) -> Network:
    """Build the network of `model` with random weights.

    Raises:
        ConfigError: The network cannot be built.
    """
    # Here, because timm and segmentation-models-pytorch take seconds to import; --help needs
    # neither.
    from pii_seg.models.networks import build_network

    return build_network(model, generator=torch.Generator().manual_seed(0), pretrained=False)


def _json(text: str | bytes) -> Any:
    """Read JSON. Raises ValueError also for NaN and infinity, which are no JSON."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no number")

    return json.loads(text, parse_constant=refuse)


def _plain_tensors(checkpoint: Checkpoint) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in checkpoint.weights.items()}


def _check_version(path: Path, version: Any) -> None:
    if version != VERSION:
        raise CheckpointError(
            f"{path}: of version {version!r}, this program reads {VERSION}; update the older one"
        )


def _checked(description: dict[str, Any], weights: Any) -> Checkpoint:
    """Make a checkpoint of what was read; raises nearly anything if it is damaged."""
    for name in ("config", "calibration", "provenance"):
        if not isinstance(description.get(name, {}), dict):
            raise ValueError(f"{name} is no table")
    model = ModelConfig(**description.pop("model"))
    checkpoint = Checkpoint(model=model, weights=weights, **description)
    _check_weights(checkpoint)
    full = {n: v.float() if v.is_floating_point() else v for n, v in weights.items()}
    return dataclasses.replace(checkpoint, weights=full)


def _check_weights(checkpoint: Checkpoint) -> None:
    """Raise ValueError unless the weights are those of the model, by name and shape."""
    wanted, given = _expected_weights(checkpoint.model), checkpoint.weights
    if not isinstance(given, dict) or not all(
        isinstance(value, Tensor) for value in given.values()
    ):
        raise ValueError("its weights are no tensors")
    for name in wanted.keys() ^ given.keys():
        raise ValueError(f"weight {name} {'is missing' if name in wanted else 'does not belong'}")
    for name, like in wanted.items():
        value, shape, floating = given[name], tuple(like.shape), like.is_floating_point()
        if tuple(value.shape) != shape:
            raise ValueError(f"weight {name} is {tuple(value.shape)}, the model's is {shape}")
        if value.is_meta or value.is_floating_point() != floating:
            kind = "floating-point" if floating else "whole"
            raise ValueError(f"weight {name} does not hold {kind} numbers")
        if floating and not bool(value.isfinite().all()):
            raise ValueError(f"weight {name} holds values that are no numbers")


def _expected_weights(model: ModelConfig) -> dict[str, Tensor]:
    """Return the model's weights by name, of a network that takes no memory."""
    with torch.device("meta"):
        network = untrained_network(model)
    return {f"network.{name}": value for name, value in network.state_dict().items()}


def _read_bytes(path: Path, most: int) -> bytes:
    """Read a file of at most `most` bytes."""
    try:
        # Not read(most): a hostile description makes that more than the memory.
        content = path.read_bytes() if path.stat().st_size <= most else None
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file; expected the folder of a segmenter") from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from None
    if content is None:
        raise CheckpointError(f"{path}: larger than {most} bytes; it is no file of this model")
    return content


def _keys(content: Any) -> set[Any]:
    return set(content) if isinstance(content, dict) else set()


def _first_line(error: BaseException) -> str:
    return (next(iter(str(error).splitlines()), "") or type(error).__name__)[:200]
