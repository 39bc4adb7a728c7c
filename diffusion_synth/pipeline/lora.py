"""LoRA (Hu et al., ICLR 2022) on a UNet's attentions: W + B A beside every projection W, and only A and B learn.

The files are diffusers' own (`pytorch_lora_weights.safetensors`), and so is reading them: any of its pipelines takes
ours, and ours takes those of others.
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

from diffusion_synth.randomness import weights_drawn_from

LORA_NAME = "pytorch_lora_weights.safetensors"
TARGETS = ["to_q", "to_k", "to_v", "to_out.0"]
# What comes in (A), under the names that diffusers' versions have given it. The other factor (B) goes with it.
_INWARDS = (".lora.down.weight", ".lora_A.weight")


class LoraError(ValueError):
    """Weights that are no LoRA of this UNet; the message says why."""


def add_lora(unet: Any, rank: int, *, generator: torch.Generator) -> None:
    """A and B beside every projection of the attentions, float32; all other parameters need no gradient any more.

    B begins at 0, so that nothing changes yet. alpha is the rank, as loaders assume where a file says nothing.
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
    """All that learns, by name."""
    return {name: weight for name, weight in unet.named_parameters() if weight.requires_grad}


def save_lora(unet: Any, folder: Path) -> None:
    """Write LORA_NAME into `folder`."""
    layers = convert_state_dict_to_diffusers(get_peft_model_state_dict(unet))
    StableDiffusionPipeline.save_lora_weights(
        folder, unet_lora_layers=layers, weight_name=LORA_NAME
    )


def check_lora(path: Path, unet: Any) -> None:
    """Raises LoraError unless every LoRA of the file has a projection in `unet` with as many channels.

    diffusers only warns of those that have none. Files in the layouts of other programs, which it translates, pass.
    """
    try:
        with safe_open(path, framework="pt") as file:
            shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise LoraError("no such file") from None
    except Exception as error:  # the library's errors have no common parent but this
        raise LoraError(f"cannot be read ({error}); it is damaged, or no safetensors") from None
    if not any("lora" in name for name in shapes):
        raise LoraError("holds no LoRA")
    layers = dict(unet.named_modules())
    for name, shape in shapes.items():
        for ending in _INWARDS:
            if not (name.startswith("unet.") and name.endswith(ending)):
                continue
            layer = layers.get(name.removeprefix("unet.").removesuffix(ending))
            channels = getattr(layer, "in_features", None) or getattr(layer, "in_channels", None)
            if channels != shape[1]:
                has = "has no such layer" if layer is None else f"takes {channels} there"
                raise LoraError(
                    f"was made for another base: {name} takes {shape[1]} channels, this UNet {has}"
                )
