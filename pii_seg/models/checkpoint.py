"""What a user keeps of a training: the weights and all that is needed to use them, as data and not as code.

    RUN/best.ckpt     torch.save of {"format": "pii_seg segmenter", "version": 1, "weights": {name: tensor},
                      "description": JSON}; read with weights_only=True, so that opening one cannot run anything

The description holds the whole configuration of the training, so that a result can be made again, and what was measured
afterwards: temperature, threshold, calibration.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from blender_addon.dataset import atomic_file
from pii_seg.config import ModelConfig
from pii_seg.errors import CheckpointError
from pii_seg.models.fold_batchnorm import fold_norms
from pii_seg.models.segmenter import Segmenter, fastest_precision

if TYPE_CHECKING:
    from pii_seg.models.networks import Network

FORMAT, VERSION = "pii_seg segmenter", 1


@dataclass(frozen=True)
class Checkpoint:
    """A trained segmenter as it lies on disk.

    weights: of the `Segmenter`, float32, on the CPU. model: what they fit. config: the whole configuration of the run.
    temperature: a probability is sigmoid(logit / temperature). threshold: on that probability, above which a pixel is
    person. calibration: what they were chosen by, and further measures for guarantees (a conformal quantile).
    provenance: which data and weights it was trained from, program version, steps, seconds, validation IoU.
    """

    model: ModelConfig
    weights: Mapping[str, Tensor]
    config: Mapping[str, Any] = field(default_factory=dict)
    temperature: float = 1.0
    threshold: float = 0.5
    calibration: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            raise CheckpointError(f"temperature {self.temperature} is not above 0")
        if not 0 < self.threshold < 1:
            raise CheckpointError(f"threshold {self.threshold} is not between 0 and 1")

    def segmenter(
        self, device: torch.device | str = "cpu", *, precision: torch.dtype | str | None = "auto"
    ) -> Segmenter:
        """The segmenter, ready to predict on `device`, batch norms folded away.

        precision: what it computes in; "auto": what the machine is fastest in; None: as a surrounding autocast has it.
        """
        network = untrained_network(self.model)
        chosen = fastest_precision(device) if isinstance(precision, str) else precision
        segmenter = Segmenter(network, scale=self.model.scale, precision=chosen)
        segmenter.load_state_dict(dict(self.weights))
        segmenter.network = fold_norms(network, stride=network.stride)
        return (
            segmenter.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)
        )


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write it whole or not at all: under another name first, then renamed."""
    description = {
        entry.name: getattr(checkpoint, entry.name)
        for entry in dataclasses.fields(checkpoint)
        if entry.name not in ("weights", "model")
    }
    description["model"] = dataclasses.asdict(checkpoint.model)
    content = {
        "format": FORMAT,
        "version": VERSION,
        "weights": {
            name: value.detach().cpu().contiguous() for name, value in checkpoint.weights.items()
        },
        "description": json.dumps(description, allow_nan=False),
    }
    # Processes of one run may write the same checkpoint; each needs a temporary name of its own.
    with atomic_file(path, token=f"-{os.getpid()}") as file:
        torch.save(content, file)


def load_checkpoint(path: Path) -> Checkpoint:
    """Raises CheckpointError that names `path` when it is absent, foreign, truncated, or does not fit its own model."""
    content = read_torch_safely(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        hint = (
            "; it continues a training: RUN/best.ckpt is what predicts"
            if "loops" in _keys(content)
            else ""
        )
        raise CheckpointError(f"{path}: not a checkpoint of pii_seg{hint}")
    if content.get("version") != VERSION:
        raise CheckpointError(
            f"{path}: of version {content.get('version')!r}, this program reads {VERSION}; update the older of the two"
        )
    try:
        described = json.loads(content["description"])
        model = ModelConfig(**described.pop("model"))
        checkpoint = Checkpoint(model=model, weights=content["weights"], **described)
        _check_weights(checkpoint)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path}: damaged ({_first_line(error)})") from None
    return checkpoint


def with_calibration(
    checkpoint: Checkpoint, *, temperature: float, threshold: float, calibration: Mapping[str, Any]
) -> Checkpoint:
    """The same segmenter with other decisions."""
    return dataclasses.replace(
        checkpoint, temperature=temperature, threshold=threshold, calibration=dict(calibration)
    )


def read_torch_safely(path: Path) -> Any:
    """What torch.save wrote, tensors and plain values only. Raises CheckpointError that names the file."""
    try:
        # An archive of torch.save; its older form is a bare pickle, which nothing of ours is.
        if not zipfile.is_zipfile(path):
            if not path.is_file():
                raise CheckpointError(f"{path}: no such checkpoint")
            raise CheckpointError(f"{path}: not a checkpoint, or cut short while copying")
        return torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except pickle.UnpicklingError:
        raise CheckpointError(f"{path}: damaged, or more than data; it was not opened") from None
    # A hostile archive can make the reader stumble in any way; weights_only sees to it that it cannot do worse.
    except Exception as error:
        raise CheckpointError(f"{path}: cannot be read ({_first_line(error)})") from None


def _check_weights(checkpoint: Checkpoint) -> None:
    """That the weights are those of the model, by name and shape; the network is built without memory."""
    with torch.device("meta"):
        wanted = _shapes(checkpoint)
    given = checkpoint.weights
    if not isinstance(given, dict) or not all(
        isinstance(value, Tensor) for value in given.values()
    ):
        raise ValueError("its weights are no tensors")
    for name in wanted.keys() ^ given.keys():
        raise ValueError(f"weight {name} {'is missing' if name in wanted else 'does not belong'}")
    for name, shape in wanted.items():
        if tuple(given[name].shape) != shape:
            raise ValueError(f"weight {name} is {tuple(given[name].shape)}, the model's is {shape}")
        if given[name].is_floating_point() and not bool(given[name].isfinite().all()):
            raise ValueError(f"weight {name} holds values that are no numbers")


def _shapes(checkpoint: Checkpoint) -> dict[str, tuple[int, ...]]:
    network = untrained_network(checkpoint.model)
    return {f"network.{name}": tuple(value.shape) for name, value in network.state_dict().items()}


def untrained_network(model: ModelConfig) -> Network:
    """Raises ConfigError."""
    # Here, because timm and segmentation-models-pytorch take seconds to import, which --help need not wait for.
    from pii_seg.models.networks import build_network

    return build_network(model, generator=torch.Generator().manual_seed(0), pretrained=False)


def _keys(content: Any) -> set[Any]:
    return set(content) if isinstance(content, dict) else set()


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
