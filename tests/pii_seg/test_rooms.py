"""The rooms of pii_seg import downwards, and the library imports no command."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from pii_seg.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "pii_seg"

ROOMS = (
    "errors",
    "config_history",
    "number_checks",
    "augmentation_config",
    "config",
    "data",
    "models",
    "inference",
    "evaluation",
    "training",
    "selftrain",
    "build",
    "anonymize",
    "app",
)
"""From the lowest to the highest; a room may import those before it and itself."""

COMMAND_MODULES = {module for module, _ in COMMANDS.values()} | {"pii_seg.__main__"}
COMMAND_HELPERS = {
    "pii_seg.command_line",
    "pii_seg.config_file",
    "pii_seg.config_options",
    "pii_seg.error_lines",
    "pii_seg.progress_display",
    "pii_seg.training_options",
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    return name.removesuffix(".__init__")


def imported(source: str) -> Iterator[tuple[int, str]]:
    """(line, module or module.name) of every import from pii_seg, wherever it stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, a.name) for a in node.names if a.name.startswith("pii_seg"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pii_seg"):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def room_of(name: str) -> str:
    return [*name.split("."), ""][1]


def breaches(name: str, source: str) -> list[str]:
    """Imports of the module `name` that point upwards, or from the library to a command."""
    found = []
    is_command = name in COMMAND_MODULES | COMMAND_HELPERS | {"pii_seg"}
    for line, other in imported(source):
        module = other if other in COMMAND_MODULES | COMMAND_HELPERS else other.rpartition(".")[0]
        if not is_command and module in COMMAND_MODULES | COMMAND_HELPERS:
            found.append(f"{name}:{line} imports the command module {module}")
        mine, theirs = room_of(name), room_of(other)
        if is_command or theirs not in ROOMS:
            continue
        if ROOMS.index(theirs) > ROOMS.index(mine):
            found.append(f"{name}:{line} imports {other}, which lies above {mine}")
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_rooms_import_downwards_and_no_command(path: Path) -> None:
    assert breaches(name_of(path), path.read_text(encoding="utf-8")) == []


def test_every_module_has_its_room() -> None:
    known = {*ROOMS, *(room_of(module) for module in COMMAND_MODULES | COMMAND_HELPERS), ""}
    assert {room_of(name_of(path)) for path in MODULES} <= known


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("pii_seg.data.files", "from pii_seg.models.checkpoint import Checkpoint"),
        ("pii_seg.data.files", "def f():\n    import pii_seg.training.fit"),
        ("pii_seg.evaluation.measure", "from pii_seg.command_line import parse"),
        ("pii_seg.evaluation.measure", "from pii_seg import train"),
        ("pii_seg.app.server", "from pii_seg.anonymize.__main__ import main"),
    ],
)
def test_the_rule_catches(name: str, source: str) -> None:
    assert breaches(name, source)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("pii_seg.models.checkpoint", "from pii_seg.data.files import list_files"),
        ("pii_seg.models.checkpoint", "from pii_seg.models.segmenter import Segmenter"),
        ("pii_seg.evaluate", "from pii_seg.command_line import parse"),
        ("pii_seg.app.__main__", "from pii_seg.command_line import parse"),
    ],
)
def test_the_rule_accepts(name: str, source: str) -> None:
    assert breaches(name, source) == []
