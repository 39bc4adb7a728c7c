"""Checks an archive of torch.save before torch opens it: size, depth, count, and every tensor.

`torch.load(weights_only=True)` runs no code, but it trusts the numbers in a file: a tensor may
claim more memory than the archive holds, a key may be a tuple nested so deeply that hashing it
ends the process, and a compressed record may grow without bound. Here the archive's table and its
pickle are walked without building anything, by a stack machine that knows only what this program
writes: plain values, lists, dicts with plain keys, and dense tensors whose values are in the file.
"""

from __future__ import annotations

import math
import os
import pickletools
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

MAX_TABLE_BYTES = 32 << 20  # of the zip's table of records
MAX_PICKLE_BYTES = 32 << 20
MAX_OPERATIONS = 1_000_000  # of the pickle; a training's state has 50 for each tensor
MAX_DEPTH = 24  # of nested containers; a training's state has 6
MAX_VALUES = 4_000_000  # counted as often as they are referred to
MAX_SHARED = 4  # bytes of all tensors, relative to those of the records

ITEM_BYTES = {
    "torch DoubleStorage": 8,
    "torch FloatStorage": 4,
    "torch HalfStorage": 2,
    "torch BFloat16Storage": 2,
    "torch LongStorage": 8,
    "torch IntStorage": 4,
    "torch ShortStorage": 2,
    "torch CharStorage": 1,
    "torch ByteStorage": 1,
    "torch BoolStorage": 1,
}
KNOWN_RECORDS = ("data.pkl", "data/", ".data/", "version", "byteorder", ".")
TENSOR = "torch._utils _rebuild_tensor_v2"
PARAMETER = "torch._utils _rebuild_parameter"
ORDERED_DICT = "collections OrderedDict"


class UnsafeArchiveError(ValueError):
    """The archive is damaged, or holds something that this program does not write."""


@dataclass(slots=True)
class Value:
    """Stands for a value of the pickle.

    Attributes:
        kind: plain, tuple, list, dict, global, storage, tensor or mark.
        content: The value of a plain one, the items of a tuple, the name of a global, the bytes of
            a storage.
        depth: Number of containers inside each other.
        count: Number of values inside, counted as often as they are referred to.
        sealed: Whether it is inside another one, so that it can no longer be filled.
    """

    kind: str
    content: Any = None
    depth: int = 0
    count: int = 1
    sealed: bool = False


def check_torch_file(path: Path) -> None:
    """Check a file of torch.save, an archive or of the old form, before it is opened.

    Raises:
        UnsafeArchiveError: It is damaged, or must not be opened.
        OSError: It cannot be read.
    """
    if zipfile.is_zipfile(path):
        check_archive(path)
        return
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if file.read(2) != b"\x80\x02":
            raise UnsafeArchiveError("not a file of torch.save")
        file.seek(0)
        # A magic number, the version, the machine, the content, and the names of its storages.
        for _ in range(5):
            Machine(None, size).run(file)


def check_archive(path: Path) -> None:
    """Check an archive of torch.save before it is opened.

    Raises:
        UnsafeArchiveError: It is damaged, or must not be opened.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        check_table_size(file)
        try:
            with zipfile.ZipFile(file) as archive:
                check_records(archive, os.fstat(file.fileno()).st_size)
                prefix = archive.namelist()[0].split("/")[0]
                start = f"{prefix}/data/"
                records = {
                    record.filename.removeprefix(start): record.file_size
                    for record in archive.infolist()
                    if record.filename.startswith(start)
                }
                pickle = archive.read(f"{prefix}/data.pkl")
        except (zipfile.BadZipFile, KeyError, NotImplementedError, EOFError, struct.error) as error:
            raise UnsafeArchiveError(f"damaged ({error})") from None
    Machine(records).run(pickle)


def check_table_size(file: BinaryIO) -> None:
    """Refuse a zip whose table is too large to be read. Raises UnsafeArchiveError."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - (1 << 16) - 22))
    tail = file.read()
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) - place < 22:
        raise UnsafeArchiveError("damaged (no table of records)")
    table = struct.unpack_from("<L", tail, place + 12)[0]
    if place >= 76 and tail[place - 20 : place - 16] == b"PK\x06\x07":  # a 64-bit record counts
        table = struct.unpack_from("<Q", tail, place - 76 + 40)[0]
    if table > min(MAX_TABLE_BYTES, size):
        raise UnsafeArchiveError(f"its table of records claims {table} bytes")


def check_records(archive: zipfile.ZipFile, size: int) -> None:
    """Refuse compressed, repeated or overlong records. Raises UnsafeArchiveError."""
    records = archive.infolist()
    if not records:
        raise UnsafeArchiveError("empty")
    names = {record.filename.casefold() for record in records}
    if len(names) < len(records):  # torch looks names up without regard to case
        raise UnsafeArchiveError("two records of one name")
    folder = records[0].filename.split("/")[0]
    for record in records:
        if not record.filename.startswith(tuple(f"{folder}/{name}" for name in KNOWN_RECORDS)):
            raise UnsafeArchiveError(f"a foreign record {record.filename[:60]!r}")
        stored = record.compress_type == zipfile.ZIP_STORED and not record.flag_bits & 1
        if not stored or record.compress_size != record.file_size:
            raise UnsafeArchiveError(f"record {record.filename[:60]!r} is compressed")
        if record.filename.endswith("/data.pkl") and record.file_size > MAX_PICKLE_BYTES:
            raise UnsafeArchiveError(f"its description has {record.file_size} bytes")
    if sum(record.file_size for record in records) > size:
        raise UnsafeArchiveError("its records claim more bytes than the file has")


class Machine:
    """Walks a pickle without building what it describes.

    Args:
        records: Size in bytes of each record with the values of tensors, by its name; None where
            the values follow the pickle, as in files of old versions of torch.
        limit: Size of the file in bytes, where the values follow the pickle.
    """

    def __init__(self, records: Mapping[str, int] | None, limit: int = 0) -> None:
        self.records = records
        self.limit = limit if records is None else sum(records.values())
        self.stack: list[Value] = []
        self.memo: dict[int, Value] = {}
        self.storages: dict[str, int] = {}
        self.tensor_bytes = 0

    def run(self, pickle: bytes | BinaryIO) -> None:
        """Walk one pickle. Raises UnsafeArchiveError."""
        try:
            for number, (name, argument) in enumerate(operations(pickle)):
                if number > MAX_OPERATIONS:
                    raise UnsafeArchiveError(f"more than {MAX_OPERATIONS} values")
                step = STEPS.get(name)
                if step is None:
                    raise UnsafeArchiveError(f"holds more than data ({name})")
                step(self, argument)
        except UnsafeArchiveError:
            raise
        # What a hostile pickle makes pickletools or an empty stack raise.
        except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
            raise UnsafeArchiveError(f"damaged ({type(error).__name__})") from None
        if self.tensor_bytes > MAX_SHARED * self.limit or sum(self.storages.values()) > self.limit:
            raise UnsafeArchiveError("its tensors claim more values than the file has")

    def push(self, kind: str, content: Any = None, items: list[Value] | None = None) -> None:
        value = Value(kind, content)
        if items is not None:
            self.fill(value, items)
        self.stack.append(value)

    def fill(self, value: Value, items: list[Value]) -> None:
        """Put items into a container that is in no other one yet: so no cycle can be made."""
        for item in items:
            item.sealed = True
            value.depth = max(value.depth, item.depth + 1)
            value.count += item.count
        if value.sealed or value.kind not in ("tuple", "list", "dict"):
            raise UnsafeArchiveError("fills what it refers to")
        if value.depth > MAX_DEPTH:
            raise UnsafeArchiveError(f"nested more than {MAX_DEPTH} deep")
        if value.count > MAX_VALUES:
            raise UnsafeArchiveError(f"more than {MAX_VALUES} values")

    def after_mark(self) -> list[Value]:
        """Take all values down to the last mark off the stack."""
        place = len(self.stack) - 1
        while self.stack[place].kind != "mark":
            place -= 1
            if place < 0:
                raise UnsafeArchiveError("damaged (no mark)")
        items = self.stack[place + 1 :]
        del self.stack[place:]
        return items

    def take(self, count: int) -> list[Value]:
        if len(self.stack) < count or any(v.kind == "mark" for v in self.stack[-count:]):
            raise UnsafeArchiveError("damaged (stack)")
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def make_tuple(self, items: list[Value]) -> None:
        self.push("tuple", items, items)

    def set_items(self, items: list[Value]) -> None:
        keys = items[::2]
        if any(key.kind != "plain" for key in keys) or len(items) % 2:
            raise UnsafeArchiveError("a key that is no plain value")
        self.fill(self.top("dict"), items)

    def top(self, kind: str) -> Value:
        if self.stack[-1].kind != kind:
            raise UnsafeArchiveError(f"damaged (no {kind})")
        return self.stack[-1]

    def reduce(self) -> None:
        function, arguments = self.take(2)
        if function.kind != "global" or arguments.kind != "tuple":
            raise UnsafeArchiveError("holds more than data (REDUCE)")
        items = arguments.content
        if function.content == ORDERED_DICT and not items:
            self.push("dict")
        elif function.content == TENSOR:
            self.rebuild_tensor(items)
        elif function.content == PARAMETER and items[0].kind == "tensor":
            self.push("tensor")
        else:
            raise UnsafeArchiveError(f"holds more than plain tensors ({function.content[:80]})")

    def rebuild_tensor(self, items: list[Value]) -> None:
        """Check that a tensor lies within its storage, and is dense."""
        storage, offset, size, stride = items[:4]
        if storage.kind != "storage":
            raise UnsafeArchiveError("a tensor without its values")
        itemsize, available = storage.content
        sizes, strides = whole_numbers(size), whole_numbers(stride)
        (start,) = whole_numbers(Value("tuple", [offset]))
        if len(sizes) != len(strides) or len(sizes) > 16:
            raise UnsafeArchiveError("a tensor of no sensible shape")
        number = math.prod(sizes)
        last = start + sum((n - 1) * step for n, step in zip(sizes, strides, strict=True))
        if number and (last >= available or number > available):
            raise UnsafeArchiveError("a tensor claims more values than the file has")
        self.tensor_bytes += number * itemsize
        self.push("tensor")

    def persistent(self) -> None:
        """Check the reference to a storage: (storage, type, record, device, number of values)."""
        (reference,) = self.take(1)
        items = reference.content
        word, kind, key, _, number = items[:5]
        if (word.content, kind.kind) != ("storage", "global") or kind.content not in ITEM_BYTES:
            raise UnsafeArchiveError(f"holds no plain tensors ({str(kind.content)[:80]})")
        itemsize = ITEM_BYTES[kind.content]
        (count,) = whole_numbers(Value("tuple", [number]))
        available = self.limit if self.records is None else self.records[key.content]
        if count * itemsize > available:
            raise UnsafeArchiveError("a tensor claims more values than the file has")
        self.storages[key.content] = count * itemsize
        self.push("storage", (itemsize, count))


def operations(pickle: bytes | BinaryIO) -> Iterator[tuple[str, Any]]:
    for operation, argument, _ in pickletools.genops(pickle):
        yield operation.name, argument


def whole_numbers(value: Value) -> list[int]:
    """The items of a tuple, if all are whole numbers of a sensible size."""
    numbers: list[int] = [
        item.content
        for item in value.content
        if item.kind == "plain" and type(item.content) is int and 0 <= item.content < 1 << 48
    ]
    if value.kind != "tuple" or len(numbers) < len(value.content):
        raise UnsafeArchiveError("a tensor of no sensible shape")
    return numbers


def _plain(machine: Machine, argument: Any) -> None:
    machine.push("plain", argument)


def _constant(value: Any) -> Callable[[Machine, Any], None]:
    return lambda machine, _: machine.push("plain", value)


def _nothing(machine: Machine, argument: Any) -> None:
    pass


def _put(machine: Machine, argument: Any) -> None:
    machine.memo[int(argument)] = machine.stack[-1]


def _memoize(machine: Machine, argument: Any) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


def _get(machine: Machine, argument: Any) -> None:
    machine.stack.append(machine.memo[int(argument)])


def _stack_global(machine: Machine, argument: Any) -> None:
    module, name = machine.take(2)
    machine.push("global", f"{module.content} {name.content}")


def _append(machine: Machine, items: list[Value]) -> None:
    machine.fill(machine.top("list"), items)


def _build(machine: Machine, argument: Any) -> None:
    """The attributes of an OrderedDict, such as the versions that torch keeps in a state dict."""
    (state,) = machine.take(1)
    if state.kind != "dict":
        raise UnsafeArchiveError("holds more than data (BUILD)")
    machine.fill(machine.top("dict"), [state])


STEPS: dict[str, Callable[[Machine, Any], None]] = {
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"), _plain),
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), _plain),
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), _nothing),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), _put),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _get),
    "NONE": _constant(None),
    "NEWTRUE": _constant(True),
    "NEWFALSE": _constant(False),
    "MEMOIZE": _memoize,
    "MARK": lambda machine, _: machine.push("mark"),
    "EMPTY_TUPLE": lambda machine, _: machine.make_tuple([]),
    "EMPTY_LIST": lambda machine, _: machine.push("list"),
    "EMPTY_DICT": lambda machine, _: machine.push("dict"),
    "TUPLE": lambda machine, _: machine.make_tuple(machine.after_mark()),
    "TUPLE1": lambda machine, _: machine.make_tuple(machine.take(1)),
    "TUPLE2": lambda machine, _: machine.make_tuple(machine.take(2)),
    "TUPLE3": lambda machine, _: machine.make_tuple(machine.take(3)),
    "APPEND": lambda machine, _: _append(machine, machine.take(1)),
    "APPENDS": lambda machine, _: _append(machine, machine.after_mark()),
    "SETITEM": lambda machine, _: machine.set_items(machine.take(2)),
    "SETITEMS": lambda machine, _: machine.set_items(machine.after_mark()),
    "GLOBAL": lambda machine, name: machine.push("global", name),
    "STACK_GLOBAL": _stack_global,
    "REDUCE": lambda machine, _: machine.reduce(),
    "BUILD": _build,
    "BINPERSID": lambda machine, _: machine.persistent(),
}
