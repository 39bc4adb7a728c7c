"""Configurations of earlier versions: what they lack, and what they have that was removed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pii_seg.errors import ConfigError

log = logging.getLogger(__name__)

ADDED_LATER: dict[str, dict[str, Any]] = {
    "data": {"mask_code": "auto", "person_class": [], "distractors": []},
    "augmentation": {
        "distractors": 0.5,  # of no effect without data
        "distractor_count": [1, 4],
        "distractor_height": [0.08, 1.0],
    },
    "optimiser": {
        "head_weight": 1.0,
        "boundary_weight": 1.0,
        "small_weight": 1.0,
        "encoder_norms": True,
    },
}
"""Options that earlier versions lack, by section, with the values that do what those did."""


def check_removed_online(values: Mapping[str, Any], where: str) -> None:
    """Accept the `[online]` section of an older configuration if it was off, and log a note.

    Raises:
        ConfigError: The section was switched on: no training can be resumed or repeated with it.
    """
    section = values.get("online")
    if not section:
        return
    if not isinstance(section, Mapping) or section.get("enabled"):
        removed = "online labelling was removed (docs/decisions.md)"
        raise ConfigError(f"{where}: {removed}; delete [online]")
    log.info("%s: ignored the [online] section, which was off: online labelling was removed", where)
