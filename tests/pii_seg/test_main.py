"""The `pii-seg` command: its list of commands, and what it starts."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pii_seg.__main__ import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]


def test_the_help_lists_every_command_and_loads_nothing() -> None:
    program = (
        "import sys; from pii_seg.__main__ import main; main(['--help']);"
        "print([n for n in ('torch', 'rich', 'jsonargparse', 'numpy') if n in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert said.endswith("[]\n")
    for name, (_, what) in COMMANDS.items():
        assert f"  {name} " in said
        assert what in said
        assert what[0].isupper() and what.endswith(".")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_a_module_with_main(name: str) -> None:
    module, _ = COMMANDS[name]
    assert importlib.util.find_spec(module) is not None
    as_module = module.removesuffix(".__main__").removeprefix("pii_seg.").replace("_", "-")
    assert name == as_module


def test_arguments_and_exit_code_are_passed_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export-coco", "nowhere"]) == 2
    assert "nowhere" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "near"),
    [("trian", "train"), ("self_train", "self-train"), ("anonymise", "anonymize"), ("x", "")],
)
def test_an_unknown_command_names_near_ones(
    given: str, near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([given]) == 2
    said = capsys.readouterr().err
    assert f"{given!r} is not a command" in said
    assert (f"did you mean {near}" in said) is bool(near)
    assert said.count("\n") == 1


def test_without_a_command_the_help_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: pii-seg COMMAND" in capsys.readouterr().err


def test_the_console_script_is_this_function() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"]["pii-seg"] == "pii_seg.__main__:main"
