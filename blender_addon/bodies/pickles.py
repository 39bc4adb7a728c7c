"""Read the arrays out of a body model's pickle without running any of its code.

The models' original files are Python 2 pickles that hold numpy arrays, a scipy sparse matrix and
chumpy arrays. A pickle is a program: it names functions and calls them. Here it can name only what
`pickle_records.RECORDS` lists; each name stands for an inert record that stores what it is given,
and after loading the arrays are made from what the records hold.

The file is scanned first (`pickle_scan`), so that one that names anything else, or that could end
the process, is refused before any of it runs. For names the wall is `_RecordUnpickler.find_class`,
which is all that the unpickler can reach.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .pickle_records import RECORDS, MalformedError, plain_value
from .pickle_scan import NotAdmittedError, check_size, scan

MAX_FILE_BYTES = 1 << 30  # the largest published model, SMPL-X, has 0.54 GB


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
            check_size(self._entries[key])
            value = plain_value(self._entries[key])
            check_size(value)
            return value
        except (MalformedError, ValueError) as error:
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
    if not all(isinstance(key, (str, bytes)) for key in content):
        raise ValueError(f"{path}: its entries have no names; give the .pkl of a body model")
    return PickledArrays(path, content)


class UnsafePickleError(ValueError):
    """The pickle names something that could run code. Nothing in it was run."""


class _RecordUnpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, path: Path):
        super().__init__(file, encoding="latin1")
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in RECORDS:
            raise _refusal(self._path, f"{module}.{name}")
        return RECORDS[module, name]


def _scan(data: bytes, path: Path) -> None:
    """Refuse the pickle if it names anything but `RECORDS`, or could end the process."""
    try:
        scan(data, RECORDS)
    except NotAdmittedError as error:
        raise _refusal(path, str(error)) from None
    except (
        Exception
    ) as error:  # the readers raise ValueError, and what a broken argument happens to raise
        raise _damaged(path, error) from None


def _refusal(path: Path, name: str) -> UnsafePickleError:
    where = name[:120]
    return UnsafePickleError(
        f"{path}: unsafe pickle: it names {where!r}, but body models hold only numpy, "
        "scipy.sparse and chumpy arrays; nothing in it was run. Get the file from its publisher, "
        "or save its arrays as .npz where you trust it"
    )


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path}: not a whole pickle file ({error}); download the file again")
