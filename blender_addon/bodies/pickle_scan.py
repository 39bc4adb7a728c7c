"""Check a pickle before any of it runs, and the lists it made before they are used.

A pickle is a program for a machine with a stack. The scan runs that program on a stack of kinds of
values, and makes none: it knows each name, size and dictionary key that the unpickler will meet,
and refuses what could run code, or end the process (hashing a key that is nested 300,000 deep
overflows the C stack).
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Collection, Iterable, Iterator
from typing import Any

MAX_STEPS = 1_000_000  # the published files have a few hundred to some ten thousand
MAX_DEPTH = 32  # of lists in lists; the published files have 2
MAX_VALUES = 4_000_000  # in lists; a list that is used twice counts twice
MAX_NAME = 1000  # characters of a text that the scan keeps

_OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}
_MARK, _LEAF, _BUILT = object(), object(), object()  # kinds on the scan's stack, beside plain texts
_END = object()
_CONTAINERS = (list, tuple, set, frozenset, dict)
_PUTS, _GETS = ("PUT", "BINPUT", "LONG_BINPUT"), ("GET", "BINGET", "LONG_BINGET")
_KEYS = {"SETITEM": 1, "SETITEMS": 2, "DICT": 2, "FROZENSET": 1, "ADDITEMS": 1}
"""Opcodes that hash what they take, and the distance between two keys on the stack."""
_LEAF_TYPES = {
    *("int_or_bool", "int", "bool", "float", "None", "str", "bytes", "bytes_or_str"),
    *("bytearray", "buffer"),
}


class NotAdmittedError(Exception):
    """The pickle names something that is not on the list; the message is that name."""


def scan(data: bytes, admitted: Collection[tuple[str, str]]) -> None:
    """Check a pickle without making any of its values.

    Args:
        data: The pickle.
        admitted: The names (module, name) that it may use.

    Raises:
        NotAdmittedError: It names something else, or a name that it computes.
        ValueError: It is damaged, or asks for more than a body model needs. Readers of broken
            arguments raise other exceptions too.
    """
    machine = _Machine(admitted)
    for step, (opcode, argument) in enumerate(_operations(data), start=1):
        if step > MAX_STEPS:
            raise ValueError("too many steps for a body model")
        machine.run(opcode, argument, step)


class _Machine:
    """The unpickler's stack and memo, with kinds in the place of values."""

    def __init__(self, admitted: Collection[tuple[str, str]]) -> None:
        self.admitted = admitted
        self.stack: list[Any] = []
        self.marks: list[int] = []  # where the marks lie on the stack
        self.memo: dict[int, Any] = {}

    def run(self, opcode: pickletools.OpcodeInfo, argument: Any, step: int) -> None:
        name = opcode.name
        if name in ("GLOBAL", "INST"):
            module, _, item = str(argument).partition(" ")
            self._admit(module, item)
        elif name in ("EXT1", "EXT2", "EXT4"):
            self._admit("copyreg", f"extension {argument}")
        elif name in ("PERSID", "BINPERSID"):
            self._admit("pickle", "persistent_load")
        if name in _PUTS or name == "MEMOIZE":
            number = len(self.memo) if name == "MEMOIZE" else int(argument)
            if number > step:  # the unpickler would make a table of this length
                raise ValueError("an absurd memo")
            self.memo[number] = self._top()
        elif name in _GETS:
            self.stack.append(self.memo[int(argument)])
        elif name == "MARK":
            self.marks.append(len(self.stack))
            self.stack.append(_MARK)
        elif name == "DUP":
            self.stack.append(self._top())
        elif name == "POP":
            if self.stack.pop() is _MARK:
                self.marks.pop()
        else:
            self._replace(opcode, argument)

    def _replace(self, opcode: pickletools.OpcodeInfo, argument: Any) -> None:
        """Take what the opcode takes from the stack, check it, and put there what it makes."""
        before = [kind.name for kind in opcode.stack_before]
        items: list[Any] = []
        if "mark" in before:
            start = self.marks.pop()
            items = self.stack[start + 1 :]
            del self.stack[start:]
            before = before[: before.index("mark")]
        taken = [self.stack.pop() for _ in before][::-1]
        if _MARK in taken:
            raise ValueError("a mark where a value should be")
        keys = taken[1:2] if opcode.name == "SETITEM" else items[:: _KEYS.get(opcode.name, 1)]
        if opcode.name in _KEYS and any(key is _BUILT for key in keys):
            raise ValueError("a key that is neither text nor number")
        if opcode.name == "STACK_GLOBAL":
            self._admit(*taken)
        for kind in opcode.stack_after:
            if isinstance(argument, str) and kind.name in _LEAF_TYPES and len(argument) < MAX_NAME:
                self.stack.append(argument)
            else:
                self.stack.append(_LEAF if kind.name in _LEAF_TYPES else _BUILT)

    def _top(self) -> Any:
        if self.stack[-1] is _MARK:
            raise ValueError("a mark where a value should be")
        return self.stack[-1]

    def _admit(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise NotAdmittedError("a name that it puts together")
        if (module, name) not in self.admitted:
            raise NotAdmittedError(f"{module}.{name}")


def _operations(data: bytes) -> Iterator[tuple[pickletools.OpcodeInfo, Any]]:
    """The pickle's opcodes with their arguments, as pickletools.genops gives them. That one stops
    at a protocol 0 string that is not ASCII, and Python 2 wrote whole arrays as such.
    """
    stream = io.BytesIO(data)
    while True:
        code = stream.read(1).decode("latin1")
        if code not in _OPCODES:
            raise ValueError(f"unknown opcode {code!r}" if code else "it ends early")
        opcode = _OPCODES[code]
        if opcode.name == "STRING":
            line = stream.readline()
            if not line.endswith(b"\n"):
                raise ValueError("it ends early")
            argument: Any = line.strip(b" \n'\"").decode("latin1")
        else:
            argument = None if opcode.arg is None else opcode.arg.reader(stream)
        yield opcode, argument
        if opcode.name == "STOP":
            return


def check_size(content: Any) -> None:
    """Check that nothing runs away which walks through lists by recursion, or writes them out.

    Args:
        content: Lists, tuples, sets and dictionaries of anything; other values count as one.

    Raises:
        ValueError: It is nested deeper than MAX_DEPTH, holds itself, or is more than MAX_VALUES.
    """
    done: dict[int, tuple[int, int]] = {}  # by id: depth, and number of values written out in full
    path = [_Visit(content)]
    begun = {id(content)}
    while path:
        visit = path[-1]
        part = next(visit.rest, _END)
        if part is _END:
            path.pop()
            begun.discard(id(visit.value))
            done[id(visit.value)] = visit.depth, visit.count
            if path:
                path[-1].add(visit.depth, visit.count)
        elif not isinstance(part, _CONTAINERS):
            visit.add(0, 1)
        elif id(part) in done:
            visit.add(*done[id(part)])
        elif id(part) in begun:
            raise ValueError("a list that holds itself")
        else:
            if len(path) > MAX_DEPTH:
                raise ValueError(f"lists nested deeper than {MAX_DEPTH}")
            begun.add(id(part))
            path.append(_Visit(part))


class _Visit:
    """A container on the way of `check_size`, and what was found in it so far."""

    def __init__(self, value: Any) -> None:
        self.value, self.depth, self.count = value, 1, 1
        parts: Iterable[Any] = value if isinstance(value, _CONTAINERS) else ()
        self.rest = iter(value.values() if isinstance(value, dict) else parts)

    def add(self, depth: int, count: int) -> None:
        self.depth, self.count = max(self.depth, depth + 1), self.count + count
        if self.depth > MAX_DEPTH:
            raise ValueError(f"lists nested deeper than {MAX_DEPTH}")
        if self.count > MAX_VALUES:
            raise ValueError(f"lists of more than {MAX_VALUES} values")
