"""Strokes, and the masks that they correct."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pii_seg.app.session import Limits, Stroke, Studio, StudioError
from tests.pii_seg.app.conftest import PERSON, grey_picture, make_studio, pixels_of, wait_for

ADDED = Stroke(False, 5, ((60, 30), (70, 30)))
ERASED = Stroke(True, 20, ((8, 8),))
coordinates = st.floats(-50, 150)


@given(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=5), st.floats(1, 40))
def test_a_stroke_is_what_lies_within_its_radius(
    points: list[tuple[float, float]], radius: float
) -> None:
    drawn = Stroke(False, radius, tuple(points)).drawn(80, 100)
    rows, columns = np.mgrid[:80, :100]
    starts, ends = np.array(points[:-1] or points), np.array(points[1:] or points)
    along = ends - starts
    away = np.stack([columns, rows], -1)[:, :, None] - starts
    share = np.clip((away * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-12), 0, 1)
    distance = np.linalg.norm(away - share[..., None] * along, axis=-1).min(-1)
    # Whole pixels, and segments whose width is whole: within two pixels at the rim.
    assert drawn[distance < radius - 2].all()
    assert not drawn[distance > radius + 2].any()


def test_strokes_hold_in_their_order_and_are_undone_by_leaving_them_out(studio: Studio) -> None:
    number = studio.add("a.png", grey_picture())
    wait_for(studio)
    black = (0, 0, 0)

    def colours() -> list[tuple[int, ...]]:
        array = pixels_of(studio.download(number, "solid")[1])
        return [tuple(array[row, column].tolist()) for row, column in ((8, 8), (30, 65))]

    assert colours() == [black, (90, 90, 90)]
    studio.correct(number, [ADDED])
    assert colours() == [black, black]
    studio.correct(number, [ADDED, ERASED])
    assert colours() == [(255, 255, 255), black]
    studio.correct(number, [ERASED, Stroke(False, 3, ((8, 8),))])
    assert colours() == [black, (90, 90, 90)]
    studio.correct(number, [])
    assert colours() == [black, (90, 90, 90)]


def test_the_mask_shown_is_the_mask_used(studio: Studio) -> None:
    number = studio.add("a.png", grey_picture())
    wait_for(studio)
    studio.correct(number, [ADDED])
    mask = pixels_of(studio.mask(number))[..., 0] == 255
    result = pixels_of(studio.download(number, "solid")[1])
    np.testing.assert_array_equal(mask, (result == 0).all(-1))
    assert mask[PERSON].all()


def test_damaged_pictures_are_told_and_the_others_go_on(studio: Studio) -> None:
    for name, content in (
        ("a.png", grey_picture()[:200]),
        ("b.png", grey_picture()),
        ("c.txt", b"none"),
    ):
        studio.add(name, content)
    told = wait_for(studio)
    assert [entry["status"] for entry in told] == ["failed", "ready", "failed"]
    with pytest.raises(StudioError):
        studio.download(1, "solid")
    assert studio.ready() == [2]


def test_a_visit_has_limits() -> None:
    studio = make_studio(Limits(pictures=1))
    studio.add("a.png", grey_picture())
    with pytest.raises(StudioError, match="1 pictures at a time"):
        studio.add("b.png", grey_picture())
    studio.remove(1)
    studio.add("b.png", grey_picture())
    studio.close()
    studio = make_studio(Limits(decoded=10))
    studio.add("a.png", grey_picture())
    wait_for(studio)
    with pytest.raises(StudioError, match="memory"):
        studio.add("b.png", grey_picture())
    studio.close()


def test_what_was_removed_is_gone(studio: Studio) -> None:
    number = studio.add("a.png", grey_picture())
    wait_for(studio)
    studio.remove(number)
    assert studio.entries() == []
    for ask in (studio.before, studio.mask, studio.strokes, studio.remove):
        with pytest.raises(StudioError, match="removed"):
            ask(number)
