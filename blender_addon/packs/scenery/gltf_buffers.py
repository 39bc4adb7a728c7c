"""Buffers and accessors of glTF 2.0 files."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from ..files import find_file
from ..text_files import PackError, read_bytes
from .json_files import Fields, parse_json

Array = np.ndarray

MAX_FILE = 256 << 20  # bytes of a .glb or .bin
MAX_JSON = 16 << 20
MAX_BUFFERS, MAX_VIEWS, MAX_ACCESSORS = 16, 20_000, 20_000
MAX_VALUES = 24_000_000  # of all accessors that are read, together
_TYPES = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32,
          5126: np.float32}  # fmt: skip
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_JSON, _BIN = 0x4E4F534A, 0x004E4942
_DATA = re.compile(r"data:([\w/+.\-]*)(?:;[\w=\-.]+)*;base64,", re.I)


def read_container(path: Path) -> tuple[Fields, bytes | None]:
    """Read a .gltf or .glb: (its JSON, the binary chunk; None without one).

    Raises:
        PackError: It is damaged, too large, or of another version.
    """
    content = read_bytes(path, MAX_FILE)
    chunk: bytes | None = None
    if content[:4] == b"glTF":
        content, chunk = _chunks(path, content)
    if len(content) > MAX_JSON:
        raise PackError(path, None, f"JSON of more than {MAX_JSON >> 20} MB")
    root = Fields(path, parse_json(path, content), "the file")
    asset = root.object("asset")
    version = asset.text("version") if asset else ""
    if not version.startswith("2."):
        raise PackError(path, None, f"glTF version {version[:20]!r}; export it as glTF 2.0")
    return root, chunk


def _chunks(path: Path, content: bytes) -> tuple[bytes, bytes | None]:
    if len(content) < 20:
        raise PackError(path, None, "cut short")
    version, length = struct.unpack_from("<II", content, 4)
    if version != 2:
        raise PackError(path, None, f"glTF version {version}; export it as glTF 2.0")
    if length > len(content):
        raise PackError(path, None, "cut short")
    found: dict[int, bytes] = {}
    at = 12
    while at + 8 <= length:
        size, kind = struct.unpack_from("<II", content, at)
        if at + 8 + size > length:
            raise PackError(path, None, "cut short")
        found.setdefault(kind, content[at + 8 : at + 8 + size])
        at += 8 + size
    if _JSON not in found:
        raise PackError(path, None, "no JSON in it")
    return found[_JSON], found.get(_BIN)


def data_uri(path: Path, uri: str) -> tuple[str, bytes] | None:
    """(media type, content) of a base64 data URI; None for another URI.

    Raises:
        PackError: It is damaged or too large.
    """
    if uri[:5].lower() != "data:":
        return None
    match = _DATA.match(uri[:200])
    if match is None or len(uri) > MAX_FILE:
        raise PackError(path, None, "a data URI that is not base64")
    try:
        return match[1].lower(), base64.b64decode(uri[match.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise PackError(path, None, "a damaged data URI") from None


class Buffers:
    """The bytes of a glTF file, read when they are asked for."""

    def __init__(self, root: Fields, chunk: bytes | None) -> None:
        self.path = root.path
        self._chunk = chunk
        self._buffers = root.objects("buffers", MAX_BUFFERS)
        self._views = root.objects("bufferViews", MAX_VIEWS)
        self._accessors = root.objects("accessors", MAX_ACCESSORS)
        self._read: dict[int, bytes] = {}
        self._left = MAX_VALUES

    def _buffer(self, number: int) -> bytes:
        if number not in self._read:
            fields = self._buffers[number]
            length = fields.whole("byteLength", low=1, high=MAX_FILE)
            if "uri" not in fields.values:
                content = self._chunk if number == 0 else None
                if content is None:
                    raise fields.fault("it has no uri, and the file no binary chunk")
            else:
                content = self._from_uri(fields)
            if len(content) < length:
                raise fields.fault(f"{length} bytes, got {len(content)}")
            self._read[number] = content
        return self._read[number]

    def _from_uri(self, fields: Fields) -> bytes:
        uri = fields.text("uri", longest=MAX_FILE)
        inline = data_uri(self.path, uri)
        if inline is not None:
            return inline[1]
        file = find_file(self.path, unquote(uri), (".bin", ".glbin", ".buffer"))
        if file is None:
            raise PackError(self.path, None, f"its buffer {uri[:80]!r} is missing; copy it, too")
        return read_bytes(file, MAX_FILE)

    def view(self, number: int) -> tuple[bytes, int]:
        """(the bytes of a buffer view, the stride that it gives or 0). Raises PackError."""
        if not 0 <= number < len(self._views):
            raise PackError(self.path, None, f"no buffer view {number}")
        fields = self._views[number]
        buffer = fields.whole("buffer", high=max(len(self._buffers) - 1, 0))
        if not self._buffers:
            raise fields.fault("there are no buffers")
        start = fields.whole("byteOffset", 0)
        length = fields.whole("byteLength", low=1)
        content = self._buffer(buffer)
        if start + length > len(content):
            raise fields.fault("it goes beyond its buffer")
        return content[start : start + length], fields.whole("byteStride", 0, high=252)

    def accessor(self, number: int, widths: Sequence[int]) -> Array:
        """The (N, width) values of an accessor; floats as float64, indices as int64.

        Args:
            number: Of the accessor.
            widths: That are expected, 1 for scalars.

        Raises:
            PackError: It is damaged, or goes beyond its buffer.
        """
        if not 0 <= number < len(self._accessors):
            raise PackError(self.path, None, f"no accessor {number}")
        fields = self._accessors[number]
        width = _WIDTHS.get(fields.text("type"), 0)
        if width not in widths:
            raise fields.fault(f"type {fields.text('type')[:20]!r}, expected width {widths}")
        kind = _TYPES.get(fields.whole("componentType"))
        if kind is None:
            raise fields.fault("an unknown componentType")
        count = fields.whole("count", low=1, high=MAX_VALUES)
        self._left -= count * width
        if self._left < 0:
            raise PackError(self.path, None, f"more than {MAX_VALUES} numbers; reduce the model")
        view = fields.whole("bufferView", -1, low=-1)
        start = fields.whole("byteOffset", 0)
        dtype = np.dtype(kind).newbyteorder("<")
        out = (
            np.zeros((count, width), dtype)
            if view < 0
            else self._rows(fields, *self.view(view), start, count, width, dtype)
        )
        sparse = fields.object("sparse")
        if sparse is not None:
            out = self._replaced(sparse, out, width, dtype)
        return _scaled(out, bool(fields.values.get("normalized", False)))

    def _rows(
        self,
        fields: Fields,
        content: bytes,
        stride: int,
        start: int,
        count: int,
        width: int,
        dtype: np.dtype,
    ) -> Array:
        size = dtype.itemsize * width
        stride = stride or size
        if stride < size or start + (count - 1) * stride + size > len(content):
            raise fields.fault("it goes beyond its buffer view")
        raw = np.frombuffer(content, np.uint8)
        rows = np.lib.stride_tricks.as_strided(raw[start:], (count, size), (stride, 1))
        return np.ascontiguousarray(rows).view(dtype)

    def _replaced(self, sparse: Fields, values: Array, width: int, dtype: np.dtype) -> Array:
        count = sparse.whole("count", low=1, high=len(values))
        where, what = sparse.object("indices"), sparse.object("values")
        if where is None or what is None:
            raise sparse.fault("it has no indices or no values")
        kind = _TYPES.get(where.whole("componentType"))
        if kind not in (np.uint8, np.uint16, np.uint32):
            raise where.fault("an unknown componentType")
        rows = []
        for part, n, form in (
            (where, 1, np.dtype(kind).newbyteorder("<")),
            (what, width, dtype),
        ):
            content, _ = self.view(part.whole("bufferView"))
            at = part.whole("byteOffset", 0)
            rows.append(self._rows(part, content, 0, at, count, n, form))
        index = rows[0][:, 0].astype(np.int64)
        if index.max() >= len(values):
            raise where.fault(f"index {index.max()} of {len(values)}")
        out = values.copy()
        out[index] = rows[1]
        return out


def _scaled(values: Array, normalized: bool) -> Array:
    if values.dtype.kind == "f":
        return values.astype(np.float64)
    if not normalized:
        return values.astype(np.int64)
    most = float(np.iinfo(values.dtype).max)
    return np.maximum(values.astype(np.float64) / most, -1.0)
