import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.scene.ground_grid import (
    CELL,
    Footprint,
    box_cells,
    cells_of,
    centers,
    sorted_unique,
)

places = st.tuples(st.floats(-100, 100), st.floats(-100, 100))


@given(places, st.floats(0, 360))
def test_a_box_hits_itself_wherever_it_stands(place, turn):
    ground = Footprint()
    cells = box_cells(place, (0.5, 0.3), turn)
    assert not ground.hits(cells)
    ground.add(cells)
    assert ground.hits(cells)


@given(places, st.floats(0, 360), st.floats(0, 360))
def test_margin_keeps_others_away_and_no_further(place, direction, turn):
    ground = Footprint(margin=0.3)
    ground.add(cells_of(np.array([place])))
    away = np.array([np.cos(np.radians(direction)), np.sin(np.radians(direction))])
    assert ground.hits(cells_of((np.array(place) + 0.15 * away)[None]))
    assert not ground.hits(cells_of((np.array(place) + (0.3 + 3 * CELL) * away)[None]))


def test_a_mirrored_box_takes_the_same_ground():
    assert (box_cells((1, 2), (-0.5, 1.7), 30) == box_cells((1, 2), (0.5, 1.7), 30)).all()


@given(places, st.floats(0.1, 3), st.floats(0.1, 3), st.floats(0, 360))
def test_a_box_has_no_holes_and_about_its_area(place, width, depth, turn):
    cells = box_cells(place, (width, depth), turn)
    inside = np.random.default_rng(0).uniform(-0.5, 0.5, (200, 2)) * (width, depth)
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    points = inside @ np.array([[c, s], [-s, c]]) + place
    grown = Footprint(margin=CELL)
    grown.add(cells)
    assert all(grown.hits(cells_of(p[None])) for p in points)
    assert len(cells) * CELL**2 < (width + 4 * CELL) * (depth + 4 * CELL)


def test_negative_and_positive_coordinates_do_not_meet():
    ground = Footprint()
    ground.add(cells_of(np.array([[-0.05, 0.05]])))
    assert not ground.hits(cells_of(np.array([[0.05, -0.05]])))


@given(st.lists(places, min_size=1, max_size=20))
def test_centers_lie_in_their_own_cells(points):
    cells = cells_of(np.array(points))
    assert (cells_of(centers(cells)) == cells).all()
    gaps = np.abs(np.array(points)[:, None] - centers(cells)).max(axis=2).min(axis=1)
    assert (gaps <= CELL / 2 + 1e-9).all()


@given(st.lists(st.integers(-5, 5) | st.integers(-(2**62), 2**62), max_size=40))
def test_cells_are_sorted_and_without_repeats(cells):
    found = sorted_unique(np.array(cells, np.int64))
    assert found.tolist() == sorted(set(cells))
