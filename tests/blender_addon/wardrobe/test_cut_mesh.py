"""Pieces cut out of a mesh along the zero of a field: whole, exact, their border on the cut."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.wardrobe.cut_mesh import cut, loops


def grid(n: int = 9) -> tuple[np.ndarray, np.ndarray]:
    """A flat square of unit size, seen from +Z: (vertices (V, 3), faces (F, 3))."""
    x, y = np.meshgrid(np.linspace(0, 1, n), np.linspace(0, 1, n), indexing="ij")
    vertices = np.stack([x.ravel(), y.ravel(), np.zeros(n * n)], axis=1)
    i, j = (a.ravel() for a in np.meshgrid(np.arange(n - 1), np.arange(n - 1), indexing="ij"))
    a, b, c, d = i * n + j, (i + 1) * n + j, (i + 1) * n + j + 1, i * n + j + 1
    return vertices, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def area(points: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = (points[faces[:, i]] for i in range(3))
    return float(np.cross(b - a, c - a)[:, 2].sum() / 2)


@pytest.mark.parametrize("angle", [0.0, 0.3, 1.0, 2.2, 4.0])
def test_a_straight_cut_keeps_the_area_on_its_inside(angle):
    vertices, faces = grid()
    field = (vertices[:, :2] - [0.43, 0.52]) @ [np.cos(angle), np.sin(angle)]
    inside, outside = cut(faces, field), cut(faces, -field)
    areas = [area(p.values(vertices), p.faces) for p in (inside, outside)]
    assert sum(areas) == pytest.approx(1.0, abs=1e-6)
    assert min(areas) > 0.2
    # Faces keep the direction that they face, and the border lies on the line.
    assert (inside.values(field[:, None]) > -1e-2).all()
    assert np.abs(inside.values(field[:, None])[inside.border]).max() < 1e-2


def test_the_border_of_a_disc_is_one_closed_loop_with_the_piece_on_its_left():
    vertices, faces = grid(21)
    field = 0.3 - np.linalg.norm(vertices[:, :2] - 0.5, axis=1)
    piece = cut(faces, field)
    ((chain, closed),) = loops(piece.border)
    assert closed
    assert sorted(chain) == sorted(set(piece.border.ravel()))
    x, y = piece.values(vertices)[chain, :2].T
    turned = 0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)
    assert turned == pytest.approx(np.pi * 0.3**2, rel=0.03)


def test_a_cut_to_the_edge_of_the_mesh_leaves_an_open_chain():
    vertices, faces = grid()
    ((chain, closed),) = loops(cut(faces, vertices[:, 0] - 0.45).border)
    assert not closed
    assert len(chain) == 17  # 9 rows of vertices, and a diagonal in each of the 8 squares between


def test_values_of_corners_are_interpolated_inside_their_face():
    vertices, faces = grid()
    piece = cut(faces, vertices[:, 0] + 2 * vertices[:, 1] - 1.1)
    of_corners = vertices[faces][..., :2]
    corners = piece.corner_values(of_corners)
    assert np.allclose(corners, piece.values(vertices)[piece.faces][..., :2], atol=1e-6)


@pytest.mark.parametrize("level", [-1.0, 2.0])
def test_all_or_nothing(level):
    vertices, faces = grid()
    piece = cut(faces, vertices[:, 0] - level)
    assert len(piece.faces) == (len(faces) if level < 0 else 0)
    assert len(piece.border) == 0


def test_faces_that_are_not_among_the_given_ones_are_left_out():
    vertices, faces = grid()
    among = np.arange(len(faces)) % 2 == 0
    piece = cut(faces, np.ones(len(vertices)), among)
    assert (piece.source % 2 == 0).all()
    assert len(piece.faces) == among.sum()
    assert len(piece.ends) == len(np.unique(faces[among]))
