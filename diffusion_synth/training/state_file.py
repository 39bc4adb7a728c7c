"""The file that a training resumes from: tensors in safetensors, settings as JSON. No pickle.

What is read is compared with what the learner itself would write, name by name, before any of it
is used: a state may come from anywhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from blender_addon.dataset import atomic_file
from diffusion_synth.errors import CheckpointError
from diffusion_synth.pipeline.model_folder import MOST_DEPTH, depth_of

STATE = "state.safetensors"
EARLIER_STATE = "state.pt"  # pickled; versions before wrote it
MOST_SETTINGS = 1 << 20  # bytes of JSON
WEIGHTS, OPTIMISER = "weights", "optimiser"


class Resumable(Protocol):
    """A training that is saved and resumed: a `learner.Learner`."""

    config: Any
    step: int
    parameters: list[Any]

    @property
    def optimiser(self) -> torch.optim.Optimizer: ...

    def settings(self) -> dict[str, Any]: ...
    def weights(self) -> dict[str, Any]: ...
    def restore_weights(self, weights: Mapping[str, Any]) -> None: ...


def save_state(learner: Resumable, path: Path) -> None:
    """Write the state that `load_state` resumes from, whole or not at all."""
    tensors = dict(flattened(learner.weights(), WEIGHTS))
    for number, values in learner.optimiser.state_dict()["state"].items():
        tensors |= flattened(values, f"{OPTIMISER}/{number}")
    content = save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
        {"settings": json.dumps(learner.settings(), sort_keys=True), "step": str(learner.step)},
    )
    with atomic_file(path, token=f"-{os.getpid()}") as file:
        file.write(content)


def load_state(learner: Resumable, path: Path) -> None:
    """Load the state that `save_state` wrote. The learner is unchanged when that fails.

    Raises:
        CheckpointError: The file is damaged or of another configuration; the message names it.
    """
    try:
        with safe_open(path, framework="pt") as file:
            step = read_settings(learner, file.metadata() or {})
            expected = expected_tensors(learner, step)
            found = set(file.keys())
            if found != expected.keys():
                odd = min(found ^ expected.keys())
                raise ValueError(f"its tensors are not those of this training ({odd})")
            tensors = {name: checked(file, name, like) for name, like in expected.items()}
    except Exception as error:  # the library's errors have no narrower class in common
        reason, *_ = str(error).splitlines() or [type(error).__name__]
        raise CheckpointError(
            f"cannot resume from {path}: {reason}; choose another --output, or --overwrite it"
        ) from None
    learner.restore_weights(nested(tensors, WEIGHTS))
    moments = {int(number): values for number, values in nested(tensors, OPTIMISER).items()}
    groups = learner.optimiser.state_dict()["param_groups"]
    learner.optimiser.load_state_dict({"state": moments, "param_groups": groups})
    learner.step = step


def read_settings(learner: Resumable, metadata: Mapping[str, str]) -> int:
    """Compare the settings of a state with the learner's. Returns its step.

    Raises:
        ValueError: They differ, or cannot be read.
    """
    text, step = metadata.get("settings", ""), metadata.get("step", "")
    if len(text) > MOST_SETTINGS or depth_of(text.encode()) > MOST_DEPTH:
        raise ValueError("its settings are too large")
    theirs = json.loads(text)
    ours = json.loads(json.dumps(learner.settings()))
    if not isinstance(theirs, dict):
        raise ValueError("its settings cannot be read")
    changed = sorted(key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key))
    if changed:
        raise ValueError(f"it was trained with another {' and '.join(map(str, changed[:5]))}")
    if not (step.isascii() and step.isdigit() and int(step) <= learner.config.steps):
        raise ValueError(f"its step {step!r:.20} is none of this training")
    return int(step)


def expected_tensors(learner: Resumable, step: int) -> dict[str, Tensor]:
    """Return tensors with the names, shapes and types of a state after `step` steps."""
    expected = dict(flattened(learner.weights(), WEIGHTS))
    if step:
        for number, parameter in enumerate(learner.parameters):
            moments = {"step": torch.zeros(()), "exp_avg": parameter, "exp_avg_sq": parameter}
            expected |= flattened(moments, f"{OPTIMISER}/{number}")
    return expected


def checked(file: Any, name: str, like: Tensor) -> Tensor:
    """Read a tensor. Raises ValueError when it is of another shape or type, or not finite."""
    shape = tuple(file.get_slice(name).get_shape())
    if shape != tuple(like.shape):  # before it is read: a shape may ask for all memory
        raise ValueError(f"{name} has the shape {shape}, expected {tuple(like.shape)}")
    tensor: Tensor = file.get_tensor(name)
    if tensor.dtype != like.dtype:
        raise ValueError(f"{name} is {tensor.dtype}, expected {like.dtype}")
    if not bool(tensor.isfinite().all()):
        raise ValueError(f"{name} holds NaN or infinity")
    return tensor


def flattened(values: Mapping[Any, Any], prefix: str) -> Iterator[tuple[str, Tensor]]:
    """Iterate over (names joined by /, tensor) of nested tables of tensors."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{prefix}/{key}")
        else:
            yield f"{prefix}/{key}", value


def nested(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Any]:
    """Return the tables of `flattened` again, of the names below `prefix`."""
    tables: dict[str, Any] = {}
    for name, tensor in tensors.items():
        top, *path = name.split("/")
        if top == prefix:
            table = tables
            for key in path[:-1]:
                table = table.setdefault(key, {})
            table[path[-1]] = tensor
    return tables
