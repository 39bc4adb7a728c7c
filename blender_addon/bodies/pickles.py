"""Read the arrays out of a body model's pickle without running any of its code.

The models' original files are Python 2 pickles that hold numpy arrays, a scipy sparse matrix and
chumpy arrays. A pickle is a program: it names functions and calls them. Here it can name only what
`pickle_records.RECORDS` lists; each name stands for an inert record that stores what it is given,
and after loading the arrays are made from what the records hold.

The file is scanned first, so that one that names anything else is refused before any of it runs.
The scan gives the early and clear answer; the wall is `_RecordUnpickler.find_class`, which is all
that the unpickler can reach.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .pickle_records import RECORDS, MalformedError, plain_value

MAX_FILE_BYTES = 1 << 30  # the largest published model, SMPL-X, has 0.54 GB
_MAX_OPCODES = 5_000_000  # the published files have a few hundred to a few thousand
_OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}


class PickledArrays(Mapping[str, Any]):
    """The dict that a pickle holds.

    Arrays, also sparse and chumpy ones, become dense numpy arrays when they are asked for.

    Raises:
        ValueError: On access, no array can be made from the entry; the message names file and
        entry.
    """

    def __init__(self, path: Path, entries: dict[Any, Any]):
        self._path = path
        self._entries = {str(key): value for key, value in entries.items()}

    def __getitem__(self, key: str) -> Any:
        try:
            return plain_value(self._entries[key])
        except MalformedError as error:
            raise ValueError(f"{self._path}: {key}: {error}; download the file again") from None

    def __contains__(self, key: object) -> bool:
        return key in self._entries  # Mapping's own would read the array

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def read_pickle(path: str | Path) -> PickledArrays:
    """Read the dict in a model's .pkl, written by any Python and any numpy.

    Raises:
        FileNotFoundError: There is no file.
        UnsafePickleError: The file names a class or function that model files do not need; nothing
        in it was run.
        ValueError: The file is damaged, too large, or holds no dict. All messages name the file.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise ValueError(f"{path}: {size >> 20} MB, larger than any body model; give a model file")
    data = path.read_bytes()
    _scan(data, path)
    try:
        # Python 2 wrote array bytes as str; latin1 maps each byte to the character of the same
        # number.
        content = _RecordUnpickler(io.BytesIO(data), path).load()
    except UnsafePickleError:
        raise
    except Exception as error:  # a damaged pickle raises almost anything
        raise _damaged(path, error) from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: holds no dict of arrays; give the .pkl of a body model")
    return PickledArrays(path, content)


class UnsafePickleError(ValueError):
    """The pickle names something that could run code. Nothing in it was run."""


class _RecordUnpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, path: Path):
        super().__init__(file, encoding="latin1")
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in RECORDS:
            raise _refusal(self._path, module, name)
        return RECORDS[module, name]


# --- the scan -------------------------------------------------------------------------------------


def _scan(data: bytes, path: Path) -> None:
    """Refuse the pickle if it names anything but `RECORDS`, or would make the unpickler allocate
    without need.
    """
    memo: dict[int, Any] = {}
    strings: list[
        Any
    ] = []  # what STACK_GLOBAL takes its two names from, as far as can be told without running
    last: Any = None
    count = 0
    try:
        for kind, argument in _operations(data):
            count += 1
            if count > _MAX_OPCODES:
                raise ValueError("too many steps for a body model")
            if kind in ("GLOBAL", "INST"):
                module, _, name = str(argument).partition(" ")
                _admit(path, module, name)
            elif kind == "STACK_GLOBAL":
                if len(strings) >= 2 and all(isinstance(text, str) for text in strings[-2:]):
                    _admit(path, strings[-2], strings[-1])
            elif kind in ("EXT1", "EXT2", "EXT4"):
                _admit(path, "copyreg", f"extension {argument}")
            elif kind in ("PERSID", "BINPERSID"):
                _admit(path, "pickle", "persistent_load")
            elif kind in ("PUT", "BINPUT", "LONG_BINPUT"):
                if _number(argument) > count:  # the unpickler would make a table of this length
                    raise ValueError("an absurd memo")
                memo[_number(argument)] = last
            elif kind == "MEMOIZE":
                memo[len(memo)] = last
            if kind in ("GET", "BINGET", "LONG_BINGET"):
                last = memo.get(_number(argument))
                strings.append(last)
            elif "PUT" not in kind and kind not in ("MEMOIZE", "FRAME", "PROTO"):
                last = argument if "UNICODE" in kind or "STRING" in kind else None
                strings.append(last)
            del strings[:-2]
    except UnsafePickleError:
        raise
    except (
        Exception
    ) as error:  # the readers raise ValueError, and what a broken argument happens to raise
        raise _damaged(path, error) from None


def _operations(data: bytes) -> Iterator[tuple[str, Any]]:
    """The pickle's opcodes by name, with their arguments, as pickletools.genops gives them. That
    one stops at a protocol 0 string that is not ASCII, and Python 2 wrote whole arrays as such.
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
        yield opcode.name, argument
        if opcode.name == "STOP":
            return


def _number(argument: Any) -> int:
    return int(argument)  # protocol 0 writes it as text


def _admit(path: Path, module: str, name: str) -> None:
    if (module, name) not in RECORDS:
        raise _refusal(path, module, name)


def _refusal(path: Path, module: str, name: str) -> UnsafePickleError:
    where = f"{module}.{name}"[:120]
    return UnsafePickleError(
        f"{path}: unsafe pickle: it names {where!r}, but body models hold only numpy, "
        "scipy.sparse and chumpy arrays; nothing in it was run. Get the file from its publisher, "
        "or save its arrays as .npz where you trust it"
    )


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path}: not a whole pickle file ({error}); download the file again")
