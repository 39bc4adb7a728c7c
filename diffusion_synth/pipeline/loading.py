"""Loading of pipelines from a folder in diffusers' layout or from a model hub, and of LoRAs."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import diffusers
import torch
import transformers

from diffusion_synth.errors import CheckpointError
from diffusion_synth.pipeline.lora import ADAPTER, check_lora, find_lora, lora_layers
from diffusion_synth.pipeline.model_folder import INDEX, check_folder, variant_of
from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline

EMBEDDED = Path(__file__).parents[1] / "embedded"  # the bundled generator
_CHUNK = 1 << 20
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+", re.ASCII)


def bundled_model() -> Path:
    """Return the folder of the bundled generator.

    Raises:
        CheckpointError: This copy of the package has none.
    """
    if not (EMBEDDED / INDEX).exists():
        raise CheckpointError(
            f"{EMBEDDED}: the bundled generator is missing; train one with "
            "python -m diffusion_synth.train, and give its folder"
        )
    return EMBEDDED


def load_pipeline(
    model: str | Path | None = None,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    variant: str | None = None,
) -> ShapeGuidedPipeline:
    """Load a pipeline from a folder or a model hub.

    A model is data (`model_folder`): weights are read from safetensors only, and no code that is
    part of a model is run. A hub's model is downloaded, checked, and then loaded as a folder.

        pipeline = load_pipeline()                                  # the bundled generator
        pipeline = load_pipeline("folder/of/a/model", device="cuda")

    Args:
        model: A folder in diffusers' layout, or a name at the hub such as owner/model. None for
            the bundled generator.
        device: Where the networks are put.
        dtype: The floating-point type of their weights.
        variant: Variant of the weights, such as "fp16"; None for those without one, or for the
            one that there is.

    Raises:
        CheckpointError: The model cannot be loaded; the message says why.
    """
    model = bundled_model() if model is None else model
    for library in (diffusers, transformers):  # their progress bars for five small files
        library.utils.logging.disable_progress_bar()
    folder = Path(model)
    if not folder.exists():
        if not is_hub_name(model):
            raise CheckpointError(f"{model}: no such folder")
        folder = download(str(model), variant)
    check_folder(folder)
    try:
        pipeline = ShapeGuidedPipeline.from_pretrained(
            str(folder), dtype=dtype, use_safetensors=True, local_files_only=True,
            trust_remote_code=False, variant=variant or variant_of(folder),
        )  # fmt: skip
    except torch.OutOfMemoryError:
        raise
    # The class of the error for a missing or damaged file differs between versions of diffusers.
    except Exception as error:
        raise CheckpointError(
            f"{model}: cannot be loaded ({first_line(error)}); "
            "give a folder in diffusers' layout with safetensors"
        ) from None
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def download(name: str, variant: str | None = None) -> Path:
    """Download a model from the hub into its cache. Returns the folder.

    Raises:
        CheckpointError: It is not there, or there is no network.
    """
    try:
        folder = ShapeGuidedPipeline.download(
            name, use_safetensors=True, trust_remote_code=False, variant=variant
        )
    # The class of the error for a missing network or file differs between versions of diffusers.
    except Exception as error:
        raise CheckpointError(
            f"{name}: no such folder, and not loaded from the hub "
            f"({type(error).__name__}: {first_line(error)}); "
            "download it where there is a network, and give its folder"
        ) from None
    return Path(folder)


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or its class where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def load_lora(pipeline: ShapeGuidedPipeline, place: Path, scale: float = 1.0) -> None:
    """Load a LoRA into the pipeline.

    Args:
        pipeline: The pipeline of its base model.
        place: The file, or a folder with one (`find_lora`).
        scale: Factor of the LoRA; 1 is as it was trained.

    Raises:
        CheckpointError: The file is missing or damaged, or of another base model.
    """
    path = find_lora(place)
    check_lora(path, pipeline)
    loud = diffusers.utils.logging.get_verbosity()
    diffusers.utils.logging.set_verbosity_error()  # it warns of every network without a LoRA
    try:
        pipeline.load_lora_weights(
            str(path.parent), weight_name=path.name, adapter_name=ADAPTER,
            use_safetensors=True, local_files_only=True,
        )  # fmt: skip
        if not lora_layers(pipeline):
            raise CheckpointError("none of its layers is in this model")
        pipeline.set_adapters([ADAPTER], adapter_weights=[scale])
    # The class of the error for an unknown layout differs between versions of diffusers.
    except Exception as error:
        raise CheckpointError(
            f"{path}: cannot be loaded into this model ({first_line(error)}); give a LoRA of the "
            "same base model"
        ) from None
    finally:
        diffusers.utils.logging.set_verbosity(loud)


def model_identity(model: str | Path) -> str:
    """Return the SHA-256 of the weights, vocabularies and configurations of a folder or file.

    For a hub's name it is the name: load the model, and give its `name_or_path`.
    """
    place = Path(model)
    if not place.exists():
        return str(model)
    files = [place] if place.is_file() else sorted(filter(decides_weights, place.rglob("*")))
    digest = hashlib.sha256()
    for path in files:
        name = "" if path == place else path.relative_to(place).as_posix()
        digest.update(name.encode() + b"\0")
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def decides_weights(path: Path) -> bool:
    """Return whether a file of a model decides its output."""
    vocabulary = path.suffix == ".txt" and path.parent.name.startswith("tokenizer")
    return (path.suffix in (".safetensors", ".json") or vocabulary) and path.is_file()


def is_hub_name(model: str | Path) -> bool:
    """Return whether `model` is a name such as owner/model and cannot be meant as a path."""
    return isinstance(model, str) and _HUB_NAME.fullmatch(model) is not None
