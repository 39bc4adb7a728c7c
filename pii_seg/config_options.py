"""Options for the fields of configuration dataclasses. Imported by commands only."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import inspect
import itertools
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any, get_type_hints

from jsonargparse import ArgumentParser

from pii_seg.config import Folders


def field_docstrings(config: type) -> dict[str, str]:
    """Read the docstrings below the fields of a dataclass, each as one line of text."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(config))).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for entry, below in itertools.pairwise(tree.body):
        if not (isinstance(entry, ast.AnnAssign) and isinstance(entry.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            found[entry.target.id] = " ".join(str(below.value.value).split())
    return found


def add_config_options(
    group: Any,
    config: type,
    section: str,
    *,
    is_shown: Callable[[str], bool],
    short: Iterable[str] = (),
    skip: Iterable[str] = (),
    default_text: str = "",
) -> None:
    """Add one option for each field of a dataclass, --SECTION.FIELD, with hyphens for underscores.

    The help of an option is the docstring below its field, or its metadata "role" where it names a
    kind of data.

    Args:
        group: The argument group that receives the options.
        config: The dataclass.
        section: Name of its table in a configuration file.
        is_shown: Whether the option of a field appears in the help.
        short: Fields that also have an option without the section: --FIELD.
        skip: Fields without an option.
        default_text: The default in words, where another option decides it. The option's value is
            None then when it is not given.
    """
    texts, hints = field_docstrings(config), get_type_hints(config)
    for entry in dataclasses.fields(config):
        if entry.name in set(skip):
            continue
        name = entry.name.replace("_", "-")
        names = [f"--{name}"] if entry.name in set(short) else []
        text = texts.get(entry.name) or f"Folders of {entry.metadata.get('role', '')}."
        default = None if default_text else entry.default
        if default_text:
            text = f"{text.removesuffix('.')} (default: {default_text})."
        details: dict[str, Any] = {"type": hints[entry.name], "default": default}
        if hints[entry.name] == Folders:
            details = {"type": str, "nargs": "+", "default": []}
            details["metavar"] = "DIR" if "role" in entry.metadata else "CLASS"
        group.add_argument(
            *names,
            f"--{section}.{name}",
            dest=f"{section}.{entry.name}",
            help=text if is_shown(entry.name) else argparse.SUPPRESS,
            **details,
        )


def merge_repeated(parser: ArgumentParser, arguments: Sequence[str]) -> list[str]:
    """Join the values of a list option that is given several times.

    jsonargparse keeps only the last list of an option whose name has a section.
    """
    lists = {
        name: action.option_strings[0]
        for action in parser._actions
        for name in action.option_strings
        if action.nargs == "+"
    }
    values: dict[str, list[str]] = {}
    rest: list[str] = []
    target = rest
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name in lists:
            target = values.setdefault(lists[name], [])
            if equals:
                target.append(value)
        else:
            if argument.startswith("--"):
                target = rest
            target.append(argument)
    return [*rest, *(word for name, given in values.items() for word in (name, *given))]
