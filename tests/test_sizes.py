"""Commands, modules and functions are short, and docstrings are sentences.

Every exception is listed with its reason.
"""

from __future__ import annotations

import ast
import re
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
    "pii_seg/build_model.py",
    "pii_seg/evaluate.py",
    "pii_seg/predict.py",
    "pii_seg/calibrate.py",
    "pii_seg/export_model.py",
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
"""module:function → why it is longer. Lines are counted with the signature, not the docstring."""

MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
DOCUMENTED = [
    *MODULES,
    *sorted(path for folder in ("tools", "benchmarks") for path in (ROOT / folder).glob("*.py")),
]

WORDS_NOT_TO_BEGIN_WITH = {"What", "Of", "How", "Likewise"}
"""A docstring that begins with one of these is no sentence with a verb."""


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


def poor_docstrings(source: str) -> list[str]:
    """List the docstrings, also those of attributes, that begin with a word that is not allowed."""
    texts = [
        node.value.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    return [text for text in texts if set(re.findall(r"\w+", text)[:1]) & WORDS_NOT_TO_BEGIN_WITH]


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


def test_docstrings_are_sentences() -> None:
    poor = {
        f"{name_of(path)}: {text}"
        for path in DOCUMENTED
        for text in poor_docstrings(path.read_text(encoding="utf-8"))
    }
    assert poor == set()


@pytest.mark.parametrize(
    ("source", "caught"),
    [
        ('"""What it does."""', True),
        ('class A:\n    """\n    How it looks."""', True),
        ('async def f():\n    """Of both."""', True),
        ('x = 1\n"""Likewise for x."""', True),
        ('"""Whatever is given is read."""', False),
        ('"""Return what it does."""', False),
        ('x = "How"', False),
    ],
)
def test_the_rule_catches_docstrings_that_are_no_sentences(source: str, caught: bool) -> None:
    assert bool(poor_docstrings(source)) is caught
