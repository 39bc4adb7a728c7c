"""Stages: what is done again and what is not, what is deleted and what never, and kills between any two steps."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_addon import dataset
from pii_seg.selftrain import stages
from pii_seg.selftrain.stages import (
    BEGUN,
    DONE,
    Stage,
    StageError,
    StageRunner,
    Stopped,
    fingerprint_of,
    plain,
)

NAMES = ("renders", "teacher", "student")

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


class Loop:
    """A loop of three stages, each of which writes what it was told, and counts how often it worked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.worked: list[str] = []
        self.said: list[str] = []
        self.settings: dict[str, dict[str, Any]] = {name: {"value": 1} for name in NAMES}
        self.outside = "photographs as they were"

    def run(self, **options: Any) -> Stage:
        runner = StageRunner(self.root, NAMES, say=self.said.append, **options)
        renders = runner.run(
            "renders", settings=self.settings["renders"], work=self.work("renders")
        )
        teacher = runner.run(
            "teacher",
            settings=self.settings["teacher"],
            inputs={"renders": renders, "photographs": self.outside},
            work=self.work("teacher"),
        )
        return runner.run(
            "student",
            settings=self.settings["student"],
            inputs={"teacher": teacher},
            work=self.work("student"),
        )

    def work(self, name: str) -> Callable[[Path], Mapping[str, Any]]:
        value = self.settings[name]["value"]

        def work(folder: Path) -> Mapping[str, Any]:
            """Like a dataset's writer: what the index names is taken to be there, and not made again."""
            self.worked.append(name)
            if not (folder / "index").exists():
                for part in ("a", "z"):
                    (folder / f"{part}-{value}").write_text(f"{name} {value}")
                (folder / "index").write_text(str(value))
            return {"value": value, "index": (folder / "index").read_text()}

        return work

    def again(self) -> list[str]:
        """What works when the loop is run once more."""
        self.worked.clear()
        self.said.clear()
        self.run()
        return list(self.worked)


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    made = Loop(tmp_path / "run")
    made.run()
    assert made.worked == list(NAMES)
    return made


def test_done_stages_are_skipped_and_give_what_they_gave(loop: Loop) -> None:
    assert loop.again() == []
    assert loop.said == [f"{name}: done already" for name in NAMES]
    student = loop.run()
    assert student.result == {"value": 1, "index": "1"}
    assert student.folder == loop.root / "student"
    assert not student.fresh


def test_a_stage_and_what_reads_it_are_done_again_when_its_settings_change(loop: Loop) -> None:
    loop.settings["teacher"]["value"] = 2
    assert loop.again() == ["teacher", "student"]
    assert loop.said == [
        "renders: done already",
        "teacher: begins again, since settings.value changed",
        "student: begins again, since inputs.teacher changed",
    ]
    assert loop.run().result["value"] == 1
    assert sorted(files(loop.root / "teacher")) == ["a-2", "index", "z-2"]


def test_a_change_outside_is_seen(loop: Loop) -> None:
    loop.outside = "one photograph more"
    assert loop.again() == ["teacher", "student"]
    assert "teacher: begins again, since inputs.photographs changed" in loop.said


def test_settings_taken_back_are_done_again_for_their_files_are_gone(loop: Loop) -> None:
    loop.settings["student"]["value"] = 2
    assert loop.again() == ["student"]
    loop.settings["student"]["value"] = 1
    assert loop.again() == ["student"]


def test_a_deleted_stage_is_done_again_alone(loop: Loop) -> None:
    shutil.rmtree(loop.root / "renders")
    assert loop.again() == ["renders"]


def test_what_was_begun_goes_on_with_its_files(tmp_path: Path) -> None:
    seen = []

    def fails(folder: Path) -> Mapping[str, Any]:
        (folder / "half").write_text("of the work")
        raise KeyboardInterrupt

    def goes_on(folder: Path) -> Mapping[str, Any]:
        seen.extend(path.name for path in folder.iterdir() if not path.name.startswith("."))
        return {}

    with pytest.raises(KeyboardInterrupt):
        StageRunner(tmp_path, NAMES).run("teacher", settings={"a": 1}, work=fails)
    said: list[str] = []
    stage = StageRunner(tmp_path, NAMES, say=said.append).run(
        "teacher", settings={"a": 1}, work=goes_on
    )
    assert seen == ["half"]
    assert stage.fresh
    assert said == ["teacher: goes on where it was"]


def test_what_was_begun_otherwise_begins_again_without_its_files(tmp_path: Path) -> None:
    def fails(folder: Path) -> Mapping[str, Any]:
        (folder / "half").write_text("of the work")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        StageRunner(tmp_path, NAMES).run("teacher", settings={"a": 1}, work=fails)
    seen: list[str] = []

    def begins(folder: Path) -> Mapping[str, Any]:
        seen.extend(path.name for path in folder.iterdir())
        return {}

    StageRunner(tmp_path, NAMES).run("teacher", settings={"a": 2}, work=begins)
    assert seen == [BEGUN]


def test_the_folder_looks_empty_to_a_work_that_refuses_foreign_folders(tmp_path: Path) -> None:
    """A dataset or a training that begins in a stage's folder must not take the marker for a stranger."""

    def work(folder: Path) -> Mapping[str, Any]:
        dataset.refuse_foreign_folder(folder)
        writer = dataset.DatasetWriter(folder, {"count": 0})
        return {"complete": writer.finish()}

    assert StageRunner(tmp_path, NAMES).run("renders", settings={}, work=work).result == {
        "complete": True
    }
    dataset.refuse_foreign_folder(tmp_path / "renders")


def test_time_adds_up_over_interruptions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(stages.time, "monotonic", lambda: clock[0])

    def works(folder: Path) -> Mapping[str, Any]:
        clock[0] += 10
        if clock[0] < 15:
            raise KeyboardInterrupt
        return {}

    with pytest.raises(KeyboardInterrupt):
        StageRunner(tmp_path, NAMES).run("teacher", settings={}, work=works)
    stage = StageRunner(tmp_path, NAMES).run("teacher", settings={}, work=works)
    assert stage.seconds == 20
    again = StageRunner(tmp_path, NAMES).run("teacher", settings={}, work=works)
    assert again.seconds == 20


def test_stop_after_ends_the_run_there_whether_done_now_or_before(tmp_path: Path) -> None:
    loop = Loop(tmp_path)
    for worked in (["renders", "teacher"], []):
        loop.worked.clear()
        with pytest.raises(Stopped, match="stopped after teacher") as stopped:
            loop.run(stop_after="teacher")
        assert loop.worked == worked
        assert stopped.value.stage.result["value"] == 1
    assert not (tmp_path / "student").exists()


def test_begin_at_takes_what_comes_before_as_it_lies(loop: Loop) -> None:
    loop.settings["renders"]["value"] = 2
    loop.settings["student"]["value"] = 2
    loop.worked.clear()
    loop.said.clear()
    student = loop.run(begin_at="student")
    assert loop.worked == ["student"]
    assert student.result["value"] == 2
    # The teacher's own settings are as they were, and so are the renders that it is said to have read.
    assert loop.said[:2] == [
        "renders: taken as it is, although settings.value changed",
        "teacher: taken as it is",
    ]
    # Nothing was passed off as made from the new settings.
    assert loop.again() == list(NAMES)


def test_begin_at_needs_what_comes_before(tmp_path: Path) -> None:
    loop = Loop(tmp_path)
    with pytest.raises(StageError, match="renders: is not done"):
        loop.run(begin_at="student")
    assert loop.worked == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"begin_at": "pupil"},
            "--from pupil: no such stage; this run has renders, teacher, student",
        ),
        ({"stop_after": "pupil"}, "--stop-after pupil: no such stage"),
        (
            {"begin_at": "student", "stop_after": "teacher"},
            "--stop-after teacher: comes before --from student",
        ),
    ],
)
def test_choices_of_stages_that_cannot_be(
    tmp_path: Path, options: dict[str, str], message: str
) -> None:
    with pytest.raises(StageError, match=message):
        StageRunner(tmp_path, NAMES, **options)


@pytest.mark.parametrize(
    "names", [("../out",), ("",), ("a/b",), ("Teacher",), (".hidden",), ("a", "a")]
)
def test_names_that_cannot_be(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="name"):
        StageRunner(tmp_path, names)


# What is deleted, and what never


def no_work(folder: Path) -> Mapping[str, Any]:
    raise AssertionError("nothing must be done here")


def test_a_folder_without_a_marker_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    foreign = tmp_path / "teacher"
    foreign.mkdir()
    (foreign / "holiday.jpg").write_text("mine")
    with pytest.raises(StageError, match=r"teacher: holds 'holiday\.jpg' and no stage\.json"):
        StageRunner(tmp_path, NAMES).run("teacher", settings={}, work=no_work)
    assert [path.name for path in foreign.iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize(
    "marker",
    [
        "",
        "{",
        "[]",
        "null",
        '{"stage": "teacher"}',
        '{"format": "another program", "stage": "teacher"}',
        json.dumps({"format": stages.FORMAT, "stage": "student"}),
        json.dumps({"format": stages.FORMAT, "stage": "teacher", "fingerprint": 3}),
        json.dumps({"format": stages.FORMAT, "stage": "teacher", "settings": []}),
        json.dumps({"format": stages.FORMAT, "stage": "teacher", "more": 1}),
        "[" * 100_000,
    ],
)
def test_a_marker_that_proves_nothing_lets_nothing_be_deleted(tmp_path: Path, marker: str) -> None:
    foreign = tmp_path / "teacher"
    foreign.mkdir()
    (foreign / DONE).write_text(marker)
    (foreign / BEGUN).write_text(marker)
    (foreign / "holiday.jpg").write_text("mine")
    with pytest.raises(StageError, match="move it away"):
        StageRunner(tmp_path, NAMES).run("teacher", settings={}, work=no_work)
    assert (foreign / "holiday.jpg").read_text() == "mine"


def test_a_file_in_a_stages_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "teacher").write_text("mine")
    with pytest.raises(StageError, match="teacher: is a file"):
        StageRunner(tmp_path, NAMES).run("teacher", settings={}, work=no_work)


def test_links_are_not_followed_when_a_stage_is_emptied(loop: Loop, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "holiday.jpg").write_text("mine")
    (loop.root / "teacher" / "folder").symlink_to(outside, target_is_directory=True)
    (loop.root / "teacher" / "file").symlink_to(outside / "holiday.jpg")
    (loop.root / "teacher" / "parts").mkdir()
    (loop.root / "teacher" / "parts" / "deep").symlink_to(outside, target_is_directory=True)
    loop.settings["teacher"]["value"] = 2
    assert loop.again() == ["teacher", "student"]
    assert (outside / "holiday.jpg").read_text() == "mine"


def test_a_stage_that_is_a_link_is_read_but_never_emptied(loop: Loop, tmp_path: Path) -> None:
    elsewhere = tmp_path / "large disk"
    (loop.root / "renders").rename(elsewhere)
    (loop.root / "renders").symlink_to(elsewhere, target_is_directory=True)
    assert loop.again() == []
    loop.settings["renders"]["value"] = 2
    with pytest.raises(StageError, match="renders: is a link"):
        loop.run()
    assert (elsewhere / "a-1").exists()


def test_other_files_of_the_run_are_left_alone(loop: Loop) -> None:
    (loop.root / "notes.txt").write_text("mine")
    (loop.root / "teacher-of-yesterday").mkdir()
    shutil.copy(loop.root / "teacher" / DONE, loop.root / "teacher-of-yesterday" / DONE)
    for name in NAMES:
        loop.settings[name]["value"] = 2
    loop.again()
    assert (loop.root / "notes.txt").read_text() == "mine"
    assert (loop.root / "teacher-of-yesterday" / DONE).exists()


# Kills


class Killed(BaseException):
    """The process ended: nothing of the program runs any more."""


STEPS = [
    (Path, "mkdir"),
    (Path, "unlink"),
    (Path, "replace"),
    (Path, "write_text"),
    (shutil, "rmtree"),
]


def run_until(step: int, loop: Loop, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the loop, but the process ends at the `step`-th change of the disk. Returns how many changes there were."""
    count = 0

    def deadly(original: Callable[..., Any]) -> Callable[..., Any]:
        def change(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            if count >= step:
                raise Killed
            count += 1
            return original(*arguments, **options)

        return change

    with monkeypatch.context() as patch, contextlib.suppress(Killed):
        for owner, name in STEPS:
            patch.setattr(owner, name, deadly(getattr(owner, name)))
        loop.run()
    return count


def files(root: Path) -> dict[str, str]:
    """What the stages' work left."""
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in root.rglob("*")
        if path.is_file() and "stage.json" not in path.name
    }


def nothing_done(root: Path) -> Loop:
    return Loop(root)


def settings_changed(root: Path) -> Loop:
    loop = Loop(root)
    loop.run()
    loop.settings["renders"]["value"] = loop.settings["student"]["value"] = 2
    return loop


def photographs_changed(root: Path) -> Loop:
    loop = Loop(root)
    loop.run()
    loop.outside = "changed"
    return loop


@pytest.mark.parametrize("prepare", [nothing_done, settings_changed, photographs_changed])
def test_a_run_killed_at_any_step_ends_as_if_it_had_not_been(
    prepare: Callable[[Path], Loop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = prepare(tmp_path / "undisturbed")
    result = undisturbed.run().result
    steps = run_until(1000, prepare(tmp_path / "counted"), monkeypatch)
    assert steps > 10
    for step in range(steps):
        loop = prepare(tmp_path / f"killed-{step}")
        assert run_until(step, loop, monkeypatch) == step
        assert loop.run().result == result
        assert loop.again() == []
        assert files(loop.root) == files(undisturbed.root)


@pytest.mark.parametrize("backwards", [False, True])
def test_a_kill_after_which_the_settings_are_taken_back(
    backwards: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much of a stage was deleted for other settings: what is left of it is never taken for the whole."""
    listed = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: iter(sorted(listed(self), reverse=backwards)))
    for step in range(30):
        loop = Loop(tmp_path / f"killed-{step}")
        expected = loop.run().result
        before = files(loop.root)
        loop.settings["renders"]["value"] = 2
        run_until(step, loop, monkeypatch)
        loop.settings["renders"]["value"] = 1
        assert loop.run().result == expected
        assert files(loop.root) == before


# Fingerprints


def shuffled(value: Any, order: Callable[[list[str]], list[str]]) -> Any:
    """The same data, its dicts' keys entered in another order, its lists as tuples."""
    if isinstance(value, dict):
        return {key: shuffled(value[key], order) for key in order(list(value))}
    if isinstance(value, list):
        return tuple(shuffled(entry, order) for entry in value)
    return value


@given(PLAIN)
def test_neither_the_order_of_keys_nor_tuples_count(data: Any) -> None:
    assert fingerprint_of(shuffled(data, lambda keys: keys[::-1])) == fingerprint_of(data)


@given(PLAIN, PLAIN)
def test_different_data_have_different_fingerprints(first: Any, second: Any) -> None:
    # json.dumps tells 1 from 1.0 and True, which == does not.
    alike = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    assert (fingerprint_of(first) == fingerprint_of(second)) == alike


@given(st.dictionaries(st.text(max_size=4), PLAIN, min_size=1, max_size=5), st.data())
def test_any_one_change_is_seen_and_named(settings: dict[str, Any], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(settings)))
    kind = data.draw(st.sampled_from(["removed", "added", "replaced"]))
    other = dict(settings)
    if kind == "removed":
        del other[key]
    elif kind == "added":
        key = "added " + key
        other[key] = None
    else:
        other[key] = [settings[key]]
    first, second = (stages.marker_of("teacher", given, {}) for given in (settings, other))
    assert first.fingerprint != second.fingerprint
    named = stages.differences(first.settings, second.settings, "settings")
    assert named == [f"settings.{key}"]


def test_name_and_part_of_an_input_count() -> None:
    marker = stages.marker_of("teacher", {}, {"labelled": "a", "validation": "b"})
    swapped = stages.marker_of("teacher", {}, {"labelled": "b", "validation": "a"})
    student = stages.marker_of("student", {}, {"labelled": "a", "validation": "b"})
    assert len({marker.fingerprint, swapped.fingerprint, student.fingerprint}) == 3


@given(PLAIN)
def test_plain_data_come_back_from_json_as_they_are(data: Any) -> None:
    assert json.loads(json.dumps(plain(data, "data"))) == plain(data, "data")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": {"width": float("nan")}}, "settings.model.width is nan"),
        ({"path": Path("x")}, "settings.path is of PosixPath"),
        ({"rounds": [1, {2}]}, r"settings.rounds\[1\] is of set"),
        ({"a": {1: 2}}, "settings.a has the key 1"),
    ],
)
def test_settings_that_are_not_plain_are_named_before_anything_is_done(
    tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        StageRunner(tmp_path, NAMES).run("teacher", settings=settings, work=no_work)
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_is_not_plain_leaves_the_stage_undone(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"result\.iou is nan"):
        StageRunner(tmp_path, NAMES).run(
            "teacher", settings={}, work=lambda folder: {"iou": float("nan")}
        )
    assert not (tmp_path / "teacher" / DONE).exists()


def test_a_fresh_result_is_what_a_later_run_reads(tmp_path: Path) -> None:
    def run() -> Stage:
        return StageRunner(tmp_path, NAMES).run(
            "teacher", settings={}, work=lambda folder: {"sizes": (1, 2)}
        )

    assert run().result == run().result == {"sizes": [1, 2]}
