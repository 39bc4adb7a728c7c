"""Exceptions of pii_seg. Each is a ValueError whose message says what is wrong and what to do.

Commands print the message as one line and exit with code 2.
"""

from __future__ import annotations


class InputError(ValueError):
    """Invalid command line, input file or output folder; nothing was written."""


class ConfigError(ValueError):
    """Invalid value in a configuration, or a model that the installed packages cannot build."""


class DataError(ValueError):
    """Training or evaluation data that cannot be opened, read or used."""


class CheckpointError(ValueError):
    """Checkpoint that is absent, damaged, foreign, or does not fit its own model."""


class CalibrationError(ValueError):
    """Temperature, threshold or promise that cannot be computed, or does not hold."""


class MediaError(ValueError):
    """Image or video that cannot be handled in full, so that it is not handled at all.

    The message does not contain the path: the caller that reports it puts the path before it.
    """
