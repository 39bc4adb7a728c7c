"""Places where skin differs and cloth creases."""

import numpy as np
import pytest

from blender_addon.wardrobe.chart import body_chart


@pytest.fixture(scope="module")
def chart(body):
    return body_chart(body)


def test_blood_shows_on_cheeks_knees_and_hands_and_not_on_the_belly(chart):
    head, flush = chart["head"], chart["flush"]
    cheek = (np.abs(np.abs(head[:, 0]) - 0.42) < 0.06) & (np.abs(head[:, 1] + 0.34) < 0.06)
    cheek &= (head[:, 2] > 0.3) & (chart["neck"] < -0.06)
    belly = (chart["level"] > 0.2) & (chart["level"] < 0.4) & (chart["arm"] < -0.1)
    knee = (np.abs(chart["level"] + 1) < 0.03) & (chart["front"] > 0.03) & (chart["arm"] < 0)
    assert flush[cheek].mean() > 0.5
    assert flush[knee].mean() > 0.3
    assert flush[chart["arm"] > 1.2].mean() > 0.2
    assert flush[belly].max() < 0.05


def test_lids_have_lashes_and_nothing_else(chart):
    lash, head = chart["lash"], chart["head"]
    assert 20 < (lash > 0.5).sum() < 400
    assert np.abs(head[lash > 0.1][:, 1]).max() < 0.2
    assert not lash[chart["white"] > 0].any()


def test_the_pupil_lies_in_the_middle_of_each_eyeball(chart):
    away = np.hypot(chart["eye_x"], chart["eye_y"])
    ball = chart["white"] > 0
    for side in (-1, 1):
        one = ball & (np.sign(chart["head"][:, 0]) == side)
        nearest = np.flatnonzero(one)[away[one].argmin()]
        assert away[nearest] < 0.3
        assert chart["head"][nearest, 2] > chart["head"][one][:, 2].mean()
    assert away[~ball & (chart["level"] < 0.5)].min() > 2


def test_values_are_within_their_range(chart):
    for name in ("flush", "shadow", "lash"):
        assert chart[name].min() >= 0
        assert chart[name].max() <= 1
    assert chart["crease"].min() > 0.1
    assert chart["crease"].max() < 2.5
    elbow = np.abs(chart["arm"] - 0.5) < 0.03
    assert chart["crease"][elbow].mean() > 1.5 * np.median(chart["crease"])
