"""The journal holds whole lines and one set of settings, and loses nothing by a kill."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pii_seg.anonymize.journal import Journal
from pii_seg.errors import InputError

SETTINGS = {"style": "solid", "scales": (1.0, 2.0)}


def record(number: int) -> dict[str, str]:
    return {
        "input_sha256": f"in{number}",
        "name": f"{number}.jpg",
        "output": f"{number}.jpg",
        "output_sha256": "out",
    }


def test_a_later_run_reads_the_records(tmp_path: Path) -> None:
    Journal(tmp_path / "audit.jsonl", SETTINGS).add(record(1))
    again = Journal(tmp_path / "audit.jsonl", SETTINGS)
    assert again.records == {("in1", "1.jpg"): record(1)}


def test_other_settings_are_rejected_by_name(tmp_path: Path) -> None:
    Journal(tmp_path / "audit.jsonl", SETTINGS)
    with pytest.raises(InputError, match=r"other settings \(style\).*--force"):
        Journal(tmp_path / "audit.jsonl", {**SETTINGS, "style": "blur"})


def test_restart_deletes_the_records(tmp_path: Path) -> None:
    Journal(tmp_path / "audit.jsonl", SETTINGS).add(record(1))
    assert not Journal(
        tmp_path / "audit.jsonl", {**SETTINGS, "style": "blur"}, restart=True
    ).records
    assert not Journal(tmp_path / "audit.jsonl", {**SETTINGS, "style": "blur"}).records


@given(st.data())
def test_a_kill_in_the_middle_of_a_line_costs_that_line_only(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "audit.jsonl"
    journal = Journal(path, SETTINGS)
    ends = [path.stat().st_size]
    for number in range(3):
        journal.add(record(number))
        ends.append(path.stat().st_size)
    kept = data.draw(st.integers(0, ends[-1]))
    path.write_bytes(path.read_bytes()[:kept])
    whole = max([i for i, end in enumerate(ends) if end <= kept], default=0)
    resumed = Journal(path, SETTINGS)
    assert list(resumed.records.values()) == [record(number) for number in range(whole)]
    resumed.add(record(9))
    assert Journal(path, SETTINGS).records == resumed.records


@pytest.mark.parametrize("line", [b"[]", b"{}", b"not json", b'{"output": "a"}', b"\xff"])
def test_damage_is_reported_with_the_line(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "audit.jsonl"
    Journal(path, SETTINGS).add(record(1))
    with path.open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(InputError, match="line 3 is damaged"):
        Journal(path, SETTINGS)


def test_a_foreign_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").write_text('{"text": "mine"}\n')
    with pytest.raises(InputError, match="line 1 is damaged"):
        Journal(tmp_path / "audit.jsonl", SETTINGS)
    assert (tmp_path / "audit.jsonl").read_text() == '{"text": "mine"}\n'
