"""The rows of the score tables: complete, unique, and formatted from the right fields."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from pii_seg.evaluation.counting import count_image
from pii_seg.evaluation.examples import Examples
from pii_seg.evaluation.measure import Evaluation
from pii_seg.evaluation.metrics import Scores, Totals
from pii_seg.evaluation.score_rows import ABSENT, ROWS, score_column, table_of


def evaluation_of(*found: int) -> Evaluation:
    """Images 10 × 10 with a person of 20 px, of which this many are found."""
    totals = Totals()
    for pixels in found:
        instances = np.zeros((10, 10), np.uint16)
        instances[:2] = 1
        logits = np.full((10, 10), -8, np.float32)
        logits.ravel()[:pixels] = 8
        totals.add(count_image(logits, (instances > 0).astype(np.uint8), instances))
    return Evaluation("set", totals, Examples.keep(0), 2.0, 100, 150, ())


def empty_evaluation() -> Evaluation:
    totals = Totals()
    logits, target = np.full((4, 4), -8, np.float32), np.zeros((4, 4), np.uint8)
    totals.add(count_image(logits, target, target.astype(np.uint16)))
    return Evaluation("empty", totals, Examples.keep(0), 1.0, 16, 16, ())


def test_every_row_has_a_key_of_its_own_a_label_and_a_meaning() -> None:
    assert len({row.key for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert row.label == row.label.strip() != "", row.key
        assert row.meaning.endswith("."), row.key


def test_every_change_is_a_field_of_the_scores() -> None:
    changes = [row.change for row in ROWS if row.change]
    assert set(changes) <= {field.name for field in fields(Scores)}
    assert changes == [
        "iou_per_picture",
        "boundary_iou_per_picture",
        "recall",
        "precision",
        "missed",
        "head_recall",
        "heads_covered",
        "false_area",
    ]


def test_a_column_holds_every_row() -> None:
    column = score_column(evaluation_of(20, 5))
    assert list(column) == [row.key for row in ROWS]
    assert column["pictures"] == "2"
    assert column["persons"] == "2 / 0 / 0"
    assert column["missed"] == "50.0%"
    assert column["missed_by_size"] == f"50.0% / {ABSENT} / {ABSENT}"
    assert column["untouched_by_size"] == f"0.0% / {ABSENT} / {ABSENT}"
    assert column["uncovered"] == "50.0%"
    assert column["recall"] == "62.5%"
    assert column["forward_pixels"] == "1.50"


def test_changes_are_shown_in_points_and_only_where_both_have_a_value() -> None:
    before, now = evaluation_of(20, 5), evaluation_of(20, 20)
    column = score_column(now, before)
    assert column["missed"] == "0.0% (-50.0)"
    assert column["recall"] == "100.0% (+37.5)"
    assert column["iou"] == score_column(now)["iou"]
    assert column["false_area"] == ABSENT


def test_rows_without_a_value_are_left_out() -> None:
    only_empty = table_of({"empty": score_column(empty_evaluation())})
    shown = {row.key for row, _ in only_empty}
    assert "false_area" in shown
    assert not shown & {"persons", "iou", "missed", "missed_by_size", "untouched_by_size"}
    both = table_of({e.name: score_column(e) for e in (empty_evaluation(), evaluation_of(20))})
    values = {row.key: texts for row, texts in both}
    assert values["missed"] == [ABSENT, "0.0%"]
