"""Recall by skin, stature, clothes, pose, light, size and hidden share of rendered people.

Renders know these of every person, photos do not. The recall of a group holds for renders like
those it was counted on. It says nothing about photos.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from pii_seg.evaluation.counting import PersonCount

LEAST = 10  # persons of a group that a table shows
HALF = 0.5
SMALL_STATURE = 1.4  # m: most children, and few adults

# Joints of SMPL: pelvis, left knee, ankle and hip, three of the spine, neck, head.
_PELVIS, _HIP, _KNEE, _ANKLE, _SPINE, _NECK, _HEAD = 0, 1, 4, 7, (3, 6, 9), 12, 15
_SOLE_AND_CROWN = 0.24  # m: from the ankle down, and from the joint of the head up


@dataclass(frozen=True)
class GroupRecall:
    """The recall of a group of persons.

    Attributes:
        kind: What the persons have in common, such as "skin tone".
        label: Which, such as "Monk 8 to 10".
        persons: Number of persons.
        recall: Mean share of a person's pixels that is found.
        error: Standard error of `recall`; NaN of a single person.
        half_covered: Share of persons that are at least half found.
    """

    kind: str
    label: str
    persons: int
    recall: float
    error: float
    half_covered: float


def groups_of(person: Mapping[str, Any], line: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The groups, (kind, label), that a person of a rendered pair belongs to.

    Args:
        person: The entry of the person in its line; what it lacks is not grouped by.
        line: The line of the pair in metadata.jsonl.
    """
    wardrobe = _part(person, "wardrobe")
    groups = []
    tone = wardrobe.get("tone")
    for low, high in ((1, 3), (4, 7), (8, 10)):
        if tone in range(low, high + 1):
            groups.append(("skin tone", f"Monk {low} to {high}"))
    if isinstance(pose := person.get("pose_name"), str) and pose:
        groups.append(("pose", pose.partition("_")[0]))
    if (stature := stature_of(person.get("joints3d"))) is not None:
        limit = f"{SMALL_STATURE:g} m"
        groups.append(("stature", f"over {limit}" if stature > SMALL_STATURE else f"up to {limit}"))
    if isinstance(visibility := person.get("visibility"), int | float):
        hardly, half = visibility >= 0.9, visibility >= HALF
        hidden = "hardly" if hardly else "up to a half" if half else "more than a half"
        groups.append(("hidden", hidden))
    groups += [("clothes", kind) for kind in _kinds(wardrobe.get("garments"))]
    if isinstance(style := _part(wardrobe, "hair").get("style"), str):
        groups.append(("hair", style or "none"))
    for name in ("light", "background"):
        if isinstance(kind := _part(line, name).get("kind"), str):
            groups.append((name, kind))
    return groups


def stature_of(joints: Any) -> float | None:
    """Add up how tall a person would stand, m, from joints (≥ 16, 3) in SMPL's order."""
    try:
        points = np.asarray(joints, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    if points.ndim != 2 or points.shape[0] <= _HEAD or points.shape[1] != 3:
        return None
    chain = (_ANKLE, _KNEE, _HIP), (_PELVIS, *_SPINE, _NECK, _HEAD)
    length = sum(
        float(np.linalg.norm(points[a] - points[b]))
        for joints_of in chain
        for a, b in pairwise(joints_of)
    )
    return length + _SOLE_AND_CROWN if math.isfinite(length) else None


def recalls(
    counted: Iterable[tuple[PersonCount, Iterable[tuple[str, str]]]], at: int
) -> list[GroupRecall]:
    """The recall of each group at THRESHOLDS[at], by kind, in the order of their appearance.

    Args:
        counted: Persons and the groups of each; the size in the image is one for all.
        at: Index of the threshold.
    """
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for person, groups in counted:
        covered = person.coverage(at)
        for group in (*groups, ("area in the image", _SIZES[person.size])):
            found[group].append(covered)
    kinds = list(dict.fromkeys(kind for kind, _ in found))
    order = sorted(found, key=lambda group: (kinds.index(group[0]), group[1]))
    return [_recall(group, np.array(found[group])) for group in order]


def _recall(group: tuple[str, str], covered: np.ndarray) -> GroupRecall:
    error = float(covered.std(ddof=1) / math.sqrt(len(covered))) if len(covered) > 1 else math.nan
    half = float((covered >= HALF).mean())
    return GroupRecall(*group, len(covered), float(covered.mean()), error, half)


_SIZES = ("under 32² px", "under 96² px", "larger")


def _part(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = values.get(name)
    return part if isinstance(part, Mapping) else {}


def _kinds(garments: Any) -> list[str]:
    """The kinds of garments, each once."""
    if not isinstance(garments, list):
        return []
    kinds = [entry.get("kind") for entry in garments if isinstance(entry, Mapping)]
    return [kind for kind in dict.fromkeys(kinds) if isinstance(kind, str)]
