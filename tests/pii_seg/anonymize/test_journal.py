"""The journal holds whole lines and one set of settings, and loses nothing by a kill."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pii_seg.anonymize.done_key import done_key, run_identity
from pii_seg.anonymize.journal import FIELDS, Journal, is_below
from pii_seg.anonymize.review import reasons, risk
from pii_seg.errors import InputError
from tests.fuzz import fuzz_count, fuzz_settings, mutated, random_of

RUN = run_identity(None, {"style": "solid", "scales": (1.0, 2.0)})
OTHER = run_identity(None, {"style": "blur", "scales": (1.0, 2.0)})


def record(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "input_sha256": f"in{number}",
        "name": f"{number}.jpg",
        "key": "key",
        "output": f"{number}.jpg",
        "output_sha256": "out",
        "persons": 1,
        "frames": 1,
        "covered": 0.5,
        "doubts": {"highest": 0.1, "doubtful": 0.0, "left": 0.0},
        "threshold": 0.5,
        "notes": [],
        **changes,
    }


def begun(path: Path, run: dict[str, Any] = RUN, *, force: bool = False) -> Journal:
    journal = Journal(path, repair=force)
    journal.begin(run, force=force)
    return journal


def outputs(journal: Journal) -> list[str]:
    return [record["output"] for record in journal.records.values()]


def test_a_later_run_reads_the_records(tmp_path: Path) -> None:
    begun(tmp_path / "audit.jsonl").add(record(1))
    again = begun(tmp_path / "audit.jsonl")
    assert again.records == {"1.jpg": {**record(1), "run_number": 1}}


def test_other_settings_are_rejected_by_name(tmp_path: Path) -> None:
    begun(tmp_path / "audit.jsonl")
    with pytest.raises(InputError, match=r"other settings \(style\).*--force"):
        begun(tmp_path / "audit.jsonl", OTHER)


def test_an_edited_input_keeps_one_record(tmp_path: Path) -> None:
    journal = begun(tmp_path / "audit.jsonl")
    journal.add(record(1))
    journal.add(record(1, input_sha256="edited", output="1.jpg.png"))
    again = Journal(tmp_path / "audit.jsonl")
    assert [entry["input_sha256"] for entry in again.records.values()] == ["edited"]
    assert again.name_of("1.JPG.png") == "1.jpg"
    assert again.name_of("1.jpg") is None


def test_a_withdrawn_output_has_no_record(tmp_path: Path) -> None:
    journal = begun(tmp_path / "audit.jsonl")
    journal.add(record(1))
    journal.withdraw("1.jpg")
    assert not Journal(tmp_path / "audit.jsonl").records


def test_force_begins_a_run_and_resumes_it_until_it_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    begun(path).add(record(1))
    begun(path, OTHER, force=True).add(record(2))  # interrupted
    resumed = begun(path, OTHER, force=True)
    assert [resumed.is_current(r) for r in resumed.records.values()] == [False, True]
    assert resumed.number == begun(path, OTHER).number == 2  # without --force, too
    resumed.finish()
    again = begun(path, OTHER, force=True)
    assert again.number == 3
    assert [again.is_current(r) for r in again.records.values()] == [False, False]
    assert again.runs[1]["run"] == RUN  # of a record that stands


@given(st.data())
def test_a_kill_in_the_middle_of_a_line_costs_that_line_only(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "audit.jsonl"
        journal = begun(path)
        ends = [path.stat().st_size]
        for number in range(3):
            journal.add(record(number))
            ends.append(path.stat().st_size)
        kept = data.draw(st.integers(0, ends[-1]))
        path.write_bytes(path.read_bytes()[:kept])
        whole = max([i for i, end in enumerate(ends) if end <= kept], default=0)
        resumed = begun(path)
        assert outputs(resumed) == [f"{number}.jpg" for number in range(whole)]
        resumed.add(record(9))
        assert Journal(path).records == resumed.records


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "audit.jsonl"
    journal = begun(path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            journal.add(record(1))
    journal.add(record(2))
    assert outputs(Journal(path)) == ["2.jpg"]


DAMAGED = [
    b"[]",
    b"{}",
    b"not json",
    b'{"output": "a"}',
    b"\xff",
    b"[" * 100_000,
    b'{"run": 3}',
    b'{"finished": "x"}',
    b'{"withdrawn": 1}',
    *(
        json.dumps(record(2, **{"run_number": 1, **change})).encode()
        for change in (
            {"frames": "many"},
            {"persons": True},
            {"doubts": {}},
            {"threshold": 0},
            {"covered": float("nan")},
            {"threshold": 10**400},
            {"output": "../a.jpg"},
            {"output": "/etc/passwd"},
            {"output": "sub/../../a.jpg"},
            {"name": "\ud800"},
            {"notes": [1]},
            {"run_number": 7},
        )
    ),
]


@pytest.mark.parametrize("line", DAMAGED)
def test_damage_is_reported_with_the_line(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "audit.jsonl"
    begun(path).add(record(1))
    with path.open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(InputError, match="line 3 is damaged") as raised:
        Journal(path)
    assert len(str(raised.value).splitlines()) == 1
    repaired = begun(path, force=True)
    assert outputs(repaired) == ["1.jpg"]
    Journal(path)


@pytest.mark.parametrize("force", [False, True])
def test_a_foreign_file_is_rejected(tmp_path: Path, force: bool) -> None:
    (tmp_path / "audit.jsonl").write_text('{"text": "mine"}\n')
    with pytest.raises(InputError, match="is no journal"):
        Journal(tmp_path / "audit.jsonl", repair=force)
    assert (tmp_path / "audit.jsonl").read_text() == '{"text": "mine"}\n'


def check_any(content: bytes) -> None:
    """Whatever the file holds, it is read or refused in one line, and can be used if read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "audit.jsonl"
        path.write_bytes(content)
        try:
            journal = Journal(path)
            journal.begin(RUN, force=True)
        except InputError as error:
            assert len(str(error).splitlines()) == 1
            return
        for entry in journal.records.values():
            assert is_below(entry["output"])
            risk(entry), reasons(entry)
        assert Journal(path).records == journal.records


def a_journal() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "audit.jsonl"
        begun(path).add(record(1))
        journal = begun(path, OTHER, force=True)
        journal.add(record(2, doubts=None, threshold=None))
        journal.withdraw("1.jpg")
        journal.finish()
        return path.read_bytes()


@pytest.mark.fuzz
def test_damaged_journals_are_read_or_refused() -> None:
    whole = a_journal()
    for number in range(fuzz_count()):
        check_any(mutated(whole, random_of(number)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
LINES = st.lists(
    st.builds(
        lambda base, changes: json.dumps({**base, **changes}).encode(),
        st.sampled_from(
            [
                {**record(1), "run_number": 1},
                {"run": RUN, "number": 1, "forced": False},
                {"withdrawn": "1.jpg"},
                {"finished": 1},
            ]
        ),
        st.dictionaries(st.sampled_from([*FIELDS, "run", "number", "finished", "withdrawn"]), JSON),
    )
    | st.binary(max_size=40),
    max_size=4,
)


@fuzz_settings
@given(LINES)
def test_any_lines_are_read_or_refused(lines: list[bytes]) -> None:
    first = json.dumps({"run": RUN, "number": 1, "forced": False}).encode()
    check_any(b"\n".join([first, *lines, b""]))


@fuzz_settings
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    check_any(content)


PARTS = {"name": "a", "input_sha256": "b", "mask_sha256": "c"}


def test_the_key_knows_everything_that_decides_an_output() -> None:
    keys = {done_key(RUN, **PARTS), done_key(OTHER, **PARTS)}
    for name in PARTS:
        keys.add(done_key(RUN, **{**PARTS, name: "other"}))
    keys.add(done_key(RUN, **{**PARTS, "mask_sha256": None}))
    keys.add(done_key(run_identity({"sha256": "0"}, {"style": "solid"}), **PARTS))
    keys.add(done_key({**RUN, "program": 0}, **PARTS))
    assert len(keys) == 8
    assert done_key(RUN, **PARTS) == done_key(json.loads(json.dumps(RUN)), **PARTS)
