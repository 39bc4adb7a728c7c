"""How long commands, modules and functions may be; every exception is listed with its reason."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("blender_addon", "pii_seg", "diffusion_synth")

COMMAND_LINES, MODULE_LINES, FUNCTION_LINES = 150, 400, 60

# Modules that `python -m` or a console script runs: options and main.
COMMANDS = (
    "pii_seg/__main__.py",
    "pii_seg/train.py",
    "pii_seg/self_train.py",
    "pii_seg/evaluate.py",
    "pii_seg/predict.py",
    "pii_seg/calibrate.py",
    "pii_seg/export_coco.py",
    "pii_seg/anonymize/__main__.py",
    "pii_seg/app/__main__.py",
    "diffusion_synth/run.py",
    "diffusion_synth/train.py",
    "blender_addon/batch.py",
    "blender_addon/command.py",
)

LONG_COMMANDS: dict[str, str] = {}
"""Command → why it is longer."""

LONG_MODULES: dict[str, str] = {}
"""Module → why it is longer."""

LONG_FUNCTIONS: dict[str, str] = {
    "diffusion_synth/pipeline/shape_guided.py:__call__": (
        "the signature of a diffusers pipeline takes 25 lines; the body has seven numbered steps"
    ),
}
"""module:function → why it is longer. Lines are counted with the signature and the docstring."""

MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def long_functions(source: str) -> dict[str, int]:
    """Functions with more lines than allowed, docstrings not counted."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                length -= (first.end_lineno or 0) - first.lineno + 1
            if length > FUNCTION_LINES:
                found[node.name] = length
    return found


def test_commands_hold_options_and_main_only() -> None:
    long = {name for name in COMMANDS if lines_of(ROOT / name) > COMMAND_LINES}
    assert long == set(LONG_COMMANDS)


def test_modules_are_short() -> None:
    long = {name_of(path) for path in MODULES if lines_of(path) > MODULE_LINES}
    assert long == set(LONG_MODULES)


def test_functions_are_short() -> None:
    long = {
        f"{name_of(path)}:{function}"
        for path in MODULES
        for function in long_functions(path.read_text(encoding="utf-8"))
    }
    assert long == set(LONG_FUNCTIONS)


def test_every_exception_has_a_reason() -> None:
    for reasons in (LONG_COMMANDS, LONG_MODULES, LONG_FUNCTIONS):
        for name, reason in reasons.items():
            assert len(reason.split()) >= 4, name


@pytest.mark.parametrize(("lines", "caught"), [(FUNCTION_LINES, False), (FUNCTION_LINES + 1, True)])
def test_the_rule_counts_lines_without_the_docstring(lines: int, caught: bool) -> None:
    body = ["    x = 0"] * (lines - 1)
    source = "\n".join(["def f():", '    """Text."""', *body])
    assert bool(long_functions(source)) is caught
