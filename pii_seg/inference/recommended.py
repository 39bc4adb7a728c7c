"""The settings of inference that a segmenter was chosen and measured with, where it states them.

A segmenter of `build-model` states them in its config.json. They hold where the user gives none.
No torch is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pii_seg.data.bounded_json import read_json
from pii_seg.errors import CheckpointError, ConfigError, DataError
from pii_seg.inference.exported import METADATA
from pii_seg.inference.settings import InferenceSettings
from pii_seg.models.bundled import located
from pii_seg.models.checkpoint_hash import CONFIG_FILE

KEY = "inference"  # in the configuration of a segmenter
NAMES = ("size", "tiles", "scales", "flip", "merge")
"""The settings that are stated. Others decide memory, which is the user's."""
MOST_SCALES = 8
LARGEST = 64 << 20  # bytes of the file that holds it


def stated(settings: InferenceSettings) -> dict[str, Any]:
    """Return what differs from the defaults, as plain data for the configuration."""
    default = asdict(InferenceSettings())
    values = asdict(settings)
    given = {name: values[name] for name in NAMES if values[name] != default[name]}
    return {n: list(v) if isinstance(v, tuple) else v for n, v in given.items()}


def settings_for(
    path: Path | str | None, given: Mapping[str, Any] | None = None, **otherwise: Any
) -> InferenceSettings:
    """Return settings: those given, else those that the segmenter states, else the defaults.

    Args:
        path: A checkpoint, an export, or the name of a bundled segmenter; None: there is none.
        given: Fields of `InferenceSettings` that the user has chosen.
        otherwise: Defaults that replace those of `InferenceSettings`.

    Raises:
        CheckpointError: The segmenter states something else than settings.
        ConfigError: A given value is out of range.
    """
    settings = InferenceSettings(**otherwise)
    if path is not None and (own := _stated_by(located(path))):
        try:
            settings = replace(settings, **own)
        except (TypeError, ConfigError) as error:
            raise CheckpointError(f"{path}: its settings of inference: {error}") from None
    return replace(settings, **(given or {}))


def _stated_by(path: Path) -> dict[str, Any]:
    """Read what a folder states; other checkpoints state nothing, and damage is found later."""
    for name in (METADATA, CONFIG_FILE):
        if (path / name).is_file():
            try:
                content = read_json(path / name, largest=LARGEST)
            except DataError:
                return {}
            config = content.get("config") if isinstance(content, dict) else None
            own = config.get(KEY) if isinstance(config, dict) else None
            if not isinstance(own, dict):
                return {}
            own = {name: own[name] for name in NAMES if name in own}
            return {n: tuple(v[:MOST_SCALES]) if isinstance(v, list) else v for n, v in own.items()}
    return {}
