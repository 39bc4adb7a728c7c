"""The settings of inference that a segmenter states."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pii_seg.errors import CheckpointError, ConfigError
from pii_seg.inference.recommended import settings_for, stated
from pii_seg.inference.settings import PYRAMID, InferenceSettings
from pii_seg.inference.tiling import plan_views


def write(folder: Path, own: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"config": {"inference": own}}))
    return folder


def test_what_is_stated_is_used_where_nothing_is_given(tmp_path: Path) -> None:
    settings = InferenceSettings(size=320, tiles=PYRAMID, scales=(0.5, 1.0), merge="max")
    folder = write(tmp_path / "segmenter", stated(settings))
    assert settings_for(folder, tiles="auto") == settings
    given = settings_for(folder, {"tiles": 2, "merge": "mean"})
    assert given == InferenceSettings(size=320, tiles=2, scales=(0.5, 1.0))
    assert stated(InferenceSettings()) == {}


@pytest.mark.parametrize("own", [None, [], "x", {}, {"batch_pixels": 1 << 40, "most_tiles": 99}])
def test_what_states_nothing_leaves_the_defaults(own: Any, tmp_path: Path) -> None:
    folder = write(tmp_path / "segmenter", own)
    assert settings_for(folder, tiles="auto") == InferenceSettings(tiles="auto")
    assert settings_for(None) == settings_for(tmp_path / "absent.ckpt") == InferenceSettings()
    (folder / "config.json").write_text("{")
    assert settings_for(folder) == InferenceSettings()


@pytest.mark.parametrize(
    "own", [{"size": "large"}, {"size": 3}, {"tiles": "many"}, {"scales": [[]]}, {"merge": 3}]
)
def test_damaged_statements_are_refused_by_name(own: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="segmenter: its settings of inference"):
        settings_for(write(tmp_path / "segmenter", own))


def test_a_wrong_option_is_the_users() -> None:
    with pytest.raises(ConfigError, match="size"):
        settings_for(None, {"size": 3})


@pytest.mark.parametrize(
    ("longest", "expected"),
    [(4000, [2080, 1040, 520, 260]), (1280, [1280, 640, 320]), (640, [640, 320]), (300, [300])],
)
def test_a_pyramid_ends_with_a_view_of_half_the_size(longest: int, expected: list[int]) -> None:
    views = plan_views(longest * 3 // 4, longest, InferenceSettings(tiles=PYRAMID))
    assert [view.width for view in views] == expected
    assert [view.is_cut for view in views] == [side > 640 for side in expected]
