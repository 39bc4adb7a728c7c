"""No import cycles in any package; tests/pii_seg/test_rooms.py holds the order of the rooms.

The graph is read from the source with ast: imports at module level, inside functions and below
`if TYPE_CHECKING` all count.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("blender_addon", "pii_seg", "diffusion_synth")

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


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    assert cycle_in(graph_of(package)) == []


def test_the_rule_finds_cycles() -> None:
    assert cycle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert cycle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


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
