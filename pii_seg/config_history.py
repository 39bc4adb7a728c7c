"""Configurations of earlier versions: what they lack, and what they have that was removed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pii_seg.errors import ConfigError

log = logging.getLogger(__name__)

ADDED_LATER: dict[str, dict[str, Any]] = {"data": {"mask_code": "auto", "person_class": []}}
"""Options that earlier versions lack, by section, with the values that do what those did."""


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the dotted names of values that differ between two configurations, sorted.

    `machine` does not count, nor does `online`, which only older configurations have.
    """
    found = []
    for section in sorted({*before, *now} - {"machine", "online"}):
        old, new = before.get(section, {}), now.get(section, {})
        if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
            found += [section] if (old or "") != (new or "") else []
            continue
        added = ADDED_LATER.get(section, {})
        found += [
            f"{section}.{key}"
            for key in sorted({*old, *new})
            if old.get(key, added.get(key)) != new.get(key, added.get(key))
        ]
    return found


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
