"""A pipeline from a folder of diffusers' layout, or from a model hub. Weights are read from safetensors alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from diffusion_synth.pipeline.lora import LORA_NAME, LoraError, check_lora
from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline

INDEX = "model_index.json"
EMBEDDED = Path(__file__).parents[1] / "embedded"  # the generator that comes along
_CHUNK = 1 << 20


class ModelError(ValueError):
    """A model that cannot be had; the message names it and the remedy."""


def default_model() -> Path:
    """The folder of the generator that comes along. Raises ModelError where this copy of the program has none."""
    if not (EMBEDDED / INDEX).exists():
        raise ModelError(
            f"{EMBEDDED}: no generator came along; train one with python -m diffusion_synth.train, and give its folder"
        )
    return EMBEDDED


def load_pipeline(
    model: str | Path, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> ShapeGuidedPipeline:
    """The pipeline of a folder, or of a hub's name such as owner/model. Raises ModelError.

    Pickled weights are refused, since reading them runs whatever they hold; so is code that comes with a model.
    """
    for library in (diffusers, transformers):  # their bars for five small files are noise in a log
        library.utils.logging.disable_progress_bar()
    options: dict[str, Any] = {"dtype": dtype, "use_safetensors": True}
    folder = Path(model)
    if folder.exists():
        check_folder(folder)
        options["local_files_only"] = True
    elif not is_hub_name(model):
        raise ModelError(f"{model}: no such folder")
    try:
        pipeline = ShapeGuidedPipeline.from_pretrained(str(model), **options)
    # What a missing network, a missing file or a foreign layout raises differs between versions of the libraries.
    except Exception as error:
        said = str(error).strip().splitlines()
        reason = said[0] if said else type(error).__name__
        if folder.exists():
            raise ModelError(
                f"{model}: cannot be loaded ({reason}); a folder of diffusers with safetensors is needed"
            ) from None
        raise ModelError(
            f"{model}: neither a folder, nor did the hub give it ({type(error).__name__}: {reason}); "
            "fetch it where there is a network, and give the folder"
        ) from None
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def load_lora(pipeline: ShapeGuidedPipeline, folder: Path) -> None:
    """Put the LoRA in `folder` (LORA_NAME, as diffusers writes it) on the pipeline. Raises ModelError."""
    path = folder / LORA_NAME
    try:
        check_lora(path, pipeline.unet)
    except LoraError as error:
        raise ModelError(f"{path}: {error}") from None
    try:
        pipeline.load_lora_weights(
            str(folder), weight_name=LORA_NAME, use_safetensors=True, local_files_only=True
        )
    except (
        Exception
    ) as error:  # what a foreign layout raises differs between versions of the libraries
        reason, *_ = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(f"{path}: cannot be put on this model ({reason})") from None


def identity_of(model: str | Path) -> str:
    """SHA-256 of a folder's weights and configurations, by name; of a hub's model, its name."""
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
    """owner/model, and nothing that only a path can be."""
    parts = str(model).split("/")
    return (
        isinstance(model, str)
        and len(parts) == 2
        and all(parts)
        and not str(model).startswith((".", "~"))
    )


def check_folder(folder: Path) -> None:
    """Raises ModelError unless `folder` is a pipeline's, with a readable index and nothing but data in it."""
    if not folder.is_dir():
        raise ModelError(
            f"{folder}: is a file; a folder of diffusers is needed ({INDEX} and its parts)"
        )
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        parts = [name for name, value in index.items() if isinstance(value, list)]
    except FileNotFoundError:
        raise ModelError(f"{folder}: holds no {INDEX}, so it is no pipeline of diffusers") from None
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"{folder / INDEX}: cannot be read ({error})") from None
    for part in ("unet", "vae", "text_encoder", "tokenizer", "scheduler"):
        if part not in parts or not (folder / part).is_dir():
            raise ModelError(f"{folder}: has no {part}")
