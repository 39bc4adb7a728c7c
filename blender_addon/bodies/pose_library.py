"""The bundled library of everyday poses, and other files of the same kind.

The poses are data, in `poses.toml` beside this file, whose header explains how to write one. Frame
and angles are those of `anatomy`.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import anatomy
from .anatomy import ANGLES, JOINT, JOINT_NAMES, mirror
from .pose_variation import flatten_feet, vary

DEFAULT_PATH = Path(__file__).with_name("poses.toml")
COMPANIONS_PATH = Path(__file__).with_name("companion_poses.toml")
CARRIED = "carried_on_arm"  # pose of a child on the arm of another person

CATEGORIES = (
    *(
        "standing",
        "walking",
        "running",
        "sitting",
        "bending",
        "crouching",
        "reaching",
        "carrying",
        "phoning",
    ),
    *("talking", "waving", "playing", "cycling", "lying"),
)
SUPPORTS = ("ground", "seat", "lie", "bike", "none")
PROPS = {
    "backpack": ("spine3",),
    "ball": ("hands", "left_foot", "right_foot"),
    "bag": ("left_hand", "right_hand"),
    "bench": ("pelvis",),
    "bicycle": ("pelvis",),
    "book": ("hands",),
    "box": ("hands",),
    "chair": ("pelvis",),
    "crutch": ("left_hand", "right_hand"),
    "cup": ("left_hand", "right_hand"),
    "dog": ("left_hand", "right_hand"),
    "phone": ("left_hand", "right_hand"),
    "pushchair": ("hands",),
    "racket": ("left_hand", "right_hand"),
    "rollator": ("hands",),
    "scooter": ("hands",),
    "seat": ("pelvis",),
    "skateboard": ("pelvis",),
    "sofa": ("pelvis",),
    "stick": ("left_hand", "right_hand"),
    "suitcase": ("left_hand", "right_hand"),
    "table": ("hands",),
    "trolley": ("hands",),
    "umbrella": ("left_hand", "right_hand"),
    "wall": ("spine3",),
    "wheelchair": ("pelvis",),
}
"""Props of poses, and their places on the body: the part after the @ (the first is the default)."""

_FEET = ("left_foot", "right_foot")
_LIMBS = ("left_hand", "right_hand", *_FEET)


@dataclass(frozen=True, eq=False)
class Pose:
    """One pose of the library.

    Attributes:
        name: Its name in the file.
        category: One of CATEGORIES.
        support: What carries the body, one of SUPPORTS: the ground under the feet, a seat, the
            ground along the body, a bicycle, nothing.
        joints: (24, 3) axis-angle, rad; row 0 is the orientation of the whole body relative to
            standing upright.
        props: "shape@where" of the things that it needs (see `pose_props`), such as "box@hands".
        planted: The feet whose soles stand flat, out of "left_foot", "right_foot".
        contacts: Hands and feet that rest on something, a prop or the body itself, and so have
            little freedom.
        lift: Height of the lowest point of the body above the ground, m for a grown-up (in the air,
            on pedals).
    """

    name: str
    category: str
    support: str
    joints: np.ndarray
    props: tuple[str, ...] = ()
    planted: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    lift: float = 0.0

    def mirrored(self) -> Pose:
        """Exchange left and right, also of the props."""
        return dataclasses.replace(
            self,
            joints=mirror(self.joints),
            props=tuple(map(_other_side, self.props)),
            planted=tuple(map(_other_side, self.planted)),
            contacts=tuple(map(_other_side, self.contacts)),
        )

    def varied(self, rng: np.random.Generator, amount: float = 1.0) -> Pose:
        """The pose as another person would hold it; see `vary`."""
        joints = vary(self.joints, rng, amount, planted=self.planted, contacts=self.contacts)
        return dataclasses.replace(self, joints=joints)


def _other_side(word: str) -> str:
    if "left_" in word:
        return word.replace("left_", "right_")
    return word.replace("right_", "left_")


# --- reading --------------------------------------------------------------------------------------


def load_poses(path: str | Path | None = None) -> tuple[Pose, ...]:
    """Read the poses of a pose file, in its order.

    Args:
        path: The file; None for the bundled library.

    Raises:
        ValueError: A key cannot be understood, or a pose is outside the normal ranges of the
        joints; the message names file, pose and key.
        OSError: The file cannot be read.
    """
    path = Path(path) if path is not None else DEFAULT_PATH
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: {error}") from None
    tables: dict[str, dict[str, Any]] = {"": _both_sides(document.pop("default", {}))}
    entries = document.pop("pose", [])
    if document:
        raise ValueError(
            f"{path}: unknown key {sorted(document)[0]!r}; expected [default] and [[pose]]"
        )
    poses = []
    for number, entry in enumerate(entries, start=1):
        where = f"{path}: pose {entry.get('name', number)!r}"
        try:
            table = _inherit(entry, tables)
            poses.append(_pose(table))
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        if table["name"] in tables:
            raise ValueError(f"{where}: key 'name': there is already a pose of this name")
        tables[table["name"]] = table
    return tuple(poses)


_TEXT = ("name", "category", "support", "like")
_KEYS = (*_TEXT, "props", "flat", "contacts", "lift")

# Word in a pose file -> the joints it bends, and the share each takes.
_PARTS: dict[str, dict[str, float]] = {
    "root": {"pelvis": 1.0},
    "spine": {"spine1": 1 / 3, "spine2": 1 / 3, "spine3": 1 / 3},
    "neck": {"neck": 0.5, "head": 0.5},
}
for _name in JOINT_NAMES:
    if _name.startswith(("left_", "right_")):
        _PARTS[_name] = {_name: 1.0}
for _side in ("left_", "right_"):
    # Turning the palm twists the whole forearm: half at the elbow, half at the wrist keeps its skin
    # smooth.
    _PARTS[_side + "forearm"] = {_side + "elbow": 0.5, _side + "wrist": 0.5}
_PLURALS = {"feet": "foot"} | {
    name.removeprefix("left_") + "s": name.removeprefix("left_") for name in _PARTS
}

_SHOULDER_WORDS = ("flex", "abduct", "twist")


def _inherit(entry: Mapping[str, Any], tables: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The entry's keys over those of the pose it is `like` (or of [default]), joint angles word by
    word.
    """
    like = entry.get("like", "")
    if like not in tables:
        raise ValueError(f"key 'like': no pose {like!r} above this one")
    table = {
        key: dict(value) if isinstance(value, dict) else value
        for key, value in tables[like].items()
    }
    for key, value in _both_sides(entry).items():
        if isinstance(value, dict):
            table[key] = {**table.get(key, {}), **value}
        else:
            table[key] = value
    return table


def _both_sides(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Plural keys ("knees") written out for the left and the right, which an explicit side then
    overrides.
    """
    sides: dict[str, Any] = {}
    for key, value in entry.items():
        if key in _PLURALS and isinstance(value, dict):
            sides |= {side + _PLURALS[key]: dict(value) for side in ("left_", "right_")}
    for key, value in entry.items():
        if key in _PLURALS:
            if not isinstance(value, dict):
                raise ValueError(
                    f"key {key!r}: expected a table of angles, such as {{ flex = 30 }}"
                )
        elif isinstance(value, dict):
            sides[key] = {**sides.get(key, {}), **value}
        else:
            sides[key] = value
    return sides


def _pose(table: Mapping[str, Any]) -> Pose:
    unknown = sorted(set(table) - set(_KEYS) - set(_PARTS))
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}")
    for key in ("name", "category", "support"):
        if not isinstance(table.get(key), str) or not table[key]:
            raise ValueError(f"key {key!r}: expected a text")
    _one_of("category", table["category"], CATEGORIES)
    _one_of("support", table["support"], SUPPORTS)
    planted = _list_of("flat", table.get("flat", []), _FEET)
    joints = anatomy.rebuild(_angles(table))
    joints = flatten_feet(joints, planted)
    violations = anatomy.limit_violations(joints)
    if violations:
        raise ValueError(violations[0])
    joints.setflags(write=False)
    return Pose(
        name=table["name"],
        category=table["category"],
        support=table["support"],
        joints=joints,
        props=tuple(_prop(text) for text in _list_of("props", table.get("props", []))),
        planted=planted,
        contacts=_list_of("contacts", table.get("contacts", []), _LIMBS),
        lift=_number("lift", table.get("lift", 0.0)),
    )


def _angles(table: Mapping[str, Any]) -> np.ndarray:
    """The joint keys of a pose table -> (24, 3) degrees, as `anatomy.rebuild` takes them."""
    angles = np.zeros((24, 3))
    for part in _PARTS:
        if part in table:
            _add_part(angles, part, table[part])
    for side in ("left_", "right_"):
        row = angles[JOINT[side + "shoulder"]]
        row[:2] = anatomy.arm_swing(flex=row[0], abduct=row[1])
    return angles


def _add_part(angles: np.ndarray, part: str, values: Any) -> None:
    if not isinstance(values, dict):
        raise ValueError(f"key {part!r}: expected a table of angles, such as {{ flex = 30 }}")
    for joint, share in _PARTS[part].items():
        kind = anatomy.kind(joint)
        words = (
            _SHOULDER_WORDS if kind == "shoulder" else tuple(angle.word for angle in ANGLES[kind])
        )
        allowed = ("pronate",) if part.endswith("forearm") else words
        for word, value in values.items():
            _one_of(part, word, allowed)
            angles[JOINT[joint], words.index(word)] += share * _number(f"{part}.{word}", value)


def _one_of(key: str, value: Any, allowed: Collection[str]) -> None:
    if value not in allowed:
        raise ValueError(f"key {key!r}: {value!r} is not one of {', '.join(allowed)}")


def _number(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"key {key!r}: expected a number, got {value!r}")
    return float(value)


def _list_of(key: str, value: Any, allowed: Collection[str] = ()) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"key {key!r}: expected a list of texts, got {value!r}")
    for item in value if allowed else ():
        _one_of(key, item, allowed)
    return tuple(value)


def _prop(text: str) -> str:
    """A prop with its place written out: "seat" -> "seat@pelvis"."""
    shape, _, where = text.partition("@")
    _one_of("props", shape, PROPS)
    where = where or PROPS[shape][0]
    if where not in PROPS[shape]:
        raise ValueError(
            f"key 'props': {shape!r} can be at {', '.join(PROPS[shape])}, not at {where!r}"
        )
    return f"{shape}@{where}"
