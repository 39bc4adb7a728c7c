"""Loading of pipelines from a folder in diffusers' layout or from a model hub, and of LoRAs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from diffusion_synth.errors import CheckpointError
from diffusion_synth.pipeline.lora import LORA_NAME, check_lora
from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline

INDEX = "model_index.json"
EMBEDDED = Path(__file__).parents[1] / "embedded"  # the bundled generator
_CHUNK = 1 << 20


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
) -> ShapeGuidedPipeline:
    """Load a pipeline from a folder or a model hub.

    Weights are read from safetensors only. Pickled weights are rejected, since reading them runs
    any code that they hold; so is code that is part of a model.

        pipeline = load_pipeline()                                  # the bundled generator
        pipeline = load_pipeline("folder/of/a/model", device="cuda")

    Args:
        model: A folder in diffusers' layout, or a name at the hub such as owner/model. None for
            the bundled generator.
        device: Where the networks are put.
        dtype: The floating-point type of their weights.

    Raises:
        CheckpointError: The model cannot be loaded; the message says why.
    """
    model = bundled_model() if model is None else model
    for library in (diffusers, transformers):  # their progress bars for five small files
        library.utils.logging.disable_progress_bar()
    options: dict[str, Any] = {"dtype": dtype, "use_safetensors": True}
    folder = Path(model)
    if folder.exists():
        check_folder(folder)
        options["local_files_only"] = True
    elif not is_hub_name(model):
        raise CheckpointError(f"{model}: no such folder")
    try:
        pipeline = ShapeGuidedPipeline.from_pretrained(str(model), **options)
    # The class of the error for a missing network or file differs between versions of diffusers.
    except Exception as error:
        lines = str(error).strip().splitlines()
        reason = lines[0] if lines else type(error).__name__
        if folder.exists():
            raise CheckpointError(
                f"{model}: cannot be loaded ({reason}); "
                "give a folder in diffusers' layout with safetensors"
            ) from None
        raise CheckpointError(
            f"{model}: no such folder, and not loaded from the hub "
            f"({type(error).__name__}: {reason}); "
            "download it where there is a network, and give its folder"
        ) from None
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def load_lora(pipeline: ShapeGuidedPipeline, folder: Path) -> None:
    """Load the LoRA in `folder` (LORA_NAME, as diffusers writes it) into the pipeline.

    Raises:
        CheckpointError: The file is missing or damaged, or of another base model.
    """
    path = folder / LORA_NAME
    check_lora(path, pipeline.unet)
    try:
        pipeline.load_lora_weights(
            str(folder), weight_name=LORA_NAME, use_safetensors=True, local_files_only=True
        )
    # The class of the error for an unknown layout differs between versions of diffusers.
    except Exception as error:
        reason, *_ = str(error).strip().splitlines() or [type(error).__name__]
        raise CheckpointError(f"{path}: cannot be loaded into this model ({reason})") from None


def model_identity(model: str | Path) -> str:
    """Return the SHA-256 of a folder's weights and configurations; for a hub's model its name."""
    folder = Path(model)
    if not folder.exists():
        return str(model)
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".safetensors", ".json") and path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
    return digest.hexdigest()


def is_hub_name(model: str | Path) -> bool:
    """Return whether `model` is a name such as owner/model and cannot be meant as a path."""
    parts = str(model).split("/")
    return (
        isinstance(model, str)
        and len(parts) == 2
        and all(parts)
        and not str(model).startswith((".", "~"))
    )


def check_folder(folder: Path) -> None:
    """Raise CheckpointError unless `folder` has a readable index and all parts of a pipeline."""
    if not folder.is_dir():
        raise CheckpointError(
            f"{folder}: is a file; give a folder in diffusers' layout ({INDEX} and its parts)"
        )
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        parts = [name for name, value in index.items() if isinstance(value, list)]
    except FileNotFoundError:
        raise CheckpointError(
            f"{folder}: has no {INDEX}, so it is not a pipeline of diffusers"
        ) from None
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{folder / INDEX}: cannot be read ({error})") from None
    for part in ("unet", "vae", "text_encoder", "tokenizer", "scheduler"):
        if part not in parts or not (folder / part).is_dir():
            raise CheckpointError(f"{folder}: has no {part}")
