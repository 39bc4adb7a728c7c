"""No import cycles, and imports of pii_seg point only downward in the order of its rooms.

The graph is read from the source with ast: imports at module level, inside functions and below
`if TYPE_CHECKING` all count.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("blender_addon", "pii_seg", "diffusion_synth")

# The rooms of pii_seg from bottom to top: a module imports from its own room and from those before.
ROOMS = (
    "errors",
    "config",
    "data",
    "models",
    "inference",
    "evaluation",
    "training",
    "selftrain",
    "anonymize",
    "app",
)
# Commands are above all rooms: they import the library, and nothing imports them. Modules named
# __main__ are commands too.
COMMANDS = {"train", "evaluate", "predict", "calibrate", "export_coco", "command_line", "__main__"}

Graph = Mapping[str, set[str]]


def modules_of(package: str) -> dict[str, Path]:
    """Return the files of a package by dotted module name."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(
    module: str, tree: ast.Module, modules: Collection[str], *, is_package: bool = False
) -> set[str]:
    """Return those of `modules` that a module imports; `from a import b` may name a module a.b."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".") if is_package else module.split(".")[:-1]
            base = base[: len(base) - node.level + 1] if node.level else []
            origin = ".".join([*base, *(node.module.split(".") if node.module else [])])
            for alias in node.names:
                name = f"{origin}.{alias.name}"
                names.add(name if name in modules else origin)
    return names & set(modules)


def graph_of(package: str) -> Graph:
    """Return the imports among the modules of a package.

    Its root is left out as a target: Python imports it before all others, and the extension's root
    imports the user interface when Blender registers it.
    """
    modules = modules_of(package)
    graph = {}
    for module, path in modules.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        is_package = path.name == "__init__.py"
        graph[module] = imported(module, tree, modules, is_package=is_package) - {module, package}
    return graph


def cycle_in(graph: Graph) -> list[str]:
    """Return the modules of one import cycle in order; none if there is no cycle."""
    done: set[str] = set()

    def visit(module: str, way: list[str]) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in done:
            return []
        for other in sorted(graph.get(module, ())):
            if found := visit(other, [*way, module]):
                return found
        done.add(module)
        return []

    return next((found for module in sorted(graph) if (found := visit(module, []))), [])


def room_breaches(graph: Graph, rooms: Iterable[str] = ROOMS) -> list[str]:
    """List imports that point upward in the order of the rooms, or at a command."""
    order = {room: place for place, room in enumerate(rooms)}
    breaches = []
    for module, others in graph.items():
        if is_command(module) or module == "pii_seg":  # the public API is above all rooms
            continue
        room = module.split(".")[1]
        for other in sorted(others):
            if is_command(other):
                breaches.append(f"{module} imports the command {other}")
            elif order[other.split(".")[1]] > order[room]:
                breaches.append(f"{module} imports {other}, which is above it")
    return breaches


def is_command(module: str) -> bool:
    """Return whether a module of pii_seg is a command, or their shared module."""
    parts = module.split(".")
    return parts[-1] == "__main__" or (len(parts) == 2 and parts[1] in COMMANDS)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    assert cycle_in(graph_of(package)) == []


def test_imports_of_pii_seg_point_downward() -> None:
    assert room_breaches(graph_of("pii_seg")) == []


def test_every_module_of_pii_seg_is_in_a_room_or_a_command() -> None:
    homeless = [
        module
        for module in modules_of("pii_seg")
        if module != "pii_seg" and not is_command(module) and module.split(".")[1] not in ROOMS
    ]
    assert homeless == [], "add the room to ROOMS, or the command to COMMANDS"


def test_the_rules_catch_breaches() -> None:
    assert cycle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert cycle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
    upward = {"pii_seg.data.mixture": {"pii_seg.selftrain.loop", "pii_seg.config"}}
    assert room_breaches(upward) == [
        "pii_seg.data.mixture imports pii_seg.selftrain.loop, which is above it"
    ]
    command = {"pii_seg.inference.tiling": {"pii_seg.command_line", "pii_seg.app.__main__"}}
    assert len(room_breaches(command)) == 2
    assert room_breaches({"pii_seg.train": {"pii_seg.command_line"}}) == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("from p.b import c", {"p.b.c"}),
        ("from p.b import c, X", {"p.b.c", "p.b"}),
        ("from . import d", {"p.a.d"}),
        ("from ..e import f", {"p.e"}),
        ("def f():\n    import p.g", {"p.g"}),
        ("if TYPE_CHECKING:\n    from p.h import i", {"p.h"}),
        ("import numpy", set()),
    ],
)
def test_imports_are_found_wherever_they_are(source: str, names: set[str]) -> None:
    modules = {"p.b", "p.b.c", "p.a", "p.a.d", "p.e", "p.g", "p.h"}
    assert imported("p.a.m", ast.parse(source), modules) == names
