"""LoRA (Hu et al., ICLR 2022) on a UNet's attentions: W + B A for every projection W.

Only A and B are trained. Files are written and read by diffusers
(`pytorch_lora_weights.safetensors`): its pipelines load ours, and ours load those of others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionPipeline
from diffusers.training_utils import cast_training_params
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig, get_peft_model_state_dict
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors import safe_open
from torch import Tensor

from diffusion_synth.errors import CheckpointError
from diffusion_synth.pipeline.model_folder import MOST_DEPTH, depth_of, numbers_of
from diffusion_synth.randomness import weights_drawn_from

SAFETENSORS = ".safetensors"
LORA_NAME = f"pytorch_lora_weights{SAFETENSORS}"
ADAPTER = "default"
MOST_RANK, MOST_METADATA = 100_000, 1 << 20
TARGETS = ["to_q", "to_k", "to_v", "to_out.0"]
# Endings of the factor A in the names that versions of diffusers write. B goes with it.
_DOWN_SUFFIXES = (".lora.down.weight", ".lora_A.weight", ".lora_down.weight")


def add_lora(unet: Any, rank: int, *, generator: torch.Generator) -> None:
    """Add A and B, float32, to every projection of the attentions; freeze all other parameters.

    B begins at 0, so the network's output does not change. alpha is the rank, as loaders assume
    for a file without it.
    """
    unet.requires_grad_(False)
    with weights_drawn_from(generator):
        unet.add_adapter(
            LoraConfig(
                r=rank, lora_alpha=rank, init_lora_weights="gaussian", target_modules=TARGETS
            )
        )
    cast_training_params(unet, torch.float32)


def lora_weights(unet: Any) -> dict[str, Tensor]:
    """Return all parameters that are trained, by name."""
    return {name: weight for name, weight in unet.named_parameters() if weight.requires_grad}


def save_lora(unet: Any, folder: Path) -> None:
    """Write LORA_NAME into `folder`."""
    layers = convert_state_dict_to_diffusers(get_peft_model_state_dict(unet))
    StableDiffusionPipeline.save_lora_weights(
        folder, unet_lora_layers=layers, weight_name=LORA_NAME
    )


def find_lora(place: Path) -> Path:
    """Return the file of a LoRA: `place` itself, or the one in that folder.

    Of several files in a folder it is LORA_NAME.

    Raises:
        CheckpointError: There is none, or it is not clear which.
    """
    if not place.is_dir():
        if not place.exists():
            raise CheckpointError(f"{place}: no such file or folder")
        if place.suffix != SAFETENSORS:
            raise CheckpointError(
                f"{place}: is not in safetensors; other formats can hold code and are not read"
            )
        return place
    found = sorted(path.name for path in place.glob(f"*{SAFETENSORS}"))
    if LORA_NAME in found or len(found) == 1:
        return place / (LORA_NAME if LORA_NAME in found else found[0])
    if not found:
        raise CheckpointError(f"{place}: holds no {LORA_NAME} and no other LoRA in safetensors")
    raise CheckpointError(
        f"{place}: holds {len(found)} files in safetensors ({', '.join(found[:3])}, …); "
        "give the file itself"
    )


def check_lora(path: Path, pipeline: Any) -> None:
    """Check that every LoRA of a file has a projection in the pipeline with as many channels.

    diffusers only warns of those without one. Names of other programs are understood where they
    are diffusers' own with underscores (kohya).

    Raises:
        CheckpointError: The file is missing, damaged, without a LoRA, or of another base model.
    """
    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
            shapes = {name: file.get_slice(name).get_shape() for name in names}
            metadata = file.metadata() or {}
            lost = next((name for name in names if not file.get_tensor(name).isfinite().all()), "")
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file") from None
    except Exception as error:  # the library's errors have no narrower class in common
        reason, *_ = str(error).splitlines() or [type(error).__name__]
        raise CheckpointError(
            f"{path}: cannot be read ({reason}); it is damaged, or not a safetensors file"
        ) from None
    if not any("lora" in name for name in shapes):
        raise CheckpointError(f"{path}: holds no LoRA")
    if lost:
        raise CheckpointError(f"{path}: {lost} holds NaN or infinity; the LoRA is damaged")
    check_metadata(path, metadata)
    layers = layers_by_name(pipeline)
    for name, shape in shapes.items():
        if (wanted := layer_of(name)) is None or len(shape) < 2:
            continue
        layer = layers.get(wanted)
        if layer is None and wanted.startswith("lora_unet_"):
            continue  # of SDXL's first program, whose blocks diffusers translates
        channels = getattr(layer, "in_features", None) or getattr(layer, "in_channels", None)
        if channels != shape[1]:
            has = "has no such layer" if layer is None else f"takes {channels} there"
            raise CheckpointError(
                f"{path}: is of another base model: {name} takes {shape[1]} channels, "
                f"this model {has}"
            )


def layer_of(name: str) -> str | None:
    """Return the layer, as `layers_by_name` has it, of a tensor that is a factor A; else None."""
    for ending in _DOWN_SUFFIXES:
        if name.endswith(ending) and name.startswith(("unet.", "text_encoder", "lora_")):
            return name.removesuffix(ending)
    return None


def layers_by_name(pipeline: Any) -> dict[str, Any]:
    """Return the layers of all networks by diffusers' names, and by those with underscores."""
    layers = {}
    prefixes = {"unet": ("lora_unet",), "text_encoder": ("lora_te", "lora_te1"),
                "text_encoder_2": ("lora_te2",)}  # fmt: skip
    for part, others in prefixes.items():
        network = getattr(pipeline, part, None)
        if network is None:
            continue
        for name, layer in network.named_modules():
            # Versions of transformers differ in whether the encoder is within a text_model.
            names = {name, f"text_model.{name}"} if part != "unet" else {name}
            for known in names:
                layers[f"{part}.{known}"] = layer
                layers |= {f"{other}_{known.replace('.', '_')}": layer for other in others}
    return layers


def check_metadata(path: Path, metadata: Mapping[str, str]) -> None:
    """Raise CheckpointError when a file's own settings of a LoRA are not small plain numbers."""
    text = metadata.get("lora_adapter_metadata")
    if text is None:
        return
    try:
        if len(text) > MOST_METADATA or depth_of(text.encode()) > MOST_DEPTH:
            raise ValueError("it is too large")
        for key, value in numbers_of(json.loads(text)):
            if not abs(value) <= MOST_RANK:
                raise ValueError(f"{key} is {value}, expected at most {MOST_RANK}")
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: its metadata cannot be used ({error})") from None


def lora_layers(pipeline: Any) -> int:
    """Return the number of layers that have a LoRA."""
    networks = (pipeline.unet, pipeline.text_encoder, pipeline.text_encoder_2)
    return sum(
        isinstance(layer, BaseTunerLayer)
        for network in networks
        if network is not None
        for layer in network.modules()
    )
