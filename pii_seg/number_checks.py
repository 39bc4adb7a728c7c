"""Checks of the numbers in a configuration. The module imports nothing else of this package."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from pii_seg.errors import ConfigError

LARGEST = 1_000_000_000  # of any whole number without a limit of its own

Limits = Mapping[str, tuple[float, float]]


def require(fits: bool, config: Any, name: str, condition: str) -> None:
    """Raise ConfigError with the name and value of an option unless it fits."""
    if not fits:
        raise ConfigError(f"{name} is {getattr(config, name.split('.')[1])}; it {condition}")


def check_numbers(config: Any, section: str, limits: Limits) -> None:
    """Check every number of a configuration: it is finite, of its type, and within its limits.

    Args:
        config: A dataclass.
        section: Name of its table in a configuration file.
        limits: Smallest and largest value of fields, by name.

    Raises:
        ConfigError: A number does not fit; the message names the option.
    """
    for entry in dataclasses.fields(config):
        value, name = getattr(config, entry.name), f"{section}.{entry.name}"
        for number in value if isinstance(value, tuple | list) else (value,):
            if isinstance(number, bool | str) or not isinstance(number, int | float):
                continue
            if entry.type in ("int", int) and not isinstance(number, int):
                raise ConfigError(f"{name} is {number}; it must be a whole number")
            if isinstance(number, float) and not math.isfinite(number):
                raise ConfigError(f"{name} is {number}; it must be a finite number")
            low, high = limits.get(entry.name, (-LARGEST, LARGEST))
            if not low <= number <= high:
                shown = str(number) if abs(number) < 1e30 else "beyond all sense"
                reason = f"at least {low:g}" if number < low else f"at most {high:g}"
                raise ConfigError(f"{name} is {shown}; it must be {reason}")
