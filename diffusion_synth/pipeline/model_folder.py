"""Checks of a model's folder, before any library opens it: a model is data, never code.

diffusers and transformers read class names, module names and options from a model's own JSON, and
several of their versions imported or downloaded code because a file said so. Only these are let
through: the classes in PARTS, weights in safetensors, and configurations without the options in
CODE_KEYS. Numbers are bounded, since a network of 10⁹ layers is built before it is found wrong.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from diffusion_synth.errors import CheckpointError

INDEX = "model_index.json"
WEIGHTS = ".safetensors"
CODEC_MODULES = ("diffusion_synth.pipeline.pixel_shuffle", "diffusion_synth.codec")
_CLIP = ("CLIPTextModel", "CLIPTextModelWithProjection")
_VAES = ("AutoencoderKL", "AutoencoderTiny", "AsymmetricAutoencoderKL", "VQModel")
PARTS: dict[str, frozenset[tuple[str, str]]] = {
    "unet": frozenset({("diffusers", "UNet2DConditionModel")}),
    "vae": frozenset(
        [("diffusers", name) for name in _VAES]
        + [(module, "PixelShuffleCodec") for module in CODEC_MODULES]
    ),
    "text_encoder": frozenset(("transformers", name) for name in _CLIP),
    "text_encoder_2": frozenset(("transformers", name) for name in _CLIP),
    "tokenizer": frozenset(
        {("transformers", "CLIPTokenizer"), ("transformers", "CLIPTokenizerFast")}
    ),
    "tokenizer_2": frozenset(
        {("transformers", "CLIPTokenizer"), ("transformers", "CLIPTokenizerFast")}
    ),
    "scheduler": frozenset(),  # any class of diffusers whose name ends in Scheduler
}
"""Part → the (library, class) that it may be."""
NETWORKS = ("unet", "vae", "text_encoder", "text_encoder_2")
REQUIRED = ("unet", "vae", "scheduler")
# Further parts of folders of diffusers. They are not loaded, and their libraries are its own.
OTHER_LIBRARIES = frozenset(
    {"diffusers", "transformers", "stable_diffusion", "stable_diffusion_xl"}
)

CODE_KEYS = frozenset(
    {
        "auto_map", "trust_remote_code", "custom_pipelines", "custom_pipeline", "custom_revision",
        "_attn_implementation", "_attn_implementation_internal", "attn_implementation",
        "quantization_config", "_target_", "__reduce__",
    }
)  # fmt: skip
CODE_ENDINGS = (".py", ".pyc", ".pyd", ".so", ".dll")
MOST_BYTES, MOST_TOKENIZER_BYTES = 1 << 20, 1 << 26
MOST_DEPTH, MOST_FILES = 32, 10_000
MOST_LAYERS, MOST_STEPS, MOST_NUMBER = 1000, 100_000, 10_000_000
_JSON_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[{\]}]', re.DOTALL)
_SHARD = re.compile(r"-\d{5}-of-\d{5}")


def check_folder(folder: Path) -> None:
    """Check that a folder is a pipeline of diffusers that can be loaded without running its code.

    Raises:
        CheckpointError: A part is missing, of another kind, too large, or would run code.
    """
    if not folder.is_dir():
        raise CheckpointError(
            f"{folder}: is a file; give a folder in diffusers' layout ({INDEX} and its parts)"
        )
    parts = check_index(folder / INDEX)
    refuse_code(folder)
    for name in parts:
        if not (folder / name).is_dir():
            raise CheckpointError(f"{folder}: has no {name}")
        refuse_code(folder / name)
        for path in sorted((folder / name).glob("*.json")):
            check_configuration(path, tokenizer=name.startswith("tokenizer"))
        if name in NETWORKS and not list((folder / name).glob(f"*{WEIGHTS}")):
            raise CheckpointError(
                f"{folder / name}: has no weights in safetensors; other formats can hold code and "
                "are not read: convert them with diffusers' save_pretrained"
            )


def check_index(path: Path) -> list[str]:
    """Check model_index.json. Returns the names of the parts that are loaded.

    Raises:
        CheckpointError: It cannot be read, or names a class or module that is not loaded here.
    """
    if not path.exists():
        raise CheckpointError(
            f"{path.parent}: has no {INDEX}, so it is not a pipeline of diffusers; give a folder "
            "that diffusers' save_pretrained wrote"
        )
    index = read_json(path)
    if not isinstance(index, dict):
        raise CheckpointError(f"{path}: cannot be read (expected an object)")
    check_keys(path, index)
    if not isinstance(index.get("_class_name", ""), str):
        raise CheckpointError(
            f"{path}: names a pipeline class of its own (_class_name); code is never loaded from "
            "a model"
        )
    parts = []
    for name, value in index.items():
        if not isinstance(value, list):
            continue
        if value == [None, None]:
            continue
        if len(value) != 2 or not all(isinstance(part, str) for part in value):
            raise CheckpointError(f"{path}: {name} must be [library, class], got {value!r:.80}")
        check_class(path, name, value[0], value[1])
        if name in PARTS:
            parts.append(name)
    for name in REQUIRED:
        if name not in parts:
            raise CheckpointError(f"{path.parent}: has no {name}")
    return parts


def check_class(path: Path, part: str, library: str, name: str) -> None:
    """Raise CheckpointError unless a part is of a class that is loaded here."""
    if part not in PARTS:
        if library not in OTHER_LIBRARIES:
            raise CheckpointError(
                f"{path}: {part} is from {library!r:.80}; code is never loaded from a model, and "
                "the libraries are diffusers and transformers"
            )
        return
    allowed = PARTS[part]
    if part == "scheduler":
        fits = library == "diffusers" and re.fullmatch(r"[A-Z]\w*Scheduler", name) is not None
    else:
        fits = (library, name) in allowed
    if not fits:
        expected = (
            " or ".join(sorted({known for _, known in allowed})) or "a scheduler of diffusers"
        )
        raise CheckpointError(
            f"{path}: {part} is {name!r:.80} of {library!r:.80}; expected {expected}: Stable "
            "Diffusion 1.x, 2.x, their inpainting forms, SDXL, or a generator of this project"
        )


def refuse_code(folder: Path) -> None:
    """Raise CheckpointError where a folder holds programs, which some versions would run."""
    for number, path in enumerate(folder.iterdir()):
        if number > MOST_FILES:
            raise CheckpointError(f"{folder}: holds more than {MOST_FILES} files; it is no model")
        if path.name.lower().endswith(CODE_ENDINGS):
            raise CheckpointError(
                f"{path}: is a program; a model is data, and no code of it is run: give a copy of "
                "the folder that holds weights and configurations alone"
            )


def check_configuration(path: Path, *, tokenizer: bool) -> None:
    """Check a JSON file of a part.

    Args:
        path: The file.
        tokenizer: Whether it may be large: vocabularies are, and count further.

    Raises:
        CheckpointError: It is too large or deep, would run code, or builds an endless network.
    """
    content = read_json(path, MOST_TOKENIZER_BYTES if tokenizer else MOST_BYTES)
    check_keys(path, content)
    if path.name.endswith(f"{WEIGHTS}.index.json") or path.name.endswith(".bin.index.json"):
        check_shards(path, content)
    elif not tokenizer:
        for key, value in numbers_of(content):
            check_number(path, key, value)


def check_keys(path: Path, content: Any) -> None:
    """Raise CheckpointError when a configuration has an option that loads code."""
    for key, value in entries_of(content):
        if key in CODE_KEYS and value not in (None, False, "eager", "sdpa"):
            raise CheckpointError(
                f"{path}: has the option {key!r}, by which code or other kernels are loaded; "
                "models are data here: give a copy of the model without it"
            )


def check_number(path: Path, key: str, value: float) -> None:
    """Raise CheckpointError when a number of a configuration is beyond any real network."""
    most = MOST_NUMBER
    if re.search(r"layers|blocks|depth", key):
        most = MOST_LAYERS
    elif "timesteps" in key:
        most = MOST_STEPS
    if not math.isfinite(value) or abs(value) > most:
        raise CheckpointError(f"{path}: {key} is {value!r:.40}; expected at most {most}")


def check_shards(path: Path, content: Any) -> None:
    """Raise CheckpointError unless an index of shards names safetensors of its own folder."""
    table = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(table, dict):
        raise CheckpointError(f"{path}: cannot be read (expected a weight_map)")
    for name in {name for name in table.values() if isinstance(name, str)}:
        outside = PurePosixPath(name.replace("\\", "/")).name != name
        if outside or (not name.endswith(WEIGHTS) and WEIGHTS in path.name):
            raise CheckpointError(
                f"{path}: names {name!r:.80}; shards are safetensors beside their index"
            )
    if not all(isinstance(name, str) for name in table.values()):
        raise CheckpointError(f"{path}: cannot be read (weight_map must name files)")


def read_json(path: Path, most: int = MOST_BYTES) -> Any:
    """Read a JSON file of a model.

    Raises:
        CheckpointError: It is larger than `most` bytes, nested too deeply, or not JSON.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise ValueError(f"larger than {most} bytes")
        if depth_of(content) > MOST_DEPTH:
            raise ValueError(f"nested deeper than {MOST_DEPTH}")
        return json.loads(content.decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error})") from None


def depth_of(content: bytes) -> int:
    """Return how deeply the lists and objects of JSON are nested, without parsing it."""
    depth = most = 0
    # A string, with its escapes, is skipped as one piece; or any bracket.
    # One that does not end goes up to the end, so that the search stays linear.
    for match in re.finditer(_JSON_MARKS, content):
        mark = match[0]
        if mark in (b"[", b"{"):
            depth += 1
            most = max(most, depth)
        elif mark in (b"]", b"}"):
            depth -= 1
    return most


def entries_of(content: Any) -> Iterator[tuple[str, Any]]:
    """Iterate over all (key, value) of nested objects."""
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield str(key), value
            yield from entries_of(value)
    elif isinstance(content, list):
        for value in content:
            yield from entries_of(value)


def numbers_of(content: Any, key: str = "") -> Iterator[tuple[str, float]]:
    """Iterate over all (key, number) of nested objects and lists."""
    if isinstance(content, Mapping):
        for name, value in content.items():
            yield from numbers_of(value, str(name))
    elif isinstance(content, list):
        if len(content) > MOST_STEPS:
            yield key, math.inf
        for value in content:
            yield from numbers_of(value, key)
    elif isinstance(content, int | float) and not isinstance(content, bool):
        yield key, content


def variant_of(folder: Path) -> str | None:
    """Return the variant ("fp16") to load where a network has no weights without one; else None.

    Raises:
        CheckpointError: The networks have no variant in common.
    """
    common: set[str] | None = None
    for name in NETWORKS:
        variants = {variant_of_file(path.name) for path in (folder / name).glob(f"*{WEIGHTS}")}
        if not variants or "" in variants:
            continue
        common = variants if common is None else common & variants
    if common is None:
        return None
    if not common:
        raise CheckpointError(f"{folder}: its networks have no variant of weights in common")
    return "fp16" if "fp16" in common else min(common)


def variant_of_file(name: str) -> str:
    """Return the variant in a file's name: model.fp16-00001-of-00002.safetensors → fp16."""
    parts = _SHARD.sub("", name.removesuffix(WEIGHTS)).split(".")
    return ".".join(parts[1:])
