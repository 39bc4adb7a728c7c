"""LoRA (Hu et al., ICLR 2022) on a UNet's attentions: W + B A for every projection W.

Only A and B are trained. Files are written and read by diffusers
(`pytorch_lora_weights.safetensors`): its pipelines load ours, and ours load those of others.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionPipeline
from diffusers.training_utils import cast_training_params
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig, get_peft_model_state_dict
from safetensors import safe_open
from torch import Tensor

from diffusion_synth.errors import CheckpointError
from diffusion_synth.randomness import weights_drawn_from

LORA_NAME = "pytorch_lora_weights.safetensors"
TARGETS = ["to_q", "to_k", "to_v", "to_out.0"]
# Endings of the factor A in the names that versions of diffusers write. B goes with it.
_DOWN_SUFFIXES = (".lora.down.weight", ".lora_A.weight")


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


def check_lora(path: Path, unet: Any) -> None:
    """Check that every LoRA of a file has a projection in `unet` with as many channels.

    diffusers only warns of those without one. Files in the layouts of other programs, which it
    translates, pass.

    Raises:
        CheckpointError: The file is missing, damaged, without a LoRA, or of another base model.
    """
    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
            shapes = {name: file.get_slice(name).get_shape() for name in names}
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file") from None
    except Exception as error:  # the library's errors have no narrower class in common
        raise CheckpointError(
            f"{path}: cannot be read ({error}); it is damaged, or not a safetensors file"
        ) from None
    if not any("lora" in name for name in shapes):
        raise CheckpointError(f"{path}: holds no LoRA")
    layers = dict(unet.named_modules())
    for name, shape in shapes.items():
        for ending in _DOWN_SUFFIXES:
            if not (name.startswith("unet.") and name.endswith(ending)):
                continue
            layer = layers.get(name.removeprefix("unet.").removesuffix(ending))
            channels = getattr(layer, "in_features", None) or getattr(layer, "in_channels", None)
            if channels != shape[1]:
                has = "has no such layer" if layer is None else f"takes {channels} there"
                raise CheckpointError(
                    f"{path}: is of another base model: {name} takes {shape[1]} channels, "
                    f"this UNet {has}"
                )
