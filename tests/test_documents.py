"""The documents agree with each other and with the code: links, anchors, commands, named files."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("blender_addon", "pii_seg", "diffusion_synth")
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "LICENSE.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "blender_addon" / "bodies" / "data" / "README.md",
    ROOT / "diffusion_synth" / "embedded" / "README.md",
]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"python -m ([\w.]+)((?:[^\n]|(?<=\\)\n)*)")

each_document = pytest.mark.parametrize(
    "path", DOCUMENTS, ids=[p.relative_to(ROOT).as_posix() for p in DOCUMENTS]
)


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def prose_of(path: Path) -> str:
    """The document without its blocks of code."""
    return FENCE.sub("", text_of(path))


@cache
def anchors_of(path: Path) -> set[str]:
    """The anchors that code hosts, and the site, give to the headings of a document."""
    anchors: set[str] = set()
    for title in re.findall(r"^#+ (.+)$", prose_of(path), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        name, number = slug, 0
        while name in anchors:
            number += 1
            name = f"{slug}-{number}"
        anchors.add(name)
    return anchors


def broken_links(path: Path) -> Iterator[str]:
    for target in LINK.findall(prose_of(path)):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        # a folder is no page of the site
        if not file.is_file() or (anchor and anchor not in anchors_of(file)):
            yield target


@each_document
def test_every_link_and_anchor_exists(path: Path) -> None:
    assert list(broken_links(path)) == []


def test_a_broken_link_and_a_broken_anchor_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One, two\n\n[a](#one-two) [b](#three) [c](other.md)\n\n```\n[d](no.md)\n```\n",
        encoding="utf-8",
    )
    assert list(broken_links(page)) == ["#three", "other.md"]


@each_document
def test_lines_are_wrapped_at_100_columns(path: Path) -> None:
    """Tables, code and links cannot be wrapped."""
    long = [
        line
        for line in prose_of(path).splitlines()
        if len(line) > 100 and not line.startswith("|") and "](" not in line
    ]
    assert long == []


def test_readme_is_at_most_100_lines() -> None:
    assert len(text_of(ROOT / "README.md").splitlines()) <= 100


def file_of_module(name: str) -> Path | None:
    below = ROOT / name.replace(".", "/")
    return next((f for f in (below.with_suffix(".py"), below / "__main__.py") if f.is_file()), None)


@each_document
def test_every_command_named_exists(path: Path) -> None:
    names = {name for name, _ in COMMAND.findall(text_of(path))}
    assert [name for name in sorted(names) if file_of_module(name) is None] == []


@each_document
def test_every_source_file_named_exists(path: Path) -> None:
    """A name such as `render/passes.py` may leave out the folders before it."""
    sources = ["/" + p.relative_to(ROOT).as_posix() for p in tracked_sources()]
    named = set(re.findall(r"`([\w./]+\.py)`", prose_of(path)))
    assert [n for n in sorted(named) if not any(s.endswith("/" + n) for s in sources)] == []


@cache
def tracked_sources() -> list[Path]:
    return [
        *(
            p
            for folder in (*PACKAGES, "tests", "tools", "benchmarks")
            for p in (ROOT / folder).rglob("*.py")
        ),
        *(ROOT / "docs").rglob("*.py"),
        ROOT / "__init__.py",
    ]


def table_below(path: Path, heading: str) -> list[list[str]]:
    """The rows of the first table after a heading, without its header."""
    section = text_of(path).split(f"\n## {heading}\n", 1)[1]
    rows = [line for line in section.split("\n## ", 1)[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def test_architecture_names_the_file_of_every_change() -> None:
    rows = table_below(ROOT / "docs" / "architecture.md", "Where do I change what?")
    files = [name.strip("`") for _, name, _ in rows]
    assert len(files) >= 10
    assert [name for name in files if not (ROOT / name).is_file()] == []


def test_architecture_names_every_room() -> None:
    rows = table_below(ROOT / "docs" / "architecture.md", "Rooms")
    package, named = "", set()
    for first, rooms, _ in rows:
        package = first.strip("`") or package
        named |= {f"{package}/{room}" for room in re.findall(r"`([^`]+)`", rooms)}
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
    folders = {
        f"{p.parent.name}/{p.name}/"
        for package in PACKAGES
        for p in (ROOT / package).iterdir()
        if p.is_dir() and any(p.glob("*.*")) and p.name != "__pycache__"
    }
    assert sorted(folders - named) == []


def test_decisions_are_numbered_in_order() -> None:
    numbers = re.findall(r"^## (\d{4})\. ", text_of(ROOT / "docs" / "decisions.md"), re.MULTILINE)
    assert [int(n) for n in numbers] == list(range(1, len(numbers) + 1))


@pytest.mark.slow  # imports torch and diffusers
@each_document
def test_python_examples_import_what_exists(path: Path) -> None:
    for language, code in FENCE.findall(text_of(path)):
        if language != "python":
            continue
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGES):
                module = importlib.import_module(node.module or "")
                for alias in node.names:
                    assert hasattr(module, alias.name), f"{node.module}.{alias.name}"


OPTION = re.compile(r"(?<![\w-])--[a-z][\w.-]*\w")


def options_named() -> dict[str, set[str]]:
    """The options that examples give to each command of the three packages."""
    named: dict[str, set[str]] = {}
    for path in DOCUMENTS:
        for _, code in FENCE.findall(text_of(path)):
            for module, rest in COMMAND.findall(code):
                if module.startswith(PACKAGES):
                    named.setdefault(module, set()).update(OPTION.findall(rest.split("#")[0]))
    return named


@cache
def options_of(module: str) -> set[str]:
    """The options in the help of a command."""
    # --help of these two leaves out rare options
    everything = module in ("pii_seg.train", "pii_seg.self_train")
    command = [sys.executable, "-m", module, "--help-all" if everything else "--help"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return set(OPTION.findall(told))


@pytest.mark.slow  # together: every command prints its help
@pytest.mark.parametrize("module", sorted(options_named()))
def test_every_option_of_an_example_is_in_the_help_of_its_command(module: str) -> None:
    assert sorted(options_named()[module] - options_of(module)) == []


@pytest.mark.slow
def test_every_option_of_a_guide_is_in_the_help_of_a_command() -> None:
    known = set().union(*(options_of(module) for module in options_named()))
    known.add("--factory-startup")  # Blender's own
    guides = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    named = {
        (path.name, option)
        for path in guides
        if path.name != "decisions.md"  # which also names what was removed
        for code in re.findall(r"`([^`\n]+)`", prose_of(path))
        for option in OPTION.findall(code)
    }
    assert sorted(n for n in named if n[1] not in known) == []


@each_document
def test_options_have_hyphens(path: Path) -> None:
    assert [o for o in OPTION.findall(text_of(path)) if "_" in o] == []
