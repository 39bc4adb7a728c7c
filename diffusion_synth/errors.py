"""The exceptions of the package. Every one is a ValueError with a message of one line."""

from __future__ import annotations


class InputError(ValueError):
    """An option of a command cannot be met; the message names it and says what to do."""


class ConfigError(ValueError):
    """A setting or a prompt grammar is not valid; the message names the key."""


class DataError(ValueError):
    """An image, mask or set of persons cannot be used; the message says what was expected."""


class CheckpointError(ValueError):
    """A model, LoRA or training state cannot be loaded; the message names it and the remedy."""
