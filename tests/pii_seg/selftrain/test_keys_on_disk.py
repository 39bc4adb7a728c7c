"""The keys of stage.json and verdict.json stay those of the first version: old runs resume."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from pii_seg.config import DataConfig, TrainConfig
from pii_seg.selftrain.config import decisive_settings
from pii_seg.selftrain.gate import Verdict
from pii_seg.selftrain.label_images import LabelJob, LabelResult
from pii_seg.selftrain.repainting import RepaintResult, RepaintSettings

LABELLED = {
    "pictures": 3,
    "with_persons": 2,
    "foreground": 0.1,
    "reliability": None,
    "left_out": {},
}
REPAINTED = {"pictures": 3, "given": 4}
NONE_REPAINTED = {"pictures": 0, "given": 4, "why": "the filter rejected all"}
VERDICT = {"kept": True, "reasons": ["better"], "numbers": {"iou_student": 0.5}}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (LabelResult, LABELLED),
        (RepaintResult, REPAINTED),
        (RepaintResult, NONE_REPAINTED),
        (Verdict, VERDICT),
    ],
)
def test_results_keep_their_keys(kind: type, data: dict[str, object]) -> None:
    result = kind.from_json(data).to_json()  # type: ignore[attr-defined]
    assert result == data
    assert list(result) == list(data)


def test_settings_keep_their_keys() -> None:
    repainting = RepaintSettings({"repaint": "warp"}, 300, None, 0.9, 0)
    assert set(asdict(repainting)) == {"painter", "most", "largest", "iou_relative", "seed"}
    recipe = LabelJob("photos", "teacher").info(3)["recipe"]
    assert set(recipe) == {"photographs", "teacher", "labels", "views", "longest", "named"}
    assert set(recipe["labels"]) == {"threshold", "least_confidence", "band", "least_person"}


def test_settings_of_a_training_contain_no_folders_and_no_machine() -> None:
    settings = decisive_settings(TrainConfig(DataConfig(synthetic=("renders",))))
    assert "machine" not in settings
    folders = {"synthetic", "labelled", "validation", "negatives", "backgrounds"}
    assert not set(settings["data"]) & {*folders, "pseudo", "repainted"}
