"""The curve of quality for time: resuming, means, the knee, tables. Renders are replaced."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import quality
from benchmarks.quality import knee, means, read_lines
from blender_addon.recipes.toml_io import preset_names

Line = dict[str, Any]


def line(samples: int, psnr: float, cpu: float, scene: int = 0, **more: Any) -> Line:
    values = {"preset": "everyday", "size": 256, "denoise": False, "clamp": 10.0, "people": None}
    return {
        **values,
        "scene": scene,
        "samples": samples,
        "psnr": psnr,
        "cpu": cpu,
        "burnt": 0.0,
        **more,
    }


def test_lines_that_were_cut_short_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    assert read_lines(path) == []
    path.write_text('{"a": 1}\n{"a": 2}\n{"a"')
    assert read_lines(path) == [{"a": 1}, {"a": 2}]
    assert path.read_text() == '{"a": 1}\n{"a": 2}\n'
    path.write_text('{"a"')
    assert read_lines(path) == []
    assert path.read_text() == ""


def test_means_are_of_scenes_that_have_every_combination() -> None:
    lines = [line(4, 30, 1), line(8, 34, 2), line(4, 40, 3, scene=1, people=20.0)]
    assert [(row["samples"], row["psnr"], row["scenes"]) for row in means(lines)] == [
        (4, 30, 1),
        (8, 34, 1),
    ]
    rows = means([*lines, line(8, 44, 4, scene=1, people=22.0)])
    assert [(row["samples"], row["psnr"], row["cpu"], row["people"]) for row in rows] == [
        (4, 35, 2, 20),
        (8, 39, 3, 22),
    ]
    assert means([line(4, 30, 1), line(8, 34, 2, scene=1)]) == []


def test_the_knee_is_the_last_row_that_pays() -> None:
    rows = [line(4, 36, 1), line(8, 40, 2), line(16, 43, 4), line(32, 44, 8), line(64, 44.5, 16)]
    assert knee(rows, 1.5)["samples"] == 16
    assert knee(rows, 0.8)["samples"] == 32
    assert knee(rows, 10)["samples"] == 4
    # A row that costs more and is no better than another is never chosen.
    worse = line(16, 39.9, 3, denoise=True)
    assert knee([*rows, worse], 1.5)["samples"] == 16
    better = line(4, 43.5, 1.5, denoise=True)
    assert knee([*rows, better], 1.5) is better


@dataclass(frozen=True)
class Spec:
    """The fields of a scene spec that a render of the curve sets."""

    noise_seed: int = 5
    samples: int = 0
    clamp: float = 0.0
    denoise: bool = False


@pytest.fixture
def renders(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Replace Blender; returns the samples of every render that is made."""
    made: list[int] = []
    truth = np.full((4, 4, 3), 0.2, np.float32)

    def shot(_: object, spec: Any) -> tuple[np.ndarray, np.ndarray, float]:
        made.append(spec.samples)
        people = np.zeros((4, 4), bool)
        people[0] = True
        return truth * np.float32(1 + 1 / spec.samples), people, 0.1 * spec.samples

    monkeypatch.setattr(quality, "Renderer", lambda *_, **__: None)
    monkeypatch.setattr(quality, "shot", shot)
    monkeypatch.setattr(quality, "load_assets", lambda recipe: recipe)
    monkeypatch.setattr(quality, "sample_scene", lambda *_: Spec())
    return made


def run(monkeypatch: pytest.MonkeyPatch, output: Path, *more: object) -> list[Line]:
    given = ["--output", output, "--presets", "everyday", "street", "--reference", 64, *more]
    monkeypatch.setattr(sys, "argv", ["quality.py", *map(str, given)])
    quality.main()
    return read_lines(output / "lines.jsonl")


def test_a_run_goes_on_where_it_stopped(
    renders: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "curve"
    first = run(monkeypatch, output, "--scenes", 1, "--samples", 4, 8)
    assert len(first) == 2 * 2 * 2  # presets, samples, with and without denoiser
    assert renders.count(64) == 2
    content = (output / "lines.jsonl").read_text()
    (output / "lines.jsonl").write_text(content[:-20])  # killed while it wrote
    renders.clear()
    assert run(monkeypatch, output, "--scenes", 1, "--samples", 4, 8) == first
    assert renders == [1, 8]  # the one that was lost, after a warm-up; no reference again
    renders.clear()
    more = run(monkeypatch, output, "--scenes", 1, "--samples", 4, 8, 16, "--clamps", 0)
    assert more[: len(first)] == first
    # Of 4 and 8 samples the other clamp is missing, of 16 both; each with and without denoiser.
    assert len(more) - len(first) == 2 * 2 * (2 + 2)
    assert 64 not in renders


def test_tables_and_json_have_every_preset_and_its_knee(
    renders: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "curve"
    run(monkeypatch, output, "--scenes", 2, "--samples", 4, 8, "--sizes", 64, 128)
    summary = json.loads((output / "summary.json").read_text())
    assert [(part["preset"], part["size"]) for part in summary] == [
        ("everyday", 64), ("everyday", 128), ("street", 64), ("street", 128),
    ]  # fmt: skip
    for part in summary:
        assert part["knee"] in part["rows"]
        assert {row["scenes"] for row in part["rows"]} == {2}
    told, written = capsys.readouterr().out, (output / "summary.md").read_text()
    assert told.count("knee") == written.count("knee") == 4
    assert "street, 128², scenes: 2" in written


def test_another_reference_needs_another_folder(
    renders: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "curve"
    run(monkeypatch, output, "--scenes", 1, "--samples", 4)
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, output, "--scenes", 1, "--samples", 4, "--reference", 128)
    assert ended.value.code == 2
    assert "is of other options" in capsys.readouterr().err


def test_all_presets_are_measured_by_default() -> None:
    assert quality.parser().parse_args(["--output", "a"]).presets == preset_names()
