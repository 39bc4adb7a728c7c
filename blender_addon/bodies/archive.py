"""Read .npz archives from untrusted sources: no pickled objects, and no more memory than the file
declares.
"""

from __future__ import annotations

import contextlib
import math
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

MAX_ARRAY_BYTES = 512 << 20  # SMPL-X's posedirs, the largest, have 122 MB
MAX_ARRAYS = 100_000  # SURREAL's smpl_data.npz has two for each of some thousand sequences
_MAX_DIRECTORY = 200 * MAX_ARRAYS  # bytes of the list of arrays; zipfile reads all of it at once
_END_OF_ZIP, _END_OF_ZIP64 = b"PK\5\6", b"PK\6\6"


class Archive(Mapping[str, NDArray[Any]]):
    """The arrays of a .npz file, each read when it is asked for.

    Arrays of Python objects, which some SMPL-X files hold beside the model, are listed and never
    read.

    Raises:
        FileNotFoundError: There is no file.
        ValueError: The file is no .npz; on access, the array is damaged, holds Python objects, or
        is larger than MAX_ARRAY_BYTES. The message names the file and the array.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.path.stat()  # FileNotFoundError, rather than zipfile's own idea of it
        try:
            if _directory_size(self.path) > _MAX_DIRECTORY:
                raise ValueError("too many arrays")
            with zipfile.ZipFile(self.path) as file:
                members = file.infolist()
        except PermissionError:
            raise
        except Exception as error:  # zipfile lets struct.error and more through
            raise ValueError(
                f"{self.path}: not a whole .npz file ({error}); download the file again"
            ) from None
        if len(members) > MAX_ARRAYS:
            raise ValueError(
                f"{self.path}: {len(members)} arrays, more than any body model or motion file has"
            )
        self._members = {info.filename.removesuffix(".npy"): info for info in members}

    def headers(self, keys: Iterable[str]) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
        """Shape and type of some arrays, from their headers alone. Errors are those of reading."""
        found = {}
        with self._named(""), zipfile.ZipFile(self.path) as file:
            for key in keys:
                info = self._members[key]
                with self._named(key), file.open(info) as stream:
                    shape, _, dtype = self._header(stream, info)
                found[key] = shape, dtype
        return found

    def __getitem__(self, key: str) -> NDArray[Any]:
        info = self._members[key]
        with (
            self._named(key),
            zipfile.ZipFile(self.path) as file,
            file.open(info) as stream,
        ):
            shape, fortran, dtype = self._header(stream, info)
            count = math.prod(shape)
            content = stream.read(count * dtype.itemsize)
            if len(content) != count * dtype.itemsize:
                raise ValueError("it ends early")
            if not content:
                return np.zeros(shape, dtype)
            array = np.frombuffer(content, dtype)
            return array.reshape(shape, order="F" if fortran else "C")

    @contextlib.contextmanager
    def _named(self, key: str) -> Iterator[None]:
        """Turn all errors of the block into a ValueError that names the file and the array."""
        where = f"{self.path}: {key}" if key else str(self.path)
        try:
            yield
        except ValueError as error:
            if str(error).startswith(str(self.path)):
                raise
            raise ValueError(f"{where}: cannot be read: {error}") from None
        except RuntimeError as error:  # a compression or an encryption that zipfile lacks
            raise ValueError(
                f"{where}: cannot be read: {error}; save it again with numpy"
            ) from None
        except Exception as error:  # zipfile and its decompressors raise almost anything
            raise ValueError(f"{where}: cannot be read: {error}") from None

    def __contains__(self, key: object) -> bool:
        return key in self._members  # Mapping's own would read the array

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def _header(
        self, stream: IO[bytes], info: zipfile.ZipInfo
    ) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
        """The array's shape, order and type, checked against the size that the archive declares for
        it.

        zipfile never gives out more bytes than are declared, so that size bounds what is read.
        """
        version = npy_format.read_magic(stream)
        read = {
            (1, 0): npy_format.read_array_header_1_0,
            (2, 0): npy_format.read_array_header_2_0,
        }.get(version)
        if read is None:
            raise ValueError(f"numpy file version {version} is unknown")
        try:
            shape, fortran, dtype = read(stream)
        except (
            Exception
        ) as error:  # numpy parses it as Python, and lets that parser's errors through
            raise ValueError(f"its header is damaged: {error}") from None
        if dtype.hasobject:
            raise ValueError(
                "it holds Python objects, which could run code; save its content as plain numbers"
            )
        size = math.prod(shape) * dtype.itemsize
        if any(length < 0 for length in shape) or size > info.file_size:
            raise ValueError(
                f"its header declares {size} bytes, the archive holds {info.file_size}"
            )
        if size > MAX_ARRAY_BYTES:
            raise ValueError(f"{size >> 20} MB is larger than any body model or motion file's")
        return shape, fortran, dtype


def _directory_size(path: Path) -> int:
    """Bytes of a zip file's list of members, as its end record says; 0 where it has none."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - (1 << 16) - 200))
        tail = file.read()
    at, at64 = tail.rfind(_END_OF_ZIP), tail.rfind(_END_OF_ZIP64)
    sizes = [0]
    if 0 <= at <= len(tail) - 16:
        sizes.append(struct.unpack_from("<I", tail, at + 12)[0] % 0xFFFFFFFF)
    if 0 <= at64 <= len(tail) - 48:
        sizes.append(struct.unpack_from("<Q", tail, at64 + 40)[0])
    return max(sizes)
