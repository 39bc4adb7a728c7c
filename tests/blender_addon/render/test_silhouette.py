from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from blender_addon.render.silhouette import (
    FULL_DETAIL,
    NEAR,
    front_corners,
    raster,
    silhouette_area,
    visibility,
)

W, H = 13, 9
QUARTER = (
    4  # corners lie on quarter pixels, so that the reference below can be computed in integers
)

corners = hnp.arrays(
    np.int64, st.tuples(st.integers(3, 12), st.just(2)), elements=st.integers(-20, 70)
)


def raster_mask(
    vertices: np.ndarray, depth: np.ndarray, faces: np.ndarray, width: int, height: int
) -> np.ndarray:
    """(height, width) bool: pixels whose centre lies under a triangle."""
    return raster(*front_corners(vertices, depth, faces), width, height)


def brute_force(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(covered, on an edge), (H, W) each, by integer edge functions; points in quarter pixels."""
    x, y = np.meshgrid(np.arange(W) * QUARTER + 2, np.arange(H) * QUARTER + 2)
    covered, on_edge = np.zeros((2, H, W), dtype=bool)
    for face in faces:
        (ax, ay), (bx, by), (cx, cy) = points[face]
        sides = np.stack(
            [
                (qx - px) * (y - py) - (qy - py) * (x - px)
                for px, py, qx, qy in ((ax, ay, bx, by), (bx, by, cx, cy), (cx, cy, ax, ay))
            ]
        )
        if (bx - ax) * (cy - ay) == (by - ay) * (cx - ax):
            on_edge |= (sides == 0).all(axis=0)  # no area: covers at most what lies on it
            continue
        inside = (sides >= 0).all(axis=0) | (sides <= 0).all(axis=0)
        covered |= inside & (sides != 0).all(axis=0)
        on_edge |= inside & (sides == 0).any(axis=0)
    return covered, on_edge


@given(corners, st.data())
def test_raster_equals_brute_force(points: np.ndarray, data: st.DataObject) -> None:
    faces = data.draw(hnp.arrays(np.int64, (4, 3), elements=st.integers(0, len(points) - 1)))
    mask = raster_mask(points / QUARTER, np.ones(len(points)), faces, W, H)
    covered, on_edge = brute_force(points, faces)
    assert not (covered & ~mask).any()
    assert not (mask & ~covered & ~on_edge).any()


@given(st.integers(0, 2**32 - 1))
def test_triangles_that_share_edges_leave_no_holes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, x = np.meshgrid(np.linspace(-1, 31, 9), np.linspace(-1, 31, 9), indexing="ij")
    points = np.stack([x, y], -1)
    points[1:-1, 1:-1] += rng.uniform(-1.5, 1.5, (7, 7, 2))
    index = np.arange(81).reshape(9, 9)
    a, b, c, d = (index[i : i + 8, j : j + 8].ravel() for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)))
    faces = np.concatenate([np.stack([a, b, d], -1), np.stack([d, c, a], -1)])
    assert raster_mask(points.reshape(-1, 2), np.ones(81), faces, 30, 30).all()


def disc(
    center: tuple[float, float], radius: float, corners: int = 400
) -> tuple[np.ndarray, np.ndarray]:
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    points = np.stack([np.cos(angle), np.sin(angle)], -1) * radius + center
    index = np.arange(corners)
    return np.vstack([points, center]), np.stack(
        [index, np.roll(index, -1), np.full(corners, corners)], -1
    )


def test_area_and_box_of_a_small_disc_are_exact() -> None:
    points, faces = disc((20.3, 11.1), 5.2)
    area, box = silhouette_area(points, np.ones(len(points)), faces, 64, 64)
    mask = raster_mask(points, np.ones(len(points)), faces, 64, 64)
    rows, columns = np.nonzero(mask)
    assert area == mask.sum()
    assert box == (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)


@settings(max_examples=25, deadline=None)
@given(st.floats(FULL_DETAIL, 700), st.floats(-300, 1300), st.floats(-300, 1300))
def test_a_large_silhouette_is_shrunk_and_its_area_stays(radius: float, x: float, y: float) -> None:
    points, faces = disc((x, y), radius)
    area, (left, top, width, height) = silhouette_area(
        points, np.ones(len(points)), faces, 1000, 900
    )
    mask = raster_mask(points, np.ones(len(points)), faces, 1000, 900)
    assert area == pytest.approx(mask.sum(), rel=0.01, abs=150)
    if (
        0 <= x <= 1000 and 0 <= y <= 900
    ):  # else the frame may leave a sliver with ends too thin to find
        rows, columns = np.nonzero(mask)
        tolerance = 2 * radius / FULL_DETAIL + 1
        assert (
            abs(np.array([left, left + width]) - (columns.min(), columns.max() + 1)).max()
            <= tolerance
        )
        assert abs(np.array([top, top + height]) - (rows.min(), rows.max() + 1)).max() <= tolerance


def test_what_is_outside_the_frame_does_not_count() -> None:
    points, faces = disc((0, 0), 10)
    quarter, box = silhouette_area(points, np.ones(len(points)), faces, 50, 50)
    assert quarter == pytest.approx(np.pi * 100 / 4, rel=0.05)
    assert box[:2] == (0, 0)
    assert silhouette_area(points - 40, np.ones(len(points)), faces, 50, 50) == (0.0, (0, 0, 0, 0))


def test_triangles_behind_the_camera_are_left_out() -> None:
    points = np.array([[0, 0], [8, 0], [0, 8], [8, 8]], dtype=float)
    faces = np.array([[0, 1, 2], [1, 3, 2]])
    both, _ = silhouette_area(points, np.ones(4), faces, 8, 8)
    one, _ = silhouette_area(points, np.array([1, 1, 1, NEAR / 2]), faces, 8, 8)
    assert both == 64
    assert one == pytest.approx(36)
    assert silhouette_area(points, -np.ones(4), faces, 8, 8)[0] == 0


def test_no_faces_no_area() -> None:
    assert silhouette_area(np.zeros((0, 2)), np.zeros(0), np.zeros((0, 3), dtype=int), 8, 8) == (
        0.0,
        (0, 0, 0, 0),
    )


@pytest.mark.parametrize(
    ("visible", "silhouette", "expected"),
    [(50, 100.0, 0.5), (101, 100.0, 1.0), (0, 0.0, 0.0), (1, 0.0, 0.0)],
)
def test_visibility_lies_between_0_and_1(visible: int, silhouette: float, expected: float) -> None:
    assert visibility(visible, silhouette) == expected


def test_a_body_of_many_triangles_takes_milliseconds() -> None:
    y, x = np.meshgrid(np.linspace(0, 1, 120), np.linspace(0, 1, 120), indexing="ij")
    index = np.arange(120 * 120).reshape(120, 120)
    a, b, c, d = (
        index[i : i + 119, j : j + 119].ravel() for i, j in ((0, 0), (0, 1), (1, 0), (1, 1))
    )
    faces = np.concatenate([np.stack([a, b, d], -1), np.stack([d, c, a], -1)])
    points = np.stack([x, y], -1).reshape(-1, 2) * (250, 700)
    started = time.process_time()
    area, _ = silhouette_area(points, np.ones(len(points)), faces, 800, 800)
    assert area == pytest.approx(250 * 700, rel=0.01)
    assert (
        time.process_time() - started < 0.25
    )  # it takes 10 ms; a loop over triangles would take seconds
