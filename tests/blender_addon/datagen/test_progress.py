import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.datagen.progress import Progress, read_json_line, reporter
from blender_addon.datagen.workers import _sum


def test_rate_and_time_left():
    progress = Progress(done=30, total=100, fresh=10, seconds=20.0)
    assert progress.images_per_second == 0.5
    assert progress.seconds_left == 140
    assert str(progress) == "30/100  0.50 images/s  2:20 left"


def test_nothing_is_guessed_before_the_first_image():
    assert Progress(5, 100).seconds_left is None
    assert str(Progress(5, 100)) == "5/100"


def test_hours_are_told():
    assert "2:46:40 left" in str(Progress(0 + 1, 10001, 1, 1.0))


def test_json_lines_can_be_read_back():
    stream = io.StringIO()
    report = reporter("json", stream)
    report(Progress(1, 2, 1, 0.5, 0.4))
    assert Progress(**json.loads(stream.getvalue())) == Progress(1, 2, 1, 0.5, 0.4)
    assert read_json_line(stream.getvalue()) == Progress(1, 2, 1, 0.5, 0.4)


@pytest.mark.parametrize(
    "line",
    [
        *("", "Blender quit", "{", "{}", "[1, 2]", '{"done": 1}', '{"done": "1", "total": 2}'),
        *(
            '{"done": true, "total": 2}',
            '{"done": NaN, "total": 2}',
            '{"done": 1, "total": 2, "more": 3}',
        ),
        '{"done":' * 100_000,
    ],
)
def test_other_lines_are_no_progress(line):
    assert read_json_line(line) is None


@given(
    st.text()
    | st.recursive(st.text() | st.floats() | st.none(), st.lists).map(
        lambda x: json.dumps({"done": x})
    )
)
def test_whatever_is_printed_reading_it_raises_nothing(line):
    assert read_json_line(line) is None


def test_a_log_gets_the_first_and_the_last_line_and_few_between():
    stream = io.StringIO()
    report = reporter("auto", stream)  # a StringIO is no terminal
    for done in range(101):
        report(Progress(done, 100, done, 1.0))
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("0/100")
    assert lines[-1].startswith("100/100")
    assert len(lines) <= 4


def test_a_bar_rewrites_its_line_and_ends_it():
    stream = io.StringIO()
    report = reporter("bar", stream)
    report(Progress(0, 2))
    report(Progress(2, 2, 2, 1.0))
    text = stream.getvalue()
    assert text.count("\r") == 2
    assert text.count("\n") == 1
    assert text.endswith("\n")


def test_style_none_prints_nothing():
    stream = io.StringIO()
    reporter("none", stream)(Progress(1, 1))
    assert stream.getvalue() == ""


def test_an_unknown_style_lists_the_known():
    with pytest.raises(ValueError, match="auto, bar"):
        reporter("loud")


def test_workers_add_up():
    parts = [Progress(2, 5, 2, 4.0, 3.0), Progress(3, 5, 2, 5.0, 4.0)]
    assert _sum(parts) == Progress(5, 10, 4, 5.0, 7.0)
