"""Groups of rendered persons, and the recall of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_addon.bodies.library import default_body
from pii_seg.evaluation.counting import THRESHOLDS, PersonCount, threshold_index
from pii_seg.evaluation.person_groups import groups_of, recalls, stature_of

PERSON = {
    "id": 1,
    "pose_name": "sit_lean_back",
    "visibility": 0.6,
    "wardrobe": {
        "tone": 8,
        "hair": {"style": "braid"},
        "garments": [{"kind": "coat"}, {"kind": "trousers"}, {"kind": "coat"}],
    },
}
LINE = {"light": {"kind": "hdri"}, "background": {"kind": "place"}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


def counted(area: int, share: float) -> PersonCount:
    """A person whose pixels are found to this share, at every threshold."""
    found = np.full(len(THRESHOLDS), round(share * area))
    return PersonCount(1, area, (0, 0, 1, 1), found)


def test_a_person_belongs_to_a_group_of_each_kind() -> None:
    assert groups_of(PERSON, LINE) == [
        ("skin tone", "Monk 8 to 10"),
        ("pose", "sit"),
        ("hidden", "up to a half"),
        ("clothes", "coat"),
        ("clothes", "trousers"),
        ("hair", "braid"),
        ("light", "hdri"),
        ("background", "place"),
    ]
    assert groups_of({"id": 1}, {}) == []


@pytest.mark.parametrize(("tone", "label"), [(1, "1 to 3"), (4, "4 to 7"), (10, "8 to 10")])
def test_skin_tones_are_those_of_monk(tone: int, label: str) -> None:
    assert groups_of({"wardrobe": {"tone": tone}}, {}) == [("skin tone", f"Monk {label}")]


def test_stature_does_not_depend_on_the_pose() -> None:
    body = default_body()
    pose = np.zeros((body.num_joints, 3))
    standing = body.pose((), pose).joints
    height = float(np.ptp(body.pose((), pose).vertices[:, 1]))
    pose[[1, 2, 4, 5, 3], 0] = -1.5, -1.5, 1.4, 1.4, 0.8
    sitting = body.pose((), pose).joints
    assert stature_of(standing) == pytest.approx(height, abs=0.08)
    assert stature_of(sitting) == pytest.approx(stature_of(standing), abs=1e-4)
    assert stature_of(0.6 * standing) < 1.3 < stature_of(standing)


def test_recall_is_the_mean_over_persons() -> None:
    tall, small = [("stature", "tall")], [("stature", "small")]
    groups = recalls(
        [(counted(100, 1.0), tall), (counted(20000, 0.4), tall), (counted(5000, 0.8), small)],
        threshold_index(0.5),
    )
    found = {(group.kind, group.label): group for group in groups}
    assert list(found)[:2] == [("stature", "small"), ("stature", "tall")]
    high = found["stature", "tall"]
    assert (high.persons, high.recall, high.half_covered) == (2, 0.7, 0.5)
    assert high.error == pytest.approx(0.3)
    assert np.isnan(found["stature", "small"].error)
    areas = {label: group.persons for (kind, label), group in found.items() if "area" in kind}
    assert areas == {"under 32² px": 1, "under 96² px": 1, "larger": 1}


@settings(max_examples=100)
@given(JSON, JSON)
def test_whatever_a_line_holds_is_grouped_or_passed_over(person: Any, line: Any) -> None:
    keys = ("wardrobe", "joints3d", "pose_name", "visibility")
    filled = dict.fromkeys(keys, person)
    for kind, label in groups_of(filled, {"light": line, "background": {"kind": line}}):
        assert isinstance(kind, str) and isinstance(label, str)
