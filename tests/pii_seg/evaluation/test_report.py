"""Figures and the report: complete, embedded, escaped."""

from __future__ import annotations

import io
import math
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pii_seg.data.sources import Sample
from pii_seg.evaluation import figures, report
from pii_seg.evaluation.counting import count_image
from pii_seg.evaluation.examples import THUMBNAIL, Example, Worst, draw_false, draw_missed
from pii_seg.evaluation.history import read_history
from pii_seg.evaluation.metrics import Totals
from pii_seg.evaluation.score_rows import ABSENT, ROWS, percent, share


def some_totals() -> Totals:
    rng = np.random.default_rng(2)
    target = (rng.random((40, 40)) < 0.3).astype(np.uint8)
    logits = (rng.normal(size=(40, 40)) + 3 * target).astype(np.float32)
    totals = Totals()
    totals.add(count_image(logits, target, target.astype(np.uint16)))
    return totals


def example(name: str, height: int = 200, width: int = THUMBNAIL) -> Example:
    return Example(name, "caption", np.full((height, width, 3), 200, np.uint8))


def column(**values: str) -> dict[str, str]:
    """A column of scores in which only these rows have a value."""
    return {row.key: values.get(row.key, ABSENT) for row in ROWS}


class Balanced(HTMLParser):
    """A parser that raises for a tag that is closed without being open, and collects the text."""

    VOID = ("meta", "img", "source", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_report_is_balanced_and_escapes_what_it_is_given() -> None:
    hostile = "<script>alert('x')</script>"
    sections = [
        report.facts_section("Facts", {hostile: hostile}),
        report.scores_section({hostile: column(iou="0.5"), "b": column()}),
        report.data_section(hostile, some_totals(), [example(hostile)], [example("f")]),
        report.training_section([{"step": 1.0, "val_iou": 0.1}, {"step": 2.0, "val_iou": 0.2}]),
        report.faults_section([hostile]),
    ]
    page = report.render(hostile, sections, subtitle=hostile)
    assert "<script" not in page
    parsed = Balanced()
    parsed.feed(page)
    assert parsed.open == []
    assert parsed.text.count(hostile) >= 6
    assert "IoU, all pixels" in parsed.text
    assert "pixel recall" not in parsed.text  # a row without a value
    assert page.count('prefers-color-scheme: dark)">') == 3  # each figure on dark paper too
    assert "https://" not in page.replace("http-equiv", "")
    assert len({section.anchor for section in sections}) == len(sections)


def test_figures_are_drawn_from_empty_totals_too(recwarn: pytest.WarningsRecorder) -> None:
    for totals in (some_totals(), Totals()):
        for draw in (figures.threshold_figure, figures.reliability_figure):
            for dark in (False, True):
                png = figures.to_png(lambda draw=draw, totals=totals: draw(totals), dark=dark)
                with Image.open(io.BytesIO(png)) as image:
                    corner = image.convert("L").getpixel((0, 0))
                assert (corner < 60) is dark
    figures.to_png(lambda: figures.training_figure([]))
    assert [str(w.message) for w in recwarn.list] == []


def test_training_curves_are_read_from_sparse_columns(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("step,epoch,train_loss,val_iou\n1,0,2.5,\n2,0,,0.5\n3,1,nan,0.75\n4,1,1.5\n")
    lines = figures.lines_of(read_history(path))
    assert set(lines) == {"train_loss", "val_iou"}
    np.testing.assert_array_equal(lines["train_loss"], [[1, 4], [2.5, 1.5]])
    np.testing.assert_array_equal(lines["val_iou"], [[2, 3], [0.5, 0.75]])
    assert figures.lines_of(read_history(tmp_path / "none.csv")) == {}


@pytest.mark.parametrize("count", [1, 4, 5, 12])
def test_contact_sheets_hold_every_example(count: int) -> None:
    sheet = figures.contact_sheet([example(f"name {k}") for k in range(count)])
    assert sheet.dtype == np.uint8
    assert (sheet == 200).all(axis=2).sum() >= count * 200 * THUMBNAIL
    with pytest.raises(ValueError, match="at least one"):
        figures.contact_sheet([])


def test_the_worst_are_kept_in_order_and_made_only_when_needed() -> None:
    made = []

    def make(badness: float) -> Example:
        made.append(badness)
        return example(str(badness))

    worst = Worst(3)
    for badness in (5.0, 1.0, 4.0, 0.5, 9.0, 4.0, 2.0):
        worst.offer(badness, lambda b=badness: make(b))
    assert [e.name for e in worst.sorted()] == ["9.0", "5.0", "4.0"]
    assert made == [5.0, 1.0, 4.0, 9.0]
    nothing = Worst(0)
    nothing.offer(1.0, lambda: pytest.fail("made"))
    assert nothing.sorted() == []


@pytest.mark.parametrize("shape", [(40, 60), (1, 500), (900, 700)])
def test_examples_are_drawn_at_any_size(shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 128, np.uint8)
    instances = np.zeros(shape, np.uint16)
    instances[:1, -3:] = 9
    sample = Sample("s", image, (instances > 0).astype(np.uint8), instances)
    found = np.ones(shape, bool)
    for drawn in (
        draw_missed(sample, found, 9, (shape[1] - 3, 0, shape[1], 1)),
        draw_false(sample, found),
    ):
        assert max(drawn.shape) == THUMBNAIL
        assert (drawn != 128).any()
    assert (image == 128).all()


def test_numbers_in_words() -> None:
    assert percent(0.1234) == "12.3%"
    assert percent(math.nan) == share(math.nan) == "–"
    assert report.without_nan({"a": [math.nan, 1.0, (math.inf, "x")]}) == {
        "a": [None, 1.0, [None, "x"]]
    }
