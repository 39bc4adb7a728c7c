import json

import pytest

from blender_addon.datagen.command_line import main
from blender_addon.datagen.shard import Shard


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "give a recipe file or --preset"),
        (("--preset", "everyday"), "--output DIR is missing"),
        (("--preset", "nowhere", "--output", "x"), "no preset 'nowhere'; there are: close"),
        (("mine.toml", "--preset", "close", "--output", "x"), "and not both"),
        (("missing.toml", "--output", "x"), "missing.toml: cannot be read"),
        (("--preset", "close", "--output", "x", "--count", "0"), "expected 1 or more"),
        (("--preset", "close", "--output", "x", "--count", "many"), "whole number"),
        (("--preset", "close", "--output", "x", "--shard", "5/4"), "expected I/N"),
        (("--preset", "close", "--output", "x", "--shard", "0/4"), "expected I/N"),
        (("--preset", "close", "--output", "x", "--resolution", "256"), "WIDTHxHEIGHT"),
        (("--preset", "close", "--output", "x", "--resolution", "4x4"), "must lie within"),
        (("--preset", "close", "--output", "x", "--seed", "-1"), "0 or more"),
        (("--preset", "close", "--output", "x", "--shard", "1/2", "--overwrite"), "other shards"),
        (("--preset", "close", "--output", "x", "--photos", "nowhere"), "no such file or folder"),
        (("--preset", "close", "--output", "x", "--colour", "red"), "unrecognized arguments"),
        (("--preset", "close", "--output", "x", "--job", "2"), "unrecognized arguments: --job"),
    ],
)
def test_wrong_options_end_with_2_and_write_nothing(
    tmp_path, monkeypatch, capsys, arguments, complaint
):
    monkeypatch.chdir(tmp_path)
    code, _out, err = run(capsys, *arguments)
    assert code == 2
    assert complaint in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_recipe_ends_with_2_and_names_file_and_key(tmp_path, capsys):
    recipe = tmp_path / "mine.toml"
    recipe.write_text("[people]\ncount = [4, 1]\n")
    code, _, err = run(capsys, str(recipe), "--output", str(tmp_path / "out"))
    assert code == 2
    assert "mine.toml: people.count: empty range" in err
    assert not (tmp_path / "out").exists()


def test_help_explains_presets_shards_and_exit_codes(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for word in ("--preset", "--shard", "street", "resumes a run", "Exit codes"):
        assert word in out


def test_help_calls_the_program_as_its_user_did(capsys):
    assert main(["--help"], prog="blender --command pii_synth") == 0
    out = capsys.readouterr().out
    assert "usage: blender --command pii_synth" in out
    assert "  blender --command pii_synth --preset street" in out
    assert "python -m" not in out


def test_printed_recipe_is_a_recipe(tmp_path, capsys):
    _, out, _ = run(capsys, "--preset", "street", "--samples", "7", "--print-recipe")
    (tmp_path / "street.toml").write_text(out)
    code, again, _ = run(capsys, str(tmp_path / "street.toml"), "--print-recipe")
    assert code == 0
    assert again == out
    assert "samples = 7" in out


def test_dry_run_prints_the_shard_s_specs_and_writes_nothing(tmp_path, capsys):
    code, out, _ = run(
        capsys,
        "--preset",
        "close",
        "--dry-run",
        "--count",
        "5",
        "--shard",
        "2/3",
        "--output",
        str(tmp_path / "x"),
    )
    assert code == 0
    assert [json.loads(line)["index"] for line in out.splitlines()] == [1, 4]
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("count", [0, 1, 7, 100])
@pytest.mark.parametrize("of", [1, 3, 8])
@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_shards_and_their_jobs_cover_every_index_once(count, of, jobs):
    parts = [part for number in range(1, of + 1) for part in Shard(number, of).split(jobs)]
    assert sorted(i for part in parts for i in part.indices(count)) == list(range(count))
