"""The tools that make data of a segmenter: views of panoramas, and things to paste."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pii_seg.data.copy_paste import cut_out
from pii_seg.data.sources import open_sources
from tools.distractors import ANIMALS, built_in, scene_of
from tools.distractors import main as distractors
from tools.panorama_views import develop, directions, look


@pytest.mark.parametrize(
    ("yaw", "pitch", "expected"),
    [(0, 0, (0, 1, 0)), (90, 0, (1, 0, 0)), (180, 0, (0, -1, 0)), (0, 30, (0, 0.866, 0.5))],
)
def test_the_middle_of_a_view_looks_where_the_camera_does(
    yaw: float, pitch: float, expected: tuple[float, float, float]
) -> None:
    rays = directions(np.radians(yaw), np.radians(pitch), np.radians(60), (31, 41))
    np.testing.assert_allclose(rays[15, 20], expected, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(rays, axis=-1), 1)
    across = np.degrees(np.arccos(rays[15, 0] @ rays[15, -1]))
    assert 58 < across < 60  # between the middles of the outer pixels


def test_a_view_shows_what_lies_in_its_direction() -> None:
    panorama = np.zeros((64, 128, 3), np.float32)
    panorama[:, :64, 0] = 1  # to the left of straight ahead
    panorama[:20, :, 2] = 1  # above
    view = look(panorama, directions(0.0, 0.0, np.radians(90), (40, 60)))
    assert (view[20, :28, 0] == 1).all() and (view[20, 32:, 0] == 0).all()
    upwards = look(panorama, directions(0.0, np.radians(70), np.radians(50), (40, 60)))
    assert (upwards[..., 2] == 1).all()
    behind = look(panorama, directions(np.pi, 0.0, np.radians(90), (40, 60)))  # across the edge
    assert (behind[20, :28, 0] == 0).all() and (behind[20, 32:, 0] == 1).all()


def test_what_is_metered_gets_the_wished_brightness() -> None:
    light = np.full((8, 8, 3), 40.0, np.float32)
    light[0] = np.nan, np.inf, -1
    for middle, byte in ((0.2141, 127), (1e-4, 0)):
        assert abs(int(develop(light, middle, 40.0)[4, 4, 0]) - byte) <= 1
    dark = develop(light, 0.2, 400.0)
    assert dark[4, 4, 0] < 60
    assert dark[0, 0].tolist() == [0, 255, 0]


def test_a_thing_is_whole_in_its_frame_and_can_be_cut_out(tmp_path: Path) -> None:
    assert distractors(["--output", str(tmp_path / "things"), "--most", "2"]) == 0
    (source,) = open_sources(tmp_path / "things")
    assert source.check() == [] and len(source) == 2
    for number in range(2):
        piece = cut_out(source.load(number), np.random.default_rng(0))
        assert piece is not None and not piece.cut_below
        assert piece.mask.shape[0] > 60
    pictures = [(tmp_path / "things" / "images").glob("*.png")]
    before = {path: path.stat().st_mtime_ns for found in pictures for path in found}
    assert distractors(["--output", str(tmp_path / "things"), "--most", "2"]) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_things_of_one_name_differ() -> None:
    animals = dict(built_in(ANIMALS, 2))
    assert len(animals) == 6 * len(ANIMALS)
    assert len({scene_of(name, prop, []) for name, prop in animals.items()}) == len(animals)
