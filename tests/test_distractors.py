"""The tool that renders things to paste."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pii_seg.data.copy_paste import cut_out
from pii_seg.data.sources import open_sources
from tools.distractors import ANIMALS, built_in, develop, scene_of
from tools.distractors import main as distractors


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
