"""Stages: which ones run again, what is deleted and what never, and kills between any two steps."""

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
from pii_seg.errors import InputError
from pii_seg.selftrain import stages
from pii_seg.selftrain.stages import (
    BEGUN,
    DONE,
    Stage,
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
    """A loop of three stages that write their setting, and record how often they worked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.worked: list[str] = []
        self.log: list[str] = []
        self.settings: dict[str, dict[str, Any]] = {name: {"value": 1} for name in NAMES}
        self.outside = "photos as they were"

    def run(self, **options: Any) -> Stage:
        runner = StageRunner(self.root, NAMES, log=self.log.append, **options)
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
            """Like a dataset's writer: files named in the index are not written again."""
            self.worked.append(name)
            if not (folder / "index").exists():
                for part in ("a", "z"):
                    (folder / f"{part}-{value}").write_text(f"{name} {value}")
                (folder / "index").write_text(str(value))
            return {"value": value, "index": (folder / "index").read_text()}

        return work

    def again(self) -> list[str]:
        """Run the loop once more. Returns the stages that worked."""
        self.worked.clear()
        self.log.clear()
        self.run()
        return list(self.worked)


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    made = Loop(tmp_path / "run")
    made.run()
    assert made.worked == list(NAMES)
    return made


def test_done_stages_are_skipped_with_the_same_result(loop: Loop) -> None:
    assert loop.again() == []
    assert loop.log == [f"{name}: already done" for name in NAMES]
    student = loop.run()
    assert student.result == {"value": 1, "index": "1"}
    assert student.folder == loop.root / "student"
    assert not student.fresh


def test_changed_settings_run_the_stage_and_its_readers_again(loop: Loop) -> None:
    loop.settings["teacher"]["value"] = 2
    assert loop.again() == ["teacher", "student"]
    assert loop.log == [
        "renders: already done",
        "teacher: re-running: settings.value changed",
        "student: re-running: inputs.teacher changed",
    ]
    assert loop.run().result["value"] == 1
    assert sorted(files(loop.root / "teacher")) == ["a-2", "index", "z-2"]


def test_changed_file_outside_the_run_is_detected(loop: Loop) -> None:
    loop.outside = "one photo more"
    assert loop.again() == ["teacher", "student"]
    assert "teacher: re-running: inputs.photographs changed" in loop.log


def test_restored_settings_run_again_because_their_files_are_gone(loop: Loop) -> None:
    loop.settings["student"]["value"] = 2
    assert loop.again() == ["student"]
    loop.settings["student"]["value"] = 1
    assert loop.again() == ["student"]


def test_deleted_stage_runs_again_alone(loop: Loop) -> None:
    shutil.rmtree(loop.root / "renders")
    assert loop.again() == ["renders"]


def test_begun_stage_resumes_with_its_files(tmp_path: Path) -> None:
    seen = []

    def fails(folder: Path) -> Mapping[str, Any]:
        (folder / "half").write_text("of the work")
        raise KeyboardInterrupt

    def goes_on(folder: Path) -> Mapping[str, Any]:
        seen.extend(path.name for path in folder.iterdir() if not path.name.startswith("."))
        return {}

    with pytest.raises(KeyboardInterrupt):
        StageRunner(tmp_path, NAMES).run("teacher", settings={"a": 1}, work=fails)
    log: list[str] = []
    stage = StageRunner(tmp_path, NAMES, log=log.append).run(
        "teacher", settings={"a": 1}, work=goes_on
    )
    assert seen == ["half"]
    assert stage.fresh
    assert log == ["teacher: resuming"]


def test_stage_begun_with_other_settings_restarts_without_its_files(tmp_path: Path) -> None:
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


def test_marker_does_not_count_as_a_foreign_file(tmp_path: Path) -> None:
    """A dataset or a training that begins in a stage's folder must accept the marker in it."""

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


def test_stop_after_ends_the_run_whether_the_stage_was_done_or_not(tmp_path: Path) -> None:
    loop = Loop(tmp_path)
    for worked in (["renders", "teacher"], []):
        loop.worked.clear()
        with pytest.raises(Stopped, match="stopped after teacher") as stopped:
            loop.run(stop_after="teacher")
        assert loop.worked == worked
        assert stopped.value.stage.result["value"] == 1
    assert not (tmp_path / "student").exists()


def test_begin_at_keeps_earlier_stages_as_they_are(loop: Loop) -> None:
    loop.settings["renders"]["value"] = 2
    loop.settings["student"]["value"] = 2
    loop.worked.clear()
    loop.log.clear()
    student = loop.run(begin_at="student")
    assert loop.worked == ["student"]
    assert student.result["value"] == 2
    # The teacher's own settings are unchanged, and so is the fingerprint of the renders it read.
    assert loop.log[:2] == [
        "renders: kept as it is; settings.value changed",
        "teacher: kept as it is",
    ]
    # No stage was marked as made from the new settings.
    assert loop.again() == list(NAMES)


def test_begin_at_needs_the_earlier_stages(tmp_path: Path) -> None:
    loop = Loop(tmp_path)
    with pytest.raises(InputError, match="renders: this stage is not done"):
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
def test_invalid_choices_of_stages_are_refused(
    tmp_path: Path, options: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        StageRunner(tmp_path, NAMES, **options)


@pytest.mark.parametrize(
    "names", [("../out",), ("",), ("a/b",), ("Teacher",), (".hidden",), ("a", "a")]
)
def test_invalid_names_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="name"):
        StageRunner(tmp_path, names)


# Deletion


def no_work(folder: Path) -> Mapping[str, Any]:
    raise AssertionError("the work must not be called")


def test_folder_without_a_marker_is_refused_and_unchanged(tmp_path: Path) -> None:
    foreign = tmp_path / "teacher"
    foreign.mkdir()
    (foreign / "holiday.jpg").write_text("mine")
    with pytest.raises(InputError, match=r"teacher: contains 'holiday\.jpg' but no stage\.json"):
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
def test_invalid_marker_lets_nothing_be_deleted(tmp_path: Path, marker: str) -> None:
    foreign = tmp_path / "teacher"
    foreign.mkdir()
    (foreign / DONE).write_text(marker)
    (foreign / BEGUN).write_text(marker)
    (foreign / "holiday.jpg").write_text("mine")
    with pytest.raises(InputError, match="move it away"):
        StageRunner(tmp_path, NAMES).run("teacher", settings={}, work=no_work)
    assert (foreign / "holiday.jpg").read_text() == "mine"


def test_file_in_place_of_a_stage_is_refused(tmp_path: Path) -> None:
    (tmp_path / "teacher").write_text("mine")
    with pytest.raises(InputError, match="teacher: expected a folder, got a file"):
        StageRunner(tmp_path, NAMES).run("teacher", settings={}, work=no_work)


def test_emptying_a_stage_does_not_follow_links(loop: Loop, tmp_path: Path) -> None:
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


def test_linked_stage_is_read_but_never_emptied(loop: Loop, tmp_path: Path) -> None:
    elsewhere = tmp_path / "large disk"
    (loop.root / "renders").rename(elsewhere)
    (loop.root / "renders").symlink_to(elsewhere, target_is_directory=True)
    assert loop.again() == []
    loop.settings["renders"]["value"] = 2
    with pytest.raises(InputError, match="renders: is a link"):
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
    """Stands for the end of the process."""


STEPS = [
    (Path, "mkdir"),
    (Path, "unlink"),
    (Path, "replace"),
    (Path, "write_text"),
    (shutil, "rmtree"),
]


def run_until(step: int, loop: Loop, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the loop until the `step`-th change of the disk. Returns the number of changes."""
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
    """Files that the stages' work wrote, with their content."""
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


def photos_changed(root: Path) -> Loop:
    loop = Loop(root)
    loop.run()
    loop.outside = "changed"
    return loop


@pytest.mark.parametrize("prepare", [nothing_done, settings_changed, photos_changed])
def test_run_killed_at_any_step_ends_with_the_same_files(
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
def test_kill_while_emptying_never_leaves_a_stage_that_counts_as_done(
    backwards: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much of a stage was deleted for other settings, the rest never counts as done."""
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
    """The same data with its keys in another order, and tuples for lists."""
    if isinstance(value, dict):
        return {key: shuffled(value[key], order) for key in order(list(value))}
    if isinstance(value, list):
        return tuple(shuffled(entry, order) for entry in value)
    return value


@given(PLAIN)
def test_fingerprint_ignores_the_order_of_keys_and_tuples(data: Any) -> None:
    assert fingerprint_of(shuffled(data, lambda keys: keys[::-1])) == fingerprint_of(data)


@given(PLAIN, PLAIN)
def test_different_data_has_different_fingerprints(first: Any, second: Any) -> None:
    # json.dumps separates 1 from 1.0 and True, which == does not.
    alike = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    assert (fingerprint_of(first) == fingerprint_of(second)) == alike


@given(st.dictionaries(st.text(max_size=4), PLAIN, min_size=1, max_size=5), st.data())
def test_any_single_change_is_detected_and_named(
    settings: dict[str, Any], data: st.DataObject
) -> None:
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


def test_name_and_role_of_an_input_count() -> None:
    marker = stages.marker_of("teacher", {}, {"labelled": "a", "validation": "b"})
    swapped = stages.marker_of("teacher", {}, {"labelled": "b", "validation": "a"})
    student = stages.marker_of("student", {}, {"labelled": "a", "validation": "b"})
    assert len({marker.fingerprint, swapped.fingerprint, student.fingerprint}) == 3


@given(PLAIN)
def test_plain_data_survives_json(data: Any) -> None:
    assert json.loads(json.dumps(plain(data, "data"))) == plain(data, "data")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": {"width": float("nan")}}, "settings.model.width is nan"),
        ({"path": Path("x")}, "settings.path is a PosixPath"),
        ({"rounds": [1, {2}]}, r"settings.rounds\[1\] is a set"),
        ({"a": {1: 2}}, "settings.a has the key 1"),
    ],
)
def test_settings_that_are_not_plain_are_refused_before_the_work(
    tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        StageRunner(tmp_path, NAMES).run("teacher", settings=settings, work=no_work)
    assert list(tmp_path.iterdir()) == []


def test_result_that_is_not_plain_leaves_the_stage_undone(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"result\.iou is nan"):
        StageRunner(tmp_path, NAMES).run(
            "teacher", settings={}, work=lambda folder: {"iou": float("nan")}
        )
    assert not (tmp_path / "teacher" / DONE).exists()


def test_fresh_result_equals_the_one_a_later_run_reads(tmp_path: Path) -> None:
    def run() -> Stage:
        return StageRunner(tmp_path, NAMES).run(
            "teacher", settings={}, work=lambda folder: {"sizes": (1, 2)}
        )

    assert run().result == run().result == {"sizes": [1, 2]}
