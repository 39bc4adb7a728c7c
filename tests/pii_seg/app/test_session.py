"""Strokes correct masks; a session holds images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pii_seg.app.session import Limits, Session
from pii_seg.app.strokes import Stroke, corrected
from pii_seg.errors import InputError
from tests.pii_seg.app.conftest import PERSON, grey_image, make_session, pixels_of, wait_for

ADDED = Stroke(False, 5, ((60, 30), (70, 30)))
ERASED = Stroke(True, 20, ((8, 8),))
coordinates = st.floats(-50, 150)


@given(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=5), st.floats(1, 40))
def test_a_stroke_covers_its_radius(points: list[tuple[float, float]], radius: float) -> None:
    drawn = corrected(np.zeros((80, 100), bool), [Stroke(False, radius, tuple(points))])
    rows, columns = np.mgrid[:80, :100]
    starts, ends = np.array(points[:-1] or points), np.array(points[1:] or points)
    along = ends - starts
    away = np.stack([columns, rows], -1)[:, :, None] - starts
    share = np.clip((away * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-12), 0, 1)
    distance = np.linalg.norm(away - share[..., None] * along, axis=-1).min(-1)
    # Whole pixels, and segments whose width is whole: within two pixels at the rim.
    assert drawn[distance < radius - 2].all()
    assert not drawn[distance > radius + 2].any()


def test_strokes_apply_in_order_and_are_undone_by_omission(session: Session) -> None:
    number = session.add("a.png", grey_image())
    wait_for(session)
    black = (0, 0, 0)

    def colours() -> list[tuple[int, ...]]:
        array = pixels_of(session.download(number, "solid")[1])
        return [tuple(array[row, column].tolist()) for row, column in ((8, 8), (30, 65))]

    assert colours() == [black, (90, 90, 90)]
    session.correct(number, [ADDED])
    assert colours() == [black, black]
    session.correct(number, [ADDED, ERASED])
    assert colours() == [(255, 255, 255), black]
    session.correct(number, [ERASED, Stroke(False, 3, ((8, 8),))])
    assert colours() == [black, (90, 90, 90)]
    session.correct(number, [])
    assert colours() == [black, (90, 90, 90)]


def test_the_mask_shown_is_the_mask_used(session: Session) -> None:
    number = session.add("a.png", grey_image())
    wait_for(session)
    session.correct(number, [ADDED])
    mask = pixels_of(session.mask(number))[..., 0] == 255
    result = pixels_of(session.download(number, "solid")[1])
    np.testing.assert_array_equal(mask, (result == 0).all(-1))
    assert mask[PERSON].all()


def test_damaged_images_fail_and_the_others_are_ready(session: Session) -> None:
    for name, content in (
        ("a.png", grey_image()[:200]),
        ("b.png", grey_image()),
        ("c.txt", b"none"),
    ):
        session.add(name, content)
    entries = wait_for(session)
    assert [entry["status"] for entry in entries] == ["failed", "ready", "failed"]
    with pytest.raises(InputError):
        session.download(1, "solid")
    assert session.ready() == [2]


def test_a_session_has_limits() -> None:
    session = make_session(Limits(images=1))
    session.add("a.png", grey_image())
    with pytest.raises(InputError, match="holds 1 images"):
        session.add("b.png", grey_image())
    session.remove(1)
    session.add("b.png", grey_image())
    session.close()
    session = make_session(Limits(stored=len(grey_image()) + 100))
    session.add("a.png", grey_image())
    with pytest.raises(InputError, match="memory"):
        session.add("b.png", grey_image())
    session.close()


def test_removed_images_are_gone(session: Session) -> None:
    number = session.add("a.png", grey_image())
    wait_for(session)
    session.remove(number)
    assert session.entries() == []
    for ask in (session.before, session.mask, session.strokes, session.remove):
        with pytest.raises(InputError, match="removed"):
            ask(number)
